"""The login of an agent: a new licence at first, the same one ever after (R1–R6, R19, R20, R29).

What this module guarantees:

* Nothing is decided by what was read: reading only chooses what to try. The conditions of the
  commit decide, so that of any number of racing logins one gets through (R5).
* A repeated login answers with the same licence and the same key. It moves the chain of leases as
  a validation does, and blocks nobody (R2, R11, R37).
* A proof of a device key counts once, for one licence: with what it binds or changes, in one
  transaction (R36).
* A member adds no more agents than the organization lets each of them add; administrators add any
  number (R38).
* A person logs in for their own organization. The one exception is a temporary licence, see
  :mod:`licensing.usecases.log_in_partner` (R29).
* Why a person was refused is on record at their organization, see
  :mod:`licensing.usecases.note_refusal` (R32).
* A super-admin logs in on no agent, whatever else that person is: what is signed in with there
  stays there (R1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from licensing.domain import license_key
from licensing.domain.audit import EventType, Reason, RefusedAttempt
from licensing.domain.drift import NO_PAST, Evidence
from licensing.domain.errors import InvalidInput, Misconfigured
from licensing.domain.key_history import NO_KEYS
from licensing.domain.lease_chain import NO_CHAIN
from licensing.domain.license import Action, LastSeen, License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import blocker, is_exclusive_to, is_older_agent, license_at
from licensing.domain.organization import Organization
from licensing.domain.refusal import (
    RefusalCode,
    Refused,
    agent_blocked,
    older_agents_refused,
    proof_required,
)
from licensing.usecases.agent_requests import Login
from licensing.usecases.context import UserContext
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.log_in_partner import LogInPartner
from licensing.usecases.login import (
    HeldLicense,
    Issued,
    LoginAttempt,
    LoginSteps,
    refuse_ended,
)
from licensing.usecases.note_refusal import note_refusal
from licensing.usecases.optimistic import Overtaken, demand, retry_or_give_up
from licensing.usecases.ports import Change, ProofUse

_OPERATION_BYTES: Final = 16

MAX_ENVIRONMENTS: Final = 100
"""How many environments an organization may have on one machine: it keeps a claim's item small."""

_LIMITS: Final = frozenset({RefusalCode.SEAT_LIMIT_REACHED, RefusalCode.MEMBER_LIMIT_REACHED})


