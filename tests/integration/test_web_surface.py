"""What browsers and go-betweens may make of the service: other origins, caches, doubled parameters.

Every route of the template is asked, so a new one is held against all of this by itself.
"""

from collections.abc import Iterator

import pytest

from tests.integration.answers import assert_problem
from tests.integration.spoken import Spoken
from tests.local.deployment import DEFAULT
from tests.world import ADA, ALICE, MACHINE_A, OLIVIA, PAGES, Answer, World

READING = {"GET", "HEAD"}
CACHEABLE = PAGES | {
    f"{method} {path}"
    for method in ("GET", "HEAD")
    for path in ("/.well-known/jwks.json", "/v1/openapi.json")
}
"""What is the same for everybody."""
KINDS = {"LICENSE", "ORGANIZATION", "PAIR"}


@pytest.fixture
def acme(world: World) -> tuple[World, str]:
    """An organization, and the licence of its agent."""
    world.register("acme")
    return world, world.login(ALICE).json["license"]["id"]


def asked(
    world: World, license_id: str, methods: set[str], *headers: tuple[str, str]
) -> Iterator[tuple[str, Answer]]:
    """Each route of these methods, asked by a stranger, an administrator and the operator."""
    parameters = {
        "license_id": license_id,
        "organization_id": "acme",
        "version": "old",
        "name": "main.js",
    }
    for route in world.deployed.routes:
        if route.method not in methods:
            continue
        for person in (None, ADA, OLIVIA):
            target = route.path.format_map(parameters)
            body = None if route.method in READING else {"machine": MACHINE_A}
            answer = world.request(route.method, target, person=person, json=body, headers=headers)
            yield route.key, answer


def test_no_answer_lets_another_origin_read_it_sets_a_cookie_or_leads_elsewhere(
    acme: tuple[World, str],
) -> None:
    every = {"GET", "HEAD", "PATCH", "POST", "PUT"}
    origin = ("origin", "https://evil.example")
    answers = list(asked(*acme, every, origin, ("cookie", "session=stolen")))
    named = {route.key for route in acme[0].deployed.routes}
    assert {key for key, _ in answers} == named - {DEFAULT}
    for key, answer in answers:
        told = {name.lower() for name in answer.headers}
        assert not [name for name in told if name.startswith("access-control-")], key
        assert not told & {"set-cookie", "location", "refresh"}, key
        assert not 300 <= answer.status < 400, key


def test_reading_changes_no_license_organization_or_machine(acme: tuple[World, str]) -> None:
    world, _ = acme

    def state() -> list[dict[str, object]]:
        return [item for item in world.items() if item["sk"]["S"].partition("#")[0] in KINDS]

    before = state()
    assert len(before) >= 3
    answers = list(asked(*acme, READING))
    assert {answer.status for _, answer in answers} >= {200, 401, 403}
    assert state() == before


def test_what_is_somebodys_is_kept_by_no_cache_that_others_use(acme: tuple[World, str]) -> None:
    for key, answer in asked(*acme, {"GET", "HEAD", "PATCH", "POST", "PUT"}):
        kept = answer.headers["cache-control"]
        if key in CACHEABLE and answer.status == 200:
            continue
        # A chart is the same for a minute, to the browser of whoever asked.
        assert kept == "no-store" or (kept == "private, max-age=60" and answer.status == 200), key


def test_an_address_that_a_caller_claims_to_come_from_is_not_believed(world: World) -> None:
    world.register("acme")
    claimed = "198.51.100.66"
    headers = [
        ("x-forwarded-for", claimed),
        ("x-real-ip", claimed),
        ("forwarded", f"for={claimed}"),
        ("true-client-ip", claimed),
    ]
    issued = world.request(
        "POST", "/v1/licenses", person=ALICE, json={"machine": MACHINE_A}, headers=headers
    ).json
    request = {
        "license_key": issued["license_key"],
        "organization_id": "acme",
        "machine": MACHINE_A,
    }
    world.request("POST", "/v1/licenses/validate", json=request, headers=headers)
    shown = world.request("GET", f"/v1/licenses/{issued['license']['id']}", person=ADA).json
    assert shown["license"]["last_seen"]["source_address"] == "203.0.113.7"
    assert claimed not in str(world.items())


def test_a_parameter_that_is_named_twice_is_refused(acme: tuple[World, str]) -> None:
    world, _ = acme
    for name, one, other in (
        ("limit", "1", "2"),
        ("status", "active", "revoked"),
        ("primary", "true", "false"),
        ("sort", "computer_name", "label"),
    ):
        target = f"/v1/organizations/acme/licenses?{name}={one}&{name}={other}"
        answer = world.request("GET", target, person=ADA)
        assert_problem(answer, 400, "invalid_request", f"/query/{name}")


def test_who_is_refused_stands_in_the_log_with_request_and_outcome(
    acme: tuple[World, str], spoken: Spoken
) -> None:
    world, license_id = acme
    spoken.taken()
    for person in (ALICE, None):
        world.request("POST", f"/v1/licenses/{license_id}/revoke", person=person)
    lines = [line for line in spoken.documents() if "outcome" in line]
    assert [(line["outcome"], line["status"]) for line in lines] == [
        ("forbidden", 403),
        ("unauthorized", 401),
    ]
    asked_for = [one.event["requestContext"]["requestId"] for one in world.exchanges[-2:]]
    assert [line["correlation_id"] for line in lines] == asked_for
    assert all(line["license_id"] == license_id for line in lines)


def test_nothing_secret_has_a_place_in_an_address(world: World) -> None:
    contract = world.request("GET", "/v1/openapi.json").json
    in_addresses = {
        parameter["name"]
        for path in contract["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] in {"path", "query"} and parameter["schema"].get("type") != "boolean"
    }
    assert in_addresses >= {"license_id", "organization_id", "limit", "cursor"}
    secret = {"key", "token", "lease", "proof", "nonce", "secret", "machine", "mac", "password"}
    assert not [name for name in in_addresses if set(name.split("_")) & secret]
