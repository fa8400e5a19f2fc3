"""The validation: an agent asks, with its licence key, whether it may work (R7, R13–R17).

What this module guarantees:

* The answer rests on one strongly consistent read of the licence and the organization (R14, R15).
* A proof of a device key counts once, and so does each link of the licence's chain of leases: both
  are written before the agent is answered.
* No user and no password takes part (R7).
* A forged key is answered like one that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from licensing.domain import license_key, validation
from licensing.domain.audit import Reason
from licensing.domain.device_key import Proof
from licensing.domain.drift import Evidence
from licensing.domain.errors import ForgedLease, Unavailable, UnknownLeaseKey
from licensing.domain.keyring import Keyring
from licensing.domain.lease import Lease, LeaseRequest, LeaseTerms, SignedLease, genuine
from licensing.domain.lease_chain import Derive, Link, is_current
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
from licensing.usecases.record_use import RecordedUse, RecordUse, Use
from licensing.usecases.write_use import Followed, write_use

_UNSAID_BYTES: Final = 16

_AFTER_BLOCKED: Final = frozenset({Code.SUSPENDED, Code.EXPIRED, Code.VALID})
"""The codes that give way to one about the machine, in order of precedence (R13)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a validation (R13).

    ``record`` and ``organization`` are there when the key is this agent's own
    (:attr:`Meaning.shows_license <licensing.domain.validation.Meaning>`); ``lease`` is there when
    the code is ``VALID`` (R16). ``last_seen_deferred``: the time of this use could not be written;
    the answer does not depend on it, and the next validation writes it (R17).
    """

    code: Code
    is_temporary: bool = False
    record: License | None = None
    organization: Organization | None = None
    lease: SignedLease | None = None
    last_seen_deferred: bool = False

    @property
    def message(self) -> str:
        """What the person at the agent reads."""
        return self.code.meaning.message_to(partner=self.is_temporary)

    @property
    def action(self) -> NextStep:
        """What the agent should do."""
        return self.code.meaning.action_for(partner=self.is_temporary)


@dataclass(frozen=True, slots=True)
class _Chained:
    """The link that an agent presents, beside the licence's chain."""

    record: License
    link: Link | None
    derive: Derive

    @property
    def is_current(self) -> bool:
        """Whether it is the current one, or the question that led to that."""
        return is_current(self.record.chain, self.link, derive=self.derive)

    @property
    def evidence(self) -> Evidence:
        """What it shows of the agent; before there is a chain, no agent has a link (R11)."""
        if self.record.chain is None or self.is_current:
            return Evidence.LINK
        return Evidence.NOTHING if self.link is None else Evidence.LEASE


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
        nonce = request.nonce or context.entropy(_UNSAID_BYTES).hex()
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
            chained = self._chained(request, record, keyring, nonce)
            agent = replace(agent, is_at_head=chained.is_current)
            code = self._code(record, organization, agent, context)
        # A temporary licence that has ended says so, whatever has become of the machine (R27).
        if code in _AFTER_BLOCKED and record.term and not record.term.has_ended(context.now):
            environment = request.environment or DEFAULT_ENVIRONMENT
            code = self._forbidden(record, machine, environment) or code
        # Whoever has not shown that the key is their own learns nothing of the licence.
        if not code.meaning.shows_license or organization is None:
            return self._refused(record, agent, code, context)
        # 3. A proof counts once: whoever repeats an overheard request is stopped here.
        proof = request.proof if record.device_key and isinstance(request.proof, Proof) else None
        if code is not Code.VALID:
            proved = record.proved(proof) if proof is not None else record
            if proved != record:
                proved = write_use(self.store, record, Followed(proved), context)
            return Verdict(code, record.term is not None, proved, organization)
        # 4. Machine, proof and link are written; the link shows whether a second agent uses the
        #    licence, and with the proof how far the licence follows its machine (R11, R37).
        chained = self._chained(request, record, keyring, nonce)
        evidence = Evidence.PROOF if proof is not None else chained.evidence
        observed = ObservedAgent(request.credentials, machine, request.agent_version, evidence)
        use = Use(observed, chained.link, chained.derive, proof)
        record_use = RecordUse(
            self.store, self.lease_terms, self.last_seen_seconds, self.policy_floor
        )
        used = record_use(record, organization, use, context)
        if isinstance(used, RecordedUse):
            return self._granted(request, organization, used, keyring, context)
        if used.code.meaning.shows_license:
            return Verdict(used.code, record.term is not None, used.record, organization)
        return self._refused(record, agent, used.code, context)

    def _granted(
        self,
        request: Validation,
        organization: Organization,
        used: RecordedUse,
        keyring: Keyring,
        context: Context,
    ) -> Verdict:
        """The answer with a lease, which lets the agent work on while the service is away (R16)."""
        lease = self.lease_terms.grant(
            used.record,
            organization,
            LeaseRequest(
                request.credentials,
                request.own_environment or used.record.environment,
                request.nonce,
                used.kept,
            ),
            now=context.now,
        )
        return Verdict(
            Code.VALID,
            used.record.term is not None,
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

        The bound device key on another machine was copied: that is a suspected clone (R9). Raises
        ``StaleProof`` for a proof of it that may be overheard, which accuses nobody.
        """
        is_elsewhere = code is Code.MACHINE_MISMATCH and not agent.is_on(record)
        if is_elsewhere and record.is_bound_to(agent.proof):
            record.demand_newer(agent.proof)
            attempt = context.suspected_clone(record, Reason.DEVICE_KEY_ELSEWHERE)
            self.store.record_refusal(attempt)
        elif code.meaning.misuse is not None:
            self.store.record_refusal(context.refused_attempt(record, code.lower()))
        return Verdict(code, record.term is not None)

    def _chained(
        self, request: Validation, record: License, keyring: Keyring, nonce: str
    ) -> _Chained:
        derive = partial(keyring.next_link, record.id, nonce=nonce)
        return _Chained(record, self._presented(request, record, keyring), derive)

    def _presented(self, request: Validation, record: License, keyring: Keyring) -> Link | None:
        """The link that the agent presents: a lease of this licence that this service signed."""
        if request.lease is None:
            return None
        try:
            lease = self._genuine(request.lease, keyring)
        except ForgedLease:
            return None  # as good as none, which shows in the chain
        return lease.link if lease.license_id == record.id else None

    def _genuine(self, token: str, keyring: Keyring) -> Lease:
        """The lease that this service signed. Raises ``ForgedLease`` and :class:`Unavailable`."""
        try:
            return genuine(token, keyring.lease_keys, issuer=self.lease_terms.issuer)
        except UnknownLeaseKey:
            # After a rotation, other environments sign with a version that is not known here yet.
            newer = self.keyrings.keyring(at_least=keyring.newest + 1)
            if newer is keyring:
                raise Unavailable(
                    "The service does not know this lease's key yet. Try again."
                ) from None
            return genuine(token, newer.lease_keys, issuer=self.lease_terms.issuer)

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
