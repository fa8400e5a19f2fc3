"""What functions say of themselves: the lines of their log, and the metrics among them."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from typing import Any
from unittest.mock import patch

from licensing.adapters import telemetry


class Heard(StringIO):
    """All that has been said, as Lambda would write it to the log."""

    def lines(self) -> list[dict[str, Any]]:
        """Each line as what it is: JSON."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def logged(self, message: str) -> dict[str, Any]:
        """The one line with this message."""
        (line,) = [line for line in self.lines() if line.get("message") == message]
        return line

    def measured(self) -> dict[str, Any]:
        """The metrics of the one invocation."""
        (line,) = [line for line in self.lines() if "_aws" in line]
        return line


@contextmanager
def hearing() -> Iterator[Heard]:
    """Listen within the block."""
    heard = Heard()
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "stdout", heard))
        for handler in telemetry.logger.handlers:
            stack.enter_context(patch.object(handler, "stream", heard))
        yield heard
