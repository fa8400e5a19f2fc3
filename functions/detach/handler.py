"""POST /v1/licenses/{license_id}/detach: blocks an agent without freeing its machine (R19)."""

from licensing import http, transition_reply
from licensing.license import Action

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/detach")
def detach(license_id: str) -> http.Reply:
    """Block an agent."""
    return transition_reply.apply(app.current_event, Action.DETACH, license_id)
