"""Each way in which reaching the service fails, made to fail, and what a person is told of it."""

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from licensing_agent import Configuration
from licensing_agent.obstacles import Obstacle
from licensing_build.__main__ import ROOT
from tests.agent.secured import HOST, Authority, Proxy, secured
from tests.agent.service import Service
from tests.agent.unit.test_client import Agent, problem
from tests.local.events import Response
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW

pytestmark = pytest.mark.sampled(3)

PAGE = ROOT / "shared/licensing_agent/MESSAGES.md"
SETTING = "HTTPS_PROXY"
HTML = [("content-type", "text/html")]
NOT_TAKEN = Response.of_json(
    400,
    {
        "type": "urn:licensing:problem:invalid_request",
        "title": "Invalid request",
        "status": 400,
        "detail": "The request does not match the API's contract.",
        "code": "invalid_request",
        "errors": [
            {"pointer": "/agent_version", "detail": "String should be shorter."},
            {"pointer": "/environment", "detail": "String should not be empty."},
        ],
    },
)
BOTH = "agent_version: String should be shorter.; environment: String should not be empty."
REPEATED: dict[str, Any] = {
    "valid": False,
    "code": "REVOKED",
    "message": "Log in.",
    "action": "login",
    "license": None,
    "lease": None,
    "nonce": "of another request",
    "server_time": "2030-01-01T00:00:00Z",
}
Way = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[str]]
"""Gives the address of a service that cannot be reached in a way of its own."""


# -- what answers ----------------------------------------------------------------------------------


@contextmanager
def listening(talk: Callable[[socket.socket], object]) -> Iterator[int]:
    """What says something of its own to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                with near, suppress(OSError):
                    talk(near)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def said(words: bytes) -> Callable[[socket.socket], object]:
    """Reads what comes, and says that."""

    def talk(near: socket.socket) -> None:
        near.recv(65_536)
        near.sendall(words)

    return talk


def plain(talk: Callable[[socket.socket], object], scheme: str = "http") -> Way:
    """Something else at the service's address."""

    @contextmanager
    def way(_: Path, __: pytest.MonkeyPatch) -> Iterator[str]:
        with listening(talk) as port:
            yield f"{scheme}://127.0.0.1:{port}"

    return way


def proxy(words: bytes) -> Way:
    """A proxy, with a password in its setting."""

    @contextmanager
    def way(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        with listening(said(words)) as port:
            monkeypatch.setenv(SETTING, f"http://me:SECRET@127.0.0.1:{port}")
            yield f"https://{HOST}"

    return way


def answered(response: Response) -> Way:
    """A server that answers everything so."""

    @contextmanager
    def way(_: Path, __: pytest.MonkeyPatch) -> Iterator[str]:
        with Service() as service:
            service.answers = [response]
            yield service.url

    return way


def at(address: str, through: str | None = None) -> Way:
    """An address that leads nowhere, or a proxy's."""

    @contextmanager
    def way(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        if through is not None:
            monkeypatch.setenv(SETTING, through)
        yield address

    return way


def certified(context: Callable[[Authority, Authority], ssl.SSLContext]) -> Way:
    """A server with a certificate that is made of the authority that is trusted, and another."""

    @contextmanager
    def way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        trusted, other = (Authority(folder / f"{name}.pem") for name in ("company", "other"))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted.file))
        with (
            Service() as service,
            secured(service.answer, context(trusted, other)) as url,
            Proxy(url) as made,
        ):
            monkeypatch.setenv(SETTING, made.url)
            yield f"https://{HOST}"

    return way


@contextmanager
def closed(_: Path, __: pytest.MonkeyPatch) -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"https://127.0.0.1:{port}"


