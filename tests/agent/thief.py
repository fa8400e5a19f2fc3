"""A thief as a process, `thief.py URL FOLDER MODE`: takes a licence key out of an agent's folder.

It runs on the agent's own machine, so that it can open what is encrypted there, and says of itself
what the agent says: the same machine id, MAC addresses and name. What it lacks is the device key.
MODE is `without` a proof, or `own` for a device key of its own. It tells the codes that it gets.
"""

import sys
from pathlib import Path

import httpx

from licensing_agent.machine import identity
from licensing_agent.storage.store import Store
from tests.devices import Device, sent

_ROUTE = "/v1/licenses/validate"


def main() -> None:
    """Validate with what was stolen."""
    url, folder, mode = sys.argv[1:]
    this = identity.read(folder=Path(folder), computer_name="AGENT-1")
    stolen = Store(Path(folder), this.secret, None).read().kept.license
    assert stolen is not None
    device = Device() if mode == "own" else None
    body = sent(
        {
            "license_key": stolen.key,
            "organization_id": stolen.organization_id,
            "environment": "production",
            "machine": {
                "machine_id": this.machine_id,
                "mac_addresses": list(this.credentials().mac_addresses),
                "computer_name": this.computer_name,
            },
        }
    )
    for _ in range(2):
        answer = httpx.post(
            url + _ROUTE,
            timeout=60,
            headers={"Content-Type": "application/json"}
            | ({"DPoP": device.proof(url + _ROUTE, stolen.key, body)} if device else {}),
            content=body,
        )
        if device is None or answer.status_code != 401:
            break
        device.nonce = answer.headers["dpop-nonce"]
    print(answer.json()["code"], flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
