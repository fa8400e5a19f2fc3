"""R34 and R35: committed events leave through the stream, at least once, in order per licence."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.integration import disguises, pages
from tests.integration.billing import bill
from tests.integration.hearing import hearing
from tests.integration.outbox import Outbox, Record, number
from tests.integration.partner import generated, login_with, revoke, used
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    World,
)

MACHINE_C: dict[str, Any] = {
    "machine_id": "deadbea7-2bad-4b0b-8dad-5eed5ca1ab1e",
    "mac_addresses": ["3c:52:82:ca:7a:93", "3c:52:82:ca:7a:94"],
    "computer_name": "CANARY-PC",
}


@pytest.fixture
def has_stream() -> bool:
    """What is published comes by the table's stream."""
    return True


def live(world: World) -> set[str]:
    """Let much happen, some of it refused; the secrets that took part."""
    world.register("acme", seconds=5000)
    world.register("bolt")
    world.sweep()
    issued = world.login(replace(ALICE, more={"name": "Alice Liddell"})).json
    path = f"/v1/licenses/{issued['license']['id']}"
    key = issued["license_key"]
    answers = [issued]
    for machine in (MACHINE_A | {"computer_name": "ACME-PC-02"}, MACHINE_B):
        answers.append(world.validate(key, machine, nonce="a-nonce").json)
        world.validate(key, machine, "bolt")
    world.login(BORIS)
    for action in ("detach", "attach", "dissociate"):
        world.request("POST", f"{path}/{action}", person=ADA, json={"reason": f"to {action}"})
    answers.append(login_with(world, key, ALICE, MACHINE_C).json)
    world.request("PATCH", path, person=OLIVIA, json={"primary": True, "label": "Till 3"})
    one, two = generated(world), generated(world, "7d")
    answers += [used(world, one, machine=MACHINE_C), used(world, two, machine=MACHINE_B)]
    world.validate(one.key, MACHINE_A)
    revoke(world, two.id, reason="over")
    world.clock.advance(5000)
    world.sweep()
    bill(world, 1)
    world.sweep()
    world.revoke(issued["license"]["id"], reason="sold")
    world.validate(key, MACHINE_C)
    leases = {answer["lease"]["token"] for answer in answers if answer.get("lease")}
    machines = [MACHINE_A, MACHINE_B, MACHINE_C]
    return {
        key,
        one.key,
        two.key,
        *leases,
        *(machine["machine_id"] for machine in machines),
        *(mac for machine in machines for mac in machine["mac_addresses"]),
    }


def _unnamed(event: dict[str, Any]) -> dict[str, Any]:
    """As it leaves: without the name of who acted."""
    return event | {"actor": event["actor"] | {"name": None}}


# -- what leaves -----------------------------------------------------------------------------------


def test_r34_every_event_arrives_on_the_bus_as_the_trail_tells_it(world: World) -> None:
    outbox = Outbox(world)
    live(world)

    assert outbox.publish(outbox.records()) == []

    arrived = outbox.arrived()
    stored = {event["id"]: event for event in events(world)}
    assert len(arrived) == len(stored)
    assert {event["detail"]["id"] for event in arrived} == stored.keys()
    kinds = {event["detail-type"] for event in arrived}
    assert kinds >= {
        "LicenseIssued",
        "LicenseRevoked",
        "LicenseDetached",
        "LicenseAttached",
        "LicenseDissociated",
        "LicenseReassigned",
        "LicenseUpdated",
        "LicenseExpired",
        "LicenseReinstated",
        "MachineDrifted",
        "TemporaryLicenseGenerated",
        "TemporaryLicenseUsed",
        "TemporaryLicenseExpired",
        "TemporaryLicenseRevoked",
        "OrganizationCreated",
        "SubscriptionChanged",
        "SubscriptionEnding",
        "AccessRefused",
    }
    trail: dict[str, dict[str, Any]] = {
        event["id"]: event
        for organization_id in ("acme", "bolt")
        for event in pages.feed(world, OLIVIA, organization_id)
    }
    for event in arrived:
        detail: dict[str, Any] = event["detail"]
        assert event["source"] == "licensing"
        assert event["detail-type"] == detail["type"] == stored[detail["id"]]["type"]
        assert event["time"] == (detail["last_at"] or detail["at"])
        # A refusal leaves when it is new, and is counted on here.
        latest = ("times", "last_at", "request_id", "computer_name", "license_computer_name")
        folded = {name: trail[detail["id"]][name] for name in latest}
        if detail["type"] != "AccessRefused":
            assert detail == _unnamed(trail[detail["id"]])
            continue
        assert detail["times"] == 1
        told, whole = detail | folded, dict(trail[detail["id"]])
        if not detail["confidential"]:  # its organization may read it, and not who was refused
            for hidden in ("actor", "source_address", "agent_version", "request_id"):
                del told[hidden], whole[hidden]
        assert told == whole
    revoked = next(event for event in arrived if event["detail-type"] == "LicenseRevoked")
    assert (revoked["detail"]["before"]["state"], revoked["detail"]["after"]["state"]) == (
        "active",
        "revoked",
    )
    assert revoked["detail"]["reason"] == "sold"
    assert revoked["detail"]["actor"]["subject"] == "ada"


