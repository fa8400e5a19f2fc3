"""What a process says, as an operator would find it in the log group."""

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest


@dataclass
class Spoken:
    """All that the process says: what it prints, its log and its warnings."""

    printed: pytest.CaptureFixture[str]
    logged: StringIO

    def taken(self) -> str:
        """What was said since this was last asked."""
        captured = self.printed.readouterr()
        said = self.logged.getvalue() + captured.out + captured.err
        self.logged.seek(0)
        self.logged.truncate()
        return said

    def documents(self) -> list[dict[str, Any]]:
        """The same, of all that was said in JSON: log lines, and metrics in the embedded format."""
        return [json.loads(line) for line in self.taken().splitlines() if line.startswith("{")]
