"""Made-up time passes for all threads alike."""

from collections.abc import Callable

import pytest

from tests.benchmarks.timeline import Timeline


def test_threads_take_turns_in_the_order_of_their_times() -> None:
    timeline, seen = Timeline(), []

    def waits(name: str, *pauses: float) -> Callable[[], None]:
        def task() -> None:
            for pause in pauses:
                timeline.wait(pause)
                seen.append((name, timeline.now))

        return task

    timeline.run([waits("a", 3, 4), waits("b", 1, 1, 1), waits("c", 2)])
    # Of two at the same time, the one that began to wait first goes first.
    assert seen == [("b", 1), ("c", 2), ("b", 2), ("a", 3), ("b", 3), ("a", 7)]


def test_what_one_thread_raises_is_raised_once_all_have_ended() -> None:
    timeline, seen = Timeline(), []

    def fails() -> None:
        timeline.wait(1)
        raise LookupError("gone")

    def goes_on() -> None:
        timeline.wait(2)
        seen.append(timeline.now)

    with pytest.raises(LookupError, match="gone"):
        timeline.run([fails, goes_on])
    assert seen == [2]
