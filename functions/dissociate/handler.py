"""POST /v1/licenses/{license_id}/dissociate: separates a key from its machine (R20)."""

from licensing import http, transition_reply
from licensing.license import Action

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/dissociate")
def dissociate(license_id: str) -> http.Reply:
    """Free an agent's machine and seat; its key waits."""
    return transition_reply.apply(app.current_event, Action.DISSOCIATE, license_id)
