"""Chains of leases, whatever the network does: one agent alone is never suspected, two always are.

An agent keeps to the protocol: it presents its last lease, and repeats a renewal with its nonce
until it is answered, across restarts. Requests and answers get lost, and a request that was given
up may arrive late, in any order, by less than half a lease. The service's table may be put back to
what it was. No clock of the agent takes part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.lease_chain import Chain, Link, Renewal, followed

DAY = 86_400
HALF = DAY // 2

Followed = Callable[..., Renewal | None]
events = st.sampled_from(
    [
        *("answered", "answered", "request lost", "answer lost", "late"),
        *("restarted", "later", "login", "put back"),
    ]
)
turns = st.lists(st.sampled_from("ab"), min_size=10, max_size=24).filter(
    lambda order: min(map(order.count, "ab")) >= 4
)


@dataclass
class Service:
    """The service's part: the chain of one licence, and its clock."""

    followed: Followed = followed
    chain: Chain | None = None
    now: int = 1_900_000_000
    forks: int = 0
    past: list[Chain | None] = field(default_factory=list)

    def put_back(self) -> None:
        """The table is restored to an earlier time."""
        self.chain = self.past[len(self.past) // 2] if self.past else None

    def validate(self, presented: Link | None, nonce: str) -> Link:
        """Follow a link, and grant the next."""
        self.now += 1
        self.past.append(self.chain)
        step = self.followed(
            self.chain,
            presented,
            derive=lambda link: f"{link}/{nonce}",
            source_address=None,
            now=self.now,
        )
        assert step is not None
        self.chain, self.forks = step.chain, self.forks + step.fork
        return step.kept or self._granted()

    def login(self) -> Link:
        """The lease that a login's answer has."""
        return self._granted()

    def _granted(self) -> Link:
        return Link(self.chain.current if self.chain else None, self.now, self.now + DAY)


@dataclass
class Agent:
    """What an agent keeps on its disk: its last lease, and the nonce of a renewal under way."""

    service: Service
    name: str
    lease: Link
    nonce: str | None = None
    late: list[tuple[Link, str]] = field(default_factory=list)
    turns: count[int] = field(default_factory=count)

    def validate(self, event: str) -> None:
        """Ask once; the request, or its answer, may be lost."""
        if self.nonce is None:
            self.nonce = f"{self.name}{next(self.turns)}"
        request = (self.lease, self.nonce)
        if event == "request lost":
            self.late.append(request)
            return
        answer = self.service.validate(*request)
        if event == "answer lost":
            self.late.append(request)
            return
        self.lease, self.nonce = answer, None

    def arrive_late(self) -> None:
        """All that was given up arrives after all; nobody hears the answers."""
        for request in self.late[::-1]:
            self.service.validate(*request)


def play(service: Service, happenings: list[str]) -> None:
    """One agent's life."""
    agent = Agent(service, "a", service.login())
    for event in happenings:
        match event:
            case "late":
                agent.arrive_late()
            case "restarted":
                agent = Agent(service, "a", agent.lease, agent.nonce, agent.late, agent.turns)
            case "later":
                service.now += HALF
                agent.late = []  # as late as that comes nothing
            case "put back":
                service.put_back()
                agent.late = []
            case "login" if agent.nonce is None:
                agent.lease = service.login()
            case _:
                agent.validate(event)


@given(st.lists(events, max_size=40))
def test_an_agent_alone_is_never_suspected_whatever_is_lost_or_late(happenings: list[str]) -> None:
    service = Service()
    play(service, happenings)
    assert service.forks == 0


def renewals_until_found(
    service: Service, order: list[str], asked: str | None = None
) -> int | None:
    """How many renewals each of two agents with one link has made when one is found.

    Copied with a question that was ``asked`` and not answered, each repeats it first: that leads
    both to one link, as it leads one agent.
    """
    first = Agent(service, "a", service.validate(service.login(), "begin"), asked)
    agents = {"a": first, "b": Agent(service, "b", first.lease, asked)}
    made = dict.fromkeys(agents, 0 if asked is None else -1)
    for name in order:
        agents[name].service.now += DAY
        agents[name].validate("answered")
        made[name] += 1
        if service.forks:
            return min(made.values())
    return None


@given(turns, st.sampled_from([None, "asked"]))
def test_two_agents_that_both_go_on_renewing_are_found_within_two_renewals_of_each(
    order: list[str], asked: str | None
) -> None:
    found = renewals_until_found(Service(), order, asked)
    assert found is not None
    assert found <= 2


# -- what must be caught ---------------------------------------------------------------------------


def whatever_the_nonce(
    chain: Chain | None, presented: Link | None, **how: object
) -> Renewal | None:
    """A service that hands out the same next link to whoever presents one."""
    return followed(
        chain,
        presented,
        derive=lambda link: f"{link}/next",
        source_address=None,
        now=int(str(how["now"])),
    )


def without_the_previous(
    chain: Chain | None, presented: Link | None, *, now: int, **how: object
) -> Renewal | None:
    """A service that forgets the link before the current one."""
    is_current = chain is not None and presented is not None and presented.id == chain.current
    step = followed(chain, presented, now=now, **how)  # type: ignore[arg-type]
    if chain is None or is_current or step is None:
        return step
    return Renewal(step.chain, fork=True)


def test_a_service_that_gives_both_the_same_next_link_finds_neither() -> None:
    service = Service(whatever_the_nonce)
    assert renewals_until_found(service, ["a", "b"] * 12) is None


def test_a_service_that_forgets_the_previous_link_suspects_an_agent_alone() -> None:
    service = Service(without_the_previous)
    play(service, ["answered", "later", "answer lost", "answered"])
    assert service.forks


@pytest.mark.parametrize("weak", [whatever_the_nonce, without_the_previous])
def test_the_weak_services_are_right_as_long_as_nothing_is_lost_and_nobody_is_cloned(
    weak: Followed,
) -> None:
    service = Service(weak)
    play(service, ["answered", "later", "answered", "answered", "later", "answered"])
    assert service.forks == 0
