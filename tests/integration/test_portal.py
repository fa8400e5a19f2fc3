"""`GET /portal` and what its page loads, served by the real function beside a real provider."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from licensing.entrypoints import snapstart
from tests.integration.answers import assert_problem, header
from tests.local import events
from tests.local.server import Server
from tests.world import OPERATORS, World, new_world

pytestmark = pytest.mark.sampled(2)

STATIC = Path(__file__).parents[2] / "functions" / "portal" / "static"
PATH = "/.well-known/openid-configuration"


@dataclass
class Provider:
    """An identity provider on this machine."""

    server: Server = field(init=False)
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    changed: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = Server(self.answer)

    @property
    def url(self) -> str:
        """Its issuer."""
        return self.server.url

    def answer(self, request: events.Request) -> events.Response:
        """Its document, or what a test has it say."""
        self.asked.append(request.target)
        said = {
            "issuer": self.url,
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
            "end_session_endpoint": "https://login.example/logout",
            **self.changed,
        }
        body = json.dumps(said).encode() if self.body is None else self.body
        return events.Response(self.status, self.headers, body)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    try:
        yield made
    finally:
        made.server.stop()


@pytest.fixture
def registered(provider: Provider) -> Iterator[World]:
    """A deployment whose portal is registered at the provider."""
    with new_world(
        Issuer=provider.url,
        PortalUrl="https://portal.example",
        OperatorClientId="portal",
        CommandLineClientId="command-line",
        PortalScope="openid email",
    ) as world:
        yield world


def loaded(world: World) -> list[str]:
    """What the page loads."""
    page = world.request("GET", "/portal").text
    return re.findall(r'(?:src|href)="(/portal/[^"]+)"', page)


def connects_to(world: World) -> list[str]:
    """Where the page's scripts may connect to."""
    policy = header(world.request("GET", "/portal"), "content-security-policy") or ""
    found = re.search(r"connect-src ([^;]+)", policy)
    assert found is not None
    return found[1].split()


def test_the_page_loads_files_of_its_own_version_that_are_there(world: World) -> None:
    assert loaded(world)
    for target in loaded(world):
        answer = world.request("GET", target)
        assert answer.status == 200, target
        assert answer.text == (STATIC / target.rpartition("/")[2]).read_text(encoding="utf-8")


def test_the_page_is_asked_for_anew_and_carries_its_policy(world: World) -> None:
    answer = world.request("GET", "/portal")
    assert answer.status == 200
    assert header(answer, "content-type") == "text/html; charset=utf-8"
    assert header(answer, "cache-control") == "no-cache"
    assert (header(answer, "content-security-policy") or "").startswith("default-src 'none'; ")
    assert "{version}" not in answer.text


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/portal", 200),
        ("/portal/old/main.js", 404),
        ("/portal/old/starting.js", 200),
        ("/.well-known/jwks.json", 200),
        ("/v1/openapi.json", 200),
        ("/v1/me", 401),
        ("/v1/licenses/nothing", 401),
    ],
)
def test_every_answer_is_to_be_had_by_tls_alone_and_taken_for_nothing_else(
    world: World, target: str, status: int
) -> None:
    answer = world.request("GET", target)
    assert answer.status == status
    assert header(answer, "strict-transport-security") == "max-age=31536000; includeSubDomains"
    assert header(answer, "x-content-type-options") == "nosniff"
    policy = header(answer, "content-security-policy") or ""
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy


def test_a_browser_is_told_at_once_of_all_scripts_that_import_by_import_it_would_come_to(
    world: World,
) -> None:
    page = world.request("GET", "/portal").text
    told = re.findall(r'<link rel="modulepreload" href="/portal/[0-9a-f]{32}/([a-z-]+\.js)">', page)
    needed, found = ["starting.js"], set[str]()
    while needed:
        name = needed.pop()
        if name not in found:
            found.add(name)
            script = (STATIC / name).read_text(encoding="utf-8")
            needed += re.findall(r'^(?:import|\} from) .*"\./(.+)";$', script, re.MULTILINE)
            needed += re.findall(r'\bimport\("\./(.+)"\)\)', script)
    assert sorted(told) == sorted(found) == sorted(path.name for path in STATIC.glob("*.js"))