def test_r34_the_filter_lets_new_events_through_and_nothing_else(world: World) -> None:
    outbox = Outbox(world)
    live(world)
    world.validate(world.login(ALICE, MACHINE_A).json["license_key"], MACHINE_B)

    changes = outbox.changes()

    told = [
        (change["eventName"], change["dynamodb"]["Keys"]["sk"]["S"].partition("#")[0])
        for change in changes
    ]
    wanted = {kind for kind, change in zip(told, changes, strict=True) if outbox.is_wanted(change)}
    assert wanted == {("INSERT", "EVENT")}
    # There was more to choose from: records, claims, and the count of a refusal.
    assert set(told) >= {
        ("INSERT", "EVENT"),
        ("MODIFY", "EVENT"),
        ("INSERT", "LICENSE"),
        ("MODIFY", "LICENSE"),
        ("MODIFY", "ORGANIZATION"),
        ("INSERT", "PAIR"),
        ("REMOVE", "PAIR"),
    }
    assert len(outbox.records()) == told.count(("INSERT", "EVENT")) == len(events(world))
    # Events that end by their time to live, refusals alone, are no news either.
    expired = changes[told.index(("INSERT", "EVENT"))]
    assert not outbox.is_wanted({**expired, "eventName": "REMOVE"})


def test_r35_nothing_secret_leaves_the_service(world: World) -> None:
    outbox = Outbox(world)
    secrets = live(world)
    assert len(secrets) > 12
    records = outbox.records()

    with hearing() as heard:
        with answering(world, _throttled):
            assert outbox.publish(records)
        assert outbox.publish(records) == []

    said = heard.getvalue()
    left = json.dumps(outbox.arrived(), ensure_ascii=False)
    assert heard.logged("the bus did not take all events")
    assert "CANARY-PC" in left, "the name of a computer alone may be read"
    for text in (said, left):
        assert disguises.seen_in(text, secrets) == set()
    # The claims on a machine are nobody's business either, though nothing can be computed back.
    pairs = [
        item["pk"]["S"].partition("#")[2] for item in world.items() if item["sk"]["S"] == "PAIR"
    ]
    hashes = [
        value
        for item in world.items()
        for name in ("machine_id_hash", "name_hash")
        if name in item
        for value in [item[name]["B"].hex()]
    ]
    assert pairs or hashes
    assert disguises.seen_in(left, [*pairs, *hashes]) == set()


# -- in order --------------------------------------------------------------------------------------


def busy(world: World, licenses: int = 3, changes: int = 6) -> list[str]:
    """Licences that change by turns, and their organization in between."""
    world.register("acme")
    ids = [
        world.login(ALICE, environment=f"env-{place}").json["license"]["id"]
        for place in range(licenses)
    ]
    for turn in range(changes):
        for license_id in ids:
            answer = world.request(
                "PATCH", f"/v1/licenses/{license_id}", person=ADA, json={"label": f"{turn}"}
            )
            assert answer.status == 200
    world.change("acme", name="Acme Ltd")
    return ids


def first_arrivals(outbox: Outbox) -> dict[str, list[int]]:
    """The revisions of each licence (or versions of the organization), as they first arrive."""
    seen: dict[str, list[int]] = defaultdict(list)
    for event in outbox.arrived():
        detail = event["detail"]
        owner = detail["license_id"] or detail["organization_id"]
        if detail["revision"] not in seen[owner]:
            seen[owner].append(detail["revision"])
    return dict(seen)


def test_r34_events_of_one_license_arrive_in_the_order_that_they_were_made_in(
    world: World,
) -> None:
    outbox = Outbox(world)
    ids = busy(world)
    records = outbox.records()
    for at in range(0, len(records), 7):
        assert outbox.publish(records[at : at + 7]) == []
    expected = {license_id: list(range(1, 8)) for license_id in ids} | {"acme": [1, 2]}
    assert first_arrivals(outbox) == expected
    assert len(outbox.arrived()) == len(records)


# -- what the bus does not take --------------------------------------------------------------------


@contextmanager
def taking_all_but(world: World, is_refused: Callable[[Mapping[str, Any]], bool]) -> Iterator[None]:
    """A bus that takes all entries of a call but some, as EventBridge may."""
    hooks = world.runtime.bus.client.meta.events
    refused: list[int] = []

    def leave_out(params: dict[str, Any], **_: Any) -> None:
        details = [json.loads(entry["Detail"]) for entry in params["Entries"]]
        refused[:] = [place for place, detail in enumerate(details) if is_refused(detail)]
        taken = [entry for place, entry in enumerate(params["Entries"]) if place not in refused]
        assert taken, "a call that is refused as a whole would have no entry left"
        params["Entries"] = taken

    def say_so(parsed: dict[str, Any], **_: Any) -> None:
        for place in refused:
            failure = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
            parsed["Entries"].insert(place, failure)
        parsed["FailedEntryCount"] = len(refused)

    hooks.register("provide-client-params.eventbridge.PutEvents", leave_out)
    hooks.register("after-call.eventbridge.PutEvents", say_so)
    try:
        yield
    finally:
        hooks.unregister("provide-client-params.eventbridge.PutEvents", leave_out)
        hooks.unregister("after-call.eventbridge.PutEvents", say_so)


