"""What a use leaves behind: what counts once, in one write; that it was seen may wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.device_key import Proof
from licensing.domain.drift import Evidence
from licensing.domain.errors import StaleProof, Unavailable
from licensing.domain.key_history import KeyHistory
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import NO_CHAIN, Chain, Left, Link, Question
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
HALF_OVER = Link("second", NOW - DAY, NOW + 1)
FRESH = Link("second", NOW, NOW + DAY)
OLDER = Link("first", NOW - 2 * DAY, NOW - DAY)
CHAIN = Chain(HALF_OVER, THERE, is_presented=True)
LEASED = license(chain=CHAIN, last_seen=SEEN, leased_until=NOW + 1)
EARLY = replace(LEASED, chain=replace(CHAIN, link=FRESH), leased_until=NOW + DAY)
NEXT = Link("second/n", NOW, NOW + DAY)
RENEWED = Chain(NEXT, "203.0.113.7", is_presented=True)
TWO_AGENTS = replace(LEASED, chain=replace(CHAIN, left=(Left("first", NOW - 60),)))
TERM = Term(TimeToLive.ONE_HOUR, NOW + 3600)
TERMS = LeaseTerms("https://licensing.example", DAY)
STRICT = organization(policy=Policy(block_clones=True))


@dataclass
class Store:
    """Remembers what is written; `outcome` comes of it, `fails` has `record_last_seen` fail."""

    outcome: Outcome = Outcome.COMMITTED
    fails: bool = False
    uses: list[tuple[License, License]] = field(default_factory=list)
    is_full: bool = False
    last_seen: list[tuple[str, LastSeen, int]] = field(default_factory=list)
    reports: list[RefusedAttempt] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def record_use(self, before: License, after: License) -> Outcome:
        if self.is_full:
            raise Unavailable("busy")
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
        "nonce": "n",
        **how,
    }
    seen = ObservedAgent(credentials(), given["machine"], "4.6.0.0", Evidence.LINK)
    proof = given["proof"]
    last = presented.id if presented else ""
    is_proved = proof is not None and proof.made_ms is not None
    question = Question(presented, f"{last}/{given['nonce']}", is_proved=is_proved)
    presented_with = Use(seen, question, "{}/n".format, proof)
    context = replace(CONTEXT, origin=HERE)
    record_use = RecordUse(store, TERMS, INTERVAL, PolicyFloor())
    return record_use(record, given["organization"], presented_with, context)


def test_a_link_in_its_first_half_is_kept_and_nothing_is_written() -> None:
    store = Store()
    assert use(store, EARLY, FRESH) == RecordedUse(EARLY, FRESH)
    assert store == Store()


def test_that_a_lease_was_presented_at_all_is_written_once() -> None:
    store = Store()
    record = replace(EARLY, chain=replace(EARLY.chain, is_presented=False))
    assert use(store, record, FRESH) == RecordedUse(EARLY, FRESH)
    assert store == Store(uses=[(record, EARLY)])


def test_a_renewal_is_one_write_from_where_it_was_asked_for() -> None:
    store = Store()
    renewed = replace(LEASED, chain=RENEWED, leased_until=NOW + DAY)
    assert use(store, LEASED, HALF_OVER) == RecordedUse(renewed, NEXT)
    assert store == Store(uses=[(LEASED, renewed)])


def test_r37_the_same_question_gets_the_same_lease_even_one_that_is_over_and_writes_nothing() -> (
    None
):
    store = Store()
    over = Link("first/n", NOW - 3 * DAY, NOW - 2 * DAY)
    record = replace(LEASED, chain=replace(CHAIN, link=over))
    assert use(store, record, OLDER, machine=RENAMED) == RecordedUse(record, over)
    assert store == Store()


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
    unseen = replace(EARLY, last_seen=None)
    assert use(store, unseen, FRESH) == RecordedUse(unseen, FRESH)
    last_seen = LastSeen(NOW, "4.6.0.0", "203.0.113.7")
    assert store == Store(last_seen=[(unseen.id, last_seen, INTERVAL)])


def test_r17_a_sighting_that_cannot_be_noted_is_deferred() -> None:
    unseen = replace(EARLY, last_seen=None)
    assert use(Store(fails=True), unseen, FRESH) == RecordedUse(
        unseen, FRESH, last_seen_deferred=True
    )


# -- outside the chain -----------------------------------------------------------------------------

UNCHAINED = license(last_seen=SEEN)


def test_r37_the_end_of_a_lease_outside_the_chain_is_written_ahead_of_it_with_the_sighting() -> (
    None
):
    store = Store()
    used = use(store, UNCHAINED, None)
    assert used.link == Link(None, NOW, NOW + DAY)
    assert used.record.leased_until == NOW + INTERVAL + DAY
    assert used.record.chain == NO_CHAIN
    assert store.uses == [(UNCHAINED, used.record)]
    again = Store()
    assert use(again, used.record, None) == RecordedUse(used.record, used.link)
    assert again == Store()


def test_r37_where_that_cannot_be_written_the_lease_ends_with_the_longest_on_record() -> None:
    record = replace(UNCHAINED, leased_until=NOW + 600)
    assert use(Store(is_full=True), record, None) == RecordedUse(
        record, Link(None, NOW, NOW + 600), last_seen_deferred=True
    )
    with pytest.raises(Unavailable):
        use(Store(is_full=True), UNCHAINED, None)


def test_r37_a_key_alone_moves_nothing_where_a_lease_was_presented_and_is_on_record() -> None:
    store = Store()
    used = use(store, LEASED, None)
    assert (used.link.id, used.record.chain) == (None, CHAIN)
    (report,) = store.reports
    assert (report.type, report.reason) == (EventType.AGENT_RETURNED, "without_lease")


def test_r37_where_clones_are_blocked_a_key_alone_is_asked_for_a_proof_and_blocks_nobody() -> None:
    store = Store()
    refused = use(store, LEASED, None, organization=STRICT)
    assert refused == RefusedUse(LEASED, Code.PROOF_REQUIRED)
    assert store == Store()


# -- proofs ----------------------------------------------------------------------------------------


def over(link: Link) -> Proof:
    """A proof over a lease."""
    return Proof("its key", None, "one", nonce=link.id or "")


def test_a_proof_is_written_before_anything_is_answered() -> None:
    store = Store()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    used = use(store, record, OLDER, proof=Proof("its key", 2, "one"))
    assert store.uses == [(record, used.record)]
    with pytest.raises(StaleProof):
        use(store, used.record, OLDER, proof=Proof("its key", 2, "one"))


@pytest.mark.parametrize(
    "proof", [Proof("its key", 2, "one"), over(HALF_OVER)], ids=["nonce", "lease"]
)
def test_proof_and_link_are_one_write_after_which_no_earlier_proof_counts(proof: Proof) -> None:
    store = Store()
    record = replace(LEASED, device_key="its key", proved_ms=1)
    used = use(store, record, HALF_OVER, proof=proof)
    assert (used.record.proved_ms, used.record.chain.link) == (NOW * 1000, NEXT)
    assert store.uses == [(record, used.record)]


@pytest.mark.parametrize("proof", [Proof("its key", 2, "one"), over(FRESH)], ids=["nonce", "lease"])
def test_where_nothing_is_granted_anew_a_proof_is_not_used_up(proof: Proof) -> None:
    store = Store()
    record = replace(EARLY, device_key="its key", proved_ms=1)
    assert use(store, record, FRESH, proof=proof) == RecordedUse(record, FRESH)
    assert store == Store()


def test_who_comes_second_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), LEASED, HALF_OVER)


@pytest.mark.parametrize("term", [None, TERM], ids=["standard", "temporary"])
def test_a_fork_is_reported_with_both_addresses_and_gone_along_with(
    term: Term | None,
) -> None:
    store = Store()
    record = replace(TWO_AGENTS, term=term)
    used = use(store, record, OLDER)
    (report,) = store.reports
    assert report == RefusedAttempt(
        type=EventType.CLONE_SUSPECTED,
        license_id=record.id,
        organization_id="acme",
        reason="clone_suspected",
        at=NOW,
        origin=HERE,
        other_address=THERE,
        license_computer_name=record.computer_name,
        confidential=term is not None,
    )
    assert used.link == used.record.chain.link
    assert (used.record.chain.question, used.link.issued_at) == ("first/n", NOW)
    assert store.uses == [(record, used.record)]


def test_a_return_is_reported_and_is_none_of_a_second_agents() -> None:
    store = Store()
    used = use(store, LEASED, OLDER, organization=STRICT)
    assert used.record.chain.question == "first/n"
    (report,) = store.reports
    assert (report.type, report.reason) == (EventType.AGENT_RETURNED, "older_lease")
    assert used.record.past.moved_at == NOW  # its machine does not move on nobody's word


def test_the_fourth_return_of_any_kind_is_reported_as_a_suspicion() -> None:
    store = Store()
    left = tuple(Left(f"head {turn}", NOW - 60) for turn in range(3))
    record = replace(EARLY, chain=replace(EARLY.chain, left=left))
    assert isinstance(use(store, record, OLDER, organization=STRICT), RecordedUse)
    (report,) = store.reports
    assert (report.type, report.reason) == (EventType.CLONE_SUSPECTED, "returned_often")


def test_a_fork_is_blocked_where_the_organization_wants_that() -> None:
    store = Store()
    refused = use(store, TWO_AGENTS, OLDER, organization=STRICT)
    blocked = refused.record
    assert refused == RefusedUse(blocked, Code.DETACHED)
    assert (blocked.state, blocked.revision) == (State.DETACHED, 2)
    (change,) = store.changes
    assert (change.before, change.after) == (TWO_AGENTS, blocked)
    event = change.event
    assert (event.type, event.license_id) == (EventType.CLONE_SUSPECTED, LEASED.id)
    assert (event.id, event.at) == ("evt_" + "00" * 16, NOW)
    assert (event.origin, event.reason, event.other_address) == (HERE, None, THERE)
    assert event.before is not None
    assert (event.before["state"], event.after["state"]) == ("active", "detached")
    assert (store.reports, store.uses) == ([], [])


def test_a_partners_fork_is_reported_where_others_are_blocked() -> None:
    store = Store()
    record = replace(TWO_AGENTS, term=TERM)
    assert isinstance(use(store, record, OLDER, organization=STRICT), RecordedUse)
    assert (len(store.reports), store.changes) == (1, [])


def test_who_is_overtaken_while_it_is_blocked_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), TWO_AGENTS, OLDER, organization=STRICT)


def test_a_renewal_is_not_blocked() -> None:
    store = Store()
    assert isinstance(use(store, LEASED, HALF_OVER, organization=STRICT), RecordedUse)
    assert (store.reports, store.changes) == ([], [])


# -- R36: leases and device keys -------------------------------------------------------------------

BOUND = replace(EARLY, device_key="its key", pending_key="other")


@pytest.mark.parametrize("device_key", [None, "its key"])
@pytest.mark.parametrize(
    ("before", "after"),
    # A longer one was granted under other terms, or by another clock.
    [(0, NOW + DAY), (NOW + 2 * DAY, NOW + 2 * DAY)],
)
def test_r37_the_end_of_the_longest_lease_is_written_with_the_link(
    device_key: str | None, before: int, after: int
) -> None:
    record = replace(LEASED, device_key=device_key, leased_until=before)
    proof = over(HALF_OVER) if device_key else None
    assert use(Store(), record, HALF_OVER, proof=proof).record.leased_until == after


@pytest.mark.parametrize("proof", [Proof("its key", 2, "one"), over(FRESH)], ids=["nonce", "lease"])
def test_r36_the_bound_keys_proof_ends_a_pending_one_in_the_same_write(proof: Proof) -> None:
    store = Store()
    used = use(store, BOUND, FRESH, proof=proof)
    assert (used.record.pending_key, used.record.revision) == (None, 2)
    (change,) = store.changes
    assert (change.before, change.after) == (BOUND, used.record)
    assert change.event.type is EventType.DEVICE_KEY_KEPT
    assert store.uses == []


def test_r36_a_pending_keys_proof_binds_it_and_its_chain_begins_anew() -> None:
    store = Store()
    record = replace(BOUND, leased_until=NOW)
    used = use(store, record, None, proof=Proof("other", 2, "one"))
    assert (used.record.device_key, used.record.pending_key) == ("other", None)
    assert used.record.keys.former == ("its key",)
    link = used.record.chain.link
    assert link is not None
    assert (link.issued_at, link.expires_at, used.link) == (NOW, NOW + DAY, link)
    assert used.record.chain == Chain(link, "203.0.113.7", question="/n")
    assert used.record.leased_until == NOW + DAY
    (change,) = store.changes
    assert change.event.type is EventType.DEVICE_KEY_CHANGED
    assert store.reports == []


ALTERNATING = replace(
    BOUND, leased_until=NOW, keys=KeyHistory(("other",), came_back_at=(NOW - DAY,))
)


def test_r37_a_device_key_that_comes_back_for_the_second_time_is_a_second_agents() -> None:
    store = Store()
    proof = Proof("other", 2, "one")
    once = replace(ALTERNATING, keys=KeyHistory(("other",)))
    assert isinstance(use(store, once, None, proof=proof, organization=STRICT), RecordedUse)
    refused = use(store, ALTERNATING, None, proof=proof, organization=STRICT)
    assert refused.code is Code.DETACHED
    assert isinstance(use(store, ALTERNATING, None, proof=proof), RecordedUse)
    assert [(report.type, report.reason) for report in store.reports] == [
        (EventType.AGENT_RETURNED, "device_key_came_back"),
        (EventType.CLONE_SUSPECTED, "device_keys_alternate"),
    ]


def test_r36_who_is_overtaken_when_a_key_changes_has_to_look_again() -> None:
    with pytest.raises(Overtaken):
        use(Store(Outcome.CONFLICT), BOUND, FRESH, proof=over(FRESH))


def test_r36_a_clone_is_blocked_and_what_its_proof_says_of_keys_goes_with_it() -> None:
    store = Store()
    record = replace(TWO_AGENTS, device_key="its key", pending_key="other")
    refused = use(store, record, OLDER, organization=STRICT, proof=Proof("its key", 2, "one"))
    blocked = refused.record
    assert (blocked.state, blocked.pending_key, blocked.revision) == (State.DETACHED, None, 2)


# -- R9, R11: the machine ----------------------------------------------------------------------

RENAMED = machine(computer_name="ACME-PC-02")
MADE_ANEW = machine(None, ("52:11:22:33:44:55",), "ACME-PC-01")


@pytest.mark.parametrize("link", [HALF_OVER, FRESH], ids=["renewed", "in its first half"])
def test_r11_a_move_goes_in_one_transaction_with_link_and_proof(link: Link) -> None:
    store = Store()
    record = replace(LEASED, chain=replace(CHAIN, link=link), device_key="its key", proved_ms=1)
    used = use(store, record, link, proof=over(link), machine=RENAMED)
    (change,) = store.changes
    assert (change.before, change.after, change.event.type) == (
        record,
        used.record,
        EventType.MACHINE_DRIFTED,
    )
    after = used.record
    assert (after.machine, after.proved_ms, after.revision) == (RENAMED, NOW * 1000, 2)
    assert (replace(after.chain, question=None), used.link) == (RENEWED, NEXT)
    assert store.uses == []


def test_r09_who_is_known_by_the_device_key_moves_the_link_in_its_first_half_too() -> None:
    store = Store()
    record = replace(EARLY, device_key="its key", proved_ms=1)
    used = use(store, record, FRESH, proof=over(FRESH), machine=MADE_ANEW)
    (change,) = store.changes
    assert replace(change.after.chain, question=None) == RENEWED
    assert (used.link, change.after.machine.mac_addresses) == (NEXT, MADE_ANEW.mac_addresses)


def test_r09_a_machine_that_another_license_holds_is_not_the_one_with_the_key() -> None:
    @dataclass
    class Held(Store):
        def claims(self, pairs: Any) -> Claims:
            taken = Claim({"bolt": {"production": "lic_b"}}, exclusive=True)
            return {pair: taken for pair in pairs if pair in MADE_ANEW.pairs()}

    store = Held()
    record = replace(EARLY, device_key="its key", proved_ms=1)
    refused = use(store, record, FRESH, proof=over(FRESH), machine=MADE_ANEW)
    assert refused == RefusedUse(record, Code.MACHINE_MISMATCH)
    assert (store.uses, store.changes) == ([], [])


def test_r11_no_machine_is_followed_along_with_another_device_key() -> None:
    store = Store()
    used = use(store, BOUND, FRESH, proof=over(FRESH), machine=RENAMED)
    assert used.record.machine == BOUND.machine
    (change,) = store.changes
    assert change.event.type is EventType.DEVICE_KEY_KEPT
