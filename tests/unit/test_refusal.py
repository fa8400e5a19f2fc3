"""Refusals: each code is the one that the API promises, with the status that it promises."""

import pytest

from licensing.http import STATUS_OF_REFUSAL
from licensing.refusal import RefusalCode

STATUSES = {
    "forbidden": 403,
    "on_behalf_login_disabled": 403,
    "temporary_license_not_usable": 403,
    "not_found": 404,
    "machine_registered_to_other_organization": 409,
    "agent_blocked": 409,
    "license_still_bound": 409,
    "seat_limit_reached": 409,
    "subscription_ended": 409,
    "invalid_transition": 409,
    "precondition_failed": 412,
}


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_the_status_that_the_api_promises(code: RefusalCode) -> None:
    assert STATUS_OF_REFUSAL[code] == STATUSES[code.value]
