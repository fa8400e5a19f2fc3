"""R32 and R33: suspected clones and refusals of all organizations, for super-admins."""

from dataclasses import replace

import pytest

from licensing.adapters.dynamo import schema
from licensing.domain.audit import Actor, ActorKind, EventType, Origin, RefusedAttempt
from tests.integration import pages
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.partner import generated, login_with
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    PAVEL,
    Answer,
    Person,
    World,
    instant,
)

pytestmark = pytest.mark.sampled(2)

EVENTS = "/v1/events"
HOUR = 3600
HALF = 43_200
"""Half of a lease's time: from then on it is renewed."""


def listed(world: World, query: str = "", person: Person | None = OLIVIA) -> Answer:
    return world.request("GET", f"{EVENTS}{query}", person=person)


def refuse(world: World, count: int, *, organization_id: str = "acme", at: int = NOON) -> None:
    """Put so many refusals on record, each of a licence of its own."""
    for number in range(count):
        license_id = f"lic_{number:016d}"
        attempt = RefusedAttempt(
            license_id=license_id,
            organization_id=organization_id,
            reason="machine_mismatch",
            at=at,
            origin=Origin(actor=Actor(ActorKind.AGENT, license_id), request_id=f"{at}-{number}"),
        )
        world.runtime.store.record_refusal(attempt)


@pytest.fixture
def two(world: World) -> World:
    world.register("acme")
    world.register("bolt")
    return world


def test_r32_refusals_and_clones_of_all_organizations_are_listed_newest_first(two: World) -> None:
    ours, theirs = two.login(ALICE).json, two.login(BORIS, MACHINE_B).json
    two.code(ours["license_key"], MACHINE_B)
    two.clock.advance(HOUR)
    two.change("bolt", max_agents=1)
    assert two.login(BORIS, {"machine_id": "more", "computer_name": "MORE"}).status == 409
    two.clock.advance(HOUR)
    assert two.revoke(theirs["license"]["id"], OLIVIA).status == 200
    two.validate(theirs["license_key"], MACHINE_B, organization_id="bolt")
    two.clock.advance(HOUR)
    _suspect_a_clone(two)

    everything = listed(two).json["events"]

    assert [(one["organization_id"], one["type"], one["reason"]) for one in everything] == [
        ("acme", "CloneSuspected", "clone_suspected"),
        ("bolt", "AccessRefused", "revoked"),
        ("bolt", "AccessRefused", "seat_limit_reached"),
        ("acme", "AccessRefused", "machine_mismatch"),
    ]
    of_a_type = {
        kind: listed(two, f"?type={kind}").json["events"]
        for kind in ("CloneSuspected", "AccessRefused")
    }
    assert of_a_type == {"CloneSuspected": everything[:1], "AccessRefused": everything[1:]}
    feed = two.request("GET", "/v1/organizations/bolt/events?type=AccessRefused", person=OLIVIA)
    assert of_a_type["AccessRefused"][:2] == feed.json["events"], "shown as the trail shows them"


def test_r37_a_clone_that_was_blocked_is_listed_as_one_that_was_not(two: World) -> None:
    govern(two, block_clones=True)
    _suspect_a_clone(two)
    (event,) = listed(two, "?type=CloneSuspected").json["events"]
    assert event["after"]["state"] == "detached"


def test_r33_pages_have_each_entry_once_and_in_order(two: World) -> None:
    for hour in range(5):
        refuse(two, 9, at=NOON + hour * HOUR, organization_id=("acme", "bolt")[hour % 2])
    two.clock.advance(6 * HOUR)
    found = [one for page in pages.pages(two, EVENTS, limit=7) for one in page]
    assert len(found) == len({one["id"] for one in found}) == 45
    times = [one["at"] for one in found]
    assert times == sorted(times, reverse=True)
    shards = {
        item["across_pk"]["S"]
        for item in two.items()
        if item["sk"]["S"].startswith("EVENT#") and "across_pk" in item
    }
    assert shards == {schema.across_shard_name("AccessRefused", each) for each in range(8)}


