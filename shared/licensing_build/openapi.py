"""The OpenAPI document and the list of routes, made from what the handlers declare.

What this module guarantees: every schema is that of a model which requests are parsed by or replies
are made of, and every parameter is one that the operation reads.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import singledispatch
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from licensing.contract import problems
from licensing.entrypoints import http
from licensing_build.exchanges import REPLIES, REQUESTS, Examples
from licensing_build.problem_examples import GATEWAY_MESSAGES, PROBLEMS_BY_NAME, problem_names
from licensing_build.schemas import Schemas, words
from licensing_build.story import ORGANIZATION, TEMPORARY, USED

FUNCTIONS: Final = Path(__file__).parents[2] / "functions"

_TITLES: Final = {
    **{kind.status: kind.title for kind in problems.PROBLEMS.values()},
    429: "Too many requests",
}
# What API Gateway answers by itself, in a form of its own: a token that is not good, a body beyond
# its own limit, too many requests, a function that gave no answer.
_BY_GATEWAY: Final = frozenset({401, 413, 429, 503})
_BY_GATEWAY_ALONE: Final = frozenset({429})
_HEADERS: Final = {
    401: ("WWW-Authenticate", "The scheme to authenticate by.", {"type": "string"}),
    503: ("Retry-After", "Seconds to wait before the next try.", {"type": "integer", "minimum": 1}),
}
_ETAG: Final = {
    "ETag": {
        "description": "Stands for all that this answer shows, down to the last byte.",
        "schema": {"type": "string"},
    }
}
_DPOP_NONCE: Final = {
    "DPoP-Nonce": {
        "description": "Where a proof was sent: the nonce of the next one.",
        "schema": {"type": "string"},
    }
}
_NOT_MODIFIED: Final = {"description": "The client has this answer already.", "headers": _ETAG}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETags of answers that you have. If one is the present one's, the answer is "
    "304, without a body.",
}
_TAG: Final = r'(W/)?"[!#-~]*"'
_SCHEMES: Final = {
    "agents": "The ID token that a person got with the client of agents. It logs agents in.",
    "operators": "The ID token that a person got with the client of portal or command line.",
}
TAGS: Final[Mapping[http.Tag, str]] = MappingProxyType(
    {
        "Agents": "What agents call: once with a person's token, then with their license key.",
        "Licenses": "The licenses of agents, as administrators see and change them.",
        "Temporary licenses": "Keys with an end that let a partner into an organization's agents.",
        "Organizations": "Customers: name, subscription, seats, policy, and what happened to them.",
        "Machines": "The computers that agents run on.",
        "Service": "The service itself: its keys, this document, and who is asking.",
    }
)
"""What operations are about, in the order in which it is shown."""
_CALLERS: Final[Mapping[http.Callers, str]] = MappingProxyType(
    {
        "agents": "",  # how an agent calls it is a sentence of its own
        "administrators": "For administrators of the organization, and super-admins. ",
        "super-admins": "For super-admins. ",
        "operators": "For everybody with a token of an operators' client. ",
        "everybody": "For everybody, without a token. ",
    }
)
"""Who is told to call an operation, before what it does."""
_INTRODUCTION: Final = """\
Licenses for on-premise agents.

An agent needs two operations: `logInAgent`, once, with a person's token; and `validateLicense` from
then on, with its license key alone. All others are for people and their tools.

