"""Refusals: each says why, and which of them are misuse."""

from collections.abc import Callable

import pytest

from licensing.domain import refusal
from licensing.domain.refusal import RefusalCode, Refused


@pytest.mark.parametrize(
    ("refuse", "code", "message"),
    [
        (refusal.license_not_found, "not_found", "There is no such license. Check its id."),
        (
            refusal.organization_not_found,
            "not_found",
            "There is no such organization. Check its id.",
        ),
        (refusal.only_administrators, "forbidden", "Only administrators can do this."),
        (refusal.only_super_admins, "forbidden", "Only super-admins can do this."),
        (
            refusal.proof_required,
            "proof_required",
            (
                "This agent has to prove that it holds its device key, and no proof has arrived. "
                "If it sends one, in the header DPoP, something on the way removes it: have that "
                "let it pass. Else update the agent to a version that sends such proofs. If it has "
                "to work without a device key, have an administrator reset that in the portal, "
                "then log in again."
            ),
        ),
        (
            refusal.older_agents_refused,
            "forbidden",
            "This agent is too old for this service. Update it to 4.4 or later.",
        ),
        (
            refusal.file_not_found,
            "not_found",
            "There is no such file. Reload the page.",
        ),
        (
            refusal.documentation_off,
            "not_found",
            (
                "The page with the API's documentation is switched off here. The document itself "
                "is at /v1/openapi.json."
            ),
        ),
    ],
)
def test_r18_r31_a_refusal_says_why_in_one_sentence(
    refuse: Callable[[], Refused], code: str, message: str
) -> None:
    refused = refuse()
    assert (refused.code, refused.message) == (code, message)


def test_r32_what_a_history_keeps_of_a_refused_login_has_words_for_it() -> None:
    assert {code.value: code.on_record for code in RefusalCode if code.on_record is not None} == {
        "on_behalf_login_disabled": "Login for another organization",
        "temporary_license_not_usable": "Login with a temporary license that is not for it",
        "machine_registered_to_other_organization": (
            "Login by one organization on another's machine"
        ),
        "device_key": "Login with another device key",
        "license_still_bound": "Login on another machine before it was dissociated",
        "proof_required": "Used without a proof of its device key",
        "seat_limit_reached": "Login while all seats were taken",
        "member_limit_reached": "Login by a member who has added as many agents as they may",
        "subscription_ended": "Login without a subscription that is current",
    }
