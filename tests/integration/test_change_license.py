"""R8 and R18–R21: what administrators do to a licence, and a key that moves to another machine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from licensing.domain import license_key
from licensing.domain.license import TRANSITIONS, Action, State
from licensing.usecases.log_in import MAX_ENVIRONMENTS
from tests.integration import pairs
from tests.integration.answers import assert_problem
from tests.integration.leases import verified
from tests.integration.trail import but_notes, events
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    Answer,
    Person,
    World,
)

ACTIONS = (Action.REVOKE, Action.DETACH, Action.ATTACH, Action.DISSOCIATE)
EVENTS = {
    Action.REVOKE: "LicenseRevoked",
    Action.DETACH: "LicenseDetached",
    Action.ATTACH: "LicenseAttached",
    Action.DISSOCIATE: "LicenseDissociated",
}
BOUND = {State.ACTIVE, State.DETACHED, State.EXPIRED}
MACHINE_C = {
    "machine_id": "cccccccc-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": ["3c:52:82:cc:cc:cc"],
    "computer_name": "ACME-PC-03",
}
BLOCKED = "Agent is Blocked."
STILL_BOUND = (
    "Agent needs to be dissociated first from the portal, before reassigning the same license key."
)


def new_machine() -> dict[str, Any]:
    """A machine that nobody has used."""
    return {"machine_id": str(uuid4()), "computer_name": f"PC-{uuid4()}"}


def brought_into(world: World, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """A login's answer and its machine, once the licence has got into a state over HTTP.

    An expired one is brought there for all of Bolt's.
    """
    machine, person, admin = new_machine(), ALICE, ADA
    if state is State.EXPIRED:
        person, admin = BORIS, BEA
    issued: dict[str, Any] = world.login(person, machine).json
    way = {
        State.ACTIVE: (),
        State.EXPIRED: (),
        State.DETACHED: (Action.DETACH,),
        State.DISSOCIATED: (Action.DISSOCIATE,),
        State.REVOKED: (Action.REVOKE,),
    }[state]
    for action in way:
        assert world.act(action, issued["license"]["id"], admin).status == 200
    return issued, machine


def stored_state(world: World, license_id: str) -> State:
    """The state of a licence as it stands in the table."""
    record = world.runtime.store.license(license_id)
    assert record is not None
    return record.state


def attempted(
    world: World, license_id: str, machine: Mapping[str, Any], key: str | None, **more: Any
) -> Answer:
    """An ordinary login that presents a key; whatever the answer, the licence's id stays secret."""
    answer = world.login(AMIR, machine, license_key=key, **more)
    assert answer.status in {200, 201} or license_id not in str(answer.json)
    return answer


# -- R21: the table decides -----------------------------------------------------------------------


def test_r21_every_action_in_every_state_does_what_the_table_says_and_nothing_else(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    world.register("bolt", seconds=60)
    prepared = {
        (state, action): brought_into(world, state)[0] for state in State for action in ACTIONS
    }
    world.clock.advance(60)
    world.sweep()

    for (state, action), issued in prepared.items():
        with subtests.test(f"{action} a licence that is {state}"):
            license_id = issued["license"]["id"]
            organization_id = issued["license"]["organization_id"]
            admin = ADA if organization_id == "acme" else BEA
            assert stored_state(world, license_id) is state
            target = TRANSITIONS.get((state, action))
            before, seats, told = world.items(), world.seats(organization_id), events(world)

            with world.counting() as calls:
                answer = world.act(action, license_id, admin)

            if target is None:
                assert_problem(answer, 409, "invalid_transition")
                assert answer.json["detail"] == f"Cannot {action} a license that is {state}."
                assert calls == {"BatchGetItem": 1}
                assert world.items() == before
                continue
            assert answer.status == 200
            assert stored_state(world, license_id) is target
            if target is state:  # a repetition
                assert calls == {"BatchGetItem": 1}
                assert world.items() == before
                continue
            assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1}
            freed = (state in BOUND) - (target in BOUND)
            assert world.seats(organization_id) == seats - freed
            assert bool(pairs.held_by(world, license_id)) == (target in BOUND)
            (event,) = [event for event in events(world) if event not in told]
            assert event["type"] == EVENTS[action]
            assert (event["license_id"], event["actor"]["subject"]) == (license_id, admin.subject)
            assert (event["before"]["state"], event["after"]["state"]) == (state, target)


