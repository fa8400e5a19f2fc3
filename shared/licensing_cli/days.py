"""Days, where a list is asked for from or before a time.

What this module guarantees: a day stands for its beginning in UTC, the time zone of all times that
are shown. Anything else goes to the service as it is, which says what is wrong with it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

FORMS: Final = "2027-01-31T12:00:00Z, or 2027-01-31 for its beginning (00:00 UTC)"
"""How a time can be written."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def before(now: datetime, count: int) -> str:
    """The instant that lies so many days before ``now``, which is in UTC."""
    return f"{now - timedelta(days=count):%Y-%m-%dT%H:%M:%SZ}"


def beginning(text: str | None) -> str | None:
    """The first instant of a day; what is no day stays as it is."""
    return f"{text}T00:00:00Z" if text is not None and _DAY.fullmatch(text) else text
