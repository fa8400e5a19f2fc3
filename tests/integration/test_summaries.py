"""What there is now, counted: an organization's licences, and all organizations."""

from typing import Any

import pytest

from licensing.domain.organization import DAY
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.many import bind
from tests.integration.partner import generate
from tests.integration.trail import events
from tests.world import ADA, ALICE, MACHINE_B, NOON, OLIVIA, Person, World, instant

pytestmark = pytest.mark.sampled(2)

SUMMARY = "/v1/organizations/acme/summary"
NOTHING = dict.fromkeys(("active", "suspended", "detached", "dissociated", "expired", "revoked"), 0)
TODAY = NOON // DAY * DAY


def ask(world: World, target: str, person: Person = ADA) -> Any:
    answer = world.request("GET", target, person=person)
    assert answer.status == 200, answer
    return answer.json


def everything(world: World) -> Any:
    return ask(world, "/v1/summary", OLIVIA)


def every_listed(world: World, path: str, person: Person, query: str = "") -> list[Any]:
    listed = ask(world, f"{path}?limit=100{query}", person)
    assert listed["next_cursor"] is None
    (found,) = [value for value in listed.values() if isinstance(value, list)]
    return list(found)


# -- one organization ------------------------------------------------------------------------------


def test_r14_an_organizations_licenses_are_counted_as_lists_show_them(world: World) -> None:
    world.register("acme")
    issued = [world.login(environment=name).json["license"]["id"] for name in "abcde"]
    for action, license_id in zip(("detach", "dissociate", "revoke"), issued, strict=False):
        world.act(action, license_id)
    generate(world)
    told = ask(world, SUMMARY)
    assert told["organization_id"] == "acme"
    assert told["licenses"] == NOTHING | {
        "active": 2,
        "detached": 1,
        "dissociated": 1,
        "revoked": 1,
    }
    world.change("acme", status="paused")
    paused = ask(world, SUMMARY)["licenses"]
    assert (paused["active"], paused["suspended"]) == (0, 2)
    world.change("acme", seconds=60)
    world.clock.advance(60)
    ended = ask(world, SUMMARY)["licenses"]
    assert (ended["active"], ended["expired"], ended["detached"]) == (0, 2, 1)
    world.sweep()
    assert ask(world, SUMMARY)["licenses"] == ended, "as before it was marked"
    for status, count in ended.items():
        listed = every_listed(world, "/v1/organizations/acme/licenses", ADA, f"&status={status}")
        assert len(listed) == count, status


def test_environments_are_those_of_bound_licenses_most_first(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 2, environment="staging")
    bind(world, "acme", 2, environment="Production")
    bind(world, "acme", 1, environment=" production.")
    bind(world, "acme", 2, environment="demo")
    gone, blocked = (world.login(environment=name).json["license"]["id"] for name in "xy")
    world.revoke(gone)
    world.act("detach", blocked)
    told = ask(world, SUMMARY)["environments"]
    assert told == [
        {"name": "Production", "licenses": 3},
        {"name": "demo", "licenses": 2},
        {"name": "staging", "licenses": 2},
        {"name": "y", "licenses": 1},
    ], "one that differs in form alone is the same (R12), under its usual name"


def test_of_many_environments_the_hundred_largest_are_told(world: World) -> None:
    world.register("acme")
    for number in range(101):
        bind(world, "acme", 1, environment=f"env-{number:03}")
    bind(world, "acme", 1, environment="env-100")
    told = ask(world, SUMMARY)["environments"]
    assert len(told) == 100
    assert told[0] == {"name": "env-100", "licenses": 2}
    assert told[-1] == {"name": "env-098", "licenses": 1}


def test_r36_bound_licenses_are_counted_by_whether_they_have_a_device_key(world: World) -> None:
    world.register("acme")
    keyed = Agent(world, device=Device())
    assert keyed.login().status == 201
    world.login(machine=MACHINE_B)
    assert ask(world, SUMMARY)["device_keys"] == {"bound": 1, "none": 1}
    world.act("reset-device-key", keyed.license_id)
    assert ask(world, SUMMARY)["device_keys"] == {"bound": 0, "none": 2}
    world.revoke(keyed.license_id)
    assert ask(world, SUMMARY)["device_keys"] == {"bound": 0, "none": 1}


def test_where_nobody_has_logged_in_there_is_nothing_to_count(world: World) -> None:
    world.register("acme")
    assert ask(world, SUMMARY) == {
        "organization_id": "acme",
        "licenses": NOTHING,
        "environments": [],
        "device_keys": {"bound": 0, "none": 0},
    }
    assert_problem(world.request("GET", SUMMARY, person=ALICE), 403, "forbidden")
    of_none = world.request("GET", "/v1/organizations/none/summary", person=OLIVIA)
    assert_problem(of_none, 404, "not_found")


