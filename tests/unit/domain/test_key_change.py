"""Which device key a licence is bound to after a login: whoever asks, and whenever (R36)."""

from dataclasses import replace
from itertools import product

import pytest

from licensing.domain.audit import EventType
from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.key_change import LENT_ONCE_IN, Held, ProvedLogin, after_login
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import Chain, Link
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.temporary_license import Term, TimeToLive
from tests.unit.samples import DAY, NOW, license

BOUND = license(device_key="its key", proved_ms=5, leased_until=NOW + DAY)
ITS, OTHER, THIRD = (Proof(key, 9, key) for key in ("its key", "other", "third"))
VOUCHES = replace(ITS, successor="other")
TERM = Term(TimeToLive.SEVEN_DAYS, NOW + 7 * DAY, "petra")
TERMS = LeaseTerms("https://licensing.example", DAY)


def after(
    record: License, proof: Proof = OTHER, *, now: int = NOW, locked: bool = False, **how: object
) -> Held | Refused:
    login = ProvedLogin(proof, **how)  # type: ignore[arg-type]
    leased_until = TERMS.leased_until(record)
    return after_login(record, login, leased_until=leased_until, locked=locked, now=now)


def test_r36_every_login_gets_what_the_rule_says() -> None:
    """The rule once more, as a list: the first that applies counts."""
    cases = product(
        (None, "its key"),
        (None, "other", "third"),  # what is pending
        (ITS, OTHER),
        (None, VOUCHES, ITS, replace(VOUCHES, thumbprint="third")),
        (True, False),  # by an administrator
        (True, False),  # locked
        (True, False),  # temporary
        (NOW, NOW + DAY),  # before the end of the longest lease, and at it
        (0, NOW - LENT_ONCE_IN + 1, NOW - LENT_ONCE_IN),  # when a key was last lent a lease
    )
    answered = set()
    for bound, pending, proof, previous, is_admin, locked, partner, now, lent_at in cases:
        record = replace(
            BOUND,
            device_key=bound,
            pending_key=pending,
            lent_at=lent_at,
            term=TERM if partner else None,
        )
        reasons = [
            ("kept", bound == proof.thumbprint and pending is not None),
            ("proved", bound == proof.thumbprint),
            ("bound", bound is None or is_admin or (previous is VOUCHES and proof is OTHER)),
            ("refused", locked),
            ("bound", now >= NOW + DAY),
            ("refused", partner),
            ("again", pending == proof.thumbprint),
            ("pending", now - lent_at >= LENT_ONCE_IN),
            ("refused", True),
        ]
        expected = next(word for word, applies in reasons if applies)
        found = after(
            record, proof, now=now, locked=locked, previous=previous, by_administrator=is_admin
        )
        assert _word(found, record, proof) == expected, (record, proof, previous, is_admin, locked)
        answered.add(expected)
    assert answered == {"kept", "proved", "bound", "refused", "again", "pending"}


def _word(found: Held | Refused, record: License, proof: Proof) -> str:
    if isinstance(found, Refused):
        assert found.code is RefusalCode.DEVICE_KEY
        return "refused"
    held = found.record
    match found.event:
        case None if found.is_lent:
            assert held == record
            return "again"
        case None:
            assert held == replace(record, proved_ms=9)
            return "proved"
        case EventType.DEVICE_KEY_PENDING:
            assert held.pending_key == proof.thumbprint
            assert (held.device_key, held.proved_ms) == (record.device_key, record.proved_ms)
            assert found.is_lent
            return "pending"
        case EventType.DEVICE_KEY_KEPT:
            assert (held.device_key, held.pending_key) == (record.device_key, None)
            return "kept"
        case _:
            assert (held.device_key, held.pending_key) == (proof.thumbprint, None)
            return "bound"


def test_r36_a_clock_that_runs_backwards_lends_no_second_lease() -> None:
    lent = after(BOUND)
    assert isinstance(lent, Held)
    kept = after(lent.record, ITS)
    assert isinstance(kept, Held)
    for now in (NOW - DAY, NOW, NOW + LENT_ONCE_IN - 1):
        still = replace(kept.record, leased_until=now + DAY)
        assert isinstance(after(still, THIRD, now=now), Refused)


@pytest.mark.parametrize("action", [Action.DISSOCIATE, Action.REVOKE])
def test_r36_with_its_machine_a_licence_gives_up_what_waits_and_keeps_the_thirty_days(
    action: Action,
) -> None:
    given_up = replace(BOUND, pending_key="other", lent_at=NOW).after(action, NOW)
    assert isinstance(given_up, License)
    assert (given_up.pending_key, given_up.lent_at) == (None, NOW)


@pytest.mark.parametrize(
    ("proof", "now", "locked", "key"),
    [
        (OTHER, NOW + DAY - 1, False, "its key"),
        (OTHER, NOW + DAY, False, "other"),
        (OTHER, NOW + DAY, True, "its key"),
        (THIRD, NOW + DAY, False, "its key"),
        (ITS, NOW + DAY, False, "its key"),
        (None, NOW + DAY, False, "its key"),
        (InvalidProof("torn"), NOW + DAY, False, "its key"),
    ],
)
def test_r36_a_validation_proves_the_bound_key_or_the_pending_one_from_then_on(
    proof: Proof | InvalidProof | None, now: int, key: str, *, locked: bool
) -> None:
    record = replace(BOUND, pending_key="other")
    assert record.key_to_prove(proof, now, locked=locked) == key
    assert license().key_to_prove(proof, now, locked=locked) is None


def test_r36_a_refusal_names_no_time_where_none_helps() -> None:
    refused = after(BOUND, locked=True)
    assert isinstance(refused, Refused)
    assert refused.message == (
        "This agent's license is bound to another device key. Ask an administrator to log in here, "
        "or to reset the device key in the portal."
    )
    partners = after(replace(BOUND, term=TERM))
    assert isinstance(partners, Refused)
    assert partners.message == (
        "This temporary license is bound to another device key. Ask for a new one. A login works "
        "without that from 2030-03-18 17:46:40 UTC on, if the other key is gone."
    )


@pytest.mark.parametrize(
    ("record", "until"),
    [
        (BOUND, NOW + DAY),
        (replace(BOUND, leased_until=0), DAY + 300),
        (replace(BOUND, leased_until=0, proved_ms=NOW * 1000), NOW + 300 + DAY),
        (replace(BOUND, leased_until=0, chain=Chain(Link("b", NOW, NOW))), NOW + DAY),
        (replace(BOUND, leased_until=0, last_seen=LastSeen(NOW, None, None)), NOW + DAY),
    ],
)
def test_r36_of_an_older_record_no_lease_is_taken_for_over_that_is_not(
    record: License, until: int
) -> None:
    assert TERMS.leased_until(record) == until
