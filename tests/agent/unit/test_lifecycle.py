"""What an agent does next, and when: the state machine, without a network or a clock."""

from dataclasses import replace
from typing import Any

import pytest

from licensing.domain.license_key import KeySubject, derive
from licensing_agent import lifecycle, transitions
from licensing_agent.lifecycle import (
    FetchKeys,
    LicenseState,
    Login,
    Moment,
    State,
    Terms,
    Validate,
    Wait,
    advanced,
    begin,
    next_step,
    status,
)
from licensing_agent.protocol.outcomes import Failed, KeysFetched, NobodySignedIn, Outcome, Refused
from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage.state import NOTHING, Kept, KeptLease, decode, encode
from tests.agent.samples import (
    ELSEWHERE,
    KEYS,
    LICENSE_ID,
    LICENSE_KEY,
    LOGGED_IN,
    MACHINE,
    PINNED,
    TERMS,
    lease_token,
    valid,
)
from tests.unit.domain.test_lease import ISSUER, KID
from tests.unit.samples import DAY, NOW

REVOKED = Refused(code="REVOKED", message="Log in again.", action="login")
BLOCKED = Refused(code="DETACHED", message="Agent is Blocked.", action="logout")
AWAY = Failed(why="out of reach")
OTHERS = {"other": "A" * 43}
OF_ANOTHER = KeySubject("lic_0123456789abcdeg", "acme", b"", "")


def at(seconds: float = 0, chance: float = 0.5) -> Moment:
    return Moment(NOW + seconds, 1_000 + seconds, chance)


def fresh(terms: Terms = PINNED) -> State:
    return begin(terms, NOTHING, MACHINE, None, at())


def told(state: State, *outcomes: Outcome, seconds: float = 0, chance: float = 0.5) -> State:
    """What follows from one outcome after the other."""
    for outcome in outcomes:
        state = transitions.after(state, outcome, at(seconds, chance))
    return state


def licensed() -> State:
    return told(fresh(), LOGGED_IN, valid())


def waits(state: State) -> float:
    step = next_step(state)
    assert isinstance(step, Wait)
    return step.seconds


# -- what is presented, and asked with -----------------------------------------------------------


def validation(state: State) -> Validate:
    step = next_step(lifecycle.hurried(state))
    assert isinstance(step, Validate)
    return step


def test_the_lease_of_a_login_is_presented_and_the_key_is_asked_about_at_once() -> None:
    state = told(fresh(), LOGGED_IN)
    assert isinstance(next_step(state), Validate)
    assert validation(state).link == LOGGED_IN.lease
    assert state.kept.lease is not None
    assert begin(PINNED, state.kept, MACHINE, None, at()).lease == state.lease


def test_from_then_on_the_last_lease_that_was_proved_is_presented() -> None:
    assert validation(licensed()).link == valid().lease
    unproved = told(licensed(), valid(now=NOW + 60, token=lease_token(nonce="n-2")), seconds=60)
    assert validation(unproved).link == valid().lease


def test_a_question_is_asked_with_its_nonce_until_it_is_answered() -> None:
    state = lifecycle.asking(licensed(), "n-1")
    assert state.kept.asked == "n-1"
    assert told(state, AWAY).kept.asked == "n-1"
    unproved = valid(token=lease_token(nonce="n-2"))
    assert told(state, unproved).kept.asked == "n-1"
    assert told(state, valid()).kept.asked is None


def test_after_a_crash_it_is_asked_with_the_same_nonce() -> None:
    kept = decode(encode(lifecycle.asking(licensed(), "n-1").kept))
    state = begin(PINNED, kept, MACHINE, None, at())
    assert (state.kept.asked, validation(state).link) == ("n-1", valid().lease)


def test_a_block_and_the_end_of_a_license_leave_what_is_presented_and_end_the_question() -> None:
    blocked = told(lifecycle.asking(licensed(), "n-1"), BLOCKED)
    assert validation(blocked).link == valid().lease
    revoked = told(lifecycle.asking(licensed(), "n-1"), REVOKED)
    assert (revoked.kept.link, revoked.kept.asked) == (valid().lease, None)
    assert next_step(revoked) == Login(None, valid().lease)


