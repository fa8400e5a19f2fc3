"""Whose CPU it is."""

import sysconfig
from typing import Any

import pytest

from licensing.domain import license_key
from tests.benchmarks.cold import by_package, explained
from tests.benchmarks.profile import attributed, package_of, shares

STDLIB = sysconfig.get_path("stdlib")
OURS = (license_key.__file__, 1, "parse")
THEIRS = ("/x/site-packages/botocore/auth.py", 1, "sign")
DUMPS = (f"{STDLIB}/json/__init__.py", 1, "dumps")
JOIN = ("~", 0, "<method 'join'>")


def spent(own: float, callers: dict[Any, float]) -> Any:
    """A function as pstats holds it."""
    return (1, 1, own, own, {c: (1, 1, taken, taken) for c, taken in callers.items()})


def test_a_function_is_its_packages() -> None:
    assert package_of(THEIRS) == "botocore"
    assert package_of(OURS) == "licensing.domain.license_key"
    assert package_of(DUMPS) is None
    assert package_of(JOIN) is None
    assert package_of((__file__, 1, "test")) == "else"


def test_what_the_standard_library_does_is_counted_for_those_who_have_it_done() -> None:
    found = attributed(
        {
            OURS: spent(1.0, {}),
            THEIRS: spent(2.0, {OURS: 2.0}),
            DUMPS: spent(4.0, {OURS: 1.0, THEIRS: 3.0}),
            JOIN: spent(1.0, {DUMPS: 1.0}),
        }
    )
    # Of dumps, and of what it calls, a quarter is ours.
    assert found == pytest.approx({"licensing.domain.license_key": 2.25 / 8, "botocore": 5.75 / 8})


def test_functions_that_call_each_other_come_to_an_end() -> None:
    found = attributed(
        {
            OURS: spent(1.0, {}),
            DUMPS: spent(1.0, {OURS: 1.0, JOIN: 1.0}),
            JOIN: spent(2.0, {DUMPS: 2.0}),
        }
    )
    assert found == pytest.approx({"licensing.domain.license_key": 1.0})


def test_a_profile_finds_the_package_that_works() -> None:
    key = license_key.LicenseKey(1, "lic_0123456789abcdef", bytes(16)).reveal()
    found = shares(lambda: license_key.parse(key), 50)
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=lambda package: found[package]) == "licensing.domain.license_key"


IMPORTED = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:        50 |        150 | json
import time:       300 |        900 |     botocore.config
import time:       700 |        700 |   botocore
import time:        50 |       1000 | licensing.domain.license_key
a warning in between
"""


def test_imports_are_counted_by_package_and_the_standard_library_as_one() -> None:
    assert by_package(IMPORTED) == {"standard library": 150, "botocore": 1000, "licensing": 50}


def test_the_time_of_imports_is_told_with_the_largest_share_first() -> None:
    table = explained("F", [IMPORTED])
    assert table.title == "Where the imports of F go (own time, 1 ms in all)"
    assert table.rows == (
        ("botocore", "1.0", "83%"),
        ("standard library", "0.1", "12%"),
        ("licensing", "0.1", "4%"),
        ("all others", "0.0", "0%"),
    )