@dataclass(frozen=True, slots=True)
class LogIn(LoginSteps):
    """The use case.

    ``accepts_older_agents``: whether the deployment serves agents from before 4.4 (R31).
    """

    accepts_older_agents: bool

    def __call__(self, request: Login, context: UserContext) -> Issued | Refused:
        """The licence of the agent that a user logs in on, with key and lease.

        That is the one that the agent has already (R2), a dissociated one whose key it presents
        (R20), or a new one (R1). ``Refused`` says why there is none: another organization's machine
        (R4), a blocked agent (R19), no free seat (R6), as many agents as a member may add (R38), a
        subscription that is not good, …

        Raises ``InvalidInput`` for an environment that does not fit, ``StaleProof`` for a proof
        that has counted before, and ``Unavailable`` when other changes keep coming first.
        """
        if context.caller.is_super_admin:
            return Refused(
                RefusalCode.FORBIDDEN,
                "A super-admin cannot log in on an agent. Use an account without the role "
                "super-admin: a member's, or a partner's with a temporary license.",
            )
        if request.is_of_older_agent and not self.accepts_older_agents:
            return older_agents_refused()
        organization_id = context.caller.organization_id
        if organization_id is None:
            return Refused(
                RefusalCode.FORBIDDEN,
                "Your account does not belong to an organization. Ask your administrator.",
            )
        machine = Machine.of(request.credentials, self.keyrings.keyring().hashing_key)
        proofs = _use_of_proofs(request, context)
        nonce = request.nonce or context.new_nonce()
        license_id = request.key.license_id if request.key else None
        member = context.caller.member
        # Which limit the last look has found to be reached.
        reached: RefusalCode | None = None

        def log_in() -> Issued | Refused:
            nonlocal reached
            # Twice in a row: a conflict in between says that there was room, and begins anew.
            was_reached, reached = reached, None
            view = self.store.login_view(machine.pairs(), organization_id, license_id, member)
            attempt = LoginAttempt(request, context, machine, view, proofs, nonce)
            answer = self._answer(attempt)
            # Claims and counters are not read at one instant: what was left may have gone to this
            # very agent in between. Claims that are read after it was gone would show that.
            if (
                isinstance(answer, Refused)
                and answer.code in _LIMITS
                and answer.code is not was_reached
            ):
                reached = answer.code
                raise Overtaken
            if isinstance(answer, Refused):
                note_refusal(self.store, attempt, answer)
            return answer

        return retry_or_give_up(log_in, "This agent is being logged in")

    def _answer(self, attempt: LoginAttempt) -> Issued | Refused:
        """What follows from what was read. Raises :class:`Overtaken`, as all that it calls."""
        request, presented = attempt.request, attempt.view.presented
        # 1. A key that the agent presents is genuine; a partner's leads elsewhere.
        if request.key is not None and (
            presented is None or not self._is_genuine(request.key, presented)
        ):
            return Refused(
                RefusalCode.NOT_FOUND,
                "This license key is not known. Check it, or log in without a key.",
                pointer="/license_key",
            )
        if presented is not None and presented.term is not None:
            log_in_partner = LogInPartner(
                self.store, self.keyrings, self.lease_terms, self.policy_floor
            )
            return log_in_partner(attempt, presented, presented.term)
        # 2. The person's organization is a customer, and the key is its own and not at work on
        #    another machine.
        misused = _misuse(attempt)
        if presented is not None and misused is not None:
            self.store.record_refusal(_misuse_on_record(attempt, presented, misused))
            return misused
        organization = attempt.view.organization
        if organization is None:
            return Refused(
                RefusalCode.FORBIDDEN,
                f"Your organization ({attempt.context.caller.organization_id}) is not "
                "registered here. Ask the operator of this service.",
            )
        policy = organization.policy.at_least(self.policy_floor)
        if policy.require_device_key and request.proof is None:
            return proof_required()
        # 3. The presented licence waits for a machine, or is this agent's.
        _check_environment(request, presented)
        if presented is not None:
            freed = presented.after(Action.REASSIGN, attempt.context.now)
            if isinstance(freed, License):
                return self._reassign(attempt, organization, presented, freed)
        # 4. The agent has a licence already, or gets its first.
        license_id = _license_of(attempt, organization.id)
        if license_id is None:
            return self._first(attempt, organization)
        record = (
            presented
            if presented is not None and presented.id == license_id
            else self.store.license(license_id)
        )
        if record is None:
            raise Misconfigured(f"license {license_id} holds a machine but has no record")
        return self._again(attempt, organization, record)

    def _is_genuine(self, key: license_key.LicenseKey, record: License) -> bool:
        secrets = self.keyrings.keyring(at_least=record.secret_version).license_key_secrets
        secret = secrets.get(key.secret_version)
        return secret is not None and license_key.is_genuine(key, record.key(secret))

    def _again(
        self, attempt: LoginAttempt, organization: Organization, record: License
    ) -> Issued | Refused:
        """The agent's licence once more."""
        request, context = attempt.request, attempt.context
        if not _is_here(attempt, record):
            raise Overtaken  # it was released after its claims were read
        if record.state is State.DETACHED:
            return agent_blocked()
        refused = refuse_ended(organization, context.now)
        if refused is not None:
            return refused
        is_new_there = record.claims.isdisjoint(attempt.machine.pairs())
        if is_new_there:
            refused = self._refuse_move(attempt, organization, record)
            if refused is not None:
                return refused
        held = self.hold_device_key(attempt, record, organization)
        if isinstance(held, Refused):
            return held
        # An agent whose key only waits does not show what the machine is like.
        if not held.is_lent:
            observed = ObservedAgent(
                request.credentials, attempt.machine, request.agent_version, Evidence.LOGIN
            )
            follow = FollowMachine(self.store)
            followed = follow.followed(held.record, observed, context)
            record = follow.committed(held.stored, followed, context)
            if is_new_there and not record.is_on(attempt.machine):
                return _still_bound()  # another licence has come to that machine first
            held = HeldLicense(record, record, held.link)
        return self.issued(attempt, held, organization)

    def _refuse_move(
        self, attempt: LoginAttempt, organization: Organization, record: License
    ) -> Refused | None:
        """Why a licence cannot go to a machine on which its device key was proved (R4, R9)."""
        claims = attempt.view.claims
        exclusive = record.exclusive or _wants_exclusivity(attempt, organization)
        refused = self.refuse_foreign(
            attempt, blocker(claims.values(), organization.id, exclusive=exclusive)
        )
        if refused is not None:
            return refused
        if license_at(claims, organization.id, record.environment) in (None, record.id):
            return None
        return _has_another_license()

    def _first(self, attempt: LoginAttempt, organization: Organization) -> Issued | Refused:
        """A new licence."""
        request, context, machine = attempt.request, attempt.context, attempt.machine
        exclusive = _wants_exclusivity(attempt, organization)
        refused = self._refuse_binding(attempt, organization, exclusive=exclusive)
        if refused is not None:
            return refused
        _check_environments(attempt, organization)
        record = License(
            id=context.new_license_id(),
            organization_id=organization.id,
            environment=request.environment,
            state=State.ACTIVE,
            machine=machine,
            computer_name=request.credentials.display_name,
            identity=machine.identity(),
            secret_version=self.keyrings.keyring().newest,
            exclusive=exclusive,
            device_key=request.proof.thumbprint if request.proof else None,
            proved_ms=request.proof.demand_time() if request.proof else 0,
            issued_at=context.now,
            issued_by=context.caller.subject,
            issued_by_name=context.caller.name,
            added_by=context.caller.member,
            agent_version=request.agent_version,
            updated_at=context.now,
            last_seen=LastSeen(context.now, request.agent_version, context.origin.source_address),
        )
        held = self.leased(attempt, record, organization)
        event = context.license_event(EventType.LICENSE_ISSUED, None, held.record)
        return self._bind(attempt, organization, Change(None, held.record, event), held)

    def _reassign(
        self, attempt: LoginAttempt, organization: Organization, record: License, freed: License
    ) -> Issued | Refused:
        """A dissociated licence on the machine that presents its key (R20).

        ``freed`` is ``record`` after the transition, but for the machine.
        """
        request, context = attempt.request, attempt.context
        holder_id = license_at(attempt.view.claims, organization.id, record.environment)
        if holder_id == record.id:
            raise Overtaken  # its own claims, read before it was dissociated
        # Who may be there with it is decided here, not by the machine that it had before.
        exclusive = _wants_exclusivity(attempt, organization)
        refused = self._refuse_binding(attempt, organization, exclusive=exclusive)
        if refused is not None:
            return refused
        if holder_id is not None:
            return _has_another_license()
        _check_environments(attempt, organization)
        noted = freed.noted(request.proof) if request.proof else freed
        bound = replace(  # the same change: one revision, one event
            noted,
            # An agent begins that none of the leases before is of.
            chain=NO_CHAIN,
            keys=NO_KEYS,
            device_key=request.proof.thumbprint if request.proof else None,
            machine=attempt.machine,
            past=NO_PAST,
            computer_name=request.credentials.display_name,
            exclusive=exclusive,
            added_by=context.caller.member,
            agent_version=request.agent_version,
        )
        held = self.leased(attempt, bound, organization)
        event = context.license_event(EventType.LICENSE_REASSIGNED, record, held.record)
        return self._bind(attempt, organization, Change(record, held.record, event), held)

    def _refuse_binding(
        self, attempt: LoginAttempt, organization: Organization, *, exclusive: bool
    ) -> Refused | None:
        """Why no licence can be bound to this machine now: R14, R4, R6, R38."""
        return (
            refuse_ended(organization, attempt.context.now)
            or self.refuse_foreign(
                attempt,
                blocker(attempt.view.claims.values(), organization.id, exclusive=exclusive),
            )
            or _refuse_full(organization)
            or _refuse_more(attempt, organization, self._limit(organization))
        )

    def _bind(
        self, attempt: LoginAttempt, organization: Organization, change: Change, held: HeldLicense
    ) -> Issued:
        """Commit a binding: the conditions of that transaction decide (R5)."""
        change = replace(change, member_limit=self._limit(organization))
        demand(
            self.store.commit(
                [change],
                organization=organization,
                claims=attempt.view.claims,
                proofs=attempt.proofs,
            )
        )
        return self.issued(attempt, held, organization, created=change.before is None)

    def _limit(self, organization: Organization) -> int | None:
        """How many agents a member may add; ``None`` sets no limit (R38)."""
        return organization.policy.at_least(self.policy_floor).agents_per_member


