"""Whatever comes to whatever route: a clear problem, as short as it can be, and nothing written.

The routes are those that the code declares, so that none can be forgotten.
"""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from licensing.entrypoints import http
from licensing.entrypoints.http.inputs import LARGEST_BODY, LARGEST_BODY_OF_AGENT, LONGEST_NAME
from licensing_build.openapi import document, operations
from tests.integration.answers import assert_problem, header, pointers
from tests.world import OLIVIA, Answer, World

OPERATIONS = operations()
BODIES = (http.Body, http.OptionalBody, http.VersionedBody)
TAKING_A_BODY = [
    operation
    for operation in OPERATIONS
    if any(isinstance(taken, BODIES) for taken in operation.takes)
]
IDS = {"license_id": "lic_0123456789abcdef", "organization_id": "acme"}
LONGEST_PROBLEM = 8 * 1024
"""Bytes that the longest problem may have: less than the shortest body that may cause it."""

# Members of an object that have the longest answer in them, or would have without a limit.
MEMBERS = (
    '"{:x}":0',
    '"{:x}":{{}}',
    '"machine{:x}":[]',
    '"~~{:x}":null',
    '"{:0200x}":"~~~~"',
    '"' + "~" * 3000 + '{:x}":0',
    '"' + "\N{GRINNING FACE}" * 700 + '{:x}":0',
    '"' + "\\u0001" * 300 + '{:x}":0',
)
ODD_IDS = (
    *("%00", "%0A", "%20", "%2F", "..%2F..", "%FF%FE", "%E2%82%AC", "%25", "%zz", "%", "a%3Fb"),
    *("lic_0123456789abcdef%00", "acme%0a", "ACME", "*", "{license_id}", "x" * 3000),
)


def largest(operation: http.Operation) -> int:
    is_agents = any(isinstance(taken, http.VersionedBody) for taken in operation.takes)
    return LARGEST_BODY_OF_AGENT if is_agents else LARGEST_BODY


def worst_bodies(size: int) -> Iterator[bytes]:
    """Bodies of just this size, or a little less, that are wrong in as many places as they can."""
    for member in MEMBERS:
        members: list[bytes] = []
        left = size - 2
        while True:
            one = member.format(len(members)).encode()
            left -= len(one) + 1
            if left < 0:
                break
            members.append(one)
        yield b"{" + b",".join(members) + b"}"
    yield b'{"' + b"~" * (size - 6) + b'":0}'
    yield b'{"machine":{"mac_addresses":[' + b"[],".join([b""] * (size // 4)) + b"0]}}"


def send(world: World, operation: http.Operation, body: bytes = b"", query: str = "") -> Answer:
    person = OLIVIA if operation.needs_token else None
    target = operation.path.format(**IDS) + query
    return world.request(operation.method, target, person=person, body=body)


@pytest.mark.parametrize("size", [LARGEST_BODY, LARGEST_BODY_OF_AGENT])
def test_no_body_that_fits_makes_a_long_answer(
    world: World, subtests: pytest.Subtests, size: int
) -> None:
    bodies = [*worst_bodies(size)]
    assert all(size // 2 < len(body) <= size for body in bodies)
    of_this_size = [operation for operation in TAKING_A_BODY if largest(operation) == size]
    for number, operation in enumerate(of_this_size):
        with subtests.test(operation.route):
            # All of them on the first route, and on the others some.
            for body in bodies[number % len(bodies) :: 4] if number else bodies:
                answer = send(world, operation, body)
                assert_problem(answer, 400, "invalid_request")
                assert len(answer.json["errors"]) <= 20
                assert len(answer.text.encode()) <= LONGEST_PROBLEM
            over = send(world, operation, b" " * (size + 1))
            assert_problem(over, 413, "payload_too_large")
    assert world.items() == []


NO_BODIES = {
    "a byte order mark": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"reason": "\xff"}',
    "UTF-16": "{}".encode("utf-16"),
    "a list": b"[]",
    "two documents": b"{} {}",
    "no JSON": b"reason=sold",
}


def test_every_name_of_the_contract_is_repeated_as_a_whole() -> None:
    schemas = document()["components"]["schemas"].values()
    names = {name for schema in schemas for name in schema.get("properties", {})}
    assert max(map(len, names)) < LONGEST_NAME


def test_a_body_that_is_none_is_a_400_on_any_route(world: World, subtests: pytest.Subtests) -> None:
    for operation in TAKING_A_BODY:
        with subtests.test(operation.route):
            for name, body in NO_BODIES.items():
                answer = send(world, operation, body)
                assert_problem(answer, 400, "invalid_request")
                assert pointers(answer) == [""], name
    assert world.items() == []


GOOD_BODIES = {
    "attachLicense": {"reason": "x"},
    "detachLicense": {"reason": "x"},
    "dissociateLicense": {"reason": "x"},
    "revokeLicense": {"reason": "x"},
    "resetDeviceKey": {"reason": "x"},
    "revokeTemporaryLicense": {"reason": "x"},
    "updateLicense": {"label": "x"},
    "updateOrganization": {"block_clones": True},
    "generateTemporaryLicense": {"ttl": "1h"},
    "createOrUpdateOrganization": {
        "name": "Acme",
        "valid_until": "2031-01-01T00:00:00Z",
        "status": "active",
        "max_agents": None,
    },
    "logInAgent": {"machine": {"machine_id": "m-1", "computer_name": "PC"}},
    "lookUpMachine": {"machine": {"machine_id": "m-1", "computer_name": "PC"}},
    "searchLicenses": {"text": "PC"},
    "validateLicense": {
        "license_key": "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z",
        "organization_id": "acme",
        "machine": {"machine_id": "m-1", "computer_name": "PC"},
    },
}


def test_a_member_that_is_named_twice_is_a_400_on_any_route(
    world: World, subtests: pytest.Subtests
) -> None:
    for operation in TAKING_A_BODY:
        with subtests.test(operation.route):
            good = json.dumps(GOOD_BODIES[operation.id])
            first = good[1:].partition(", ")[0].rstrip("}")
            if '"machine"' in first:
                first = '"machine": {"computer_name": "PC", "computer_name": "PC"}'
                good = "{" + good.partition(', "machine"')[0].strip("{}") + "}"
                good = "{}" if '"machine"' in good else good
            twice = good[:-1] + (", " if good != "{}" else "") + first + "}"
            answer = send(world, operation, twice.encode())
            assert_problem(answer, 400, "invalid_request", "")
            assert "twice" in answer.json["detail"]
    assert world.items() == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "APPLICATION/JSON; charset=x", "%"]
)
def test_content_type_and_accept_are_not_looked_at(world: World, kind: str) -> None:
    answer = world.request(
        "PUT",
        "/v1/organizations/acme",
        person=OLIVIA,
        body=json.dumps(GOOD_BODIES["createOrUpdateOrganization"]).encode(),
        headers=[("content-type", kind), ("accept", "text/html;q=0.9, image/png")],
    )
    assert answer.status == 201
    assert header(answer, "content-type") == "application/json"


