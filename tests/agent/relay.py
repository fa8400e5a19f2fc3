"""A way to the service that can be cut, as a cable can."""

import select
import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to the service at `url`, unless it is cut.

    `address` is one of this machine's own, which the service sees them come from.
    """

    def __init__(self, url: str, address: str = "127.0.0.1") -> None:
        self._address = address
        parts = urlsplit(url)
        self._there = (str(parts.hostname), int(parts.port or 80))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._near: set[socket.socket] = set()
        self._is_cut = False
        self._threads = [Thread(target=self._serve)]
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        self._listening.close()

    def cut(self) -> None:
        """End what is connected, and let nobody through."""
        with self._lock:
            self._is_cut = True
            for near in self._near:
                with suppress(OSError):
                    near.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let everybody through."""
        with self._lock:
            self._is_cut = False

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                self._near.add(near)
                self._threads.append(Thread(target=self._pass, args=(near,)))
                self._threads[-1].start()

    def _connected(self) -> socket.socket:
        return socket.create_connection(self._there, source_address=(self._address, 0))

    def _pass(self, near: socket.socket) -> None:
        with near, self._connected() as far, suppress(OSError):
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65_536)
                    if not data:
                        with self._lock:
                            self._near.discard(near)
                        return
                    (far if one is near else near).sendall(data)
