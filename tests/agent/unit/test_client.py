"""Both clients at a socket: what they send, what they make of answers, whom they tell."""

import asyncio
import inspect
import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from licensing_agent import (
    AsyncClient,
    Client,
    Configuration,
    FolderInUse,
    SignInFailed,
    Status,
    System,
    core,
)
from licensing_agent.machine.sources import Platform
from licensing_agent.obstacles import Obstacle
from licensing_agent.protocol.credentials import TooFewCredentials
from licensing_agent.storage import store
from licensing_agent.storage.encrypted_file import Trouble
from tests.agent.samples import JWKS, LICENSE_KEY
from tests.agent.service import Service, refused
from tests.agent.unit.test_store import Ring
from tests.local.events import Response
from tests.local.server import Server
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW

pytestmark = pytest.mark.sampled(2)

TOKEN = "the.person's.token"


def person() -> Callable[[], str]:
    """Somebody who signs in anew each time: `TOKEN` is the first of the tokens."""
    tokens = (f"{TOKEN}{number or ''}" for number in count())
    return lambda: next(tokens)


class Agent:
    """A client of either kind, on a machine with a clock of its own."""

    def __init__(self, *, asynchronous: bool, sign_in: Callable[[], Any] | None = None) -> None:
        self.asynchronous = asynchronous
        self.now: float = NOW
        self.name = "ACME-PC-01"
        self.told: list[tuple[str, str]] = []
        self.slept: list[float] = []
        self.signed_in = sign_in or person()
        self.runner = asyncio.Runner()
        self.client: Any = None

    def start(self, configuration: Configuration) -> "Agent":
        callbacks = {
            f"on_{name}": self._teller(name)
            for name in ("valid", "grace", "refused", "unreachable")
        }
        system = System(
            wall=lambda: self.now,
            monotonic=lambda: self.now,
            chance=lambda: 0.5,
            platform=Platform(system="Linux", root=Path("/nowhere"), name=lambda: self.name),
        )
        kind: Any = AsyncClient if self.asynchronous else Client

        async def make() -> Any:
            return kind(
                configuration,
                sign_in=self._sign_in_later if self.asynchronous else self._sign_in,
                system=system,
                sleep=self._sleep_later if self.asynchronous else self._sleep,
                **callbacks,
            )

        self.client = self.runner.run(make())
        return self

    def check(self, **how: bool) -> Status:
        status: Status = self._done(self.client.check(**how))
        return status

    def run(self) -> None:
        self._done(self.client.run())

    def close(self) -> None:
        if self.client is not None:
            self._done(self.client.close())
        self.runner.close()
        self.runner, self.client = asyncio.Runner(), None

    def _done(self, result: Any) -> Any:
        return self.runner.run(result) if self.asynchronous else result

    def _teller(self, name: str) -> Callable[[Status], None]:
        def tell(status: Status) -> None:
            assert status.license_state == name
            self.told.append((name, status.code or ""))

        return tell

    def _sign_in(self) -> Any:
        return self.signed_in()

    async def _sign_in_later(self) -> Any:
        token = self.signed_in()
        return await token if inspect.isawaitable(token) else token

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if len(self.slept) == 3:
            if self.asynchronous:
                self.client.stop()
            else:
                self.client.close()

    async def _sleep_later(self, seconds: float) -> None:
        self._sleep(seconds)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def agent(request: pytest.FixtureRequest) -> Iterator[Agent]:
    made = Agent(asynchronous=request.param)
    yield made
    made.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        yield made


@pytest.fixture
def told(service: Service, tmp_path: Path) -> dict[str, Any]:
    """What a configuration says."""
    return {
        "url": service.url,
        "issuer": ISSUER,
        "folder": tmp_path / "state",
        "agent_version": "4.5.0.0",
        "use_keyring": False,
        "timeout": 60.0,
    }


