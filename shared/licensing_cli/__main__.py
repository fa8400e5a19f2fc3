"""``licensing``: the program."""

from __future__ import annotations

from licensing_cli.app import app


def main() -> None:
    """Run a command; the process ends with its exit code."""
    app(prog_name="licensing")


if __name__ == "__main__":
    main()
