"""An agent that runs as a process of its own, and what surrounds it: clocks, a person's token."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Self

from tests.local.client import UnexpectedAnswerError
from tests.local.template import STACK_NAME

ROOT = Path(__file__).parents[2]
ISSUER = f"urn:licensing:{STACK_NAME}"
PATIENCE = 180.0
"""How many seconds a state may take to be told of on a machine with much to do."""
_NUDGES = 18
_NUDGE = 5.0
"""Seconds: less than it takes until the clock is nudged, so that the service's stays ahead."""


class UnexpectedStandingError(UnexpectedAnswerError):
    """The agent tells something else than was expected, or nothing; the message shows it."""


class Agent:
    """A process, and what it tells.

    Its clock stands still: one that waits before it tries again, since the service was busy, waits
    for ever. So `nudge` moves the clock a little when nothing has been told for a while.
    """

    def __init__(
        self,
        program: list[str | Path],
        folder: Path,
        nudge: Callable[[], object] = lambda: None,
        **variables: str,
    ) -> None:
        self._nudge = nudge
        self._complaints = folder / "complaints"
        complaints = self._complaints.open("w")
        self._process = subprocess.Popen(
            program,
            cwd=folder,
            env={
                **{
                    name: v
                    for name, v in os.environ.items()
                    if not (name == "PYTHONPATH" or name.lower().endswith("_proxy"))
                },
                "PYTHONUNBUFFERED": "1",
                **variables,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        complaints.close()
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")  # it has ended

    def line(self) -> str:
        """The next that it tells."""
        return self._line(self._nudge)

    def _line(self, meanwhile: Callable[[], object]) -> str:
        line = ""
        for _ in range(_NUDGES):
            try:
                line = self._lines.get(timeout=PATIENCE / _NUDGES)
                break
            except Empty:
                meanwhile()
        if not line:
            complaints = self.end(signal.SIGKILL)
            raise UnexpectedStandingError(f"the agent tells nothing more; {complaints}")
        return line

    def next(self, license_state: str, **fields: Any) -> dict[str, Any]:
        """The next state that it tells, which is this one."""
        return _as_expected(self.line(), license_state, **fields)

    def asked(self, license_state: str, **fields: Any) -> dict[str, Any]:
        """How it stands now, which is like this."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        # It answers whatever its clock shows, which is not to be moved for that.
        return _as_expected(self._line(lambda: None), license_state, **fields)

    def renewed(self, until: int) -> int:
        """Until when it may work, once it has another lease than that which ends at ``until``."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found: int = self.asked("valid")["until"]
            if found != until:
                return found
        raise UnexpectedStandingError("the agent does not renew its lease")

    def has_no_more_to_tell(self) -> bool:
        """Whether all has been read."""
        return self._lines.empty()

    def end(self, number: signal.Signals) -> str:
        """End it; what it has complained of."""
        self._process.send_signal(number)
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        return self._complaints.read_text()


def _as_expected(line: str, license_state: str, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)
    for name, value in {"license_state": license_state, **fields}.items():
        if told[name] != value:
            raise UnexpectedStandingError(f"{name} is not {value!r} where it tells {told}")
    return told


class System:
    """A folder on a machine, its clocks, which stand until moved, and who has signed in."""

    def __init__(self, folder: Path) -> None:
        """Nobody has signed in, and the clocks show what time it is."""
        self.folder = folder
        self._clock, self._token = folder / "clock", folder / "token"
        self._nudged = 0.0
        self.set_clock(datetime.now(UTC).timestamp())
        self.sign_in(None)

    def agent(self, url: str, package: Path = ROOT / "shared") -> Agent:
        """The agent starts, with the client in `package`, and looks for the service at `url`."""
        return Agent(
            [sys.executable, ROOT / "tests" / "agent" / "agent.py", url, "state", ISSUER],
            self.folder,
            self._nudge,
            PYTHONPATH=str(package),
            CLOCK=str(self._clock),
            TOKEN=str(self._token),
        )

    def sign_in(self, token: str | None) -> None:
        """A person signs in at the agent, or walks away."""
        self._token.write_text(token or "")

    @property
    def clock(self) -> float:
        """What the clocks show, in epoch seconds."""
        return float(self._clock.read_text())

    def set_clock(self, shown: float) -> None:
        """Let the clocks show another time."""
        new = self._clock.with_suffix(".new")
        new.write_text(repr(shown))
        new.replace(self._clock)
        self._nudged = 0.0

    def pass_time(self, seconds: float) -> None:
        """Move the clocks on; what nudges have moved them by counts as part of it."""
        self.set_clock(self.clock + seconds - self._nudged)

    def _nudge(self) -> None:
        nudged = self._nudged + _NUDGE
        self.set_clock(self.clock + _NUDGE)
        self._nudged = nudged
