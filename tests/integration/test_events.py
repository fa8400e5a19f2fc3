"""The recorded requests and events under `events/`, each replayed against its function.

A record is what `sam local invoke <function> -e events/<verb>/<case>.json` hands over. What is only
known at run time stands in it as `{{license_key}}` and is put in here.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from licensing import keys
from licensing.errors import InvalidInput
from tests.contract import conformance
from tests.integration.answers import assert_problem
from tests.world import ADA, ALICE, NOON, OLIVIA, YEAR, World, instant, new_world

EVENTS = Path(__file__).parents[2] / "events"
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
Values = dict[str, str]


def nothing(_world: World) -> Values:
    """An empty table."""
    return {}


def acme(world: World) -> Values:
    """Acme is registered, and Bolt."""
    answer = world.request(
        "PUT",
        "/v1/organizations/acme",
        person=OLIVIA,
        json={"name": "Acme", "valid_until": instant(NOON + YEAR), "max_agents": 25},
    )
    assert answer.status == 201
    world.register("bolt")
    return {"one_megabyte": "x" * 1_000_000}


def agent(world: World) -> Values:
    """Acme has an agent in production on machine A."""
    values = acme(world)
    issued = world.login(ALICE).json
    key = issued["license_key"]
    return values | {
        "license_key": key,
        "license_key_in_lower_case": key.lower(),
        "license_id": issued["license"]["id"],
    }


def revoked(world: World) -> Values:
    """The agent's licence has been revoked."""
    values = agent(world)
    world.revoke(values["license_id"])
    return values


def paused(world: World) -> Values:
    """Acme's subscription is paused."""
    values = agent(world)
    world.change("acme", status="paused")
    return values


def ended(world: World) -> Values:
    """Acme's subscription has ended."""
    values = agent(world)
    world.change("acme", seconds=0)
    return values


def full(world: World) -> Values:
    """Acme's only seat is taken."""
    values = agent(world)
    world.change("acme", max_agents=1)
    return values


def two_agents(world: World) -> Values:
    """Acme has two agents, and the first page of one has been read."""
    values = agent(world)
    world.login(ALICE, environment="staging")
    page = world.request("GET", "/v1/organizations/acme/licenses?limit=1", person=ADA)
    return values | {"cursor": page.json["next_cursor"]}


@dataclass(frozen=True)
class Case:
    """What is there before; the status, and the code of a problem or of a validation."""

    before: Callable[[World], Values]
    status: int
    code: str | None = None


INVALID = "invalid_request"

