"""Whether what clients have been told can be explained: linearizability, after Herlihy and Wing.

A history is explained by an order in which its operations could have taken effect one by one, each
at some instant between its call and its answer, so that a sequential model gives every answer. The
search is Wing and Gong's, with Lowe's memory of the configurations that lead nowhere.

An operation without an answer may have taken effect at any time after its call, or never.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True)
class Operation(Generic[Asked, Answer]):
    """What a client asked and was told, and when, by one clock for all clients."""

    client: int
    called: int
    answered: int | None
    asked: Asked
    answer: Answer | None


Step = Callable[[State, Operation[Asked, Answer]], State | None]
"""The state after an operation; `None` where it cannot be answered so, or has no effect at all."""


def linearization(
    history: Sequence[Operation[Asked, Answer]],
    start: State,
    step: Step[State, Asked, Answer],
) -> list[Operation[Asked, Answer]] | None:
    """An order that explains a history, or `None` when there is none."""
    operations = sorted(history, key=lambda operation: operation.called)
    wanted = sum(1 << at for at, one in enumerate(operations) if one.answered is not None)
    tried: set[tuple[int, State]] = set()
    order: list[int] = []
    # Each level: what has taken effect before, the state then, and what may be the next.
    levels = [(0, start, _next(operations, 0))]
    while levels:
        done, state, candidates = levels[-1]
        if done & wanted == wanted:
            return [operations[at] for at in order]
        for at in candidates:
            after = step(state, operations[at])
            configuration = (done | 1 << at, after)
            if after is None or configuration in tried:
                continue
            tried.add((done | 1 << at, after))
            order.append(at)
            levels.append((done | 1 << at, after, _next(operations, done | 1 << at)))
            break
        else:
            levels.pop()
            if order:
                order.pop()
    return None


def _next(operations: Sequence[Operation[Asked, Answer]], done: int) -> Iterator[int]:
    """What may take effect next: whatever was called before any of the others was answered.

    Those without an answer come last, since most of them need no place.
    """
    open_ones: list[int] = []
    first_answer = inf
    for at, operation in enumerate(operations):
        if operation.called > first_answer:
            break
        if not done >> at & 1:
            open_ones.append(at)
            if operation.answered is not None:
                first_answer = min(first_answer, operation.answered)
    known = [at for at in open_ones if operations[at].answered is not None]
    yield from known
    yield from (at for at in open_ones if operations[at].answered is None)
