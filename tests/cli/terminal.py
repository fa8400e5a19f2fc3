"""A terminal in which an operator types commands, and what comes of them."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from licensing_cli.app import app

SHARED = Path(__file__).parents[2] / "shared"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def expect(self, code: int) -> "Ran":
        """This one, if it ended with this exit code."""
        assert self.code == code, self
        return self


def patient(*arguments: str) -> list[str]:
    """The same command, which waits for answers as long as a machine with much to do takes."""
    return ["--timeout", "120", *arguments]


@dataclass
class Terminal:
    """`home` is where the account keeps its files; `token` is in the environment, if any."""

    url: str
    home: Path
    token: str = field(default="", repr=False)

    def __call__(self, *arguments: str, typed: str | None = None) -> Ran:
        result = CliRunner().invoke(
            app, patient(*arguments), input=typed, env=self.environment(), prog_name="licensing"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def environment(self) -> dict[str, str]:
        """What a program finds in its environment."""
        return {
            "LICENSING_URL": self.url,
            "LICENSING_TOKEN": self.token,
            "XDG_STATE_HOME": str(self.home),
            "NO_PROXY": "*",
        }

    def whole_environment(self) -> dict[str, str]:
        """The same, for a process of its own."""
        return {**os.environ, **self.environment(), "PYTHONPATH": str(SHARED)}


PROGRAM = [sys.executable, "-m", "licensing_cli"]
"""The command line as a process of its own."""