def test_every_file_is_served_for_ever_as_what_it_is(world: World) -> None:
    version = loaded(world)[0].split("/")[2]
    names = {path.name for path in STATIC.iterdir() if path.is_file()} - {"index.html"}
    for name in names:
        answer = world.request("GET", f"/portal/{version}/{name}")
        assert answer.status == 200
        assert header(answer, "cache-control") == "public, max-age=31536000, immutable"
        assert header(answer, "x-content-type-options") == "nosniff"
        assert (header(answer, "content-type") or "").endswith("; charset=utf-8")


@pytest.mark.parametrize(
    "name",
    ["index.html", "handler.py", "..", "%2e%2e", "MAIN.JS", "%20"],
)
def test_a_name_that_is_none_is_not_found(world: World, name: str) -> None:
    version = loaded(world)[0].split("/")[2]
    assert_problem(world.request("GET", f"/portal/{version}/{name}"), 404, "not_found")


@pytest.mark.parametrize("name", ["..%5Chandler.py", "main.js%00"])
def test_what_can_be_no_name_fits_no_route(world: World, name: str) -> None:
    version = loaded(world)[0].split("/")[2]
    assert_problem(world.request("GET", f"/portal/{version}/{name}"), 404, "not_found")


@pytest.mark.parametrize("version", ["0" * 32, "%7Bversion%7D", "static", ".."])
def test_another_version_is_not_found_and_the_answer_is_not_kept(
    world: World, version: str
) -> None:
    assert_problem(world.request("GET", f"/portal/{version}/main.js"), 404, "not_found")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"another", {}', "*"])
def test_a_browser_that_has_the_page_is_told_so(world: World, form: str) -> None:
    first = world.request("GET", "/portal")
    named = form.format(header(first, "etag"))
    again = world.request("GET", "/portal", headers=[("If-None-Match", named)])
    assert (again.status, again.text) == (304, "")
    for name in ("etag", "cache-control", "content-security-policy"):
        assert header(again, name) == header(first, name)


@pytest.mark.parametrize("named", ["", '"another"', "another", 'W/"another", "more"'])
def test_a_browser_that_has_another_page_gets_this_one(world: World, named: str) -> None:
    answer = world.request("GET", "/portal", headers=[("If-None-Match", named)])
    assert (answer.status, answer.text != "") == (200, True)


def test_the_page_can_be_asked_about_without_being_sent(world: World) -> None:
    answer, whole = world.request("HEAD", "/portal"), world.request("GET", "/portal")
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers == whole.headers


def test_without_an_address_nobody_signs_in_but_at_the_command_line(provider: Provider) -> None:
    with new_world(Issuer=provider.url) as world:
        answer = world.request("GET", "/portal/configuration.json")
        assert answer.status == 200
        assert answer.json["client_id"] is None
        assert answer.json["command_line_client_id"] == OPERATORS
        assert answer.json["token_endpoint"] == "https://login.example/token"
        assert connects_to(world) == ["'self'"]


def test_the_configuration_says_where_and_as_what_people_sign_in(
    registered: World, provider: Provider
) -> None:
    answer = registered.request("GET", "/portal/configuration.json")
    assert (answer.status, header(answer, "cache-control")) == (200, "no-store")
    assert answer.json == {
        "issuer": provider.url,
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example/token",
        "end_session_endpoint": "https://login.example/logout",
        "revocation_endpoint": None,
        "client_id": "portal",
        "command_line_client_id": "command-line",
        "scope": "openid email",
    }
    assert provider.asked == [PATH]


