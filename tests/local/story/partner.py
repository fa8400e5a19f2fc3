"""A partner's hour on a client's agent, with a temporary licence, and its end."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.local.cast import ACME, MACHINE_A, login
from tests.local.client import Answer
from tests.local.story.teller import Teller

_PATH = f"/v1/organizations/{ACME}/temporary-licenses"
_UNUSABLE = "temporary_license_not_usable"
_HOUR = 3600


def tell(teller: Teller, acme: Answer, machine: Mapping[str, Any]) -> None:
    """Tell the chapter; `acme` is the licence of Acme's agent on `machine`."""
    teller.chapter("A partner's hour")
    _not_without(teller, acme, machine)
    temporary = generated(teller, ACME)
    _not_for_members(teller, temporary, machine)
    used = _used(teller, temporary, machine)
    _ends(teller, used, machine)
    _is_hidden(teller, temporary)


def _not_without(teller: Teller, acme: Answer, machine: Mapping[str, Any]) -> None:
    teller.step(
        "Pavel, a partner, has to repair Acme's agent on machine D. He cannot use Acme's key:"
    )
    body = login(machine, license_key=acme["license_key"])
    answer = teller.act("pavel", "POST", "/v1/licenses", body)
    teller.show(answer.expect(403, code="on_behalf_login_disabled"), "code", "detail")


def generated(teller: Teller, organization_id: str) -> Answer:
    """Generate a temporary licence, twice in one."""
    path = f"/v1/organizations/{organization_id}/temporary-licenses"
    teller.step("Olivia generates a temporary licence for one hour. Sent twice, it is still one.")
    headers = {"Idempotency-Key": str(uuid4())}
    temporary = teller.act("olivia", "POST", path, {"ttl": "1h"}, headers)
    temporary.expect(201, **{"license.status": "active", "license.ttl": "1h"})
    teller.show(temporary, "license_key", "license.id", "license.expires_at")
    again = teller.act("olivia", "POST", path, {"ttl": "1h"}, headers)
    same = {name: temporary[name] for name in ("license.id", "license_key", "license.expires_at")}
    teller.show(again.expect(201, **same), "license.id")
    return temporary


def _not_for_members(teller: Teller, temporary: Answer, machine: Mapping[str, Any]) -> None:
    teller.step("Alice, a member of Acme, cannot use it: it is for partners.")
    body = login(machine, license_key=temporary["license_key"])
    answer = teller.act("alice", "POST", "/v1/licenses", body)
    teller.show(answer.expect(403, code=_UNUSABLE), "code", "detail")


def _used(teller: Teller, temporary: Answer, machine: Mapping[str, Any]) -> Answer:
    teller.step("Pavel logs in with his own account and the temporary key.")
    body = login(machine, license_key=temporary["license_key"])
    used = teller.act("pavel", "POST", "/v1/licenses", body).expect(
        200,
        **{
            "license.id": temporary["license.id"],
            "license.kind": "temporary",
            "license.organization_id": ACME,
            "capabilities.save_configuration": False,
            # No lease outlives it.
            "lease.expires_at": temporary["license.expires_at"],
        },
    )
    teller.show(used, "license.kind", "capabilities.save_configuration", "lease.expires_at")
    teller.is_valid(used, machine)

    teller.step("Now it is tied to him and to that machine: on machine A it is refused.")
    body = login(MACHINE_A, license_key=temporary["license_key"])
    answer = teller.act("pavel", "POST", "/v1/licenses", body)
    teller.show(answer.expect(403, code=_UNUSABLE), "detail")

    teller.step("Olivia sees how much time is left. The machine still belongs to Acme.")
    listed = _listed(teller, temporary, "active")
    teller.check(0 < listed["seconds_left"] <= _HOUR, "the time left is wrong", temporary)
    teller.field("seconds_left", listed["seconds_left"])
    answer = teller.act("olivia", "POST", "/v1/machines/lookup", {"machine": machine}).expect(200)
    holders = [holder["organization_id"] for holder in answer["holders"]]
    teller.check(holders == [ACME], "the machine is not Acme's alone", answer)
    teller.field("held by", ", ".join(holders))
    return used


def _ends(teller: Teller, used: Answer, machine: Mapping[str, Any]) -> None:
    teller.step("An hour passes (the clock is put forward): Pavel is logged out.")
    teller.call("POST", "/_local/clock", {"advance_seconds": _HOUR}).expect(200)
    teller.is_refused(
        used,
        machine,
        "EXPIRED",
        message="The temporary license has ended. Ask for a new one.",
        action="logout",
    )
    _listed(teller, used, "expired")
    teller.show(teller.sweep().expect(200, temporary_expired=1), "temporary_expired")


def _is_hidden(teller: Teller, temporary: Answer) -> None:
    license_id = temporary["license.id"]
    path = f"/v1/organizations/{ACME}/events"

    teller.step(
        "Acme's feed, which Ada reads, shows nothing of it. Olivia's trail shows all of it."
    )
    feed = teller.read("ada", path, "events")
    teller.check(
        bool(feed) and all(event["license_id"] != license_id for event in feed),
        f"the feed tells of {license_id} or is empty",
        temporary,
    )
    trail = teller.read("olivia", path, "events")
    found = [event["type"] for event in reversed(trail) if event["license_id"] == license_id]
    for kind in ("Generated", "Used", "Expired"):
        is_there = found.count(f"TemporaryLicense{kind}") == 1
        teller.check(is_there, f"the trail has {found}", temporary)
    teller.field("in Ada's feed", 0)
    teller.field("in Olivia's trail", ", ".join(found))


def _listed(teller: Teller, temporary: Answer, status: str) -> Any:
    """The licence's entry in the list, which shall have this status."""
    answer = teller.act("olivia", "GET", _PATH).expect(200)
    found = {license["id"]: license for license in answer["licenses"]}
    entry = found.get(temporary["license.id"], {})
    teller.check(entry.get("status") == status, f"it is not listed as {status}", answer)
    teller.field("status", entry["status"])
    return entry
