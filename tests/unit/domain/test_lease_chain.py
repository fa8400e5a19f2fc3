"""The chain of a licence's leases: what is renewed, what is a lost answer, and what is a fork."""

import pytest

from licensing.domain.lease_chain import Chain, Link, Renewal, followed, halfway
from tests.unit.samples import DAY, NOW

CHAIN = Chain("second", "first", "198.51.100.7", NOW - DAY)
FIRST = Link("first", NOW - 2 * DAY, NOW - DAY)
SECOND = Link("second", NOW - DAY, NOW)
FRESH = Link("second", NOW, NOW + DAY)
HERE = "203.0.113.7"


def step(
    chain: Chain | None, presented: Link | None, *, nonce: str = "n", now: int = NOW
) -> Renewal | None:
    return followed(
        chain,
        presented,
        derive=lambda link: f"{link}/{nonce}",
        source_address=HERE,
        now=now,
    )


def test_an_agent_that_presents_nothing_and_never_has_is_in_no_chain() -> None:
    assert step(None, None) is None


@pytest.mark.parametrize("link", [Link(None, NOW, NOW + DAY), FIRST], ids=["login", "older"])
def test_the_first_lease_that_is_presented_begins_the_chain(link: Link) -> None:
    assert step(None, link) == Renewal(Chain(f"{link.id or ''}/n", link.id, HERE, NOW))


def test_the_answer_to_the_very_first_renewal_may_be_lost_too() -> None:
    login = Link(None, NOW, NOW + DAY)
    begun = step(None, login)
    assert begun is not None
    assert step(begun.chain, login) == begun
    assert step(begun.chain, login, nonce="m") == Renewal(Chain("/m", None, HERE, NOW))


def test_the_current_link_is_validated_in_its_first_half_and_renewed_from_then_on() -> None:
    middle = halfway(FRESH.issued_at, FRESH.expires_at)
    assert middle == NOW + DAY // 2
    assert step(CHAIN, FRESH, now=NOW) == Renewal(CHAIN, kept=FRESH)
    assert step(CHAIN, FRESH, now=middle - 1) == Renewal(CHAIN, kept=FRESH)
    assert step(CHAIN, FRESH, now=middle) == Renewal(Chain("second/n", "second", HERE, middle))


def test_a_lease_that_is_over_is_renewed() -> None:
    later = NOW + 30 * DAY
    assert step(CHAIN, SECOND, now=later) == Renewal(Chain("second/n", "second", HERE, later))


def test_a_renewal_that_is_repeated_with_its_nonce_comes_to_the_same_link() -> None:
    renewed = step(CHAIN, SECOND)
    assert renewed is not None
    assert step(renewed.chain, SECOND) == Renewal(renewed.chain)


def test_one_step_back_with_another_nonce_takes_the_place_of_the_current_link() -> None:
    renewed = step(CHAIN, SECOND)
    assert renewed is not None
    again = step(renewed.chain, SECOND, nonce="m")
    assert again == Renewal(Chain("second/m", "second", HERE, NOW))


@pytest.mark.parametrize(
    ("presented", "next_link"),
    [
        (Link("older", NOW - DAY, NOW), "older/n"),
        (Link(None, NOW - DAY, NOW), "/n"),
        (Link("older", NOW - DAY, NOW + 2 * DAY), "older/n"),  # in its first half, too
        (None, "/n"),
    ],
    ids=["two steps back", "from before the chain", "fresh", "none"],
)
def test_everything_else_is_a_fork(presented: Link | None, next_link: str) -> None:
    assert step(CHAIN, presented) == Renewal(Chain(next_link, "second", HERE, NOW), fork=True)


def test_a_link_that_is_newer_than_what_is_on_record_begins_the_chain_anew() -> None:
    # The table was put back: it is another time's, and nobody is suspected for that.
    granted_since = Link("third", NOW - DAY + 1, NOW + 1)
    anew = step(CHAIN, granted_since)
    assert anew == Renewal(Chain("third/n", "third", HERE, NOW))
    assert step(anew.chain, granted_since, nonce="m") == Renewal(
        Chain("third/m", "third", HERE, NOW)
    )
    # Its copy is found as ever, and so is what is older than the record.
    copied = step(anew.chain, Link("second", NOW - 1, NOW + DAY))
    assert copied is not None
    assert copied.fork


def test_a_fork_that_is_repeated_with_its_nonce_is_the_same_one() -> None:
    older = Link("older", NOW - DAY, NOW)
    fork = step(CHAIN, older)
    assert fork is not None
    assert step(fork.chain, older) == Renewal(fork.chain)


def test_whoever_was_forked_off_is_taken_for_a_lost_answer_once() -> None:
    fork = step(CHAIN, Link("older", NOW - DAY, NOW))
    assert fork is not None
    other = step(fork.chain, SECOND, nonce="m")
    assert other == Renewal(Chain("second/m", "second", HERE, NOW))


@pytest.mark.parametrize("order", ["aab", "aba", "abb", "abab"])
def test_of_two_agents_that_go_on_from_one_link_one_is_found_within_two_renewals(
    order: str,
) -> None:
    chain, held, forks = CHAIN, {"a": SECOND, "b": SECOND}, 0
    now = NOW
    for turn, who in enumerate(order * 2):
        taken = step(chain, held[who], nonce=f"{who}{turn}", now=now)
        assert taken is not None
        chain, forks = taken.chain, forks + taken.fork
        held[who] = Link(chain.current, now, now + DAY)
        now += DAY
    assert forks >= 1
