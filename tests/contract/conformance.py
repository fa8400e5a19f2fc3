"""Whether an exchange is one that the served contract allows: an OpenAPI document, taken strictly.

Strictly means that a reply has no field that the document does not name, has a status and a media
type that its operation lists, and that a request which was carried out is one that it describes.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker

from tests.world import BESIDE, PAGES, Exchange, World

COMPONENTS = "#/components/schemas/"


class Contract:
    """One OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read the document."""
        self._document = json.loads(json.dumps(document))
        schemas = self._document["components"]["schemas"]
        for schema in schemas.values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        self._definitions = {"$defs": _moved(schemas)}

    def violations(self, exchange: Exchange) -> Iterator[str]:
        """What is wrong with an exchange; nothing, if all is well."""
        method, _, path = exchange.route.partition(" ")
        operation = self._document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            yield f"{exchange.route} is not in the contract"
            return
        answer = exchange.answer
        reply = operation["responses"].get(str(answer.status))
        if reply is None:
            yield f"{exchange.route} answers {answer.status}, which is not in the contract"
            return
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if ("etag" in headers) is not ("ETag" in reply.get("headers", {})):
            yield f"{exchange.route} answers {answer.status} with the ETag {headers.get('etag')}"
        if "content" not in reply:
            if answer.text or "content-type" in headers:
                yield f"{exchange.route} answers {answer.status} with a body"
            return
        media = reply["content"].get(headers.get("content-type"))
        if media is None:
            yield f"{exchange.route} answers {answer.status} as {headers.get('content-type')}"
            return
        for error in self.errors(media["schema"], answer.json):
            yield f"{exchange.route} answers {answer.status} with {error}"
        if answer.status < 300 and "requestBody" in operation:
            yield from self._misread(exchange, operation["requestBody"])

    def _misread(self, exchange: Exchange, wanted: Mapping[str, Any]) -> Iterator[str]:
        """What was accepted though the contract does not allow it."""
        body = _body(exchange.event)
        if body or wanted["required"]:
            schema = wanted["content"]["application/json"]["schema"]
            for error in self.errors(schema, json.loads(body or "null")):
                yield f"{exchange.route} accepts {error}"

    def errors(self, schema: Mapping[str, Any], value: Any) -> Iterator[str]:
        whole = _moved(schema) | self._definitions
        validator = OAS31Validator(whole, format_checker=oas31_format_checker)
        for error in validator.iter_errors(value):
            yield f"{error.json_path}: {error.message}"


def served(world: World) -> Contract:
    """The contract that the service serves."""
    answer = world.request("GET", "/v1/openapi.json")
    assert answer.status == 200
    return _read(json.dumps(answer.json))


def assert_kept(world: World) -> None:
    """All that was exchanged in a world is as the contract says that it serves."""
    contract = served(world)
    violations = {
        violation
        for exchange in world.exchanges
        if exchange.route not in BESIDE
        for violation in contract.violations(exchange)
    }
    assert violations == set()
    for exchange in world.exchanges:
        headers = {name.lower(): value for name, value in exchange.answer.headers.items()}
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert exchange.route in PAGES or policy == "default-src 'none'; frame-ancestors 'none'"


@cache
def _read(document: str) -> Contract:
    return Contract(json.loads(document))


def _body(event: Mapping[str, Any]) -> bytes:
    body: str = event.get("body", "")
    return base64.b64decode(body) if event["isBase64Encoded"] else body.encode()


def _moved(schema: Any) -> Any:
    """A schema that refers to `$defs`, where a validator looks without the rest of the document."""
    return json.loads(json.dumps(schema).replace(COMPONENTS, "#/$defs/"))