def test_r18_r21_whoever_did_not_get_the_answer_sends_it_again_and_gets_it(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    for action in (Action.DETACH, Action.ATTACH, Action.DISSOCIATE, Action.REVOKE):
        first = world.act(action, license_id, reason="first")
        written = but_notes(world)
        world.clock.advance(1)
        for person in (ADA, OLIVIA):
            again = world.act(action, license_id, person, reason="again")
            assert (again.status, again.json) == (200, first.json)
        assert but_notes(world) == written


def test_r18_r19_r20_super_admins_do_it_everywhere_and_see_what_the_org_admin_sees(
    world: World,
) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    for action, status in (
        (Action.DETACH, "detached"),
        (Action.ATTACH, "active"),
        (Action.DISSOCIATE, "dissociated"),
        (Action.REVOKE, "revoked"),
    ):
        with world.counting() as calls:
            answer = world.act(action, license_id, OLIVIA)
        assert (answer.status, answer.json["license"]["status"]) == (200, status)
        assert calls["TransactWriteItems"] == 1
        shown = world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
        assert shown.json == answer.json


def test_r21_r33_the_reason_of_each_transition_stands_in_the_history(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    for step, action in enumerate((Action.DETACH, Action.ATTACH, Action.DISSOCIATE, Action.REVOKE)):
        world.clock.advance(60)
        reason = f"because of {step}: größer"
        assert world.act(action, license_id, OLIVIA if step % 2 else ADA, reason=reason).status

    history = world.request("GET", f"/v1/licenses/{license_id}/events", person=ADA).json["events"]

    assert [(e["type"], e["reason"], e["actor"]["subject"]) for e in reversed(history)] == [
        ("LicenseIssued", None, "alice"),
        ("LicenseDetached", "because of 0: größer", "ada"),
        ("LicenseAttached", "because of 1: größer", "olivia"),
        ("LicenseDissociated", "because of 2: größer", "ada"),
        ("LicenseRevoked", "because of 3: größer", "olivia"),
    ]


def test_r21_a_reason_that_is_none_is_refused_before_anything_is_done(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    before = world.items()
    reasons: tuple[Any, ...] = ("", "x" * 501, 7, ["sold"], {"why": "sold"})
    for action in ACTIONS:
        for reason in reasons:
            with subtests.test(action=action, reason=reason):
                answer = world.act(action, license_id, reason=reason)
                assert_problem(answer, 400, "invalid_request", "/reason")
    assert world.items() == before


# -- R19: detach and attach -----------------------------------------------------------------------


def test_r19_a_blocked_agent_is_told_so_at_validation_and_login_until_it_is_attached(
    world: World,
) -> None:
    world.register("acme", max_agents=1)
    world.register("bolt")
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]

    detached = world.act("detach", license_id)

    assert detached.json["license"]["status"] == "detached"
    assert detached.json["license"]["valid_until"] is None
    answer = world.validate(key)
    assert (answer.json["valid"], answer.json["code"]) == (False, "DETACHED")
    assert answer.json["message"] == BLOCKED
    assert (answer.json["action"], answer.json["lease"]) == ("logout", None)
    assert answer.json["license"]["status"] == "detached"
    # Whoever logs in there, with or without the key: the same words, and nothing is written.
    before = world.items()
    for person in (ALICE, AMIR, ADA):
        for presented in (None, key):
            blocked = world.login(person, license_key=presented)
            assert_problem(blocked, 409, "agent_blocked")
            assert blocked.json["detail"] == BLOCKED
    assert world.items() == before
    # Machine and seat stay taken.
    assert world.seats("acme") == 1
    assert_problem(world.login(AMIR, MACHINE_B), 409, "seat_limit_reached")
    foreign = world.login(BORIS)
    assert_problem(foreign, 409, "machine_registered_to_other_organization")
    assert foreign.json["detail"] == "Your machine is already registered with Acme."

    attached = world.act("attach", license_id)

    assert attached.json["license"]["status"] == "active"
    assert world.code(key) == "VALID"
    again = world.login(AMIR)
    assert (again.status, again.json["license_key"]) == (200, key)


def test_r19_only_the_detached_environment_is_blocked(world: World) -> None:
    world.register("acme")
    issued = {name: world.login(environment=name).json for name in ("production", "staging")}
    world.act("detach", issued["staging"]["license"]["id"])
    assert world.code(issued["production"]["license_key"]) == "VALID"
    assert world.code(issued["staging"]["license_key"]) == "DETACHED"
    assert world.login(environment="production").status == 200
    assert world.login(environment="test").status == 201
    assert_problem(world.login(environment="staging"), 409, "agent_blocked")


def test_r19_r14_a_block_outlasts_the_subscription_and_its_renewal(world: World) -> None:
    world.register("acme", seconds=60)
    issued = world.login().json
    key, license_id = issued["license_key"], issued["license"]["id"]
    world.act("detach", license_id)
    world.clock.advance(60)
    world.sweep()
    assert world.code(key) == "DETACHED"
    assert_problem(world.login(), 409, "agent_blocked")
    world.change("acme")
    world.sweep()
    assert world.code(key) == "DETACHED"
    world.act("attach", license_id)
    assert world.code(key) == "VALID"


def test_r19_a_block_lifted_after_the_end_leaves_the_agent_expired(world: World) -> None:
    world.register("acme", seconds=60)
    issued = world.login().json
    world.act("detach", issued["license"]["id"])
    world.clock.advance(60)
    answer = world.act("attach", issued["license"]["id"])
    assert answer.json["license"]["status"] == "expired"
    assert world.code(issued["license_key"]) == "EXPIRED"


# -- R20: dissociate and reassign -----------------------------------------------------------------


def test_r20_a_dissociated_license_frees_machine_and_seat_for_anyone(world: World) -> None:
    world.register("acme", max_agents=1)
    world.register("bolt")
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    assert world.login(BORIS).status == 409
    assert world.login(AMIR, MACHINE_B).status == 409

    answer = world.act("dissociate", license_id)

    assert answer.json["license"]["status"] == "dissociated"
    assert answer.json["license"]["valid_until"] is None
    assert pairs.held(world) == {}
    assert world.seats("acme") == 0
    assert world.code(key) == "DISSOCIATED"
    assert world.login(BORIS).status == 201
    assert world.login(AMIR, MACHINE_B).status == 201
    assert (world.seats("acme"), world.seats("bolt")) == (1, 1)
    assert world.code(key) == "DISSOCIATED"


def test_r20_its_key_presented_on_another_machine_is_bound_there_same_license_same_key(
    world: World,
) -> None:
    world.register("acme", max_agents=1)
    world.register("bolt")
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA, json={"label": "Till 1"})
    world.act("dissociate", license_id)
    world.clock.advance(60)

    with world.counting() as calls:
        answer = world.login(AMIR, MACHINE_C, license_key=key, agent_version="4.6.0.0")

    assert (answer.status, answer.json["created"]) == (200, False)
    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1}
    assert answer.json["license_key"] == key
    assert answer.json["license"]["id"] == license_id
    assert answer.json["license"]["issued_at"] == issued["license"]["issued_at"]
    assert verified(world, answer.json["lease"]["token"]).claims["sub"] == license_id
    assert set(pairs.held(world)) == pairs.of(world, MACHINE_C)
    assert world.seats("acme") == 1
    assert world.code(key, MACHINE_C) == "VALID"
    assert world.code(key, MACHINE_A) == "MACHINE_MISMATCH"
    assert world.login(BORIS, MACHINE_A).status == 201
    shown = world.request("GET", f"/v1/licenses/{license_id}", person=ADA).json["license"]
    assert shown["computer_name"] == "ACME-PC-03"
    assert (shown["label"], shown["agent_version"]) == ("Till 1", "4.6.0.0")
    (event,) = events(world, "LicenseReassigned")
    assert event["actor"]["subject"] == "amir"
    assert (event["before"]["state"], event["after"]["state"]) == ("dissociated", "active")
    assert event["before"]["computer_name"] == "ACME-PC-01"
    assert event["after"]["computer_name"] == "ACME-PC-03"
    # Who did not get the answer sends it again; from now on it is an agent like any other.
    before = world.items()
    for presented in (key, None):
        again = world.login(AMIR, MACHINE_C, license_key=presented)
        assert (again.status, again.json["license_key"]) == (200, key)
    assert world.items() == before