def test_scripts_may_reach_the_token_endpoint_where_it_is_elsewhere(
    registered: World, provider: Provider
) -> None:
    assert connects_to(registered) == ["'self'", "https://login.example"]
    registered.clock.advance(3600)
    provider.changed = {"token_endpoint": "https://portal.example/oauth2/token"}
    assert connects_to(registered) == ["'self'"]


def test_scripts_may_reach_the_revocation_endpoint_where_it_is_elsewhere(
    registered: World, provider: Provider
) -> None:
    for endpoint, more in {
        "https://login.example/revoke": [],
        "https://portal.example/revoke": [],
        "https://ends.example/revoke": ["https://ends.example"],
    }.items():
        registered.clock.advance(3600)
        provider.changed = {"revocation_endpoint": endpoint}
        answer = registered.request("GET", "/portal/configuration.json")
        assert answer.json["revocation_endpoint"] == endpoint
        assert connects_to(registered) == ["'self'", "https://login.example", *more]


def test_a_page_whose_policy_has_changed_is_sent_anew(
    registered: World, provider: Provider
) -> None:
    etag = header(registered.request("GET", "/portal"), "etag") or ""
    registered.clock.advance(3600)
    provider.changed = {"token_endpoint": "https://new.example/token"}
    answer = registered.request("GET", "/portal", headers=[("If-None-Match", etag)])
    assert answer.status == 200
    assert "https://new.example" in (header(answer, "content-security-policy") or "")


def test_what_the_provider_said_is_used_while_it_is_out_of_reach(
    registered: World, provider: Provider
) -> None:
    first = registered.request("GET", "/portal/configuration.json")
    provider.server.stop()
    registered.clock.advance(3600)
    again = registered.request("GET", "/portal/configuration.json")
    assert (again.status, again.json) == (200, first.json)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 404},
        {"status": 302, "headers": [("location", "https://evil.example/")]},
        {"body": b"<html>"},
        {"body": b"{}"},
        {"body": b" " * 65_537},
        {"changed": {"issuer": "https://evil.example"}},
        {"changed": {"token_endpoint": "http://login.example/token"}},
        {"changed": {"revocation_endpoint": "http://login.example/revoke"}},
    ],
    ids=lambda fault: str(fault)[:40],
)
def test_a_provider_that_has_never_said_anything_good_is_waited_for(
    registered: World, provider: Provider, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(provider, name, value)
    answer = registered.request("GET", "/portal/configuration.json")
    assert_problem(answer, 503, "unavailable")
    assert int(header(answer, "retry-after") or 0) >= 1
    # The page is there all the same, to say so.
    assert registered.request("GET", "/portal").status == 200
    assert connects_to(registered) == ["'self'"]
    provider.status, provider.headers, provider.changed, provider.body = 200, [], {}, None
    assert registered.request("GET", "/portal/configuration.json").status == 200


def test_a_provider_that_nobody_reaches_is_waited_for(
    registered: World, provider: Provider
) -> None:
    provider.server.stop()
    answer = registered.request("GET", "/portal/configuration.json")
    assert_problem(answer, 503, "unavailable")


def test_the_largest_document_is_read(registered: World, provider: Provider) -> None:
    provider.changed = {"padding": ""}
    room = 65_536 - len(provider.answer(events.Request("GET", "/", [], b"", "")).body)
    provider.changed = {"padding": "x" * room}
    assert registered.request("GET", "/portal/configuration.json").status == 200


def test_nothing_of_the_provider_is_in_a_snapshot(registered: World, provider: Provider) -> None:
    snapstart.prepare()
    assert provider.asked == []
    registered.request("GET", "/portal/configuration.json")
    snapstart.resume()
    provider.changed = {"token_endpoint": "https://new.example/token"}
    told = registered.request("GET", "/portal/configuration.json").json
    assert told["token_endpoint"] == "https://new.example/token"


def test_the_portal_asks_nothing_of_aws(registered: World) -> None:
    with registered.counting() as calls:
        for target in ("/portal", "/portal/configuration.json", *loaded(registered)):
            assert registered.request("GET", target).status == 200
    assert calls == {}
