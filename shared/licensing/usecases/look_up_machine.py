"""Who holds a machine: the way out for somebody whose machine another organization has taken (R4).

A super-admin finds the holder, dissociates or revokes its licences, and the machine is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from licensing.domain.audit import Reading
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
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
class LookUpMachine:
    """The use case."""

    store: MachineReader
    keyrings: Keyrings

    def __call__(
        self, credentials: Credentials, context: UserContext
    ) -> Sequence[Holder] | Refused:
        """Everybody who holds the machine, by organization id; nobody is an empty answer."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        machine = Machine.of(credentials, self.keyrings.keyring().hashing_key)
        found: dict[str, set[str]] = {}
        for claim in self.store.claims(machine.pairs()).values():
            for organization_id, licenses in claim.holders.items():
                found.setdefault(organization_id, set()).update(licenses.values())
        holders: list[Holder] = []
        for organization_id, license_ids in sorted(found.items()):
            organization = self.store.organization(organization_id)
            if organization is not None:
                note_reading(self.store, Reading.MACHINE, organization_id, context)
                holders.append(Holder(organization, self._licenses(sorted(license_ids))))
        return holders

    def _licenses(self, license_ids: Sequence[str]) -> Sequence[License]:
        records = (self.store.license(license_id) for license_id in license_ids)
        return [record for record in records if record is not None]
