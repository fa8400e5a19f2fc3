"""Print the matrix: what becomes of each part, and what the agent does about it.

`python -m tests.agent.ways [ACT [TEXT]]`: all of it, an act, or what has a text in its name. What
has no effect for good is not shown for less.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.agent.ways.cells import rows
from tests.agent.ways.exceptions import excepted, wrong
from tests.agent.ways.played import played_row
from tests.agent.ways.scene import Act, scene


def main() -> int:
    """Play what is asked for; 1 if anything is wrong."""
    acts = [Act(sys.argv[1])] if len(sys.argv) > 1 else list(Act)
    text = " ".join(sys.argv[2:])
    out, count, failed = sys.stdout, 0, 0
    with Path(os.devnull).open("w") as log, redirect_stdout(log):
        for act in acts:
            with TemporaryDirectory() as place, scene(act, Path(place)) as made:
                wanted = (row for row in rows(made) if text in row[0].name)
                for seen in (seen for row in wanted for seen in played_row(made, row)):
                    exception, faults = excepted(seen.cell), wrong(seen)
                    count, failed = count + 1, failed + bool(faults)
                    print(seen.row, f"[{exception.why}]" if exception else "", file=out)
                    for fault in faults:
                        print(f"    WRONG: {fault}", file=out)
    print(f"{count} cells, {failed} of them wrong", file=out)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
