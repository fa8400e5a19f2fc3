"""A fleet through a month of outages, with the client's own code, on the real handlers."""

from dataclasses import replace

import pytest

from tests.agent.simulation.figures import Figures
from tests.agent.simulation.fleet import Client
from tests.agent.simulation.planted import GivesUp, GoesOn, KeepsStep, TakesSilenceForRefusal
from tests.agent.simulation.simulated import played, played_by_processes
from tests.agent.simulation.story import (
    BEGIN,
    DAY,
    HOUR,
    OUTAGES,
    Extent,
    Outage,
    Story,
    Time,
    Way,
    told,
)
from tests.proof import Proof

USUAL = Extent(range(5), agents=10)
PARTS = [Extent(range(first, first + 2), agents=250) for first in range(0, 40, 2)]
"""Of 10,000 agents."""

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
        "all come at once after an outage": figures.peak(Time.OUTAGE) > agents / 4 + 10,
        "all come at once": figures.peak(Time.QUIET) > agents / 100 + 6,
    }
    return [name for name, holds in facts.items() if holds]


def outage(hours: float, *, agents: int) -> Story:
    """Three days with one outage."""
    story = told(Extent(range(4, 5), agents, days=3.5), 0)
    return replace(
        story,
        outages=(Outage(BEGIN + DAY, BEGIN + DAY + hours * HOUR, Way.CUT),),
        lives=tuple(replace(life, jumps=(), stops=()) for life in story.lives),
    )


@pytest.mark.proof
def test_r16_a_fleet_works_through_a_month_of_outages_when_it_may_and_only_then(
    engine: str, proof: Proof
) -> None:
    if proof.full:
        figures = played_by_processes(PARTS, proof.seed)
    else:
        figures = played(told(USUAL, proof.seed), engine)
    assert wrong(figures) == [], figures.words()
    # Each of them: a story that left something out would prove nothing.
    assert {"validate VALID", "validate EXPIRED", "validate SUSPENDED"} <= figures.requests.keys()
    assert len(figures.failures) == len(OUTAGES) - 3
    assert figures.longest_grace > 12 * HOUR
    proof.found(figures.words())


@pytest.mark.parametrize(
    ("client", "hours", "agents", "fact"),
    [
        (TakesSilenceForRefusal(), 20, 4, "a licence is missing"),
        (GoesOn(), 40, 4, "a lease is used beyond its end"),
        (GivesUp(), 40, 4, "a good answer is waited for"),
        (KeepsStep(), 20, 60, "all come at once"),
    ],
    ids=["silence for refusal", "goes on", "gives up", "keeps step"],
)
def test_a_client_with_a_bug_is_found(
    engine: str, client: Client, hours: float, agents: int, fact: str
) -> None:
    assert wrong(played(outage(hours, agents=agents), engine, client)) == [fact]
    assert agents > 10 or wrong(played(outage(hours, agents=agents), engine)) == []
