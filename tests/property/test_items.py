"""Random records, written and read: nothing is lost, and nothing is made up."""

from dataclasses import asdict, fields
from typing import Any, TypeVar, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from licensing.adapters.dynamo import events, items
from licensing.adapters.dynamo.values import present
from licensing.domain.audit import Actor, Event, Origin, RefusedAttempt
from licensing.domain.drift import Former, Past
from licensing.domain.key_history import KeyHistory
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import SEEN_HOURS, LastSeen, License
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, Policy, Subscription
from licensing.domain.temporary_license import Term
from licensing.domain.text import readable

T = TypeVar("T")


def records(kind: type[T], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Records with any value in each field, also in those that are there by default."""
    hints = get_type_hints(kind)
    anything = {name: st.from_type(hint) for name, hint in hints.items() if name not in given}
    return st.builds(kind, **anything, **given)


def optional(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


# What people and agents write is read without what misleads; as it is checked before it is written.
lines = st.text().map(readable)
reasons = st.text().map(lambda text: readable(text, lines=True))
facts = st.dictionaries(st.text(), st.none() | lines | st.integers() | st.booleans()).map(
    lambda told: {**told, "state": "active"}
)
hashes = st.binary(min_size=16, max_size=16)
ordered = st.lists(hashes, unique=True, max_size=8).map(tuple)
in_no_order = ordered.map(lambda found: tuple(sorted(found)))
names = st.text(min_size=1, max_size=30)
moments = st.lists(st.integers(0, 2**34), max_size=4).map(tuple)
formers = st.dictionaries(hashes, st.integers(0, 2**34), max_size=5).map(
    lambda left: tuple(
        Former(*one) for one in sorted(left.items(), key=lambda one: (-one[1], one[0]))
    )
)
licenses = records(
    License,
    machine=records(
        Machine,
        mac_addresses=ordered,
        local_addresses=in_no_order,
        virtual_addresses=in_no_order,
    ),
    past=records(Past, former=formers, reported=ordered),
    term=optional(records(Term, holder_name=optional(lines), note=optional(lines))),
    last_seen=optional(records(LastSeen, hours=st.integers(0, 2**SEEN_HOURS - 1))),
    chain=records(
        Chain,
        link=optional(records(Link, id=names)),
        left=st.lists(records(Left, id=names), max_size=4).map(tuple),
        returned_at=moments,
        question=optional(names),
    ),
    keys=records(KeyHistory, former=st.lists(names, max_size=2).map(tuple), came_back_at=moments),
    computer_name=optional(lines),
    label=optional(lines),
    issued_by_name=optional(lines),
)
organizations = records(
    Organization, name=lines, subscription=records(Subscription), policy=records(Policy)
)
origins = records(Origin, actor=records(Actor, name=optional(lines)))
changes = records(
    Event,
    origin=origins,
    before=optional(facts),
    after=facts,
    reason=optional(reasons),
    computer_name=optional(lines),
)
refusals = records(
    RefusedAttempt,
    origin=origins,
    reason=reasons,
    license_computer_name=optional(lines),
    computer_name=optional(lines),
)


@given(licenses)
def test_a_license_is_read_as_it_was_written(record: License) -> None:
    assert items.read_license(items.license_item(record)) == record


@given(licenses, licenses)
def test_a_changed_license_is_read_as_it_was_changed(before: License, after: License) -> None:
    stored = items.license_item(before)
    stored |= present(items.license_attributes(after))
    changed = items.license_attributes(after) | items.chain_attributes(after)
    changed |= items.proof_attributes(after) | items.lease_end_attributes(after)
    changed |= items.past_attributes(after)
    left = {name: value for name, value in stored.items() if changed.get(name, value) is not None}
    read = items.read_license(left | present(changed))
    # What is fixed at its issue is still as it was; so is when it was seen, which is not a change.
    fixed = {"id", "organization_id", "environment", "identity", "secret_version"}
    fixed |= {"issued_at", "issued_by", "issued_by_name", "last_seen"}
    for field in fields(License):
        expected = before if field.name in fixed else after
        assert getattr(read, field.name) == getattr(expected, field.name), field.name


@given(organizations, st.integers(0, 2**34))
def test_an_organization_is_read_as_it_was_written(customer: Organization, due_at: int) -> None:
    assert items.read_organization(items.organization_item(customer, due_at=due_at)) == customer


@given(changes)
def test_r32_an_event_is_read_as_it_was_written(event: Event) -> None:
    entry = events.read_event(events.event_item(event))
    of_hours = {"times": None, "last_at": None, "readings": (), "license_computer_name": None}
    assert asdict(entry) == {**asdict(event), **of_hours}


@given(refusals, st.integers(1, 2**31))
def test_r32_a_refusal_is_read_as_it_was_written(refusal: RefusedAttempt, times: int) -> None:
    stored = present(events.refusal_attributes(refusal))
    entry = events.read_event({**stored, "times": {"N": str(times)}})
    told = asdict(refusal) | {"at": refusal.hour, "last_at": refusal.at, "times": times}
    read = asdict(entry)
    assert {name: read[name] for name in told} == told
