"""R3, R7 and R13–R17: an agent proves itself, through `POST /v1/licenses/validate`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from joserfc.errors import BadSignatureError

from licensing.domain import license_key
from tests.integration.answers import assert_problem
from tests.integration.leases import served_keys, verified
from tests.integration.many import bind
from tests.world import (
    ALICE,
    AMIR,
    MACHINE_A,
    MACHINE_B,
    NOON,
    Person,
    World,
    instant,
    rotate_secret,
)

HOUR = 3600
DAY = 24 * HOUR
LEASE = DAY
INTERVAL = 900


def test_r03_one_wrong_symbol_is_found_without_a_call_to_aws(world: World) -> None:
    world.register("acme")
    key = world.login().json["license_key"]
    places = [place for place, symbol in enumerate(key) if symbol != "-"]
    assert len(places) == 45
    with world.counting() as calls:
        for place in places:
            wrong = "7" if key[place] != "7" else "X"
            answer = world.validate(key[:place] + wrong + key[place + 1 :])
            assert_problem(answer, 400, "invalid_request", "/license_key")
            assert "mistyped" in answer.json["errors"][0]["detail"]
    assert calls == {}


def test_r03_two_swapped_symbols_are_found_without_a_call_to_aws(world: World) -> None:
    world.register("acme")
    key = world.login().json["license_key"].replace("-", "")
    swapped = [
        key[:at] + key[at + 1] + key[at] + key[at + 2 :]
        for at in range(len(key) - 1)
        if key[at] != key[at + 1]
    ]
    with world.counting() as calls:
        for typed in swapped:
            assert_problem(world.validate(typed), 400, "invalid_request", "/license_key")
    assert calls == {}


def test_r03_a_key_that_another_secret_derived_is_not_known(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    guesses = [
        _forged(issued["license_key"], tag=bytes(16)),
        _forged(issued["license_key"], license_id="lic_0000000000000000"),
        _forged(issued["license_key"], secret_version=2),
    ]
    assert [world.code(guess) for guess in guesses] == ["NOT_FOUND"] * 3


def test_r07_no_user_takes_part_after_issue(world: World) -> None:
    (route,) = [r for r in world.deployed.routes if r.key == "POST /v1/licenses/validate"]
    assert route.authorizer is None
    world.register("acme")
    issued = world.login(ALICE).json

    assert world.code(issued["license_key"]) == "VALID"

    event = world.exchanges[-1].event
    assert "authorizer" not in event["requestContext"]
    assert "authorization" not in event["headers"]


def test_r07_a_changed_role_or_a_user_who_has_left_changes_nothing_for_the_agent(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json

    # Alice becomes an administrator, loses all roles, and goes to Bolt.
    for alice in (replace(ALICE, roles=("org-admin",)), replace(ALICE, roles=())):
        again = world.login(alice)
        assert (again.status, again.json["license_key"]) == (200, issued["license_key"])
        assert world.code(issued["license_key"]) == "VALID"
    assert world.login(Person("alice", "bolt"), MACHINE_B).status == 201

    assert world.code(issued["license_key"]) == "VALID"
    assert world.login(AMIR).json["license_key"] == issued["license_key"]


@dataclass(frozen=True)
class Case:
    """What leads to a code, what is then sent, and what is answered."""

    message: str
    action: str
    prepare: Callable[[World, dict[str, Any]], object] = lambda _world, _issued: None
    key: Callable[[str], str] = lambda key: key
    machine: Any = None
    organization_id: str = "acme"
    shows_license: bool = False


CASES = {
    "NOT_FOUND": Case(
        "This license key is not known. Log in again.",
        "login",
        key=lambda key: _forged(key, tag=bytes(16)),
    ),
    "ORGANIZATION_MISMATCH": Case(
        "This license key belongs to another organization. Log in again.",
        "login",
        organization_id="bolt",
    ),
    "REVOKED": Case(
        "This license has been revoked. Log in again.",
        "login",
        prepare=lambda world, issued: world.revoke(issued["license"]["id"]),
    ),
    "MACHINE_MISMATCH": Case(
        "This license key belongs to another machine or environment. Log in here.",
        "login",
        machine=MACHINE_B,
    ),
    "SUSPENDED": Case(
        "The subscription is paused or cancelled. Ask your administrator.",
        "logout",
        prepare=lambda world, _: world.change("acme", status="paused"),
        shows_license=True,
    ),
    "EXPIRED": Case(
        "The subscription has ended. Ask your administrator to renew it.",
        "logout",
        prepare=lambda world, _: world.change("acme", seconds=-1),
        shows_license=True,
    ),
    "VALID": Case("The license is valid.", "continue", shows_license=True),
}


@pytest.mark.parametrize("code", CASES)
def test_r13_each_code_comes_with_its_message_and_what_to_do(world: World, code: str) -> None:
    case = CASES[code]
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    case.prepare(world, issued)

    answer = world.validate(
        case.key(issued["license_key"]), case.machine or MACHINE_A, case.organization_id
    )

    assert answer.status == 200
    assert answer.json["code"] == code
    assert answer.json["valid"] is (code == "VALID")
    assert answer.json["message"] == case.message
    assert answer.json["action"] == case.action
    assert answer.json["server_time"] == instant(NOON)
    assert (answer.json["lease"] is not None) is (code == "VALID"), "a lease only when valid"
    shown = answer.json["license"]
    assert (shown is not None) is case.shows_license, "nothing is shown to a foreign agent"
    if shown is not None:
        assert shown["id"] == issued["license"]["id"]
        status = {"VALID": "active", "SUSPENDED": "suspended", "EXPIRED": "expired"}[code]
        assert shown["status"] == status


def test_r13_the_codes_stand_in_order_of_precedence(world: World) -> None:
    world.register("acme", seconds=60)
    world.register("bolt")
    issued = world.login(ALICE).json
    key, forged = issued["license_key"], _forged(issued["license_key"], tag=bytes(16))

    # Everything is wrong at first, and is put right one by one.
    world.clock.advance(60)
    world.change("acme", seconds=0, status="cancelled")
    assert world.code(forged, MACHINE_B, "bolt") == "NOT_FOUND"
    assert world.code(key, MACHINE_B, "bolt") == "ORGANIZATION_MISMATCH"
    assert world.code(key, MACHINE_B, "nobody") == "ORGANIZATION_MISMATCH"
    assert world.code(key, MACHINE_B) == "MACHINE_MISMATCH"
    assert world.code(key, environment="staging") == "MACHINE_MISMATCH"
    assert world.code(key) == "SUSPENDED"
    world.change("acme", seconds=0)
    assert world.code(key) == "EXPIRED"
    world.change("acme")
    assert world.code(key) == "VALID"
    world.change("acme", seconds=0, status="paused")
    world.revoke(issued["license"]["id"])
    assert world.code(key, MACHINE_B, "bolt") == "ORGANIZATION_MISMATCH"
    assert world.code(key, MACHINE_B) == "REVOKED"


@pytest.mark.parametrize("missing", ["license_key", "organization_id", "machine"])
def test_r13_missing_credentials_are_never_valid(world: World, missing: str) -> None:
    world.register("acme")
    whole = {
        "license_key": world.login().json["license_key"],
        "organization_id": "acme",
        "machine": MACHINE_A,
    }
    without = {name: value for name, value in whole.items() if name != missing}
    for body in (without, whole | {missing: None}):
        answer = world.request("POST", "/v1/licenses/validate", json=body)
        assert_problem(answer, 400, "invalid_request", f"/{missing}")


def test_r14_the_end_of_a_subscription_acts_to_the_second(world: World) -> None:
    world.register("acme", seconds=100)
    key = world.login().json["license_key"]
    for elapsed, code in ((99.999, "VALID"), (100, "EXPIRED"), (101, "EXPIRED")):
        world.clock.time = NOON + elapsed
        assert world.code(key) == code, elapsed


def test_r14_one_write_acts_at_once_on_every_agent_of_the_organization(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    bolts = world.login(Person("boris", "bolt"), MACHINE_B).json["license_key"]
    bind(world, "acme", 30)
    agents = [
        (world.login(ALICE, machine, environment=environment).json["license_key"], machine)
        for machine in (MACHINE_A, {"machine_id": "another one", "computer_name": "ACME-PC-02"})
        for environment in ("production", "staging")
    ]

    def codes() -> set[str]:
        return {world.code(key, machine) for key, machine in agents}

    for wanted, code in (
        ({"status": "paused"}, "SUSPENDED"),
        ({"status": "active"}, "VALID"),
        ({"status": "cancelled"}, "SUSPENDED"),
        ({"seconds": 0}, "EXPIRED"),
        ({"seconds": DAY}, "VALID"),
    ):
        with world.counting() as calls:
            world.change("acme", **wanted)
        assert calls == {"GetItem": 2, "TransactWriteItems": 1}, "whatever the number of agents"
        assert codes() == {code}
        assert world.code(bolts, MACHINE_B, "bolt") == "VALID"


def test_r14_validity_does_not_depend_on_the_sweep(world: World) -> None:
    world.register("acme", seconds=100)
    key = world.login().json["license_key"]
    world.clock.advance(100)
    assert world.code(key) == "EXPIRED", "though nothing has marked it"

    assert world.sweep()["expired"] == 1
    world.change("acme")

    assert world.code(key) == "VALID", "though it is marked expired still"
    world.sweep()
    assert world.code(key) == "VALID"


def test_r14_it_rests_on_consistent_reads_of_the_table_itself(world: World) -> None:
    world.register("acme")
    key = world.login().json["license_key"]
    world.calls.clear()
    world.validate(key)
    ((operation, parameters),) = world.calls
    assert operation == "BatchGetItem"
    (request,) = parameters["RequestItems"].values()
    assert request["ConsistentRead"] is True


def test_r15_revoked_means_refused_from_the_next_validation_on(world: World) -> None:
    world.register("acme")
    issued, staging = world.login().json, world.login(environment="staging").json
    assert world.code(issued["license_key"]) == "VALID"

    assert world.revoke(issued["license"]["id"]).json["license"]["status"] == "revoked"

    for _ in range(3):
        assert world.code(issued["license_key"]) == "REVOKED"
        world.clock.advance(INTERVAL)
    again = world.login().json
    assert world.code(issued["license_key"]) == "REVOKED", "a new license revives no old key"
    assert world.code(again["license_key"]) == "VALID"
    assert world.code(staging["license_key"]) == "VALID"


def test_r16_a_valid_answer_carries_a_lease_that_the_served_keys_verify(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    world.clock.advance(10)

    lease = world.validate(issued["license_key"], nonce="n0nce-1").json["lease"]

    read = verified(world, lease["token"])
    (served,) = served_keys(world)
    assert read.header == {"alg": "Ed25519", "typ": "lease+jwt", "kid": served["kid"]}
    thumbprint = read.claims.pop("machine_thumbprint")
    assert read.claims == {
        "iss": world.runtime.settings.lease_issuer,
        "sub": issued["license"]["id"],
        "organization_id": "acme",
        "environment": "production",
        "kind": "standard",
        "primary": False,
        "iat": NOON + 10,
        "exp": NOON + 10 + LEASE,
        "nonce": "n0nce-1",
    }
    assert lease["expires_at"] == instant(NOON + 10 + LEASE)
    assert lease["renew_after"] == instant(NOON + 10 + LEASE // 2)
    # It names the machine that asked, not the one that is stored.
    renamed = MACHINE_A | {"computer_name": "NEW-NAME"}
    other = world.validate(issued["license_key"], renamed).json["lease"]["token"]
    assert verified(world, other).claims["machine_thumbprint"] != thumbprint
    assert "nonce" not in verified(world, other).claims


def test_r16_a_login_carries_a_lease_of_the_same_kind(world: World) -> None:
    world.register("acme")
    first, again = world.login().json, world.login().json
    claims = verified(world, first["lease"]["token"]).claims
    assert claims["sub"] == first["license"]["id"]
    assert claims == verified(world, again["lease"]["token"]).claims


def test_r16_an_altered_lease_does_not_verify(world: World) -> None:
    world.register("acme")
    header, payload, signature = world.login().json["lease"]["token"].split(".")
    altered = payload[:-2] + ("A" if payload[-2] != "A" else "B") + payload[-1]
    with pytest.raises(BadSignatureError):
        verified(world, f"{header}.{altered}.{signature}")


@pytest.mark.parametrize(
    ("subscription_seconds", "lease_seconds"),
    [(LEASE - 1, LEASE - 1), (LEASE, LEASE), (LEASE + 1, LEASE), (1, 1)],
)
def test_r16_a_lease_ends_at_the_earliest_of_its_length_and_the_subscriptions_end(
    world: World, subscription_seconds: int, lease_seconds: int
) -> None:
    world.register("acme", seconds=subscription_seconds)
    issued = world.login().json
    for lease in (issued["lease"], world.validate(issued["license_key"]).json["lease"]):
        assert lease["expires_at"] == instant(NOON + lease_seconds)
        assert verified(world, lease["token"]).claims["exp"] == NOON + lease_seconds


def test_r16_after_a_rotation_old_keys_and_old_leases_still_verify_and_new_ones_are_signed_anew(
    world: World,
) -> None:
    world.register("acme")
    issued = world.login().json
    (old,) = served_keys(world)

    rotate_secret(world)
    world.clock.advance(INTERVAL)

    new, still_there = served_keys(world)
    assert still_there == old
    assert new["kid"] != old["kid"]
    assert verified(world, issued["lease"]["token"]).header["kid"] == old["kid"]
    validated = world.validate(issued["license_key"])
    assert validated.json["code"] == "VALID"
    assert verified(world, validated.json["lease"]["token"]).header["kid"] == new["kid"]
    again = world.login(AMIR)
    assert (again.status, again.json["license_key"]) == (200, issued["license_key"])
    assert verified(world, again.json["lease"]["token"]).header["kid"] == new["kid"]
    staging = world.login(AMIR, environment="staging")
    assert staging.status == 201, "the machine is recognised: its pairs have the same names"
    assert license_key.parse(staging.json["license_key"]).secret_version == 2
    assert world.code(staging.json["license_key"]) == "VALID"


def test_r17_a_sighting_is_kept_with_time_version_and_address(world: World) -> None:
    world.register("acme")
    issued = world.login(agent_version="4.4.0.0").json
    assert _last_seen(world, issued) == {
        "at": instant(NOON),
        "agent_version": "4.4.0.0",
        "source_address": "203.0.113.7",
    }
    world.clock.advance(INTERVAL)
    world.request(
        "POST",
        "/v1/licenses/validate",
        json={
            "license_key": issued["license_key"],
            "organization_id": "acme",
            "machine": MACHINE_A,
            "agent_version": "4.5.1.0",
        },
        source_ip="2001:db8::7",
    )
    assert _last_seen(world, issued) == {
        "at": instant(NOON + INTERVAL),
        "agent_version": "4.5.1.0",
        "source_address": "2001:db8::7",
    }


def test_r17_at_most_one_write_per_license_and_interval(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    for elapsed, writes in (
        (0, 0),  # the login was the first time that it was seen
        (1, 1),  # this agent presents no lease: the end of those outside the chain is written ahead
        (INTERVAL - 1, 0),
        (INTERVAL, 1),
        (INTERVAL, 0),
        (2 * INTERVAL - 1, 0),
        (2 * INTERVAL, 1),
        (50 * INTERVAL, 1),
    ):
        world.clock.time = NOON + elapsed
        before = world.items()
        with world.counting() as calls:
            assert world.code(issued["license_key"]) == "VALID"
        assert calls["UpdateItem"] == writes, elapsed
        assert set(calls) <= {"BatchGetItem", "UpdateItem", "GetSecretValue"}
        assert (world.items() != before) is bool(writes)


def test_r17_a_sighting_is_no_change_of_the_license(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    world.clock.advance(INTERVAL)
    before = [item for item in world.items() if item["sk"]["S"] != "LICENSE"]
    world.validate(issued["license_key"])
    after = [item for item in world.items() if item["sk"]["S"] != "LICENSE"]
    assert after == before


def test_r17_only_a_valid_agent_is_seen(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    world.clock.advance(INTERVAL)
    world.validate(issued["license_key"], MACHINE_B)
    world.change("acme", status="paused")
    world.validate(issued["license_key"])
    assert _last_seen(world, issued)["at"] == instant(NOON)


def _last_seen(world: World, issued: dict[str, Any]) -> dict[str, Any]:
    shown = world.request(
        "GET",
        f"/v1/licenses/{issued['license']['id']}",
        person=replace(ALICE, roles=("org-admin",)),
    )
    seen: dict[str, Any] = shown.json["license"]["last_seen"]
    return seen


def _forged(key: str, **change: Any) -> str:
    """A well-formed key, as anybody could make it who knows how keys are printed."""
    return replace(license_key.parse(key), **change).reveal()
