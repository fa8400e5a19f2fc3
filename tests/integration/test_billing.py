"""R24: subscriptions as the billing system's events tell of them, in whatever order they come."""

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier
from typing import Any

import pytest

from licensing.adapters.dynamo import DynamoStore, items
from licensing.adapters.dynamo.events import event_item
from licensing.domain.audit import Actor, ActorKind, Event, Origin
from licensing.domain.errors import InvalidInput, Unavailable
from licensing.domain.organization import (
    Organization,
    Subscription,
    SubscriptionStatus,
    Terms,
)
from licensing.usecases.change_subscription import ChangeSubscription
from licensing.usecases.context import Context
from licensing.usecases.ports import Outcome
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.billing import bill, deliver, detail, envelope
from tests.integration.policy import NO_DEMANDS
from tests.integration.trail import events, kinds
from tests.world import (
    ADA,
    ALICE,
    BORIS,
    MACHINE_B,
    NOON,
    OLIVIA,
    YEAR,
    World,
    instant,
    new_world,
)

DAY = 86_400


def test_r24_an_event_registers_an_organization(world: World) -> None:
    event = envelope(detail(world, 1, name="Acme Ltd", max_agents=1))

    assert deliver(world, event) is True

    assert world.login(ALICE).status == 201
    assert_problem(world.login(ALICE, MACHINE_B), 409, "seat_limit_reached")
    shown = world.request("GET", "/v1/organizations/acme", person=OLIVIA).json["organization"]
    assert shown == {
        "id": "acme",
        "name": "Acme Ltd",
        "subscription": {"valid_until": instant(NOON + YEAR), "status": "active"},
        "standing": "current",
        "max_agents": 1,
        "seats": 1,
        "policy": NO_DEMANDS,
        "policy_floor": NO_DEMANDS,
        "billing_version": 1,
        "version": 1,
    }


def test_r32_an_event_leaves_one_audit_event_by_billing(world: World) -> None:
    first = envelope(detail(world, 3))
    second = envelope(detail(world, 4, status="paused"))
    for event in (first, second, second, first):
        deliver(world, event)

    told = events(world)
    assert sorted(event["type"] for event in told if "times" not in event) == [
        "OrganizationCreated",
        "SubscriptionChanged",
    ]
    (ignored,) = [event for event in told if "times" in event]
    assert (ignored["request_id"], ignored["reason"]) == (first["id"], "billing_stale")
    told.remove(ignored)
    by_request = {event["request_id"]: event for event in told}
    assert by_request.keys() == {first["id"], second["id"]}
    for event in told:
        assert event["actor"] == {"kind": "billing", "subject": "billing", "roles": []}
    paused = by_request[second["id"]]
    assert "before" not in by_request[first["id"]]
    assert (paused["before"]["status"], paused["after"]["status"]) == ("active", "paused")
    assert (paused["before"]["billing_version"], paused["after"]["billing_version"]) == (3, 4)
    assert paused["revision"] == 2
    assert [event["actor"]["kind"] for event in pages.feed(world, ADA)] == ["billing"] * 3


def test_r24_pause_cancel_renew_shorten_and_lengthen_act_on_the_next_validation(
    world: World,
) -> None:
    bill(world, 1)
    keys = [world.login(environment=name).json["license_key"] for name in ("one", "two")]

    def codes() -> set[str]:
        return {world.code(key) for key in keys}

    assert codes() == {"VALID"}
    changes: list[tuple[dict[str, Any], str]] = [
        ({"status": "paused"}, "SUSPENDED"),
        ({}, "VALID"),
        ({"status": "cancelled"}, "SUSPENDED"),
        ({"seconds": 0}, "EXPIRED"),
        ({"seconds": 1}, "VALID"),
        ({"seconds": -5 * DAY, "status": "paused"}, "SUSPENDED"),
        ({"seconds": -5 * DAY}, "EXPIRED"),
        ({"seconds": 2 * YEAR}, "VALID"),
    ]
    for version, (change, code) in enumerate(changes, start=2):
        with world.counting() as calls:
            assert bill(world, version, **change)
        assert calls == {"GetItem": 1, "TransactWriteItems": 1}, "one write, for all agents"
        assert codes() == {code}, change
    lease = world.validate(keys[0]).json["license"]
    assert lease["valid_until"] == instant(NOON + 2 * YEAR)


