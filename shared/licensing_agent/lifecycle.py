"""The life of an agent's licence: what is the case, and what to do next and when. Pure.

What follows from an answer is in :mod:`licensing_agent.transitions`.

What this module guarantees:

* A licence can be used while a lease of this agent, verified, is in its time, and not one second
  longer; a refusal ends that at once, also for the starts to come.
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

import math
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
from licensing_agent.protocol.outcomes import Action, LoggedIn, Refused, Valid
from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage.state import Kept, KeptLicense

LARGEST_RESERVE: Final = 300.0
"""How many seconds of a lease a crash costs at most."""

SIGN_IN_AGAIN: Final = (
    "Sign in again: the token that sign_in returned was used for a login before, and is not sent "
    "a second time."
)


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

    ``asked_at`` is the time at which this process has first asked the question that is open.
    ``is_late`` says that the last answer was a link that was over already; ``is_new``, that the
    licence was logged in for and has not been valid since; ``is_used_token``, that the last token
    of a person had been used for a login before. Until ``login_until`` a login is tried, though
    there is a licence; ``withholds_key``: without its key, which is of no use here.
    ``logins_refused`` counts people's logins that are not simply repeated.
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
    unproven: LoggedIn | Valid | None = None
    is_late: bool = False
    is_new: bool = False
    is_used_token: bool = False
    logins_refused: int = 0
    login_until: float = 0.0
    withholds_key: bool = False
    asked_at: float = -math.inf

    @property
    def holds(self) -> bool:
        """Whether a lease is in its time."""
        return self.lease is not None and self.time.mark < self.lease.expires_at

    @property
    def keys(self) -> Mapping[str, str]:
        """The public keys that leases are verified with, by ``kid``."""
        fetched = self.kept.keys if self.terms.fetches_keys else {}
        return {**fetched, **self.terms.pinned}

    def expected(self, license: KeptLicense, credentials: Credentials, nonce: str) -> Expected:
        """What the lease of ``license`` says that was asked for with ``credentials``."""
        return Expected(
            issuer=self.terms.issuer,
            license_id=license.id,
            organization_id=license.organization_id,
            environment=self.terms.environment,
            machine_thumbprint=credentials.thumbprint(),
            nonce=nonce,
        )


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
    return reserved(replace(state, lease=found))


def advanced(state: State, moment: Moment) -> State:
    """Time has passed."""
    time = state.time.passed(moment.monotonic - state.monotonic).seen(moment.wall)
    return reserved(replace(state, time=time, monotonic=moment.monotonic))


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
    if state.terms.fetches_keys and not state.keys:
        return FetchKeys()  # no answer proves anything without
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
    asked_at = state.asked_at if nonce == state.kept.asked else state.time.mark
    return replace(state, kept=replace(state.kept, asked=nonce), asked_at=asked_at)


def may_ask(state: State, on_disk: Kept) -> bool:
    """Whether the question of ``state`` may be sent while ``on_disk`` is what a start would find.

    It has to be the question that would be asked then, or else one agent would ask two, as a copy
    does. Where the disk holds nothing to go on from, there is nothing to ask otherwise.
    """
    if on_disk.license is None and on_disk.link is None:
        return True
    kept = state.kept
    return (on_disk.license, on_disk.link, on_disk.asked) == (kept.license, kept.link, kept.asked)


def status(state: State) -> Status:
    """How it stands."""
    license = state.kept.license
    refusal = state.refusal
    if refusal is not None:
        license_state = LicenseState.REFUSED
    elif license is None:
        license_state = LicenseState.SIGNED_OUT
    elif not state.holds:
        license_state = LicenseState.UNREACHABLE
    else:
        license_state = LicenseState.VALID if state.confirmed else LicenseState.GRACE
    told = [
        refusal.message if refusal else state.trouble,
        SIGN_IN_AGAIN if state.is_used_token else None,
    ]
    return Status(
        license_state=license_state,
        until=state.lease.expires_at if state.lease else None,
        code=refusal.code if refusal else None,
        message=" ".join(filter(None, told)) or None,
        action=refusal.action if refusal else None,
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
    expected = state.expected(license, lease.credentials, lease.nonce)
    return verify(lease.token, state.keys, expected, now=state.time.mark)


def reserved(state: State) -> State:
    """With what is kept ahead of the time, by a part of the lease that can be done without."""
    kept, lease = state.kept.lease, state.lease
    if kept is None or lease is None or state.time.mark < kept.time.mark:
        return state
    reserve = min(LARGEST_RESERVE, (lease.expires_at - lease.issued_at) / 20)
    ahead = replace(state.time, mark=state.time.mark + reserve)
    return replace(state, kept=replace(state.kept, lease=replace(kept, time=ahead)))
