"""Agents of all organizations, found by what somebody has of them: a key, an id or a name.

What this module guarantees:

* What was looked for is said, so that nobody takes "no such name" for "no such key".
* A key is checked before anybody is asked, and a licence is found by it only if the key is genuine
  (R3). It is told nowhere again (R35).
* What looks like a key, but has too few symbols for one, is looked for as a name before it is
  called mistyped. What may be a key with a slip is not.
* Of each organization that something is shown of, that is on record before, once a request; see
  :mod:`licensing.usecases.note_reading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from licensing.domain import license_key
from licensing.domain.audit import Reading
from licensing.domain.errors import InvalidInput, Misconfigured
from licensing.domain.license import License
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused, only_super_admins
from licensing.usecases.context import UserContext
from licensing.usecases.note_reading import note_reading
from licensing.usecases.pagination import PageRequest, folded
from licensing.usecases.ports import Keyrings, LicenseFinder, OrganizationLister, Witness


class TakenFor(StrEnum):
    """What a text was taken for."""

    LICENSE_KEY = "license_key"
    LICENSE_ID = "license_id"
    COMPUTER_NAME = "computer_name"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. ``temporary`` is a temporary licence, found by its key or id."""

    taken_for: TakenFor
    licenses: Sequence[tuple[License, Organization]] = ()
    temporary: License | None = None
    next_cursor: str | None = None


class Finder(LicenseFinder, OrganizationLister, Witness, Protocol):
    """What it takes to find an agent."""


@dataclass(frozen=True, slots=True)
class SearchLicenses:
    """The use case."""

    store: Finder
    keyrings: Keyrings

    def __call__(self, text: str, page: PageRequest, context: UserContext) -> Found | Refused:
        """What there is by this key, this id or this beginning of a computer's name.

        Only names have pages. Raises ``InvalidInput`` for a mistyped key, for a text without
        anything to see, and for another search's cursor.
        """
        if not context.caller.is_super_admin:
            return only_super_admins()
        if license_key.is_blank(text):
            raise InvalidInput("There is nothing to look for.", pointer="/text")
        wanted = text.strip()
        if license_key.is_license_id(wanted.lower()):
            record = self.store.license(wanted.lower())
            return self._single(TakenFor.LICENSE_ID, record, context)
        is_key = license_key.is_meant(text)
        if is_key and not license_key.lacks_much(text):
            key = _parsed(text, "If it is a computer's name, search for its first letters.")
            return self._single(TakenFor.LICENSE_KEY, self._of_key(key), context)
        found = self.store.licenses_named(folded(wanted), limit=page.limit, cursor=page.cursor)
        if is_key and not found.licenses and page.cursor is None:
            _parsed(text, "No agent's computer is called like it, either.")
        shown = self._shown(found.licenses, Reading.LICENSE, context)
        return Found(TakenFor.COMPUTER_NAME, shown, None, found.next_cursor)

    def _of_key(self, key: license_key.LicenseKey) -> License | None:
        """The licence that a key is of, if it is genuine."""
        record = self.store.license(key.license_id)
        if record is None:
            return None
        # Which version of the secret there has to be, the licence says, and not who asks.
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        secret = keyring.license_key_secrets.get(key.secret_version)
        if secret is None or not license_key.is_genuine(key, record.key(secret)):
            return None
        return record

    def _single(self, taken_for: TakenFor, record: License | None, context: UserContext) -> Found:
        if record is None:
            return Found(taken_for)
        if record.term is not None:
            note_reading(self.store, Reading.TEMPORARY_LICENSES, record.organization_id, context)
            return Found(taken_for, temporary=record)
        return Found(taken_for, self._shown([record], Reading.LICENSE, context))

    def _shown(
        self, records: Sequence[License], what: Reading, context: UserContext
    ) -> Sequence[tuple[License, Organization]]:
        """Licences with their organizations, each of which has that on record."""
        ids = sorted({record.organization_id for record in records})
        there = {one.id: one for one in self.store.organizations(ids)}
        if missing := [id for id in ids if id not in there]:
            raise Misconfigured(f"organization {missing[0]} has licenses but no record")
        for id in ids:
            note_reading(self.store, what, id, context)
        return [(record, there[record.organization_id]) for record in records]


def _parsed(text: str, otherwise: str) -> license_key.LicenseKey:
    """The key that a text is, or what is wrong with it and ``otherwise``."""
    try:
        return license_key.parse(text)
    except InvalidInput as error:
        raise InvalidInput(f"{error.message} {otherwise}", pointer="/text") from None
