"""An example of each problem, and which operation can answer which: for the OpenAPI document.

What this module guarantees: every code is at least at one operation, and where a status has several
codes, an operation has those that it can give. Recorded requests are held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from licensing.contract.problems import PROBLEMS, ErrorCode, Problem, ProblemCode, ProblemError
from licensing.domain import device_key, refusal
from licensing.domain.errors import InvalidInput
from licensing.domain.machine import Credentials
from licensing.domain.refusal import RefusalCode, Refused
from licensing.entrypoints import http
from licensing.entrypoints.http.inputs import LARGEST_BODY, LARGEST_BODY_OF_AGENT

_LOGIN_ALONE: Final = frozenset(
    {
        RefusalCode.ON_BEHALF_DISABLED,
        RefusalCode.TEMPORARY_NOT_USABLE,
        RefusalCode.PROOF_REQUIRED,
        RefusalCode.MACHINE_REGISTERED,
        RefusalCode.DEVICE_KEY,
        RefusalCode.AGENT_BLOCKED,
        RefusalCode.LICENSE_STILL_BOUND,
        RefusalCode.SEAT_LIMIT_REACHED,
        RefusalCode.MEMBER_LIMIT_REACHED,
        RefusalCode.SUBSCRIPTION_ENDED,
    }
)
_POLICY_ALONE: Final = frozenset({RefusalCode.POLICY_BELOW_FLOOR})
_TRANSITIONS_ALONE: Final = frozenset({RefusalCode.INVALID_TRANSITION})
_PROOFS_ALONE: Final = frozenset({ErrorCode.STALE_PROOF})
_REFUSED: Final = (
    refusal.proof_required(),
    refusal.agent_blocked(),
    refusal.idempotency_key_reused(),
    Refused(
        RefusalCode.ON_BEHALF_DISABLED,
        "You cannot log in for another organization. Ask for a temporary license.",
    ),
    Refused(
        RefusalCode.TEMPORARY_NOT_USABLE,
        "This temporary license is in use on another machine. Ask for a new one.",
    ),
    Refused(RefusalCode.MACHINE_REGISTERED, "Your machine is already registered with Bolt."),
    Refused(
        RefusalCode.DEVICE_KEY,
        "This agent's license is bound to another device key. Ask an administrator to log in here, "
        "or to reset the device key in the portal. A login works without that from 2030-03-18 "
        "17:46:40 UTC on, if the other key is gone.",
    ),
    Refused(
        RefusalCode.LICENSE_STILL_BOUND,
        "Agent needs to be dissociated first from the portal, before reassigning the same license "
        "key.",
    ),
    Refused(
        RefusalCode.SEAT_LIMIT_REACHED,
        "All 60 seats of Acme are taken. Revoke or dissociate a license in the portal, or ask for "
        "more seats.",
    ),
    Refused(
        RefusalCode.MEMBER_LIMIT_REACHED,
        "A member of Acme may add 1 agent, and you have added 1. Ask an administrator to log in on "
        "this machine, or to raise the limit.",
    ),
    Refused(
        RefusalCode.SUBSCRIPTION_ENDED, "The subscription of Acme has ended. Renew it to log in."
    ),
    Refused(RefusalCode.INVALID_TRANSITION, "Cannot attach a license that is revoked."),
    Refused(
        RefusalCode.POLICY_BELOW_FLOOR,
        "The operator of this service demands of every organization at least: block_clones true. "
        "Only a parameter of the deployment changes that.",
    ),
)
_NAMED: Final = MappingProxyType(
    {
        "only_administrators": refusal.only_administrators(),
        "only_super_admins": refusal.only_super_admins(),
        "older_agents_refused": refusal.older_agents_refused(),
        "no_organization": Refused(
            RefusalCode.FORBIDDEN,
            "Your account does not belong to an organization. Ask your administrator.",
        ),
        "license_not_found": refusal.license_not_found(),
        "organization_not_found": refusal.organization_not_found(),
        "route_not_found": Refused(
            RefusalCode.NOT_FOUND, "There is no such route. Check the method and the path."
        ),
        "license_key_not_found": Refused(
            RefusalCode.NOT_FOUND,
            "This license key is not known. Check it, or log in without a key.",
            pointer="/license_key",
        ),
        "license_has_changed": refusal.license_has_changed(3),
        "organization_changed": refusal.organization_changed("its version is 3"),
        **{refused.code.value: refused for refused in _REFUSED},
    }
)


def _too_large(most: int) -> Problem:
    return Problem.of(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"The body of this request may have at most {most} bytes. Send less.",
    )


def _one_component() -> Problem:
    """What a machine gets of which nothing but the name is known."""
    try:
        Credentials.of(machine_id=None, mac_addresses=[], computer_name="FACTORY-PC-01")
    except InvalidInput as error:
        pointed = [ProblemError(pointer=error.pointer, detail=error.message)]
        return Problem.of(ErrorCode.INVALID_REQUEST, error.message, pointed)
    raise TypeError("one component of a machine is enough")


def _refused(refused: Refused) -> Problem:
    pointed = refused.pointer and [
        ProblemError(pointer=refused.pointer, detail=refused.message),
    ]
    return Problem.of(refused.code, refused.message, pointed or None)


PROBLEMS_BY_NAME: Final[Mapping[str, Problem]] = MappingProxyType(
    {
        "invalid_request": Problem.of(
            ErrorCode.INVALID_REQUEST,
            "The request does not match the API's contract at /reson: Extra inputs are not "
            "permitted.",
            [ProblemError(pointer="/reson", detail="Extra inputs are not permitted")],
        ),
        "invalid_machine": _one_component(),
        "invalid_parameter": Problem.of(
            ErrorCode.INVALID_REQUEST,
            "It must be a number from 1 to 100.",
            [ProblemError(pointer="/query/limit", detail="It must be a number from 1 to 100.")],
        ),
        "unauthorized": Problem.of(
            ErrorCode.UNAUTHORIZED, "Send a token of the identity provider."
        ),
        "use_dpop_nonce": Problem.of(
            ErrorCode.STALE_PROOF,
            str(device_key.needs_nonce()),
            dpop_nonce="AAABumDOcoAl8kG7vDYXEmP2",
        ),
        "payload_too_large": _too_large(LARGEST_BODY),
        "payload_of_agent_too_large": _too_large(LARGEST_BODY_OF_AGENT),
        "unavailable": Problem.of(
            ErrorCode.UNAVAILABLE, "The database is busy. Repeating the request is safe."
        ),
        **{name: _refused(refused) for name, refused in _NAMED.items()},
    }
)
"""Problems by the names of their examples."""

GATEWAY_MESSAGES: Final = MappingProxyType(
    {
        401: "Unauthorized",
        413: "Request Entity Too Large",
        429: "Too Many Requests",
        503: "Service Unavailable",
    }
)
"""What API Gateway says by itself, by the status."""


def problem_names(operation: http.Operation, status: int) -> Iterator[str]:
    """Which of :data:`PROBLEMS_BY_NAME` an operation answers with this status."""
    for code, kind in PROBLEMS.items():
        if kind.status == status and code not in _impossible(operation):
            yield _name(operation, code)


def _impossible(operation: http.Operation) -> set[ProblemCode]:
    """Codes of other operations with the same statuses."""
    found: set[ProblemCode] = set()
    if not operation.for_agents:
        found |= _LOGIN_ALONE
    if operation.id != "updateOrganization":
        found |= _POLICY_ALONE
    if "/{license_id}/" not in operation.path:
        found |= _TRANSITIONS_ALONE
    if http.PROOF not in operation.takes:
        found |= _PROOFS_ALONE
    if not operation.needs_token:
        found.add(ErrorCode.UNAUTHORIZED)
    return found


def _name(operation: http.Operation, code: ProblemCode) -> str:
    is_agents, about_license = operation.callers == "agents", "{license_id}" in operation.path
    match code:
        case ErrorCode.INVALID_REQUEST:
            return _invalid(operation)
        case ErrorCode.PAYLOAD_TOO_LARGE if is_agents:
            return "payload_of_agent_too_large"
        case RefusalCode.FORBIDDEN:
            return _forbidden(operation)
        case RefusalCode.NOT_FOUND if is_agents:
            return "license_key_not_found"
        case RefusalCode.NOT_FOUND if operation.method == "PUT":
            return "route_not_found"  # it creates what is not there
        case RefusalCode.NOT_FOUND:
            return "license_not_found" if about_license else "organization_not_found"
        case RefusalCode.PRECONDITION_FAILED:
            return "license_has_changed" if about_license else "organization_changed"
        case _:
            return code.value


def _invalid(operation: http.Operation) -> str:
    if operation.method == "GET":
        return "invalid_parameter"
    return "invalid_machine" if operation.tag in {"Agents", "Machines"} else "invalid_request"


def _forbidden(operation: http.Operation) -> str:
    match operation.callers:
        case "administrators":
            return "only_administrators"
        case "super-admins":
            return "only_super_admins"
        case _:
            return "no_organization" if operation.needs_token else "older_agents_refused"
