"""An agent as a process, `agent.py URL FOLDER ISSUER`; tells each state on a line of JSON.

Its clock shows what stands in the file that CLOCK names, and so does the one that cannot be set:
that is how days pass in a test, and how none passes unasked. Its token stands in the file that
TOKEN names. It also tells how it stands for each line that it is sent.

It runs with each client that has been released: it uses nothing that the first had not.
"""

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread

from licensing_agent import Client, Configuration, Status, System

CLOCK, TOKEN = Path(os.environ["CLOCK"]), Path(os.environ["TOKEN"])
PAUSE = 0.05


def now() -> float:
    """Epoch seconds, as the test says."""
    return float(CLOCK.read_text())


def tell(status: Status) -> None:
    """For the test to read."""
    shown = {
        "license_state": status.license_state,
        "usable": status.usable,
        "until": status.until,
        "code": status.code,
        "action": status.action,
        "license": status.license_id,
    }
    # In one piece, since two threads tell.
    sys.stdout.write(json.dumps(shown) + "\n")
    sys.stdout.flush()


def token() -> str | None:
    """The person's, who signs in once."""
    return TOKEN.read_text() or None


def answer(client: Client) -> None:
    """Tell how it stands, whenever the test asks."""
    for _ in sys.stdin:
        tell(client.status)


def main() -> None:
    """Stay licensed."""
    url, folder, issuer = sys.argv[1:]
    service = Configuration(
        url=url,
        issuer=issuer,
        folder=Path(folder),
        agent_version="4.5.0.0",
        computer_name="AGENT-1",
        # A clock that stands tries nothing again: an answer is waited for.
        timeout=180,
    )
    with Client(
        service,
        sign_in=token,
        on_valid=tell,
        on_grace=tell,
        on_refused=tell,
        on_unreachable=tell,
        system=System(wall=now, monotonic=now),
        sleep=lambda _: time.sleep(PAUSE),
    ) as client:
        Thread(target=answer, args=(client,), daemon=True).start()
        client.run()


if __name__ == "__main__":
    main()