@contextmanager
def silent(_: Path, __: pytest.MonkeyPatch) -> Iterator[str]:
    """A port at which no more connections are taken, and none is refused: as behind a firewall."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, suppress(OSError):
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(server.getsockname())
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        for one in waiting:
            one.close()


@contextmanager
def dripping(_: Path, __: pytest.MonkeyPatch) -> Iterator[str]:
    """An answer that never ends."""
    over = Event()

    def talk(near: socket.socket) -> None:
        near.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.02):
            near.sendall(b"x-more: 1\r\n")

    with listening(talk) as port:
        yield f"http://127.0.0.1:{port}"
        over.set()


ALERT = bytes.fromhex("15030100020228")  # TLS: a fatal alert, the handshake has failed
WAYS: list[tuple[Obstacle, str, Way]] = [
    (Obstacle.NAME_UNKNOWN, "", at("https://x.invalid")),
    (Obstacle.NAME_UNKNOWN, "", at(f"https://{HOST}", "http://me:SECRET@x.invalid:3128")),
    (Obstacle.NO_ROUTE, "", at("https://255.255.255.255")),
    (Obstacle.CONNECTION_REFUSED, "", closed),
    (Obstacle.NO_CONNECTION, "", silent),
    (Obstacle.TOO_SLOW, "", dripping),
    (Obstacle.CUT_OFF, "", plain(lambda near: near.recv(65_536))),
    (Obstacle.CUT_OFF, "", plain(lambda near: near.recv(65_536), "https")),
    (Obstacle.CUT_OFF, "", plain(said(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"))),
    (Obstacle.CUT_OFF, "", plain(said(b"SSH-2.0-OpenSSH_9.6\r\n"))),
    (Obstacle.NO_HTTP, "", plain(said(b"220 mail.example ESMTP\r\n\r\n"))),
    (Obstacle.NO_HTTP, "", proxy(b"\x05\xff garbage\r\n\r\n")),
    (Obstacle.NO_TLS, "", plain(said(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https")),
    (Obstacle.TLS_FAILED, "", plain(said(ALERT), "https")),
    (Obstacle.ISSUER_UNKNOWN, "", certified(lambda _, other: other.context())),
    (Obstacle.EXPIRED, "", certified(lambda own, _: own.context(days=(-2, -1)))),
    (Obstacle.NOT_YET_VALID, "", certified(lambda own, _: own.context(days=(1, 2)))),
    (Obstacle.OTHER_HOST, "", certified(lambda own, _: own.context("other.example"))),
    (Obstacle.PROXY_LOGIN, "407 Who", proxy(b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n")),
    (Obstacle.PROXY_LOGIN, "status 407", answered(Response(407, HTML, b"<html>Who?"))),
    (Obstacle.PROXY_REFUSES, "403 No", proxy(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")),
    (Obstacle.PROXY_FAILS, "502 Bad", proxy(b"HTTP/1.1 502 Bad\r\ncontent-length: 0\r\n\r\n")),
    (Obstacle.CAPTIVE_PORTAL, "status 200", answered(Response(200, HTML, b"<html>Welcome"))),
    (Obstacle.CAPTIVE_PORTAL, "status 201", answered(Response(201, [], b"\n<!doctype html>"))),
    (Obstacle.CAPTIVE_PORTAL, "status 511", answered(Response(511, HTML, b"<html>Log in"))),
    (
        Obstacle.LED_ELSEWHERE,
        "status 302, to login.example",
        answered(Response(302, [("location", "https://login.example/?ticket=SECRET")], b"")),
    ),
    (Obstacle.LED_ELSEWHERE, "", answered(Response(307, [("location", "//[")], b""))),
    (Obstacle.LED_ELSEWHERE, "status 304", answered(Response(304, [], b""))),
    (
        Obstacle.WRONG_PATH,
        "status 404: Not Found",
        answered(Response.message(404, "Not Found")),
    ),
    (
        Obstacle.WRONG_PATH,
        "status 404: No such file.",
        answered(Response.of_json(404, {"type": "about:blank", "detail": "No such file."})),
    ),
    (Obstacle.WRONG_PATH, "status 404", answered(Response(404, HTML, b"<html>nginx"))),
    (Obstacle.WRONG_PATH, "status 405", answered(Response(405, HTML, b"<html>nginx"))),
    (Obstacle.FORBIDDEN, "status 403", answered(Response(403, HTML, b"<html>Blocked"))),
    (
        Obstacle.FORBIDDEN,
        "status 403: Forbidden",
        answered(Response.message(403, "Forbidden")),
    ),
    (
        Obstacle.FORBIDDEN,
        "status 401: Log in to the gateway.",
        answered(Response.of_json(401, {"code": "x", "detail": "Log in to the gateway."})),
    ),
    (Obstacle.NOT_OF_SERVICE, "", answered(Response.of_json(200, {"hello": "world"}))),
    (Obstacle.NOT_OF_SERVICE, "status 200", answered(Response(200, [], b"OK"))),
    (Obstacle.NOT_OF_SERVICE, "status 204", answered(Response(204, [], b""))),
    (Obstacle.NOT_OF_SERVICE, "status 400", answered(Response(400, HTML, b"<html>Bad"))),
    (Obstacle.TOO_LONG, "", answered(Response(200, [], b" " * 300_000))),
    (Obstacle.OF_ANOTHER_REQUEST, "", answered(Response.of_json(200, REPEATED))),
    (
        Obstacle.NOT_ACCEPTED,
        f"status 400: The request does not match the API's contract. {BOTH}",
        answered(NOT_TAKEN),
    ),
    (
        Obstacle.NOT_ACCEPTED,
        "status 413: Request Entity Too Large",
        answered(Response.message(413, "Request Entity Too Large")),
    ),
    (
        Obstacle.BUSY,
        "status 429: Too Many Requests",
        answered(Response.message(429, "Too Many Requests")),
    ),
    (Obstacle.DOWN, "status 502", answered(Response(502, HTML, b"<html>Bad Gateway"))),
    (
        Obstacle.DOWN,
        "status 503: Service Unavailable",
        answered(Response.message(503, "Service Unavailable")),
    ),
    (Obstacle.DOWN, "status 503: Said by the service.", answered(problem(503, "unavailable"))),
]


# -- what is told ----------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def agent(request: pytest.FixtureRequest) -> Iterator[Agent]:
    made = Agent(asynchronous=request.param)
    yield made
    made.close()


def told(folder: Path) -> dict[str, Any]:
    """What a configuration says, but for the address."""
    return {"issuer": ISSUER, "folder": folder, "use_keyring": False, "timeout": 60.0}


@pytest.fixture(scope="module")
def licensed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an agent with a licence."""
    folder = tmp_path_factory.mktemp("licensed") / "state"
    agent = Agent(asynchronous=False)
    with Service() as service:
        assert agent.start(Configuration(**told(folder), url=service.url)).check().usable
        agent.close()
    return folder


