"""R11: what a machine becomes when it is seen again, and which of its components that changes."""

import pytest

from licensing.domain.machine import NO_MACHINE, Credentials, Machine


def machine(id: str | None, macs: str, name: str | None) -> Machine:
    """A machine; each letter of `macs` stands for a network adapter."""
    credentials = Credentials.of(
        machine_id=id and f"machine-{id}",
        mac_addresses=[f"3c:52:82:00:00:0{letter}" for letter in macs],
        computer_name=name,
    )
    return Machine.of(credentials, b"a key for machine credentials")


WHOLE = machine("1", "a", "pc-1")


@pytest.mark.parametrize(
    ("known", "seen", "expected", "changed"),
    [
        # As it was: nothing moves.
        (WHOLE, WHOLE, WHOLE, ()),
        # One component disagrees: it moves.
        (WHOLE, machine("2", "a", "pc-1"), machine("2", "a", "pc-1"), ("machine_id",)),
        # While id and name agree, an address comes along, and replaces none.
        (WHOLE, machine("1", "b", "pc-1"), machine("1", "ab", "pc-1"), ("mac_addresses",)),
        (WHOLE, machine("1", "a", "pc-2"), machine("1", "a", "pc-2"), ("computer_name",)),
        # MAC addresses agree as long as one is common.
        (WHOLE, machine("1", "ab", "pc-1"), WHOLE, ()),
        (machine("1", "abc", "pc-1"), machine("1", "cd", "pc-1"), machine("1", "abc", "pc-1"), ()),
        (
            machine("1", "ab", "pc-1"),
            machine("1", "cd", "pc-1"),
            machine("1", "abcd", "pc-1"),
            ("mac_addresses",),
        ),
        (
            machine("1", "ab", "pc-1"),
            machine("1", "bc", "pc-2"),
            machine("1", "ab", "pc-2"),
            ("computer_name",),
        ),
        # What is not sent stays.
        (WHOLE, machine(None, "a", "pc-1"), WHOLE, ()),
        (WHOLE, machine("1", "", "pc-1"), WHOLE, ()),
        (WHOLE, machine("1", "a", None), WHOLE, ()),
        # What was missing is taken over.
        (machine(None, "a", "pc-1"), WHOLE, WHOLE, ("machine_id",)),
        (machine("1", "", "pc-1"), WHOLE, WHOLE, ("mac_addresses",)),
        (machine("1", "a", None), WHOLE, WHOLE, ("computer_name",)),
    ],
)
def test_r11_only_a_component_that_disagrees_moves(
    known: Machine, seen: Machine, expected: Machine, changed: tuple[str, ...]
) -> None:
    followed = known.followed(seen)
    # They may have been seen in another order.
    assert followed.differences(expected) == ()
    assert followed.pairs() == expected.pairs()
    assert (followed is known) is (changed == ())
    assert known.differences(followed) == changed
    assert followed.differences(known) == changed


def test_r11_differences_are_named_in_one_order_and_one_way() -> None:
    components = ("machine_id", "mac_addresses", "computer_name")
    assert WHOLE.differences(machine("2", "b", "pc-2")) == components
    assert WHOLE.differences(machine(None, "ab", "pc-1")) == components[:2]
    assert WHOLE.differences(NO_MACHINE) == components


def test_r26_no_machine_is_the_same_as_no_other_and_claims_nothing() -> None:
    assert NO_MACHINE.pairs() == frozenset()
    assert not NO_MACHINE.is_same_as(WHOLE)
    assert not WHOLE.is_same_as(NO_MACHINE)
    assert not NO_MACHINE.is_same_as(NO_MACHINE)
    assert NO_MACHINE.identity() != WHOLE.identity()


@pytest.mark.parametrize(
    ("known", "seen", "addresses"),
    [
        (WHOLE, machine("2", "b", "pc-1"), "b"),
        (WHOLE, machine("1", "b", "pc-2"), "b"),
        (WHOLE, machine(None, "b", "pc-1"), "b"),
        (WHOLE, machine("1", "b", None), "b"),
        (machine(None, "a", "pc-1"), machine("1", "b", "pc-1"), "b"),
        (machine("1", "a", None), machine("1", "b", "pc-1"), "b"),
        (WHOLE, machine("1", "b", "pc-1"), "ab"),
    ],
)
def test_r09_addresses_are_replaced_where_another_component_is_known_by_the_device_key_alone(
    known: Machine, seen: Machine, addresses: str
) -> None:
    expected = machine("1", addresses, "pc-1").mac_addresses
    assert sorted(known.followed(seen).mac_addresses) == sorted(expected)


