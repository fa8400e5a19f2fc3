"""Machine D changes piece by piece, and its licence follows, at once where a user logs in."""

from collections.abc import Mapping
from typing import Any

from tests.local.cast import MACHINE_D, login
from tests.local.client import Answer
from tests.local.story.teller import Teller

_CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("Machine D gets another name: it stays the same machine.", "computer_name", "DESK-17"),
    ("Then it gets another network card.", "mac_addresses", ["2c:f0:5d:aa:00:01"]),
    ("Then it is installed again.", "machine_id", "07d2a1f4-5c1e-4f0b-93aa-6b8e2d5f1c94"),
)
_VOUCHED = "More than one change in a week needs somebody to log in. Alice does."


def tell(teller: Teller, issued: Answer) -> Mapping[str, Any]:
    """Tell the chapter; machine D as it is in the end."""
    teller.chapter("A machine changes")
    machine = dict(MACHINE_D)
    for number, (text, component, value) in enumerate(_CHANGES):
        teller.step(f"{text} {_VOUCHED}" if number == 1 else text)
        machine[component] = value
        teller.is_valid(issued, machine)
        if number:
            teller.act("alice", "POST", "/v1/licenses", login(machine)).expect(200)
        # Of its type: the refusals of an hour stand where it began, which may be this very second.
        path = f"/v1/licenses/{issued['license.id']}/events?type=MachineDrifted&limit=1"
        answer = teller.act("ada", "GET", path).expect(200)
        event = answer["events"][0]
        is_told = (event["type"], event["components"]) == ("MachineDrifted", [component])
        teller.check(is_told, f"the history does not tell of the {component}", answer)
        teller.field(event["type"], ", ".join(event["components"]))

    teller.step(
        "All three are new now, and it is still the same machine. Two changes at once are too many."
    )
    other = machine | {"computer_name": "DESK-18", "mac_addresses": ["2c:f0:5d:bb:00:02"]}
    teller.is_refused(issued, other, "MACHINE_MISMATCH")
    teller.is_valid(issued, machine)
    return machine