def test_an_id_of_any_form_in_any_path_is_an_answer_of_ours(
    world: World, subtests: pytest.Subtests
) -> None:
    for operation in OPERATIONS:
        if "{" not in operation.path:
            continue
        with subtests.test(operation.route):
            body = json.dumps(GOOD_BODIES.get(operation.id)).encode()
            for odd in ODD_IDS:
                for name in IDS:
                    if f"{{{name}}}" in operation.path:
                        target = operation.path.format(**IDS | {name: odd})
                        person = OLIVIA if operation.needs_token else None
                        answer = world.request(operation.method, target, person=person, body=body)
                        # 405: a slash within the id makes it another path.
                        assert answer.status in {400, 404, 405}, (odd, answer)
                        assert_problem(answer, answer.status, answer.json["code"])
                        assert len(answer.text) < 1024
    assert world.items() == []


def test_a_parameter_of_any_form_is_a_400_that_points_at_it_or_is_taken(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    for operation in OPERATIONS:
        names = [*_parameters(operation)]
        with subtests.test(operation.route):
            for name in names:
                for value in ("", "x" * 5000, "\x00", "\N{GRINNING FACE}", "-1"):
                    answer = send(world, operation, query=f"?{name}={quote(value)}")
                    assert answer.status in {200, 400, 404}, (name, value, answer)
                    if answer.status == 400:
                        assert_problem(answer, 400, "invalid_request", f"/query/{name}")
                        assert len(answer.text) < 2048  # all types of events


def test_a_parameter_that_comes_twice_is_refused_where_it_is_no_free_text(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    licenses, every = "/v1/organizations/acme/licenses", "/v1/organizations"
    for path, name, values in (
        (licenses, "limit", ("1", "2")),
        (licenses, "status", ("active", "revoked")),
        (licenses, "primary", ("true", "false")),
        (licenses, "sort", ("label", "label")),
        (licenses, "device_key", ("true", "false")),
        (licenses, "skip", ("1", "2")),
        (every, "seats", ("full", "nearly")),
        (licenses, "cursor", ("a", "b")),
        (every, "ends_from", ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z")),
        ("/v1/organizations/acme/statistics", "days", ("1", "2")),
    ):
        with subtests.test(name):
            query = "&".join(f"{name}={value}" for value in values)
            answer = world.request("GET", f"{path}?{query}", person=OLIVIA)
            assert_problem(answer, 400, "invalid_request", f"/query/{name}")


def _parameters(operation: http.Operation) -> Iterator[str]:
    for taken in operation.takes:
        if isinstance(taken, http.Page | http.SortedPage):
            yield from ("limit", "cursor")
            if isinstance(taken, http.SortedPage):
                yield "skip"
        elif not isinstance(taken, BODIES) and hasattr(taken, "name"):
            yield taken.name
