"""POST /v1/licenses/{license_id}/detach: blocks an agent without freeing its machine (R19)."""

from licensing.domain.license import Action
from licensing.entrypoints import http, license_changes

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/detach")
def detach(license_id: str) -> http.Reply:
    """Block an agent."""
    return license_changes.apply(app.current_event, Action.DETACH, license_id)