def test_r12_a_default_name_is_known_as_one_after_a_move_too() -> None:
    inside, outside = machine("1", "a", "localhost"), machine("1", "a", "pc-1")
    for beside, is_default in ((inside, True), (outside, False)):
        moved = beside.moved_along(machine("1", "a", "x"), machine("2", "a", "y"))
        assert (moved.machine_id, moved.has_default_name) == (
            machine("2", "a", "y").machine_id,
            is_default,
        )


def test_r11_the_newest_eight_addresses_stay() -> None:
    seen = WHOLE
    for letter in "bcdef":
        seen = seen.followed(machine("1", letter, "pc-1"))
    assert seen.differences(machine("1", "abcdef", "pc-1")) == ()
    for letter in "12345":
        seen = seen.followed(machine("1", letter, "pc-1"))
    assert seen.differences(machine("1", "12345def", "pc-1")) == ()
    assert len(seen.pairs()) == 17


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        # What it has in common with the other record of the machine changes along.
        (machine("1", "a", "pc-1"), machine("2", "ab", "pc-2")),
        (machine("1", "ac", "pc-1"), machine("2", "abc", "pc-2")),
        # What it has alone stays: it is in a container, or sees other adapters.
        (machine("1", "a", "till"), machine("2", "ab", "till")),
        (machine("1", "c", "pc-1"), machine("2", "c", "pc-2")),
        (machine(None, "a", "pc-1"), machine(None, "ab", "pc-2")),
        # Its oldest addresses stay, however many are new.
        (machine("1", "acdefghi", "pc-1"), machine("2", "abc" + "defgh", "pc-2")),
    ],
)
def test_r09_a_machine_moves_along_in_what_it_has_in_common(
    beside: Machine, expected: Machine
) -> None:
    after = machine("2", "b", "pc-2")
    assert beside.moved_along(WHOLE, after).differences(expected) == ()
    assert beside.moved_along(WHOLE, WHOLE) is beside


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (WHOLE, machine("1", "b", "pc-2"), True),
        (WHOLE, machine("2", "a", "pc-2"), True),
        (WHOLE, machine("2", "b", "pc-1"), True),
        (WHOLE, machine("2", "b", "pc-2"), False),
        # What is missing on both sides agrees with nothing.
        (machine(None, "a", "pc-1"), machine(None, "b", "pc-2"), False),
        (machine("1", "a", None), machine("2", "b", None), False),
        # Nor does a name that every second computer has.
        (machine("1", "a", "localhost"), machine("2", "b", "localhost"), False),
    ],
)
def test_r09_one_component_agrees(one: Machine, other: Machine, *, agree: bool) -> None:
    assert one.agrees_in_one(other) is agree
    assert other.agrees_in_one(one) is agree


MAKERS, HYPERVISORS, LOCAL = "3c:52:82:00:00:01", "00:50:56:ab:12:34", "52:11:22:33:44:55"


@pytest.mark.parametrize(
    ("known", "seen", "contradict"),
    [
        ([MAKERS], ["3c:52:82:00:00:02"], True),
        ([MAKERS, LOCAL], ["3c:52:82:00:00:02", LOCAL], True),
        ([MAKERS], [MAKERS, "3c:52:82:00:00:02"], False),
        # Containers and virtual machines are made anew with other addresses.
        ([LOCAL], ["56:11:22:33:44:66"], False),
        ([HYPERVISORS], ["00:0c:29:ab:cd:ef"], False),
        ([HYPERVISORS], [LOCAL], False),
        ([MAKERS], [LOCAL], False),
        ([MAKERS], [], False),
    ],
)
def test_r09_addresses_contradict_where_makers_gave_them(
    known: list[str], seen: list[str], *, contradict: bool
) -> None:
    def with_addresses(macs: list[str]) -> Machine:
        shown = Credentials.of(machine_id="machine-1", mac_addresses=macs, computer_name="pc-1")
        return Machine.of(shown, b"a key for machine credentials")

    assert with_addresses(known).contradicts(with_addresses(seen)) is contradict
    assert with_addresses(seen).contradicts(with_addresses(known)) is contradict


def test_r10_without_a_machine_id_four_addresses_count() -> None:
    assert len(machine(None, "123456789", "pc-1").mac_addresses) == 4
    assert len(machine("1", "123456789", "pc-1").mac_addresses) == 8
