"""Fleets on the rules of the chain: no honest agent is accused, and copies are found in time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from licensing.domain.lease_chain import Asked, Chain, Question, Step
from tests.proof import PAGE, Proof
from tests.simulation.copied import BY_LOGIN, GO_ON, OUT_OF_REACH, PUT_BACK, Found, found
from tests.simulation.figures import table, words_of_copies, words_of_honest
from tests.simulation.honest import lived
from tests.simulation.service import Asks, Service

FEW = 2
RENEWAL = 15
"""Hours, at most, from one renewal to the next: halfway through a lease, and up to a quarter of the
rest.
"""
STARTED = 1
"""All start within an hour."""
DAY = 24

SUSPECTED_WITHIN = {
    **dict.fromkeys(GO_ON, 2 * RENEWAL + STARTED),
    # At the fourth return. A question that is still open leads to the same lease every other day.
    **dict.fromkeys(PUT_BACK, 5 * DAY + STARTED),
    "1 put back daily, 8 hours, to an open question": 8 * DAY + STARTED,
    "one that logs in daily, with its image's lease": DAY + RENEWAL + STARTED,
    "one that logs in daily, without a lease": RENEWAL + STARTED,
    "one with a device key of its own, by an administrator": 2 * RENEWAL + STARTED,
}
"""Hours from when the copies begin."""

PUT_BACK_AND_BLOCKED = [
    *(f"{count} put back daily, 8 hours a day" for count in (1, 2, 5, 10)),
    *(f"{count} put back daily, 24 hours a day" for count in (2, 5, 10)),
    "2 put back daily, 8 hours, device key and all",
    "5 put back daily, 8 hours, beside the original",
]
BLOCKED_WITHIN = {
    **dict.fromkeys(GO_ON, 2 * RENEWAL + STARTED),
    **dict.fromkeys(PUT_BACK_AND_BLOCKED, 5 * DAY + RENEWAL + STARTED),
    "one that logs in daily, with its image's lease": DAY + RENEWAL + STARTED,
    "one that logs in daily, without a lease": RENEWAL + STARTED,
}
"""Hours. Of the others, each return is early or a login, and gains nothing that would block."""


class WhateverTheNonce(Service):
    """Whoever presents a lease gets the same next one."""

    def following(self, asks: Asks, *, at_login: bool = False) -> str:
        return super().following(replace(asks, nonce=""), at_login=at_login)


class TakesEachReturnForACopy(Service):
    """A machine that was restored once is two."""

    def step(self, chain: Chain, question: Question, asked: Asked) -> Step:
        taken = super().step(chain, question, asked)
        return replace(taken, is_fork=taken.is_fork or taken.returns > 0)


class RenewsWithEachReturn(Service):
    """Each return gains time, an early one, too."""

    def step(self, chain: Chain, question: Question, asked: Asked) -> Step:
        taken = super().step(chain, question, asked)
        link = taken.chain.link
        if link is None or not taken.returns:
            return taken
        longer = replace(link, issued_at=asked.now, expires_at=asked.until)
        return replace(taken, chain=replace(taken.chain, link=longer))


@cache
def few(name: str) -> Found:
    return found(name, range(FEW))


@pytest.mark.proof
def test_r37_no_honest_agent_is_suspected_or_blocked_whatever_is_lost_or_restored(
    proof: Proof,
) -> None:
    agents = proof.of(test=200, test_all=500, prove=10_000)
    honest = lived(f"{proof.seed} {number}" for number in range(agents))
    assert honest.suspected == []
    assert honest.blocked == []
    assert honest.broken == set()
    # All of it has happened.
    assert honest.restored > agents
    assert honest.returns > agents / 2
    planted = lived(["planted 1", "planted 2", "planted 3"], service=TakesEachReturnForACopy)
    assert planted.blocked
    proof.found(words_of_honest(honest), planted="each return taken for a copy, found")


@pytest.mark.proof
def test_r37_copies_are_suspected_in_time_and_blocked_where_they_gain(proof: Proof) -> None:
    count = proof.of(test=FEW, test_all=8, prove=200)
    kinds = {
        name: few(name) if count == FEW else found(name, range(count)) for name in SUSPECTED_WITHIN
    }
    for name, what in kinds.items():
        assert what.broken == set(), name
        assert len(what.suspected) == what.played, name
        assert max(what.suspected) <= SUSPECTED_WITHIN[name], name
    for name, hours in BLOCKED_WITHIN.items():
        assert len(kinds[name].blocked) == kinds[name].played, name
        assert max(kinds[name].blocked) <= hours, name
    blind = found("one copy beside the original", range(1), WhateverTheNonce)
    assert blind.suspected == []
    proof.found(
        words_of_copies(kinds.values()),
        planted="the same next lease whatever the nonce, which finds no copy",
        is_random=False,
    )


@pytest.mark.parametrize("name", GO_ON)
def test_r37_copies_that_go_on_are_suspected_within_two_renewals_of_both(name: str) -> None:
    assert few(name).most_renewals <= 2


@pytest.mark.parametrize("name", PUT_BACK)
def test_r37_copies_that_are_put_back_are_suspected_at_their_fourth_return(name: str) -> None:
    assert few(name).most_returns <= 3


@pytest.mark.parametrize("name", [*BY_LOGIN, "one with the licence key alone"])
def test_r37_what_cannot_block_is_on_record(name: str) -> None:
    copies = few(name)
    assert copies.on_record == copies.played


def test_r37_where_copies_are_blocked_the_licence_key_alone_gets_no_lease() -> None:
    copies = few("one with the licence key alone")
    assert copies.leaseless == copies.played
    assert copies.blocked == []


@pytest.mark.parametrize(
    "name", [name for name in OUT_OF_REACH if name != "one with the licence key alone"]
)
def test_r37_what_shows_in_no_chain_is_said_so(name: str) -> None:
    copies = few(name)
    assert (copies.on_record, copies.suspected, copies.blocked) == (0, [], [])


def test_a_service_whose_early_returns_gain_time_breaks_its_promise() -> None:
    copies = found("ten copies beside the original", range(2), RenewsWithEachReturn)
    assert "an early return gains time" in copies.broken


@pytest.mark.only_proof
def test_the_page_has_the_table_that_the_simulation_comes_to() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
