"""Why a request was not carried out.

What this module guarantees: every code that a function answers with is in :data:`PROBLEMS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import (
    ConfigDict,
    Field,
)

from licensing.contract.fields import Reply
from licensing.domain.refusal import RefusalCode


class ErrorCode(StrEnum):
    """What goes wrong with a request itself; what is refused has a :class:`RefusalCode`."""

    INVALID_REQUEST = "invalid_request"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNAUTHORIZED = "unauthorized"
    STALE_PROOF = "use_dpop_nonce"
    UNAVAILABLE = "unavailable"


ProblemCode = ErrorCode | RefusalCode


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What problems of one kind have in common: the HTTP status, and what it means in words."""

    status: int
    title: str


_INVALID: Final = ProblemKind(400, "Invalid request")
_NOT_AUTHENTICATED: Final = ProblemKind(401, "Not authenticated")
_NOT_ALLOWED: Final = ProblemKind(403, "Not allowed")
_NOT_FOUND: Final = ProblemKind(404, "Not found")
_NO_SUCH_METHOD: Final = ProblemKind(405, "Method not allowed")
_CONFLICT: Final = ProblemKind(409, "Conflict")
_CHANGED: Final = ProblemKind(412, "Precondition failed")
_TOO_LARGE: Final = ProblemKind(413, "Payload too large")
_UNPROCESSABLE: Final = ProblemKind(422, "Unprocessable content")
_UNAVAILABLE: Final = ProblemKind(503, "Temporarily unavailable")

PROBLEMS: Final[Mapping[ProblemCode, ProblemKind]] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: _INVALID,
        ErrorCode.UNAUTHORIZED: _NOT_AUTHENTICATED,
        ErrorCode.STALE_PROOF: _NOT_AUTHENTICATED,
        RefusalCode.FORBIDDEN: _NOT_ALLOWED,
        RefusalCode.ON_BEHALF_DISABLED: _NOT_ALLOWED,
        RefusalCode.TEMPORARY_NOT_USABLE: _NOT_ALLOWED,
        RefusalCode.PROOF_REQUIRED: _NOT_ALLOWED,
        RefusalCode.NOT_FOUND: _NOT_FOUND,
        ErrorCode.METHOD_NOT_ALLOWED: _NO_SUCH_METHOD,
        RefusalCode.MACHINE_REGISTERED: _CONFLICT,
        RefusalCode.DEVICE_KEY: _CONFLICT,
        RefusalCode.AGENT_BLOCKED: _CONFLICT,
        RefusalCode.LICENSE_STILL_BOUND: _CONFLICT,
        RefusalCode.SEAT_LIMIT_REACHED: _CONFLICT,
        RefusalCode.MEMBER_LIMIT_REACHED: _CONFLICT,
        RefusalCode.SUBSCRIPTION_ENDED: _CONFLICT,
        RefusalCode.INVALID_TRANSITION: _CONFLICT,
        RefusalCode.POLICY_BELOW_FLOOR: _CONFLICT,
        RefusalCode.PRECONDITION_FAILED: _CHANGED,
        ErrorCode.PAYLOAD_TOO_LARGE: _TOO_LARGE,
        RefusalCode.IDEMPOTENCY_KEY_REUSED: _UNPROCESSABLE,
        ErrorCode.UNAVAILABLE: _UNAVAILABLE,
    }
)
"""Every code of a problem, in the order of the statuses."""


class ProblemError(Reply):
    """One wrong field."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")]
    detail: str


class Problem(Reply):
    """Why a request was not carried out (RFC 9457)."""

    # Members without a value are left out.
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] | None = None
    dpop_nonce: Annotated[
        str | None,
        Field(
            description="With the code use_dpop_nonce: the nonce that the next proof has to carry, "
            "as in the header DPoP-Nonce. It says nothing to an agent."
        ),
    ] = None

    @classmethod
    def of(
        cls,
        code: ProblemCode,
        detail: str,
        errors: list[ProblemError] | None = None,
        *,
        dpop_nonce: str | None = None,
    ) -> Problem:
        """The problem with a code; ``detail`` is for the person who reads it."""
        kind = PROBLEMS[code]
        return cls(
            type=f"urn:licensing:problem:{code}",
            title=kind.title,
            status=kind.status,
            detail=detail,
            code=code,
            errors=errors,
            dpop_nonce=dpop_nonce,
        )


class GatewayMessage(Reply):
    """What API Gateway answers by itself, without calling a function."""

    message: str
