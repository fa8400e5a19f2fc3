"""A command as a process of its own, which is read as it tells."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Thread

from tests.cli.terminal import PROGRAM, Ran, Terminal, patient

PATIENCE = 180.0
"""How many seconds a line may take on a machine with much to do."""


@dataclass
class Running:
    """Its lines come as they are told, those of each stream in their order."""

    process: "subprocess.Popen[str]"
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    _lines: "Queue[str]" = field(default_factory=Queue)
    _readers: list[Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream, kept in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            assert stream is not None
            reader = Thread(target=self._read, args=(stream, kept), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _read(self, stream: "Iterator[str]", kept: list[str]) -> None:
        for line in stream:
            kept.append(line)
            self._lines.put(line)

    def line_with(self, text: str) -> str:
        """The next line that has this in it."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except Empty:
                raise AssertionError(f"it never says {text!r}: {self.out} {self.err}") from None
            if text in line:
                return line

    def ended(self, number: signal.Signals | None = None, *, insisting: bool = False) -> Ran:
        """How it ends, by itself or by a signal.

        One that comes in the moment before a process waits for its keyboard is noticed only when
        the waiting ends: if `insisting`, it is sent once more when nothing happens.
        """
        if number is not None:
            self.process.send_signal(number)
            if insisting and not self._has_ended():
                self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return Ran(code, "".join(self.out), "".join(self.err))

    def _has_ended(self) -> bool:
        # In slices: when a machine stands still for long, one may be over for no reason.
        for _ in range(20):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                return True
        return False


@contextmanager
def running(terminal: Terminal, *arguments: str, stdin: int | None = None) -> Iterator[Running]:
    """A command that runs while the context is entered."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background a shell has interrupts ignored, also by whatever is started here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [*PROGRAM, *patient(*arguments)],
        env=terminal.whole_environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
