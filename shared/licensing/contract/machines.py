"""Who holds a machine."""

from __future__ import annotations

from licensing.contract.agents import MachineCredentials
from licensing.contract.fields import OrganizationId, Reply, Request
from licensing.contract.licenses import AdministeredLicense


class LookupRequest(Request):
    """The machine to look for."""

    machine: MachineCredentials


class HolderView(Reply):
    """An organization that holds a machine, with its licenses there."""

    organization_id: OrganizationId
    name: str
    licenses: list[AdministeredLicense]


class LookupReply(Reply):
    """Everybody who holds the machine; empty when it is free."""

    holders: list[HolderView]
