"""What follows from an answer. Pure.

What this module guarantees:

* A refusal ends the lease at once. Whatever is no answer leaves everything as it is, but for the
  time of the next attempt, and so does an answer about a proof, which something on the way may have
  taken out (R36), and a login's refusal. The next attempt comes before the lease ends.
* A key that may be good again is kept, and presented by the next login: a dissociated licence
  comes back with it (R20).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from licensing_agent import words
from licensing_agent.lifecycle import LARGEST_RESERVE, Moment, State, advanced, reserved
from licensing_agent.protocol import license_key
from licensing_agent.protocol.lease import Lease, Reason, Rejected, verify
from licensing_agent.protocol.outcomes import (
    Failed,
    KeysFetched,
    LoggedIn,
    NobodySignedIn,
    Outcome,
    Refused,
    Unproven,
    Valid,
)
from licensing_agent.storage.state import KeptLease, KeptLicense

FIRST_RETRY: Final = 2.0
LONGEST_RETRY: Final = 600.0
LONGEST_RETRY_AFTER: Final = 1_800.0
"""How many seconds of patience are granted, whoever asks: a page of a proxy may ask for a day."""
SHARE_OF_LEASE: Final = 0.125
"""How much of what is left of the lease each of the two parts of a pause takes at most."""
REFUSED_AGAIN: Final = 900.0
"""How long a refusal stands on average before it is asked for again, in seconds."""
SIGN_IN_AGAIN: Final = 60.0
"""How often a person's token is asked for, in seconds."""
PRESENTED: Final = frozenset({"DISSOCIATED", "MACHINE_MISMATCH"})
"""The refusals after which a login with the licence's key may bind it here."""


def after(state: State, outcome: Outcome, moment: Moment) -> State:
    """What follows from what came of the last step."""
    is_used = isinstance(outcome, NobodySignedIn) and outcome.is_used_token
    state = replace(advanced(state, moment), is_used_token=is_used)
    match outcome:
        case LoggedIn():
            return _logged_in(state, outcome, moment)
        case Valid():
            return _valid(state, outcome, moment)
        case KeysFetched():
            return _keys_fetched(state, outcome, moment)
        case Refused():
            refused = _login_refused if outcome.at_login else _refused
            return refused(state, outcome, moment)
        case Unproven():
            return _unproven(state, outcome, moment)
        case NobodySignedIn():
            trouble = state.trouble or (None if is_used else "Nobody has signed in.")
            return replace(state, due=state.time.mark + SIGN_IN_AGAIN, trouble=trouble)
        case _:
            return _failed(state, outcome, moment)


def _logged_in(state: State, answer: LoggedIn, moment: Moment) -> State:
    lease = _proof(state, answer)
    if isinstance(lease, Rejected) and lease.reason is not Reason.OVER:
        if lease.reason is Reason.UNKNOWN_KEY and _may_fetch(state):
            return replace(state, unproven=answer, due=state.time.mark)
        return _failed(state, _disproved(lease), moment)
    if not license_key.is_of(answer.license_key, answer.license_id):
        why = "The license key in the service's answer was changed on the way: log in again."
        return _failed(state, Failed(why=why), moment)
    wanted = state.terms.organization_id
    if wanted is not None and answer.organization_id != wanted:
        message = f"This agent is for {wanted}, but you belong to {answer.organization_id}."
        refusal = Refused(
            code="organization_mismatch", message=message, action="login", at_login=True
        )
        return _login_refused(state, refusal, moment)
    # What the agent has meanwhile is a lease of the same licence, if there is one.
    before, license = state.kept.license, _license_of(state, answer)
    is_same = before is not None and before.id == license.id
    kept = replace(
        state.kept,
        license=license,
        lease=state.kept.lease if is_same else None,
        link=answer.lease,
        asked=None,
    )
    state = replace(
        state,
        kept=kept,
        lease=state.lease if is_same else None,
        confirmed=False,
        due=state.time.mark,
        unproven=None,
        is_late=False,
        is_new=True,
        login_until=0.0,
        withholds_key=False,
    )
    if isinstance(lease, Rejected):
        return state  # what was asked long ago is answered with the link of then
    # The agent works at once, and the key is asked about next. Where the device key has to wait
    # (R36), a login gets a lease, and a validation none yet.
    granted = _granted(state, lease, answer, moment)
    return replace(granted, due=granted.time.mark, refusal=None)


