"""`make smoke`, against the local stack in the place of a deployed one."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.local import smoke, stack
from tests.local.cast import ACME, days_from_now, organization
from tests.local.client import Client, UnexpectedAnswerError
from tests.local.events import Request, Response
from tests.local.identity import PASSWORD
from tests.local.server import Server
from tests.local.stack import Stack
from tests.local.story import deployed
from tests.local.story.teller import Teller
from tests.local.test_command import LICENSE_KEY, command

pytestmark = pytest.mark.sampled(2)


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running:
            yield running


@pytest.fixture(scope="module")
def olivia(up: Stack) -> Iterator["Operator"]:
    with closing(Client(up.url)) as client:
        yield Operator(client, token_of(up, "olivia"))


def token_of(up: Stack, name: str) -> str:
    with closing(Client(up.url)) as client:
        answer = client.log_in(up.operator_client_id, name, PASSWORD).expect(200)
        return str(answer["AuthenticationResult.IdToken"])


class Operator:
    """Olivia, who looks at what a run has left."""

    def __init__(self, client: Client, token: str) -> None:
        self._client, self.token = client, token

    def get(self, path: str) -> Any:
        """Read something."""
        return self._client.call("GET", path, token=self.token).expect(200)

    def is_cleared(self, printed: str) -> bool:
        """Whether a run has given back what it made."""
        (name,) = set(re.findall(r"/v1/organizations/(smoke-[0-9a-f]{8})\b", printed))
        status = self.get(f"/v1/organizations/{name}")["organization.subscription.status"]
        temporary = self.get(f"/v1/organizations/{name}/temporary-licenses")["licenses"]
        return status == "cancelled" and {one["status"] for one in temporary} == {"revoked"}


def tried(
    up: Stack, tmp_path: Path, *more: str, url: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """One run of the command, as the Makefile starts it."""
    clients = ("--client-id", up.operator_client_id, "--agent-client-id", up.agent_client_id)
    return command("smoke", "--url", url or up.url, *clients, *more, cwd=tmp_path, **variables)


def test_a_super_admin_is_enough_to_try_a_stack(up: Stack, olivia: Operator) -> None:
    printed: list[str] = []
    told(up, up.url, printed)
    said = "\n".join(printed)
    assert "TemporaryLicenseGenerated" in said
    assert "(olivia)  ->  401" in said
    assert olivia.is_cleared(said)


def test_with_a_partner_a_temporary_license_goes_through_its_life(
    up: Stack, olivia: Operator, tmp_path: Path
) -> None:
    passwords = {"ADMIN_PASSWORD": PASSWORD, "PARTNER_PASSWORD": PASSWORD}
    ran = tried(up, tmp_path, "--admin", "olivia", "--partner", "pavel", **passwords)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    position = 0
    for sentence in (
        "No member of an organization is named",
        "code: VALID",
        "alg: Ed25519",
        "code: MACHINE_MISMATCH",
        "code: VALID",
        "code: SUSPENDED",
        "code: EXPIRED",
        "code: VALID",
        "TemporaryLicenseUsed",
        "license.status: revoked",
        "Left behind: the organization smoke-",
        "Everything works.",
    ):
        position = ran.stdout.find(sentence, position)
        assert position >= 0, sentence
    assert PASSWORD not in ran.stdout
    assert LICENSE_KEY.search(ran.stdout) is None
    assert olivia.is_cleared(ran.stdout)


def test_with_a_member_an_agent_is_logged_in_too(
    up: Stack, olivia: Operator, tmp_path: Path
) -> None:
    with closing(Client(up.url)) as client:
        body = organization(ACME, days_from_now(30))
        client.call("PUT", f"/v1/organizations/{ACME}", body, token=olivia.token).expect(201)
    for _ in range(2):  # it can be tried again
        ran = tried(
            up, tmp_path, "--member", "amir", MEMBER_PASSWORD=PASSWORD, ADMIN_TOKEN=olivia.token
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "Agent is Blocked." in ran.stdout
        assert "Left behind: the license lic_" in ran.stdout
        assert olivia.is_cleared(ran.stdout)
    licenses = olivia.get(f"/v1/organizations/{ACME}/licenses")["licenses"]
    assert [license["status"] for license in licenses] == ["revoked"] * 2
    assert olivia.get(f"/v1/organizations/{ACME}")["organization.seats"] == 0


@pytest.mark.parametrize("step", ["detach", "dissociate"])
def test_an_agent_that_fails_half_way_is_cleared_away(
    up: Stack, olivia: Operator, step: str
) -> None:
    with closing(Client(up.url)) as client:
        client.call(
            "PUT",
            "/v1/organizations/bolt",
            organization("bolt", days_from_now(30)),
            token=olivia.token,
        )
    with (
        before(up, lambda request: BROKEN if request.path.endswith(step) else None) as url,
        pytest.raises(UnexpectedAnswerError, match="500 instead of 200"),
    ):
        told(up, url, member="boris")
    assert olivia.get("/v1/organizations/bolt")["organization.seats"] == 0


def people_of(
    up: Stack,
    url: str,
    admin: str | None,
    member: str | None = None,
    partner: str | None = None,
    password: str = PASSWORD,
) -> smoke.DeployedPeople:
    """Who plays, and signs in at an address."""
    of_agents = ("AGENT_CLIENT_ID", up.agent_client_id)
    return smoke.DeployedPeople(
        url,
        admin=smoke.Person("ADMIN", admin, "CLIENT_ID", up.operator_client_id),
        member=smoke.Person("MEMBER", member, *of_agents),
        partner=smoke.Person("PARTNER", partner, *of_agents),
        ask=lambda _: password,
    )


def told(
    up: Stack,
    url: str,
    printed: list[str] | None = None,
    *,
    admin: str | None = "olivia",
    member: str | None = None,
    partner: str | None = None,
    password: str = PASSWORD,
) -> None:
    """The same in this process, for what ends in an error: it is raised."""
    people = people_of(up, up.url, admin, member, partner, password)
    say = ([] if printed is None else printed).append
    with closing(Client(url)) as client:
        deployed.tell(
            Teller(client, say, people),
            say,
            has_member=people.member.is_there,
            has_partner=people.partner.is_there,
        )


BROKEN = Response.message(500, "Broken")


@contextmanager
def before(up: Stack, wrong: Callable[[Request], Response | None]) -> Iterator[str]:
    """Something in front of the stack that answers some requests itself."""

    def answer(request: Request) -> Response:
        with closing(HTTPConnection(urlsplit(up.url).netloc)) as http:
            http.request(request.method, request.target, request.body, dict(request.headers))
            response = http.getresponse()
            right = Response(response.status, response.getheaders(), response.read())
        return wrong(request) or right

    server = Server(answer)
    try:
        yield server.url
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("path", "wrong", "says"),
    [
        ("/v1/licenses/validate", BROKEN, "500 instead of 400"),
        ("/v1/machines/lookup", BROKEN, "500 instead of 200"),
        ("/.well-known/jwks.json", Response.of_json(200, {"keys": []}), "there is no key"),
        ("/v1/openapi.json", Response(200, [], b"<html>"), "Is it this service that is there?"),
        ("/v1/organizations/smoke", Response.of_json(200, {}), "200 instead of 401"),
    ],
)
def test_a_service_that_misbehaves_is_told(
    up: Stack, olivia: Operator, path: str, wrong: Response, says: str
) -> None:
    printed: list[str] = []
    with (
        before(up, lambda request: wrong if request.path == path else None) as url,
        pytest.raises(UnexpectedAnswerError, match=re.escape(says)),
    ):
        told(up, url, printed, partner="pavel")
    if path == "/v1/machines/lookup":
        assert olivia.is_cleared("\n".join(printed))


def test_validation_that_fails_for_agents_is_told_and_all_is_cleared(
    up: Stack, olivia: Operator, tmp_path: Path
) -> None:
    with before(up, lambda request: BROKEN if b'"nonce"' in request.body else None) as url:
        passwords = {"ADMIN_PASSWORD": PASSWORD, "PARTNER_PASSWORD": PASSWORD}
        people = ("--admin", "olivia", "--partner", "pavel")
        ran = tried(up, tmp_path, *people, url=url, **passwords)
    assert ran.returncode == 1
    assert "500 instead of 200" in ran.stdout
    assert olivia.is_cleared(ran.stdout)


@pytest.mark.parametrize(
    ("admin", "password", "says"),
    [
        ("olivia", "wrong", "olivia cannot sign in"),
        (None, "", "set ADMIN_TOKEN in the environment to a token"),
    ],
)
def test_who_cannot_sign_in_is_told_why(
    up: Stack, monkeypatch: pytest.MonkeyPatch, admin: str | None, password: str, says: str
) -> None:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    with pytest.raises(smoke.SignInError, match=says):
        told(up, up.url, admin=admin, password=password)


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        ("NEW_PASSWORD_REQUIRED", "Set a permanent password first"),
        ("SOFTWARE_TOKEN_MFA", "set ADMIN_TOKEN in the environment to an ID token"),
        ("MFA_SETUP", "set ADMIN_TOKEN in the environment to an ID token"),
    ],
)
def test_who_needs_more_than_a_password_is_told_what_to_do(
    up: Stack, challenge: str, says: str
) -> None:
    asked = Response(200, [], json.dumps({"ChallengeName": challenge}).encode())
    with (
        before(up, lambda request: asked if b"USER_PASSWORD_AUTH" in request.body else None) as url,
        pytest.raises(smoke.SignInError, match=says),
    ):
        people_of(up, url, "olivia").token("olivia", on_agent=False)


def test_who_is_no_super_admin_is_told_so(up: Stack) -> None:
    with pytest.raises(UnexpectedAnswerError, match="status 403 instead of 201"):
        told(up, up.url, admin="alice")


def test_a_wrong_password_is_no_success_and_not_shown(up: Stack, tmp_path: Path) -> None:
    ran = tried(up, tmp_path, "--admin", "olivia", ADMIN_PASSWORD="Wrong-Horse-2")
    assert ran.returncode == 1
    assert "olivia cannot sign in" in ran.stdout
    assert "Wrong-Horse-2" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_url_where_nobody_is_is_named(up: Stack, tmp_path: Path) -> None:
    ran = tried(up, tmp_path, "--admin", "olivia", url="http://127.0.0.1:1")
    assert ran.returncode == 1
    assert "http://127.0.0.1:1" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("url", "login"),
    [
        (
            "https://a1b2c3.execute-api.eu-west-1.amazonaws.com",
            "https://cognito-idp.eu-west-1.amazonaws.com",
        ),
        (
            "https://a1b2c3.execute-api.cn-north-1.amazonaws.com.cn",
            "https://cognito-idp.cn-north-1.amazonaws.com.cn",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_users_sign_in_where_the_stack_is(url: str, login: str) -> None:
    assert smoke.login_url(url) == login
