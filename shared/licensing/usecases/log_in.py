"""The login of an agent: a new licence at first, the same one ever after (R1–R6, R19, R20, R29).

What this module guarantees:

* Nothing is decided by what was read: reading only chooses what to try, and the commit's own
  conditions let one of any number of racing logins through (R5).
* A repeated login answers with the same licence and the same key, and writes nothing unless the
  machine has changed (R2, R11).
* A person logs in for their own organization. The one exception is a temporary licence, see
  :mod:`licensing.usecases.log_in_partner` (R29).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from licensing.domain import audit, license_key
from licensing.domain.audit import EventType, Origin, RefusedAttempt
from licensing.domain.caller import Caller
from licensing.domain.errors import InvalidInput, Misconfigured, Unavailable
from licensing.domain.lease import LeaseTerms
from licensing.domain.license import Action, LastSeen, License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import is_exclusive_to, is_older_agent, license_at
from licensing.domain.organization import Organization
from licensing.domain.refusal import RefusalCode, Refused, older_agents_refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.log_in_partner import LogInPartner
from licensing.usecases.login import Issued, hold_device_key, issued, refuse_ended, refuse_foreign
from licensing.usecases.ports import Change, Entropy, Keyrings, LoginStore, LoginView, Outcome

MAX_ENVIRONMENTS: Final = 100
"""How many agent instances one machine may have: keeps a claim's record small."""

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class LogIn:
    """The use case. ``accepts_older_agents`` is the deployment's switch (R31)."""

    store: LoginStore
    keyrings: Keyrings
    terms: LeaseTerms
    entropy: Entropy
    accepts_older_agents: bool

    def __call__(
        self, request: Login, caller: Caller, origin: Origin, *, now: int
    ) -> Issued | Refused:
        """Log an agent in: find its licence, bind the one it presents, or issue one.

        Raises :class:`Unavailable` when other changes keep coming first.
        """
        if request.is_of_older_agent and not self.accepts_older_agents:
            return older_agents_refused()
        if caller.organization_id is None:
            return Refused(
                RefusalCode.FORBIDDEN,
                "Your account does not belong to an organization. Ask your administrator.",
            )
        machine = Machine.of(request.credentials, self.keyrings.keyring().hashing_key)
        has_been_full = False
        for _ in range(_ATTEMPTS):
            view = self.store.login_view(
                machine.pairs(),
                caller.organization_id,
                request.key.license_id if request.key else None,
            )
            answer = self._answer(request, caller, origin, machine, view, now)
            # Claims and organization are not read at one instant: the last seat may have gone to
            # this very agent in between. Claims that are read after it was gone would show that.
            is_full = isinstance(answer, Refused) and answer.code is RefusalCode.SEAT_LIMIT_REACHED
            if answer is not None and (has_been_full or not is_full):
                return answer
            has_been_full = is_full
        raise Unavailable("This agent is being logged in from several places at once. Try again.")

    def _answer(
        self,
        request: Login,
        caller: Caller,
        origin: Origin,
        machine: Machine,
        view: LoginView,
        now: int,
    ) -> Issued | Refused | None:
        """What follows from ``view``; ``None`` when another change came first."""
        # 1. A key that the agent presents is genuine; a partner's leads elsewhere.
        presented = view.presented
        if request.key is not None and (
            presented is None or not self._is_genuine(request.key, presented)
        ):
            return Refused(RefusalCode.NOT_FOUND, "This license key is not known.")
        if presented is not None and presented.term is not None:
            partner = LogInPartner(self.store, self.keyrings, self.terms, self.entropy)
            return partner(
                request, caller, origin, machine, presented, presented.term, view, now=now
            )
        # 2. The person's organization is a customer, and the key is its own and not at work on
        #    another machine.
        organization = view.organization
        misused = _misuse(caller, presented, machine)
        if presented is not None and misused is not None:
            self._note_misuse(presented, misused, origin, now)
            return misused
        if organization is None:
            return Refused(
                RefusalCode.FORBIDDEN,
                f"Your organization ({caller.organization_id}) is not registered here.",
            )
        if organization.policy.require_device_key and request.proof is None:
            return proof_required()
        # 3. The presented licence waits for a machine.
        if presented is not None:
            freed = presented.after(Action.REASSIGN, now)
            if isinstance(freed, License):
                return self._reassign(
                    request, origin, machine, organization, (presented, freed), view, now
                )
        # 4. The agent has a licence already, or gets its first.
        license_id = _license_of(request, presented, organization.id, view)
        if license_id is None:
            return self._first(request, caller, origin, machine, organization, view, now)
        record = (
            presented
            if presented is not None and presented.id == license_id
            else self.store.license(license_id)
        )
        if record is None:
            raise Misconfigured(f"license {license_id} holds a machine but has no record")
        return self._again(request, origin, machine, organization, record, view, now)

    def _is_genuine(self, key: license_key.LicenseKey, record: License) -> bool:
        secrets = self.keyrings.keyring(at_least=record.secret_version).license_key_secrets
        secret = secrets.get(key.secret_version)
        return secret is not None and license_key.is_genuine(key, record.key(secret))

    def _note_misuse(self, presented: License, why: Refused, origin: Origin, now: int) -> None:
        self.store.record_refusal(
            RefusedAttempt(
                license_id=presented.id,
                organization_id=presented.organization_id,
                reason=why.code,
                at=now,
                origin=origin,
            )
        )

    def _again(
        self,
        request: Login,
        origin: Origin,
        machine: Machine,
        organization: Organization,
        record: License,
        view: LoginView,
        now: int,
    ) -> Issued | Refused | None:
        """The agent's licence once more; ``None`` when it was released since it was found."""
        if record.claims.isdisjoint(machine.pairs()):
            return None
        if record.state is State.DETACHED:
            return Refused(RefusalCode.AGENT_BLOCKED, "Agent is Blocked.")
        # An agent that was updated to 4.4 wants its machine alone: not while others share it.
        refused = refuse_foreign(
            [claim for pair, claim in view.claims.items() if pair in record.claims],
            organization.id,
            origin,
            exclusive=not is_older_agent(request.agent_version),
            store=self.store,
            now=now,
        ) or refuse_ended(organization, now)
        if refused is not None:
            return refused
        held = hold_device_key(
            record, request.proof, origin, store=self.store, entropy=self.entropy, now=now
        )
        if not isinstance(held, License):
            return held
        record = FollowMachine(self.store, self.entropy)(
            held,
            ObservedAgent(request.credentials, machine, request.agent_version),
            origin,
            now=now,
        )
        return self._issued(request, record, organization, now, created=False)

    def _first(
        self,
        request: Login,
        caller: Caller,
        origin: Origin,
        machine: Machine,
        organization: Organization,
        view: LoginView,
        now: int,
    ) -> Issued | Refused | None:
        """A new licence."""
        exclusive = _wants_exclusivity(request, organization, view)
        refused = self._refuse_binding(origin, organization, view, exclusive=exclusive, now=now)
        if refused is not None:
            return refused
        _check_environments(organization, view)
        record = License(
            id=license_key.new_license_id(self.entropy(10)),
            organization_id=organization.id,
            environment=request.environment,
            state=State.ACTIVE,
            machine=machine,
            computer_name=request.credentials.display_name,
            identity=machine.identity(),
            secret_version=self.keyrings.keyring().newest,
            exclusive=exclusive,
            device_key=request.proof.thumbprint if request.proof else None,
            proved_ms=request.proof.made_ms if request.proof else 0,
            issued_at=now,
            issued_by=caller.subject,
            agent_version=request.agent_version,
            updated_at=now,
            last_seen=LastSeen(now, request.agent_version, origin.source_address),
        )
        return self._bind(
            EventType.LICENSE_ISSUED, request, origin, organization, None, record, view, now
        )

    def _reassign(
        self,
        request: Login,
        origin: Origin,
        machine: Machine,
        organization: Organization,
        change: tuple[License, License],
        view: LoginView,
        now: int,
    ) -> Issued | Refused | None:
        """A dissociated licence on the machine that presents its key (R20).

        ``change`` is the licence before and after, the machine apart.
        """
        record, freed = change
        if request.environment != record.environment:
            raise InvalidInput(
                f"This license key is for the environment {record.environment}.",
                pointer="/environment",
            )
        holder_id = license_at(view.claims, organization.id, record.environment)
        if holder_id == record.id:
            return None  # its own claims, read before it was dissociated
        exclusive = record.exclusive or _wants_exclusivity(request, organization, view)
        refused = self._refuse_binding(origin, organization, view, exclusive=exclusive, now=now)
        if refused is not None:
            return refused
        if holder_id is not None:
            return Refused(
                RefusalCode.LICENSE_STILL_BOUND,
                "This agent has another license, which needs to be dissociated first from the "
                "portal.",
            )
        _check_environments(organization, view)
        proved = freed.proved(request.proof) if request.proof else freed
        bound = replace(  # the same change: one revision, one event
            proved,
            device_key=request.proof.thumbprint if request.proof else None,
            machine=machine,
            computer_name=request.credentials.display_name,
            exclusive=exclusive,
            agent_version=request.agent_version,
        )
        return self._bind(
            EventType.LICENSE_REASSIGNED, request, origin, organization, record, bound, view, now
        )

    def _refuse_binding(
        self,
        origin: Origin,
        organization: Organization,
        view: LoginView,
        *,
        exclusive: bool,
        now: int,
    ) -> Refused | None:
        """Why no licence can be bound to this machine now: R4, R14, R6."""
        return (
            refuse_foreign(
                view.claims.values(),
                organization.id,
                origin,
                exclusive=exclusive,
                store=self.store,
                now=now,
            )
            or refuse_ended(organization, now)
            or _refuse_full(organization)
        )

    def _bind(
        self,
        kind: EventType,
        request: Login,
        origin: Origin,
        organization: Organization,
        before: License | None,
        after: License,
        view: LoginView,
        now: int,
    ) -> Issued | None:
        """Commit a binding: the conditions of that transaction decide (R5)."""
        event = audit.of_license(
            kind, before, after, id=audit.new_event_id(self.entropy(16)), origin=origin
        )
        outcome = self.store.commit(
            [Change(before, after, event)], organization=organization, claims=view.claims
        )
        if outcome is Outcome.CONFLICT:
            return None
        return self._issued(request, after, organization, now, created=before is None)

    def _issued(
        self,
        request: Login,
        record: License,
        organization: Organization,
        now: int,
        *,
        created: bool,
    ) -> Issued:
        return issued(
            request,
            record,
            organization,
            created=created,
            keyrings=self.keyrings,
            terms=self.terms,
            now=now,
        )


