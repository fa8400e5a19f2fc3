"""One machine as a sequential object: what each request may be answered, and what it changes.

Small on purpose, and written from the rules alone (R2, R4, R15, R18–R21, R26): a machine on which
two organizations log in to one agent, and a partner of the first one. A licence is known by its
key.
"""

from typing import NamedTuple

from tests.concurrency.linearizability import Operation


class Asked(NamedTuple):
    """A request: `kind` is login, validate, or an administrator's action on `key`.

    A partner's login is use, and a validation of the partner's key is check.
    """

    kind: str
    organization_id: str
    key: str | None = None


class Answer(NamedTuple):
    """`word` is issued, refused, a code or a state; `detail` the key, or why it is refused."""

    word: str
    detail: str | None = None
    created: bool = False


class Known(NamedTuple):
    """A licence."""

    key: str
    organization_id: str
    state: str


Machine = frozenset[Known]
"""All licences that the machine ever had."""

NEW: Machine = frozenset()
"""A machine that nobody has logged in on yet."""

_NAMELESS = "?"
"""Begins the key of a licence that was issued, perhaps, to somebody who was not told."""
_BOUND = ("active", "detached")
_TIED = "tied"
"""The state of a temporary licence that has been used; before, the machine does not know it."""
_ACTIONS = {
    "revoke": dict.fromkeys(("active", "detached", "dissociated", "revoked"), "revoked"),
    "detach": dict.fromkeys(_BOUND, "detached"),
    "attach": dict.fromkeys(_BOUND, "active"),
    "dissociate": dict.fromkeys((*_BOUND, "dissociated"), "dissociated"),
}
_CODES = {
    "active": "VALID",
    "detached": "DETACHED",
    "dissociated": "DISSOCIATED",
    "revoked": "REVOKED",
}

MachineOperation = Operation[Asked, Answer]


def step(machine: Machine, operation: MachineOperation) -> Machine | None:
    """The machine after an operation; `None` if it is not answered so, or does nothing unseen."""
    asked, told = operation.asked, operation.answer
    if told is not None and told.word == "issued" and asked.kind == "login":
        machine = _named(machine, asked.organization_id, told)
    fresh = told.detail if told and told.detail else f"{_NAMELESS}{operation.called}"
    answer, after = _act(machine, asked, fresh)
    if told is None:
        return after if after != machine else None
    return after if answer == told else None


def _act(machine: Machine, asked: Asked, fresh: str) -> tuple[Answer | None, Machine]:
    """The answer, and the machine then; a licence that is issued gets the key `fresh`."""
    if asked.kind in ("use", "check"):
        assert asked.key is not None
        return _let_in(machine, Known(asked.key, asked.organization_id, _TIED), asked.kind)
    by_key = {one.key: one for one in machine}
    record = by_key.get(asked.key) if asked.key is not None else None
    if asked.key is not None and record is None:
        return None, machine  # nobody has been told this key yet
    if asked.kind == "login":
        return _log_in(machine, asked.organization_id, record, fresh)
    assert record is not None
    if asked.kind == "validate":
        return Answer(_CODES[record.state]), machine
    target = _ACTIONS[asked.kind].get(record.state)
    if target is None:
        return Answer("refused", "invalid_transition"), machine
    return Answer(target), _with(machine, record, target)


def _log_in(
    machine: Machine, organization_id: str, presented: Known | None, fresh: str
) -> tuple[Answer | None, Machine]:
    if presented is not None and presented.organization_id != organization_id:
        return Answer("refused", "on_behalf_login_disabled"), machine
    holder = next((one for one in machine if one.state in _BOUND), None)
    if holder is not None and holder.organization_id != organization_id:
        return Answer("refused", "machine_registered_to_other_organization"), machine
    if presented is not None and presented.state == "dissociated":
        if holder is not None:
            return Answer("refused", "license_still_bound"), machine
        return Answer("issued", presented.key), _with(machine, presented, "active")
    if holder is None:
        if any(one.key == fresh for one in machine):
            return None, machine  # a key is issued once
        issued = Answer("issued", fresh, created=True)
        return issued, machine | {Known(fresh, organization_id, "active")}
    if holder.state == "detached":
        return Answer("refused", "agent_blocked"), machine
    return Answer("issued", holder.key), machine


def _let_in(machine: Machine, temporary: Known, kind: str) -> tuple[Answer, Machine]:
    """A partner, whose licence claims nothing, at work beside whoever holds the machine."""
    holder = next((one for one in machine if one.state in _BOUND), None)
    is_foreign = holder is not None and holder.organization_id != temporary.organization_id
    is_blocked = holder is not None and not is_foreign and holder.state == "detached"
    if kind == "check":
        if temporary not in machine or is_foreign:
            return Answer("MACHINE_MISMATCH"), machine
        return Answer("DETACHED" if is_blocked else "VALID"), machine
    if is_foreign:
        return Answer("refused", "machine_registered_to_other_organization"), machine
    if is_blocked:
        return Answer("refused", "agent_blocked"), machine
    return Answer("issued", temporary.key), machine | {temporary}


def _with(machine: Machine, record: Known, state: str) -> Machine:
    return machine - {record} | {record._replace(state=state)}


def _named(machine: Machine, organization_id: str, told: Answer) -> Machine:
    """Once somebody is told the key of a nameless licence, it has a name."""
    if told.created or told.detail is None or any(one.key == told.detail for one in machine):
        return machine
    for one in machine:
        if one.key.startswith(_NAMELESS) and one.organization_id == organization_id:
            return machine - {one} | {one._replace(key=told.detail)}
    return machine