@pytest.mark.parametrize(
    ("obstacle", "details", "way"),
    WAYS,
    ids=[f"{obstacle.name}-{number}" for number, (obstacle, _, _) in enumerate(WAYS)],
)
def test_each_way_in_which_it_fails_is_told_apart_with_what_to_do_and_ends_no_lease(
    agent: Agent,
    licensed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    obstacle: Obstacle,
    details: str,
    way: Way,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    folder = shutil.copytree(licensed, tmp_path / "state")
    is_slow = obstacle in {Obstacle.NO_CONNECTION, Obstacle.TOO_SLOW}
    timeout = {"timeout": 1.2} if is_slow else {}
    with way(tmp_path, monkeypatch) as url:
        agent.start(Configuration(**told(folder) | timeout, url=url))
        status = agent.check(at_once=True)
    assert (status.license_state, status.until) == ("grace", NOW + DAY)
    message = str(status.message)
    reached, _, rest = message.partition(": ")
    assert reached.removesuffix(f" by the proxy of {SETTING}") == "The service cannot be reached"
    assert rest.startswith(obstacle.value.what)
    assert obstacle.value.helps in message
    assert details in message
    assert f"({details})" in message or "ProxyError" in message or not details
    assert "SECRET" not in message


def test_every_way_is_made_to_fail_and_stands_on_the_page() -> None:
    assert {obstacle for obstacle, _, _ in WAYS} == set(Obstacle)
    page = PAGE.read_text(encoding="utf-8")
    for obstacle in Obstacle:
        assert page.count(f" | {obstacle.value.what} | {obstacle.value.helps} |\n") == 1


def test_no_two_ways_are_told_alike() -> None:
    assert len({obstacle.value.what for obstacle in Obstacle}) == len(Obstacle)


def test_a_login_tells_what_is_wrong_in_the_most_specific_words_of_the_answer(
    agent: Agent, tmp_path: Path
) -> None:
    with Service() as service:
        service.answers = [NOT_TAKEN]
        agent.start(Configuration(**told(tmp_path / "state"), url=service.url))
        message = str(agent.check().message)
        agent.close()
    assert message.endswith(BOTH)
