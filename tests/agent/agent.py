"""An agent as a process, `agent.py URL FOLDER ISSUER`; tells each standing on a line of JSON.

Its clock is ahead by as many seconds as stand in the file that CLOCK names, and its clocks that
cannot be set, too: that is how days pass in a test. Its token stands in the file that TOKEN names.
"""

import json
import os
import sys
import time
from pathlib import Path

from licensing_agent import Client, Configuration, Status, Surroundings

CLOCK, TOKEN = Path(os.environ["CLOCK"]), Path(os.environ["TOKEN"])
PAUSE = 0.05


def ahead() -> float:
    """Seconds, as the test says."""
    return float(CLOCK.read_text() or 0)


def tell(status: Status) -> None:
    """For the test to read."""
    shown = {
        "standing": status.standing,
        "usable": status.usable,
        "until": status.until,
        "code": status.code,
        "action": status.action,
        "license": status.license_id,
    }
    print(json.dumps(shown), flush=True)  # noqa: T201 - to the test


def token() -> str | None:
    """The person's, who signs in once."""
    return TOKEN.read_text() or None


def main() -> None:
    """Stay licensed."""
    url, folder, issuer = sys.argv[1:]
    service = Configuration(
        url=url,
        issuer=issuer,
        folder=Path(folder),
        agent_version="4.5.0.0",
        computer_name="AGENT-1",
        timeout=5,
    )
    surroundings = Surroundings(
        wall=lambda: time.time() + ahead(), monotonic=lambda: time.monotonic() + ahead()
    )
    with Client(
        service,
        sign_in=token,
        on_valid=tell,
        on_grace=tell,
        on_refused=tell,
        on_unreachable=tell,
        surroundings=surroundings,
        sleep=lambda _: time.sleep(PAUSE),
    ) as client:
        client.run()


if __name__ == "__main__":
    main()