def test_a_summary_is_one_query_of_one_partition_beside_the_organization(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 30)
    with world.counting() as calls:
        ask(world, SUMMARY)
    assert calls == {"GetItem": 1, "Query": 1}
    with world.counting() as calls:
        everything(world)
    assert calls == {"Query": 1}


# -- all organizations -----------------------------------------------------------------------------


def test_r14_all_organizations_are_counted_by_standing(world: World) -> None:
    assert everything(world)["organizations"] == 0
    world.put("late", seconds=2 * DAY)
    world.put("soon", seconds=DAY)
    world.put("held", seconds=DAY, status="paused")
    told = everything(world)
    assert told["organizations"] == 3
    assert told["standings"] == {"current": 2, "suspended": 1, "ended": 0}
    world.clock.advance(DAY)
    assert everything(world)["standings"] == {"current": 1, "suspended": 1, "ended": 1}


def test_r22_ends_are_told_for_each_of_ninety_days_of_those_that_are_current(
    world: World,
) -> None:
    midnight = TODAY + DAY - NOON
    for name, seconds in (
        ("today", midnight - 1),
        ("tomorrow", midnight),
        ("at-the-last", midnight + 89 * DAY - 1),
        ("too-late", midnight + 89 * DAY),
        ("soon-over", 30),
    ):
        world.put(name, seconds=seconds)
    world.put("held", seconds=midnight, status="paused")
    world.clock.advance(60)
    ends = everything(world)["ends"]
    assert [day["date"] for day in ends] == [
        instant(TODAY + number * DAY)[:10] for number in range(90)
    ]
    assert {
        number: day["organizations"] for number, day in enumerate(ends) if day["organizations"]
    } == {0: 1, 1: 1, 89: 1}
    for number in (0, 1, 88, 89):
        first = instant(TODAY + number * DAY)
        last = instant(TODAY + (number + 1) * DAY)
        query = f"&standing=current&ends_from={first}&ends_before={last}"
        listed = every_listed(world, "/v1/organizations", OLIVIA, query)
        assert len(listed) == ends[number]["organizations"], "each day leads to its list"


def test_r22_subscriptions_that_have_ended_lately_are_counted_as_their_list_has_them(
    world: World,
) -> None:
    midnight = TODAY + DAY - NOON
    for name, seconds in (
        ("too-early", midnight - 1),
        ("first", midnight),
        ("last", midnight + 30 * DAY - 1),
        ("to-come", midnight + 30 * DAY + 1),
        ("renewed", DAY),
    ):
        world.put(name, seconds=seconds)
    world.put("held", seconds=DAY, status="paused")
    world.clock.advance(midnight + 30 * DAY)
    world.change("renewed", seconds=DAY)
    assert everything(world)["recently_ended"] == {"days": 30, "organizations": 2}
    query = f"&standing=ended&ends_from={instant(TODAY + DAY)}"
    listed = every_listed(world, "/v1/organizations", OLIVIA, query)
    assert [one["id"] for one in listed] == ["first", "last"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("seats", "most", "use"),
    [
        (10, 10, "full"),
        (9, 10, "nearly"),
        (8, 10, None),
        (0, 0, "full"),
        (1, 1, "full"),
        (10, 9, "full"),
        (0, 1, None),
        (10, None, None),
    ],
)
def test_r06_seats_that_are_gone_or_nearly_are_counted(
    world: World, seats: int, most: int | None, use: str | None
) -> None:
    world.register("acme")
    bind(world, "acme", seats)
    world.change("acme", max_agents=most)
    assert everything(world)["seats"] == {
        "full": int(use == "full"),
        "nearly": int(use == "nearly"),
    }


def test_r06_a_login_and_a_revocation_are_counted_at_once(world: World) -> None:
    world.register("acme", max_agents=1)
    assert everything(world)["seats"] == {"full": 0, "nearly": 0}
    issued = world.login().json["license"]["id"]
    assert everything(world)["seats"] == {"full": 1, "nearly": 0}
    world.revoke(issued)
    assert everything(world)["seats"] == {"full": 0, "nearly": 0}


def test_summaries_are_kept_for_a_minute_and_for_their_reader_alone(world: World) -> None:
    world.register("acme")
    for target in (SUMMARY, "/v1/summary"):
        headers = world.request("GET", target, person=OLIVIA).headers
        assert headers["cache-control"] == "private, max-age=60"
        assert headers["vary"] == "authorization"


def test_r32_a_super_admins_summary_of_an_organization_is_on_record_as_its_statistics_are(
    world: World,
) -> None:
    world.register("acme")
    for person in (ADA, OLIVIA):
        ask(world, SUMMARY, person)
    everything(world)
    (entry,) = events(world, "OrganizationRead")
    assert (entry["organization_id"], entry["readings"]) == ("acme", {"statistics"})
    assert entry["actor"]["subject"] == "olivia"
