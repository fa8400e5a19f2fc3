"""The life of an agent's licence: what is the case, and what to do next and when. Pure.

What this module guarantees:

* A licence can be used while a lease of this agent, verified, is in its time, and not one second
  longer; a refusal ends that at once, also for the starts to come.
* Whatever is no answer leaves everything as it is, but for the time of the next attempt; so does
  an answer about a proof, which something on the way may have taken out (R36), and a login's
  refusal. The next attempt comes before the lease ends.
* A key that may be good again is kept, and presented by the next login: a dissociated licence
  comes back with it (R20).
* The last lease is presented until another one has been verified, also by a login and after its
  licence has been given up, and a question that was not answered is repeated with its nonce: so the
  service comes to the same link of the licence's chain, and takes one agent for one, whatever is
  lost on the way and wherever it crashes (R37).
* A question is not sent while the disk holds an older one (:func:`may_ask`).
* Time can be used up only once: :attr:`State.kept` is always ahead of :attr:`State.time`, so that
  not even a process that is killed again and again runs longer than its lease.

Times are the service's (:mod:`licensing_agent.protocol.timekeeping`); a :class:`Moment` is handed
in, with the share of chance that spreads the requests of many agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.lease import (
    Expected,
    Lease,
    Reason,
    Rejected,
    freshness,
    verify,
)
from licensing_agent.protocol.outcomes import (
    Action,
    Failed,
    KeysFetched,
    LoggedIn,
    NobodySignedIn,
    Outcome,
    Refused,
    Unproven,
    Valid,
)
from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage.state import Kept, KeptLease, KeptLicense

FIRST_RETRY: Final = 2.0
LONGEST_RETRY: Final = 600.0
LONGEST_RETRY_AFTER: Final = 3_600.0
"""How many seconds of patience are granted, whoever asks: a page of a proxy may ask for a day."""
SHARE_OF_LEASE: Final = 0.25
"""How much of what is left of the lease a pause takes at most."""
REFUSED_AGAIN: Final = 900.0
"""How long a refusal stands on average before it is asked for again, in seconds."""
SIGN_IN_AGAIN: Final = 60.0
"""How often a person's token is asked for, in seconds."""
PRESENTED: Final = frozenset({"DISSOCIATED", "MACHINE_MISMATCH"})
"""The refusals after which a login with the licence's key may bind it here."""
LARGEST_RESERVE: Final = 300.0
"""How many seconds of a lease a crash costs at most."""
OF_A_KEY: Final = frozenset(
    {
        "invalid_request",  # of another environment, which the agent has been given since
        "not_found",
        "on_behalf_login_disabled",
        "temporary_license_not_usable",
        "license_still_bound",
    }
)
"""The refusals of a login that may be for the key that it presented: it is repeated without."""


class LicenseState(StrEnum):
    """The state of the licence, as the agent may act on it."""

    SIGNED_OUT = "signed_out"
    """There is none yet: a person has to log in."""
    VALID = "valid"
    """The service has said so, and a lease proves it."""
    GRACE = "grace"
    """The service is out of reach; the lease still holds."""
    UNREACHABLE = "unreachable"
    """The service is out of reach, and no lease holds."""
    REFUSED = "refused"
    """The service has said no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How it stands. ``until`` is when the lease ends, in epoch seconds.

    ``code``, ``message`` and ``action`` are the service's where it refuses; otherwise ``message``
    says why the service could not be asked. ``storage`` says what cannot be
    kept or opened, why, where it was put, and what gets the agent going.
    """

    license_state: LicenseState
    until: int | None = None
    code: str | None = None
    message: str | None = None
    action: Action | None = None
    license_id: str | None = None
    organization_id: str | None = None
    save_configuration: bool = False
    storage: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the agent may work."""
        return self.license_state in {LicenseState.VALID, LicenseState.GRACE}


@dataclass(frozen=True, slots=True)
class Moment:
    """Both of the machine's clocks, and a number from 0 to 1 drawn by chance."""

    wall: float
    monotonic: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the configuration says. ``pinned`` are public keys by ``kid``."""

    issuer: str
    environment: str
    organization_id: str | None = None
    license_key: str | None = field(default=None, repr=False)
    pinned: Mapping[str, str] = field(default_factory=dict)
    fetches_keys: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``seconds`` have passed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Login:
    """Log in, and present a key and the last lease, if there are any."""

    license_key: str | None = field(repr=False)
    link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask whether the licence is valid; ``link`` is the lease to present, if there is one.

    ``fresh_by`` is what a proof is over while that is in its time.
    """

    license: KeptLicense
    link: str | None = field(repr=False)
    fresh_by: str | None = None


