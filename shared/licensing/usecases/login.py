"""What a user's and a partner's login have in common: device key, answer and some refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from licensing.domain import license_key
from licensing.domain.agent_signs import Sign, of_keys, of_leases
from licensing.domain.audit import RefusedAttempt
from licensing.domain.caller import Role
from licensing.domain.errors import UnknownLeaseKey
from licensing.domain.key_change import ProvedLogin, after_login
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.lease_chain import (
    AT_HEAD,
    Derive,
    Link,
    Question,
    Shown,
    moved_on,
    shown,
    step,
)
from licensing.domain.license import License
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, PolicyFloor, Standing
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand
from licensing.usecases.ports import Change, Keyrings, LoginStore, LoginView, ProofUse
from licensing.usecases.presented_lease import presented_link


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One try at a login: the request, its context, the machine, and what was read for it.

    A try that is overtaken is followed by another one, with a ``view`` that was read anew.
    ``proofs`` is the use of the request's proofs, the same in each try; ``None`` without any. So is
    ``nonce``, the request's or one drawn for it.
    """

    request: Login
    context: UserContext
    machine: Machine
    view: LoginView
    proofs: ProofUse | None
    nonce: str

    @property
    def is_by_administrator(self) -> bool:
        """Whether the person administers their own organization."""
        return Role.ORG_ADMIN in self.context.caller.roles


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer of a login: a licence, its key, and a first lease (R2, R16).

    ``created`` says that the licence is new.
    """

    record: License
    organization: Organization
    key: license_key.LicenseKey
    lease: SignedLease
    created: bool


@dataclass(frozen=True, slots=True)
class HeldLicense:
    """A licence that an agent has logged in with, and the link to grant.

    ``stored`` is the licence as the table has it: what ``record`` has beyond that is still to be
    written. ``is_lent``: its device key is the pending one, which gets one lease outside the chain
    (R36).
    """

    record: License
    stored: License
    link: Link
    is_lent: bool = False


@dataclass(frozen=True, slots=True)
class _Moved:
    """A licence after a login has moved its chain of leases; ``signs`` are to be put on record."""

    record: License
    link: Link
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class LoginSteps:
    """The steps that a user's login (``LogIn``) and a partner's (``LogInPartner``) share.

    ``policy_floor`` is what the vendor demands of all organizations' agents (R38).
    """

    store: LoginStore
    keyrings: Keyrings
    lease_terms: LeaseTerms
    policy_floor: PolicyFloor

    def issued(
        self,
        attempt: LoginAttempt,
        held: HeldLicense,
        organization: Organization,
        *,
        created: bool = False,
    ) -> Issued:
        """The answer: the licence with its key, which is derived anew, and a lease (R3, R16)."""
        record = held.record
        # During a rotation, a licence may have a version that is not known here yet.
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        request = attempt.request
        asked = LeaseRequest(request.credentials, request.own_environment, request.nonce)
        lease = self.lease_terms.grant(record, organization, asked, held.link)
        return Issued(
            record=record,
            organization=organization,
            key=record.key(keyring.license_key_secrets[record.secret_version]),
            lease=SignedLease(lease, keyring.sign(lease)),
            created=created,
        )

    def leased(
        self, attempt: LoginAttempt, record: License, organization: Organization
    ) -> HeldLicense:
        """A licence that is bound by this login, with the first lease of its chain (R37)."""
        moved = self._moved(attempt, record, organization, self._question(attempt, record))
        return HeldLicense(moved.record, record, moved.link)

    def hold_device_key(
        self,
        attempt: LoginAttempt,
        record: License,
        organization: Organization,
    ) -> HeldLicense | Refused:
        """``record`` after its agent has asked for its next lease, and has proved a device key.

        The chain of its leases moves, and nobody is blocked for what that shows (R37). For the key,
        see :mod:`domain.key_change` (R36): refused when the licence has one and the agent proves
        none, or one that cannot take its place now. With a proof, all of it is written.

        Raises ``Overtaken``, and ``StaleProof`` for a proof that has counted before.
        """
        request, context = attempt.request, attempt.context
        question = self._question(attempt, record)
        if request.proof is None or attempt.proofs is None:
            if record.device_key is not None:
                return proof_required()
            moved = self._moved(attempt, record, organization, question)
            self._note(record, moved.signs, context)
            return HeldLicense(moved.record, record, moved.link)
        # The bound key's login that was held back moves nothing any more, once the link has moved.
        # One that has moved it itself is asked again.
        is_again = shown(record.chain, question) is Shown.REPETITION
        if record.is_bound_to(request.proof) and not is_again:
            record.demand_newer(request.proof)
        held = after_login(
            record,
            ProvedLogin(
                request.proof,
                request.previous,
                # A partner administers others' agents at most.
                by_administrator=record.term is None and attempt.is_by_administrator,
            ),
            leased_until=self.lease_terms.leased_until(record),
            locked=organization.policy.at_least(self.policy_floor).lock_device_keys,
            now=context.now,
        )
        if isinstance(held, Refused):
            self.store.record_refusal(context.refused_attempt(record, held.code))
            return held
        moved = (
            _Moved(held.record, Link(None, held.record.lent_at, held.record.leased_until))
            if held.is_lent
            else self._moved(attempt, held.record, organization, question)
        )
        after = moved.record
        self._note(record, (*moved.signs, *of_keys(record, after)), context)
        if held.event is not None:
            event = context.license_event(held.event, record, after)
            demand(self.store.commit([Change(record, after, event)], proofs=attempt.proofs))
        else:
            self.store.use_proofs(attempt.proofs)
            if after != record:
                demand(self.store.record_use(record, after))
        return HeldLicense(after, after, moved.link, is_lent=held.is_lent)

    def _moved(
        self,
        attempt: LoginAttempt,
        record: License,
        organization: Organization,
        question: Question,
    ) -> _Moved:
        """``record`` with the lease of its chain that this login leads to."""
        request, now = attempt.request, attempt.context.now
        until = self.lease_terms.end(record, organization, now=now)
        # Agents up to 4.3 present no lease, and need no chain (R30).
        if request.has_older_form and not record.chain.is_presented:
            return _Moved(record.leased(until), Link(None, now, until))
        asked = self.lease_terms.asked(record, organization, now, attempt.context.origin)
        what = shown(record.chain, question)
        taken = step(record.chain, question, asked)
        chain = taken.chain
        # Where the licence goes to another machine, a copy that stays behind has an older link.
        is_elsewhere = record.is_bound and record.claims.isdisjoint(attempt.machine.pairs())
        if is_elsewhere and what in AT_HEAD:
            chain = moved_on(chain, question, self._derive(attempt, record), asked)
        if request.has_older_form:
            chain = replace(chain, is_presented=False)
        link = chain.link
        if link is None:
            raise AssertionError("a login begins a chain")
        moved = replace(record, chain=chain)
        if link != record.chain.link:
            moved = moved.leased(link.expires_at).moved_at(now)
        return _Moved(moved, link, of_leases(what, taken))

    def _question(self, attempt: LoginAttempt, record: License) -> Question:
        try:
            presented = presented_link(
                attempt.request.lease, record, self.keyrings, issuer=self.lease_terms.issuer
            )
        except UnknownLeaseKey:
            presented = None  # a login never depends on it: it may be another service's
        last = presented.id if presented is not None else None
        return Question(presented, self._derive(attempt, record)(last or ""), at_login=True)

    def _derive(self, attempt: LoginAttempt, record: License) -> Derive:
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        # With a blank, which no validation's nonce has: none of them repeats a login's question.
        return partial(keyring.next_link, record.id, nonce=f"login {attempt.nonce}")

    def _note(self, record: License, signs: Iterable[Sign], context: UserContext) -> None:
        for sign in signs:
            self.store.record_refusal(context.sign_on_record(record, sign))

    def refuse_foreign(
        self, attempt: LoginAttempt, holder: tuple[str, str] | None
    ) -> Refused | None:
        """The refusal of a machine that another organization holds, or ``None`` (R4).

        ``holder`` is that organization's id and the id of a licence of theirs, if there is one. The
        user is told the organization's name; the attempt is on record at the licence (R32).
        """
        if holder is None:
            return None
        holder_id, license_id = holder
        record, organization = self.store.license_and_organization(license_id, holder_id)
        self.store.record_refusal(
            RefusedAttempt(
                license_id=license_id,
                organization_id=holder_id,
                reason=RefusalCode.MACHINE_REGISTERED,
                at=attempt.context.now,
                origin=attempt.context.origin,
                license_computer_name=record.computer_name if record else None,
            )
        )
        name = organization.name if organization else holder_id
        return Refused(
            RefusalCode.MACHINE_REGISTERED, f"Your machine is already registered with {name}."
        )


def refuse_ended(organization: Organization, now: int) -> Refused | None:
    """The refusal of an organization whose subscription is not current, or ``None`` (R14)."""
    standing = organization.subscription.standing(now)
    if standing is Standing.CURRENT:
        return None
    how = (
        "has ended"
        if standing is Standing.ENDED
        else f"is {organization.subscription.status.value}"
    )
    return Refused(
        RefusalCode.SUBSCRIPTION_ENDED,
        f"The subscription of {organization.name} {how}. Renew it to log in.",
    )
