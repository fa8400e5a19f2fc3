"""What a simulation counts, and how that is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Final

from tests.agent.simulation.story import DAY, HOUR, Time

_LONGEST: Final = "longest_"


@dataclass
class Figures:
    """Of one part of the fleet, or of all. Durations are in agent-seconds."""

    agents: int = 0
    days: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    """What has reached the service, and what it answered."""
    failures: Counter[str] = field(default_factory=Counter)
    """What has come to nothing on the way."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls to DynamoDB, by operation."""
    read_units: float = 0.0
    write_units: float = 0.0
    differences: Counter[str] = field(default_factory=Counter)
    """Answers that the story does not have; none is right."""
    minutes: Counter[tuple[Time, int]] = field(default_factory=Counter)
    """Requests that have reached a gateway, by the minute since the epoch."""
    copies: int = 0
    """Agents that have been copied."""
    copies_found: int = 0
    false_alarms: int = 0
    """Agents that are taken for copied, and are not."""
    proxied: int = 0
    """Agents with something between them and the service."""
    given_up: int = 0
    """Those of them that have no licence in the end and should have one: none is right."""
    second_licenses: int = 0
    """Licences beside one that an agent had already: none is right."""
    contacts: int = 0
    """Leases that have been granted, and proved."""
    starts: int = 0
    ran: float = 0.0
    worked: float = 0.0
    missing: float = 0.0
    """Without a licence that should have been: none is right."""
    beyond: float = 0.0
    """With a licence that should not have been: none is right."""
    after_end: float = 0.0
    """On a lease, after the licence was no longer good and before the agent knew."""
    lent: float = 0.0
    """Off, with a clock that had been set back: not counted as time of a lease."""
    longest_after_end: float = 0.0
    longest_grace: float = 0.0
    longest_wait: float = 0.0
    """Without a licence that a request would have brought."""
    longest_wait_behind: float = 0.0
    """The same behind a proxy, which may keep several requests in a row from being understood."""
    longest_unnoticed: int = 0
    """Renewals that each of both has made since they parted, when the copy was found."""

    def __add__(self, other: Figures) -> Figures:
        """Of both parts. Days are those of the longer one."""
        both = Figures()
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            is_longest = one.name == "days" or one.name.startswith(_LONGEST)
            setattr(both, one.name, max(mine, theirs) if is_longest else mine + theirs)
        return both

    @property
    def renewals(self) -> float:
        """Leases per agent and day of work."""
        return self.contacts / (self.ran / DAY)

    def peak(self, time: Time) -> int:
        """The most requests in one minute of a kind."""
        return max((count for (kind, _), count in self.minutes.items() if kind is time), default=0)

    def words_of_copies(self) -> str:
        """Of those that were copied."""
        return (
            f"{self.copies_found} of {self.copies} copied agents, among {self.agents:,}, found "
            f"within {self.longest_unnoticed} renewals of each, through {self.days:.0f} days of "
            f"outages, lost answers and kills; {self.false_alarms} others suspected"
        )

    def words(self) -> str:
        """For the page of figures."""
        return (
            f"{self.agents:,} agents, {self.days:.0f} days, {self.starts:,} starts, "
            f"{self.contacts:,} leases ({self.renewals:.2f} per agent and day): "
            f"{self.missing:.0f} agent-seconds without a licence that was due, {self.beyond:.0f} "
            f"beyond a lease, {self.differences.total()} answers that the story does not have, "
            f"{self.false_alarms} agents taken for two; of {self.proxied:,} behind a proxy that "
            f"drops proofs or nonces, replays, or shows pages, {self.given_up} without their "
            f"licence in the end, {self.second_licenses} second licences, waiting for "
            f"{self.longest_wait_behind / 60:.0f} min at most; "
            f"without the service, agents worked for {self.longest_grace / HOUR:.1f} h at most, "
            f"after an end that they could not know for {self.longest_after_end / HOUR:.1f} h, and "
            f"waited for a good answer that could be had for {self.longest_wait / 60:.0f} min; "
            f"clocks set back while agents were off gave them {self.lent / HOUR:.1f} h; "
            f"requests a minute at most: {self.peak(Time.OUTAGE):,} after an outage, "
            f"{self.peak(Time.END):,} at the end of a subscription, {self.peak(Time.QUIET):,} "
            f"else; {_listed(self.requests)}; {_listed(self.failures)}; DynamoDB: "
            f"{self.calls.total():,} calls, {self.read_units:,.0f} read and "
            f"{self.write_units:,.0f} write units"
        )


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())
