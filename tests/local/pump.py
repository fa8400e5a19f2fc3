"""Keeps events flowing: from the table's stream to the bus, and from the bus to its functions.

A stream that cannot be read is logged, and read again a moment later.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread

from tests.local.aws import DynamoDbError
from tests.local.bus import EventBus
from tests.local.stream import StreamMapping

LOG = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two looks at the stream


class Pump:
    """Moves events until it is stopped. `wait` passes the time."""

    def __init__(
        self,
        streams: Sequence[StreamMapping],
        bus: EventBus,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """`wait` takes seconds and returns true once it is time to stop."""
        self._streams = streams
        self._bus = bus
        self._stopped = Event()
        self._wait = wait or self._stopped.wait
        self._thread = Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; events that are being moved get to where they go."""
        self._stopped.set()
        self._thread.join()

    def drain(self) -> None:
        """Move all that is there, at once. Raises DynamoDbError."""
        for stream in self._streams:
            stream.drain()
        self._bus.deliver()

    def _run(self) -> None:
        while not self._wait(PAUSE):
            try:
                self.drain()
            except DynamoDbError:
                LOG.warning("the stream cannot be read", exc_info=True)
