"""The checker of histories itself: what it explains, and what it does not."""

import pytest

from tests.concurrency.linearizability import Operation, linearization
from tests.concurrency.model import NEW, Answer, Asked, MachineOperation, step

Written = Operation[str, int]


def register(value: int, operation: Written) -> int | None:
    """One number: `set 3` is answered 3, `get` what was set last."""
    kind, _, argument = operation.asked.partition(" ")
    if kind == "set":
        return int(argument)
    return value if operation.answer == value else None


def op(called: int, answered: int | None, asked: str, answer: int | None = None) -> Written:
    return Operation(0, called, answered, asked, answer)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [op(1, 2, "set 1", 1), op(3, 4, "get", 1)],
        # Both overlap: the read may come before or after.
        [op(1, 4, "set 1", 1), op(2, 3, "get", 0)],
        [op(1, 4, "set 1", 1), op(2, 3, "get", 1)],
        # Two writes overlap; what is read later tells which was the last.
        [op(1, 5, "set 1", 1), op(2, 4, "set 2", 2), op(6, 7, "get", 1)],
        [op(1, 5, "set 1", 1), op(2, 4, "set 2", 2), op(6, 7, "get", 2)],
        # A write that was not answered may come never, or late.
        [op(1, None, "set 1"), op(2, 3, "get", 0)],
        [op(1, None, "set 1"), op(2, 3, "get", 0), op(4, 5, "get", 1)],
        # Called at the very instant of another's answer: they still overlap.
        [op(1, 2, "set 1", 1), op(2, 3, "get", 0)],
    ],
)
def test_a_history_is_explained_by_an_order_that_respects_time(history: list[Written]) -> None:
    order = linearization(history, 0, register)
    assert order is not None
    assert {id(one) for one in history if one.answered is not None} <= {id(one) for one in order}
    for at, one in enumerate(order):
        assert all(
            later.answered is None or later.answered >= one.called for later in order[at + 1 :]
        )
    value: int | None = 0
    for one in order:
        assert value is not None
        value = register(value, one)
    assert value is not None


@pytest.mark.parametrize(
    "history",
    [
        [op(1, 2, "get", 1)],
        # A read that starts after a write has answered does not see what was before it.
        [op(1, 2, "set 1", 1), op(3, 4, "get", 0)],
        # What one has read, nobody reads the contrary of later.
        [op(1, 9, "set 1", 1), op(2, 3, "get", 1), op(4, 5, "get", 0)],
        [op(1, None, "set 1"), op(2, 3, "get", 1), op(4, 5, "get", 0)],
        # Nobody is called late and takes effect early.
        [op(1, 2, "get", 1), op(3, None, "set 1")],
        # Both orders of two writes are seen.
        [
            op(1, 9, "set 1", 1),
            op(1, 9, "set 2", 2),
            *(op(10 + at, 11 + at, "get", 1 + at // 2 % 2) for at in range(0, 6, 2)),
        ],
    ],
)
def test_a_history_that_no_order_explains_is_rejected(history: list[Written]) -> None:
    assert linearization(history, 0, register) is None


def test_many_operations_that_overlap_are_decided_quickly() -> None:
    """Twelve writes at once have more orders than anybody can try, but few configurations."""
    writes = [op(1, 100, f"set {number % 3}", number % 3) for number in range(12)]
    reads = [op(101 + 2 * at, 102 + 2 * at, "get", 1) for at in range(3)]
    assert linearization([*writes, *reads], 0, register) is not None
    assert linearization([*writes, *reads, op(200, 201, "get", 2)], 0, register) is None


# -- one machine ----------------------------------------------------------------------------------

LOGIN_A, LOGIN_B = Asked("login", "acme"), Asked("login", "bolt")
FOREIGN = Answer("refused", "machine_registered_to_other_organization")


def told(called: int, asked: Asked, answer: Answer) -> MachineOperation:
    return Operation(0, called, called + 1, asked, answer)


def about(kind: str, key: str = "a") -> Asked:
    return Asked(kind, "acme", key)


USE, CHECK = (Asked(kind, "acme", "t") for kind in ("use", "check"))

LIFE = [
    told(1, LOGIN_A, Answer("issued", "a", created=True)),
    told(3, LOGIN_A, Answer("issued", "a")),
    told(5, LOGIN_B, FOREIGN),
    told(7, about("detach"), Answer("detached")),
    told(9, LOGIN_A, Answer("refused", "agent_blocked")),
    told(11, about("validate"), Answer("DETACHED")),
    told(13, about("attach"), Answer("active")),
    told(15, about("dissociate"), Answer("dissociated")),
    told(17, about("attach"), Answer("refused", "invalid_transition")),
    told(19, LOGIN_B, Answer("issued", "b", created=True)),
    told(21, Asked("login", "acme", "a"), FOREIGN),
    told(23, Asked("login", "bolt", "a"), Answer("refused", "on_behalf_login_disabled")),
    told(25, about("revoke", "b"), Answer("revoked")),
    told(27, Asked("login", "acme", "a"), Answer("issued", "a")),
    told(29, about("validate"), Answer("VALID")),
    told(31, about("dissociate"), Answer("dissociated")),
    told(33, LOGIN_A, Answer("issued", "c", created=True)),
    told(35, Asked("login", "acme", "a"), Answer("refused", "license_still_bound")),
    told(37, about("revoke"), Answer("revoked")),
    told(39, Asked("login", "acme", "a"), Answer("issued", "c")),
    told(41, CHECK, Answer("MACHINE_MISMATCH")),
    told(43, about("detach", "c"), Answer("detached")),
    told(45, USE, Answer("refused", "agent_blocked")),
    told(47, CHECK, Answer("MACHINE_MISMATCH")),
    told(49, about("attach", "c"), Answer("active")),
    told(51, USE, Answer("issued", "t")),
    told(53, CHECK, Answer("VALID")),
    told(55, about("detach", "c"), Answer("detached")),
    told(57, CHECK, Answer("DETACHED")),
    told(59, about("dissociate", "c"), Answer("dissociated")),
    told(61, CHECK, Answer("VALID")),
    told(63, LOGIN_B, Answer("issued", "d", created=True)),
    told(65, CHECK, Answer("MACHINE_MISMATCH")),
    told(67, USE, FOREIGN),
]


def test_r20_a_machines_whole_life_is_explained() -> None:
    assert linearization(LIFE, NEW, step) == LIFE


@pytest.mark.parametrize("at", range(len(LIFE)))
def test_a_machines_life_with_one_answer_altered_is_rejected(at: int) -> None:
    altered = Answer("VALID") if LIFE[at].answer != Answer("VALID") else Answer("REVOKED")
    history = [*LIFE[:at], told(LIFE[at].called, LIFE[at].asked, altered), *LIFE[at + 1 :]]
    assert linearization(history, NEW, step) is None


def test_r02_a_first_login_that_nobody_was_told_of_shows_at_the_next() -> None:
    unseen: MachineOperation = Operation(1, 1, None, LOGIN_A, None)
    shown = [told(3, LOGIN_B, FOREIGN), told(5, LOGIN_A, Answer("issued", "a"))]
    assert linearization([unseen, *shown], NEW, step) is not None
    assert linearization(shown, NEW, step) is None


def test_r04_two_organizations_at_once_on_one_machine_are_rejected() -> None:
    both: list[MachineOperation] = [
        Operation(0, 1, 9, LOGIN_A, Answer("issued", "a", created=True)),
        Operation(1, 2, 8, LOGIN_B, Answer("issued", "b", created=True)),
    ]
    assert linearization(both, NEW, step) is None
