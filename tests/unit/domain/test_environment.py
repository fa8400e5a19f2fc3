"""Environments that differ in form are one."""

import pytest

from licensing.domain.environment import is_same, normal
from licensing.domain.machine_claims import Claim, license_at
from tests.unit.samples import license


@pytest.mark.parametrize(
    "spelling", ["qa 2", "QA 2", " qa 2 ", "qa 2.", "Qa 2. ", "\tqa 2 .\t", "qa 2.."]
)
def test_r12_case_blanks_around_and_a_full_stop_at_the_end_make_no_difference(
    spelling: str,
) -> None:
    assert normal(spelling) == "qa 2"
    assert is_same(spelling, "Qa 2.")
    assert is_same("qa 2", spelling)
    assert license(environment="QA 2").is_for(spelling)


@pytest.mark.parametrize("other", ["qa2", "qa  2", "q.a 2", "qa 2x", ".qa 2"])
def test_r12_everything_else_makes_one(other: str) -> None:
    assert not is_same(other, "qa 2")
    assert not license(environment="QA 2").is_for(other)


def test_r02_r12_a_claim_is_found_under_the_form_that_it_has() -> None:
    claims = {b"pair": Claim({"acme": {"QA 2": "lic_0123456789abcdef"}}, exclusive=True)}
    assert license_at(claims, "acme", "qa 2") == "lic_0123456789abcdef"
    assert license_at(claims, "acme", "qa") is None
