"""Connections to a service of AWS: HTTP/1.1 over a plain socket, where botocore would use urllib3.

botocore signs what is sent, classifies errors and tries again. What this module guarantees:

* An answer is complete, or an error of botocore's is raised that says what went wrong.
* A connection is used again only after its last answer was read to the end, and only while nothing
  has come from the other side since: neither more bytes nor an end.
* The other side is who its certificate says, by the authorities that botocore would trust.

Safe to use from several threads.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, urlsplit
from weakref import finalize

from botocore.awsrequest import AWSResponse
from botocore.compat import ensure_bytes
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.compat import HTTPHeaders

_MOST_IDLE: Final = 16
_AT_ONCE: Final = 65_536
_LONGEST_HEAD: Final = 65_536


@dataclass
class Authorities:
    """Who certifies servers: a file or a folder of certificates; without one, botocore's."""

    place: str | None = None
    _context: ssl.SSLContext | None = field(default=None, init=False, repr=False)

    def read(self) -> ssl.SSLContext:
        """What checks certificates by them. The first time, it takes some milliseconds."""
        if self._context is None:
            place = Path(self.place or str(get_cert_path(verify=True)))
            # botocore's own, which takes the certificates of companies that Python's finds too old.
            context: ssl.SSLContext = create_urllib3_context()
            context.check_hostname = True  # which urllib3 does by itself
            if place.is_dir():
                context.load_verify_locations(capath=place)
            else:
                context.load_verify_locations(cafile=place)
            self._context = context
        return self._context


@dataclass
class Connections:
    """What sends a client's requests: it takes the place of botocore's ``URLLib3Session``.

    ``connect_seconds`` are for making a connection, ``read_seconds`` for each wait on it.
    """

    connect_seconds: float
    read_seconds: float
    authorities: Authorities = field(default_factory=Authorities)
    _idle: deque[_Connection] = field(default_factory=deque, init=False, repr=False)

    def __post_init__(self) -> None:
        finalize(self, _close_all, self._idle)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """The answer to a request.

        Raises botocore's errors: that no connection could be made (``EndpointConnectionError``,
        ``ConnectTimeoutError``, ``SSLError``), that no answer came in time (``ReadTimeoutError``),
        or not a whole one (``ConnectionClosedError``).
        """
        url = urlsplit(request.url)
        connection = self._waiting() or self._made(url, request.url)
        try:
            connection.send(_message(request, url))
            response, is_last = _answer(connection, request.url)
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, ValueError) as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
        if is_last or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close what is idle."""
        _close_all(self._idle)

    def _waiting(self) -> _Connection | None:
        """A connection that may be used again: the one that was used last, which is the warmest."""
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.is_idle():
                    return connection
                connection.close()
        return None

    def _made(self, url: SplitResult, endpoint: str) -> _Connection:
        try:
            return _Connection(self._connected(url))
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=endpoint, error=error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=endpoint, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=endpoint, error=error) from error

    def _connected(self, url: SplitResult) -> socket.socket:
        is_secure = url.scheme == "https"
        address = (url.hostname or "", url.port or (443 if is_secure else 80))
        connected = socket.create_connection(address, timeout=self.connect_seconds)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if is_secure:
                connected = self.authorities.read().wrap_socket(
                    connected, server_hostname=url.hostname
                )
        except OSError:
            connected.close()
            raise
        connected.settimeout(self.read_seconds)
        return connected


def _close_all(idle: deque[_Connection]) -> None:
    with suppress(IndexError):
        while True:
            idle.pop().close()


class _Connection:
    """A connection, and what has come on it and was not taken yet."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._come = bytearray()
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def is_idle(self) -> bool:
        """Whether nothing has come since the last answer."""
        return not self._come and not self._poll.poll(0)

    def send(self, message: bytes) -> None:
        self._socket.sendall(message)

    def until(self, end: bytes) -> bytes:
        """What comes before ``end``; raises :class:`ValueError` when that does not come soon."""
        while (at := self._come.find(end)) < 0:
            if len(self._come) > _LONGEST_HEAD:
                raise ValueError("the head of an answer does not end")
            self._wait()
        return self.take(at + len(end))[:at]

    def take(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._come) < count:
            self._wait()
        taken = bytes(self._come[:count])
        del self._come[:count]
        return taken

    def close(self) -> None:
        self._socket.close()

    def _wait(self) -> None:
        come = self._socket.recv(_AT_ONCE)
        if not come:
            raise ConnectionError("the answer broke off")
        self._come += come


def response(url: str, status: int, headers: Mapping[str, str], body: bytes) -> AWSResponse:
    """An answer, as botocore takes it; names of ``headers`` are in lower case."""
    # Its stubs ask for more than it does: a mapping is enough.
    return AWSResponse(url, status, cast("HTTPHeaders", headers), _Body(body))


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        """All of it, piece by piece."""
        yield self.read()


# -- HTTP/1.1 (RFC 9112) ---------------------------------------------------------------------------


def _message(request: AWSPreparedRequest, url: SplitResult) -> bytes:
    lines = [f"{request.method} {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}".encode()]
    for name, value in request.headers.items():
        lines.append(name.encode() + b": " + ensure_bytes(value))
    # What botocore sends to these services is text or bytes, never a file.
    return b"\r\n".join([*lines, b"", ensure_bytes(cast("bytes | None", request.body) or b"")])


def _answer(connection: _Connection, url: str) -> tuple[AWSResponse, bool]:
    """The answer, and whether it is the last one of its connection."""
    version, status, headers = _head(connection)
    while 100 <= status < 200:
        version, status, headers = _head(connection)  # that one was on the way
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join(_chunks(connection))
    else:
        body = connection.take(int(headers.get("content-length", "")))
    is_last = version != "HTTP/1.1" or headers.get("connection", "").lower() == "close"
    return response(url, status, headers, body), is_last


def _head(connection: _Connection) -> tuple[str, int, dict[str, str]]:
    first, *lines = connection.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    version, status = first.split(" ")[:2]
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return version, int(status), headers


def _chunks(connection: _Connection) -> Iterator[bytes]:
    while size := int(connection.until(b"\r\n").partition(b";")[0], 16):
        yield connection.take(size)
        connection.until(b"\r\n")
    while connection.until(b"\r\n"):
        pass  # fields behind the body