def test_r33_a_span_of_times_and_a_cursor_go_together(two: World) -> None:
    for hour in range(4):
        refuse(two, 3, at=NOON + hour * HOUR)
    begun = NOON - NOON % HOUR
    span = f"from={instant(begun + HOUR)}&before={instant(begun + 3 * HOUR)}"
    first = listed(two, f"?{span}&limit=4").json
    cursor = first["next_cursor"]
    second = listed(two, f"?{span}&limit=4&cursor={cursor}").json
    times = [one["at"] for one in first["events"] + second["events"]]
    assert times == [instant(begun + 2 * HOUR)] * 3 + [instant(begun + HOUR)] * 3
    assert second["next_cursor"] is None
    nothing = f"?from={instant(begun + HOUR)}&before={instant(begun)}"
    assert listed(two, nothing).json == {"events": [], "next_cursor": None}
    for foreign in (
        f"?before={instant(begun)}&cursor={cursor}",
        f"?cursor={cursor[:-1]}",
        f"?cursor={_cursor_of_a_feed(two)}",
    ):
        assert_problem(listed(two, foreign), 400, "invalid_request", "/query/cursor")


def test_r23_a_page_costs_what_is_on_it_however_much_there_is(two: World) -> None:
    refuse(two, 90)
    with two.counting() as calls:
        assert len(listed(two, "?type=AccessRefused&limit=20").json["events"]) == 20
    assert calls == {"Query": 8, "BatchGetItem": 1, "UpdateItem": 1}


def test_r32_what_is_counted_again_does_not_move_in_the_index(two: World) -> None:
    key = two.login(ALICE).json["license_key"]
    places = set()
    for _ in range(3):
        two.code(key, MACHINE_B)
        two.clock.advance(60)
        (entry,) = events(two, "AccessRefused")
        places.add((entry["across_pk"], entry["across_sk"]))
    assert (entry["times"], len(places)) == (3, 1)


def test_r28_what_is_confidential_is_listed_too(two: World) -> None:
    temporary = generated(two)
    assert login_with(two, temporary.key, PAVEL).status == 200
    two.code(temporary.key, MACHINE_B)
    (event,) = listed(two).json["events"]
    assert event["confidential"] is True


def test_r01_nobody_but_super_admins_lists_them(two: World) -> None:
    refuse(two, 1)
    for person in (ALICE, AMIR, ADA, BEA, PAVEL):
        assert_problem(listed(two, person=person), 403, "forbidden")
    assert_problem(listed(two, person=None), 401, "unauthorized")


def test_r32_each_organization_of_which_something_was_shown_has_that_on_record(two: World) -> None:
    two.register("core")
    refuse(two, 2)
    refuse(two, 1, organization_id="bolt", at=NOON + HOUR)
    listed(two, "?limit=1")
    assert [one["organization_id"] for one in events(two, "OrganizationRead")] == ["bolt"]
    listed(two)
    on_record = {one["organization_id"]: one for one in events(two, "OrganizationRead")}
    assert on_record.keys() == {"acme", "bolt"}
    assert on_record["acme"]["readings"] == {"feed"}
    assert on_record["acme"]["times"] == 1


def test_events_of_other_types_are_in_no_list_of_all(two: World) -> None:
    two.login(ALICE)
    assert listed(two).json["events"] == []
    assert_problem(listed(two, "?type=LicenseIssued"), 400, "invalid_request", "/query/type")
    assert set(EventType) > {"CloneSuspected", "AccessRefused"}


def _suspect_a_clone(world: World) -> None:
    agent = Agent(world, machine=MACHINE_A)
    assert agent.login(ALICE).status in {200, 201}
    assert agent.code() == "VALID"
    world.clock.advance(HALF)
    world.runtime.keyrings.keyring()
    copy = replace(agent)
    assert (agent.code(), copy.code()) == ("VALID", "VALID")
    agent.validate()


def _cursor_of_a_feed(world: World) -> str:
    feed = world.request("GET", "/v1/organizations/acme/events?limit=1", person=OLIVIA)
    return str(feed.json["next_cursor"])