def test_a_logins_question_ends_with_the_licence_that_it_brings_and_with_nothing_else() -> None:
    state = lifecycle.asking(told(licensed(), REVOKED), "n-2")
    no_seat = Refused(code="seat_limit_reached", message="No seat.", action="login")
    for outcome in (AWAY, NobodySignedIn(), no_seat, replace(LOGGED_IN, organization_id="bolt")):
        other = replace(state, terms=replace(PINNED, organization_id="acme"))
        after_it = told(other, outcome)
        assert (after_it.kept.asked, after_it.kept.link) == ("n-2", valid().lease)
        restarted = begin(PINNED, decode(encode(after_it.kept)), MACHINE, None, at())
        assert (restarted.kept.asked, next_step(restarted)) == ("n-2", Login(None, valid().lease))
    answered = told(state, LOGGED_IN)
    assert (answered.kept.asked, answered.kept.link) == (None, LOGGED_IN.lease)


# -- an answer that comes too late ---------------------------------------------------------------

LATE = valid(now=NOW, token=lease_token(now=NOW - 2 * DAY, id="late"))


def test_r37_a_lease_that_is_over_when_it_comes_is_presented_next_and_at_once() -> None:
    state = told(lifecycle.asking(begin(PINNED, licensed().kept, MACHINE, None, at()), "n-1"), LATE)
    assert (state.kept.asked, state.failures) == (None, 0)
    assert next_step(state) == Validate(state.kept.license, LATE.lease)  # type: ignore[arg-type]
    assert status(state).license_state is LicenseState.GRACE  # on the lease that there was
    assert status(told(state, valid())).license_state is LicenseState.VALID


def test_r37_the_second_such_answer_in_a_row_is_a_failure() -> None:
    twice = told(licensed(), LATE, LATE)
    assert (twice.kept.asked, twice.kept.link, twice.failures) == (None, LATE.lease, 1)
    assert waits(twice) > 0
    assert "over already" in str(status(twice).message)
    for outcome in (AWAY, LATE):
        assert told(twice, outcome).failures == 2
    for good in (valid(), BLOCKED):
        assert told(twice, good, LATE).failures == told(twice, good).failures


def test_r37_what_is_wrong_beside_its_time_makes_it_no_answer() -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"nonce": "n-0"},
        {"license_id": "lic_other"},
        {"issuer": "urn:other"},
    )
    for changed in changes:
        wrong = replace(LATE, lease=lease_token(now=NOW - 2 * DAY, **changed))
        state = told(lifecycle.asking(licensed(), "n-1"), wrong)
        assert (state.kept.asked, state.kept.link) == ("n-1", valid().lease)
        assert state.failures == 1


def test_r37_a_late_lease_under_a_key_that_is_not_known_is_presented_once_that_is_fetched() -> None:
    state = told(fresh(TERMS), KeysFetched(KEYS), LOGGED_IN)
    late = replace(LATE, lease=lease_token(now=NOW - 2 * DAY, kid="new"))
    state = told(state, late)
    assert next_step(state) == FetchKeys()
    fetched = told(state, KeysFetched({"new": KEYS[KID]}))
    assert validation(fetched).link == late.lease
    assert status(fetched).message is None


