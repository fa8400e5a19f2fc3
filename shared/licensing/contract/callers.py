"""Who is asking, as a portal has to know."""

from __future__ import annotations

from licensing.contract.fields import OrganizationId, Reply
from licensing.domain.caller import Caller, Role


class CallerReply(Reply):
    """Who is asking, according to the token. ``roles`` are those that this service knows."""

    subject: str
    organization_id: OrganizationId | None
    roles: list[Role]

    @classmethod
    def of(cls, caller: Caller) -> CallerReply:
        """Show a caller."""
        return cls(
            subject=caller.subject,
            organization_id=caller.organization_id,
            roles=sorted(caller.roles),
        )
