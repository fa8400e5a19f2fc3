"""The terminal as it was found: a debugger that is cut short leaves it without echo."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

if sys.platform != "win32":  # which has none, and needs none
    import termios


@contextmanager
def restored() -> Iterator[Callable[[], None]]:
    """Put the terminal back to how it is now, at the end or when what is yielded is called."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield lambda: None
        return
    terminal = sys.stdin.fileno()
    found = termios.tcgetattr(terminal)

    def restore() -> None:
        termios.tcsetattr(terminal, termios.TCSADRAIN, found)

    try:
        yield restore
    finally:
        restore()