def test_r20_it_can_return_to_its_own_machine_and_move_on_any_number_of_times(world: World) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    for machine in (MACHINE_A, MACHINE_B, MACHINE_A, MACHINE_C):
        world.act("dissociate", license_id)
        moved = world.login(ALICE, machine, license_key=key.lower().replace("-", " "))
        assert (moved.status, moved.json["license_key"]) == (200, key)
        assert world.code(key, machine) == "VALID"
        assert set(pairs.held(world)) == pairs.of(world, machine)
        assert world.seats("acme") == 1


def test_r20_a_key_that_is_still_bound_elsewhere_is_refused_in_these_words(world: World) -> None:
    world.register("acme")
    occupied = world.login(AMIR, MACHINE_B).json
    for state in (State.ACTIVE, State.DETACHED):
        issued, machine = brought_into(world, state)
        key, license_id = issued["license_key"], issued["license"]["id"]
        before = pairs.held(world)

        for elsewhere in (MACHINE_C, MACHINE_B):
            answer = attempted(world, license_id, elsewhere, key)
            assert_problem(answer, 409, "license_still_bound")
            assert answer.json["detail"] == STILL_BOUND

        assert pairs.held(world) == before
        assert stored_state(world, license_id) is state
        refusals = [e for e in events(world, "AccessRefused") if e["license_id"] == license_id]
        assert [(e["reason"], e["times"]) for e in refusals] == [("license_still_bound", 2)]
        assert world.login(AMIR, machine).status == (200 if state is State.ACTIVE else 409)
    assert world.seats("acme") == 3
    assert world.code(occupied["license_key"], MACHINE_B) == "VALID"