def test_r24_a_renewal_by_an_event_reinstates_what_the_sweep_has_marked(world: World) -> None:
    bill(world, 1, seconds=100)
    key = world.login().json["license_key"]
    revoked = world.login(environment="staging").json
    world.revoke(revoked["license"]["id"])
    world.clock.advance(100)
    assert world.sweep()["expired"] == 1
    bill(world, 2)
    assert (world.code(key), world.code(revoked["license_key"])) == ("VALID", "REVOKED")
    assert world.sweep()["reinstated"] == 1


# -- at least once, in any order -------------------------------------------------------------------

VERSIONS: Sequence[dict[str, Any]] = [
    {"seconds": YEAR, "name": "First"},
    {"seconds": YEAR, "name": "Second", "status": "paused"},
    {"seconds": DAY, "name": "Third", "max_agents": 3},
    {"seconds": 2 * YEAR, "name": "Fourth", "max_agents": 4, "status": "cancelled"},
]


def test_r24_events_end_in_the_same_state_in_whatever_order_they_come_and_however_often(
    world: World,
) -> None:
    orders = list(permutations(range(1, 5)))
    for number, order in enumerate(orders):
        name = f"org-{number}"
        # Each of them comes again, right after the first time or once all have come.
        again = [*order, *order] if number % 2 else [one for one in order for _ in range(2)]
        changed = [bill(world, version, name, **VERSIONS[version - 1]) for version in again]
        highest = [max(again[:place], default=0) for place in range(len(again))]
        assert changed == [
            version > before for version, before in zip(again, highest, strict=True)
        ], order

        after = world.runtime.store.organization(name)
        assert after is not None
        assert (after.name, after.max_agents, after.billing_version) == ("Fourth", 4, 4)
        assert after.subscription == Subscription(NOON + 2 * YEAR, SubscriptionStatus.CANCELLED)
        assert after.version == sum(changed), "an event that changes nothing is no new version"
    changes = sum(
        version > max(order[:place], default=0)
        for order in orders
        for place, version in enumerate(order)
    )
    expected = ["OrganizationCreated"] * len(orders)
    expected += ["SubscriptionChanged"] * (changes - len(orders))
    assert [kind for kind in kinds(world) if kind != "BillingEventIgnored"] == expected


def test_r24_the_same_event_again_writes_nothing(world: World) -> None:
    event = envelope(detail(world, 5))
    deliver(world, event)
    before = world.items()
    world.clock.advance(60)
    for again in (event, event | {"id": "another delivery"}):
        with world.counting() as calls:
            assert deliver(world, again) is False
        assert calls == {"GetItem": 1}
    assert world.items() == before


def test_r24_versions_may_have_gaps_and_be_large(world: World) -> None:
    for version, changed in ((7, True), (1_895_000_000_000, True), (8, False), (2**62 - 1, True)):
        assert bill(world, version) is changed


def test_r24_the_api_and_the_events_change_the_same_organization(world: World) -> None:
    world.register("acme")
    key = world.login().json["license_key"]
    path = "/v1/organizations/acme"

    assert bill(world, 1, status="paused"), "one that the API has registered is taken over"
    assert world.code(key) == "SUSPENDED"
    stale = world.put("acme", version=1)
    assert_problem(stale, 412, "precondition_failed")
    world.change("acme", name="Acme by hand")
    assert world.code(key) == "VALID"
    # An older event, and the same one again, do not undo that; the next one does.
    assert not bill(world, 1, status="paused")
    assert world.code(key) == "VALID"
    assert bill(world, 2, status="cancelled")
    assert world.code(key) == "SUSPENDED"
    shown = world.request("GET", path, person=OLIVIA)
    assert shown.json["organization"]["version"] == 4
    assert shown.json["organization"]["name"] == "Acme"
    assert shown.json["organization"]["seats"] == 1
    actors = [event["actor"]["kind"] for event in events(world, "SubscriptionChanged")]
    assert sorted(actors) == ["billing", "billing", "user"]


