"""What the template schedules runs at its rate, whatever a run comes to."""

from collections.abc import Mapping
from threading import Event
from typing import Any

from tests.local.deployment import Schedule
from tests.local.execution import FunctionError
from tests.local.schedule import Ticker

SWEEP = Schedule("Sweep", 300)


class Waits:
    """Time that passes at once, a number of times, and then it is time to stop."""

    def __init__(self, times: int) -> None:
        self.seconds: list[float] = []
        self.over = Event()
        self._times = times

    def __call__(self, seconds: float) -> bool:
        if len(self.seconds) == self._times:
            self.over.set()
            return True
        self.seconds.append(seconds)
        return False


def test_a_function_runs_once_per_interval() -> None:
    events: list[Mapping[str, Any]] = []

    def invoke(name: str, event: Mapping[str, Any]) -> None:
        assert name == "Sweep"
        events.append(event)

    waits = Waits(3)
    ticker = Ticker(SWEEP, invoke, lambda: 1_700_000_000.0, waits)
    ticker.start()
    assert waits.over.wait(30)
    ticker.stop()
    assert waits.seconds == [300, 300, 300]
    assert [event["time"] for event in events] == ["2023-11-14T22:13:20Z"] * 3
    assert {event["source"] for event in events} == {"aws.scheduler"}
    assert len({event["id"] for event in events}) == 3


def test_a_run_that_fails_does_not_end_the_schedule() -> None:
    runs: list[str] = []

    def invoke(name: str, _: Mapping[str, Any]) -> None:
        runs.append(name)
        raise FunctionError(name)

    waits = Waits(2)
    ticker = Ticker(SWEEP, invoke, lambda: 0.0, waits)
    ticker.start()
    assert waits.over.wait(30)
    ticker.stop()
    assert runs == ["Sweep", "Sweep"]


def test_a_stop_does_not_wait_for_the_next_run() -> None:
    ticker = Ticker(SWEEP, lambda _, __: None, lambda: 0.0)
    ticker.start()
    ticker.stop()


def test_a_function_runs_at_once_when_asked_to() -> None:
    ticker = Ticker(SWEEP, lambda name, _: {"ran": name}, lambda: 0.0)
    assert ticker.run_now() == {"ran": "Sweep"}
