"""Whatever the other side does: a whole answer, or an error that tells what went wrong."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from licensing.adapters.aws_connections import Authorities, Connections
from tests.agent.secured import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amzn-RequestId: 7\r\n\r\n{}"
CLOSE = object()
"""Close the connection."""


@dataclass
class Service:
    """Plays a script on each connection: for each request what is sent, piece by piece."""

    url: str
    scripts: list[Sequence[Sequence[bytes | object]]]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def play(self, connection: socket.socket) -> None:
        number, self.connections = self.connections, self.connections + 1
        with connection:
            for pieces in self.scripts[min(number, len(self.scripts) - 1)]:
                come = b""
                while not come.endswith(b"{}"):
                    chunk = connection.recv(65_536)
                    if not chunk:
                        return
                    come += chunk
                self.requests.append(come)
                for piece in pieces:
                    if not isinstance(piece, bytes):
                        return
                    connection.sendall(piece)


def _as_it_is(connection: Any) -> Any:
    return connection


@contextmanager
def serving(
    *scripts: Sequence[Sequence[bytes | object]], wrapped: Callable[[Any], Any] = _as_it_is
) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}/", [*scripts])

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    Thread(target=service.play, args=(wrapped(connection),), daemon=True).start()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        Thread(target=accept, daemon=True).start()
        yield service


def asked(url: str) -> AWSPreparedRequest:
    return AWSRequest("POST", url, {"X-Amz-Target": "DynamoDB.GetItem"}, "{}").prepare()


@pytest.fixture
def connections() -> Iterator[Connections]:
    made = Connections(connect_seconds=5, read_seconds=5)
    yield made
    made.close()


def test_an_answer_is_what_was_sent_and_the_request_as_http_has_it(
    connections: Connections,
) -> None:
    with serving([[OK]]) as service:
        answer = connections.send(asked(service.url))
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert answer.headers["x-amzn-requestid"] == "7"
    head, _, body = service.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    host = service.url.removeprefix("http://").rstrip("/")
    assert lines[:2] == ["POST / HTTP/1.1", f"Host: {host}"]
    assert {"X-Amz-Target: DynamoDB.GetItem", "Content-Length: 2"} <= {*lines}
    assert body == b"{}"


@pytest.mark.parametrize(
    "pieces",
    [
        [OK[:9], OK[9:40], OK[40:-1], OK[-1:]],
        [b"HTTP/1.1 100 Continue\r\n\r\n" + OK],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n", b"\r\n"],
        [b"HTTP/1.1 200\r\nCONTENT-LENGTH:2\r\n\r\n{}"],
    ],
    ids=["in pieces", "go on first", "in chunks", "fields behind chunks", "without a reason"],
)
def test_an_answer_may_come_in_any_form_of_http_and_the_connection_is_used_again(
    connections: Connections, pieces: list[bytes]
) -> None:
    with serving([pieces, [OK]]) as service:
        for _ in range(2):
            answer = connections.send(asked(service.url))
            assert (answer.status_code, answer.content) == (200, b"{}")
        assert service.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")],
        [OK.replace(b"HTTP/1.1", b"HTTP/1.0")],
        [OK, CLOSE],
        [OK + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"],
    ],
    ids=["the last one", "of an older HTTP", "closed meanwhile", "more than was asked for"],
)
def test_a_connection_that_is_not_good_any_more_is_not_written_to(
    connections: Connections, first: list[bytes | object]
) -> None:
    with serving([first, [OK]], [[OK]]) as service:
        for _ in range(2):
            assert connections.send(asked(service.url)).status_code == 200
            _until_closed(connections)
        assert (service.connections, len(service.requests)) == (2, 2)


def _until_closed(connections: Connections) -> None:
    """Wait until what the other side did has arrived here."""
    for connection in connections._idle:  # noqa: SLF001 - nothing tells of it
        connection._poll.poll(5_000)  # noqa: SLF001


@pytest.mark.parametrize(
    "pieces",
    [
        [CLOSE],
        [OK[:20], CLOSE],
        [OK[:-1], CLOSE],
        [b"HTTP/1.1 200 OK\r\n\r\n{}", CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"],
        [b"nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", CLOSE],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n0\r\n\r\n"],
        [b"A: b\r\n" * 20_000],
    ],
)
def test_what_is_no_whole_answer_is_an_error_and_ends_the_connection(
    connections: Connections, pieces: list[bytes | object]
) -> None:
    with serving([pieces], [[OK]]) as service:
        with pytest.raises(ConnectionClosedError):
            connections.send(asked(service.url))
        assert connections.send(asked(service.url)).status_code == 200
        assert service.connections == 2


def test_an_answer_that_does_not_come_is_told_from_a_connection_that_cannot_be_made() -> None:
    hurried = Connections(connect_seconds=5, read_seconds=0.05)
    with serving([[OK[:-1]], [OK]]) as service, pytest.raises(ReadTimeoutError):
        hurried.send(asked(service.url))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EndpointConnectionError):
        hurried.send(asked(f"http://127.0.0.1:{port}/"))
    with pytest.raises(EndpointConnectionError):
        hurried.send(asked("http://nobody.invalid/"))


def test_several_threads_have_a_connection_each_and_share_those_that_are_idle(
    connections: Connections,
) -> None:
    together = Barrier(4)
    answers: list[int] = []
    with serving([[OK]] * 50) as service:

        def ask() -> None:
            together.wait(10)
            answers.extend(connections.send(asked(service.url)).status_code for _ in range(10))

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 40
        assert 1 <= service.connections <= 4


def test_what_is_closed_is_made_anew(connections: Connections) -> None:
    with serving([[OK], [OK]]) as service:
        connections.send(asked(service.url))
        connections.close()
        connections.send(asked(service.url))
        assert service.connections == 2


# -- TLS -------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "company.pem")


def test_who_is_certified_by_a_trusted_authority_is_asked(
    authority: Authority, tmp_path: Path
) -> None:
    context = authority.context("127.0.0.1")
    trusting = Connections(5, 5, Authorities(str(authority.file)))
    with serving([[OK]], wrapped=partial(context.wrap_socket, server_side=True)) as service:
        url = service.url.replace("http:", "https:")
        assert trusting.send(asked(url)).content == b"{}"
        with pytest.raises(SSLError):
            Connections(5, 5).send(asked(url))
        with pytest.raises(SSLError):
            Connections(5, 5, Authorities(str(tmp_path))).send(
                asked(url)
            )  # a folder, without such hashes


def test_who_is_certified_under_another_name_or_no_longer_is_not_asked(
    authority: Authority,
) -> None:
    trusting = Connections(5, 5, Authorities(str(authority.file)))
    for context in (
        authority.context("other.example"),
        authority.context("127.0.0.1", days=(-2, -1)),
    ):
        with serving([[OK]], wrapped=partial(context.wrap_socket, server_side=True)) as service:
            with pytest.raises(SSLError):
                trusting.send(asked(service.url.replace("http:", "https:")))
            assert service.requests == []