def test_r24_a_new_name_and_a_new_limit_act_too(world: World) -> None:
    world.register("bolt")
    bill(world, 1)
    world.login(ALICE)
    bill(world, 2, name="Acme & Söhne", max_agents=1)
    assert world.login(BORIS).json["detail"] == (
        "Your machine is already registered with Acme & Söhne."
    )
    assert_problem(world.login(ALICE, MACHINE_B), 409, "seat_limit_reached")
    bill(world, 3, max_agents=2)
    assert world.login(ALICE, MACHINE_B).status == 201


# -- what events may look like ---------------------------------------------------------------------


def test_r24_what_billing_says_besides_is_its_own_affair(world: World) -> None:
    said = detail(world, 1, plan="gold", invoice={"lines": [1, 2]})
    event = envelope(said, **{"trace-header": "Root=1", "replay-name": "again"})
    assert deliver(world, event)
    assert world.login().status == 201
    assert "gold" not in json.dumps(world.items(), default=repr)


SECRET = "canary-7f3a"

BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no detail": (lambda _: None, "detail"),
    "a list": (lambda said: [said], "detail"),
    "text": (json.dumps, "detail"),
    "empty": (lambda _: {}, "version"),
    "no organization": (lambda said: said | {"organization_id": None}, "organization_id"),
    "a bad organization": (
        lambda said: said | {"organization_id": f"ACME {SECRET}"},
        "organization_id",
    ),
    "a long organization": (
        lambda said: said | {"organization_id": SECRET * 9},
        "organization_id",
    ),
    "no name": (lambda said: {k: v for k, v in said.items() if k != "name"}, "name"),
    "a blank name": (lambda said: said | {"name": "  "}, "name"),
    "a long name": (lambda said: said | {"name": SECRET * 30}, "name"),
    "half a character": (lambda said: said | {"name": f"{SECRET}\ud800"}, "detail"),
    "no end": (lambda said: said | {"valid_until": None}, "valid_until"),
    "digits for an end": (lambda said: said | {"valid_until": "1900000000"}, "valid_until"),
    "an end without offset": (
        lambda said: said | {"valid_until": "2031-01-31T12:00:00"},
        "valid_until",
    ),
    "another status": (lambda said: said | {"status": SECRET}, "status"),
    "no version": (lambda said: {k: v for k, v in said.items() if k != "version"}, "version"),
    "version zero": (lambda said: said | {"version": 0}, "version"),
    "a version too large": (lambda said: said | {"version": 2**62}, "version"),
    "a version in text": (lambda said: said | {"version": "7"}, "version"),
    "a fraction": (lambda said: said | {"version": 1.5}, "version"),
    "truth": (lambda said: said | {"version": True}, "version"),
    "a negative limit": (lambda said: said | {"max_agents": -1}, "max_agents"),
    "a limit in text": (lambda said: said | {"max_agents": SECRET}, "max_agents"),
}


def test_r24_a_bad_event_is_an_error_that_names_the_reason_and_nothing_that_was_sent(
    world: World,
) -> None:
    world.register("bolt")
    before = world.items()
    for case, (spoil, place) in BAD.items():
        said = spoil(detail(world, 7777, "acme-canary", name=f"Name {SECRET}"))
        event = envelope(said)
        with pytest.raises(InvalidInput) as raised:
            world.invoke("BillingFunction", event)
        reason = str(raised.value)
        assert f"{place}: " in reason, case
        assert raised.value.pointer == "/detail"
        for sent in (SECRET, "acme-canary", "7777", "1900000000", instant(NOON + YEAR)):
            assert sent not in reason, case
        # Lambda puts the whole chain of errors into the log, too.
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert world.items() == before


