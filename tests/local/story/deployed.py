"""What of the story a deployed stack is tried with, and how it is left.

A clock cannot be put forward there, and no sweep be run, so the chapters that need either are left
out. Olivia is a super-admin of the stack. With a partner, who plays Pavel, a temporary license is
used. With a member of some organization, who plays Amir and Alice, the chapter of the administrator
is told, too.

What is made has names of its own in each run. It is given back at the end, also after a step that
fails, as far as the service lets go of anything: its history stays.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from tests.local.cast import days_from_now, login, organization
from tests.local.client import Answer, UnexpectedAnswerError
from tests.local.story import administration, partner
from tests.local.story.first_login import is_valid_with_lease
from tests.local.story.teller import Teller

_HOUR = 3600
_DAY = 86400


def tell(
    teller: Teller, say: Callable[[str], None], *, has_member: bool, has_partner: bool
) -> None:
    """Try the service, and clear up."""
    with ExitStack() as clearing:
        _is_there(teller)
        name = _organization(teller, say, clearing)
        temporary = _temporary(teller, name, clearing)
        if has_partner:
            _partner(teller, name, temporary)
        _history(teller, name, ["TemporaryLicenseUsed"] if has_partner else [])
        if has_member:
            c, d = _machine(), _machine()
            clearing.callback(_free, teller, say, (c, d))
            is_valid_with_lease(teller, administration.tell(teller, c, d), d, within=_DAY)


def _machine() -> dict[str, Any]:
    """A machine that nobody has."""
    return {
        "machine_id": str(uuid4()),
        "mac_addresses": [":".join(["02", *(secrets.token_hex(1) for _ in range(5))])],
        "computer_name": f"SMOKE-{secrets.token_hex(3).upper()}",
    }


def _is_there(teller: Teller) -> None:
    teller.chapter("The service answers")
    teller.step("The contract and the keys are public. Everything else needs a token.")
    contract = teller.call("GET", "/v1/openapi.json").expect(200)
    teller.show(contract, "info.title", "info.version")
    keys = teller.call("GET", "/.well-known/jwks.json").expect(200)
    teller.check(bool(keys["keys"]), "there is no key", keys)
    teller.call("GET", "/v1/organizations/smoke").expect(401)
    bad = teller.agent({"license_key": "not a key"})
    teller.show(bad.expect(400, code="invalid_request"), "code")


def _organization(teller: Teller, say: Callable[[str], None], clearing: ExitStack) -> str:
    name = f"smoke-{secrets.token_hex(4)}"
    teller.step(f"Olivia registers an organization for this test, {name}, for one day.")
    path = f"/v1/organizations/{name}"
    clearing.callback(_end, teller, say, name)
    answer = teller.act("olivia", "PUT", path, organization(name, days_from_now(1)))
    teller.show(answer.expect(201), "organization.id", "organization.subscription.valid_until")
    return name


def _temporary(teller: Teller, name: str, clearing: ExitStack) -> Answer:
    teller.chapter("A temporary license")
    temporary = partner.generated(teller, name)
    clearing.callback(_revoke_temporary, teller, temporary)
    teller.step("Olivia's own sign-in logs no agent in: it is an operator's.")
    body = login(_machine(), license_key=temporary["license_key"])
    teller.as_operator("olivia", "POST", "/v1/licenses", body).expect(401)
    return temporary


def _partner(teller: Teller, name: str, temporary: Answer) -> None:
    machine, other = _machine(), _machine()
    teller.step("Pavel logs in with it, on a machine that nobody holds.")
    body = login(machine, license_key=temporary["license_key"])
    used = teller.act("pavel", "POST", "/v1/licenses", body)
    same = {field: temporary[field] for field in ("license.id", "license_key")}
    used.expect(200, **{"capabilities.save_configuration": False, **same})
    teller.show(used, "license.kind", "license.status", "lease.expires_at")

    teller.step("The agent validates with its key alone.")
    is_valid_with_lease(teller, used, machine, within=_HOUR)
    teller.step("The key is refused on another machine. On the renamed one it is still valid.")
    teller.is_refused(used, other, "MACHINE_MISMATCH")
    teller.is_valid(used, machine | {"computer_name": other["computer_name"]})

    teller.step("The subscription is paused, ends, and is renewed. Each takes effect at once.")
    for days, status, code in ((1, "paused", "SUSPENDED"), (-1, "active", "EXPIRED")):
        teller.subscribe(name, days_from_now(days), status=status)
        teller.is_refused(used, machine, code)
    teller.subscribe(name, days_from_now(1))
    teller.is_valid(used, machine)

    teller.step("Olivia looks up who holds the machine. Nobody: a temporary license holds none.")
    found = teller.act("olivia", "POST", "/v1/machines/lookup", {"machine": machine})
    found.expect(200, holders=[])


def _history(teller: Teller, name: str, more: Sequence[str]) -> None:
    teller.step("All of this is on record.")
    events = teller.read("olivia", f"/v1/organizations/{name}/events", "events")
    kinds = [event["type"] for event in reversed(events)]
    for kind in ("OrganizationCreated", "TemporaryLicenseGenerated", *more):
        if kind not in kinds:
            raise UnexpectedAnswerError(f"the events of {name} are {kinds}: no {kind}")
    teller.field("events", ", ".join(kinds))


# -- clearing up ---------------------------------------------------------------------------------


def _revoke_temporary(teller: Teller, temporary: Answer) -> None:
    teller.chapter("Clearing up")
    teller.step("Olivia ends the temporary license and the subscription.")
    path = f"/v1/temporary-licenses/{temporary['license.id']}/revoke"
    answer = teller.act("olivia", "POST", path, {"reason": "smoke test"})
    teller.show(answer.expect(200, **{"license.status": "revoked"}), "license.status")


def _end(teller: Teller, say: Callable[[str], None], name: str) -> None:
    if teller.act("olivia", "GET", f"/v1/organizations/{name}").status == 200:
        teller.subscribe(name, days_from_now(-1), status="cancelled")
        say(
            f"\nLeft behind: the organization {name}, cancelled, and its history. It costs nothing."
        )


def _free(
    teller: Teller, say: Callable[[str], None], machines: Sequence[Mapping[str, Any]]
) -> None:
    for machine in machines:
        found = teller.act("olivia", "POST", "/v1/machines/lookup", {"machine": machine})
        for holder in found.expect(200)["holders"]:
            for license in holder["licenses"]:
                path = f"/v1/licenses/{license['id']}/revoke"
                answer = teller.act("olivia", "POST", path, {"reason": "smoke test"})
                answer.expect(200, **{"license.status": "revoked"})
                owner = holder["organization_id"]
                say(f"\nLeft behind: the license {license['id']} of {owner}, revoked.")
