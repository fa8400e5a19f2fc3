"""What differs from run to run by chance alone does not tell two runs apart; all else does."""

import pytest

from tests.concurrency import canonical

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (f"lic_{ONE}", f"lic_{OTHER}", "lic_*"),
        (f"evt_{ONE * 2}", f"evt_{OTHER * 2}", "evt_*"),
        (f"op_{ONE * 2}", f"op_{OTHER * 2}", "op_*"),
        ("DUE#0", "DUE#7", "DUE#*"),
    ],
)
def test_what_chance_has_chosen_is_the_same_in_all_runs_unless_it_is_known(
    one: str, other: str, alike: str
) -> None:
    assert canonical.text(one) == canonical.text(other) == f'"{alike}"'
    assert canonical.text(one, known={one}) == f'"{one}"'


def test_what_chance_has_not_chosen_tells_runs_apart() -> None:
    assert canonical.text({"n": "1"}) != canonical.text({"n": "2"})
