"""The OpenAPI document, generated from the contract's models and the table of routes below.

What this module guarantees: every route of the deployment is in :data:`ROUTES` (a test compares
it with ``template.yaml`` and with the handlers), and every schema is that of a model which
requests are parsed by or replies are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, RootModel
from pydantic.json_schema import models_json_schema

from licensing.contract import (
    agents,
    callers,
    events,
    licenses,
    machines,
    organizations,
    problems,
    statistics,
    temporary,
)
from licensing.domain.audit import EventType
from licensing.domain.license import Status
from licensing.domain.organization import Standing
from licensing.usecases.filters import LicenseSort, OrganizationSort

# Keyed by class; `object` because pydantic's own function may be given other things than models.
Schemas = dict[type[object], dict[str, Any]]

_PROBLEMS: Final = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    412: "precondition_failed",
    413: "payload_too_large",
    429: "too_many_requests",
    503: "unavailable",
}
# What API Gateway answers by itself, in a form of its own: a token that is not good, a path that
# fits no route, a body beyond its own limit, too many requests, a function that gave no answer.
_BY_GATEWAY: Final = frozenset({401, 404, 413, 429, 503})
_BY_GATEWAY_ALONE: Final = frozenset({429})
_HEADERS: Final = {
    401: ("WWW-Authenticate", "The scheme to authenticate by.", {"type": "string"}),
    503: ("Retry-After", "Seconds to wait for.", {"type": "integer", "minimum": 1}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API, as clients see it."""

    method: str
    path: str
    operation_id: str
    summary: str
    replies: dict[int, type[BaseModel]]
    request: type[BaseModel] | None = None
    older_request: type[BaseModel] | None = None
    request_required: bool = True
    problems: tuple[int, ...]
    needs_token: bool = True
    parameters: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """The route key of API Gateway."""
        return f"{self.method} {self.path}"


def _path_parameter(name: str, pattern: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": pattern},
    }


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


_LICENSE_ID: Final = _path_parameter("license_id", "^lic_[0-9abcdefghjkmnpqrstvwxyz]{16}$")
_ORGANIZATION_ID: Final = _path_parameter("organization_id", "^[a-z0-9][a-z0-9-]{1,62}$")


_CURSOR: Final = {
    **_query_parameter("cursor", {"type": "string"}),
    "description": "The next_cursor of this list's page before; none for its first page.",
}
_PAGING: Final = (
    _query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    _CURSOR,
)


_SEARCH: Final = {"type": "string", "minLength": 1, "maxLength": 100}


def _instant_parameter(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "date-time"}
    return {**_query_parameter(name, schema), "description": description}


_EVENT_FILTERS: Final = (
    _query_parameter("type", {"type": "string", "enum": list(EventType)}),
    _instant_parameter(
        "from",
        "It happened then or later. The refusals of an hour, folded into one entry, count as of "
        "the beginning of the hour.",
    ),
    _instant_parameter("before", "It happened before; refusals as for from."),
)


_PROOF: Final = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "A proof that the agent holds its device key (RFC 9449), with the latest "
    "DPoP-Nonce that an answer has brought. Its ath is the hash of the token or license key that "
    "the request carries. Without a nonce of now, the answer is a 401 with a new one.",
    "schema": {"type": "string", "maxLength": 4096},
}


def _transition(verb: str, summary: str) -> Route:
    return Route(
        method="POST",
        path=f"/v1/licenses/{{license_id}}/{verb}",
        operation_id=verb,
        summary=f"{summary} Can be repeated.",
        request=licenses.TransitionRequest,
        request_required=False,
        replies={200: licenses.LicenseReply},
        problems=(400, 401, 403, 404, 409, 413, 429, 503),
        parameters=(_LICENSE_ID,),
    )


