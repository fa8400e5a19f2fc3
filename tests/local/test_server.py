"""The socket: what came is handed over as it came, and a stop is clean."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from tests.local.events import Request, Response
from tests.local.server import MAX_BODY, Answer, Server


def echo(request: Request) -> Response:
    text = f"{request.method} {request.target} {len(request.body)}"
    return Response(200, [("x-tag", request.header("x-tag") or "")], text.encode())


@contextmanager
def serving(answer: Answer = echo) -> Iterator[tuple[Server, HTTPConnection]]:
    server = Server(answer)
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    with closing(connection):
        try:
            yield server, connection
        finally:
            server.stop()


def test_it_listens_on_the_loopback_address_only() -> None:
    with serving() as (server, _):
        assert urlsplit(server.url).hostname == "127.0.0.1"


def test_a_connection_is_kept_for_the_next_request() -> None:
    with serving() as (_, connection):
        connection.request("GET", "/a%20b?c=%C3%A4&c=", headers={"X-Tag": "1"})
        response = connection.getresponse()
        assert response.read() == b"GET /a%20b?c=%C3%A4&c= 0"
        assert response.headers["x-tag"] == "1"
        first = connection.sock
        connection.request("POST", "/", b"12345")
        assert connection.getresponse().read() == b"POST / 5"
        assert connection.sock is first


@pytest.mark.parametrize(
    "method", ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE"]
)
def test_every_method_is_handed_over(method: str) -> None:
    with serving() as (_, connection):
        connection.request(method, "/")
        assert connection.getresponse().read().startswith(method.encode())


def test_head_is_answered_without_a_body() -> None:
    with serving() as (_, connection):
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"GET / 0"


def test_a_body_up_to_the_limit_is_taken_and_a_larger_one_refused() -> None:
    with serving() as (_, connection):
        connection.request("POST", "/", bytes(MAX_BODY))
        assert connection.getresponse().read() == f"POST / {MAX_BODY}".encode()
        connection.request("POST", "/", bytes(MAX_BODY + 1))
        response = connection.getresponse()
        assert (response.status, response.read()) == (
            413,
            b'{"message": "Request Entity Too Large"}',
        )


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Content-Length: x\r\n\r\n", b"400"),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
    ],
)
def test_a_body_of_unknown_length_is_refused(head: bytes, status: bytes) -> None:
    with serving() as (server, _):
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + head)
            with raw.makefile("rb") as answer:
                assert answer.readline().split()[1] == status


def test_a_request_in_hand_is_answered_before_the_stop() -> None:
    entered, leave = Event(), Event()

    def slow(request: Request) -> Response:
        entered.set()
        assert leave.wait(30)
        return echo(request)

    with serving(slow) as (server, connection):
        connection.request("GET", "/slow")
        assert entered.wait(30)
        stop = Thread(target=server.stop)
        stop.start()
        leave.set()
        response = connection.getresponse()
        assert response.read() == b"GET /slow 0"
        stop.join(30)
        assert not stop.is_alive()


def test_a_client_that_leaves_does_not_disturb_the_others(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving() as (server, connection):
        address = urlsplit(server.url)
        for sent in (
            b"",
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection((address.hostname, address.port), timeout=30) as raw:
                # Closed with a reset, so that writing the answer fails.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                raw.sendall(sent)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"GET / 0"
    assert capfd.readouterr().err == ""


def test_an_idle_connection_does_not_delay_the_stop() -> None:
    with serving() as (server, connection):
        connection.request("GET", "/")
        connection.getresponse().read()
        stop = Thread(target=server.stop)
        stop.start()
        stop.join(60)
        assert not stop.is_alive()


def test_its_address_is_known_before_it_serves_and_who_asks_early_is_answered_then() -> None:
    server = Server()
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    with closing(connection):
        connection.request("GET", "/early")
        server.serve(echo)
        assert connection.getresponse().read() == b"GET /early 0"
        server.stop()


def test_a_server_that_has_never_served_lets_go_of_its_port() -> None:
    server = Server()
    server.stop()
    again = Server(port=urlsplit(server.url).port or 0)
    assert again.url == server.url
    again.stop()


def test_a_stopped_server_takes_no_connection() -> None:
    with serving() as (server, connection):
        server.stop()
        with pytest.raises(OSError, match="refused"):
            connection.request("GET", "/")
