"""What the two kinds of login have in common: the device key, the answer and some refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from licensing.domain import license_key
from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.license import License
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import Claim, blocker
from licensing.domain.organization import Organization, Standing
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand
from licensing.usecases.ports import Change, Keyrings, LoginStore, LoginView


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One try at a login: what was asked, by whom, on which machine, and what was read for it."""

    request: Login
    context: UserContext
    machine: Machine
    view: LoginView


@dataclass(frozen=True, slots=True)
class Issued:
    """A licence that the agent may use now."""

    record: License
    organization: Organization
    key: license_key.LicenseKey
    lease: SignedLease
    created: bool


@dataclass(frozen=True, slots=True)
class LoginSteps:
    """The steps that every login takes."""

    store: LoginStore
    keyrings: Keyrings
    lease_terms: LeaseTerms

    def issued(
        self, attempt: LoginAttempt, record: License, organization: Organization, *, created: bool
    ) -> Issued:
        """The answer: the licence with its key, derived anew, and a lease (R3, R16)."""
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        lease = self.lease_terms.grant(
            record,
            organization,
            LeaseRequest(attempt.request.credentials, attempt.request.environment),
            now=attempt.context.now,
        )
        return Issued(
            record=record,
            organization=organization,
            key=record.key(keyring.license_key_secrets[record.secret_version]),
            lease=SignedLease(lease, keyring.sign(lease)),
            created=created,
        )

    def hold_device_key(self, attempt: LoginAttempt, record: License) -> License | Refused:
        """A licence, bound to the device key that its agent has proved to hold.

        A person has logged in: a key that was lost is replaced by the one that there is now, which
        is on record. Raises ``Overtaken``, and ``StaleProof`` for a proof that has counted before.
        """
        proof = attempt.request.proof
        if proof is None:
            return record if record.device_key is None else proof_required()
        proved = record.proved(proof)
        if proof.thumbprint == record.device_key:
            demand(self.store.record_use(record, proved))
            return proved
        bound = proved.changed(attempt.context.now, device_key=proof.thumbprint)
        event = attempt.context.license_event(EventType.DEVICE_KEY_CHANGED, record, bound)
        demand(self.store.commit([Change(record, bound, event)]))
        return bound

    def refuse_foreign(
        self,
        attempt: LoginAttempt,
        claims: Iterable[Claim],
        organization_id: str,
        *,
        exclusive: bool,
    ) -> Refused | None:
        """A machine of another organization: named to the person, noted for its owner (R4, R32)."""
        found = blocker(claims, organization_id, exclusive=exclusive)
        if found is None:
            return None
        holder_id, license_id = found
        self.store.record_refusal(
            RefusedAttempt(
                license_id=license_id,
                organization_id=holder_id,
                reason=RefusalCode.MACHINE_REGISTERED,
                at=attempt.context.now,
                origin=attempt.context.origin,
            )
        )
        holder = self.store.organization(holder_id)
        return Refused(
            RefusalCode.MACHINE_REGISTERED,
            f"Your machine is already registered with {holder.name if holder else holder_id}.",
        )


def refuse_ended(organization: Organization, now: int) -> Refused | None:
    """An organization whose subscription is not good (R14)."""
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
