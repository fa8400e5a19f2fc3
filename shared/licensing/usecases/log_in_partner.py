"""The login of a partner with a temporary licence (R26–R29).

What this module guarantees:

* The first use ties the licence to one person and one machine; the conditions of the commit let one
  of two racing partners through (R26).
* It is bound to the device key of the first use. Another key takes its place only with that one's
  proof, or when no lease can be left: nobody administers it, and a new licence is soon made (R36).
* The licence claims no machine, so it never changes who a machine belongs to; and it never works on
  another organization's (R26).
* An agent that its organization has blocked is blocked for partners, too (R19).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain.audit import EventType
from licensing.domain.caller import Role
from licensing.domain.errors import Misconfigured
from licensing.domain.license import License, State
from licensing.domain.machine_claims import foreign_holder, license_at
from licensing.domain.organization import Organization
from licensing.domain.refusal import RefusalCode, Refused, agent_blocked, proof_required
from licensing.domain.temporary_license import Term
from licensing.usecases.login import (
    HeldLicense,
    Issued,
    LoginAttempt,
    LoginSteps,
    refuse_ended,
)
from licensing.usecases.optimistic import Overtaken, demand
from licensing.usecases.ports import Beside, Change
from licensing.usecases.write_use import Followed, write_use


@dataclass(frozen=True, slots=True)
class _Client:
    """The organization that lets a partner in; ``standing`` is its own licence for the agent."""

    organization: Organization
    standing: License | None


@dataclass(frozen=True, slots=True)
class LogInPartner(LoginSteps):
    """The use case. :class:`~licensing.usecases.log_in.LogIn` calls it for a temporary licence."""

    def __call__(self, attempt: LoginAttempt, record: License, term: Term) -> Issued | Refused:
        """The temporary licence, with key and lease, or why the partner cannot use it (R26, R27).

        ``record`` is the licence whose genuine key the agent presents, and ``term`` its term.
        Raises ``Overtaken`` when another use came first, and ``StaleProof`` for a proof that has
        counted before.
        """
        request, context = attempt.request, attempt.context
        # 1. The caller is a partner, and the licence has not ended and is not another's.
        unusable = _why_not_usable(attempt, record, term)
        if unusable is not None:
            reason = RefusalCode.TEMPORARY_NOT_USABLE
            self.store.record_refusal(context.refused_attempt(record, reason))
            return Refused(reason, unusable)
        # 2. The client has not blocked the agent, its subscription is good, and the machine is the
        #    client's or nobody's.
        standing = self._standing(attempt, record.organization_id)
        if standing is not None and standing.state is State.DETACHED:
            return agent_blocked()
        organization = self.store.organization(record.organization_id)
        if organization is None:
            raise Misconfigured(f"organization {record.organization_id} has licenses but no record")
        refused = refuse_ended(organization, context.now) or self.refuse_foreign(
            attempt, foreign_holder(attempt.view.claims.values(), organization.id)
        )
        if refused is not None:
            return refused
        policy = organization.policy.at_least(self.policy_floor)
        if policy.require_device_key and request.proof is None:
            return proof_required()
        # 3. The first use ties the licence to person, machine and device key.
        held = (
            self._tie(attempt, record, term, _Client(organization, standing))
            if term.holder is None
            else self.hold_device_key(attempt, record, organization)
        )
        if isinstance(held, Refused):
            return held
        if held.record != held.stored:
            write_use(self.store, held.stored, Followed(held.record), context)
        return self.issued(attempt, held, organization)

    def _standing(self, attempt: LoginAttempt, client_id: str) -> License | None:
        """The client's own licence for the agent, or ``None``. Raises ``Overtaken``."""
        license_id = license_at(attempt.view.claims, client_id, attempt.request.environment)
        standing = self.store.license(license_id) if license_id is not None else None
        if standing is not None and standing.claims.isdisjoint(attempt.machine.pairs()):
            raise Overtaken  # it was released after its claims were read
        return standing

    def _tie(
        self, attempt: LoginAttempt, record: License, term: Term, client: _Client
    ) -> HeldLicense:
        """Tie a licence to the person, the machine and the device key that use it first (R26)."""
        request, context = attempt.request, attempt.context
        noted = record.noted(request.proof) if request.proof else record
        tied = noted.changed(
            context.now,
            device_key=request.proof.thumbprint if request.proof else None,
            machine=attempt.machine,
            computer_name=request.credentials.display_name,
            agent_version=request.agent_version,
            term=replace(term, holder=context.caller.subject, holder_name=context.caller.name),
        )
        held = self.leased(attempt, tied, client.organization)
        event = context.license_event(EventType.TEMPORARY_LICENSE_USED, record, held.record)
        # It claims no pair, so the commit has to check by itself whose the machine is (R26).
        beside = Beside(attempt.machine.pairs(), request.environment, client.standing)
        change = Change(record, held.record, event, beside)
        claims, proofs = attempt.view.claims, attempt.proofs
        demand(self.store.commit([change], claims=claims, proofs=proofs))
        return HeldLicense(held.record, held.record, held.link)


def _why_not_usable(attempt: LoginAttempt, record: License, term: Term) -> str | None:
    caller = attempt.context.caller
    if caller.organization_id == record.organization_id or Role.PARTNER not in caller.roles:
        return "Only a partner can use a temporary license. Sign in with a partner's account."
    if record.state is not State.ACTIVE or term.has_ended(attempt.context.now):
        return "This temporary license has ended. Ask for a new one."
    if term.holder not in (None, caller.subject):
        return "This temporary license is in use by another person. Ask for a new one."
    if term.holder is not None and not record.machine.is_same_as(attempt.machine):
        return "This temporary license is in use on another machine. Ask for a new one."
    return None
