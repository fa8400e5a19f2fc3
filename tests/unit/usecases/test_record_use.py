"""What a use leaves behind: what counts once, in one write; that it was seen may wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.device_key import Proof
from licensing.domain.drift import Evidence
from licensing.domain.errors import StaleProof, Unavailable
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import Chain, Link
from licensing.domain.license import LastSeen, License, State
from licensing.domain.machine_claims import Claim, Claims
from licensing.domain.organization import Policy, PolicyFloor
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.domain.validation import Code
from licensing.usecases.follow_machine import ObservedAgent
from licensing.usecases.optimistic import Overtaken
from licensing.usecases.ports import Change, Outcome
from licensing.usecases.record_use import RecordedUse, RecordUse, RefusedUse, Use
from tests.unit.samples import (
    CONTEXT,
    DAY,
    NOW,
    ORIGIN,
    credentials,
    license,
    machine,
    organization,
)

INTERVAL = 900
HERE = replace(ORIGIN, source_address="203.0.113.7", agent_version="4.6.0.0")
THERE = "198.51.100.66"
SEEN = LastSeen(NOW - 60, "4.5.0.0", THERE)
CHAIN = Chain("second", "first", THERE, NOW - DAY)
LEASED = license(chain=CHAIN, last_seen=SEEN)
FRESH = Link("second", NOW, NOW + DAY)
HALF_OVER = Link("second", NOW - DAY, NOW + 1)
TERM = Term(TimeToLive.ONE_HOUR, NOW + 3600)
TERMS = LeaseTerms("https://licensing.example", DAY)
STRICT = organization(policy=Policy(block_clones=True))


@dataclass
class Store:
    """Remembers what is written; `outcome` comes of it, `fails` has `record_last_seen` fail."""

    outcome: Outcome = Outcome.COMMITTED
    fails: bool = False
    uses: list[tuple[License, License]] = field(default_factory=list)
    last_seen: list[tuple[str, LastSeen, int]] = field(default_factory=list)
    reports: list[RefusedAttempt] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def record_use(self, before: License, after: License) -> Outcome:
        self.uses.append((before, after))
        return self.outcome

    def record_last_seen(self, license_id: str, last_seen: LastSeen, *, interval: int) -> None:
        if self.fails:
            raise Unavailable("busy")
        self.last_seen.append((license_id, last_seen, interval))

    def record_refusal(self, refusal: RefusedAttempt) -> None:
        self.reports.append(refusal)

    def commit(self, changes: Sequence[Change], **_: object) -> Outcome:
        self.changes += changes
        return self.outcome

    def claims(self, _pairs: object) -> Claims:
        return {}

    def license(self, _id: str) -> License | None:
        raise NotImplementedError("a use goes by what was read")

    def organization(self, _id: str) -> None:
        raise NotImplementedError("a use goes by what was read")

    def license_and_organization(self, _id: str, _organization_id: str) -> Any:
        raise NotImplementedError("a use goes by what was read")


def use(store: Store, record: License, presented: Link | None, **how: Any) -> Any:
    given: Mapping[str, Any] = {
        "organization": organization(),
        "proof": None,
        "machine": record.machine,
        **how,
    }
    seen = ObservedAgent(credentials(), given["machine"], "4.6.0.0", Evidence.LINK)
    presented_with = Use(seen, presented, lambda link: f"{link}/n", given["proof"])
    context = replace(CONTEXT, origin=HERE)
    record_use = RecordUse(store, TERMS, INTERVAL, PolicyFloor())
    return record_use(record, given["organization"], presented_with, context)


def test_a_link_in_its_first_half_is_kept_and_nothing_is_written() -> None:
    store = Store()
    assert use(store, LEASED, FRESH) == RecordedUse(LEASED, FRESH, last_seen_deferred=False)
    assert store == Store()


def test_a_renewal_is_one_write_from_where_it_was_asked_for() -> None:
    store = Store()
    renewed = replace(
        LEASED, chain=Chain("second/n", "second", "203.0.113.7", NOW), leased_until=NOW + DAY
    )
    assert use(store, LEASED, HALF_OVER) == RecordedUse(renewed, None, last_seen_deferred=False)
    assert store == Store(uses=[(LEASED, renewed)])


@pytest.mark.parametrize(
    ("seen_at", "is_due"), [(NOW - INTERVAL, True), (NOW - INTERVAL + 1, False)]
)
def test_r17_a_sighting_that_is_due_goes_with_what_is_written_anyway(
    seen_at: int, *, is_due: bool
) -> None:
    store = Store()
    record = replace(LEASED, last_seen=replace(SEEN, at=seen_at))
    used = use(store, record, HALF_OVER)
    ((_, written),) = store.uses
    assert written == used.record
    assert (written.last_seen != record.last_seen) is is_due
    if is_due:
        assert written.last_seen == record.sighted(NOW, "4.6.0.0", "203.0.113.7")
    assert store.last_seen == []


def test_r17_a_sighting_alone_is_noted_when_it_is_due() -> None:
    store = Store()
    unseen = license()
    assert use(store, unseen, None) == RecordedUse(unseen, None, last_seen_deferred=False)
    last_seen = LastSeen(NOW, "4.6.0.0", "203.0.113.7")
    assert store == Store(last_seen=[(unseen.id, last_seen, INTERVAL)])


def test_r17_a_sighting_that_cannot_be_noted_is_deferred() -> None:
    assert use(Store(fails=True), license(), None) == RecordedUse(
        license(), None, last_seen_deferred=True
    )


def test_a_proof_is_written_before_anything_is_answered() -> None:
    store = Store()
    record = license(device_key="its key", proved_ms=1, last_seen=SEEN)
    proved = replace(record, proved_ms=2, leased_until=NOW + DAY)
    answer = use(store, record, None, proof=Proof("its key", 2, "one"))
    assert answer == RecordedUse(proved, None, last_seen_deferred=False)
    assert store.uses == [(record, proved)]
    with pytest.raises(StaleProof):
        use(store, proved, None, proof=Proof("its key", 2, "one"))


def test_proof_and_link_are_one_write() -> None:
    store = Store()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    used = use(store, record, HALF_OVER, proof=Proof("its key", 2, "one"))
    assert (used.record.proved_ms, used.record.chain.current) == (2, "second/n")
    assert store.uses == [(record, used.record)]


def test_a_link_that_is_kept_is_kept_with_a_proof_too() -> None:
    record = replace(LEASED, device_key="its key", proved_ms=1)
    used = use(Store(), record, FRESH, proof=Proof("its key", 2, "one"))
    assert (used.kept, used.record.chain) == (FRESH, CHAIN)


def test_who_comes_second_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), LEASED, HALF_OVER)


@pytest.mark.parametrize("term", [None, TERM], ids=["standard", "temporary"])
def test_a_fork_is_reported_with_both_addresses_and_gone_along_with(
    term: Term | None,
) -> None:
    store = Store()
    record = replace(LEASED, term=term)
    used = use(store, record, None)
    (report,) = store.reports
    assert report == RefusedAttempt(
        type=EventType.CLONE_SUSPECTED,
        license_id=record.id,
        organization_id="acme",
        reason="clone_suspected",
        at=NOW,
        origin=HERE,
        other_address=THERE,
        confidential=term is not None,
    )
    assert used.record.chain == Chain("/n", "second", "203.0.113.7", NOW)
    assert store.uses == [(record, used.record)]


def test_a_fork_is_blocked_where_the_organization_wants_that() -> None:
    store = Store()
    refused = use(store, LEASED, None, organization=STRICT)
    blocked = refused.record
    assert refused == RefusedUse(blocked, Code.DETACHED)
    assert (blocked.state, blocked.revision, blocked.chain) == (State.DETACHED, 2, CHAIN)
    (change,) = store.changes
    assert (change.before, change.after) == (LEASED, blocked)
    event = change.event
    assert (event.type, event.license_id) == (EventType.CLONE_SUSPECTED, LEASED.id)
    assert (event.id, event.at) == ("evt_" + "00" * 16, NOW)
    assert (event.origin, event.reason, event.other_address) == (HERE, None, THERE)
    assert event.before is not None
    assert (event.before["state"], event.after["state"]) == ("active", "detached")
    assert (store.reports, store.uses) == ([], [])


def test_a_partners_fork_is_reported_where_others_are_blocked() -> None:
    store = Store()
    record = replace(LEASED, term=TERM)
    assert isinstance(use(store, record, None, organization=STRICT), RecordedUse)
    assert (len(store.reports), store.changes) == (1, [])


def test_who_is_overtaken_while_it_is_blocked_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), LEASED, None, organization=STRICT)


def test_a_renewal_is_not_blocked() -> None:
    store = Store()
    assert isinstance(use(store, LEASED, HALF_OVER, organization=STRICT), RecordedUse)
    assert (store.reports, store.changes) == ([], [])


# -- R36: leases and device keys -------------------------------------------------------------------

BOUND = license(device_key="its key", pending_key="other", leased_until=NOW + DAY, last_seen=SEEN)


@pytest.mark.parametrize(
    ("before", "presented", "after"),
    [
        (0, None, NOW + DAY),
        (NOW + 2 * DAY, None, NOW + 2 * DAY),  # it was granted under other terms, or another clock
        (0, FRESH, NOW + DAY),
        (0, Link("second", NOW, NOW + 600), NOW + 600),
    ],
)
def test_r36_the_end_of_the_longest_lease_is_written_with_the_proof(
    before: int, presented: Link | None, after: int
) -> None:
    record = replace(LEASED, device_key="its key", leased_until=before)
    used = use(Store(), record, presented, proof=Proof("its key", 2, "one"))
    assert used.record.leased_until == after


def test_r36_the_bound_keys_proof_ends_a_pending_one_in_the_same_write() -> None:
    store = Store()
    used = use(store, BOUND, None, proof=Proof("its key", 2, "one"))
    assert (used.record.pending_key, used.record.proved_ms, used.record.revision) == (None, 2, 2)
    (change,) = store.changes
    assert (change.before, change.after) == (BOUND, used.record)
    assert change.event.type is EventType.DEVICE_KEY_KEPT
    assert store.uses == []


def test_r36_a_pending_keys_proof_binds_it_and_its_chain_begins_anew() -> None:
    store = Store()
    record = replace(BOUND, chain=CHAIN, leased_until=NOW)
    lent = Link(None, NOW - 60, NOW)
    used = use(store, record, lent, proof=Proof("other", 2, "one"))
    assert (used.record.device_key, used.record.pending_key) == ("other", None)
    assert used.record.chain == Chain("/n", None, "203.0.113.7", NOW)
    assert used.record.leased_until == NOW + DAY
    (change,) = store.changes
    assert change.event.type is EventType.DEVICE_KEY_CHANGED
    assert store.reports == []


def test_r36_who_is_overtaken_when_a_key_changes_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), BOUND, None, proof=Proof("its key", 2, "one"))


def test_r36_a_clone_is_blocked_and_what_its_proof_says_of_keys_goes_with_it() -> None:
    store = Store()
    record = replace(BOUND, chain=CHAIN)
    refused = use(store, record, None, organization=STRICT, proof=Proof("its key", 2, "one"))
    blocked = refused.record
    assert (blocked.state, blocked.pending_key, blocked.revision) == (State.DETACHED, None, 2)


# -- R9, R11: the machine ----------------------------------------------------------------------

RENAMED = machine(computer_name="ACME-PC-02")
MADE_ANEW = machine(None, ("52:11:22:33:44:55",), "ACME-PC-01")


def test_r11_a_move_goes_in_one_transaction_with_link_and_proof() -> None:
    store = Store()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    proof = Proof("its key", 2, "one")
    used = use(store, record, HALF_OVER, proof=proof, machine=RENAMED)
    (change,) = store.changes
    assert (change.before, change.after, change.event.type) == (
        record,
        used.record,
        EventType.MACHINE_DRIFTED,
    )
    after = used.record
    assert (after.machine, after.proved_ms, after.revision) == (RENAMED, 2, 2)
    assert after.chain == Chain("second/n", "second", "203.0.113.7", NOW)
    assert store.uses == []


def test_r09_who_is_known_by_the_device_key_moves_the_link_in_its_first_half_too() -> None:
    store = Store()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    proof = Proof("its key", 2, "one")
    used = use(store, record, FRESH, proof=proof, machine=MADE_ANEW)
    (change,) = store.changes
    assert change.after.chain == Chain("second/n", "second", "203.0.113.7", NOW)
    assert (used.kept, change.after.machine.mac_addresses) == (None, MADE_ANEW.mac_addresses)


def test_r09_a_machine_that_another_license_holds_is_not_the_one_with_the_key() -> None:
    @dataclass
    class Held(Store):
        def claims(self, pairs: Any) -> Claims:
            taken = Claim({"bolt": {"production": "lic_b"}}, exclusive=True)
            return {pair: taken for pair in pairs if pair in MADE_ANEW.pairs()}

    store = Held()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    proof = Proof("its key", 2, "one")
    refused = use(store, record, FRESH, proof=proof, machine=MADE_ANEW)
    assert refused == RefusedUse(record, Code.MACHINE_MISMATCH)
    assert (store.uses, store.changes) == ([], [])


def test_r11_no_machine_is_followed_along_with_another_device_key() -> None:
    store = Store()
    used = use(store, BOUND, None, proof=Proof("its key", 2, "one"), machine=RENAMED)
    assert used.record.machine == BOUND.machine
    (change,) = store.changes
    assert change.event.type is EventType.DEVICE_KEY_KEPT
