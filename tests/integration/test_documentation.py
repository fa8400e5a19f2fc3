"""`GET /docs` and what its page loads, served by the real function."""

import re

import pytest

from licensing.entrypoints.site import documentation_policy, swagger_ui
from portal.handler import DOCUMENTATION
from tests.integration.answers import assert_problem, header
from tests.world import Answer, World, new_world

pytestmark = pytest.mark.sampled(2)

SCRIPT, STYLE = swagger_ui()


def loaded(world: World) -> list[str]:
    """What the page loads."""
    return re.findall(r'(?:src|href)="(/docs/[^"]+)"', world.request("GET", "/docs").text)


def script(world: World) -> str:
    """The address of Swagger UI's script."""
    (found,) = (target for target in loaded(world) if target.endswith(SCRIPT.name))
    return found


def asked(world: World, target: str, accepted: str, tag: str = "") -> Answer:
    """The answer to who takes these encodings, and has what the tag names."""
    headers = [("accept-encoding", accepted), *([("if-none-match", tag)] if tag else [])]
    return world.request("GET", target, headers=headers)


def test_the_page_is_asked_for_anew_by_anybody_and_carries_its_policy(world: World) -> None:
    answer = world.request("GET", "/docs")
    assert (answer.status, header(answer, "cache-control")) == (200, "no-cache")
    assert header(answer, "content-type") == "text/html; charset=utf-8"
    assert header(answer, "content-security-policy") == documentation_policy()
    assert header(answer, "referrer-policy") == "no-referrer"
    again = world.request("GET", "/docs", headers=[("if-none-match", header(answer, "etag") or "")])
    assert (again.status, again.text) == (304, "")


def test_its_files_are_served_for_ever_as_what_they_are(world: World) -> None:
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert len(loaded(world)) == 4
    for target in loaded(world):
        answer = world.request("GET", target)
        assert answer.status == 200
        assert header(answer, "cache-control") == "public, max-age=31536000, immutable"
        kind = kinds[target[target.rindex(".") :]]
        assert header(answer, "content-type") == f"{kind}; charset=utf-8"
        head = world.request("HEAD", target)
        assert (head.status, head.text, head.headers) == (200, "", answer.headers)


def test_a_file_comes_packed_to_who_takes_that_and_fits_an_answer_of_lambdas(world: World) -> None:
    whole = SCRIPT.read_text(encoding="utf-8")
    packed = asked(world, script(world), "gzip, deflate, br, zstd")
    assert header(packed, "content-encoding") == "gzip"
    assert packed.text == whole
    assert len(packed.sent) < len(whole) / 2
    plain = asked(world, script(world), "br")
    assert header(plain, "content-encoding") is None
    assert plain.text == whole
    assert len(plain.sent.encode()) < 6_000_000
    assert header(plain, "vary") == header(packed, "vary") == "accept-encoding"


def test_who_has_a_file_in_one_encoding_has_it_not_in_the_other(world: World) -> None:
    packed, plain = (header(asked(world, script(world), it), "etag") or "" for it in ("gzip", ""))
    assert packed != plain
    assert asked(world, script(world), "gzip", packed).status == 304
    assert asked(world, script(world), "", plain).status == 304
    assert asked(world, script(world), "", packed).status == 200
    assert asked(world, script(world), "gzip", plain).status == 200


@pytest.mark.parametrize("accepted", ["gzip;q=0", "gzip;q=0.000, br", "x-gzipped", "identity", "*"])
def test_who_does_not_name_gzip_or_refuses_it_gets_it_not(world: World, accepted: str) -> None:
    assert header(asked(world, loaded(world)[1], accepted), "content-encoding") is None


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, GZIP ; q=0.2", "deflate,gzip", "x-gzip"])
def test_who_names_gzip_in_whatever_way_gets_it(world: World, accepted: str) -> None:
    assert header(asked(world, loaded(world)[1], accepted), "content-encoding") == "gzip"


def test_the_contract_comes_packed_too(world: World) -> None:
    packed = asked(world, "/v1/openapi.json", "gzip")
    plain = asked(world, "/v1/openapi.json", "")
    assert packed.json == plain.json
    assert len(packed.sent) < len(plain.sent) / 4


@pytest.mark.parametrize("target", ["/docs/old/main.js", "/docs/{version}/index.html", "/docs/"])
def test_what_is_not_there_is_not_found_and_the_answer_is_not_kept(
    world: World, target: str
) -> None:
    version = script(world).split("/")[2]
    answer = world.request("GET", target.format(version=version))
    assert_problem(answer, 404, "not_found")
    assert header(answer, "cache-control") == "no-store"


def test_files_of_the_portal_and_of_the_documentation_are_not_each_others(world: World) -> None:
    portal = re.findall(r'src="(/portal/[^"]+)"', world.request("GET", "/portal").text)[0]
    version = portal.split("/")[2]
    for target in (f"/docs/{version}/main.js", script(world).replace("docs", "portal")):
        assert_problem(world.request("GET", target), 404, "not_found")


def test_switched_off_neither_page_nor_files_are_there_but_portal_and_contract_are() -> None:
    targets = ["/docs", *re.findall(r'(?:src|href)="(/docs/[^"]+)"', DOCUMENTATION.page.text)]
    with new_world(ApiDocumentation="off") as without:
        for target in targets:
            answer = without.request("GET", target)
            assert_problem(answer, 404, "not_found")
            assert without.request("HEAD", target).status == 404
            assert "content-encoding" not in {name.lower() for name in answer.headers}
        for target in ("/portal", "/v1/openapi.json"):
            assert without.request("GET", target).status == 200
