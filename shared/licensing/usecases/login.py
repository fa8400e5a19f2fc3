"""What a user's and a partner's login have in common: device key, answer and some refusals."""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain import license_key
from licensing.domain.audit import RefusedAttempt
from licensing.domain.caller import Role
from licensing.domain.key_change import ProvedLogin, after_login
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.license import License
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, PolicyFloor, Standing
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand
from licensing.usecases.ports import Change, Keyrings, LoginStore, LoginView, ProofUse


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One try at a login: the request, its context, the machine, and what was read for it.

    A try that is overtaken is followed by another one, with a ``view`` that was read anew.
    ``proofs`` is the use of the request's proofs, the same in each try; ``None`` without any.
    """

    request: Login
    context: UserContext
    machine: Machine
    view: LoginView
    proofs: ProofUse | None

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
    """A licence that an agent has logged in with.

    ``is_lent``: its device key is the pending one, which gets one lease outside the chain (R36).
    """

    record: License
    is_lent: bool = False


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
        grant = self.lease_terms.lent if held.is_lent else self.lease_terms.grant
        lease = grant(
            record,
            organization,
            LeaseRequest(attempt.request.credentials, attempt.request.own_environment),
            now=attempt.context.now,
        )
        return Issued(
            record=record,
            organization=organization,
            key=record.key(keyring.license_key_secrets[record.secret_version]),
            lease=SignedLease(lease, keyring.sign(lease)),
            created=created,
        )

    def leased(self, record: License, organization: Organization, now: int) -> License:
        """``record`` after the lease of a login that is granted at ``now`` (R36)."""
        return record.leased(self.lease_terms.end(record, organization, now=now))

    def hold_device_key(
        self, attempt: LoginAttempt, record: License, organization: Organization
    ) -> HeldLicense | Refused:
        """``record`` after its agent has proved a device key, see :mod:`domain.key_change` (R36).

        Refused when the licence has a key and the agent proves none, or one that cannot take its
        place now. Raises ``Overtaken``, and ``StaleProof`` for a proof that has counted before.
        """
        request, context, now = attempt.request, attempt.context, attempt.context.now
        if request.proof is None or attempt.proofs is None:
            return HeldLicense(record) if record.device_key is None else proof_required()
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
            now=now,
        )
        if isinstance(held, Refused):
            self.store.record_refusal(context.refused_attempt(record, held.code))
            return held
        after = held.record if held.is_lent else self.leased(held.record, organization, now)
        if held.event is not None:
            event = context.license_event(held.event, record, after)
            demand(self.store.commit([Change(record, after, event)], proofs=attempt.proofs))
            return HeldLicense(after, is_lent=held.is_lent)
        self.store.use_proofs(attempt.proofs)
        if after != record:
            demand(self.store.record_use(record, after))
        return HeldLicense(after, is_lent=held.is_lent)

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
        # By the claim alone: the holder's licence need not be read for it.
        self.store.record_refusal(
            RefusedAttempt(
                license_id=license_id,
                organization_id=holder_id,
                reason=RefusalCode.MACHINE_REGISTERED,
                at=attempt.context.now,
                origin=attempt.context.origin,
            )
        )
        organization = self.store.organization(holder_id)
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
