"""Who is calling, as the identity provider's token says, and what that allows (R1, R18)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from licensing.domain.text import plain


class Role(StrEnum):
    """The roles that this service knows; a token may carry others, which mean nothing here."""

    MEMBER = "member"
    ORG_ADMIN = "org-admin"
    PARTNER = "partner"
    SUPER_ADMIN = "super-admin"


MAX_NAME: Final = 100
"""How many characters of a person's name are kept."""


def shown_name(told: str) -> str | None:
    r"""A person's name as it is kept: one line, without what misleads, not too long.

    ``None`` where nothing is left of it.

    >>> shown_name(" Ada\x1b[2J Lovelace\n"), shown_name(" \t ")
    ('Ada[2J Lovelace', None)
    """
    return plain(told)[:MAX_NAME].strip() or None


@dataclass(frozen=True, slots=True)
class Caller:
    """A person with a verified token. ``organization_id`` is ``None`` when it names none.

    ``name`` is what the token calls them, to be read by people: see :func:`shown_name`. It may be
    of their own choice, and two people may have one, so nothing decides by it.
    """

    subject: str
    organization_id: str | None
    roles: frozenset[Role]
    name: str | None = None

    @property
    def is_super_admin(self) -> bool:
        """Whether the caller is the vendor's operator."""
        return Role.SUPER_ADMIN in self.roles

    @property
    def is_administrator(self) -> bool:
        """Whether the caller administers any organization at all."""
        return self.is_super_admin or Role.ORG_ADMIN in self.roles

    @property
    def member(self) -> bytes | None:
        """Who this is among those whose added agents are counted: sixteen bytes (R38).

        ``None`` for an administrator of their own organization, who may add any number. A digest of
        the subject, which may be of any length: two subjects are two members.
        """
        if Role.ORG_ADMIN in self.roles:
            return None
        subject = self.subject.encode(errors="surrogatepass")
        return hashlib.sha256(b"member\0" + subject).digest()[:16]

    def administers(self, organization_id: str) -> bool:
        """Whether the caller may see and control that organization's agents (R18)."""
        return self.is_super_admin or (
            Role.ORG_ADMIN in self.roles and self.organization_id == organization_id
        )
