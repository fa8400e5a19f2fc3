"""Who holds a machine (:class:`~licensing.usecases.ports.MachineReader`)."""

from __future__ import annotations

from collections.abc import Collection

from licensing.adapters.dynamo import schema
from licensing.adapters.dynamo.table import Table
from licensing.domain.machine_claims import Claims
from licensing.usecases.ports import LoginView


class Machines(Table):
    """The claims on machines."""

    __slots__ = ()

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """See :class:`licensing.usecases.ports.MachineStore`."""
        return self._view([schema.pair_key(pair) for pair in sorted(pairs)]).claims

    def login_view(
        self,
        pairs: Collection[bytes],
        organization_id: str,
        license_id: str | None,
        member: bytes | None,
    ) -> LoginView:
        """See :class:`licensing.usecases.ports.LoginStore`."""
        presented = [schema.license_key(license_id)] if license_id is not None else []
        counted = [schema.member_key(organization_id, member)] if member is not None else []
        return self._view(
            [
                schema.organization_key(organization_id),
                *presented,
                *counted,
                *(schema.pair_key(pair) for pair in sorted(pairs)),
            ]
        )
