"""Bring what the machine has not: `python -m tests.setup [--without NAME,...]`.

Tells of each need what it is, and what is missing; 1 if something is.
"""

import argparse
import sys

from tests.setup.needs import Need, NotHereError
from tests.setup.registry import NEEDS, names


def main() -> int:
    """See to all needs; 1 if one of them cannot be had."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--without", type=names, default=frozenset(), metavar="NAME,...")
    without = parser.parse_args().without
    # Each is seen to, also after one that cannot be had.
    here = [_is_here(need) for need in NEEDS if need.name not in without]
    return int(not all(here))


def _is_here(need: Need) -> bool:
    try:
        try:
            need.found()
        except NotHereError as error:
            if need.is_optional:
                raise
            _say(f"{need.title}: {error}; it is being fetched")
            need.bring()
        _say(f"{need.title}: {need.found()}")
    except NotHereError as error:
        _say(f"{need.title}: {error}\n  {need.advice}")
        return need.is_optional
    return True


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: the next run goes on with it.")
