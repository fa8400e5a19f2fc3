"""What an agent may do, second by second, worked out from the story and from what reached it.

It may work while its last contact that succeeded is less than a lease ago, and nothing that came
since has refused it. Nothing of the client's code is used. Some things cost an agent time by
design, so that it need not work for as long as it may: being killed, a clock that is set forward,
and one that is set back, since that is taken for right from then on, and may still be ahead. One
thing gives it time: while it is off, a clock that has been set back counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from tests.agent.simulation.figures import Figures
from tests.agent.simulation.story import DAY, Life, Story
from tests.agent.simulation.tokens import part

LEASE: Final = DAY
KILLED: Final = 300.0
"""Seconds that being killed costs at most."""
NEVER: Final = float("-inf")
SLACK: Final = 0.01
"""Seconds: what floating point makes of a difference of nothing."""


@dataclass
class Truth:
    """What one agent may do now. Time goes on by :meth:`passes`; the rest says what happens."""

    life: Life
    story: Story
    figures: Figures
    since: float = 0.0
    may_until: float = NEVER
    must_until: float = NEVER
    keys: set[str] = field(default_factory=set)
    unproven: tuple[str, float] | None = None
    logged_in: float = NEVER
    """When the licence that it has was given to it."""
    used: float = 0.0
    """For how long it has worked on since the licence was no longer good."""
    grace: float = 0.0
    """For how long it has worked on since it found the service out of reach."""
    waited: float = 0.0
    """For how long it has not worked, though nothing keeps it from being told that it may."""
    shift: float = 0.0
    """By how much the clock has been set since the last contact."""

    def passes(self, at: float, until: float, *, runs: bool, in_grace: bool) -> None:
        """Time has passed, in which the agent has worked until a moment, if that came."""
        since, self.since = self.since, at
        if at <= since:
            return
        stopped = min(max(until, since), at)
        used = stopped - since
        beyond = stopped - max(since, min(self.may_until, at))
        missing = min(self.must_until, at) - stopped if runs else 0.0
        if beyond > SLACK:
            self.figures.beyond += beyond
        if missing > SLACK:
            self.figures.missing += missing
        is_good = self.life.code(since, self.logged_in) == "VALID"
        self.used = 0.0 if is_good else self.used + used
        self.grace = self.grace + used if in_grace else 0.0
        self.figures.ran += at - since if runs else 0.0
        self.figures.worked += used
        self.figures.after_end += 0.0 if is_good else used
        self.figures.longest_after_end = max(self.figures.longest_after_end, self.used)
        self.figures.longest_grace = max(self.figures.longest_grace, self.grace)
        if not runs or used > SLACK or not self._could_be_told(since):
            self.waited = 0.0
        if runs and self._could_be_told(since):
            self.waited += at - stopped
            longest = "longest_wait" if self.life.proxy is None else "longest_wait_behind"
            setattr(self.figures, longest, max(getattr(self.figures, longest), self.waited))

    def _could_be_told(self, at: float) -> bool:
        is_lost = self.life.revoked_at is not None and self.logged_in < self.life.revoked_at <= at
        return (
            self.story.outage(self.life, at) is None
            and (self.life.has_person(at) if is_lost else at >= self.life.first_login)
            and self.life.code(at, at) == "VALID"
        )

    # -- what reaches the agent --------------------------------------------------------------------

    def is_told_valid(self, at: float, answer: Mapping[str, Any]) -> None:
        """A lease has been granted; it counts once the key that signed it is known."""
        head, claims = (part(answer["lease"]["token"], number) for number in (0, 1))
        # A lease that is not renewed yet keeps its end, and never outlives the subscription.
        server_time = datetime.fromisoformat(answer["server_time"]).timestamp()
        known = (self.life.organization.subscribed(one) for one in (claims["iat"], server_time))
        ends = min(claims["iat"] + LEASE, *(one.valid_until for one in known))
        self.unproven = (head["kid"], ends - server_time)
        self._counts(at)

    def is_told_keys(self, at: float, answer: Mapping[str, Any]) -> None:
        """The service's keys have been answered."""
        self.keys = {key["kid"] for key in answer["keys"]}
        self._counts(at)

    def is_told_nothing(self) -> None:
        """A request has failed."""
        self.unproven = None

    def is_refused(self) -> None:
        """The service has said no."""
        self.may_until = self.must_until = NEVER
        self.unproven = None

    def _counts(self, at: float) -> None:
        if self.unproven is not None and self.unproven[0] in self.keys:
            self.may_until = self.must_until = at + self.unproven[1]
            self.unproven = None
            self.shift = 0.0
            self.figures.contacts += 1

    def copy(self, life: Life) -> Truth:
        """What another agent may do that starts on a copy of this one's disk."""
        return replace(
            self,
            life=life,
            must_until=self.must_until - KILLED,
            unproven=None,
            used=0.0,
            grace=0.0,
            waited=0.0,
        )

    # -- what happens to the machine ---------------------------------------------------------------

    def clock_is_set(self, by: float, ahead: float) -> None:
        """The clock has been set, and is ahead of the time that it is, or behind, from now on."""
        self.shift += by
        self.must_until -= max(0.0, by if by > 0 else ahead)

    def was_off(self, seconds: float, *, killed: bool) -> None:
        """The agent starts again."""
        self.unproven = None
        self.must_until -= KILLED if killed else 0.0
        if self.shift < 0:
            self.may_until += seconds
            self.figures.lent += seconds if self.may_until > self.since else 0.0
