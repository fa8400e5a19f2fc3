"""Why a request was not carried out."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    ConfigDict,
    Field,
)

from licensing.contract.fields import Reply


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


class GatewayMessage(Reply):
    """What API Gateway says where it answers by itself and no function is asked."""

    message: str
