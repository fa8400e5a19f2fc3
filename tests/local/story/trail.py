"""What is remembered of all this, and what has left on the event bus."""

from collections.abc import Sequence
from typing import Any

from tests.local.cast import ACME
from tests.local.client import Answer
from tests.local.story.teller import Teller

_LIFE = [
    "LicenseIssued",
    "LicenseDetached",
    "LicenseAttached",
    "LicenseDissociated",
    "LicenseReassigned",
    "MachineDrifted",
    "MachineDrifted",
    "MachineDrifted",
]
_SHOWN = 8


def tell(teller: Teller, moved: Answer) -> None:
    """Tell the chapter; `moved` is the licence that was blocked and went to another computer."""
    teller.chapter("What is on record")
    license_id = moved["license.id"]

    teller.step("Ada reads the history of the licence that moved, newest first.")
    history = teller.read("ada", f"/v1/licenses/{license_id}/events", "events")
    changes = [event["type"] for event in reversed(history) if event["revision"] is not None]
    teller.check(changes == _LIFE, f"its history is {changes}", moved)
    _show(teller, history)

    teller.step(f"Acme's feed shows the same for all its agents; the newest {_SHOWN}:")
    feed = teller.read("ada", f"/v1/organizations/{ACME}/events", "events")
    teller.check(feed[0]["at"] >= feed[-1]["at"], "the feed is not newest first", moved)
    _show(teller, feed[:_SHOWN])

    teller.step("Every change was also published on the event bus, in order:")
    answer = teller.call("GET", "/_local/bus").expect(200)
    left = [event for event in answer["events"] if event["source"] == "licensing"]
    ids = [event["detail"]["id"] for event in left]
    teller.check(len(ids) == len(set(ids)), "an event has left twice", moved)
    of_license = [
        event["detail-type"]
        for event in left
        if event["detail"]["license_id"] == license_id and event["detail"]["revision"] is not None
    ]
    teller.check(of_license == _LIFE, f"the events of {license_id} are {of_license}", moved)
    trail = teller.read("olivia", f"/v1/organizations/{ACME}/events", "events")
    missing = {event["id"] for event in trail} - set(ids)
    teller.check(not missing, f"these events have not left: {missing}", moved)
    for event in left:
        about = event["detail"]["license_id"] or event["detail"]["organization_id"]
        teller.field(event["detail-type"], about)


def _show(teller: Teller, events: Sequence[Any]) -> None:
    for event in events:
        told = f"{event['type']} ({event['actor']['kind']})"
        if event["times"] is not None:  # refusals of an hour are one entry
            told += f", {event['times']} in that hour"
        details = [*event["components"], event["reason"] or ""]
        teller.field(event["at"], ": ".join(filter(None, (told, ", ".join(filter(None, details))))))