@dataclass(frozen=True, slots=True)
class FetchKeys:
    """Ask for the service's public keys."""


Step = Wait | Login | Validate | FetchKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is known. ``kept`` has to be on the disk before a status is told.

    ``is_late`` says that the last answer was a link that was over already. Until ``login_until`` a
    login is tried, though there is a licence; ``withholds_key``: without its key, which is of no
    use here.
    """

    terms: Terms
    kept: Kept
    time: Timekeeping
    monotonic: float
    due: float
    lease: Lease | None = None
    confirmed: bool = False
    refusal: Refused | None = None
    trouble: str | None = None
    failures: int = 0
    unproven: Valid | None = None
    is_late: bool = False
    login_until: float = 0.0
    withholds_key: bool = False


def begin(  # noqa: PLR0913 - what a start finds
    terms: Terms,
    kept: Kept,
    credentials: Credentials,
    touched: float | None,
    moment: Moment,
    *,
    has_bound_key: bool = False,
) -> State:
    """A process starts, with what is kept since the last one; ``touched`` is the file's time.

    ``has_bound_key`` says that the device key is there that the licence is bound to: it counts as
    one component of the machine more (R9).
    """
    kept, trouble = _of_organization(terms.organization_id, kept)
    time = kept.lease.time if kept.lease else Timekeeping.starting(moment.wall)
    time = time.seen(moment.wall)
    if kept.lease and touched is not None:
        time = time.seen(touched)
    state = State(
        terms=terms,
        kept=kept,
        time=time,
        monotonic=moment.monotonic,
        due=time.mark,
        trouble=trouble,
    )
    found = _kept_lease(state, credentials, has_bound_key=has_bound_key)
    if isinstance(found, Rejected):
        return replace(state, trouble=f"The stored lease is not valid: {found.reason}.")
    return _reserved(replace(state, lease=found))


def advanced(state: State, moment: Moment) -> State:
    """Time has passed."""
    time = state.time.passed(moment.monotonic - state.monotonic).seen(moment.wall)
    return _reserved(replace(state, time=time, monotonic=moment.monotonic))


def hurried(state: State) -> State:
    """Somebody does not want to wait for the next attempt."""
    return replace(state, due=state.time.mark)


def ended(state: State) -> State:
    """The process ends in good order: what was reserved and not used is given back."""
    if state.kept.lease is None:
        return state
    return replace(
        state, kept=replace(state.kept, lease=replace(state.kept.lease, time=state.time))
    )


def next_step(state: State) -> Step:
    """What to do now."""
    if state.time.mark < state.due:
        return Wait(state.due - state.time.mark)
    if state.unproven is not None:
        return FetchKeys()
    license, link = state.kept.license, state.kept.link
    if license is not None and state.time.mark >= state.login_until:
        fresh_by = freshness(link, now=state.time.mark) if link else None
        return Validate(license, link, fresh_by)
    is_of_use = license is not None and not state.withholds_key
    kept_key = license.key if license is not None and is_of_use else None
    return Login(state.terms.license_key or kept_key, link)


def asking(state: State, nonce: str) -> State:
    """A request is about to be sent with ``nonce``: has to be on the disk before it is.

    A question keeps its nonce until it is answered, in the first half of a lease, too: whether it
    comes before halfway, the service decides by its own clock. So it leads to one link, however
    often and whenever it arrives. Every answer ends a validation's, also one that leaves the link
    as it was: no recording of an answer is good for a second time. A login's ends with the licence
    that it brings, and no refusal ends it: what was sent before may have been granted.

    What was sent earlier and arrives after that answer carries an older proof than the one that has
    counted, and is not taken. Without a device key it could lead past the agent's next link: but
    only if it is still under way when that is asked for, across halfway.
    """
    return replace(state, kept=replace(state.kept, asked=nonce))


def may_ask(state: State, on_disk: Kept) -> bool:
    """Whether the question of ``state`` may be sent while ``on_disk`` is what a start would find.

    It has to be the question that would be asked then, or else one agent would ask two, as a copy
    does. Where the disk holds nothing to go on from, there is nothing to ask otherwise.
    """
    if on_disk.license is None and on_disk.link is None:
        return True
    kept = state.kept
    return (on_disk.license, on_disk.link, on_disk.asked) == (kept.license, kept.link, kept.asked)


def after(state: State, outcome: Outcome, moment: Moment) -> State:
    """What follows from what came of the last step."""
    state = advanced(state, moment)
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
            trouble = state.trouble or "Nobody has signed in."
            return replace(state, due=state.time.mark + SIGN_IN_AGAIN, trouble=trouble)
        case _:
            return _failed(state, outcome, moment)


def status(state: State) -> Status:
    """How it stands."""
    license = state.kept.license
    holds = state.lease is not None and state.time.mark < state.lease.expires_at
    if state.refusal is not None:
        license_state = LicenseState.REFUSED
    elif license is None:
        license_state = LicenseState.SIGNED_OUT
    elif not holds:
        license_state = LicenseState.UNREACHABLE
    else:
        license_state = LicenseState.VALID if state.confirmed else LicenseState.GRACE
    return Status(
        license_state=license_state,
        until=state.lease.expires_at if state.lease else None,
        code=state.refusal.code if state.refusal else None,
        message=state.refusal.message if state.refusal else state.trouble,
        action=state.refusal.action if state.refusal else None,
        license_id=license.id if license else None,
        organization_id=license.organization_id if license else None,
        save_configuration=bool(license and license.save_configuration),
    )


def _of_organization(wanted: str | None, kept: Kept) -> tuple[Kept, str | None]:
    """What is kept, if it is of the organization that the agent is for, and why it is not."""
    if kept.license is None or wanted in {None, kept.license.organization_id}:
        return kept, None
    told = (
        f"This agent now belongs to {wanted}; its licence was for {kept.license.organization_id}."
    )
    return replace(kept, license=None, lease=None, asked=None), told


def _logged_in(state: State, answer: LoggedIn, moment: Moment) -> State:
    wanted = state.terms.organization_id
    if wanted is not None and answer.organization_id != wanted:
        message = f"This agent is for {wanted}, but you belong to {answer.organization_id}."
        refusal = Refused(
            code="organization_mismatch", message=message, action="login", at_login=True
        )
        return _login_refused(state, refusal, moment)
    license = KeptLicense(
        key=answer.license_key,
        id=answer.license_id,
        organization_id=answer.organization_id,
        save_configuration=answer.save_configuration,
        device_key=answer.device_key,
    )
    # A login's lease is presented and nothing else: the next step gets one that is verified.
    # What the agent has meanwhile is a lease of the same licence, if there is one.
    before = state.kept.license
    is_same = before is not None and before.id == license.id
    kept = replace(
        state.kept,
        license=license,
        lease=state.kept.lease if is_same else None,
        link=answer.lease,
        asked=None,
    )
    return replace(
        state,
        kept=kept,
        lease=state.lease if is_same else None,
        confirmed=False,
        due=state.time.mark,
        is_late=False,
        login_until=0.0,
        withholds_key=False,
    )


def _valid(state: State, answer: Valid, moment: Moment) -> State:
    license = state.kept.license
    if license is None:
        raise AssertionError("an answer for a licence that has not been asked about")
    lease = verify(
        answer.lease,
        _keys(state),
        _expected(state.terms, license, answer.credentials, answer.nonce),
        now=answer.server_time,
    )
    if isinstance(lease, Rejected):
        if (
            lease.reason is Reason.UNKNOWN_KEY
            and state.terms.fetches_keys
            and state.unproven is None
        ):
            return replace(state, unproven=answer, due=state.time.mark)
        if lease.reason is Reason.OVER:
            return _late(state, answer, moment)
        why = f"The lease in the service's answer is not valid: {lease.reason}."
        return _failed(state, Failed(why=why), moment)
    time = state.time.contact(answer.server_time, moment.wall)
    # Nobody signs when to renew: it is before the end all the same.
    renew_after = min(answer.renew_after, lease.expires_at)
    spread = (lease.expires_at - renew_after) / 4
    kept = KeptLease(
        token=answer.lease, nonce=answer.nonce, credentials=answer.credentials, time=time
    )
    return _reserved(
        replace(
            state,
            kept=replace(state.kept, lease=kept, link=answer.lease, asked=None),
            time=time,
            lease=lease,
            due=max(time.mark + FIRST_RETRY, renew_after + moment.chance * spread),
            confirmed=True,
            refusal=None,
            trouble=None,
            failures=0,
            unproven=None,
            is_late=False,
        )
    )


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


def _keys_fetched(state: State, answer: KeysFetched, moment: Moment) -> State:
    state = replace(state, kept=replace(state.kept, keys=answer.keys))
    return _valid(state, state.unproven, moment) if state.unproven else state


def _refused(state: State, answer: Refused, moment: Moment) -> State:
    is_first = state.kept.license is not None and state.refusal is None
    kept = state.kept
    if kept.license is not None:
        # What is presented outlives the refusal, and the question does not: a good answer that
        # somebody has held back since before a block is none afterwards.
        kept = replace(kept, lease=None, asked=None)
    if answer.action == "login" and answer.code not in PRESENTED:
        kept = replace(kept, license=None)
    # A login may help at once. Not so the second time: then something is wrong.
    is_login_next = answer.action == "login" and is_first
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
    if presented_own and not state.withholds_key and answer.code in OF_A_KEY:
        return replace(state, withholds_key=True, due=mark + FIRST_RETRY)
    is_stale = answer.code == "unauthorized"  # the token, and the next one may be good
    wait = SIGN_IN_AGAIN if is_stale else REFUSED_AGAIN * (0.5 + moment.chance)
    state = replace(state, due=mark + wait, failures=state.failures + 1, unproven=None)
    if state.lease is not None and mark < state.lease.expires_at:
        return replace(state, trouble=answer.message)
    return replace(state, refusal=answer, trouble=None)


def _unproven(state: State, answer: Unproven, moment: Moment) -> State:
    """Nothing ends. A person is asked to log in where there is another key, or no lease left."""
    mark, is_first = state.time.mark, state.failures == 0
    holds = state.lease is not None and mark < state.lease.expires_at
    wants_person = state.kept.license is not None and (answer.is_other_key or not holds)
    state = _failed(state, Failed(why=answer.message), moment)
    if not wants_person:
        return state
    # A login may help at once. Not so the second time.
    due = mark if is_first else state.due
    return replace(state, due=due, login_until=due + REFUSED_AGAIN * (0.5 + moment.chance))


def _failed(state: State, failure: Failed, moment: Moment) -> State:
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(state.failures, 16))
    asked = min(failure.retry_after or 0.0, LONGEST_RETRY_AFTER)
    if state.lease is not None and state.time.mark < state.lease.expires_at:
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


def _kept_lease(
    state: State, credentials: Credentials, *, has_bound_key: bool
) -> Lease | Rejected | None:
    license, lease = state.kept.license, state.kept.lease
    if license is None or lease is None:
        return None
    # What was sent then is in the lease; of it two of three have to be so today. A container that
    # was made anew on its volume has its id, and the device key in place of its name and address.
    is_same = credentials.is_same_machine_as(lease.credentials) or (
        has_bound_key and credentials.is_made_anew_from(lease.credentials)
    )
    if not is_same:
        return Rejected(Reason.WRONG_MACHINE)
    expected = _expected(state.terms, license, lease.credentials, lease.nonce)
    return verify(lease.token, _keys(state), expected, now=state.time.mark)


def _expected(terms: Terms, license: KeptLicense, credentials: Credentials, nonce: str) -> Expected:
    return Expected(
        issuer=terms.issuer,
        license_id=license.id,
        organization_id=license.organization_id,
        environment=terms.environment,
        machine_thumbprint=credentials.thumbprint(),
        nonce=nonce,
    )


def _keys(state: State) -> Mapping[str, str]:
    fetched = state.kept.keys if state.terms.fetches_keys else {}
    return {**fetched, **state.terms.pinned}


def _reserved(state: State) -> State:
    """With what is kept ahead of the time, by a part of the lease that can be done without."""
    kept, lease = state.kept.lease, state.lease
    if kept is None or lease is None or state.time.mark < kept.time.mark:
        return state
    reserve = min(LARGEST_RESERVE, (lease.expires_at - lease.issued_at) / 20)
    ahead = replace(state.time, mark=state.time.mark + reserve)
    return replace(state, kept=replace(state.kept, lease=replace(kept, time=ahead)))
