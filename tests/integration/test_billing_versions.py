"""R24: events that name a part, come late or say two things under one version; all on record."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from licensing.domain.errors import InvalidInput
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.billing import bill, deliver, detail, envelope
from tests.integration.trail import events, kinds
from tests.world import ADA, ALICE, NOON, OLIVIA, YEAR, Answer, World, instant

pytestmark = pytest.mark.sampled(2)

PATH = "/v1/organizations/acme"
HOUR = NOON - NOON % 3600


def part(version: int, **named: Any) -> dict[str, Any]:
    """An event that names only this."""
    return envelope({"organization_id": "acme", "version": version, **named})


def shown(world: World) -> Mapping[str, Any]:
    organization: Mapping[str, Any] = world.request("GET", PATH, person=ADA).json["organization"]
    return organization


def reset(world: World, version: int) -> Answer:
    return world.request("PATCH", PATH, person=OLIVIA, json={"billing_version": version})


def ignored(world: World) -> dict[str, int]:
    """How often events were ignored, by reason."""
    return {event["reason"]: event["times"] for event in events(world, "BillingEventIgnored")}


def counted(said: str) -> dict[str, float]:
    """What an invocation has counted, apart from zeros."""
    documents = [json.loads(line) for line in said.splitlines() if line.startswith('{"_aws"')]
    values = {
        metric["Name"]: document[metric["Name"]][0]
        for document in documents
        for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    return {name: value for name, value in values.items() if value}


# -- what is not named stays -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "after"),
    [
        ({"name": "Acme Ltd"}, {"name": "Acme Ltd"}),
        ({"status": "paused"}, {"subscription": ("paused", NOON + YEAR)}),
        ({"valid_until": instant(NOON + 60)}, {"subscription": ("active", NOON + 60)}),
        ({"max_agents": None}, {"max_agents": None}),
        ({"max_agents": 3}, {"max_agents": 3}),
        ({}, {}),
    ],
    ids=str,
)
def test_r24_an_event_leaves_what_it_does_not_name(
    world: World, named: dict[str, Any], after: dict[str, Any]
) -> None:
    bill(world, 1, max_agents=7)
    before = shown(world)
    assert deliver(world, part(2, **named))
    expected = {**before, **after, "billing_version": 2, "version": 2}
    if "subscription" in after:
        status, end = after["subscription"]
        expected["subscription"] = {"status": status, "valid_until": instant(end)}
    found = shown(world)
    assert {name: found[name] for name in expected if name != "standing"} == {
        name: value for name, value in expected.items() if name != "standing"
    }


def test_r06_r24_an_event_without_a_limit_does_not_open_the_seats(world: World) -> None:
    bill(world, 1, max_agents=1)
    assert world.login(ALICE).status == 201
    deliver(world, part(2, valid_until=instant(NOON + 2 * YEAR)))
    assert_problem(world.login(environment="staging"), 409, "seat_limit_reached")


def test_r24_a_new_organization_needs_all_of_it_and_the_dead_letter_names_what_is_missing(
    world: World,
) -> None:
    with pytest.raises(InvalidInput) as raised:
        world.invoke("BillingFunction", part(2, status="paused", name="Acme"))
    assert str(raised.value) == (
        "valid_until: Field required for a new organization; "
        "max_agents: Field required for a new organization"
    )
    assert world.items() == []
    bill(world, 1)
    assert deliver(world, part(2, status="paused", name="Acme")), "once redriven, it is taken"


# -- what is ignored is on record ------------------------------------------------------------------


def test_r24_r32_stale_and_contradicting_events_are_folded_in_the_feed_and_counted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    bill(world, 5)
    state = shown(world)
    for event, metric in (
        (part(4, name="Older"), "BillingEventsStale"),
        (part(3, name="Older still"), "BillingEventsStale"),
        (envelope(detail(world, 5, status="cancelled")), "BillingEventsContradicting"),
    ):
        capsys.readouterr()
        assert not deliver(world, event)
        assert counted(capsys.readouterr().out) == {"BillingEvents": 1, metric: 1}
    assert shown(world) == state
    feed = [event for event in pages.feed(world) if event["type"] == "BillingEventIgnored"]
    told = {event["reason"]: (event["times"], event["at"], event["license_id"]) for event in feed}
    assert told == {
        "billing_stale": (2, instant(HOUR), None),
        "billing_contradicting": (1, instant(HOUR), None),
    }
    assert {event["actor"]["kind"] for event in feed} == {"billing"}


def test_r32_an_event_that_lambda_hands_over_twice_counts_once(world: World) -> None:
    bill(world, 5)
    stale = part(4, name="Older")
    for _ in range(3):
        deliver(world, stale)
    assert ignored(world) == {"billing_stale": 1}
    world.clock.advance(3600)
    deliver(world, part(4, name="Older"))
    assert [event["times"] for event in events(world, "BillingEventIgnored")] == [1, 1]


def test_r24_r32_an_ignored_event_costs_one_write(world: World) -> None:
    bill(world, 5)
    with world.counting() as calls:
        deliver(world, part(4, name="Older"))
    assert calls == {"GetItem": 1, "UpdateItem": 1}


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ({"status": "paused"}, None),
        ({"status": "active"}, "billing_contradicting"),
        ({"status": "paused", "name": "Acme"}, "billing_contradicting"),  # that is said besides
        ({}, "billing_contradicting"),
    ],
    ids=str,
)
def test_r24_a_repetition_says_the_same_of_the_same_fields(
    world: World, again: dict[str, Any], why: str | None
) -> None:
    bill(world, 1)
    deliver(world, part(2, status="paused"))
    world.change("acme", status="cancelled")  # by hand meanwhile: that is no part of it
    deliver(world, part(2, **again))
    assert [*ignored(world)] == ([why] if why else [])


def test_r24_the_same_end_in_another_spelling_is_a_repetition(world: World) -> None:
    bill(world, 1)
    deliver(world, part(2, valid_until="2031-03-17T17:46:40Z"))
    deliver(world, part(2, valid_until="2031-03-17T18:46:40.0+01:00", plan="gold"))
    assert ignored(world) == {}


# -- a version far ahead ---------------------------------------------------------------------------


def test_r24_a_super_admin_gives_an_organization_that_is_deaf_its_ears_back(world: World) -> None:
    bill(world, 1)
    deliver(world, part(2**61, name="Far ahead"))
    assert not deliver(world, part(3, status="paused"))
    assert shown(world)["billing_version"] == 2**61
    answer = reset(world, 2)
    assert answer.json["organization"]["billing_version"] == 2
    assert deliver(world, part(3, status="paused"))
    assert shown(world)["subscription"]["status"] == "paused"
    (set_back,) = [e for e in events(world) if e["actor"]["kind"] == "user"]
    assert set_back["type"] == "SubscriptionChanged"
    versions = set_back["before"]["billing_version"], set_back["after"]["billing_version"]
    assert versions == (2**61, 2)


def test_r24_what_a_version_said_that_a_super_admin_has_set_nobody_knows(world: World) -> None:
    bill(world, 7)
    reset(world, 3)
    assert not deliver(world, part(3, name="Acme"))
    assert ignored(world) == {}, "that is how it is"
    assert not deliver(world, part(3, name="Other"))
    assert ignored(world) == {"billing_stale": 1}, "which contradicts nothing that is known"
    assert reset(world, 3).json["organization"]["version"] == 2, "nothing to set"


# -- organizations that are new --------------------------------------------------------------------


def test_r32_a_new_organization_is_an_event_of_its_own_and_counted_by_who_made_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    bill(world, 1)
    assert counted(capsys.readouterr().out)["OrganizationsCreated"] == 1
    world.register("bolt")
    said = capsys.readouterr().out
    assert counted(said)["OrganizationsCreated"] == 1
    assert json.loads(said.strip().splitlines()[-1])["outcome"] == "registered"
    assert kinds(world) == ["OrganizationCreated"] * 2
    assert {event["actor"]["kind"] for event in events(world)} == {"billing", "user"}
    for change in (lambda: bill(world, 2, status="paused"), lambda: world.change("bolt")):
        capsys.readouterr()
        change()
        assert "OrganizationsCreated" not in counted(capsys.readouterr().out)
    assert kinds(world) == ["OrganizationCreated"] * 2 + ["SubscriptionChanged"] * 2
