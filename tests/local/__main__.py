"""`python -m tests.local`: ends in one line when it is interrupted, also while it still starts."""

import os
import signal
import sys

from tests.local.terminal import restored

_INTERRUPTED = 130
_GONE = ": the local stack is stopped, and its data is deleted"


def main() -> int:
    """Run a command; its exit status."""
    # Ended by a signal, the stack is taken down like at Ctrl-C, also where a shell that started it
    # in the background has Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with restored() as restore:
        try:
            from tests.local import commands  # noqa: PLC0415 - takes seconds; one may give up

            return commands.main(restore)
        except KeyboardInterrupt:
            of_stack = not {"run", "demo"}.isdisjoint(sys.argv)
            sys.stderr.write(f"Interrupted{_GONE if of_stack else ''}.\n")
            sys.stderr.flush()
            restore()
            # Threads that were cut short must not hold up the end.
            os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
