"""Content codings (RFC 9110, 8.4): who takes gzip, and what is packed with it."""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from functools import lru_cache
from typing import Final

_GZIP: Final = re.compile(
    r"(?:^|,)[ \t]*(?:x-)?gzip[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*)?(?:,|$)",
    re.IGNORECASE,
)


def takes_gzip(value: str) -> bool:
    """Whether ``Accept-Encoding`` names gzip, as welcome.

    >>> takes_gzip("gzip, deflate, br"), takes_gzip("br, GZIP;q=0.5"), takes_gzip("gzip;q=0")
    (True, True, False)
    """
    found = _GZIP.search(value)
    return found is not None and float(found[1] or 1) > 0


@lru_cache(maxsize=128)
def packed(text: str) -> str:
    """A deployment's text, packed once, however often it is asked for; in base64, for Lambda."""
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()
