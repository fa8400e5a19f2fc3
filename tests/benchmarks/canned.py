"""A server that answers each operation of AWS with bytes that were recorded: `running`.

It is a process of its own, so that its work is nobody else's CPU, and whoever calls it makes the
whole way through botocore: serializer, signature, connection, parser.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_HEAD_END: Final = b"\r\n\r\n"


@contextmanager
def running(answers: Mapping[str, str]) -> Iterator[str]:
    """Answer every operation that `answers` names with its body; yields the endpoint."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.canned"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        try:
            server.stdin.write(json.dumps(dict(answers)) + "\n")
            server.stdin.flush()
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _serve(answers: Mapping[str, bytes]) -> None:
    """Serve every connection in a thread of its own, until the process is ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=_converse, args=(connection, answers), daemon=True).start()


def _converse(connection: socket.socket, answers: Mapping[str, bytes]) -> None:
    received = bytearray()
    with connection:
        while chunk := connection.recv(65_536):
            received += chunk
            while (end := received.find(_HEAD_END)) >= 0:
                head = bytes(received[:end]).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
                length = end + len(_HEAD_END) + int(fields["content-length"])
                if len(received) < length:
                    break
                del received[:length]
                connection.sendall(answers[fields["x-amz-target"].rpartition(".")[2]])


def _response(body: str) -> bytes:
    content = body.encode()
    head = (
        "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Sun, 17 Mar 2030 17:46:40 GMT\r\n"
        "Content-Type: application/x-amz-json-1.0\r\nConnection: keep-alive\r\n"
        "x-amzn-RequestId: 6GDP7Q7E9Q0N4H2J4R0N5K9B7VVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    recorded = json.loads(sys.stdin.readline())
    _serve({operation.lower(): _response(body) for operation, body in recorded.items()})