class OpenApiDocument(RootModel[dict[str, Any]]):
    """The document itself: a JSON object."""


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/licenses",
        operation_id="login",
        summary="Log an agent in: a new license at first, the same one ever after.",
        request=agents.LoginRequest,
        older_request=agents.OlderLoginRequest,
        replies={201: agents.LoginReply, 200: agents.LoginReply},
        problems=(400, 401, 403, 404, 409, 413, 429, 503),
        parameters=(_PROOF,),
    ),
    Route(
        method="POST",
        path="/v1/licenses/validate",
        operation_id="validate",
        summary="Validate a license key; no user takes part.",
        request=agents.ValidateRequest,
        older_request=agents.OlderValidateRequest,
        replies={200: agents.ValidateReply},
        problems=(400, 401, 403, 413, 429, 503),
        needs_token=False,
        parameters=(_PROOF,),
    ),
    _transition("revoke", "End a license for good; its machine and seat are free."),
    _transition("detach", "Block an agent; its machine and seat stay taken."),
    _transition("attach", "Lift the block of an agent."),
    _transition("dissociate", "Free an agent's machine and seat; its key waits for another one."),
    Route(
        method="PATCH",
        path="/v1/licenses/{license_id}",
        operation_id="editLicense",
        summary="Mark an agent as primary, or label it.",
        request=licenses.EditRequest,
        replies={200: licenses.LicenseReply},
        problems=(400, 401, 403, 404, 413, 429, 503),
        parameters=(_LICENSE_ID,),
    ),
    Route(
        method="GET",
        path="/v1/licenses/{license_id}/events",
        operation_id="listLicenseEvents",
        summary="A license's whole history, newest first.",
        replies={200: events.EventsReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(_LICENSE_ID, *_EVENT_FILTERS, *_PAGING),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}/events",
        operation_id="listOrganizationEvents",
        summary="An organization's feed, newest first; for super-admins, the complete trail.",
        replies={200: events.EventsReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(_ORGANIZATION_ID, *_EVENT_FILTERS, *_PAGING),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}/statistics",
        operation_id="getStatistics",
        summary="An organization's licenses by status over time, and refusals by reason.",
        replies={200: statistics.StatisticsReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(
            _ORGANIZATION_ID,
            {
                **_query_parameter(
                    "days", {"type": "integer", "minimum": 1, "maximum": 90, "default": 30}
                ),
                "description": "How many days (UTC) to tell of; today is the last one.",
            },
        ),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}/activity",
        operation_id="getActivity",
        summary="In how many licenses' case an agent was seen, for each hour of a week.",
        replies={200: statistics.ActivityReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(_ORGANIZATION_ID, _CURSOR),
    ),
    Route(
        method="POST",
        path="/v1/organizations/{organization_id}/temporary-licenses",
        operation_id="generateTemporaryLicense",
        summary="Generate a temporary license for a partner; its key is shown here only.",
        request=temporary.TemporaryRequest,
        replies={201: temporary.GeneratedReply},
        problems=(400, 401, 403, 404, 413, 429, 503),
        parameters=(
            _ORGANIZATION_ID,
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key gets the same license, however often it is sent.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            },
        ),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}/temporary-licenses",
        operation_id="listTemporaryLicenses",
        summary="List temporary licenses: active ones first, then ended ones, newest first.",
        replies={200: temporary.TemporaryListReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(_ORGANIZATION_ID, *_PAGING),
    ),
    Route(
        method="POST",
        path="/v1/temporary-licenses/{license_id}/revoke",
        operation_id="revokeTemporaryLicense",
        summary="End a temporary license early. Can be repeated.",
        request=licenses.TransitionRequest,
        request_required=False,
        replies={200: temporary.TemporaryReply},
        problems=(400, 401, 403, 404, 413, 429, 503),
        parameters=(_LICENSE_ID,),
    ),
    Route(
        method="POST",
        path="/v1/machines/lookup",
        operation_id="lookUpMachine",
        summary="Find out who holds a machine.",
        request=machines.LookupRequest,
        replies={200: machines.LookupReply},
        problems=(400, 401, 403, 413, 429, 503),
    ),
    Route(
        method="GET",
        path="/v1/licenses/{license_id}",
        operation_id="getLicense",
        summary="Show one license.",
        replies={200: licenses.LicenseReply},
        problems=(401, 403, 404, 429, 503),
        parameters=(_LICENSE_ID,),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}/licenses",
        operation_id="listLicenses",
        summary="List an organization's licenses: unsorted by stored state, then by time of issue.",
        replies={200: licenses.LicensesReply},
        problems=(400, 401, 403, 404, 429, 503),
        parameters=(
            _ORGANIZATION_ID,
            _query_parameter("status", {"type": "string", "enum": list(Status)}),
            _query_parameter("environment", {"type": "string"}),
            {
                **_query_parameter("search", _SEARCH),
                "description": "A part of the computer name, the label or the id, in any case.",
            },
            _query_parameter("primary", {"type": "boolean"}),
            {
                **_query_parameter("sort", {"type": "string", "enum": list(LicenseSort)}),
                "description": "What is missing comes last. By agent_version and last_seen, up to "
                "50,000 licenses can be sorted.",
            },
            *_PAGING,
        ),
    ),
    Route(
        method="GET",
        path="/v1/me",
        operation_id="getCaller",
        summary="Show who is asking, as the token says.",
        replies={200: callers.CallerReply},
        problems=(401, 403, 429, 503),
    ),
    Route(
        method="GET",
        path="/v1/organizations",
        operation_id="listOrganizations",
        summary="List all organizations.",
        replies={200: organizations.OrganizationsReply},
        problems=(400, 401, 403, 429, 503),
        parameters=(
            {
                **_query_parameter("search", _SEARCH),
                "description": "A part of the id or of the name, in any case.",
            },
            _query_parameter("standing", {"type": "string", "enum": list(Standing)}),
            _instant_parameter("ends_from", "The subscription ends then or later."),
            _instant_parameter("ends_before", "The subscription ends before."),
            _query_parameter(
                "sort",
                {
                    "type": "string",
                    "enum": list(OrganizationSort),
                    "default": OrganizationSort.NAME,
                },
            ),
            *_PAGING,
        ),
    ),
    Route(
        method="GET",
        path="/v1/organizations/{organization_id}",
        operation_id="getOrganization",
        summary="Show an organization with its subscription and seats; the ETag is its version.",
        replies={200: organizations.OrganizationReply},
        problems=(401, 403, 404, 429, 503),
        parameters=(_ORGANIZATION_ID,),
    ),
    Route(
        method="PUT",
        path="/v1/organizations/{organization_id}",
        operation_id="putOrganization",
        summary="Create an organization, or change the version that If-Match names.",
        request=organizations.OrganizationRequest,
        replies={201: organizations.OrganizationReply, 200: organizations.OrganizationReply},
        problems=(400, 401, 403, 404, 412, 413, 429, 503),
        parameters=(
            _ORGANIZATION_ID,
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": "The ETag of the organization as it was read. None to create it.",
                "schema": {"type": "string", "pattern": '^"?[0-9]{1,19}"?$'},
            },
        ),
    ),
    Route(
        method="PATCH",
        path="/v1/organizations/{organization_id}",
        operation_id="governOrganization",
        summary="Decide how an organization's agents prove themselves, and what a clone costs.",
        request=organizations.PolicyRequest,
        replies={200: organizations.OrganizationReply},
        problems=(400, 401, 403, 404, 413, 429, 503),
        parameters=(_ORGANIZATION_ID,),
    ),
    Route(
        method="GET",
        path="/.well-known/jwks.json",
        operation_id="getKeys",
        summary="The public keys that verify leases.",
        replies={200: agents.JwksReply},
        problems=(429, 503),
        needs_token=False,
    ),
    Route(
        method="GET",
        path="/v1/openapi.json",
        operation_id="getContract",
        summary="This document.",
        replies={200: OpenApiDocument},
        problems=(429,),
        needs_token=False,
    ),
)


