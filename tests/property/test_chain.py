"""Chains of leases, whatever the network does: one agent alone is never suspected, two always are.

An agent keeps to the protocol: it presents its last lease, and repeats a question with its nonce
until it is answered, across restarts, and at logins, too. Requests and answers get lost, and a
request that was given up may arrive late, in any order, by less than half a lease. The service's
table may be put back to what it was, and so may the agent's machine, once. No clock of the agent
takes part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.lease_chain import (
    NO_CHAIN,
    Asked,
    Chain,
    Link,
    Question,
    Shown,
    Step,
    shown,
    step,
)

DAY = 86_400
HALF = DAY // 2
LIMIT = 4_000_000_000

Taken = Callable[[Chain, Question, Asked], Step]
events = st.sampled_from(
    [
        *("answered", "answered", "request lost", "answer lost", "late"),
        *("restarted", "later", "login", "put back", "restored"),
    ]
)
turns = st.lists(st.sampled_from("ab"), min_size=10, max_size=24).filter(
    lambda order: min(map(order.count, "ab")) >= 4
)


@dataclass
class Service:
    """The service's part: the chain of one licence, and its clock."""

    step: Taken = step
    chain: Chain = NO_CHAIN
    now: int = 1_900_000_000
    forks: int = 0
    returns: int = 0
    past: list[Chain] = field(default_factory=list)

    def put_back(self) -> None:
        """The table is restored to an earlier time."""
        self.chain = self.past[len(self.past) // 2] if self.past else NO_CHAIN

    def ask(self, presented: Link | None, nonce: str, *, login: bool = False) -> Link:
        """Follow a link, and grant the next."""
        self.now += 1
        self.past.append(self.chain)
        following = f"{presented.id if presented else ''}/{nonce}"
        question = Question(presented, following, at_login=login)
        taken = self.step(self.chain, question, Asked(self.now, self.now + DAY, LIMIT, None))
        self.chain, self.forks = taken.chain, self.forks + taken.is_fork
        self.returns += bool(taken.returns)
        assert taken.chain.link is not None
        return taken.chain.link


@dataclass
class Agent:
    """What an agent keeps on its disk: its last lease, and the nonce of a question under way."""

    service: Service
    name: str
    lease: Link | None = None
    asked: tuple[str, bool] | None = None
    late: list[tuple[Link | None, str, bool]] = field(default_factory=list)
    turns: count[int] = field(default_factory=count)

    def ask(self, event: str, *, login: bool = False) -> None:
        """Ask once; the request, or its answer, may be lost."""
        if self.asked is None:
            self.asked = (f"{self.name}{next(self.turns)}", login)
        nonce, at_login = self.asked
        request = (self.lease, nonce, at_login)
        if event != "request lost":
            answer = self.service.ask(self.lease, nonce, login=at_login)
        if event != "answered":
            self.late.append(request)
            return
        self.lease, self.asked = answer, None

    def arrive_late(self) -> None:
        """All that was given up arrives after all; nobody hears the answers."""
        for presented, nonce, login in self.late[::-1]:
            self.service.ask(presented, nonce, login=login)


def play(service: Service, happenings: list[str]) -> None:
    """One agent's life."""
    agent = Agent(service, "a")
    agent.ask("answered", login=True)
    backups = [(agent.lease, agent.asked)]
    for event in happenings:
        match event:
            case "late":
                agent.arrive_late()
            case "restarted":
                agent = Agent(service, "a", agent.lease, agent.asked, agent.late, agent.turns)
            case "later":
                service.now += HALF
                agent.late = []  # as late as that comes nothing
                backups.append((agent.lease, agent.asked))
            case "put back":
                service.put_back()
                agent.late = []
            case "restored" if backups:
                agent.lease, agent.asked = backups[len(backups) // 2]
                agent.late, backups = [], []
            case "login" if agent.asked is None:
                agent.late = []
                agent.ask("answered", login=True)
            case "restored" | "login":
                continue
            case _:
                agent.ask(event)


@given(st.lists(events, max_size=40))
def test_an_agent_alone_is_never_suspected_whatever_is_lost_or_late(happenings: list[str]) -> None:
    service = Service()
    play(service, happenings)
    assert service.forks == 0
    if not {"put back", "restored"} & set(happenings):
        assert service.returns == 0


@dataclass(frozen=True)
class Found:
    """How many renewals each of two agents has made when one is on record.

    ``suspected``: that was so when the one that was left behind came next.
    """

    renewals: int
    suspected: bool


def found(
    service: Service, order: list[str], asked: tuple[str, bool] | None = None
) -> Found | None:
    """What becomes of two agents with one link; ``None`` where nobody notices.

    Copied with a question that was ``asked`` and not answered, each repeats it first: that leads
    both to one link, as it leads one agent.
    """
    first = Agent(service, "a", service.ask(None, "begin", login=True), asked)
    agents = {"a": first, "b": Agent(service, "b", first.lease, asked)}
    made = dict.fromkeys(agents, 0 if asked is None else -1)
    came_back, renewals = "", 0
    for name in [*order, "a", "b"]:
        if came_back and name != came_back:
            agents[name].ask("answered")
            return Found(renewals, suspected=service.forks > 0)
        agents[name].service.now += DAY
        agents[name].ask("answered")
        made[name] += 1
        if not came_back and service.returns:
            came_back, renewals = name, min(made.values())
    return None


@given(turns, st.sampled_from([None, ("asked", False)]))
def test_r37_two_agents_that_go_on_are_on_record_within_two_renewals_of_each_and_then_suspected(
    order: list[str], asked: tuple[str, bool] | None
) -> None:
    when = found(Service(), order, asked)
    assert when is not None
    assert when.renewals <= 2
    assert when.suspected


@given(st.integers(2, 12), st.integers(HALF, 7 * DAY))
def test_r37_copies_that_are_put_back_again_and_again_are_found_at_the_fourth_return(
    copies: int, apart: int
) -> None:
    service = Service()
    snapshot = service.ask(service.ask(None, "begin", login=True), "first")
    for turn in range(5):
        service.now += apart
        for copy in range(copies):
            service.ask(snapshot, f"{copy}/{turn}")
    assert service.forks


# -- what must be caught ---------------------------------------------------------------------------


def whatever_the_nonce(chain: Chain, question: Question, asked: Asked) -> Step:
    """A service that hands out the same next link to whoever presents one."""
    last = question.presented.id if question.presented else ""
    return step(chain, Question(question.presented, f"{last}/next", at_login=True), asked)


def without_repetitions(chain: Chain, question: Question, asked: Asked) -> Step:
    """A service that takes a question which is asked again for another agent's."""
    taken = step(chain, question, asked)
    if shown(chain, question) is not Shown.REPETITION:
        return taken
    return Step(taken.chain, is_fork=True)


def test_a_service_that_gives_both_the_same_next_link_finds_neither() -> None:
    service = Service(whatever_the_nonce)
    assert found(service, ["a", "b"] * 12) is None


def test_a_service_that_forgets_the_question_suspects_an_agent_alone() -> None:
    service = Service(without_repetitions)
    play(service, ["answered", "later", "answer lost", "answered"])
    assert service.forks


@pytest.mark.parametrize("weak", [whatever_the_nonce, without_repetitions])
def test_the_weak_services_are_right_as_long_as_nothing_is_lost_and_nobody_is_cloned(
    weak: Taken,
) -> None:
    service = Service(weak)
    play(service, ["answered", "later", "answered", "answered", "later", "answered"])
    assert service.forks == 0
