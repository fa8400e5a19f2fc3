"""Runs what the template schedules, each function at its own rate, as EventBridge Scheduler would.

A run that fails for good is logged, and the next comes at its time.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from tests.local import aws
from tests.local.deployment import Schedule
from tests.local.execution import FunctionError
from tests.local.gateway import Invoke
from tests.local.template import ACCOUNT, REGION

LOG = logging.getLogger(__name__)


def schedule_event(schedule: Schedule, now: float) -> dict[str, Any]:
    """The event that a schedule without an input sends."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [aws.arn("scheduler", f"schedule/default/{schedule.function}")],
        "detail": "{}",
    }


class Ticker:
    """Runs one schedule until it is stopped. `clock` dates the events, `wait` passes the time."""

    def __init__(
        self,
        schedule: Schedule,
        invoke: Invoke,
        clock: Callable[[], float],
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """`wait` takes seconds and returns true once it is time to stop."""
        self._schedule = schedule
        self._invoke = invoke
        self._clock = clock
        self._stopped = Event()
        self._wait = wait or self._stopped.wait
        self._thread = Thread(target=self._tick, name=f"schedule-{schedule.function}", daemon=True)

    def start(self) -> None:
        """Begin; the first run comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End; a run in hand is let to its end."""
        self._stopped.set()
        self._thread.join()

    def run_now(self) -> Any:
        """Run the function once, at once, and return its result."""
        return self._invoke(self._schedule.function, schedule_event(self._schedule, self._clock()))

    def _tick(self) -> None:
        while not self._wait(self._schedule.seconds):
            try:
                self.run_now()
            except FunctionError:
                LOG.warning("the scheduled run of %s failed", self._schedule.function)
