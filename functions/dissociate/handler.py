"""POST /v1/licenses/{license_id}/dissociate: separates a key from its machine (R20)."""

from licensing.domain.license import Action
from licensing.entrypoints import http, license_changes

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/dissociate")
def dissociate(license_id: str) -> http.Reply:
    """Free an agent's machine and seat; its key waits."""
    return license_changes.apply(app.current_event, Action.DISSOCIATE, license_id)
