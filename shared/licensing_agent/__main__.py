"""``python -m licensing_agent machine``: how this machine is identified, from where, and why.

What this module guarantees: it tells the person who runs it, and nobody else. Nothing is sent or
logged; a raw machine id is not shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from licensing_agent.machine import identity
from licensing_agent.protocol.credentials import TooFewCredentials
from licensing_agent.version import __version__

_INTERRUPTED: Final = 130
"""The exit code of shells for what Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 where the service would not know this machine, 130 after Ctrl-C."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="licensing-agent", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("machine", help="show how this machine is identified, and why")
    command.add_argument(
        "--folder", type=Path, help="the folder in which the agent keeps its state"
    )
    command.add_argument("--computer-name", help="a name to use instead of the machine's own")
    named = parser.parse_args(arguments)
    try:
        this = identity.read(folder=named.folder, computer_name=named.computer_name)
    except identity.UnknownPlatform as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 1
    print("\n".join(lines(this)))  # noqa: T201 - a command
    try:
        print(f"\nThumbprint in leases: {this.credentials().thumbprint()}")  # noqa: T201
    except TooFewCredentials as error:
        print(f"\n{error}")  # noqa: T201 - a command
        return 1
    return 0


def lines(this: identity.Machine) -> list[str]:
    """What was found and what was left out, for a person."""
    told = [f"This is a {what}." for what in this.surroundings]
    told += ["Found:"]
    told += [f"  {one.component:14}{one.value}  from {one.source}: {one.why}" for one in this.found]
    told += ["Left out:"] if this.left_out else []
    told += [
        f"  {one.component:14}{one.value or '-'}  from {one.source}: {one.why}"
        for one in this.left_out
    ]
    return told


if __name__ == "__main__":
    sys.exit(main())
