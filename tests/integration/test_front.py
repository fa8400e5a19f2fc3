"""Behind CloudFront, nobody gets past it, and who called is on record as CloudFront says.

Where nothing stands in front, its headers are anybody's, and none of them counts.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.integration import trail
from tests.world import OLIVIA, Answer, World

KEY, OLDER = "k" * 64, "o" * 64
ROUTES = [
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/portal"),
    ("GET", "/v1/me"),
    ("POST", "/v1/licenses/validate"),
    ("GET", "/nothing"),
    ("DELETE", "/v1/me"),
    ("OPTIONS", "/v1/me"),
]
SERVED = ROUTES[:4]


@pytest.fixture
def behind(world: World) -> Iterator[World]:
    """A world behind CloudFront."""
    plain = world.runtime.settings
    world.runtime.settings = replace(plain, origin_keys=(KEY, OLDER))
    yield world
    world.runtime.settings = plain


def passed_on(world: World, method: str, target: str, viewer: str, **more: Any) -> Answer:
    """What CloudFront passes on of a caller's request, and what it answers."""
    headers = [("x-origin-key", KEY), ("cloudfront-viewer-address", viewer)]
    return world.request(method, target, headers=headers, source_ip="192.0.2.200", **more)


@pytest.mark.parametrize("shown", [None, "", "k" * 63, "K" * 64, "\xe9"])
@pytest.mark.parametrize(("method", "target"), ROUTES)
def test_nobody_gets_past_the_front(
    behind: World, method: str, target: str, shown: str | None
) -> None:
    headers = [] if shown is None else [("x-origin-key", shown)]
    answer = behind.request(method, target, person=OLIVIA, headers=headers)
    assert answer.status == 403
    assert [*answer.json] == ["message"], "no problem of the service: agents go by those"
    assert KEY not in answer.text
    behind.exchanges.clear()  # it stands before the API, whose contract does not mention it


@pytest.mark.parametrize("key", [KEY, OLDER])
def test_while_the_key_is_changed_both_are_good(behind: World, key: str) -> None:
    headers = [("x-origin-key", key)]
    assert behind.request("GET", "/v1/me", person=OLIVIA, headers=headers).status == 200


@pytest.mark.parametrize(("method", "target"), SERVED)
def test_what_comes_by_the_front_is_answered(behind: World, method: str, target: str) -> None:
    answer = passed_on(behind, method, target, "198.51.100.7:443", person=OLIVIA)
    assert answer.status == (400 if method == "POST" else 200)


@pytest.mark.parametrize(
    ("viewer", "address"),
    [
        ("198.51.100.7:46532", "198.51.100.7"),
        ("2001:db8::7:443", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
    ],
)
def test_r32_behind_the_front_the_callers_address_is_on_record(
    behind: World, viewer: str, address: str
) -> None:
    body = {
        "name": "Acme",
        "valid_until": "2031-03-17T17:46:40Z",
        "status": "active",
        "max_agents": None,
    }
    path = "/v1/organizations/acme"
    assert passed_on(behind, "PUT", path, viewer, person=OLIVIA, json=body).status == 201
    (created,) = trail.events(behind, "OrganizationCreated")
    assert created["source_address"] == address


def test_r32_without_a_front_nobody_chooses_the_address_on_record(world: World) -> None:
    world.register("acme")
    path = "/v1/organizations/acme/licenses"
    passed_on(world, "GET", path, "198.51.100.7:443", person=OLIVIA)
    (read,) = trail.events(world, "OrganizationRead")
    assert read["source_address"] == "192.0.2.200"


@pytest.mark.parametrize("target", ["/base/v1/me", "/licensing/v1/licenses/validate"])
def test_a_base_path_is_said_to_be_none(world: World, target: str) -> None:
    answer = world.request("GET", target, person=OLIVIA)
    assert answer.status == 404
    assert "not behind a base path" in answer.json["detail"]
    plain = world.request("GET", "/nothing", person=OLIVIA)
    assert "Check the method and the path" in plain.json["detail"]
