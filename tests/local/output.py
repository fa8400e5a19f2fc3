"""The functions' log goes to a file; whatever else they print goes to the terminal.

So `print` and `breakpoint()` in a handler reach whoever develops it, and the log does not.
"""

import logging
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import local
from typing import Any, TextIO

_LOGGED = ('{"_aws":', '{"correlation_id":')
_KEPT_SECONDS = 7 * 24 * 60 * 60


class Terminal:
    """Standard output, but for what functions print into their log: metrics, and their answers."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        """Both stay open when this is no longer used."""
        self._terminal = terminal
        self._log = log
        self._thread = local()

    def write(self, text: str) -> int:
        """Write to where it belongs; `print` writes the end of its line by itself."""
        ends_line = text == "\n" and getattr(self._thread, "logs", False)
        self._thread.logs = text.startswith(_LOGGED)
        target = self._log if ends_line or self._thread.logs else self._terminal
        written = target.write(text)
        if text.endswith("\n"):
            target.flush()
        return written

    def __getattr__(self, name: str) -> Any:
        """Whatever else a stream can do, which debuggers ask for."""
        return getattr(self._terminal, name)


def log_of(command: str) -> Path:
    """A new log, of this run alone; those of earlier runs go after a week."""
    folder = Path(".cache") / "local"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.log"):
        if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
            old.unlink(missing_ok=True)
    return folder / f"{command}-{os.getpid()}-{secrets.token_hex(2)}.log"


@contextmanager
def logged_in(path: Path) -> Iterator[None]:
    """Send to a file what the functions log, which is what Lambda sends to CloudWatch."""
    from licensing.adapters import telemetry  # noqa: PLC0415 - whoever imports it starts to log

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", buffering=1, encoding="utf-8") as log:
        logging.basicConfig(stream=log, level=logging.INFO, force=True)
        handlers = [h for h in telemetry.logger.handlers if isinstance(h, logging.StreamHandler)]
        before = [handler.setStream(log) for handler in handlers]
        try:
            with redirect_stdout(Terminal(sys.stdout, log)):
                yield
        finally:
            for handler, stream in zip(handlers, before, strict=True):
                handler.setStream(stream or sys.stdout)
            logging.basicConfig(force=True)
