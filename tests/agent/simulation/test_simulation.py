"""A fleet through a month of outages, with the client's own code, on the real handlers."""

from dataclasses import replace

import pytest

from tests.agent.simulation.figures import Figures
from tests.agent.simulation.planted import (
    Forgets,
    ForgetsItsLink,
    GivesUp,
    GoesOn,
    KeepsStep,
    TakesSilenceForRefusal,
    TakesTheWayForTheService,
)
from tests.agent.simulation.simulated import played, played_by_processes
from tests.agent.simulation.story import (
    BEGIN,
    DAY,
    HOUR,
    Extent,
    Outage,
    Story,
    Time,
    Way,
    told,
)
from tests.proof import Proof

USUAL = Extent(range(5), agents=4, proxied=4)
PARTS = [Extent(range(first, first + 2), agents=250) for first in range(0, 40, 2)]
"""Of 10,000 agents."""

BEHIND_PROXIES = told(Extent(range(5, 6), agents=5, days=8, proxied=1), seed=3)

LONGEST_WAIT = HOUR
"""A refusal stands for 22 minutes at most, a failure for ten; and a request may be lost."""


def wrong(figures: Figures) -> list[str]:
    """What is not as it should be."""
    agents = figures.agents
    facts = {
        "a licence is missing": figures.missing > 0,
        "a lease is used beyond its end": figures.beyond > 0,
        "an answer is another than the story's": figures.differences.total() > 0,
        "an end is not noticed within a lease": figures.longest_after_end > DAY,
        "a good answer is waited for": figures.longest_wait > LONGEST_WAIT,
        "one is waited for behind a proxy": figures.longest_wait_behind > 3 * LONGEST_WAIT,
        "an agent is taken for two": figures.false_alarms > 0,
        "a licence is given up": figures.given_up > 0,
        "an agent has a second licence": figures.second_licenses > 0,
        "all come at once after an outage": figures.peak(Time.OUTAGE) > agents / 4 + 20,
        "all come at once": figures.peak(Time.QUIET) > agents / 100 + 12,
    }
    return [name for name, holds in facts.items() if holds]


def outage(hours: float, *, agents: int) -> Story:
    """Three days with one outage."""
    story = told(Extent(range(4, 5), agents, days=2.75), 0)
    return replace(
        story,
        outages=(Outage(BEGIN + DAY, BEGIN + DAY + hours * HOUR, Way.CUT),),
        lives=tuple(replace(life, jumps=(), stops=()) for life in story.lives),
    )


PLANTED = {
    # (the bug, hours of the outage, agents, what shows it)
    "silence taken for a refusal": (TakesSilenceForRefusal(), 20, 4, "a licence is missing"),
    "a lease used on": (GoesOn(), 40, 4, "a lease is used beyond its end"),
    "no more asking after its end": (GivesUp(), 40, 4, "a good answer is waited for"),
    "no chance between requests": (KeepsStep(), 20, 80, "all come at once"),
}


def found(name: str, engine: str) -> str:
    """A bug that has been found; in a short story it is shown that nothing else is wrong there."""
    client, hours, agents, fact = PLANTED[name]
    story = outage(hours, agents=agents)
    assert wrong(played(story, engine, client)) == [fact], name
    assert agents > 10 or wrong(played(story, engine)) == [], name
    return name


def test_r16_agents_work_through_one_outage_and_one_that_goes_on_for_ever_is_found(
    engine: str,
) -> None:
    assert found("a lease used on", engine)


@pytest.mark.proof
@pytest.mark.thorough
def test_r16_a_fleet_works_through_a_month_of_outages_when_it_may_and_only_then(
    engine: str, proof: Proof
) -> None:
    if proof.full:
        figures = played_by_processes(PARTS, proof.seed)
    else:
        # In a short story twice as much is lost as in a long one, for all of it to happen.
        figures = played(replace(told(USUAL, proof.seed), lost=0.01), engine)
    assert wrong(figures) == [], figures.words()
    # All of it has happened: a story that left something out would prove nothing.
    assert {"validate VALID", "validate EXPIRED", "validate SUSPENDED"} <= figures.requests.keys()
    assert {"no connection", "request lost", "answer lost"} < figures.failures.keys()
    assert {"status 503", "status 429"} < figures.failures.keys()
    assert {"proof made anew", "proof lost"} <= figures.requests.keys()
    assert {"answer replayed", "status 200"} <= figures.failures.keys()
    assert figures.longest_grace > 8 * HOUR
    given_up = wrong(played(BEHIND_PROXIES, engine, TakesTheWayForTheService()))
    assert {"a licence is missing", "a licence is given up"} <= set(given_up)
    planted = ", ".join([*(found(name, engine) for name in PLANTED), "a proxy believed"])
    proof.found(figures.words(), planted=f"{planted}: each found")


def test_r16_r36_agents_behind_proxies_that_drop_replay_and_show_pages_keep_their_licences(
    engine: str,
) -> None:
    figures = played(BEHIND_PROXIES, engine)
    assert wrong(figures) == [], figures.words()
    assert figures.proxied == figures.requests["login 201"] == 5
    assert figures.requests["proof lost"]
    assert {"answer replayed", "status 200", "status 503"} <= figures.failures.keys()


def test_r15_a_service_that_forgets_what_administrators_do_is_found(engine: str) -> None:
    quiet = outage(0, agents=3)
    revoked, blocked, other = quiet.lives
    story = replace(
        quiet,
        lives=(
            replace(revoked, revoked_at=BEGIN + DAY),
            replace(blocked, blocked=(BEGIN + DAY, BEGIN + 2 * DAY)),
            other,
        ),
    )
    figures = played(story, engine)
    assert wrong(figures) == []
    assert {"validate REVOKED", "validate DETACHED"} < figures.requests.keys()
    forgotten = played(story, engine, kind=Forgets)
    assert forgotten.differences.keys() == {"VALID instead of REVOKED", "VALID instead of DETACHED"}
    assert forgotten.longest_after_end > DAY


@pytest.mark.thorough
@pytest.mark.proof
def test_an_agent_that_is_copied_is_found_within_two_renewals_and_no_other_is_suspected(
    engine: str, proof: Proof
) -> None:
    few = Extent(range(3), agents=3, days=15, copied=3)
    extent = proof.of(test=few, test_all=few, prove=Extent(range(5), agents=40, copied=4))
    story = told(extent, proof.seed)
    figures = played(story, engine)
    assert wrong(figures) == []
    assert (
        figures.copies_found == figures.copies == sum(1 for life in story.lives if life.copied_at)
    )
    assert figures.longest_unnoticed <= 2
    # Planted: a refusal makes a client forget its lease, which the service still knows of.
    planted = told(Extent(range(1), agents=2, days=15), seed=0)
    assert wrong(played(planted, engine, ForgetsItsLink())) == ["an agent is taken for two"]
    proof.found(
        figures.words_of_copies(), planted="a lease forgotten when it is refused, taken for a copy"
    )
