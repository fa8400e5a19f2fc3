"""The recorded requests and events under `events/`, each replayed against its function.

A record is what `sam local invoke <function> -e events/<verb>/<case>.json` hands over. What is only
known at run time stands in it as `{{license_key}}` and is put in here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from licensing.domain import license_key
from licensing.domain.errors import InvalidInput
from licensing_build.openapi import document
from tests.concurrency.table import restore
from tests.contract import conformance
from tests.integration import permissions
from tests.integration.answers import assert_problem
from tests.integration.outbox import Outbox
from tests.integration.recorded import (
    BAD_BILLING,
    BILLING,
    CASES,
    EVENTS,
    PUBLISHED,
    SWEEP,
    billed,
    ended,
    recorded,
    text,
)
from tests.world import BESIDE, NOON, World, new_world

CONTRACT = document()
OTHERS = (SWEEP, *BILLING, *BAD_BILLING, *PUBLISHED)


def shown(route: str, status: int) -> set[str]:
    """The codes of problems with this status that the contract shows at a route by an example."""
    method, _, path = route.partition(" ")
    if route in BESIDE:
        return {"not_found"}
    reply = CONTRACT["paths"][path][method.lower()]["responses"][str(status)]
    names = reply["content"]["application/problem+json"]["examples"]
    return {CONTRACT["components"]["examples"][name]["value"]["code"] for name in names}


@pytest.fixture(scope="module")
def only(engine: str) -> Iterator[World]:
    """One world for all records: what is replayed here is about requests."""
    with new_world(engine) as world:
        yield world


@pytest.fixture
def fresh(only: World) -> Iterator[World]:
    """The world with an empty table, as it was in the beginning."""
    restore(only)
    only.clock.time = NOON
    only.exchanges.clear()
    yield only
    conformance.assert_kept(only)
    permissions.assert_kept(only)


@pytest.mark.sampled(6, all=2)
@pytest.mark.parametrize("name", CASES)
def test_a_recorded_request_is_answered_as_the_table_says(fresh: World, name: str) -> None:
    case = CASES[name]
    event = recorded(name, case.before(fresh))
    before = fresh.items()

    answer = fresh.deliver(_function(fresh, name), event)

    assert answer.status == case.status
    if case.status >= 400:
        assert case.code is not None
        assert_problem(answer, case.status, case.code)
        assert case.code in shown(event["routeKey"], case.status)
    elif case.code is not None:
        assert answer.json["code"] == case.code
    if case.status in {400, 401, 403, 404, 412, 413}:
        # Whoever tries a licence that is not theirs is noted (R32); nothing else is written.
        assert [item for item in fresh.items() if not _is_refusal(item)] == before


def test_the_recorded_run_of_the_schedule_sweeps(fresh: World) -> None:
    ended(fresh)
    report = fresh.invoke(_function(fresh, SWEEP), recorded(SWEEP, {}))
    assert report["expired"] == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", BILLING)
def test_a_recorded_event_of_billing_is_taken_over(fresh: World, name: str) -> None:
    values, code = billed(fresh), BILLING[name]

    result = fresh.invoke(_function(fresh, name), recorded(name, values))

    assert result["changed"] is (code is not None)
    assert fresh.code(values["license_key"]) == (code or "VALID")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", BAD_BILLING)
def test_a_bad_recorded_event_of_billing_is_refused_with_the_reason(
    fresh: World, name: str
) -> None:
    billed(fresh)
    before = fresh.items()
    with pytest.raises(InvalidInput, match=f"{BAD_BILLING[name]}: "):
        fresh.invoke(_function(fresh, name), recorded(name, {}))
    assert fresh.items() == before


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recorded_batch_of_the_stream_is_published(fresh: World, name: str) -> None:
    batch = recorded(name, {})
    outbox = Outbox(fresh)
    assert all(outbox.is_wanted(record) for record in batch["Records"])
    already = len(outbox.arrived())

    assert outbox.publish(batch["Records"]) == []

    arrived = outbox.arrived()[already:]
    assert [event["detail-type"] for event in arrived] == PUBLISHED[name]
    for event, record in zip(arrived, batch["Records"], strict=True):
        assert event["detail"]["id"] == record["dynamodb"]["NewImage"]["id"]["S"]


def test_every_record_is_in_the_table() -> None:
    found = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.glob("**/*.json")}
    assert found == {*CASES, *OTHERS}
    assert {path.suffix for path in EVENTS.rglob("*") if path.is_file()} == {".json"}


def test_every_record_is_one_of_a_route_or_schedule_of_its_function(fresh: World) -> None:
    routes = {route.key: route for route in fresh.deployed.routes}
    for name in CASES:
        event = json.loads(text(name))
        route = routes[event["routeKey"]]
        assert route.function == _function(fresh, name), name
        assert event["requestContext"]["routeKey"] == route.key
        has_claims = "authorizer" in event["requestContext"]
        assert has_claims is (route.authorizer is not None and not name.endswith("no_token"))
    scheduled = {schedule.function for schedule in fresh.deployed.schedules}
    assert scheduled == {_function(fresh, SWEEP)}


def test_every_function_has_records(fresh: World) -> None:
    assert {_function(fresh, name) for name in (*CASES, *OTHERS)} == set(fresh.deployed.functions)


def test_no_record_holds_a_key_or_a_token() -> None:
    for path in EVENTS.glob("**/*.json"):
        written = path.read_text(encoding="utf-8")
        shown = re.findall(r'"authorization": "(.*)"', written, re.IGNORECASE)
        assert set(shown) <= {"Bearer {{token}}"}
        assert not re.search(r"eyJ[\w-]{10,}\.", written), f"{path} holds a token"
        for found in re.findall(r"(?:[0-9A-Z]{5}-){8}[0-9A-Z]{5}", written, re.IGNORECASE):
            assert _is_made_up(found), f"{path} holds a key"


def _is_made_up(key: str) -> bool:
    """Whether it is mistyped, or tagged with zeros."""
    try:
        return license_key.parse(key).tag == bytes(16)
    except InvalidInput:
        return True


def _function(world: World, name: str) -> str:
    """The function that a record is for, by the folder that it stands in."""
    verb = name.partition("/")[0]
    handler = f"{verb}.handler.handler"
    (function,) = [f.name for f in world.deployed.functions.values() if f.handler == handler]
    return function


def _is_refusal(item: Mapping[str, Any]) -> bool:
    return item.get("type") == {"S": "AccessRefused"}
