"""What a token says of itself, unverified: enough to show it, and to renew it in time.

What this module guarantees: nothing is believed because of it. The service verifies tokens, and
:mod:`licensing_agent.protocol.lease` leases.
"""

from __future__ import annotations

import base64

from licensing_agent.protocol import strict_json


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of a compact JWS. Raises :class:`ValueError`, which does not repeat it."""
    pieces = token.split(".")
    if len(pieces) != 3:
        raise ValueError("not three parts, separated by dots")
    header, claims, _ = _object(pieces[0]), _object(pieces[1]), _data(pieces[2])
    return header, claims


def claims(token: str) -> dict[str, object]:
    """The claims alone; none of what is no JWS."""
    try:
        return parts(token)[1]
    except ValueError:
        return {}


def lifetime(token: str) -> int | None:
    """From issue to end, in seconds, whichever clock is right; ``None`` if it does not say."""
    said = claims(token)
    issued, until = said.get("iat"), said.get("exp")
    return until - issued if type(issued) is int and type(until) is int else None


def _object(part: str) -> dict[str, object]:
    return strict_json.read_object(_data(part))


def _data(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError("not base64url") from None
