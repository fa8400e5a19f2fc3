"""First logins on machine A: a licence, its key and its lease, until an administrator ends it."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.local.cast import ACME, MACHINE_A, MACHINE_B, NAMES, days_from_now, login, organization
from tests.local.client import Answer
from tests.local.story.teller import LocalPeople, Teller

_DAY = 86400
_NEW_PASSWORD = "Battery-Staple-2"
_SKEW = 10  # between the clocks here and there


def tell(teller: Teller, people: LocalPeople) -> None:
    """Tell the chapter."""
    teller.chapter("The first login")
    _vendor_registers_organizations(teller)
    first = _first_login(teller)
    _second_member_logs_in(teller, first)
    _other_environment(teller, first)
    _other_organization(teller)
    _agent_validates(teller, first)
    _key_on_another_machine(teller, first)
    _password_changes(teller, people, first)
    _machine_is_renamed(teller, first)
    _administrator_revokes(teller, first)


def _vendor_registers_organizations(teller: Teller) -> None:
    teller.step("Olivia registers Acme, Bolt and Coop, each with a subscription for a year.")
    for name in NAMES:
        body = organization(name, days_from_now(365))
        answer = teller.act("olivia", "PUT", f"/v1/organizations/{name}", body)
        teller.show(
            answer.expect(201, **{"organization.name": NAMES[name]}),
            "organization.name",
            "organization.subscription.valid_until",
        )


def _first_login(teller: Teller) -> Answer:
    teller.step("Alice logs in to the agent on machine A: the first login there.")
    return teller.show(
        teller.act("alice", "POST", "/v1/licenses", login(MACHINE_A)).expect(
            201,
            **{"created": True, "license.status": "active", "license.organization_id": ACME},
        ),
        "license_key",
        "license.id",
        "license.status",
    )


def _second_member_logs_in(teller: Teller, first: Answer) -> None:
    teller.step("Amir logs in there, too: the same licence and the same key.")
    same = {name: first[name] for name in ("license.id", "license_key")}
    answer = teller.act("amir", "POST", "/v1/licenses", login(MACHINE_A))
    teller.show(answer.expect(200, created=False, **same), "license_key", "license.id")


def _other_environment(teller: Teller, first: Answer) -> None:
    teller.step("Amir logs in to the agent's staging environment on machine A. It has its own key.")
    answer = teller.act("amir", "POST", "/v1/licenses", login(MACHINE_A, "staging"))
    answer.expect(201, **{"license.environment": "staging"})
    teller.check(answer["license_key"] != first["license_key"], "the key is the same", answer)
    teller.show(answer, "license_key", "license.environment")


def _other_organization(teller: Teller) -> None:
    teller.step("Boris of Bolt logs in on machine A, which belongs to Acme: refused.")
    answer = teller.act("boris", "POST", "/v1/licenses", login(MACHINE_A)).expect(
        409,
        code="machine_registered_to_other_organization",
        detail="Your machine is already registered with Acme.",
    )
    teller.show(answer, "code", "detail")


def _agent_validates(teller: Teller, first: Answer) -> None:
    teller.step("From now on the agent needs no user: it validates with its key alone.")
    is_valid_with_lease(teller, first, MACHINE_A, within=_DAY)


def is_valid_with_lease(
    teller: Teller, issued: Answer, machine: Mapping[str, Any], *, within: int
) -> None:
    """Validate, which shall bring a lease of so many seconds at most, and verify that."""
    nonce = secrets.token_hex(16)
    answer = teller.validate(issued, machine, nonce)
    answer.expect(200, valid=True, code="VALID", action="continue")
    teller.show(answer, "code", "message", "lease.expires_at")

    teller.step("It verifies the lease with the published keys, as it would without a network.")
    keys = teller.call("GET", "/.well-known/jwks.json").expect(200)
    lease = jwt.decode(
        answer["lease.token"], KeySet.import_key_set(keys.body), algorithms=["Ed25519"]
    )
    now = time.time()
    for name, wanted in {
        "sub": issued["license.id"],
        "organization_id": issued["license.organization_id"],
        "environment": issued["license.environment"],
        "nonce": nonce,
    }.items():
        teller.check(lease.claims.get(name) == wanted, f"the lease's {name} is wrong", answer)
    teller.check(lease.header.get("typ") == "lease+jwt", "its type is wrong", answer)
    teller.check(now < lease.claims["exp"] <= now + within + _SKEW, "its end is wrong", answer)
    for name in ("alg", "typ"):
        teller.field(name, lease.header[name])
    for name in ("iss", "sub", "organization_id", "environment"):
        teller.field(name, lease.claims[name])


def _key_on_another_machine(teller: Teller, first: Answer) -> None:
    teller.step("Somebody copies the key to machine B. It is refused there.")
    teller.is_refused(first, MACHINE_B, "MACHINE_MISMATCH")


def _password_changes(teller: Teller, people: LocalPeople, first: Answer) -> None:
    teller.step("Alice's password is changed. The old one is refused; the agent works on.")
    path = "/_local/users/alice/password"
    teller.call("PUT", path, {"password": _NEW_PASSWORD}).expect(204)
    refused = people.log_in("alice", people.now_have("alice", _NEW_PASSWORD))
    teller.line("POST", "/ (InitiateAuth, alice, old password)", refused.status)
    refused.expect(400, __type="NotAuthorizedException")
    people.token("alice", on_agent=True)
    teller.is_valid(first, MACHINE_A)


def _machine_is_renamed(teller: Teller, first: Answer) -> None:
    teller.step(
        "Machine A is renamed. Two of its three components are unchanged: the same machine."
    )
    teller.is_valid(first, MACHINE_A | {"computer_name": "FACTORY-PC-RENAMED"})


def _administrator_revokes(teller: Teller, first: Answer) -> None:
    teller.step("Ada, Acme's administrator, revokes the licence. The key is refused at once.")
    teller.change("ada", "revoke", first, "The machine is scrapped.", "revoked")
    teller.is_refused(first, MACHINE_A, "REVOKED")