def test_r20_a_second_key_finds_the_agent_occupied_until_the_first_is_dissociated(
    world: World,
) -> None:
    world.register("acme")
    waiting = world.login(ALICE, MACHINE_A).json
    present = world.login(ALICE, MACHINE_B).json
    world.act("dissociate", waiting["license"]["id"])
    before = world.items()

    answer = attempted(world, waiting["license"]["id"], MACHINE_B, waiting["license_key"])

    assert_problem(answer, 409, "license_still_bound")
    assert "has another license" in answer.json["detail"]
    assert "Dissociate or revoke that one in the portal first." in answer.json["detail"]
    assert world.items() == before

    world.act("dissociate", present["license"]["id"])
    moved = world.login(ALICE, MACHINE_B, license_key=waiting["license_key"])
    assert moved.json["license"]["id"] == waiting["license"]["id"]
    # The other one now waits in its turn, and finds the agent occupied.
    refused = attempted(world, present["license"]["id"], MACHINE_B, present["license_key"])
    assert_problem(refused, 409, "license_still_bound")


def test_r20_without_its_key_a_login_on_the_free_machine_gets_a_new_license(world: World) -> None:
    world.register("acme")
    waiting = world.login(ALICE).json
    world.act("dissociate", waiting["license"]["id"])
    fresh = world.login(ALICE)
    assert fresh.status == 201
    assert fresh.json["license_key"] != waiting["license_key"]
    assert world.code(waiting["license_key"]) == "DISSOCIATED"
    assert world.seats("acme") == 1


