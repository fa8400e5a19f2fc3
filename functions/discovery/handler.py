"""GET /.well-known/jwks.json and GET /v1/openapi.json: what clients build on (R16)."""

from licensing.contract.agents import JwksReply
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment

# An agent that meets a key id that it does not know asks again; a day-old copy does no harm.
CACHEABLE = {"cache-control": "public, max-age=300, stale-if-error=86400"}

app = http.resolver()
handler = http.handler(app)


@app.get("/.well-known/jwks.json")
def jwks() -> http.Reply:
    """The public keys that verify leases."""
    body = JwksReply.model_validate(current_deployment().keyrings.keyring().jwks())
    return http.reply(200, body, outcome="keys", headers=CACHEABLE)


@app.get("/v1/openapi.json")
def openapi() -> http.Reply:
    """The contract, generated from the models that requests and replies are made of."""
    from licensing.entrypoints.openapi import document  # noqa: PLC0415 - seldom asked for, slow to import

    return http.reply(200, document(), outcome="contract", headers=CACHEABLE)
