"""What clients build on: the keys that verify leases, and the contract (R16).

What fits no route of the API comes here, too, since this function can read nothing of anybody's.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import RootModel

from licensing.contract.agents import JwksReply
from licensing.entrypoints import http

# Written by `make generate`.
STATIC = Path(__file__).with_name("static")
CONTRACT = STATIC / "openapi.json"
ROUTES: list[str] = json.loads((STATIC / "routes.json").read_text(encoding="utf-8"))
# An agent that meets a key id that it does not know asks again; a day-old copy does no harm.
CACHEABLE = {"cache-control": "public, max-age=300, stale-if-error=86400"}

api = http.Api()
handler = api.handler
api.elsewhere(ROUTES)


class OpenApiDocument(RootModel[dict[str, Any]]):
    """The document itself: a JSON object."""


@api.serves(
    http.Operation(
        "GET /.well-known/jwks.json",
        id="getJwks",
        tag="Service",
        summary="Show the public keys that verify leases.",
        callers="everybody",
        description="The JSON Web Key Set (RFC 7517), and the "
        "issuer of the leases. Changes nothing. Keep it for some minutes, and ask again when a "
        "lease names a key that you do not have.",
        replies={200: JwksReply},
        needs_token=False,
        is_tagged=True,
    )
)
def keys(call: http.Call) -> http.Reply:
    """The public keys that verify leases."""
    deployment = call.deployment
    told = {**deployment.keyrings.keyring().jwks(), "issuer": deployment.settings.lease_issuer}
    body = JwksReply.model_validate(told).model_dump_json()
    return http.tagged_text(
        call.request, "application/json", body, outcome="keys", headers=CACHEABLE
    )


@api.serves(
    http.Operation(
        "GET /v1/openapi.json",
        id="getOpenApiDocument",
        tag="Service",
        summary="Show this document.",
        callers="everybody",
        description="Changes nothing. `servers` names the deployment that was asked.",
        replies={200: OpenApiDocument},
        needs_token=False,
        is_tagged=True,
    )
)
def contract(call: http.Call) -> http.Reply:
    """The contract, made from the declarations of all operations."""
    document = json.loads(CONTRACT.read_text(encoding="utf-8"))
    # Many generators of clients, and tools that try requests out, take no relative address.
    document["servers"] = [{"url": call.service_address, "description": "This deployment."}]
    # Without the blanks that make it readable in the repository: half of it.
    body = json.dumps(document, separators=(",", ":"))
    return http.tagged_text(
        call.request, "application/json", body, outcome="contract", headers=CACHEABLE
    )
