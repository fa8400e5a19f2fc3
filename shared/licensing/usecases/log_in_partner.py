"""The login of a partner with a temporary licence (R26–R29).

What this module guarantees:

* First use ties the licence to one person and one machine, by the commit's own conditions.
* It never changes who the machine belongs to, and never works on another organization's machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin, RefusedAttempt
from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Misconfigured
from licensing.domain.lease import LeaseTerms
from licensing.domain.license import License, State
from licensing.domain.machine import Machine
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.domain.temporary_license import Term
from licensing.usecases.agent_requests import Login
from licensing.usecases.login import Issued, hold_device_key, issued, refuse_ended, refuse_foreign
from licensing.usecases.ports import Change, Entropy, Keyrings, LoginStore, LoginView, Outcome


@dataclass(frozen=True, slots=True)
class LogInPartner:
    """The use case, once the key has proved to be that of a temporary licence."""

    store: LoginStore
    keyrings: Keyrings
    terms: LeaseTerms
    entropy: Entropy

    def __call__(
        self,
        request: Login,
        caller: Caller,
        origin: Origin,
        machine: Machine,
        record: License,
        term: Term,
        view: LoginView,
        *,
        now: int,
    ) -> Issued | Refused | None:
        """Log a partner in; ``None`` when another use of the key came first."""
        # 1. A partner with an account of their own, and a licence that is alive and theirs.
        unusable = _why_not_usable(caller, machine, record, term, now)
        if unusable is not None:
            self.store.record_refusal(
                RefusedAttempt(
                    license_id=record.id,
                    organization_id=record.organization_id,
                    reason=RefusalCode.TEMPORARY_NOT_USABLE,
                    at=now,
                    origin=origin,
                    confidential=True,
                )
            )
            return Refused(RefusalCode.TEMPORARY_NOT_USABLE, unusable)
        # 2. The machine is the client's or nobody's, and the client's subscription is good.
        organization = self.store.organization(record.organization_id)
        if organization is None:
            raise Misconfigured(f"organization {record.organization_id} has licenses but no record")
        refused = refuse_foreign(
            view.claims.values(),
            organization.id,
            origin,
            exclusive=True,
            store=self.store,
            now=now,
        ) or refuse_ended(organization, now)
        if refused is not None:
            return refused
        if organization.policy.require_device_key and request.proof is None:
            return proof_required()
        # 3. The first use ties it.
        if term.holder is None:
            proved = record.proved(request.proof) if request.proof else record
            tied = proved.changed(
                now,
                device_key=request.proof.thumbprint if request.proof else None,
                machine=machine,
                computer_name=request.credentials.display_name,
                agent_version=request.agent_version,
                term=replace(term, holder=caller.subject),
            )
            event = audit.of_license(
                EventType.TEMPORARY_LICENSE_USED,
                record,
                tied,
                id=audit.new_event_id(self.entropy(16)),
                origin=origin,
            )
            change = Change(record, tied, event, untaken=machine.pairs())
            if self.store.commit([change], claims=view.claims) is Outcome.CONFLICT:
                return None
            record = tied
        else:
            held = hold_device_key(
                record, request.proof, origin, store=self.store, entropy=self.entropy, now=now
            )
            if not isinstance(held, License):
                return held
            record = held
        return issued(
            request,
            record,
            organization,
            created=False,
            keyrings=self.keyrings,
            terms=self.terms,
            now=now,
        )


def _why_not_usable(
    caller: Caller, machine: Machine, record: License, term: Term, now: int
) -> str | None:
    if caller.organization_id == record.organization_id or not (
        caller.is_super_admin or Role.PARTNER in caller.roles
    ):
        return "A temporary license is for a partner's own account."
    if record.state is not State.ACTIVE or term.has_ended(now):
        return "This temporary license has ended. Ask for a new one."
    if term.holder not in (None, caller.subject):
        return "This temporary license is in use by another person."
    if term.holder is not None and not record.machine.is_same_as(machine):
        return "This temporary license is in use on another machine."
    return None