CASES = {
    "issue/first": Case(acme, 201),
    "issue/repeated": Case(agent, 200),
    "issue/second_environment": Case(agent, 201),
    "issue/renamed_machine": Case(agent, 200),
    "issue/base64": Case(acme, 201),
    "issue/machine_of_another_organization": Case(
        agent, 409, "machine_registered_to_other_organization"
    ),
    "issue/no_free_seat": Case(full, 409, "seat_limit_reached"),
    "issue/subscription_ended": Case(ended, 409, "subscription_ended"),
    "issue/no_organization": Case(acme, 403, "forbidden"),
    "issue/unregistered_organization": Case(acme, 403, "forbidden"),
    "issue/no_token": Case(acme, 401, "unauthorized"),
    "issue/no_body": Case(acme, 400, INVALID),
    "issue/not_json": Case(acme, 400, INVALID),
    "issue/a_list": Case(acme, 400, INVALID),
    "issue/wrong_types": Case(acme, 400, INVALID),
    "issue/unknown_fields": Case(acme, 400, INVALID),
    "issue/one_component": Case(acme, 400, INVALID),
    "issue/invalid_utf8": Case(acme, 400, INVALID),
    "issue/deep_nesting": Case(acme, 400, INVALID),
    "issue/one_megabyte": Case(acme, 413, "payload_too_large"),
    "validate/valid": Case(agent, 200, "VALID"),
    "validate/key_in_lower_case": Case(agent, 200, "VALID"),
    "validate/renamed_machine": Case(agent, 200, "VALID"),
    "validate/new_network_card": Case(agent, 200, "VALID"),
    "validate/re_imaged_machine": Case(agent, 200, "VALID"),
    "validate/not_found": Case(agent, 200, "NOT_FOUND"),
    "validate/organization_mismatch": Case(agent, 200, "ORGANIZATION_MISMATCH"),
    "validate/revoked": Case(revoked, 200, "REVOKED"),
    "validate/machine_mismatch": Case(agent, 200, "MACHINE_MISMATCH"),
    "validate/environment_mismatch": Case(agent, 200, "MACHINE_MISMATCH"),
    "validate/suspended": Case(paused, 200, "SUSPENDED"),
    "validate/expired": Case(ended, 200, "EXPIRED"),
    "validate/mistyped_key": Case(agent, 400, INVALID),
    "validate/no_body": Case(agent, 400, INVALID),
    "validate/not_json": Case(agent, 400, INVALID),
    "validate/nothing": Case(agent, 400, INVALID),
    "validate/wrong_types": Case(agent, 400, INVALID),
    "validate/unknown_fields": Case(agent, 400, INVALID),
    "validate/one_component": Case(agent, 400, INVALID),
    "validate/one_megabyte": Case(agent, 413, "payload_too_large"),
    "revoke/by_org_admin": Case(agent, 200),
    "revoke/with_reason": Case(agent, 200),
    "revoke/by_super_admin": Case(agent, 200),
    "revoke/repeated": Case(revoked, 200),
    "revoke/by_member": Case(agent, 403, "forbidden"),
    "revoke/by_partner": Case(agent, 403, "forbidden"),
    "revoke/of_another_organization": Case(agent, 404, "not_found"),
    "revoke/absent": Case(agent, 404, "not_found"),
    "revoke/no_license_id": Case(agent, 404, "not_found"),
    "revoke/no_token": Case(agent, 401, "unauthorized"),
    "revoke/not_json": Case(agent, 400, INVALID),
    "revoke/unknown_fields": Case(agent, 400, INVALID),
    "licenses/get": Case(agent, 200),
    "licenses/get_by_super_admin": Case(agent, 200),
    "licenses/get_by_member": Case(agent, 403, "forbidden"),
    "licenses/get_of_another_organization": Case(agent, 404, "not_found"),
    "licenses/get_absent": Case(agent, 404, "not_found"),
    "licenses/get_no_token": Case(agent, 401, "unauthorized"),
    "licenses/list": Case(agent, 200),
    "licenses/list_first_page": Case(two_agents, 200),
    "licenses/list_next_page": Case(two_agents, 200),
    "licenses/list_filtered": Case(two_agents, 200),
    "licenses/list_by_partner": Case(agent, 403, "forbidden"),
    "licenses/list_of_another_organization": Case(agent, 404, "not_found"),
    "licenses/list_no_such_status": Case(agent, 400, INVALID),
    "licenses/list_no_such_limit": Case(agent, 400, INVALID),
    "licenses/list_no_cursor": Case(agent, 400, INVALID),
    "licenses/list_no_token": Case(agent, 401, "unauthorized"),
    "organizations/put_new": Case(nothing, 201),
    "organizations/put_repeated": Case(acme, 200),
    "organizations/put_renewed": Case(acme, 200),
    "organizations/put_paused": Case(acme, 200),
    "organizations/put_without_version": Case(acme, 412, "precondition_failed"),
    "organizations/put_stale_version": Case(acme, 412, "precondition_failed"),
    "organizations/put_no_etag": Case(acme, 400, INVALID),
    "organizations/put_by_org_admin": Case(acme, 403, "forbidden"),
    "organizations/put_no_such_id": Case(acme, 400, INVALID),
    "organizations/put_no_body": Case(acme, 400, INVALID),
    "organizations/put_not_json": Case(acme, 400, INVALID),
    "organizations/put_wrong_fields": Case(acme, 400, INVALID),
    "organizations/put_no_token": Case(acme, 401, "unauthorized"),
    "organizations/get": Case(acme, 200),
    "organizations/get_by_member": Case(acme, 403, "forbidden"),
    "organizations/get_of_another_organization": Case(acme, 404, "not_found"),
    "organizations/get_absent": Case(acme, 404, "not_found"),
    "organizations/get_no_token": Case(acme, 401, "unauthorized"),
    "keys/jwks": Case(nothing, 200),
    "keys/openapi": Case(nothing, 200),
}
SWEEP = "expiry_sweep/schedule"


