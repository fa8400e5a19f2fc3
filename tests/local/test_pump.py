"""Events flow without being asked to, and go on after a stream could not be read."""

from threading import Event
from typing import Any

from tests.local.aws import DynamoDbError
from tests.local.pump import PAUSE, Pump


class Stage:
    """A stream or a bus that counts how often events are moved, and fails on some of the times."""

    def __init__(self, log: list[str], name: str, fails_at: int = 0) -> None:
        self._log = log
        self._name = name
        self._fails_at = fails_at
        self._times = 0

    def drain(self) -> None:
        self._times += 1
        self._log.append(self._name)
        if self._times == self._fails_at:
            raise DynamoDbError("it does not answer")

    deliver = drain


def run(times: int, *stages: Any) -> list[float]:
    """Let a pump run until it has looked so often; how long it paused."""
    pauses: list[float] = []
    over = Event()

    def wait(seconds: float) -> bool:
        if len(pauses) == times:
            over.set()
            return True
        pauses.append(seconds)
        return False

    *streams, bus = stages
    pump = Pump(streams, bus, wait)
    pump.start()
    assert over.wait(30)
    pump.stop()
    return pauses


def test_streams_are_drained_before_the_bus_delivers_again_and_again() -> None:
    log: list[str] = []
    assert run(2, Stage(log, "stream"), Stage(log, "bus")) == [PAUSE, PAUSE]
    assert log == ["stream", "bus", "stream", "bus"]


def test_a_stream_that_cannot_be_read_is_read_again_a_moment_later() -> None:
    log: list[str] = []
    run(2, Stage(log, "stream", fails_at=1), Stage(log, "bus"))
    assert log == ["stream", "stream", "bus"]


def test_a_stop_does_not_wait_for_the_next_look() -> None:
    stage: Any = Stage([], "bus")
    pump = Pump([], stage)
    pump.start()
    pump.stop()
