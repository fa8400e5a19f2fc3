"""POST /v1/licenses/{license_id}/attach: lifts the block of an agent (R19)."""

from licensing.domain.license import Action
from licensing.entrypoints import http, license_changes

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/attach")
def attach(license_id: str) -> http.Reply:
    """Unblock an agent."""
    return license_changes.apply(app.current_event, Action.ATTACH, license_id)