@pytest.fixture
def fresh() -> Iterator[World]:
    """A fresh world on one engine: what is replayed here is about requests."""
    with new_world() as world:
        yield world
        conformance.assert_kept(world)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_request_is_answered_as_the_table_says(fresh: World, name: str) -> None:
    case = CASES[name]
    event = _recorded(name, case.before(fresh))
    before = fresh.items()

    answer = fresh.deliver(_function(fresh, name), event)

    assert answer.status == case.status
    if case.status >= 400:
        assert case.code is not None
        assert_problem(answer, case.status, case.code)
    elif case.code is not None:
        assert answer.json["code"] == case.code
    if case.status in {400, 401, 403, 404, 412, 413}:
        assert fresh.items() == before


def test_the_recorded_run_of_the_schedule_sweeps(fresh: World) -> None:
    ended(fresh)
    report = fresh.invoke(_function(fresh, SWEEP), _recorded(SWEEP, {}))
    assert report["expired"] == 1


def test_every_record_is_in_the_table() -> None:
    recorded = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.glob("**/*.json")}
    assert recorded == {*CASES, SWEEP}
    assert {path.suffix for path in EVENTS.rglob("*") if path.is_file()} == {".json"}


def test_every_record_is_one_of_a_route_or_schedule_of_its_function(fresh: World) -> None:
    routes = {route.key: route for route in fresh.deployed.routes}
    for name in CASES:
        event = json.loads(_text(name))
        route = routes[event["routeKey"]]
        assert route.function == _function(fresh, name), name
        assert event["requestContext"]["routeKey"] == route.key
        has_claims = "authorizer" in event["requestContext"]
        assert has_claims is (route.authorizer is not None and not name.endswith("no_token"))
    assert {schedule.function for schedule in fresh.deployed.schedules} == {_function(fresh, SWEEP)}


def test_every_function_has_records(fresh: World) -> None:
    assert {_function(fresh, name) for name in (*CASES, SWEEP)} == set(fresh.deployed.functions)


def test_no_record_holds_a_key_or_a_token() -> None:
    for path in EVENTS.glob("**/*.json"):
        text = path.read_text(encoding="utf-8")
        assert "authorization" not in text.lower().replace("authorizer", "")
        assert not re.search(r"eyJ[\w-]{10,}\.", text), f"{path} holds a token"
        for found in re.findall(r"(?:[0-9A-Z]{5}-){8}[0-9A-Z]{5}", text, re.IGNORECASE):
            assert _is_made_up(found), f"{path} holds a key"


def _is_made_up(key: str) -> bool:
    """Whether it is mistyped, or tagged with zeros."""
    try:
        return keys.parse(key).tag == bytes(16)
    except InvalidInput:
        return True


def _function(world: World, name: str) -> str:
    """The function that a record is for, by the folder that it stands in."""
    verb = name.partition("/")[0]
    handler = f"{verb}.handler.handler"
    (function,) = [f.name for f in world.deployed.functions.values() if f.handler == handler]
    return function


def _recorded(name: str, values: Mapping[str, str]) -> Any:
    return json.loads(PLACEHOLDER.sub(lambda match: values[match[1]], _text(name)))


def _text(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")
