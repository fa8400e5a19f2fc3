"""Whatever is wrong with a request, it gets a clear problem answer and nothing is written."""

import base64
import json
from typing import Any

import pytest

from tests.integration.answers import assert_problem, pointers
from tests.world import ADA, ALICE, MACHINE_A, NOON, OLIVIA, YEAR, Answer, World, instant

LOGIN = "POST /v1/licenses"
VALIDATE = "POST /v1/licenses/validate"
REVOKE = "POST /v1/licenses/{license_id}/revoke"
PUT = "PUT /v1/organizations/{organization_id}"
WITH_BODY = (LOGIN, VALIDATE, REVOKE, PUT)
AGENTS = {LOGIN, VALIDATE}
FULL = {"name": "A", "valid_until": instant(NOON), "status": "active", "max_agents": None}


def without(name: str) -> dict[str, Any]:
    """An organization of which something is left out."""
    return {field: value for field, value in FULL.items() if field != name}


NO_OBJECT: dict[str, bytes] = {
    "not JSON": b"license_key=123",
    "cut off": b'{"machine": {"computer_name": "PC"',
    "two documents": b"{}{}",
    "single quotes": b"{'machine': {}}",
    "trailing comma": b'{"machine": {},}',
    "a list": b"[]",
    "a text": b'"machine"',
    "a number": b"17",
    "true": b"true",
    "null": b"null",
    "NaN": b"NaN",
    "white space": b" \r\n\t ",
    "invalid UTF-8": b'{"machine": "\xff\xfe"}',
    "UTF-16": json.dumps({"machine": MACHINE_A}).encode("utf-16"),
    "gzip": base64.b64decode("H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA=="),
    "half a surrogate": b'{"machine": {"computer_name": "\\ud800"}}',
    "a control character": b'{"machine": {"computer_name": "a\nb"}}',
    "deep lists": b"[" * 15_000,
    "deep objects": b'{"machine":' * 1_300 + b"1" + b"}" * 1_300,
    "deep unknown field": b'{"surprise":' + b"[" * 8_000 + b"]" * 8_000 + b"}",
}


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_that_is_no_json_object_is_a_400(
    world: World, subtests: pytest.Subtests, route: str
) -> None:
    license_id = _prepared(world)["license"]["id"]
    before = world.items()
    with world.counting() as calls:
        for name, body in NO_OBJECT.items():
            with subtests.test(name):
                answer = _send(world, route, license_id, body)
                assert_problem(answer, 400, "invalid_request")
                assert pointers(answer)
    assert calls == {}, "and costs nothing"
    assert world.items() == before


@pytest.mark.parametrize("route", [LOGIN, VALIDATE, PUT])
def test_no_body_is_a_400_that_says_so(world: World, route: str) -> None:
    license_id = _prepared(world)["license"]["id"]
    for headers in ([], [("content-type", "application/json")]):
        answer = _send(world, route, license_id, b"", headers)
        assert_problem(answer, 400, "invalid_request", "")
        assert "no body" in answer.json["detail"]


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_of_a_megabyte_is_a_413(world: World, route: str) -> None:
    license_id = _prepared(world)["license"]["id"]
    before = world.items()
    large = json.dumps({"machine": {"computer_name": "x" * 1_000_000}}).encode()
    with world.counting() as calls:
        for headers in ([], [("content-type", "application/octet-stream")]):
            answer = _send(world, route, license_id, large, headers)
            assert_problem(answer, 413, "payload_too_large")
            assert f"{_largest(route)} bytes" in answer.json["detail"]
    assert calls == {}
    assert world.items() == before


def _largest(route: str) -> int:
    """How many bytes the body of a request may have."""
    return 16_384 if route in AGENTS else 65_536


