"""``licensing``: the program."""

from __future__ import annotations

import sys

from licensing_cli import output
from licensing_cli.app import app


def main() -> None:
    """Run a command; the process ends with its exit code."""
    output.accept_all(sys.stdout, sys.stderr)
    app(prog_name="licensing")


if __name__ == "__main__":
    main()
