"""Refusals: each code is the one that the API promises, with the status that it promises."""

from collections.abc import Callable

import pytest

from licensing.domain import refusal
from licensing.domain.refusal import RefusalCode, Refused
from licensing.entrypoints.http import STATUS_OF_REFUSAL

STATUSES = {
    "forbidden": 403,
    "proof_required": 403,
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
    "portal_not_configured": 404,
}


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_the_status_that_the_api_promises(code: RefusalCode) -> None:
    assert STATUS_OF_REFUSAL[code] == STATUSES[code.value]


@pytest.mark.parametrize(
    ("refuse", "code", "message"),
    [
        (refusal.license_not_found, "not_found", "There is no such license."),
        (refusal.organization_not_found, "not_found", "There is no such organization."),
        (refusal.only_administrators, "forbidden", "Only administrators can do this."),
        (refusal.only_super_admins, "forbidden", "Only super-admins can do this."),
        (
            refusal.proof_required,
            "proof_required",
            (
                "This agent has to prove that it holds its device key. Update it to a version that "
                "does; where its license has to go on without one, revoke it from the portal first."
            ),
        ),
        (
            refusal.older_agents_refused,
            "forbidden",
            "This agent is too old for this service. Update it to 4.4 or later.",
        ),
        (
            refusal.portal_file_not_found,
            "not_found",
            "There is no such file. Load the page anew.",
        ),
        (
            refusal.portal_not_configured,
            "portal_not_configured",
            (
                "Nobody can sign in yet. Deploy the stack once more, with its output ApiUrl as the "
                "parameter PortalUrl."
            ),
        ),
    ],
)
def test_r18_r31_a_refusal_says_why_in_one_sentence(
    refuse: Callable[[], Refused], code: str, message: str
) -> None:
    refused = refuse()
    assert (refused.code, refused.message) == (code, message)
