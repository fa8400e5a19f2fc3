"""The socket on 127.0.0.1: HTTP/1.1 with keep-alive, one thread for a connection.

`stop` lets requests in hand end and be answered, closes idle connections, and returns.
"""

import logging
import socket
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from tests.local.events import Request, Response

LOG = logging.getLogger(__name__)

MAX_BODY = 10 * 1024 * 1024  # API Gateway's limit, in bytes
_CHUNK = 64 * 1024
_GRACE = 10.0  # seconds that requests in hand get to end

Answer = Callable[[Request], Response]


class PortError(Exception):
    """The port cannot be listened on; the message says why."""


class Server:
    """Serves `answer` until it is stopped; without one, requests wait until there is one."""

    def __init__(self, answer: Answer | None = None, port: int = 0) -> None:
        """Listen on `port`, or on a free one if it is 0; PortError if that cannot be."""
        try:
            self._http = _HttpServer(port)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise PortError(
                f"port {port} cannot be used ({why}). Choose another one, for example "
                "`make run PORT=8090` (--port 8090; 0 takes a free one)"
            ) from error
        self._thread: Thread | None = None
        if answer is not None:
            self.serve(answer)

    @property
    def url(self) -> str:
        """Where the service is, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def serve(self, answer: Answer) -> None:
        """Answer requests, those that have been waiting first."""
        self._http.answer = answer
        self._thread = Thread(
            target=self._http.serve_forever, args=(0.05,), name="server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, and let those in hand end."""
        if self._thread is None:
            self._http.server_close()
            return
        self._http.stop()
        self._thread.join()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True  # a handler that hangs must not keep the process alive
    request_queue_size = 128  # the usual five are too few for a crowd that connects at once

    answer: Answer

    def __init__(self, port: int) -> None:
        self.stopping = False
        self._lock = Lock()
        self._connections: dict[Any, Thread] = {}
        super().__init__(("127.0.0.1", port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, and remember both until it ends."""
        thread = Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what ended a connection, be it a client that left or a fault of ours."""
        LOG.error("the connection of %s:%s ended", *client_address, exc_info=sys.exception())

    def stop(self) -> None:
        self.stopping = True
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = dict(self._connections)
        deadline = time.monotonic() + _GRACE
        for connection, thread in connections.items():
            try:
                # Ends the wait for a next request; an answer can still be written.
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                LOG.debug("a connection had ended by itself")
            thread.join(max(0.0, deadline - time.monotonic()))


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "licensing-local"
    sys_version = ""
    timeout = 60  # seconds of silence
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_GET(self) -> None:
        """Answer a request of any method."""
        body = self._read_body()
        if isinstance(body, Response):
            self.close_connection = True
            self._send(body)
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers=list(self.headers.items()),
            body=body,
            source_ip=self.client_address[0],
            protocol=self.request_version,
        )
        self._send(self.server.answer(request))

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815
    do_QUERY = do_TRACE = do_GET  # noqa: N815

    def _read_body(self) -> bytes | Response:
        """The body, or the answer to a request whose body cannot be taken."""
        if "transfer-encoding" in self.headers:
            return Response.message(411, "Length Required")
        lengths = set(self.headers.get_all("content-length", ["0"]))
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            return Response.message(400, "Bad Request")
        body = bytearray()
        left = int(length)
        while left:
            read = self.rfile.read(min(left, _CHUNK))
            if not read:
                return Response.message(400, "Bad Request")
            left -= len(read)
            # One that is too large is read to its end and dropped: a client that is still sending
            # would never see the answer.
            if int(length) <= MAX_BODY:
                body += read
        return bytes(body) if int(length) <= MAX_BODY else _TOO_LARGE

    def _send(self, response: Response) -> None:
        if self.server.stopping:
            self.close_connection = True
        self.send_response(response.status)
        for name, value in response.headers:
            if name != "content-length":
                self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        LOG.info(format, *args)


_TOO_LARGE = Response.message(413, "Request Entity Too Large")