What is refused is a problem (RFC 9457) with a stable `code`. Times are RFC 3339. Lists are paged:
send `next_cursor` as `cursor` until it is null."""
_PATH_PARAMETERS: Final = {
    "license_id": (
        "The id of a license, as answers and the portal show it.",
        "^lic_[0-9abcdefghjkmnpqrstvwxyz]{16}$",
        USED.id,
    ),
    "organization_id": (
        "The id of an organization: 2 to 63 lower-case letters, digits and hyphens.",
        "^[a-z0-9][a-z0-9-]{1,62}$",
        ORGANIZATION.id,
    ),
}


def operations() -> list[http.Operation]:
    """All operations of all functions."""
    return [operation for api in _apis() for operation in api.operations]


def routes() -> str:
    """All routes that functions answer, the portal's too, as a file: a list in JSON."""
    found = sorted(route for api in _apis() for route in api.routes)
    return json.dumps(found, indent=2) + "\n"


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    served = operations()
    schemas = Schemas.of(
        {model for operation in served for model in _bodies(operation)},
        {
            problems.Problem,
            problems.GatewayMessage,
            *(reply for operation in served for reply in operation.replies.values()),
        },
        {
            taken.words
            for operation in served
            for taken in operation.takes
            if isinstance(taken, http.Choice)
        },
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in served:
        described = _operation(operation, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Licensing",
            "version": "1",
            "description": _INTRODUCTION,
            "contact": {"name": "The vendor that operates this deployment"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # The deployment that serves it puts its own address here.
        "servers": [{"url": "/", "description": "Where this document was served."}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.definitions,
            "examples": {
                name: {
                    "summary": problem.detail.partition(". ")[0].rstrip(".") + ".",
                    "value": problem.model_dump(mode="json", exclude_none=True),
                }
                for name, problem in PROBLEMS_BY_NAME.items()
            },
            "securitySchemes": {
                name: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": description,
                }
                for name, description in _SCHEMES.items()
            },
        },
    }


def written() -> str:
    """The document as a file."""
    return json.dumps(document(), indent=2) + "\n"


def _apis() -> Iterator[http.Api]:
    names = sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py"))
    modules = (import_module(f"{name}.handler") for name in names)
    return (module.api for module in modules if hasattr(module, "api"))


def _operation(operation: http.Operation, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{_CALLERS[operation.callers]}{operation.description}",
        "security": [{_scheme(operation): []}] if operation.needs_token else [],
        "responses": {
            **{
                str(status): {
                    "description": _effect(status, model),
                    "content": {
                        "application/json": {
                            "schema": schemas.reference(model),
                            "examples": _shown(REPLIES[operation.id, status]),
                        }
                    },
                    **({"headers": _ETAG} if operation.is_tagged else {}),
                }
                for status, model in operation.replies.items()
            },
            **({"304": _NOT_MODIFIED} if _is_conditional(operation) else {}),
            **{
                str(status): _problem(operation, status, schemas)
                for status in sorted(_problems(operation))
            },
        },
    }
    parameters = [
        *_path_parameters(operation.path),
        *(parameter for taken in operation.takes for parameter in _described(taken, schemas)),
        *([_IF_NONE_MATCH] if _is_conditional(operation) else []),
    ]
    if parameters:
        described["parameters"] = parameters
    bodies = [schemas.reference(model) for model in _bodies(operation)]
    if bodies:
        is_optional = any(isinstance(taken, http.OptionalBody) for taken in operation.takes)
        schema = {"anyOf": bodies} if len(bodies) > 1 else bodies[0]
        described["requestBody"] = {
            "required": not is_optional,
            "content": {
                "application/json": {"schema": schema, "examples": _shown(REQUESTS[operation.id])}
            },
        }
    return described


def _shown(examples: Examples) -> dict[str, Any]:
    return {name: {"summary": one.summary, "value": one.sent} for name, one in examples.items()}


def _is_conditional(operation: http.Operation) -> bool:
    return operation.is_tagged and operation.method == "GET"


def _scheme(operation: http.Operation) -> str:
    return "agents" if operation.for_agents else "operators"


def _problems(operation: http.Operation) -> set[int]:
    """The statuses of an operation's problems: its own, and those that follow from what it is."""
    found = {*operation.problems, 429, 503}
    if operation.needs_token:
        found.add(401)
    if operation.callers in {"agents", "administrators", "super-admins"}:
        found.add(403)
    if operation.takes:
        found.add(400)
    if http.PROOF in operation.takes:
        found.add(401)
    if _bodies(operation):
        found.add(413)
    return found


def _problem(operation: http.Operation, status: int, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if status not in _BY_GATEWAY_ALONE:
        names = problem_names(operation, status)
        content["application/problem+json"] = {
            "schema": schemas.reference(problems.Problem),
            "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
        }
    # Where no token is needed, it misses none.
    if status in _BY_GATEWAY and (status != 401 or operation.needs_token):
        content["application/json"] = {
            "schema": schemas.reference(problems.GatewayMessage),
            "examples": {"gateway": {"value": {"message": GATEWAY_MESSAGES[status]}}},
        }
    if status not in _TITLES:
        raise LookupError(f"{operation.route} refuses with {status}, which is no problem's status")
    response: dict[str, Any] = {"description": _TITLES[status], "content": content}
    if status in _HEADERS:
        name, description, schema = _HEADERS[status]
        response["headers"] = {name: {"description": description, "schema": schema}}
    if status == 401 and http.PROOF in operation.takes:
        response["headers"] |= _DPOP_NONCE
    return response


def _bodies(operation: http.Operation) -> list[type[BaseModel]]:
    """The models that a body is parsed by, the present form first."""
    for taken in operation.takes:
        match taken:
            case http.Body(model) | http.OptionalBody(model):
                return [model]
            case http.VersionedBody(model, older):
                return [model, older]
    return []


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            if name not in _PATH_PARAMETERS:
                raise LookupError(f"no pattern says what a {name} in a path looks like")
            description, pattern, example = _PATH_PARAMETERS[name]
            schema = {"type": "string", "pattern": pattern}
            parameter = _parameter("path", name, schema, description)
            is_temporary = "/temporary-licenses/{license_id}" in path
            shown = TEMPORARY.id if is_temporary else example
            yield {**parameter, "required": True, "example": shown}


@singledispatch
def _described(taken: object, _schemas: Schemas) -> list[dict[str, Any]]:
    """The parameters of query and header that are taken with an input."""
    raise TypeError(f"an input that nobody has described: {taken!r}")


@_described.register(http.Body)
@_described.register(http.OptionalBody)
@_described.register(http.VersionedBody)
def _(_taken: object, _schemas: Schemas) -> list[dict[str, Any]]:
    return []


@_described.register
def _(taken: http.Number, _schemas: Schemas) -> list[dict[str, Any]]:
    schema = {
        "type": "integer",
        "minimum": taken.smallest,
        "maximum": taken.largest,
        "default": taken.usual,
    }
    return [_query(taken.name, schema, taken.description)]


@_described.register(http.Choice)
def _(taken: http.Choice[Any], schemas: Schemas) -> list[dict[str, Any]]:
    schema = schemas.reference(taken.words)
    if taken.usual is not None:
        schema["default"] = taken.usual.value
    return [_query(taken.name, schema, taken.description)]


@_described.register
def _(taken: http.Text, _schemas: Schemas) -> list[dict[str, Any]]:
    return [_query(taken.name, {"type": "string"}, taken.description)]


@_described.register
def _(taken: http.SearchText, _schemas: Schemas) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": http.LONGEST_SEARCH}
    return [_query(taken.name, schema, taken.description)]


@_described.register
def _(taken: http.Flag, _schemas: Schemas) -> list[dict[str, Any]]:
    return [_query(taken.name, {"type": "boolean"}, taken.description)]


@_described.register
def _(taken: http.Instant, _schemas: Schemas) -> list[dict[str, Any]]:
    return [_query(taken.name, {"type": "string", "format": "date-time"}, taken.description)]


@_described.register
def _(_taken: http.Page, schemas: Schemas) -> list[dict[str, Any]]:
    return [*_described(http.LIMIT, schemas), *_described(http.CURSOR, schemas)]


@_described.register
def _(_taken: http.SortedPage, schemas: Schemas) -> list[dict[str, Any]]:
    return [*_described(http.PAGE, schemas), *_described(http.SKIP, schemas)]


@_described.register
def _(taken: http.IfMatch, _schemas: Schemas) -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": rf"^(\*|{_TAG}(, ?{_TAG})*)$"}
    return [_header("If-Match", schema, taken.description)]


@_described.register
def _(taken: http.IfNoneMatch, _schemas: Schemas) -> list[dict[str, Any]]:
    return [_header("If-None-Match", {"type": "string", "enum": ["*"]}, taken.description)]


@_described.register
def _(taken: http.IdempotencyKey, _schemas: Schemas) -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": http.IDEMPOTENCY_KEY_FORM.pattern}
    return [_header("Idempotency-Key", schema, taken.description)]


@_described.register
def _(taken: http.DeviceProof, _schemas: Schemas) -> list[dict[str, Any]]:
    return [_header(taken.header, {"type": "string"}, taken.description)]


def _query(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return _parameter("query", name, schema, description)


def _header(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return _parameter("header", name, schema, description)


def _parameter(
    place: str, name: str, schema: Mapping[str, Any], description: str
) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": False, "schema": schema}
    return {**parameter, "description": description} if description else parameter


def _effect(status: int, model: type[BaseModel]) -> str:
    """What a success brings: the first sentence about its model."""
    about = words(inspect.getdoc(model) or "").partition(". ")[0].partition(".\n")[0].rstrip(".")
    return f"Created. {about}." if status == 201 else f"{about}."
