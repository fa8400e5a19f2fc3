"""R11: how far a machine is followed, by who vouches for it, and what comes back."""

from dataclasses import replace

import pytest

from licensing.domain.drift import (
    MAX_REPORTED,
    MOVES_ONCE_IN,
    NO_PAST,
    PUT_BACK_WITHIN,
    Evidence,
    Former,
    Move,
    Past,
    Step,
    step,
)
from licensing.domain.machine import Machine
from tests.unit.samples import DAY, NOW, machine

HOME = machine()
RENAMED = machine(computer_name="ACME-PC-02")
ANOTHER_ID = machine(machine_id="9f0c1d2e-3b4a-4958-8776-655443322110")
ANOTHER_CARD = machine(mac_addresses=("3c:52:82:0a:ff:01",))
WALKED = {"name": RENAMED, "id": ANOTHER_ID, "address": ANOTHER_CARD}
VOUCHED = (Evidence.PROOF, Evidence.LOGIN)


def seen(
    shown: Machine,
    past: Past = NO_PAST,
    *,
    evidence: Evidence = Evidence.LINK,
    now: int = NOW,
    known: Machine = HOME,
) -> Step:
    return step(known, past, shown, evidence=evidence, now=now)


def name_of(shown: Machine) -> bytes:
    assert shown.computer_name is not None
    return shown.computer_name


@pytest.mark.parametrize("evidence", Evidence)
def test_what_has_not_changed_tells_nothing(evidence: Evidence) -> None:
    assert seen(HOME, evidence=evidence) == Step(HOME, NO_PAST)
    assert seen(HOME, evidence=evidence).machine is HOME


@pytest.mark.parametrize("what", WALKED)
@pytest.mark.parametrize(
    ("evidence", "move"),
    [
        (Evidence.NOTHING, Move.WITHHELD),
        (Evidence.LEASE, Move.WITHHELD),
        (Evidence.LINK, Move.FOLLOWED),
        (Evidence.PROOF, Move.FOLLOWED),
        (Evidence.LOGIN, Move.FOLLOWED),
    ],
)
def test_r11_a_component_moves_with_the_current_link_a_proof_or_a_login(
    what: str, evidence: Evidence, move: Move
) -> None:
    result = seen(WALKED[what], evidence=evidence)
    assert result.move is move
    assert (result.machine is HOME) is (move is Move.WITHHELD)


@pytest.mark.parametrize("what", WALKED)
@pytest.mark.parametrize(("passed", "moves"), [(MOVES_ONCE_IN - 1, False), (MOVES_ONCE_IN, True)])
def test_r11_one_component_moves_in_seven_days_unless_somebody_vouches_for_it(
    what: str, passed: int, *, moves: bool
) -> None:
    past = Past(moved_at=NOW - passed)
    assert (seen(WALKED[what], past).move is Move.FOLLOWED) is moves
    for evidence in VOUCHED:
        assert seen(WALKED[what], past, evidence=evidence).move is Move.FOLLOWED


def test_r11_a_move_that_somebody_vouched_for_leaves_room_for_another_one() -> None:
    for evidence in VOUCHED:
        assert seen(RENAMED, evidence=evidence).past.moved_at == 0
    assert seen(RENAMED).past.moved_at == NOW


def test_r11_what_is_not_followed_is_reported_once_for_each_value_and_some_values_at_most() -> None:
    past = Past(moved_at=NOW)
    machines = [machine(computer_name=f"ACME-PC-{number}") for number in range(9)]
    reported = 0
    for _ in range(3):
        for shown in machines:
            result = seen(shown, past, now=NOW + 60)
            past = result.past
            assert result.machine is HOME
            reported += result.move is Move.WITHHELD
    assert reported == MAX_REPORTED
    # After the next move they are news again.
    moved = seen(RENAMED, past, now=NOW + MOVES_ONCE_IN)
    assert (moved.move, moved.past.reported) == (Move.FOLLOWED, ())


@pytest.mark.parametrize("what", ["name", "id"])
@pytest.mark.parametrize("first", [Evidence.LINK, *VOUCHED])
def test_r11_an_id_or_a_name_that_shows_again_is_put_back_and_nothing_moves_until_a_login(
    what: str, first: Evidence
) -> None:
    left = seen(WALKED[what], evidence=first)
    for evidence in (Evidence.LEASE, Evidence.LINK, Evidence.PROOF):
        back = seen(HOME, left.past, known=left.machine, now=NOW + DAY, evidence=evidence)
        assert (back.move, back.past.is_held) == (Move.PUT_BACK, True)
        assert back.machine.differences(HOME) == ()
        for again in (Evidence.LINK, Evidence.PROOF):
            after = seen(WALKED[what], back.past, now=NOW + 20 * DAY, evidence=again)
            assert (after.move, after.machine) == (Move.WITHHELD, HOME)
            other = seen(ANOTHER_CARD, back.past, now=NOW + 20 * DAY, evidence=again)
            assert other.move is Move.WITHHELD
        login = seen(HOME, back.past, evidence=Evidence.LOGIN)
        assert (login.move, login.past.is_held) == (None, False)
        moved = seen(ANOTHER_CARD, back.past, evidence=Evidence.LOGIN)
        assert (moved.move, moved.past.is_held) == (Move.FOLLOWED, False)


def test_r11_a_login_with_what_was_before_is_told_and_holds_nothing() -> None:
    left = seen(RENAMED)
    back = seen(HOME, left.past, known=RENAMED, evidence=Evidence.LOGIN)
    assert (back.move, back.past.is_held, back.past.moved_at) == (Move.PUT_BACK, False, NOW)