def _valid(state: State, answer: Valid, moment: Moment) -> State:
    lease = _proof(state, answer)
    if isinstance(lease, Rejected):
        if lease.reason is Reason.UNKNOWN_KEY and _may_fetch(state):
            return replace(state, unproven=answer, due=state.time.mark)
        if lease.reason is Reason.OVER:
            return _late(state, answer, moment)
        return _failed(state, _disproved(lease), moment)
    is_held_back = _answered_at(state, answer) != answer.server_time
    state = _granted(state, lease, answer, moment)
    # Nobody signs when to renew: it is before the end all the same.
    renew_after = min(answer.renew_after, lease.expires_at)
    spread = (lease.expires_at - renew_after) / 4
    return replace(
        state,
        kept=replace(state.kept, link=answer.lease, asked=None),
        # A new question tells what time it is.
        due=state.time.mark
        if is_held_back
        else max(state.time.mark + FIRST_RETRY, renew_after + moment.chance * spread),
        confirmed=True,
        refusal=None,
        failures=0,
        unproven=None,
        is_late=False,
        is_new=False,
    )


def _license_of(state: State, answer: LoggedIn | Valid) -> KeptLicense:
    """The licence that an answer is about."""
    if isinstance(answer, LoggedIn):
        return KeptLicense(
            key=answer.license_key,
            id=answer.license_id,
            organization_id=answer.organization_id,
            save_configuration=answer.save_configuration,
            device_key=answer.device_key,
        )
    if state.kept.license is None:
        raise AssertionError("an answer for a licence that has not been asked about")
    return state.kept.license


def _proof(state: State, answer: LoggedIn | Valid) -> Lease | Rejected:
    """The lease that proves an answer."""
    expected = state.expected(_license_of(state, answer), answer.credentials, answer.nonce)
    return verify(answer.lease, state.keys, expected, now=_answered_at(state, answer))


def _disproved(lease: Rejected) -> Failed:
    helps = (
        " Compare the agent's issuer with the one that the service names at /.well-known/jwks.json."
        if lease.reason is Reason.WRONG_ISSUER
        else ""
    )
    return Failed(why=f"The lease in the service's answer is not valid: {lease.reason}.{helps}")


def _granted(state: State, lease: Lease, answer: LoggedIn | Valid, moment: Moment) -> State:
    """The agent may work for as long as ``lease`` says."""
    time = state.time.contact(_answered_at(state, answer), moment.wall)
    kept = KeptLease(
        token=answer.lease, nonce=answer.nonce, credentials=answer.credentials, time=time
    )
    kept_all = replace(state.kept, lease=kept)
    return reserved(replace(state, kept=kept_all, time=time, lease=lease, trouble=None))


def _answered_at(state: State, answer: LoggedIn | Valid) -> float:
    """The service's time at an answer, or what this agent takes it for, where that is later.

    An answer says what time it is while its question is young. Held back for hours, it still proves
    its lease, and must not give back what of that is used up.
    """
    mark, is_young = state.time.mark, state.time.mark - state.asked_at <= LARGEST_RESERVE
    is_behind = mark - answer.server_time > LARGEST_RESERVE
    return mark if is_behind and not is_young else answer.server_time


def _late(state: State, answer: Valid, moment: Moment) -> State:
    """What was asked long ago is answered with the link of then, which is over by now.

    That is the link to present in the next question, which is asked at once; but where the service
    does it again, after a pause as after a failure.
    """
    kept = replace(state.kept, link=answer.lease, asked=None)
    if state.is_late:
        why = "The lease in the service's answer is over already."
        return _failed(replace(state, kept=kept), Failed(why=why), moment)
    return replace(state, kept=kept, due=state.time.mark, trouble=None, unproven=None, is_late=True)


def _may_fetch(state: State) -> bool:
    """Whether an unknown key may be one that the service has got since."""
    return state.terms.fetches_keys and state.unproven is None


