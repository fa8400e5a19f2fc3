"""What clients build on: the keys that verify leases, and the contract (R16)."""

import json
from pathlib import Path
from typing import Any

from pydantic import RootModel

from licensing.contract.agents import JwksReply
from licensing.entrypoints import http

# Written by `make generate`.
CONTRACT = Path(__file__).with_name("static") / "openapi.json"
# An agent that meets a key id that it does not know asks again; a day-old copy does no harm.
CACHEABLE = {"cache-control": "public, max-age=300, stale-if-error=86400"}

api = http.Api()
handler = api.handler


class OpenApiDocument(RootModel[dict[str, Any]]):
    """The document itself: a JSON object."""


@api.serves(
    http.Operation(
        "GET /.well-known/jwks.json",
        id="getKeys",
        summary="The public keys that verify leases.",
        replies={200: JwksReply},
        needs_token=False,
    )
)
def keys(call: http.Call) -> http.Reply:
    """The public keys that verify leases."""
    body = JwksReply.model_validate(call.deployment.keyrings.keyring().jwks())
    return http.reply(200, body, outcome="keys", headers=CACHEABLE)


@api.serves(
    http.Operation(
        "GET /v1/openapi.json",
        id="getContract",
        summary="This document.",
        replies={200: OpenApiDocument},
        needs_token=False,
    )
)
def contract(_call: http.Call) -> http.Reply:
    """The contract, made from the declarations of all operations."""
    # Without the blanks that make it readable in the repository: half of it.
    document = json.dumps(json.loads(CONTRACT.read_text(encoding="utf-8")), separators=(",", ":"))
    return http.text(200, "application/json", document, outcome="contract", headers=CACHEABLE)
