"""The chain of a licence's leases: one row of its table after the other."""

from dataclasses import replace

import pytest

from licensing.domain.lease_chain import (
    MOST_RETURNS,
    NO_CHAIN,
    REMEMBERED,
    Asked,
    Chain,
    Left,
    Link,
    Question,
    Shown,
    Step,
    halfway,
    moved_on,
    shown,
    step,
)
from tests.unit.samples import DAY, NOW

LIMIT = NOW + 365 * DAY
HERE, THERE = "203.0.113.7", "198.51.100.7"
FIRST = Link("first", NOW - 2 * DAY, NOW - DAY)
SECOND = Link("second", NOW - DAY, NOW)
FRESH = Link("fresh", NOW, NOW + DAY)
CHAIN = Chain(SECOND, THERE, is_presented=True)
EARLY = Chain(FRESH, THERE, is_presented=True)


def ask(
    presented: Link | None, nonce: str = "n", *, proved: bool = False, login: bool = False
) -> Question:
    following = f"{presented.id if presented else ''}/{nonce}"
    return Question(presented, following, is_proved=proved, at_login=login)


def at(now: int) -> Asked:
    return Asked(now, now + DAY, LIMIT, HERE)


def after(chain: Chain, question: Question, now: int = NOW) -> Step:
    return step(chain, question, at(now))


# -- no link yet -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [ask(FIRST), ask(None, proved=True), ask(None, login=True)],
    ids=["a lease", "a proof", "a login"],
)
def test_whoever_is_known_begins_the_chain(question: Question) -> None:
    begun = after(NO_CHAIN, question)
    assert begun.chain.link is not None
    assert (begun.chain.link.issued_at, begun.chain.link.expires_at) == (NOW, NOW + DAY)
    assert (begun.chain.question, begun.chain.source_address) == (question.following, HERE)
    assert after(begun.chain, question, NOW + 40 * DAY) == Step(begun.chain), "asked again"
    assert (begun.is_fork, begun.returns) == (False, 0)


@pytest.mark.parametrize("chain", [NO_CHAIN, Chain(FRESH)], ids=["no link", "a login's link"])
def test_who_presents_nothing_and_never_has_is_outside_the_chain(chain: Chain) -> None:
    assert shown(chain, ask(None)) is Shown.NEVER
    assert after(chain, ask(None)) == Step(chain)


@pytest.mark.parametrize("chain", [CHAIN, CHAIN.begun_anew()], ids=["a link", "after a block"])
def test_r37_who_presents_nothing_where_one_was_presented_before_moves_nothing(
    chain: Chain,
) -> None:
    assert shown(chain, ask(None)) is Shown.NOTHING
    assert after(chain, ask(None)) == Step(chain)


def test_a_proof_without_a_lease_is_outside_the_chain_of_an_agent_that_never_presents() -> None:
    assert shown(Chain(FRESH), ask(None, proved=True)) is Shown.NEVER


# -- the current link ------------------------------------------------------------------------------


def test_the_current_link_is_validated_in_its_first_half_and_renewed_from_then_on() -> None:
    middle = halfway(FRESH.issued_at, FRESH.expires_at)
    assert middle == NOW + DAY // 2
    for now in (NOW, middle - 1):
        assert after(EARLY, ask(FRESH), now) == Step(EARLY)
    renewed = after(EARLY, ask(FRESH), middle)
    assert renewed == Step(Chain(Link("fresh/n", middle, middle + DAY), HERE, is_presented=True))


def test_that_a_lease_was_presented_is_noted_once() -> None:
    assert after(Chain(FRESH, THERE), ask(FRESH)).chain == EARLY


def test_a_lease_that_is_over_is_renewed() -> None:
    later = NOW + 90 * DAY
    assert after(CHAIN, ask(SECOND), later).chain.link == Link("second/n", later, later + DAY)


@pytest.mark.parametrize("days", [0, 1, 40])
def test_r37_the_same_question_leads_to_the_same_link_whenever_it_is_asked(days: int) -> None:
    renewed = after(CHAIN, ask(SECOND))
    assert after(renewed.chain, ask(SECOND), NOW + days * DAY) == Step(renewed.chain)


def test_a_link_that_moves_along_with_its_machine_leaves_its_question_behind() -> None:
    chain = moved_on(EARLY, ask(SECOND, "m"), "{}/m".format, at(NOW + 1))
    assert chain.link == Link("fresh/m", NOW + 1, NOW + 1 + DAY)
    assert shown(chain, ask(SECOND, "m")) is Shown.REPETITION, "it was asked with that"
    assert shown(chain, ask(FRESH, "other")) is Shown.OLDER