def test_r20_reassigning_keeps_to_seats_machines_subscription_and_environment(
    world: World,
) -> None:
    world.register("acme", max_agents=1)
    world.register("bolt")
    world.login(BORIS, MACHINE_B)
    waiting = world.login(ALICE).json
    key, license_id = waiting["license_key"], waiting["license"]["id"]
    world.act("dissociate", license_id)
    before = [item for item in but_notes(world) if not item["sk"]["S"].startswith("EVENT#")]

    def refused(status: int, code: str, *pointers: str, **how: Any) -> Answer:
        """The login is refused, and the licence still waits."""
        answer = attempted(world, license_id, how.pop("machine", MACHINE_C), key, **how)
        assert_problem(answer, status, code, *pointers)
        assert stored_state(world, license_id) is State.DISSOCIATED
        return answer

    foreign = refused(409, "machine_registered_to_other_organization", machine=MACHINE_B)
    assert foreign.json["detail"] == "Your machine is already registered with Bolt."
    refused(400, "invalid_request", "/environment", environment="staging")
    assert before == [item for item in but_notes(world) if not item["sk"]["S"].startswith("EVENT#")]

    taken = world.login(ALICE, MACHINE_A).json  # the only seat
    refused(409, "seat_limit_reached")
    world.revoke(taken["license"]["id"])
    for status in ("paused", "cancelled"):
        world.change("acme", status=status, max_agents=1)
        refused(409, "subscription_ended")
    world.change("acme", seconds=0, max_agents=1)
    refused(409, "subscription_ended")
    assert world.seats("acme") == 0

    world.change("acme", max_agents=1)
    moved = world.login(AMIR, MACHINE_C, license_key=key)
    assert (moved.status, moved.json["license_key"]) == (200, key)
    assert world.seats("acme") == 1


def test_r20_a_machine_has_so_many_agents_at_most_however_they_get_there(
    large_world: World,
) -> None:
    world = large_world
    world.register("acme")
    waiting = world.login(ALICE, environment="waiting").json
    key = waiting["license_key"]
    world.act("dissociate", waiting["license"]["id"])
    bound = [
        world.login(ALICE, environment=f"agent-{n}").json["license"]["id"]
        for n in range(MAX_ENVIRONMENTS)
    ]
    assert world.seats("acme") == MAX_ENVIRONMENTS
    before = world.items()

    fresh = world.login(ALICE, environment="one-more")
    assert_problem(fresh, 400, "invalid_request", "/environment")
    moved = world.login(ALICE, environment="waiting", license_key=key)
    assert_problem(moved, 400, "invalid_request", "/environment")

    assert world.items() == before
    world.revoke(bound[0])
    moved = world.login(ALICE, environment="waiting", license_key=key)
    assert (moved.status, moved.json["license_key"]) == (200, key)
    assert world.login(ALICE, environment="one-more").status == 400
    assert world.seats("acme") == MAX_ENVIRONMENTS