def _misuse(caller: Caller, presented: License | None, machine: Machine) -> Refused | None:
    """A key of another organization, or of another machine that is at work (R20, R29)."""
    if presented is None:
        return None
    if presented.organization_id != caller.organization_id:
        return Refused(
            RefusalCode.ON_BEHALF_DISABLED,
            "You cannot log in for another organization. Ask for a temporary license.",
        )
    if presented.is_bound and not presented.machine.is_same_as(machine):
        return Refused(
            RefusalCode.LICENSE_STILL_BOUND,
            "Agent needs to be dissociated first from the portal, before reassigning the same "
            "license key.",
        )
    return None


def _license_of(
    request: Login, presented: License | None, organization_id: str, view: LoginView
) -> str | None:
    """The licence that the agent has: the one whose key it presents, while that is bound here."""
    if (
        presented is not None
        and presented.is_bound
        and presented.environment == request.environment
    ):
        return presented.id
    return license_at(view.claims, organization_id, request.environment)


def _wants_exclusivity(request: Login, organization: Organization, view: LoginView) -> bool:
    """Whether the agent takes its machine for its organization alone (R31)."""
    return not is_older_agent(request.agent_version) or is_exclusive_to(
        view.claims.values(), organization.id
    )


def _check_environments(organization: Organization, view: LoginView) -> None:
    """Raises :class:`InvalidInput` when the machine has as many agents as it may have."""
    if any(
        len(claim.licenses_of(organization.id)) >= MAX_ENVIRONMENTS
        for claim in view.claims.values()
    ):
        raise InvalidInput(
            f"This machine has {MAX_ENVIRONMENTS} environments already. Revoke one first.",
            pointer="/environment",
        )


def _refuse_full(organization: Organization) -> Refused | None:
    if organization.has_free_seat():
        return None
    return Refused(
        RefusalCode.SEAT_LIMIT_REACHED,
        f"All {organization.max_agents} agents of {organization.name} are in use. "
        "Revoke or dissociate one from the portal, or ask for more.",
    )