# -- returns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonce", ["n", "m"])
def test_r37_an_older_link_is_a_return_which_leaves_the_head_behind(nonce: str) -> None:
    returned = after(CHAIN, ask(FIRST, nonce), NOW)
    link = returned.chain.link
    assert link is not None
    assert (link.issued_at, link.expires_at) == (NOW, NOW + DAY)
    assert returned.chain == Chain(
        link,
        HERE,
        is_presented=True,
        left=(Left("second", NOW),),
        returned_at=(NOW,),
        question=f"first/{nonce}",
    )
    assert (returned.is_fork, returned.returns, returned.is_suspect) == (False, 1, False)


@pytest.mark.parametrize("presented", [FIRST, Link("x", NOW, NOW + 2 * DAY)], ids=["over", "fresh"])
def test_r37_in_the_first_half_of_the_link_a_return_gains_no_time(presented: Link) -> None:
    returned = after(EARLY, ask(presented), NOW + DAY // 2 - 1)
    link = returned.chain.link
    assert link is not None
    assert link == replace(FRESH, id=link.id)
    assert returned.chain.returned_at == ()
    assert returned.returns == 1


def test_r37_a_return_that_is_asked_for_again_gets_the_same_lease() -> None:
    returned = after(CHAIN, ask(FIRST))
    assert after(returned.chain, ask(FIRST), NOW + 40 * DAY) == Step(returned.chain)


def test_r37_an_old_question_that_is_a_return_by_now_leads_to_a_link_of_its_own() -> None:
    renewed = after(CHAIN, ask(SECOND))
    went_on = after(renewed.chain, ask(renewed.chain.link, "m"), NOW + DAY)
    returned = after(went_on.chain, ask(SECOND), NOW + DAY + 1)
    assert returned.returns == 1
    ids = [one.chain.link and one.chain.link.id for one in (renewed, went_on, returned)]
    assert len(set(ids)) == 3


def test_a_proof_without_a_lease_is_a_return_where_one_was_presented() -> None:
    assert after(CHAIN, ask(None, proved=True)).returns == 1


def test_r37_a_head_that_was_left_behind_shows_two_agents() -> None:
    returned = after(EARLY, ask(FIRST), NOW + 1)
    assert after(returned.chain, ask(FRESH), NOW + 2).is_fork


def test_r37_a_question_that_led_to_a_head_that_was_left_behind_does_so_too() -> None:
    renewed = after(CHAIN, ask(SECOND))
    returned = after(renewed.chain, ask(SECOND, "another agent's"), NOW + 1)
    assert not returned.is_fork
    assert after(returned.chain, ask(SECOND), NOW + 2).is_fork


def test_after_a_fork_the_other_agents_link_is_one_that_was_left_behind() -> None:
    chain, forks = EARLY, []
    link = {"a": FRESH, "b": FRESH}
    for turn, name in enumerate("ababab"):
        now = NOW + DAY + turn
        taken = after(chain, ask(link[name], f"{name}{turn}"), now)
        assert taken.chain.link is not None
        chain, link[name] = taken.chain, taken.chain.link
        forks.append(taken.is_fork)
    assert forks == [False, False, True, True, True, True]


def returns(count: int, *, apart: int, login: bool = False) -> list[Step]:
    """So many machines that are put back to one snapshot, one after the other."""
    chain, taken = CHAIN, []
    for turn in range(count):
        question = ask(FIRST, str(turn), login=login)
        taken.append(after(chain, question, NOW + turn * apart))
        chain = taken[-1].chain
    return taken


def test_r37_the_fourth_return_in_thirty_days_that_gained_time_shows_two_agents() -> None:
    assert [one.is_fork for one in returns(5, apart=9 * DAY)] == [False, False, False, True, True]
    assert not any(one.is_fork for one in returns(8, apart=REMEMBERED // 3))


def test_r37_four_returns_of_any_kind_are_suspect_without_being_a_fork() -> None:
    taken = returns(8, apart=60)
    assert [one.is_suspect for one in taken] == [False] * 3 + [True] * 5
    assert not any(one.is_fork for one in taken)


def test_of_ten_copies_the_first_that_come_back_present_what_was_left_behind() -> None:
    chain, heads = EARLY, []
    for copy in range(10):
        chain = after(chain, ask(FIRST, str(copy)), NOW + copy).chain
        heads.append(chain.link)
    assert len(chain.left) == MOST_RETURNS
    assert after(chain, ask(heads[0]), NOW + DAY).is_fork


def test_what_is_longer_ago_than_thirty_days_is_forgotten() -> None:
    chain = after(EARLY, ask(FIRST), NOW + 1).chain
    later = after(chain, ask(FIRST, "m"), NOW + 1 + REMEMBERED).chain
    assert [one.at for one in later.left] == [NOW + 1 + REMEMBERED]


def test_a_link_that_is_newer_than_what_is_on_record_begins_the_chain_anew() -> None:
    # The table was put back: it is another time's, and nobody is suspected for that.
    granted_since = Link("third", NOW - DAY + 1, NOW + 1)
    anew = after(CHAIN, ask(granted_since))
    assert (anew.is_fork, anew.returns, anew.chain.left) == (False, 0, ())
    assert anew.chain.link is not None
    assert anew.chain.link.issued_at == NOW


def test_r37_no_question_leads_to_one_id_with_two_times() -> None:
    question = ask(SECOND)
    begun = after(NO_CHAIN, question)
    links = [
        begun.chain.link,
        after(begun.chain.begun_anew(), question, NOW + 60).chain.link,  # after a block
        after(CHAIN, question).chain.link,
        after(replace(EARLY, link=FIRST), question, NOW + 2 * DAY).chain.link,  # table restored
    ]
    assert len({link.id for link in links if link}) == len(links)


# -- a subscription that was shortened, and a record of an earlier build --------------------------


def test_r37_early_is_the_first_half_of_the_lease_as_the_subscription_cuts_it() -> None:
    asked = Asked(NOW + 3 * 3600, NOW + 4 * 3600, NOW + 4 * 3600, HERE)
    renewed = step(EARLY, ask(FRESH), asked).chain.link
    assert renewed == Link("fresh/n", NOW + 3 * 3600, NOW + 4 * 3600)


OF_BEFORE = Chain(Link("second", NOW - DAY, 0), THERE)


def test_a_question_that_an_earlier_build_has_answered_gets_a_lease_of_now() -> None:
    again = after(OF_BEFORE, Question(FIRST, "second"))
    assert again.chain.link is not None
    assert (again.chain.link.issued_at, again.chain.link.expires_at) == (NOW, NOW + DAY)
    assert (again.chain.is_presented, again.returns) == (True, 0)
    assert after(again.chain, Question(FIRST, "second"), NOW + 9) == Step(again.chain)


def test_a_key_alone_is_none_in_a_chain_that_an_earlier_build_has_begun() -> None:
    assert shown(OF_BEFORE, ask(None)) is Shown.NOTHING
    assert after(OF_BEFORE, ask(None)) == Step(OF_BEFORE)
    assert after(OF_BEFORE, Question(SECOND, "third")).chain.link == Link("third", NOW, NOW + DAY)


# -- logins ----------------------------------------------------------------------------------------


def test_a_login_with_the_current_link_moves_it_as_a_validation_does() -> None:
    assert after(EARLY, ask(FRESH, login=True), NOW) == Step(EARLY)
    assert after(EARLY, ask(FRESH, login=True), NOW + DAY).chain.link is not EARLY.link


def test_r37_a_login_without_it_is_a_return_that_is_no_fork_by_its_number() -> None:
    taken = returns(6, apart=DAY, login=True)
    assert not any(one.is_fork for one in taken)
    assert taken[3].is_suspect
    assert after(EARLY, ask(None, login=True)).chain.left == (Left("fresh", NOW, by_login=True),)


def test_r37_an_agent_that_asks_again_what_a_login_has_left_behind_is_no_second_one() -> None:
    renewed = after(CHAIN, ask(SECOND))
    logged_in = after(renewed.chain, ask(SECOND, "m", login=True), NOW + 1)
    again = after(logged_in.chain, ask(SECOND), NOW + 2)
    assert (again.is_fork, again.returns) == (False, 2)
    # Whoever presents it is one: nobody else got that lease.
    assert after(logged_in.chain, ask(renewed.chain.link), NOW + 2).is_fork


def test_a_login_after_one_whose_lease_nobody_presented_is_like_that_one() -> None:
    begun = Chain(FRESH, THERE)
    assert after(begun, ask(None, login=True), NOW + 1) == Step(begun)
    later = NOW + DAY // 2
    again = after(begun, ask(None, login=True), later)
    assert again.returns == 0
    assert again.chain.link is not None
    assert (again.chain.link.issued_at, again.chain.left) == (later, ())
