"""Who holds a machine."""

from __future__ import annotations

from licensing.contract.agents import MachineCredentials
from licensing.contract.fields import OrganizationId, Reply, Request
from licensing.contract.licenses import AdministeredLicense
from licensing.domain.machine import Component
from licensing.usecases.look_up_machine import Compared


class LookupRequest(Request):
    """The machine to look for."""

    machine: MachineCredentials


class HolderView(Reply):
    """An organization that holds a machine, with its licenses there."""

    organization_id: OrganizationId
    name: str
    licenses: list[AdministeredLicense]


class ComparedView(Reply):
    """Two components that were compared, and the organizations with an agent that has both.

    Of MAC addresses, one that is the same is enough.
    """

    components: list[Component]
    organization_ids: list[OrganizationId]

    @classmethod
    def of(cls, compared: Compared) -> ComparedView:
        """Show what was compared."""
        return cls(
            components=list(compared.components), organization_ids=list(compared.organization_ids)
        )


class LookupReply(Reply):
    """Everybody who holds the machine; empty when it is free.

    ``compared`` says by which pairs of components. ``not_counted`` names the components of which
    something was sent that many computers have in common: it was not compared.
    """

    holders: list[HolderView]
    compared: list[ComparedView]
    not_counted: list[Component]