def _use_of_proofs(request: Login, context: UserContext) -> ProofUse | None:
    """The use of a request's proofs, which each count once (R36)."""
    if request.proof is None:
        return None
    ids = [proof.id for proof in (request.proof, request.previous) if proof is not None]
    return ProofUse(ids, f"op_{context.entropy(_OPERATION_BYTES).hex()}", context.now)


def _misuse(attempt: LoginAttempt) -> Refused | None:
    """A key of another organization, or of another machine that is at work (R20, R29)."""
    presented = attempt.view.presented
    if presented is None:
        return None
    if presented.organization_id != attempt.context.caller.organization_id:
        return Refused(
            RefusalCode.ON_BEHALF_DISABLED,
            "You cannot log in for another organization. Ask for a temporary license.",
        )
    if presented.is_bound and not _is_here(attempt, presented):
        return _still_bound()
    return None


def _still_bound() -> Refused:
    return Refused(
        RefusalCode.LICENSE_STILL_BOUND,
        "Agent needs to be dissociated first from the portal, before reassigning the same "
        "license key.",
    )


def _has_another_license() -> Refused:
    return Refused(
        RefusalCode.LICENSE_STILL_BOUND,
        "This agent already has another license. Dissociate or revoke that one in the portal "
        "first.",
    )


