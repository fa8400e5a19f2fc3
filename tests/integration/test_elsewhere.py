"""What fits no route: it is said what there is, to anybody, and nothing is touched."""

from collections.abc import Iterator

import pytest

from discovery.handler import ROUTES
from tests.integration.answers import assert_problem, header
from tests.world import ADA, OLIVIA, World

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
NOWHERE = (
    "/",
    "/v1",
    "/v1/",
    "/v2/licenses",
    "/v1/nothing",
    "/v1/me/",
    "//v1/me",
    "/v1//me",
    "/V1/me",
    "/v1/me%00",
    "/v1/me%0A",
    "/v1/licenses/",
    "/v1/licenses/lic_0000000000000000/",
    "/v1/licenses/lic_0000000000000000/burn",
    "/v1/licenses//events",
    "/v1/../v1/me",
    "/portal/",
    "/favicon.ico",
    "/.well-known/openid-configuration",
    "/$default",
    "/" + "x" * 5000,
)


def paths() -> Iterator[tuple[str, set[str]]]:
    """Each path of the API, with ids in it, and its methods."""
    found: dict[str, set[str]] = {}
    for route in ROUTES:
        method, _, path = route.partition(" ")
        found.setdefault(path, set()).add(method)
    for path, methods in found.items():
        yield path.replace("{", "").replace("}", ""), methods


def test_another_method_of_a_path_is_a_405_that_says_which_there_are(
    world: World, subtests: pytest.Subtests
) -> None:
    with world.counting() as calls:
        for path, methods in paths():
            # What is in the place of an id may be a word that has a route of its own.
            is_word = path in {"/v1/licenses/validate", "/v1/licenses/search"}
            taken = {"GET", "PATCH"} if is_word else set()
            for method in sorted({*METHODS} - methods - taken):
                with subtests.test(f"{method} {path}"):
                    answer = world.request(method, path, person=OLIVIA)
                    listed = (header(answer, "allow") or "").split(", ")
                    assert listed == sorted({*methods, "OPTIONS"})
                    if method == "OPTIONS":
                        assert (answer.status, answer.text) == (204, "")
                        assert header(answer, "content-type") is None
                    elif method == "HEAD":
                        assert (answer.status, answer.text) == (405, "")
                    else:
                        assert_problem(answer, 405, "method_not_allowed")
                    assert world.exchanges[-1].route == "$default"
    assert calls == {}


def test_a_path_that_is_none_is_a_404_whatever_the_method(
    world: World, subtests: pytest.Subtests
) -> None:
    with world.counting() as calls:
        for path in NOWHERE:
            for method in METHODS:
                with subtests.test(f"{method} {path[:40]}"):
                    answer = world.request(method, path, person=ADA)
                    assert answer.status == 404
                    assert header(answer, "allow") is None
                    if method != "HEAD":
                        assert_problem(answer, 404, "not_found")
                        assert path[1:] not in answer.text or len(path) < 4
    assert calls == {}


def test_it_carries_what_every_answer_carries_and_lets_no_other_origin_in(world: World) -> None:
    origin = [
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "authorization"),
    ]
    answers = [
        world.request("OPTIONS", "/v1/organizations/acme", headers=origin),
        world.request("DELETE", "/v1/organizations/acme", headers=origin),
        world.request("GET", "/nowhere", headers=origin),
        world.request("GET", "/v1/openapi.json", headers=origin),
        world.request("GET", "/portal", headers=origin),
    ]
    assert [answer.status for answer in answers] == [204, 405, 404, 200, 200]
    for answer in answers:
        assert header(answer, "x-content-type-options") == "nosniff"
        assert header(answer, "strict-transport-security") is not None
        assert "frame-ancestors 'none'" in (header(answer, "content-security-policy") or "")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_what_anybody_may_read_anybody_may_ask_about(world: World) -> None:
    script = world.request("GET", "/portal").text.partition('src="')[2].partition('"')[0]
    for path in ("/.well-known/jwks.json", "/v1/openapi.json", "/portal", script):
        whole, answer = world.request("GET", path), world.request("HEAD", path)
        assert (whole.status, answer.status, answer.text) == (200, 200, ""), path
        assert answer.headers == whole.headers
        known = [("If-None-Match", header(whole, "etag") or "")]
        for method in ("GET", "HEAD"):
            again = world.request(method, path, headers=known)
            assert (again.status, again.text) == (304, ""), path
    # A problem is one for HEAD, too.
    absent = world.request("HEAD", "/portal/0/main.js")
    assert (absent.status, absent.text) == (404, "")
