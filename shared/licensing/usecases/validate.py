"""The validation: an agent asks, with its licence key, whether it may work (R7, R13–R17).

What this module guarantees:

* The answer rests on one strongly consistent read of the licence and the organization (R14, R15).
* A proof of a device key counts for one write, and each link of the licence's chain of leases is
  followed once: both are written before the agent is answered. What grants nothing new writes
  nothing.
* No user and no password takes part (R7).
* A forged key is answered like one that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Final

from licensing.domain import license_key, validation
from licensing.domain.audit import Reason
from licensing.domain.device_key import Proof, is_over, needs_nonce
from licensing.domain.drift import Evidence
from licensing.domain.errors import Unavailable, UnknownLeaseKey
from licensing.domain.explanation import Told, told
from licensing.domain.keyring import Keyring
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.lease_chain import AT_HEAD, Derive, Question, Shown, shown
from licensing.domain.license import License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import foreign_holder, license_at
from licensing.domain.organization import Organization, PolicyFloor
from licensing.domain.refusal import Refused, older_agents_refused
from licensing.domain.validation import Code, NextStep, PresentedAgent
from licensing.usecases.agent_requests import DEFAULT_ENVIRONMENT, Validation
from licensing.usecases.context import Context
from licensing.usecases.follow_machine import ObservedAgent
from licensing.usecases.optimistic import retry_or_give_up
from licensing.usecases.ports import Keyrings, ValidationStore
from licensing.usecases.presented_lease import presented_link
from licensing.usecases.record_use import RecordedUse, RecordUse, Use
from licensing.usecases.write_use import Followed, write_use

_AFTER_BLOCKED: Final = frozenset({Code.SUSPENDED, Code.EXPIRED, Code.VALID})
"""The codes that give way to one about the machine, in order of precedence (R13)."""

_AFTER_PROOF: Final = _AFTER_BLOCKED | {Code.DETACHED}
"""The codes that an agent is told which has proved its device key, where it has one (R13)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a validation (R13).

    ``record`` and ``organization`` are there when the key is this agent's own
    (:attr:`Meaning.shows_license <licensing.domain.validation.Meaning>`); ``lease`` is there when
    the code is ``VALID`` (R16). ``last_seen_deferred``: the time of this use could not be written;
    the answer does not depend on it, and the next validation writes it (R17). ``told`` is what the
    person is told, where that takes more than ``code`` and ``record``.
    """

    code: Code
    record: License | None = None
    organization: Organization | None = None
    lease: SignedLease | None = None
    last_seen_deferred: bool = False
    told: Told | None = None

    @property
    def message(self) -> str:
        """What the person at the agent reads."""
        return self._told.message

    @property
    def action(self) -> NextStep:
        """What the agent should do."""
        return self._told.action

    @property
    def _told(self) -> Told:
        return self.told or told(self.code, self.record)


@dataclass(frozen=True)
class _Asking:
    """An agent's question beside the licence that it is about; read only where it is needed."""

    record: License
    request: Validation
    nonce: str
    keyring: Keyring
    keyrings: Keyrings
    issuer: str

    @property
    def proof(self) -> Proof | None:
        """The verified proof of a licence's device key; ``None`` where the licence has none."""
        proof = self.request.proof
        return proof if self.record.device_key and isinstance(proof, Proof) else None

    @cached_property
    def question(self) -> Question:
        """The presented link, and the one that follows from it and the nonce."""
        try:
            link = presented_link(
                self.request.lease, self.record, self.keyrings, issuer=self.issuer
            )
        except UnknownLeaseKey:
            raise Unavailable(
                "The service does not know this lease's key yet. Try again."
            ) from None
        last = link.id if link is not None else None
        is_proved = self.proof is not None and self.proof.made_ms is not None
        return Question(link, self.derive(last or ""), is_proved=is_proved)

    @property
    def derive(self) -> Derive:
        """From a link to the one that follows with this question's nonce."""
        return partial(self.keyring.next_link, self.record.id, nonce=self.nonce)

    @property
    def is_at_head(self) -> bool:
        """Whether it presents the current link, or what has led to that."""
        return self.question.presented is not None and self._shown in AT_HEAD

    @property
    def evidence(self) -> Evidence:
        """What the lease shows of the agent; before there is a chain, no agent has a link (R11)."""
        return _EVIDENCE.get(self._shown, Evidence.LEASE)

    def demand_fresh_proof(self, now: int) -> None:
        """Check that a proof of this licence's device key is of now (R36).

        It is over a nonce of the service; or over the presented lease, where that is in its time
        and the current link, or has led to it, and no other key waits for the bound one to stay
        away. Raises ``StaleProof``.
        """
        proof, record = self.proof, self.record
        if proof is None or proof.thumbprint not in (record.device_key, record.pending_key):
            return
        if proof.made_ms is not None:
            record.demand_newer(proof)
            return
        link = self.question.presented
        is_fresh = (
            link is not None
            and link.is_in_time(now)
            and is_over(proof.nonce, link.id, is_early=link.is_early(now, link.expires_at))
            and self.is_at_head
            and record.pending_key is None
        )
        if not is_fresh:
            raise needs_nonce()

    @property
    def _shown(self) -> Shown:
        return shown(self.record.chain, self.question)


