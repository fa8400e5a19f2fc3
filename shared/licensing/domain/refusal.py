"""Refusals: what the service declines to do, as values that a caller can act on.

Every refusal has one stable ``code`` (part of the API) and one sentence for the person at the
agent or the portal. The HTTP status of each code stands in :mod:`licensing.contract.problems`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class RefusalCode(StrEnum):
    """The machine-readable reasons, as they appear in problem answers.

    ``on_record`` is there when histories keep such a refusal (R32): people read these words for
    it, at a licence that was to be used where it does not belong, or at an organization whose own
    people could not log in.
    """

    on_record: str | None

    FORBIDDEN = "forbidden"
    ON_BEHALF_DISABLED = "on_behalf_login_disabled", "Login for another organization"
    TEMPORARY_NOT_USABLE = (
        "temporary_license_not_usable",
        "Login with a temporary license that is not for it",
    )
    NOT_FOUND = "not_found"
    MACHINE_REGISTERED = (
        "machine_registered_to_other_organization",
        "Login by one organization on another's machine",
    )
    PROOF_REQUIRED = "proof_required", "Used without a proof of its device key"
    DEVICE_KEY = "device_key", "Login with another device key"
    AGENT_BLOCKED = "agent_blocked"
    LICENSE_STILL_BOUND = (
        "license_still_bound",
        "Login on another machine before it was dissociated",
    )
    SEAT_LIMIT_REACHED = "seat_limit_reached", "Login while all seats were taken"
    MEMBER_LIMIT_REACHED = (
        "member_limit_reached",
        "Login by a member who has added as many agents as they may",
    )
    SUBSCRIPTION_ENDED = "subscription_ended", "Login without a subscription that is current"
    INVALID_TRANSITION = "invalid_transition"
    POLICY_BELOW_FLOOR = "policy_below_floor"
    PRECONDITION_FAILED = "precondition_failed"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"

    def __new__(cls, word: str, on_record: str | None = None) -> Self:
        """A member, of its word and what histories say of it, if they do."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.on_record = on_record
        return code


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer "no": why, in a code and in a sentence.

    ``pointer`` is the JSON pointer (RFC 6901) of what it is about in the request, where the code
    does not say so.
    """

    code: RefusalCode
    message: str
    pointer: str | None = None


def license_not_found() -> Refused:
    """A licence that is absent or another organization's: the two answer alike."""
    return Refused(RefusalCode.NOT_FOUND, "There is no such license. Check its id.")


def license_has_changed(revision: int) -> Refused:
    """A licence that is not as the caller has seen it."""
    return Refused(
        RefusalCode.PRECONDITION_FAILED,
        f"The license is not as you expect: its version is {revision}. Read it again and send its "
        "ETag in If-Match, or no If-Match to change it as it is.",
    )


def organization_not_found() -> Refused:
    """An organization that is absent or not the caller's: the two answer alike."""
    return Refused(RefusalCode.NOT_FOUND, "There is no such organization. Check its id.")


def organization_changed(why: str) -> Refused:
    """An organization that is not as the caller expects, in what ``why`` says of it."""
    return Refused(
        RefusalCode.PRECONDITION_FAILED,
        f"The organization is not as you expect: {why}. To change it, read it and send its ETag "
        "in If-Match. To create it, send no If-Match.",
    )


def only_administrators() -> Refused:
    """A caller without an administrator's role."""
    return Refused(RefusalCode.FORBIDDEN, "Only administrators can do this.")


def only_super_admins() -> Refused:
    """A caller who is not the vendor's operator."""
    return Refused(RefusalCode.FORBIDDEN, "Only super-admins can do this.")


def agent_blocked() -> Refused:
    """An agent whose licence is detached (R19)."""
    return Refused(RefusalCode.AGENT_BLOCKED, "Agent is Blocked.")


def proof_required() -> Refused:
    """An agent that does not prove to hold a device key, where that is needed."""
    return Refused(
        RefusalCode.PROOF_REQUIRED,
        "This agent has to prove that it holds its device key, and no proof has arrived. If it "
        "sends one, in the header DPoP, something on the way removes it: have that let it pass. "
        "Else update the agent to a version that sends such proofs. If it has to work without a "
        "device key, have an administrator reset that in the portal, then log in again.",
    )


def older_agents_refused() -> Refused:
    """The deployment does not serve agents from before 4.4 (R31)."""
    return Refused(
        RefusalCode.FORBIDDEN, "This agent is too old for this service. Update it to 4.4 or later."
    )


def idempotency_key_reused() -> Refused:
    """An idempotency key that stands for another request."""
    return Refused(
        RefusalCode.IDEMPOTENCY_KEY_REUSED,
        "You have used this idempotency key for another request, less than 24 hours ago. Send a "
        "new key, or the same request as before.",
    )


def file_not_found() -> Refused:
    """No file of a page, or one of a version that has been replaced."""
    return Refused(RefusalCode.NOT_FOUND, "There is no such file. Reload the page.")


def documentation_off() -> Refused:
    """The API's documentation, where the deployment shows none."""
    return Refused(
        RefusalCode.NOT_FOUND,
        "The page with the API's documentation is switched off here. The document itself is at "
        "/v1/openapi.json.",
    )