def _keys_fetched(state: State, answer: KeysFetched, moment: Moment) -> State:
    wanted = state.terms.issuer
    if answer.issuer not in {None, wanted}:
        told = words.line(str(answer.issuer))
        why = (
            f"This agent expects leases of {wanted}, and the service there issues them as {told}: "
            "correct the agent's issuer, or the address of the service."
        )
        return _failed(state, Failed(why=why), moment)
    fetched = replace(state, kept=replace(state.kept, keys=answer.keys))
    if not fetched.keys:
        return _failed(state, Failed(why="The service's answer names no key of leases."), moment)
    asked = state.unproven
    if asked is None:
        return replace(fetched, due=state.time.mark)
    lease = _proof(fetched, asked)
    if lease == Rejected(Reason.UNKNOWN_KEY):
        # Keys of somebody else replace none: the lease that the agent has needs its own.
        return _failed(state, _disproved(lease), moment)
    return after(fetched, asked, moment)


def _refused(state: State, answer: Refused, moment: Moment) -> State:
    kept = state.kept
    if kept.license is not None:
        # What is presented outlives the refusal, and the question does not: a good answer that
        # somebody has held back since before a block is none afterwards.
        kept = replace(kept, lease=None, asked=None)
    if answer.action == "login" and answer.code not in PRESENTED:
        kept = replace(kept, license=None)
    # A login may help at once; not where there has just been one: then something is wrong.
    is_login_next = answer.action == "login" and not state.is_new
    pause = REFUSED_AGAIN * (0.5 + moment.chance)
    wait = 0.0 if is_login_next else pause
    asks_person = answer.action == "login" and kept.license is not None
    return replace(
        state,
        kept=kept,
        login_until=state.time.mark + wait + pause if asks_person else 0.0,
        withholds_key=False,
        lease=None,
        confirmed=False,
        refusal=answer,
        trouble=None,
        failures=state.failures + 1,
        due=state.time.mark + wait,
        unproven=None,
        is_late=False,
    )


def _login_refused(state: State, answer: Refused, moment: Moment) -> State:
    """A person was not logged in: a licence that the agent has is as it was."""
    license, mark = state.kept.license, state.time.mark
    presented_own = license is not None and state.terms.license_key is None
    if presented_own and not state.withholds_key and answer.about_key:
        return replace(state, withholds_key=True, due=mark + FIRST_RETRY)
    is_stale = answer.code == "unauthorized"  # the token, and the next one may be good
    wait = SIGN_IN_AGAIN if is_stale else REFUSED_AGAIN * (0.5 + moment.chance)
    if state.lease is not None and state.holds:
        left = state.lease.expires_at - mark
        wait = min(wait, max(FIRST_RETRY, 2 * SHARE_OF_LEASE * left))
    state = replace(
        state,
        due=mark + wait,
        failures=state.failures + 1,
        logins_refused=state.logins_refused + 1,
        unproven=None,
    )
    if state.holds:
        return replace(state, trouble=answer.message)
    return replace(state, refusal=answer, trouble=None)


def _unproven(state: State, answer: Unproven, moment: Moment) -> State:
    """Nothing ends. A person is asked to log in where there is another key, or no lease left."""
    mark, is_first = state.time.mark, state.failures == 0
    wants_person = state.kept.license is not None and (answer.is_other_key or not state.holds)
    state = _failed(state, Failed(why=answer.message), moment)
    if not wants_person:
        return state
    # A login may help at once. Not so the second time.
    due = mark if is_first else state.due
    return replace(state, due=due, login_until=due + REFUSED_AGAIN * (0.5 + moment.chance))


def _failed(state: State, failure: Failed, moment: Moment) -> State:
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(state.failures, 16))
    asked = min(failure.retry_after or 0.0, LONGEST_RETRY_AFTER)
    if state.lease is not None and state.holds:
        bound = SHARE_OF_LEASE * (state.lease.expires_at - state.time.mark)
        longest, asked = min(longest, max(FIRST_RETRY, bound)), min(asked, bound)
    return replace(
        state,
        confirmed=False,
        trouble=failure.why,
        failures=state.failures + 1,
        due=state.time.mark + asked + moment.chance * longest,
        unproven=None,
    )