@cache
def document() -> OpenApiDocument:
    """The OpenAPI 3.1 document."""
    requests = {
        request for route in ROUTES for request in (route.request, route.older_request) if request
    }
    replies: set[type[BaseModel]] = {
        reply for route in ROUTES for reply in route.replies.values()
    } | {problems.Problem, problems.GatewayMessage}
    references, definitions = models_json_schema(
        [
            *((model, "validation") for model in sorted(requests, key=_name)),
            *((model, "serialization") for model in sorted(replies, key=_name)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Schemas = {model: reference for (model, _), reference in references.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return OpenApiDocument(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Licensing",
                "version": "1",
                "description": "Licenses for on-premise agents.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "paths": paths,
            "components": {
                "schemas": definitions["$defs"],
                "securitySchemes": {
                    "oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
                },
            },
        }
    )


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "security": [{"oidc": []}] if route.needs_token else [],
        "responses": {
            **{
                str(status): {
                    "description": "Done.",
                    "content": {"application/json": {"schema": schemas[model]}},
                }
                for status, model in route.replies.items()
            },
            **{str(status): _problem(route, status, schemas) for status in route.problems},
        },
    }
    if route.parameters:
        operation["parameters"] = list(route.parameters)
    if route.request:
        operation["requestBody"] = {
            "required": route.request_required,
            "content": {
                "application/json": {
                    "schema": (
                        {"anyOf": [schemas[route.request], schemas[route.older_request]]}
                        if route.older_request
                        else schemas[route.request]
                    )
                }
            },
        }
    return operation


def _problem(route: Route, status: int, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if status not in _BY_GATEWAY_ALONE:
        content["application/problem+json"] = {"schema": schemas[problems.Problem]}
    # Where a path has no parameters, it fits its route or it is another one.
    # Where no token is needed, it misses none.
    if status in _BY_GATEWAY and {404: "{" in route.path, 401: route.needs_token}.get(status, True):
        content["application/json"] = {"schema": schemas[problems.GatewayMessage]}
    response: dict[str, Any] = {"description": _PROBLEMS[status], "content": content}
    if status in _HEADERS:
        name, description, schema = _HEADERS[status]
        response["headers"] = {name: {"description": description, "schema": schema}}
    return response


def _name(model: type[BaseModel]) -> str:
    return model.__name__