def test_a_first_login_is_proved_at_once(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    status = agent.start(Configuration(**told)).check()
    assert (status.license_state, status.until, status.storage) == ("valid", NOW + DAY, None)
    assert service.paths == ["jwks.json", "licenses", "validate"]
    keys, login, validation = service.requests
    assert login.header("authorization") == f"Bearer {TOKEN}"
    assert validation.header("authorization") is None
    assert keys.body == b""
    machine = json.loads(login.body).pop("machine")
    asked = json.loads(login.body)
    assert len(asked.pop("nonce")) >= 22
    assert asked == {
        "machine": machine,
        "environment": "production",
        "agent_version": "4.5.0.0",
        "license_key": None,
        "lease": None,
    }
    sent = json.loads(validation.body)
    assert sent.pop("machine") == machine
    assert len(sent.pop("nonce")) >= 22
    assert sent == {
        "license_key": LICENSE_KEY,
        "organization_id": "acme",
        "environment": "production",
        "agent_version": "4.5.0.0",
        "lease": service.lease({"machine": machine, "nonce": json.loads(login.body)["nonce"]}),
    }
    assert agent.told == [("valid", "")]


def test_it_stays_licensed_and_asks_only_when_it_is_time(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.now = NOW + DAY // 2 - 1
    agent.check()
    assert len(service.requests) == 3
    agent.now = service.now = NOW + DAY * 9 // 16
    assert agent.check().until == service.now + DAY
    nonces = [json.loads(one.body)["nonce"] for one in service.requests if one.body]
    assert len(set(nonces)) == 3
    agent.check(at_once=True)
    assert len(service.requests) == 5
    assert agent.told == [("valid", "")]


def test_it_runs_until_it_is_closed_and_looks_at_its_clocks_every_minute(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).run()
    assert agent.slept == [60, 60, 60]
    assert agent.check().license_state == "valid"


def test_it_is_told_when_the_service_is_away_and_when_its_lease_is_over(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    service.__exit__()
    agent.now += DAY * 3 / 4
    grace = agent.check()
    assert (grace.license_state, grace.until) == ("grace", NOW + DAY)
    assert "ConnectError" in str(grace.message)
    agent.now += DAY
    assert agent.client.status.usable is False
    assert agent.check().license_state == "unreachable"
    assert agent.told == [("valid", ""), ("grace", ""), ("unreachable", "")]


def test_a_refusal_is_told_before_a_person_is_asked(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    service.answers = [refused("REVOKED", "login")]
    assert agent.check(at_once=True).license_state == "valid"
    assert agent.told == [("valid", ""), ("refused", "REVOKED"), ("valid", "")]
    service.answers = [refused("SUSPENDED", "logout")]
    assert agent.check(at_once=True).action == "logout"
    assert agent.told[-1] == ("refused", "SUSPENDED")


def problem(status: int, code: str) -> Response:
    told = {"code": code, "detail": "Said by the service.", "title": "", "status": status}
    told["type"] = f"urn:licensing:problem:{code}"
    return Response.of_json(status, told)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(409, "agent_blocked"), "agent_blocked"),
        (problem(409, "seat_limit_reached"), "seat_limit_reached"),
        (problem(403, "forbidden"), "forbidden"),
        (Response.message(401, "Unauthorized"), "unauthorized"),
    ],
)
def test_a_login_that_is_refused_says_why(
    agent: Agent, service: Service, told: dict[str, Any], answer: Response, code: str
) -> None:
    service.answers = [answer]
    status = agent.start(Configuration(**told)).check()
    assert (status.license_state, status.code, status.action) == ("refused", code, "login")
    assert service.paths == ["jwks.json", "licenses"]


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, [("content-type", "text/html")], b"<html>Please accept our terms</html>"),
        Response(302, [("location", "https://portal.example/")], b"{}"),
        Response(204, [], b""),
        Response.message(404, "Not Found"),
        Response.message(413, "too large"),
        Response.message(503, "Service Unavailable"),
        problem(400, "invalid_request"),
        Response.of_json(200, {"valid": True, "lease": None}),
        Response.of_json(200, {"valid": True, "lease": {"token": "", "renew_after": ""}}),
        Response.of_json(200, {"valid": False, "code": "REVOKED", "message": "m", "action": "eat"}),
        Response.of_json(200, {"valid": "false", "action": "login"}),
        Response.of_json(
            200,
            {"valid": True, "lease": {"token": "t", "renew_after": "2033-11-06T08:49:37"}},
        ),
        Response.of_json(200, ["valid"]),
        Response(200, [], b'{"valid": true, "valid": false}'),
        Response(200, [], b'{"valid": NaN}'),
        Response(200, [], b"[" * 20_000),
        Response(200, [], b" " * 1_000_000),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:24]!r}",
)
def test_what_is_no_answer_of_the_service_is_no_refusal(
    agent: Agent, service: Service, told: dict[str, Any], answer: Response
) -> None:
    agent.start(Configuration(**told)).check()
    service.answers = [answer]
    status = agent.check(at_once=True)
    assert (status.license_state, status.code, status.until) == ("grace", None, NOW + DAY)
    assert status.message


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ([("retry-after", "120")], 120),
        ([("retry-after", "soon")], 0),
        ([], 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_service_is_left_alone_for_as_long_as_it_asks(
    agent: Agent,
    service: Service,
    told: dict[str, Any],
    status: int,
    headers: list[tuple[str, str]],
    wait: int,
) -> None:
    agent.start(Configuration(**told)).check()
    asked = len(service.requests)
    service.answers = [Response.of_json(status, {"message": "later"}, *headers)]
    agent.check(at_once=True)
    agent.now += wait
    agent.check()
    assert len(service.requests) == asked + 1
    agent.now += 1
    agent.check()
    assert len(service.requests) == asked + 2


def test_nobody_who_signs_in_is_asked_again_in_a_minute(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    tokens: list[Any] = [None, SignInFailed("the provider is away"), TOKEN]

    def sign_in() -> str | None:
        token = tokens.pop(0)
        if isinstance(token, Exception):
            raise token
        return str(token) if token else None

    agent.signed_in = sign_in
    agent.start(Configuration(**told))
    assert agent.check().message == "Nobody has signed in."
    agent.now += 59
    agent.check()
    assert len(tokens) == 2
    agent.now += 1
    assert "the provider is away" in str(agent.check().message)
    assert service.paths == ["jwks.json"]
    agent.now += 60
    assert agent.check().license_state == "valid"


def test_a_token_that_is_none_is_not_sent_or_shown(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    tokens = ["SECRET\nTOKEN", "SECRET\N{ROCKET}", f" {TOKEN}\n"]
    agent.signed_in = lambda: tokens.pop(0)
    agent.start(Configuration(**told))
    for _ in range(2):
        message = str(agent.check(at_once=True).message)
        assert "valid token" in message
        assert "SECRET" not in message
    assert service.paths == ["jwks.json"]
    assert agent.check(at_once=True).usable


def test_a_sign_in_that_fails_in_a_way_of_its_own_is_asked_again_and_shows_nothing(
    agent: Agent, told: dict[str, Any]
) -> None:
    def sign_in() -> str | None:
        return str(json.loads("a portal's page, SECRET"))

    agent.signed_in = sign_in
    status = agent.start(Configuration(**told)).check()
    assert status.message == "The sign-in failed: JSONDecodeError"
    agent.signed_in = lambda: TOKEN
    assert agent.check(at_once=True).usable


def test_it_can_be_closed_while_a_person_signs_in(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    async def sign_in_later() -> str:
        await agent.client.close()
        return TOKEN

    def sign_in() -> str:
        agent.client.close()
        return TOKEN

    agent.start(Configuration(**told))
    agent.signed_in = sign_in_later if agent.asynchronous else sign_in
    assert agent.check().license_state == "signed_out"
    assert service.paths == ["jwks.json"]


def test_while_a_person_signs_in_nobody_else_waits(service: Service, told: dict[str, Any]) -> None:
    asked, has_come = Event(), Event()

    def sign_in() -> str:
        asked.set()
        has_come.wait(60)
        return TOKEN

    agent = Agent(asynchronous=False, sign_in=sign_in).start(Configuration(**told))
    waiting = Thread(target=agent.check)
    waiting.start()
    assert asked.wait(60)
    assert agent.client.status.license_state == "signed_out"
    agent.close()
    has_come.set()
    waiting.join(60)
    assert not waiting.is_alive()
    assert service.paths == ["jwks.json"]


def test_of_two_threads_that_find_a_login_due_one_asks_the_person(
    service: Service, told: dict[str, Any]
) -> None:
    asked: list[int] = []

    def sign_in() -> str:
        asked.append(len(asked))
        time.sleep(0.2)
        return TOKEN

    agent = Agent(asynchronous=False, sign_in=sign_in).start(Configuration(**told))
    threads = [Thread(target=agent.check) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert asked == [0]
    assert service.paths.count("licenses") == 1
    agent.close()


WILL_ANSWER = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n"


@contextmanager
def endless(first: bytes, drop: bytes) -> Iterator[str]:
    """A proxy, or what took its place, whose answer begins, and drips on for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer(connected: socket.socket) -> None:
            with connected, suppress(OSError):
                connected.sendall(first)
                while True:
                    connected.sendall(drop)
                    time.sleep(0.05)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connected, _ = listening.accept()
                    Thread(target=answer, args=(connected,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def test_an_answer_that_does_not_come_to_an_end_is_none(
    agent: Agent, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    monkeypatch.setattr(core, "LEAST_PATIENCE", 0.5)
    with endless(b"", WILL_ANSWER) as url:
        again = Agent(asynchronous=agent.asynchronous)
        again.now = NOW + DAY - 600  # the lease is nearly over
        again.start(Configuration(**told | {"url": url, "timeout": 300.0}))
        again.now = NOW + DAY - 0.1
        status = again.check(at_once=True)
        assert (status.license_state, status.message) == (
            "grace",
            Obstacle.TOO_SLOW.told(),
        )
        again.close()


@pytest.mark.parametrize(
    ("first", "drop"),
    [(b"", WILL_ANSWER), (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), (HEAD + b"\r\n", b" ")],
    ids=["promises", "headers", "a body"],
)
def test_one_deadline_counts_for_a_whole_request_however_its_answer_drips(
    agent: Agent, told: dict[str, Any], first: bytes, drop: bytes
) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    with endless(first, drop) as url:
        again = Agent(asynchronous=agent.asynchronous)
        # Each drop comes in time, and httpx waits for the next one.
        again.start(Configuration(**told | {"url": url, "timeout": 0.4}))
        status = again.check(at_once=True)
        assert status.license_state == "grace"
        assert "its answer takes too long" in str(status.message)
        again.close()


@pytest.mark.parametrize("place", ["http:login", "mailto:x", "http://xn--a/", "//[", "/\u20ac"])
def test_a_redirection_to_nowhere_is_no_answer(
    agent: Agent, service: Service, told: dict[str, Any], place: str
) -> None:
    service.answers = [Response(302, [("location", place)], b"")]
    status = agent.start(Configuration(**told)).check()
    assert status.message is not None
    assert not status.usable
    assert agent.check(at_once=True).usable


def test_what_cannot_be_sent_is_no_answer_and_shows_no_key(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.name = "caf\udce9"
    status = agent.check(at_once=True)
    assert (status.license_state, status.message) == (
        "grace",
        "This machine's name cannot be sent: UnicodeEncodeError",
    )


def test_a_callback_that_fails_is_logged_and_the_agent_stays_licensed(
    agent: Agent,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def teller(_: str) -> Callable[[Status], None]:
        def tell(_: Status) -> None:
            raise ValueError("the vendor's own")

        return tell

    monkeypatch.setattr(agent, "_teller", teller)
    agent.start(Configuration(**told))
    agent.run()
    assert len(agent.slept) == 3
    assert "The callback for valid failed." in caplog.text
    assert "the vendor's own" in caplog.text


def test_a_second_client_in_the_same_folder_is_refused_until_the_first_is_closed(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    second = Agent(asynchronous=agent.asynchronous)
    with pytest.raises(FolderInUse):
        second.start(Configuration(**told))
    second.start(Configuration(**told | {"folder": told["folder"] / "of its own"}))
    second.close()
    assert agent.check(at_once=True).license_state == "valid"
    agent.close()
    assert second.start(Configuration(**told)).client.status.usable
    second.close()


def test_a_start_that_fails_for_another_cause_keeps_the_folder_from_nobody(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.name = ""
    try:
        agent.start(Configuration(**told))
    except TooFewCredentials:
        agent.name = "ACME-PC-01"
        assert agent.start(Configuration(**told)).check().usable
    else:
        pytest.fail("a machine that cannot be told apart was taken")


def test_a_client_that_is_closed_leaves_what_another_has_kept_since(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    closed = agent.client
    agent.close()
    kept = Path(told["folder"], store.NAME)
    again = Agent(asynchronous=agent.asynchronous)
    again.start(Configuration(**told)).check(at_once=True)
    again.close()
    newer = kept.read_bytes()
    agent.now += 3600
    assert closed.status.usable
    assert kept.read_bytes() == newer


def test_a_process_that_was_forked_from_its_own_leaves_what_is_kept_alone(
    agent: Agent, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.start(Configuration(**told)).check()
    kept = Path(told["folder"], store.NAME)
    before = kept.read_bytes()
    agent.now += 3600
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        assert agent.client.status.usable
        assert kept.read_bytes() == before
    assert agent.client.status.usable
    assert kept.read_bytes() != before


def test_an_agent_that_starts_before_its_keyring_is_open_goes_on_once_it_is(
    agent: Agent, service: Service, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring()
    monkeypatch.setattr(core, "platform_keyring", lambda: ring)
    told["use_keyring"] = True
    agent.start(Configuration(**told)).check()
    agent.close()
    ring.works = False
    again = Agent(asynchronous=agent.asynchronous, sign_in=lambda: "an old token")
    again.start(Configuration(**told))
    service.answers = [refused_token()]
    asked = len(service.requests)
    status = again.check()
    assert (status.license_state, service.paths[asked:]) == ("refused", ["jwks.json", "licenses"])
    assert "keyring" in str(status.storage)
    ring.works = True
    again.now += 3600
    again.name = ""
    assert (
        again.check().license_state == "refused"
    )  # a machine that cannot be told apart asks nothing
    again.now += 3600
    again.name = "ACME-PC-01"
    status = again.check()
    assert (status.license_state, status.storage) == ("valid", None)
    assert service.paths[asked:] == ["jwks.json", "licenses", "validate"]
    again.close()


def refused_token() -> Response:
    return Response.of_json(401, {"message": "Unauthorized"})


def test_the_next_start_needs_nobody_and_nothing_that_is_kept_needs_be_whole(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    again = Agent(asynchronous=agent.asynchronous, sign_in=lambda: None)
    again.start(Configuration(**told))
    assert again.client.status.usable
    assert again.check().license_state == "valid"
    again.close()
    (told["folder"] / "license").write_bytes(b"torn")
    after = Agent(asynchronous=agent.asynchronous)
    after.start(Configuration(**told))
    assert "damaged" in after.client.status.storage
    assert "It is kept as" in str(after.check().storage)
    after.close()
    agent.runner, agent.client = asyncio.Runner(), None


def test_a_disk_that_takes_nothing_is_told_and_the_agent_works(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told))
    (told["folder"] / "license").mkdir()
    status = agent.check()
    assert status.usable
    file = told["folder"] / "license"
    assert status.storage == f"{Trouble.NO_FILE} {file} cannot be written: Is a directory."


def test_a_machine_that_cannot_be_told_apart_any_more_keeps_its_lease(
    agent: Agent, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.name = ""
    status = agent.check(at_once=True)
    assert status.license_state == "grace"
    assert "At least two" in str(status.message)
    with pytest.raises(TooFewCredentials):
        agent.start(Configuration(**told))


def test_pinned_keys_are_enough(agent: Agent, service: Service, told: dict[str, Any]) -> None:
    status = agent.start(Configuration(**told, pinned_keys=JWKS)).check()
    assert status.license_state == "valid"
    assert "jwks.json" not in service.paths


# -- the way there -------------------------------------------------------------------------------


def test_it_goes_through_the_proxy(agent: Agent, service: Service, told: dict[str, Any]) -> None:
    targets = []

    def passed_on(request: Any) -> Response:
        targets.append(request.target)
        return service.answer(request)

    proxy = Server(passed_on)
    told["url"] = "http://127.0.0.1:9"
    status = agent.start(Configuration(**told, proxy=proxy.url)).check()
    proxy.stop()
    assert status.license_state == "valid"
    assert targets[0] == "http://127.0.0.1:9/.well-known/jwks.json"
    assert targets[1] == "http://127.0.0.1:9/v1/licenses"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    paths = folder / "ca.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_a_private_authority_is_trusted_where_it_is_named_and_not_otherwise(
    agent: Agent, service: Service, told: dict[str, Any], tmp_path: Path
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = httpx.request(
                self.command,
                service.url + self.path,
                content=body,
                headers={"content-type": "application/json"},
                trust_env=False,
                timeout=60,
            )
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    authority, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    with ExitStack() as stack:
        server = HTTPServer(("127.0.0.1", 0), Handler)
        stack.callback(server.server_close)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        told["url"] = f"https://127.0.0.1:{server.server_port}/"
        stranger = Agent(asynchronous=agent.asynchronous).start(Configuration(**told))
        assert "CERTIFICATE_VERIFY_FAILED" in str(stranger.check().message)
        stranger.close()
        assert agent.start(Configuration(**told, ca_file=authority)).check().usable
        agent.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://licensing.example"},
        {"url": "ftp://127.0.0.1"},
        {"pinned_keys": {"keys": []}},
        {"pinned_keys": {"keys": [{"kty": "RSA"}, "odd"]}},
        {"pinned_keys": {}},
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(
    told: dict[str, Any], wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"https://|verify leases|not a JWKS"):
        Configuration(**told | wrong)


def test_nothing_secret_is_shown_where_things_are_printed(
    agent: Agent, told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    status = agent.start(Configuration(**told, license_key="SECRET-KEY")).check()
    shown = f"{status} {Configuration(**told, license_key='SECRET-KEY')} {caplog.text}"
    assert LICENSE_KEY not in shown
    assert "SECRET-KEY" not in shown


class ClosedWhileWaiting:
    """A client's lock, which whoever waits for it gets when the client has been closed."""

    def __init__(self, client: Any) -> None:
        self.client, self.lock = client, vars(client)["_checking"]

    def __enter__(self) -> None:
        vars(self.client)["_checking"] = self.lock
        self.client.close()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    async def __aenter__(self) -> None:
        vars(self.client)["_checking"] = self.lock
        await self.client.close()
        await self.lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.lock.release()


def test_a_check_asks_nobody_when_the_client_is_closed_while_it_waits_for_its_turn(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    asked = len(service.requests)
    vars(agent.client)["_checking"] = ClosedWhileWaiting(agent.client)
    assert agent.check(at_once=True).license_state == "valid"
    assert len(service.requests) == asked


def test_an_asynchronous_client_sleeps_until_it_is_closed(
    told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "LONGEST_PAUSE", 0.001)
    looks: list[int] = []

    async def life() -> None:
        async def sign_in() -> str:
            return TOKEN

        looked = asyncio.Event()

        def chance() -> float:
            looks.append(1)
            if len(looks) > 200:
                looked.set()
            return 0.5

        async with AsyncClient(
            Configuration(**told), sign_in=sign_in, system=System(chance=chance)
        ) as client:
            running = asyncio.create_task(client.run())
            await asyncio.wait_for(looked.wait(), 60)
            await client.close()
            await asyncio.wait_for(running, 60)

    asyncio.run(life())


def test_a_client_that_runs_in_a_thread_ends_when_it_is_closed(told: dict[str, Any]) -> None:
    with Client(Configuration(**told), sign_in=lambda: TOKEN) as client:
        thread = Thread(target=client.run)
        thread.start()
    thread.join(60)
    assert not thread.is_alive()