def _misuse_on_record(
    attempt: LoginAttempt, presented: License, misused: Refused
) -> RefusedAttempt:
    """The entry about it: the bound device key on another machine was copied (R9)."""
    is_elsewhere = misused.code is RefusalCode.LICENSE_STILL_BOUND
    if is_elsewhere and presented.is_bound_to(attempt.request.proof):
        return attempt.context.suspected_clone(presented, Reason.DEVICE_KEY_ELSEWHERE)
    return attempt.context.refused_attempt(presented, misused.code)


def _is_here(attempt: LoginAttempt, record: License) -> bool:
    """Whether a licence is bound to the machine, as that shows itself (R9).

    The bound device key, beside the licence's own key, is enough where one component agrees.
    """
    presented = attempt.view.presented
    by_key = presented is not None and presented.id == record.id
    # One that was revoked still knows its machine, and is at work there no more.
    return record.is_bound and record.is_on(
        attempt.machine, by_key=by_key and record.is_bound_to(attempt.request.proof)
    )


def _license_of(attempt: LoginAttempt, organization_id: str) -> str | None:
    """The licence that the agent has: the one whose key it presents, while that is bound here."""
    presented, environment = attempt.view.presented, attempt.request.environment
    if presented is not None and presented.is_bound and presented.is_for(environment):
        return presented.id
    return license_at(attempt.view.claims, organization_id, environment)


def _wants_exclusivity(attempt: LoginAttempt, organization: Organization) -> bool:
    """Whether the agent closes its machine to other organizations (R31)."""
    return not is_older_agent(attempt.request.agent_version) or is_exclusive_to(
        attempt.view.claims.values(), organization.id
    )


def _check_environment(request: Login, presented: License | None) -> None:
    """Raises :class:`InvalidInput` for the key of an agent in another environment.

    The key was derived from that, too: elsewhere it would be another key (R3). To ignore it would
    take a seat that nobody has asked for. Agents up to 4.3 know no environments (R30).
    """
    if presented is None or presented.is_for(request.environment):
        return
    is_dissociated = presented.state is State.DISSOCIATED
    if is_dissociated or (presented.is_bound and not request.has_older_form):
        raise InvalidInput(
            f"This license key is for the environment {presented.environment}, and this agent is "
            f"in {request.own_environment}. Set its environment to {presented.environment}, or log "
            "in without the key: that takes a license of its own.",
            pointer="/environment",
        )


def _check_environments(attempt: LoginAttempt, organization: Organization) -> None:
    """Raises :class:`InvalidInput` when the machine has as many agents as it may have."""
    if any(
        len(claim.licenses_of(organization.id)) >= MAX_ENVIRONMENTS
        for claim in attempt.view.claims.values()
    ):
        raise InvalidInput(
            f"This machine already has {MAX_ENVIRONMENTS} environments. Revoke one of them first.",
            pointer="/environment",
        )


def _refuse_full(organization: Organization) -> Refused | None:
    if organization.has_free_seat():
        return None
    return Refused(
        RefusalCode.SEAT_LIMIT_REACHED,
        f"All {organization.max_agents} seats of {organization.name} are taken. "
        "Revoke or dissociate a license in the portal, or ask for more seats.",
    )


def _refuse_more(
    attempt: LoginAttempt, organization: Organization, limit: int | None
) -> Refused | None:
    added = attempt.view.added
    if attempt.context.caller.member is None or limit is None or added < limit:
        return None
    agents = {0: "no agents", 1: "1 agent"}.get(limit, f"{limit} agents")
    return Refused(
        RefusalCode.MEMBER_LIMIT_REACHED,
        f"A member of {organization.name} may add {agents}, and you have added {added}. Ask an "
        "administrator to log in on this machine, or to raise the limit.",
    )
