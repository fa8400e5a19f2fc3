"""Write what is generated from the code, or say what of it is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from licensing_build.generated import stale

ROOT: Final = Path(__file__).parents[2]
"""The repository that this is in."""


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Do as the command line says; the exit code: 1 if something is stale and stays so."""
    parser = argparse.ArgumentParser("python -m licensing_build", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something is stale"
    )
    is_check = parser.parse_args(arguments).check
    found = stale(root)
    for file, text in found.items():
        path = file.relative_to(root)
        if is_check:
            sys.stderr.write(f"{path} is stale: run make generate\n")
        else:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path}\n")
    return 1 if is_check and found else 0


if __name__ == "__main__":
    sys.exit(main())
