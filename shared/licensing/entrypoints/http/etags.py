"""Entity tags, and the conditions that requests make of them (RFC 9110, 8.8.3 and 13.1).

What this module guarantees:

* A tag is strong: it stands for all that an answer shows, down to the last byte. What changes
  without a new version of the record, as when an agent was last seen, changes it, too.
* A tag of a record that people change begins with the record's version: ``"7-5f1d0c3a9b2e4f60"``.
  ``If-Match`` is about that version alone, since a change of that record overwrites nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from licensing.usecases.expected import ANY_VERSION, Versions

ANY: Final = "*"
"""What stands for every tag."""

_TAG: Final = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_ONE: Final = re.compile(_TAG)
_OWN: Final = re.compile(r'"(?P<version>[0-9]{1,18})(?:-[0-9a-f]{16})?"')


def etag_of(text: str, version: int | None = None) -> str:
    """The tag of an answer with this text, of a record of this version if it has one.

    >>> etag_of("{}", 7)
    '"7-44136fa355b3678a"'
    """
    digest = sha256(text.encode()).hexdigest()[:16]
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def versions_in(value: str) -> Versions:
    """What ``If-Match`` names. A tag that is weak or not of this API matches nothing.

    Raises :class:`ValueError` for what is no list of tags.

    >>> versions_in('W/"6-44136fa355b3678a", "7-44136fa355b3678a", "xyzzy"')
    Versions(numbers=frozenset({7}))
    """
    value = value.strip(" \t")
    if value == ANY:
        return ANY_VERSION
    return Versions(
        frozenset(int(own["version"]) for tag in _tags(value) if (own := _OWN.fullmatch(tag)))
    )


def has_already(value: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names ``etag``, weak or strong. What is no list of tags does not.

    >>> has_already('"1", W/"2"', '"2"'), has_already("*", '"2"'), has_already("2", '"2"')
    (True, True, False)
    """
    value = value.strip(" \t")
    try:
        return value == ANY or etag in {tag.removeprefix("W/") for tag in _tags(value)}
    except ValueError:
        return False


def _tags(value: str) -> Iterator[str]:
    if not _TAGS.fullmatch(value):
        raise ValueError("no list of tags")
    return (found[0] for found in _ONE.finditer(value))
