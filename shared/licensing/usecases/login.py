"""What a user's and a partner's login have in common: device key, answer and some refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from licensing.domain import license_key
from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.license import License
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import Claim, blocker
from licensing.domain.organization import Organization, PolicyFloor, Standing
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand
from licensing.usecases.ports import Change, Keyrings, LoginStore, LoginView


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One try at a login: the request, its context, the machine, and what was read for it.

    A try that is overtaken is followed by another one, with a ``view`` that was read anew.
    """

    request: Login
    context: UserContext
    machine: Machine
    view: LoginView


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
class LoginSteps:
    """The steps that a user's login (``LogIn``) and a partner's (``LogInPartner``) share.

    ``policy_floor`` is what the vendor demands of all organizations' agents (R38).
    """

    store: LoginStore
    keyrings: Keyrings
    lease_terms: LeaseTerms
    policy_floor: PolicyFloor

    def issued(
        self, attempt: LoginAttempt, record: License, organization: Organization, *, created: bool
    ) -> Issued:
        """The answer: ``record`` with its key, which is derived anew, and a lease (R3, R16)."""
        # During a rotation, a licence may have a version that is not known here yet.
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
        """``record``, bound to the device key that the agent has proved.

        Another key than before replaces the old one, since a user vouches for the agent; that is
        on record (``DeviceKeyChanged``). Refused when the licence has a key and the agent proves
        none. Raises ``Overtaken``, and ``StaleProof`` for a proof that has counted before.
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
        """The refusal of a machine that another organization holds, or ``None`` (R4).

        The user is told that organization's name; the attempt is on record at a licence of theirs
        (R32). ``exclusive`` says that the agent wants the machine for its organization alone (R31).
        """
        found = blocker(claims, organization_id, exclusive=exclusive)
        if found is None:
            return None
        holder_id, license_id = found
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
        holder = self.store.organization(holder_id)
        return Refused(
            RefusalCode.MACHINE_REGISTERED,
            f"Your machine is already registered with {holder.name if holder else holder_id}.",
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
