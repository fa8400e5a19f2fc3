"""Made-up time for many threads: one of them runs at a time, and waiting takes none.

What this module guarantees: a run is the same whenever and wherever it is run, as long as what the
threads do depends on their order and their waiting alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock, Thread, local


class Timeline:
    """Seconds that pass for all threads of one `run`, from 0 on."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Lock]] = []
        self._order = count()
        self._mine = local()
        self._ended = Lock()
        self._failures: list[BaseException] = []

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run tasks, all from the same moment on, until the last has ended. Raises what one has."""
        threads = []
        for task in tasks:
            gate = Lock()
            gate.acquire()
            self._enqueue(0.0, gate)
            threads.append(Thread(target=self._live, args=(task, gate)))
            threads[-1].start()
        self._ended.acquire()
        self._go_on()
        with self._ended:
            pass
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def wait(self, seconds: float) -> None:
        """Let others run until so many seconds have passed."""
        gate: Lock = self._mine.gate
        self._enqueue(seconds, gate)
        self._go_on()
        gate.acquire()

    def _live(self, task: Callable[[], None], gate: Lock) -> None:
        self._mine.gate = gate
        gate.acquire()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - raised again where all are waited for
            self._failures.append(error)
        finally:
            self._go_on()

    def _enqueue(self, seconds: float, gate: Lock) -> None:
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), gate))

    def _go_on(self) -> None:
        """Let the one run that is next; nobody is left: all have ended."""
        if not self._waiting:
            self._ended.release()
            return
        self.now, _, gate = heapq.heappop(self._waiting)
        gate.release()