_EVIDENCE: Final = MappingProxyType(
    {
        Shown.BEGINNING: Evidence.LINK,
        Shown.REPETITION: Evidence.LINK,
        Shown.CURRENT: Evidence.LINK,
        Shown.NEVER: Evidence.LINK,
        Shown.NOTHING: Evidence.NOTHING,
    }
)


@dataclass(frozen=True, slots=True)
class ValidateLicense:
    """The use case.

    ``last_seen_seconds``: at most once in so many seconds is it written that the agent was seen
    (R17). ``policy_floor``: what the vendor demands of all organizations' agents (R38).
    ``accepts_older_agents``: whether the deployment serves agents from before 4.4 (R31).
    """

    store: ValidationStore
    keyrings: Keyrings
    lease_terms: LeaseTerms
    last_seen_seconds: int
    policy_floor: PolicyFloor
    accepts_older_agents: bool

    def __call__(self, request: Validation, context: Context) -> Verdict | Refused:
        """Whether the agent may work, and with which lease.

        ``Refused`` only for an older agent where those are switched off; every other "no" is a
        :class:`Verdict` with its code. Raises :class:`Unavailable` when the database or the secret
        cannot be reached or other requests keep coming first, and ``StaleProof`` for a proof that
        has counted before.
        """
        if request.is_of_older_agent and not self.accepts_older_agents:
            return older_agents_refused()
        # Drawn once per request, so that a decision taken anew derives the same link.
        nonce = request.nonce or context.new_nonce()
        return retry_or_give_up(
            lambda: self._verdict(request, nonce, context), "This license is in use"
        )

    def _verdict(self, request: Validation, nonce: str, context: Context) -> Verdict:
        """What follows from the records. Raises ``Overtaken`` when another use came first."""
        record, organization = self._read(request)
        if record is None:
            return Verdict(Code.NOT_FOUND)
        # 1. The key is one that this server derived for this licence. Which version of the secret
        # there has to be, the licence says: a stranger's key must not send anybody to look for one.
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        secret = keyring.license_key_secrets.get(request.key.secret_version)
        if secret is None or not license_key.is_genuine(request.key, record.key(secret)):
            return Verdict(Code.NOT_FOUND)
        # 2. The licence is good for this organization, agent and moment.
        asking = _Asking(record, request, nonce, keyring, self.keyrings, self.lease_terms.issuer)
        machine = Machine.of(request.credentials, keyring.hashing_key)
        agent = PresentedAgent(
            # Older agents name no organization: theirs is taken to be the licence's (R30).
            request.organization_id or record.organization_id,
            request.environment,
            machine,
            request.proof,
        )
        code = self._code(record, organization, agent, context)
        if code is Code.MACHINE_MISMATCH and agent.may_be_on(record):
            agent = replace(agent, is_at_head=asking.is_at_head)
            code = self._code(record, organization, agent, context)
        # A temporary licence that has ended says so, whatever has become of the machine (R27).
        if code in _AFTER_BLOCKED and record.term and not record.term.has_ended(context.now):
            environment = request.environment or DEFAULT_ENVIRONMENT
            code = self._forbidden(record, machine, environment) or code
        # 3. A proof is fresh: whoever sends an overheard request again is stopped here.
        if code in _AFTER_PROOF or (code is Code.MACHINE_MISMATCH and not agent.is_on(record)):
            asking.demand_fresh_proof(context.now)
        # Whoever has not shown that the key is their own learns nothing of the licence.
        if not code.meaning.shows_license or organization is None:
            return self._refused(record, agent, code, context)
        if code is not Code.VALID:
            return self._not_valid(record, organization, code, asking.proof, context)
        # 4. Machine, proof and link are written; the link shows whether a second agent uses the
        #    licence, and with the proof how far the licence follows its machine (R11, R37).
        evidence = Evidence.PROOF if asking.proof is not None else asking.evidence
        observed = ObservedAgent(request.credentials, machine, request.agent_version, evidence)
        record_use = RecordUse(
            self.store, self.lease_terms, self.last_seen_seconds, self.policy_floor
        )
        use = Use(observed, asking.question, asking.derive, asking.proof)
        used = record_use(record, organization, use, context)
        if isinstance(used, RecordedUse):
            return self._granted(request, organization, used, keyring)
        if used.code.meaning.shows_license:
            return Verdict(used.code, used.record, organization)
        return self._refused(record, agent, used.code, context)

    def _not_valid(
        self,
        record: License,
        organization: Organization,
        code: Code,
        proof: Proof | None,
        context: Context,
    ) -> Verdict:
        """The answer to the licence's own agent, whose proof counts, that it may not work now."""
        proved = record.proved(proof, context.now) if proof is not None else record
        if proved != record:
            proved = write_use(self.store, record, Followed(proved), context)
        return Verdict(code, proved, organization)

    def _granted(
        self,
        request: Validation,
        organization: Organization,
        used: RecordedUse,
        keyring: Keyring,
    ) -> Verdict:
        """The answer with a lease, which lets the agent work on while the service is away (R16)."""
        environment = request.own_environment or used.record.environment
        asked = LeaseRequest(request.credentials, environment, request.nonce)
        lease = self.lease_terms.grant(used.record, organization, asked, used.link)
        return Verdict(
            Code.VALID,
            used.record,
            organization,
            SignedLease(lease, keyring.sign(lease)),
            last_seen_deferred=used.last_seen_deferred,
        )

    def _code(
        self,
        record: License,
        organization: Organization | None,
        agent: PresentedAgent,
        context: Context,
    ) -> Code:
        floor = self.policy_floor
        return validation.check(record, organization, agent, floor=floor, now=context.now)

    def _refused(
        self, record: License, agent: PresentedAgent, code: Code, context: Context
    ) -> Verdict:
        """The answer to an agent that is not the licence's; its attempt is on record (R32).

        The bound device key on another machine was copied: that is a suspected clone (R9). Its
        proof is fresh: one that may be overheard accuses nobody.
        """
        is_elsewhere = code is Code.MACHINE_MISMATCH and not agent.is_on(record)
        if is_elsewhere and record.is_bound_to(agent.proof):
            attempt = context.suspected_clone(record, Reason.DEVICE_KEY_ELSEWHERE)
            self.store.record_refusal(attempt)
        elif code.meaning.misuse is not None:
            self.store.record_refusal(context.refused_attempt(record, code.lower()))
        return Verdict(code, told=told(code, record, agent))

    def _forbidden(self, record: License, machine: Machine, environment: str) -> Code | None:
        """Why a partner may not work on a machine, which their licence does not claim itself.

        Another organization has registered it since (R26), or the client has blocked the agent
        (R19). ``machine`` is as it is now: a temporary licence does not follow it.
        """
        tied = record.machine.pairs()
        pairs = tied | machine.pairs()
        claims = self.store.claims(pairs)
        on_tied = [claim for pair, claim in claims.items() if pair in tied]
        if foreign_holder(on_tied, record.organization_id) is not None:
            return Code.MACHINE_MISMATCH
        license_id = license_at(claims, record.organization_id, environment)
        standing = self.store.license(license_id) if license_id is not None else None
        # One that has left the machine since may be blocked where it is now.
        if standing is None or standing.claims.isdisjoint(pairs):
            return None
        return Code.DETACHED if standing.state is State.DETACHED else None

    def _read(self, request: Validation) -> tuple[License | None, Organization | None]:
        if request.organization_id is not None:
            return self.store.license_and_organization(
                request.key.license_id, request.organization_id
            )
        # An older agent names no organization (R30): two reads, since the first one tells which.
        record = self.store.license(request.key.license_id)
        return record, self.store.organization(record.organization_id) if record else None
