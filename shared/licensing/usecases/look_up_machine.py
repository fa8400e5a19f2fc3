"""Who holds a machine: the way out for somebody whose machine another organization has taken (R4).

A super-admin finds the holder, dissociates or revokes its licences, and the machine is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from licensing.domain.audit import Reading
from licensing.domain.license import License
from licensing.domain.machine import Component, Credentials, Machine
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused, only_super_admins
from licensing.usecases.context import UserContext
from licensing.usecases.note_reading import note_reading
from licensing.usecases.ports import Keyrings, MachineReader


@dataclass(frozen=True, slots=True)
class Holder:
    """An organization that holds the machine, with its licences there."""

    organization: Organization
    licenses: Sequence[License]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two components that were compared, by name, and who holds a pair of them."""

    components: tuple[Component, Component]
    organization_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found, and by what: nobody else agrees with the machine in two components (R9).

    ``not_counted`` are the components of which something was sent that unrelated computers share.
    """

    holders: Sequence[Holder]
    compared: Sequence[Compared]
    not_counted: Sequence[Component]


@dataclass(frozen=True, slots=True)
class LookUpMachine:
    """The use case."""

    store: MachineReader
    keyrings: Keyrings

    def __call__(self, credentials: Credentials, context: UserContext) -> Lookup | Refused:
        """Everybody who holds the machine, by organization id; nobody is an empty answer."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        machine = Machine.of(credentials, self.keyrings.keyring().hashing_key)
        claims = self.store.claims(machine.pairs())
        found: dict[str, set[str]] = {}
        for claim in claims.values():
            for organization_id, licenses in claim.holders.items():
                found.setdefault(organization_id, set()).update(licenses.values())
        holders: list[Holder] = []
        for organization_id, license_ids in sorted(found.items()):
            organization = self.store.organization(organization_id)
            if organization is not None:
                note_reading(self.store, Reading.MACHINE, organization_id, context)
                holders.append(Holder(organization, self._licenses(sorted(license_ids))))
        there = {holder.organization.id for holder in holders}
        compared = [
            Compared(components, sorted(there & _holding(pairs, claims)))
            for components, pairs in machine.pairs_by_components().items()
        ]
        return Lookup(holders, compared, credentials.not_counted)

    def _licenses(self, license_ids: Sequence[str]) -> Sequence[License]:
        records = (self.store.license(license_id) for license_id in license_ids)
        return [record for record in records if record is not None]


def _holding(pairs: Iterable[bytes], claims: Claims) -> set[str]:
    return {id for pair in pairs if pair in claims for id in claims[pair].holders}
