"""POST /v1/licenses/{license_id}/attach: lifts the block of an agent (R19)."""

from licensing import http, transition_reply
from licensing.license import Action

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/attach")
def attach(license_id: str) -> http.Reply:
    """Unblock an agent."""
    return transition_reply.apply(app.current_event, Action.ATTACH, license_id)