def test_r20_r29_another_organizations_key_is_refused_whatever_its_state(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    for state in ("active", "detached", "dissociated", "revoked"):
        action = {"detached": "detach", "dissociated": "dissociate", "revoked": "revoke"}
        if state in action:
            assert world.act(action[state], issued["license"]["id"]).status == 200
        before = pairs.held(world)
        for machine in (MACHINE_A, MACHINE_C):
            answer = world.login(BORIS, machine, license_key=issued["license_key"])
            assert_problem(answer, 403, "on_behalf_login_disabled")
            assert issued["license"]["id"] not in str(answer.json)
        assert pairs.held(world) == before
        assert world.seats("bolt") == 0


def test_r20_a_key_that_this_service_never_made_is_not_found(world: World) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    world.act("dissociate", issued["license"]["id"])
    genuine = license_key.parse(issued["license_key"])
    forged = (
        replace(genuine, tag=bytes(16)),
        replace(genuine, secret_version=2),
        replace(genuine, license_id="lic_0000000000000000"),
    )
    before = world.items()
    for key in forged:
        answer = world.login(ALICE, MACHINE_C, license_key=key.reveal())
        assert_problem(answer, 404, "not_found")
    assert world.items() == before


def test_r18_a_revoked_key_makes_a_login_an_ordinary_one(world: World) -> None:
    world.register("acme")
    revoked = world.login(ALICE).json
    world.revoke(revoked["license"]["id"])
    fresh = world.login(ALICE, license_key=revoked["license_key"])
    assert fresh.status == 201
    assert fresh.json["license_key"] != revoked["license_key"]
    # Presented again, it finds the agent's own licence.
    again = world.login(ALICE, license_key=revoked["license_key"])
    assert (again.status, again.json["license_key"]) == (200, fresh.json["license_key"])


def test_r02_the_key_of_one_environment_does_not_log_another_one_in(world: World) -> None:
    world.register("acme")
    production = world.login(ALICE).json
    staging = world.login(ALICE, environment="staging", license_key=production["license_key"])
    assert staging.status == 400
    assert world.seats("acme") == 1


# -- R8: primary and label ------------------------------------------------------------------------


def patch(world: World, license_id: str, person: Person = ADA, **body: Any) -> Answer:
    return world.request("PATCH", f"/v1/licenses/{license_id}", person=person, json=body)


def test_r08_several_agents_of_an_organization_are_primary_at_once(world: World) -> None:
    world.register("acme")
    logins = [world.login(ALICE, new_machine()) for _ in range(3)]
    ids = [login.json["license"]["id"] for login in logins]
    for license_id in ids[:2]:
        answer = patch(world, license_id, primary=True)
        assert (answer.status, answer.json["license"]["primary"]) == (200, True)

    target = "/v1/organizations/acme/licenses"
    listed = world.request("GET", target, person=ADA).json["licenses"]
    assert {one["id"]: one["primary"] for one in listed} == dict(
        zip(ids, (True, True, False), strict=True)
    )
    assert patch(world, ids[0], primary=False).json["license"]["primary"] is False
    assert patch(world, ids[1]).json["license"]["primary"] is True


def test_r08_the_agent_learns_that_it_is_primary(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    patch(world, issued["license"]["id"], primary=True)
    answer = world.validate(issued["license_key"]).json
    assert answer["license"]["primary"] is True
    assert verified(world, answer["lease"]["token"]).claims["primary"] is True
    assert world.login().json["license"]["primary"] is True


def test_r08_a_label_is_set_changed_and_removed_by_an_empty_one(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    for label, shown in (("Kasse 1 – Köln", "Kasse 1 – Köln"), ("x" * 100, "x" * 100), ("", None)):
        assert patch(world, license_id, label=label).json["license"]["label"] == shown
        read = world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
        assert read.json["license"]["label"] == shown
    labels = [event["after"]["label"] for event in events(world, "LicenseUpdated")]
    assert labels == ["Kasse 1 – Köln", "x" * 100, None]


def test_r08_what_changes_nothing_writes_nothing(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    patch(world, license_id, primary=True, label="Till 1")
    before = world.items()
    for body in (
        {},
        {"primary": True},
        {"label": "Till 1"},
        {"primary": True, "label": "Till 1"},
        {"primary": None, "label": None},
    ):
        with world.counting() as calls:
            answer = patch(world, license_id, **body)
        assert (answer.status, answer.json["license"]["label"]) == (200, "Till 1")
        assert calls == {"BatchGetItem": 1}
    assert world.items() == before


def test_r08_r32_one_change_of_both_is_one_event_and_costs_one_transaction(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    held = pairs.held(world)
    with world.counting() as calls:
        answer = patch(world, license_id, primary=True, label="Till 1")
    assert answer.json["license"]["status"] == "active"
    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1}
    (event,) = events(world, "LicenseUpdated")
    changed = {name for name, value in event["after"].items() if event["before"][name] != value}
    assert changed == {"primary", "label"}
    assert event["actor"]["subject"] == "ada"
    assert (world.seats("acme"), pairs.held(world)) == (1, held)


def test_r08_marks_outlast_a_block_and_a_move(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    license_id = issued["license"]["id"]
    patch(world, license_id, primary=True, label="Till 1")
    for action in ("detach", "attach", "dissociate"):
        shown = world.act(action, license_id).json["license"]
        assert (shown["primary"], shown["label"]) == (True, "Till 1")
    moved = world.login(ALICE, MACHINE_C, license_key=issued["license_key"])
    assert moved.json["license"]["primary"] is True


def test_r08_a_mark_that_is_none_is_refused_and_nothing_is_written(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    before = world.items()
    wrong: dict[str, dict[str, Any]] = {
        "/primary": {"primary": "true"},
        "/label": {"label": "x" * 101},
        "/state": {"state": "active"},
        "/status": {"primary": True, "status": "revoked"},
    }
    for pointer, body in wrong.items():
        with subtests.test(pointer):
            assert_problem(patch(world, license_id, **body), 400, "invalid_request", pointer)
    nothing = world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA)
    assert_problem(nothing, 400, "invalid_request")
    assert world.items() == before