def test_r11_the_key_alone_puts_nothing_back_where_leases_are_presented() -> None:
    left = seen(RENAMED)
    back = seen(HOME, left.past, known=RENAMED, evidence=Evidence.NOTHING)
    assert (back.move, back.machine) == (Move.WITHHELD, RENAMED)


@pytest.mark.parametrize(
    ("passed", "move"), [(PUT_BACK_WITHIN - 1, Move.PUT_BACK), (PUT_BACK_WITHIN, Move.FOLLOWED)]
)
def test_r11_after_thirty_days_what_was_before_is_as_good_as_new(passed: int, move: Move) -> None:
    left = seen(RENAMED)
    assert seen(HOME, left.past, known=RENAMED, now=NOW + passed).move is move


def test_r11_addresses_come_along_and_are_known_when_they_are_back() -> None:
    added = seen(ANOTHER_CARD)
    assert added.past.former == ()
    assert seen(HOME, added.past, known=added.machine, now=NOW + 1).move is None


def cards(first: int) -> Machine:
    return machine(mac_addresses=tuple(f"3c:52:82:0a:{first:02x}:0{card}" for card in range(8)))


@pytest.mark.parametrize(("evidence", "added"), [(Evidence.LINK, 4), *((v, 8) for v in VOUCHED)])
def test_r11_four_addresses_come_along_at_a_time_unless_somebody_vouches_for_them(
    evidence: Evidence, added: int
) -> None:
    after = seen(cards(1), evidence=evidence).machine
    assert len(set(after.mac_addresses) & set(cards(1).mac_addresses)) == added
    assert set(HOME.mac_addresses) <= set(after.mac_addresses) or added == 8


@pytest.mark.parametrize(
    ("passed", "move"), [(PUT_BACK_WITHIN - 1, Move.PUT_BACK), (PUT_BACK_WITHIN, Move.FOLLOWED)]
)
def test_r11_an_address_that_others_pushed_out_is_put_back_as_an_id_is(
    passed: int, move: Move
) -> None:
    first = seen(cards(1))
    second = seen(cards(2), first.past, known=first.machine, now=NOW + MOVES_ONCE_IN)
    assert set(second.machine.mac_addresses).isdisjoint(HOME.mac_addresses)
    now = NOW + MOVES_ONCE_IN + passed
    back = seen(HOME, second.past, known=second.machine, now=now)
    assert (back.move, back.past.is_held) == (move, move is Move.PUT_BACK)
    assert set(back.machine.mac_addresses) >= set(HOME.mac_addresses)


def test_r11_one_that_was_replaced_on_somebodys_word_is_not() -> None:
    first = seen(cards(1), evidence=Evidence.LOGIN)
    assert first.past.former == ()


def test_r11_what_was_before_is_remembered_newest_first_and_no_longer_than_it_counts() -> None:
    known, past = HOME, NO_PAST
    for number in range(14):
        shown = machine(computer_name=f"ACME-PC-{number}X")
        result = seen(shown, past, known=known, now=NOW + number, evidence=Evidence.LOGIN)
        known, past = result.machine, result.past
    names = [name_of(machine(computer_name=f"ACME-PC-{number}X")) for number in range(12, 0, -1)]
    assert past.former == tuple(Former(name, NOW + 13 - at) for at, name in enumerate(names))
    late = NOW + 13 + PUT_BACK_WITHIN
    later = seen(RENAMED, past, known=known, now=late, evidence=Evidence.LOGIN)
    assert [one.component for one in later.past.former] == [known.computer_name]


LACKING = {
    "machine_id": machine(machine_id=None),
    "mac_addresses": machine(mac_addresses=()),
    "computer_name": machine(computer_name=None),
}


@pytest.mark.parametrize("what", LACKING)
def test_r11_a_component_that_comes_along_and_is_not_there_again_was_another_machines(
    what: str,
) -> None:
    without = LACKING[what]
    got = seen(HOME, known=without)
    assert got.move is Move.FOLLOWED
    assert seen(HOME, got.past, known=got.machine).move is None
    late = seen(without, got.past, known=got.machine, now=NOW + PUT_BACK_WITHIN)
    assert late == Step(got.machine, got.past)
    nothing = seen(without, got.past, known=got.machine, evidence=Evidence.NOTHING)
    assert (nothing.machine, nothing.move) == (got.machine, Move.WITHHELD)

    back = seen(without, got.past, known=got.machine, evidence=Evidence.LEASE)
    assert (back.machine.differences(without), back.move) == ((), Move.PUT_BACK)
    assert seen(HOME, back.past, known=back.machine).move is Move.WITHHELD


@pytest.mark.parametrize("evidence", VOUCHED)
@pytest.mark.parametrize("what", LACKING)
def test_r11_one_that_somebody_has_vouched_for_stays(what: str, evidence: Evidence) -> None:
    without = LACKING[what]
    got = seen(HOME, known=without, evidence=evidence)
    assert (got.move, got.past) == (Move.FOLLOWED, NO_PAST)
    assert seen(without, got.past, known=got.machine) == Step(got.machine, got.past)


def test_r12_one_that_came_along_and_has_been_listed_as_shared_since_is_nobodys() -> None:
    without = LACKING["machine_id"]
    got = seen(HOME, known=without)
    shown = replace(without, set_aside=frozenset(filter(None, [HOME.machine_id])))
    gone = seen(shown, got.past, known=got.machine, now=NOW + MOVES_ONCE_IN)
    assert (gone.machine.differences(without), gone.move) == ((), Move.FOLLOWED)


def test_r12_what_has_been_listed_as_shared_since_goes() -> None:
    listed = HOME.machine_id
    assert listed is not None
    shown = replace(machine(machine_id=None), set_aside=frozenset({listed}))
    result = seen(shown)
    assert (result.machine.machine_id, result.move) == (None, Move.FOLLOWED)