# -- what shows a proof to be fresh --------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "id"),
    [
        *((0, "l-1.early"), (DAY // 2 - 1, "l-1.early"), (DAY // 2, "l-1"), (DAY - 1, "l-1")),
        *((DAY, None), (3 * DAY, None)),
    ],
)
def test_r36_the_id_of_the_presented_lease_is_told_while_that_is_in_its_time(
    seconds: float, id: str | None
) -> None:
    state = told(fresh(), LOGGED_IN, valid(token=lease_token(id="l-1")))
    assert validation(advanced(state, at(seconds))).fresh_by == id


@pytest.mark.parametrize(
    "token",
    [
        lease_token(id=None),
        lease_token(id=""),
        lease_token(id="a b"),
        lease_token(id="x" * 129),
    ],
)
def test_r36_what_has_no_id_shows_nothing(token: str) -> None:
    state = told(fresh(), replace(LOGGED_IN, lease=token))
    assert validation(state) == Validate(state.kept.license, token)  # type: ignore[arg-type]


# -- what may be asked while the disk holds something else ---------------------------------------


def test_r37_a_question_may_be_sent_that_a_restart_would_ask_just_so() -> None:
    state = lifecycle.asking(licensed(), "n-2")
    kept = state.kept
    assert lifecycle.may_ask(state, kept)
    assert lifecycle.may_ask(state, replace(kept, lease=None, keys={}))
    for older in (
        replace(kept, asked=None),
        replace(kept, asked="n-1"),
        replace(kept, link=None),
        replace(kept, license=None),
    ):
        assert not lifecycle.may_ask(state, older)
    for nothing in (NOTHING, Kept(keys=KEYS), Kept(asked="n-1")):
        assert lifecycle.may_ask(state, nothing)


def test_an_answer_that_was_held_back_until_after_a_block_is_none() -> None:
    state = told(lifecycle.asking(licensed(), "n-1"), BLOCKED)
    assert state.kept.asked is None
    asked_anew = lifecycle.asking(state, "n-2")
    held_back = replace(valid(), nonce="n-2")
    assert not status(told(asked_anew, held_back)).usable


def test_a_lease_that_is_over_or_another_machines_is_presented_all_the_same() -> None:
    over = begin(PINNED, licensed().kept, MACHINE, None, at(3 * DAY))
    moved = begin(PINNED, licensed().kept, ELSEWHERE, None, at())
    for state in (over, moved):
        assert validation(state).link == valid().lease


# -- from the first login on ---------------------------------------------------------------------


def test_without_a_license_a_person_has_to_log_in() -> None:
    assert next_step(fresh()) == Login(None)
    assert status(fresh()).license_state is LicenseState.SIGNED_OUT
    assert next_step(fresh(replace(PINNED, license_key="T-1"))) == Login("T-1")
    state = told(fresh(), NobodySignedIn())
    assert waits(state) == transitions.SIGN_IN_AGAIN
    assert not status(state).usable


def test_a_login_is_good_at_once_and_a_validation_confirms_it() -> None:
    state = told(fresh(), LOGGED_IN)
    assert isinstance(next_step(state), Validate)
    shown = status(state)
    assert (shown.license_state, shown.until, shown.message) == ("grace", NOW + DAY, None)
    shown = status(told(state, valid()))
    assert (shown.license_state, shown.until, shown.license_id) == ("valid", NOW + DAY, LICENSE_ID)
    assert shown.usable
    assert shown.save_configuration


def test_the_next_lease_is_asked_for_in_time_and_not_by_all_at_once() -> None:
    earliest = waits(told(fresh(), LOGGED_IN, valid(), chance=0))
    latest = waits(told(fresh(), LOGGED_IN, valid(), chance=1))
    assert (earliest, latest) == (DAY / 2, DAY * 5 / 8)
    due = advanced(licensed(), at(latest))
    assert isinstance(next_step(due), Validate)
    renewed = told(due, valid(now=NOW + DAY // 2), seconds=DAY // 2)
    assert status(renewed).until == NOW + DAY + DAY // 2


def test_a_lease_that_is_nearly_over_when_it_comes_makes_no_storm() -> None:
    state = told(fresh(), LOGGED_IN, valid(seconds=1))
    assert waits(state) >= transitions.FIRST_RETRY


def test_whatever_the_service_says_of_it_a_lease_is_renewed_by_its_end() -> None:
    state = told(fresh(), LOGGED_IN, replace(valid(), renew_after=NOW + 99 * DAY), chance=1)
    assert waits(state) == DAY


def test_an_agent_for_one_organization_takes_no_other() -> None:
    state = told(fresh(replace(PINNED, organization_id="bolt")), LOGGED_IN)
    shown = status(state)
    assert (shown.license_state, shown.code) == ("refused", "organization_mismatch")
    assert state.kept.license is None
    assert waits(state) == transitions.REFUSED_AGAIN


def test_an_agent_that_is_for_another_organization_now_drops_the_licence_of_before() -> None:
    asked = lifecycle.asking(licensed(), "n-1").kept
    same = begin(replace(PINNED, organization_id="acme"), asked, MACHINE, None, at())
    assert (status(same).usable, same.kept.asked) == (True, "n-1")
    state = begin(replace(PINNED, organization_id="bolt"), asked, MACHINE, None, at())
    shown = status(state)
    assert (shown.license_state, shown.message) == (
        "signed_out",
        "This agent now belongs to bolt; its licence was for acme.",
    )
    assert state.kept == replace(asked, license=None, lease=None, asked=None)
    assert next_step(state) == Login(None, asked.link)


# -- unreachable is not refused ------------------------------------------------------------------


def test_while_the_service_is_away_the_lease_holds_until_its_end() -> None:
    state = told(licensed(), AWAY, seconds=DAY // 2)
    shown = status(state)
    assert (shown.license_state, shown.until, shown.message) == ("grace", NOW + DAY, AWAY.why)
    assert status(advanced(state, at(DAY - 1))).license_state is LicenseState.GRACE
    over = status(advanced(state, at(DAY)))
    assert (over.license_state, over.usable, over.code) == ("unreachable", False, None)
    back = told(advanced(state, at(DAY)), valid(now=NOW + DAY), seconds=DAY)
    assert status(back).license_state is LicenseState.VALID


def test_attempts_get_rarer_with_full_jitter() -> None:
    state, longest = licensed(), []
    for _ in range(12):
        state = told(state, AWAY, chance=1)
        longest.append(waits(state))
    assert longest[:4] == [2, 4, 8, 16]
    assert longest[-1] == transitions.LONGEST_RETRY
    assert isinstance(next_step(told(state, AWAY, chance=0)), Validate)
    assert told(state, valid(), AWAY, chance=1).failures == 1


@pytest.mark.parametrize(("asked", "wait"), [(30, 30), (0, 0), (10**9, 1_800)])
def test_what_the_service_asks_for_in_patience_it_gets(asked: float, wait: float) -> None:
    busy = Failed(why="busy", retry_after=asked)
    earliest, latest = (told(licensed(), busy, chance=chance) for chance in (0, 1))
    assert earliest.due - earliest.time.mark == wait
    assert latest.due - latest.time.mark == wait + transitions.FIRST_RETRY


def test_no_pause_outlasts_the_lease_whoever_asks_for_it() -> None:
    state, a_day = licensed(), Failed(why="maintenance", retry_after=DAY)
    assert state.lease is not None
    end, attempts = state.lease.expires_at, 0
    while state.time.mark < end:
        passed = state.time.mark - NOW
        left = end - state.time.mark
        state = told(state, a_day, chance=1, seconds=passed)
        most = max(left / 4, left / 8 + transitions.FIRST_RETRY)
        assert state.due - state.time.mark <= most + 0.01
        state, attempts = advanced(state, at(state.due - NOW)), attempts + 1
    assert attempts > 10


def test_a_refused_login_does_not_outlast_the_lease_either() -> None:
    no_seat = Refused(code="seat_limit_reached", message="No.", action="login", at_login=True)
    state = told(licensed(), no_seat, seconds=DAY - 100, chance=1)
    assert state.due - state.time.mark == 25


def test_somebody_who_does_not_want_to_wait_need_not() -> None:
    assert isinstance(next_step(lifecycle.hurried(licensed())), Validate)


# -- refused -------------------------------------------------------------------------------------


def test_revoked_the_key_and_the_lease_are_gone_at_once_and_a_login_is_next() -> None:
    state = told(licensed(), REVOKED)
    shown = status(state)
    assert (shown.license_state, shown.code, shown.action) == ("refused", "REVOKED", "login")
    assert (shown.usable, shown.until, shown.license_id) == (False, None, None)
    assert state.kept.license is None
    assert state.kept.lease is None
    assert next_step(state) == Login(None, valid().lease)
    again = begin(PINNED, state.kept, MACHINE, None, at(1))
    assert not status(again).usable


def test_a_person_is_asked_for_every_minute_while_a_key_may_be_bound_again() -> None:
    dissociated = Refused(code="DISSOCIATED", message="Log in again.", action="login")
    state, seconds, logins, refusals = told(licensed(), dissociated), 0.0, 0, 1
    while seconds < 3 * 3_600:
        step = next_step(state)
        if isinstance(step, Wait):
            seconds += step.seconds
            state = advanced(state, at(seconds))
        elif isinstance(step, Login):
            logins += 1
            state = told(state, NobodySignedIn(), seconds=seconds)
        else:
            refusals += 1
            state = told(state, dissociated, seconds=seconds)
    assert logins >= 3 * 60
    assert refusals <= 3 * 4 + 1


@pytest.mark.parametrize("wall", [0, 3 * DAY, -3 * DAY], ids=["right", "ahead", "behind"])
def test_r16_an_answer_that_was_held_back_gives_no_time_back(wall: float) -> None:
    def moment(seconds: float) -> Moment:
        return Moment(NOW + seconds + wall, 1_000 + seconds, 0.5)

    def asked(state: State, seconds: float) -> State:
        return lifecycle.asking(advanced(state, moment(seconds)), "n-1")

    # Whatever the clock shows, the answer to a young question tells what time it is.
    state = transitions.after(asked(fresh(), 0), LOGGED_IN, moment(60))
    state = transitions.after(asked(state, 60), valid(), moment(60))
    assert state.time.mark == NOW
    state = asked(state, 60)
    answered = valid(now=NOW + 60, token=lease_token(now=NOW + 60))
    held_back = transitions.after(state, answered, moment(DAY // 2))
    assert held_back.time.mark == NOW + DAY // 2 - 60
    assert status(held_back).usable
    # It is asked anew at once, and then the time is known.
    assert isinstance(next_step(held_back), Validate)
    known = valid(now=NOW + DAY // 2 + 9, token=lease_token(now=NOW + DAY // 2))
    anew = transitions.after(asked(held_back, DAY // 2), known, moment(DAY // 2))
    assert anew.time.mark == NOW + DAY // 2 + 9
    # Held back for longer than it lasts, it is presented, and of no other use.
    over = transitions.after(state, answered, moment(2 * DAY))
    assert not status(over).usable
    assert validation(over).link == answered.lease
    # After a restart nobody knows since when the question is open.
    again = begin(PINNED, state.kept, MACHINE, None, moment(DAY // 2))
    assert transitions.after(again, answered, moment(DAY // 2)).time.mark >= again.time.mark


def test_a_refusal_of_before_a_login_is_over_with_it() -> None:
    state = told(licensed(), REVOKED, LOGGED_IN)
    over = status(advanced(told(state, AWAY), at(2 * DAY)))
    assert (over.license_state, over.code, over.message) == ("unreachable", None, AWAY.why)


def test_r16_an_answer_to_a_machine_that_has_slept_meanwhile_gives_no_time_back() -> None:
    state = lifecycle.asking(licensed(), "n-1")
    answered = valid(now=NOW + 1, token=lease_token(now=NOW + 1))
    # Its own clock has stood still; the machine's has not.
    state = transitions.after(state, answered, Moment(NOW + DAY // 2, 1_001, 0.5))
    assert state.time.mark == NOW + DAY // 2


def test_a_login_that_does_not_help_is_not_tried_again_and_again() -> None:
    state = told(licensed(), REVOKED, LOGGED_IN, REVOKED)
    assert 0.5 * transitions.REFUSED_AGAIN <= waits(state) <= 1.5 * transitions.REFUSED_AGAIN


def test_a_refusal_after_failures_leads_to_a_login_at_once_all_the_same() -> None:
    assert next_step(told(licensed(), AWAY, AWAY, REVOKED)) == Login(None, valid().lease)


def test_blocked_the_key_stays_and_is_tried_again() -> None:
    state = told(licensed(), BLOCKED)
    assert state.kept.lease is None
    assert state.kept.license is not None
    assert status(state).license_state is LicenseState.REFUSED
    assert waits(state) == transitions.REFUSED_AGAIN
    assert status(told(state, AWAY)).code == "DETACHED"
    assert status(told(state, valid())).license_state is LicenseState.VALID


# -- the lease has to prove it -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nonce": "of yesterday"}, "wrong_nonce"),
        ({"nonce": None}, "wrong_nonce"),
        ({"machine_thumbprint": ELSEWHERE.thumbprint()}, "wrong_machine"),
        ({"issuer": "urn:licensing:other"}, "wrong_issuer"),
        ({"license_id": "lic_other"}, "wrong_license"),
        ({"organization_id": "bolt"}, "wrong_organization"),
        ({"environment": "test"}, "wrong_environment"),
        ({"now": NOW + 9}, "not_yet"),
        ({"kid": "nobody"}, "unknown_key"),
    ],
)
def test_an_answer_that_its_lease_does_not_prove_is_no_answer(
    changed: dict[str, Any], reason: str
) -> None:
    token = lease_token(**changed)
    held = status(told(licensed(), valid(token=token)))
    assert (held.license_state, held.until) == ("grace", NOW + DAY)
    assert reason in str(held.message)
    # A login that its lease does not prove brings nothing, and is repeated with its nonce.
    first = lifecycle.asking(fresh(), "n-1")
    unproved = told(first, replace(LOGGED_IN, lease=token))
    assert unproved.kept == first.kept
    assert (status(unproved).license_state, status(unproved).code) == ("signed_out", None)
    assert reason in str(status(unproved).message)
    assert isinstance(next_step(lifecycle.hurried(unproved)), Login)


@pytest.mark.parametrize(
    "changed",
    [
        {"license_id": "lic_other"},
        {"organization_id": "bolt"},
        {"license_key": LICENSE_KEY[:-1] + "2"},
        {"license_key": LICENSE_KEY[:-6]},
        {"license_key": "AAAAA-BBBBB"},
        {
            "license_key": derive(
                b"secret", 1, KeySubject("lic_0123456789abcdeg", "acme", b"", "")
            ).reveal()
        },
    ],
)
def test_a_login_whose_answer_was_changed_on_the_way_brings_nothing(
    changed: dict[str, Any],
) -> None:
    for wanted in (None, "acme"):
        state = told(fresh(replace(PINNED, organization_id=wanted)), replace(LOGGED_IN, **changed))
        assert (state.kept, status(state).code) == (NOTHING, None)


def test_the_answer_to_a_login_that_was_asked_long_ago_is_presented_and_of_no_other_use() -> None:
    state = told(fresh(), replace(LOGGED_IN, lease=LATE.lease))
    assert validation(state).link == LATE.lease
    assert status(state).until is None
    assert status(told(state, valid())).license_state is LicenseState.VALID


def test_after_a_refusal_the_lease_of_a_login_counts_at_once() -> None:
    state = told(licensed(), REVOKED, LOGGED_IN)
    assert (status(state).license_state, status(state).code) == ("grace", None)
    again = told(state, REVOKED)
    assert (status(again).license_state, status(again).usable) == ("refused", False)
    # What did not help is not tried again and again.
    assert waits(again) == transitions.REFUSED_AGAIN


@pytest.mark.parametrize(
    ("knows", "waiting", "asked"),
    [
        ((LOGGED_IN, KeysFetched(KEYS), valid()), valid(now=NOW + 9), Validate),
        ((), LOGGED_IN, Login),
    ],
    ids=["a validation", "a login"],
)
def test_keys_that_are_not_known_are_fetched_once_and_replaced_by_those_that_prove(
    knows: tuple[Outcome, ...], waiting: Any, asked: type
) -> None:
    state = told(fresh(TERMS), *knows)
    newer = replace(waiting, lease=lease_token(now=int(waiting.server_time), kid="new"))
    proving = {**OTHERS, "new": KEYS[KID]}
    state = told(
        replace(state, kept=replace(state.kept, keys={**OTHERS, **state.kept.keys})), newer
    )
    assert next_step(state) == FetchKeys()
    assert status(told(state, KeysFetched(proving))).usable
    assert told(state, KeysFetched(proving)).kept.keys == proving
    for wrong in (KeysFetched({}), KeysFetched(OTHERS), AWAY):
        failed = told(state, wrong)
        assert failed.kept == state.kept
        assert status(failed).usable == bool(knows)
        assert status(failed).message
        assert isinstance(next_step(lifecycle.hurried(failed)), asked)


def test_before_a_login_keys_are_fetched_and_the_issuer_is_compared() -> None:
    assert next_step(fresh(TERMS)) == FetchKeys()
    assert next_step(told(fresh(TERMS), KeysFetched(KEYS, ISSUER))) == Login(None)
    assert next_step(told(fresh(TERMS), KeysFetched(KEYS))) == Login(None)
    other = told(fresh(TERMS), KeysFetched(KEYS, "urn:other"))
    assert other.kept == NOTHING
    message = str(status(other).message)
    assert "urn:other" in message
    assert ISSUER in message
    assert waits(other) > 0
    for nothing in (told(fresh(TERMS), KeysFetched({}, ISSUER)), told(fresh(TERMS), AWAY)):
        assert waits(nothing) > 0
        assert next_step(lifecycle.hurried(nothing)) == FetchKeys()


def test_pinned_keys_are_the_only_ones() -> None:
    kept = Kept(keys=KEYS)
    state = begin(replace(TERMS, fetches_keys=False), kept, MACHINE, None, at())
    assert next_step(state) == Login(None)
    assert "unknown_key" in str(status(told(state, LOGGED_IN)).message)


# -- the next start ------------------------------------------------------------------------------


def test_a_start_goes_on_with_the_lease_that_is_kept() -> None:
    state = begin(PINNED, licensed().kept, MACHINE, NOW, at(DAY / 2))
    assert status(state).license_state is LicenseState.GRACE
    assert isinstance(next_step(state), Validate)
    assert status(told(state, valid(), seconds=1)).license_state is LicenseState.VALID


def test_a_start_with_a_lease_that_is_over_has_none() -> None:
    shown = status(begin(PINNED, licensed().kept, MACHINE, None, at(DAY)))
    assert (shown.license_state, shown.usable) == ("unreachable", False)
    assert "over" in str(shown.message)


def test_a_machine_that_has_changed_in_one_thing_goes_on_and_another_machine_does_not() -> None:
    docked = replace(MACHINE, mac_addresses=("a4bb6d3e901f",))
    assert status(begin(PINNED, licensed().kept, docked, None, at())).usable
    shown = status(begin(PINNED, licensed().kept, ELSEWHERE, None, at()))
    assert not shown.usable
    assert "wrong_machine" in str(shown.message)


def test_a_start_in_another_environment_has_no_lease() -> None:
    other = replace(PINNED, environment="test")
    assert not status(begin(other, licensed().kept, MACHINE, None, at())).usable


def test_what_is_kept_is_ahead_until_the_process_ends_in_good_order() -> None:
    state = advanced(licensed(), at(100))
    assert kept_mark(state) > state.time.mark
    assert kept_mark(lifecycle.ended(state)) == state.time.mark
    assert lifecycle.ended(fresh()) == fresh()


def kept_mark(state: State) -> float:
    kept: KeptLease | None = state.kept.lease
    assert kept is not None
    return kept.time.mark


def test_what_no_clock_shows_cannot_be() -> None:
    time = Timekeeping.starting(NOW).passed(-5)
    assert time.mark == NOW
    with pytest.raises(AssertionError):
        told(fresh(), valid())
