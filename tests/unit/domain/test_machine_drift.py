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
        (WHOLE, machine("1", "b", "pc-1"), machine("1", "b", "pc-1"), ("mac_addresses",)),
        (WHOLE, machine("1", "a", "pc-2"), machine("1", "a", "pc-2"), ("computer_name",)),
        # MAC addresses agree as long as one is common.
        (WHOLE, machine("1", "ab", "pc-1"), WHOLE, ()),
        (machine("1", "abc", "pc-1"), machine("1", "cd", "pc-1"), machine("1", "abc", "pc-1"), ()),
        (
            machine("1", "ab", "pc-1"),
            machine("1", "cd", "pc-1"),
            machine("1", "cd", "pc-1"),
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
    assert followed == expected
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
