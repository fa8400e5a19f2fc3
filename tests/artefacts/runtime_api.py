"""The Lambda Runtime API: what a function's process asks for, and where it reports to.

One endpoint serves one process. Whatever the process says comes out as a :class:`Said`, in order;
it is kept waiting until it is told to go on: with an invocation, or to be restored. Functions with
SnapStart ask to be restored before they ask for an invocation.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any
from uuid import uuid4

_PREFIX = "/2018-06-01/runtime/"
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers, body."""


class What(Enum):
    """What a process says."""

    ASKS_FOR_INVOCATION = auto()
    ASKS_FOR_RESTORE = auto()
    ANSWERS = auto()
    FAILS = auto()
    FAILS_TO_START = auto()
    FAILS_TO_RESTORE = auto()
    ENDS = auto()


@dataclass(frozen=True)
class Said:
    """One thing that a process says; the body is its answer, or the error as JSON."""

    what: What
    body: bytes = b""


_OF_POST = {
    "init/error": What.FAILS_TO_START,
    "restore/error": What.FAILS_TO_RESTORE,
}


@dataclass
class RuntimeApi:
    """One endpoint, as its test sees it."""

    said: Queue[Said] = field(default_factory=Queue)
    address: str = ""
    _invocations: Queue[Answer | None] = field(default_factory=Queue)
    _restores: Queue[Answer | None] = field(default_factory=Queue)
    _request_id: str | None = None

    def invoke(self, event: bytes, function_arn: str, seconds: float) -> None:
        """Hand over an event that has to be answered within so many seconds."""
        self._request_id = str(uuid4())
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self._request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-5759e988-{uuid4().hex[:24]};Sampled=0",
        }
        self._invocations.put((200, headers, event))

    def restore(self) -> None:
        """Let the process go on as one that has been restored from its snapshot."""
        self._restores.put((200, {}, b""))

    def get(self, path: str) -> Answer | None:
        """What to tell a process that asks, once there is something; None if it is to go."""
        if path == "invocation/next":
            self.said.put(Said(What.ASKS_FOR_INVOCATION))
            return self._invocations.get()
        if path == "restore/next":
            self.said.put(Said(What.ASKS_FOR_RESTORE))
            return self._restores.get()
        return 404, {}, b""

    def post(self, path: str, body: bytes) -> Answer:
        """Take in what the process reports; an answer to anything but the last event is refused."""
        what = _OF_POST.get(path)
        if path == f"invocation/{self._request_id}/response":
            what = What.ANSWERS
        elif path == f"invocation/{self._request_id}/error":
            what = What.FAILS
        if what is None:
            return 404, {}, b""
        self.said.put(Said(what, body))
        return 202, {}, b""

    def close(self) -> None:
        """Send away whoever is waiting."""
        for waiting in (self._invocations, self._restores):
            waiting.put(None)


class Replying(BaseHTTPRequestHandler):
    """A handler that reads a whole request, and keeps its connection open."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body go in one packet: TCP would let the second one wait

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def reply(self, answer: Answer | None) -> None:
        """Send an answer, or hang up."""
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: pytest shows what a test printed, and this is not of interest."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is ended hangs up wherever it is; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving() -> Iterator[RuntimeApi]:
    """Serve one process on a free port of this machine."""
    api = RuntimeApi()

    class Handler(Replying):
        def do_GET(self) -> None:
            self.reply(api.get(self.path.removeprefix(_PREFIX)))

        def do_POST(self) -> None:
            self.reply(api.post(self.path.removeprefix(_PREFIX), self.body()))

    with serving_http(Handler) as address:
        api.address = address
        try:
            yield api
        finally:
            api.close()


@contextmanager
def serving_http(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve a handler on a free port of this machine; its address, as `host:port`."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
