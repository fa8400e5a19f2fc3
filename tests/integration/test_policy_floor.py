"""The vendor's floor of every organization's policy: the stricter of both counts (R38)."""

from dataclasses import replace
from typing import Any

import pytest

from licensing.domain.organization import PolicyFloor
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.partner import generated, login_with
from tests.integration.policy import NO_DEMANDS, govern
from tests.integration.trail import events
from tests.world import ADA, OLIVIA, Person, World

DAY = 86_400


@pytest.fixture
def acme(world: World) -> World:
    world.register("acme")
    return world


def demand(world: World, **floor: Any) -> None:
    """Deploy with this floor."""
    world.runtime.settings = replace(world.runtime.settings, policy_floor=PolicyFloor(**floor))


def policies(world: World) -> tuple[Any, Any]:
    """What counts for Acme, and the floor."""
    shown = world.request("GET", "/v1/organizations/acme", person=ADA).json["organization"]
    return shown["policy"], shown["policy_floor"]


def test_r38_a_raised_floor_acts_at_once_on_validations_and_logins(acme: World) -> None:
    key = acme.login().json["license_key"]
    assert acme.code(key) == "VALID"
    demand(acme, require_device_key=True)
    assert acme.code(key) == "PROOF_REQUIRED"
    assert_problem(acme.login(), 403, "proof_required")
    demand(acme)
    assert acme.code(key) == "VALID"
    assert acme.login().status == 200


def test_r38_it_acts_on_partners_too(acme: World) -> None:
    key = generated(acme).key
    demand(acme, require_device_key=True)
    assert_problem(login_with(acme, key), 403, "proof_required")


def test_r38_it_blocks_clones_where_the_organization_only_wants_reports(acme: World) -> None:
    demand(acme, block_clones=True)
    agent = Agent(acme)
    agent.login()
    assert agent.code() == "VALID"
    clone = replace(agent, address="198.51.100.66")
    for _ in range(2):
        acme.clock.advance(DAY // 2)
        found = [agent.code(), clone.code()]
    assert "DETACHED" in found


def test_r38_what_counts_is_shown_beside_the_floor_in_each_answer(acme: World) -> None:
    govern(acme, block_clones=True, agents_per_member=5)
    demand(acme, require_device_key=True, agents_per_member=2)
    floor = NO_DEMANDS | {"require_device_key": True, "agents_per_member": 2}
    counting = floor | {"block_clones": True}
    assert policies(acme) == (counting, floor)
    (listed,) = acme.request("GET", "/v1/organizations", person=OLIVIA).json["organizations"]
    put = acme.change("acme", name="Acme").json["organization"]
    patched = govern(acme, lock_device_keys=False).json["organization"]
    for shown in (listed, put, patched):
        assert (shown["policy"], shown["policy_floor"]) == (counting, floor)


def test_r38_each_organization_has_its_own_decisions_back_when_it_is_lowered(acme: World) -> None:
    govern(acme, agents_per_member=5)
    demand(acme, require_device_key=True, agents_per_member=2)
    govern(acme, lock_device_keys=True)
    demand(acme)
    own = NO_DEMANDS | {"agents_per_member": 5, "lock_device_keys": True}
    assert policies(acme) == (own, NO_DEMANDS)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("person", [ADA, OLIVIA], ids=lambda person: person.subject)
@pytest.mark.parametrize(
    ("floor", "wanted"),
    [
        ({"require_device_key": True}, {"require_device_key": False}),
        ({"block_clones": True}, {"block_clones": False}),
        ({"lock_device_keys": True}, {"lock_device_keys": False}),
        ({"agents_per_member": 2}, {"agents_per_member": 3}),
        ({"agents_per_member": 0}, {"agents_per_member": None}),
    ],
    ids=str,
)
def test_r38_a_decision_below_it_is_refused_by_name_and_nothing_of_the_request_is_taken(
    acme: World, person: Person, floor: dict[str, Any], wanted: dict[str, Any]
) -> None:
    demand(acme, **floor)
    before = acme.items()
    others = {"block_clones": True, "lock_device_keys": True}
    refused = govern(acme, person, **(others | wanted))
    assert_problem(refused, 409, "policy_below_floor")
    ((name, least),) = floor.items()
    said = {True: "true"}.get(least, str(least))
    assert f"at least: {name} {said}." in refused.json["detail"]
    assert acme.items() == before


def test_r38_what_a_decision_leaves_alone_never_fails_on_its_account(acme: World) -> None:
    demand(acme, require_device_key=True, lock_device_keys=True, agents_per_member=2)
    assert govern(acme, block_clones=True).status == 200
    assert govern(acme, block_clones=False).status == 200  # as the organization had it before


def test_r38_a_decision_at_it_or_above_is_the_organizations_own_and_on_record(acme: World) -> None:
    demand(acme, require_device_key=True, agents_per_member=2)
    assert govern(acme, require_device_key=True, agents_per_member=1).status == 200
    (event,) = events(acme, "OrganizationUpdated")
    assert event["before"]["agents_per_member"] is None
    assert event["after"]["agents_per_member"] == 1
    demand(acme)
    assert policies(acme)[0] == NO_DEMANDS | {"require_device_key": True, "agents_per_member": 1}