WRONG_FIELDS: dict[str, dict[str, tuple[dict[str, Any], list[str]]]] = {
    LOGIN: {
        "nothing": ({}, ["/machine"]),
        "null machine": ({"machine": None}, ["/machine"]),
        "list for machine": ({"machine": []}, ["/machine"]),
        "wrong types": (
            {
                "machine": {"machine_id": 7, "mac_addresses": "3c:52", "computer_name": ["PC"]},
                "environment": True,
                "agent_version": 4.5,
            },
            [
                "/agent_version",
                "/environment",
                "/machine/computer_name",
                "/machine/mac_addresses",
                "/machine/machine_id",
            ],
        ),
        "a wrong element": (
            {"machine": {"mac_addresses": ["3c:52:82:0a:1b:2c", 5, None]}},
            ["/machine/mac_addresses/1", "/machine/mac_addresses/2"],
        ),
        "unknown fields": (
            {"machine": MACHINE_A | {"serial": "1"}, "organization_id": "bolt"},
            ["/machine/serial", "/organization_id"],
        ),
        "fields with / and ~": (
            {"machine": MACHINE_A, "a/b~c": 1},
            ["/a~1b~0c"],
        ),
        "another case": ({"Machine": MACHINE_A}, ["/Machine", "/machine"]),
        "no environment": ({"machine": MACHINE_A, "environment": ""}, ["/environment"]),
        "null environment": ({"machine": MACHINE_A, "environment": None}, ["/environment"]),
        "environment of odd characters": (
            {"machine": MACHINE_A, "environment": "prod#1"},
            ["/environment"],
        ),
        "environment with a line feed": (
            {"machine": MACHINE_A, "environment": "prod\n"},
            ["/environment"],
        ),
        "long environment": ({"machine": MACHINE_A, "environment": "e" * 65}, ["/environment"]),
        "long version": ({"machine": MACHINE_A, "agent_version": "4" * 33}, ["/agent_version"]),
        "version with a line feed": (
            {"machine": MACHINE_A, "agent_version": "4.5\n"},
            ["/agent_version"],
        ),
        "long name": (
            {"machine": MACHINE_A | {"computer_name": "n" * 256}},
            ["/machine/computer_name"],
        ),
        "long id": ({"machine": MACHINE_A | {"machine_id": "n" * 257}}, ["/machine/machine_id"]),
        "too many MACs": (
            {"machine": MACHINE_A | {"mac_addresses": [""] * 1025}},
            ["/machine/mac_addresses"],
        ),
        "one component": ({"machine": {"computer_name": "ACME-PC-01"}}, ["/machine"]),
    },
    VALIDATE: {
        "nothing": ({}, ["/license_key", "/machine", "/organization_id"]),
        "wrong types": (
            {"license_key": 1, "organization_id": [], "machine": "PC", "nonce": {}},
            ["/license_key", "/machine", "/nonce", "/organization_id"],
        ),
        "empty values": (
            {"license_key": "", "organization_id": "", "machine": {}, "nonce": ""},
            ["/license_key", "/nonce", "/organization_id"],
        ),
        "no key": (
            {"license_key": "ABCDE-12345"},
            ["/license_key", "/machine", "/organization_id"],
        ),
        "a long key": (
            {"license_key": "A" * 129, "organization_id": "acme", "machine": MACHINE_A},
            ["/license_key"],
        ),
        "a key of strange letters": (
            {"license_key": "Ä" * 45, "organization_id": "acme", "machine": MACHINE_A},
            ["/license_key"],
        ),
        "organization by name": (
            {"license_key": "{license_key}", "organization_id": "Acme", "machine": MACHINE_A},
            ["/organization_id"],
        ),
        "a long nonce": (
            {
                "license_key": "{license_key}",
                "organization_id": "acme",
                "machine": MACHINE_A,
                "nonce": "n" * 129,
            },
            ["/nonce"],
        ),
        "user credentials": (
            {
                "license_key": "{license_key}",
                "organization_id": "acme",
                "machine": MACHINE_A,
                "password": "Correct-Horse-1",
            },
            ["/password"],
        ),
        "one component": (
            {
                "license_key": "{license_key}",
                "organization_id": "acme",
                "machine": {"mac_addresses": MACHINE_A["mac_addresses"]},
            },
            ["/machine"],
        ),
    },
    REVOKE: {
        "wrong type": ({"reason": 5}, ["/reason"]),
        "empty reason": ({"reason": ""}, ["/reason"]),
        "long reason": ({"reason": "r" * 501}, ["/reason"]),
        "unknown field": ({"why": "sold"}, ["/why"]),
    },
    PUT: {
        "nothing": ({}, ["/max_agents", "/name", "/status", "/valid_until"]),
        "no name": (without("name"), ["/name"]),
        "no end": (without("valid_until"), ["/valid_until"]),
        "no status": (without("status"), ["/status"]),
        "no limit": (without("max_agents"), ["/max_agents"]),
        "wrong types": (
            {"name": 1, "valid_until": 1900000000, "status": 1, "max_agents": "3"},
            ["/max_agents", "/name", "/status", "/valid_until"],
        ),
        "blank name": (FULL | {"name": "  "}, ["/name"]),
        "long name": (FULL | {"name": "n" * 201}, ["/name"]),
        "no such day": (FULL | {"valid_until": "2031-02-30T00:00:00Z"}, ["/valid_until"]),
        "no offset": (FULL | {"valid_until": "2031-01-01T00:00:00"}, ["/valid_until"]),
        "a date": (FULL | {"valid_until": "2031-01-01"}, ["/valid_until"]),
        "words": (FULL | {"valid_until": "next year"}, ["/valid_until"]),
        "before 1970": (FULL | {"valid_until": "1969-12-31T23:59:59Z"}, ["/valid_until"]),
        "after 9999": (
            FULL | {"valid_until": "9999-12-31T23:59:59-01:00"},
            ["/valid_until"],
        ),
        "no such status": (
            FULL | {"status": "expired"},
            ["/status"],
        ),
        "negative": (
            FULL | {"max_agents": -1},
            ["/max_agents"],
        ),
        "fraction": (
            FULL | {"max_agents": 1.5},
            ["/max_agents"],
        ),
        "truth": (FULL | {"max_agents": True}, ["/max_agents"]),
        "huge": (
            FULL | {"max_agents": 10**40},
            ["/max_agents"],
        ),
        "seats": (FULL | {"seats": 0}, ["/seats"]),
    },
}


