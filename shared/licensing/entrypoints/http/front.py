"""What stands in front of the API: CloudFront, where a deployment says so, and nothing else.

What this module guarantees: where the deployment is behind CloudFront, nobody gets past it, and
the address on record is the caller's, not CloudFront's. Elsewhere no such header is believed.
"""

from __future__ import annotations

import hmac
from typing import Final

from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.settings import Settings

KEY: Final = "x-origin-key"
"""The header that CloudFront adds to what it passes on; callers never see it."""

VIEWER: Final = "cloudfront-viewer-address"
"""The header in which CloudFront names the caller: an address, a colon and a port."""


def has_come_by(request: HttpRequest, settings: Settings) -> bool:
    """Whether a request has come by the front, or there is none."""
    if not settings.origin_keys:
        return True
    shown = (request.headers.get(KEY) or "").encode()
    return any(hmac.compare_digest(shown, key.encode()) for key in settings.origin_keys)


def source_address(request: HttpRequest, settings: Settings) -> str:
    """Who has sent a request that has come by the front, as an IP address (R17, R32).

    The front is asked only where its key has been demanded: anybody can send its headers.
    """
    viewer = request.headers.get(VIEWER) if settings.origin_keys else None
    if not viewer:
        return request.source_ip
    return viewer.rpartition(":")[0].strip("[]")
