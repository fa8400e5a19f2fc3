"""What stands in a lease, read by nobody's code but this."""

import base64
import json
from typing import Any


def part(token: str, number: int) -> dict[str, Any]:
    """The head (0) or the claims (1) of a compact JWS."""
    text = token.split(".")[number]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read
