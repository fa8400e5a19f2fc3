"""How people are told: by the names that tokens gave them, beside their subjects."""

from __future__ import annotations


def person(subject: object, name: object) -> object:
    """A person: the subject, behind the name that the token had if it told one.

    >>> person("0a1b2c3d", "Ada Novak"), person("0a1b2c3d", None)
    ('Ada Novak (0a1b2c3d)', '0a1b2c3d')
    """
    return subject if name is None else f"{name} ({subject})"