@contextmanager
def answering(world: World, answer: Callable[[], Any]) -> Iterator[None]:
    """A bus that gives the same answer to every call, or raises."""
    hooks = world.runtime.bus.client.meta.events

    def short_circuit(**_: Any) -> Any:
        return answer()

    hooks.register("before-call.eventbridge.PutEvents", short_circuit)
    try:
        yield
    finally:
        hooks.unregister("before-call.eventbridge.PutEvents", short_circuit)


def test_r34_what_is_not_taken_is_offered_again_from_the_first_failure_on(world: World) -> None:
    outbox = Outbox(world)
    ids = busy(world)
    records = outbox.records()

    def is_unlucky(detail: Mapping[str, Any]) -> bool:
        return (detail["license_id"], detail["revision"]) == (ids[1], 4)

    with taking_all_but(world, is_unlucky):
        (failed,) = outbox.publish(records)
    place = [number(record) for record in records].index(failed)

    # All before it have arrived, and of the unlucky licence nothing behind the failure.
    arrived = [event["detail"]["id"] for event in outbox.arrived()]
    assert arrived[:place] == [_id(record) for record in records[:place]]
    assert first_arrivals(outbox)[ids[1]] == [1, 2, 3]
    unlucky = next(i for i, record in enumerate(records) if is_unlucky(_facts(record)))
    assert place <= unlucky < place + 10

    assert outbox.publish(records[place:]) == []

    expected = {license_id: list(range(1, 8)) for license_id in ids} | {"acme": [1, 2]}
    assert first_arrivals(outbox) == expected
    arrived = [event["detail"]["id"] for event in outbox.arrived()]
    assert set(arrived) == {_id(record) for record in records}
    assert len(arrived) - len(set(arrived)) < 10, "what comes twice has an id to tell it by"


def test_r34_a_bus_that_takes_nothing_has_the_whole_batch_offered_again(world: World) -> None:
    outbox = Outbox(world)
    world.register("bolt")
    busy(world, licenses=1, changes=1)
    assert world.login(BORIS).status == 409
    records = outbox.records()
    assert records[-1]["dynamodb"]["NewImage"]["type"] == {"S": "AccessRefused"}

    def no_answer() -> Any:
        raise ReadTimeoutError(endpoint_url="https://events.example")

    def no_connection() -> Any:
        raise ConnectTimeoutError(endpoint_url="https://events.example")

    world.clock.advance(90)
    for answer in (_throttled, no_answer, no_connection):
        with answering(world, answer), hearing() as heard:
            assert outbox.publish(records) == [number(records[0])]
        line = heard.logged("the bus did not take all events")
        assert (line["level"], line["taken"], line["of"]) == ("WARNING", 0, len(records))
        said = heard.measured()
        assert said["EventsPublished"] == [0]
        assert said["OutboxLag"] == [90], "the alarm can see how far behind it is"
    assert outbox.arrived() == []
    assert outbox.publish(records) == []
    assert len(outbox.arrived()) == len(records)


def test_r34_a_fault_of_the_deployment_fails_the_function(world: World) -> None:
    outbox = Outbox(world)
    world.register("acme")
    with (
        answering(world, lambda: _error("AccessDeniedException")),
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        outbox.publish(outbox.records())


def test_r34_an_event_that_comes_twice_has_the_same_id(world: World) -> None:
    outbox = Outbox(world)
    world.register("acme")
    records = outbox.records()
    for _ in range(2):
        assert outbox.publish(records) == []
    first, second = outbox.arrived()
    assert first["detail"] == second["detail"]
    assert first["id"] != second["id"]


def test_r34_how_many_have_left_and_how_late_is_measured(world: World) -> None:
    outbox = Outbox(world)
    busy(world, licenses=2, changes=1)
    records = outbox.records()
    world.clock.advance(7)
    with hearing() as heard:
        outbox.publish(records)
    said = heard.measured()
    assert (said["EventsPublished"], said["OutboxLag"]) == ([len(records)], [0])
    assert said["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Licensing"


# -- helpers ---------------------------------------------------------------------------------------


def _facts(record: Record) -> dict[str, Any]:
    image = record["dynamodb"]["NewImage"]
    return {
        "license_id": image.get("license_id", {}).get("S"),
        "revision": int(image["revision"]["N"]),
    }


def _id(record: Record) -> str:
    found: str = record["dynamodb"]["NewImage"]["id"]["S"]
    return found


def _error(code: str) -> Any:
    """What botocore makes of an error that EventBridge answers."""
    error = {"Code": code, "Message": "no"}
    return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}


def _throttled() -> Any:
    return _error("ThrottlingException")