@pytest.mark.parametrize("route", WITH_BODY)
def test_every_wrong_field_is_pointed_at(
    world: World, subtests: pytest.Subtests, route: str
) -> None:
    issued = _prepared(world)
    before = world.items()
    for name, (body, wrong) in WRONG_FIELDS[route].items():
        with subtests.test(name):
            text = json.dumps(body).replace("{license_key}", issued["license_key"])
            answer = _send(world, route, issued["license"]["id"], text.encode())
            assert_problem(answer, 400, "invalid_request", *wrong)
    assert world.items() == before


def test_what_is_wrong_with_a_time_is_said_in_a_sentence(world: World) -> None:
    world.register("acme")
    told = "It must be between the years 1970 and 9999"
    body = json.dumps(FULL | {"valid_until": "1969-12-31T23:59:59Z"}).encode()
    (error,) = _send(world, PUT, "", body).json["errors"]
    assert error["detail"] == told
    answer = world.request(
        "GET", "/v1/organizations/acme/events?from=0002-01-01T00:00:00Z", person=ADA
    )
    assert answer.json["errors"] == [{"pointer": "/query/from", "detail": f"{told}."}]


def test_a_problem_repeats_nothing_of_what_was_sent(world: World) -> None:
    issued = _prepared(world)
    sent = {
        "license_key": issued["license_key"][:-1] + "!",
        "organization_id": "SECRET-ORGANIZATION",
        "machine": {"machine_id": ["SECRET-ID"], "mac_addresses": [7]},
        "nonce": "SECRET NONCE",
    }
    answer = world.request("POST", "/v1/licenses/validate", json=sent)
    assert answer.status == 400
    assert "SECRET" not in json.dumps(answer.json)
    assert issued["license_key"][:20] not in json.dumps(answer.json)


def test_a_body_that_the_gateway_hands_over_in_base64_is_read_like_any_other(
    world: World,
) -> None:
    world.register("acme")
    body = json.dumps({"machine": MACHINE_A | {"computer_name": "ÄCME-PC"}}).encode()
    answers = [
        world.request(
            "POST", "/v1/licenses", person=ALICE, body=body, headers=[("content-type", kind)]
        )
        for kind in ("application/octet-stream", "application/json")
    ]
    assert [exchange.event["isBase64Encoded"] for exchange in world.exchanges[-2:]] == [True, False]
    assert [answer.status for answer in answers] == [201, 200]
    assert answers[0].json["license_key"] == answers[1].json["license_key"]


def test_an_organization_cannot_be_registered_under_an_id_that_is_none(
    world: World, subtests: pytest.Subtests
) -> None:
    for organization_id in ("Acme", "a", "-acme", "acme_1", "a" * 64, "a" * 3000, "%C3%A4cme"):
        with subtests.test(organization_id[:10]):
            answer = world.request(
                "PUT",
                f"/v1/organizations/{organization_id}",
                person=OLIVIA,
                json=FULL | {"name": "Acme", "valid_until": instant(NOON + YEAR)},
            )
            assert_problem(answer, 400, "invalid_request", "/path/organization_id")
    assert world.items() == []


def test_an_if_match_that_is_malformed_changes_nothing(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    before = world.items()
    for etag in ("", "abc", "1", '"1', '1"', "-1", "W/1", '"1" "2"', '"1";', "*, *", '*, "1"', ","):
        with subtests.test(etag[:10]):
            answer = world.request(
                "PUT",
                "/v1/organizations/acme",
                person=OLIVIA,
                json=FULL | {"name": "Acme Two", "valid_until": instant(NOON + YEAR)},
                headers=[("If-Match", etag)],
            )
            assert_problem(answer, 400, "invalid_request", "/headers/if-match")
    assert world.items() == before


def _prepared(world: World) -> Any:
    world.register("acme")
    return world.login(ALICE).json


def _send(
    world: World,
    route: str,
    license_id: str,
    body: bytes,
    headers: list[tuple[str, str]] | None = None,
) -> Answer:
    """Send a body with the token of somebody who may; nothing but the body is wrong."""
    method, path = route.split(" ")
    target = path.format(license_id=license_id, organization_id="acme")
    person = {LOGIN: ALICE, VALIDATE: None, REVOKE: ADA, PUT: OLIVIA}[route]
    if headers is None:
        headers = [("content-type", "application/json")]
    return world.request(method, target, person=person, body=body, headers=headers)