def test_r24_an_event_that_names_several_wrong_fields_is_told_of_all(world: World) -> None:
    event = envelope(detail(world, 0, status="gone", name=""))
    with pytest.raises(InvalidInput) as raised:
        world.invoke("BillingFunction", event)
    for place in ("version: ", "status: ", "name: "):
        assert place in str(raised.value)


def test_r24_the_function_listens_to_billing_and_not_to_what_the_service_itself_says(
    world: World,
) -> None:
    (rule,) = [rule for rule in world.deployed.rules if rule.function == "BillingFunction"]
    event = envelope(detail(world, 1))
    assert rule.bus == world.runtime.settings.event_bus
    assert rule.pattern.matches(event)
    assert not rule.pattern.matches(event | {"source": "licensing"})
    assert not rule.pattern.matches(event | {"detail-type": "InvoicePaid"})


# -- at the same time ------------------------------------------------------------------------------

TOGETHER = 6
ROUNDS = 6


class CheckThenPut(DynamoStore):
    """The bug that the race below must catch: it looks, and then puts without a condition."""

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        if self.organization(after.id) != before:
            return Outcome.CONFLICT
        for item in (items.organization_item(after, due_at=due_at), event_item(event)):
            self.client.put_item(TableName=self.table, Item=item)
        return Outcome.COMMITTED


def race(
    world: World, kind: type[DynamoStore], organization_id: str, chance: random.Random
) -> None:
    """Several events of one organization at the same instant, each with a version of its own."""
    made = world.runtime.store
    store = kind(made.client, made.table, made.retry_policy)
    start = Barrier(TOGETHER)
    versions = chance.sample(range(1, 100), TOGETHER)

    def take_over(version: int) -> bool:
        use_case = ChangeSubscription(store)
        terms = Terms(
            name=f"Version {version}",
            valid_until=NOON + version,
            status=SubscriptionStatus.ACTIVE,
            max_agents=version,
        )
        origin = Origin(actor=Actor(ActorKind.BILLING, "billing"), request_id=f"event {version}")
        context = Context(origin, NOON, world.runtime.entropy)
        start.wait()
        while True:
            try:
                return use_case.by_billing(organization_id, terms, context, version=version).changed
            except Unavailable:
                continue  # as Lambda does: the event comes again

    with ThreadPoolExecutor(TOGETHER) as pool:
        changed = list(pool.map(take_over, versions))

    after = store.organization(organization_id)
    assert after is not None
    newest = max(versions)
    assert after.billing_version == newest
    assert (after.name, after.max_agents) == (f"Version {newest}", newest)
    assert after.subscription.valid_until == NOON + newest
    told = [
        event
        for event in events(world)
        if event["organization_id"] == organization_id and "times" not in event
    ]
    assert len(told) == sum(changed) == after.version
    assert sorted(event["revision"] for event in told) == list(range(1, after.version + 1))
    ordered = sorted(told, key=lambda event: int(event["revision"]))
    brought = [int(event["after"]["billing_version"]) for event in ordered]
    assert brought == sorted(set(brought)), "no older version after a newer one"


def races(world: World, kind: type[DynamoStore]) -> None:
    """A few rounds, each about an organization of its own."""
    for number in range(ROUNDS):
        race(world, kind, f"org-{number}", random.Random(number))  # noqa: S311 - reproducible


def test_r24_of_events_at_the_same_time_the_highest_version_wins(engine: str) -> None:
    with new_world(engine) as world:
        races(world, DynamoStore)


def test_r24_a_check_followed_by_a_put_is_caught(engine: str) -> None:
    with new_world(engine) as world, pytest.raises(AssertionError):
        races(world, CheckThenPut)
