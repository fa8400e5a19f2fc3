"""What the two kinds of login have in common: the device key, the answer and some refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from licensing.domain import audit, license_key
from licensing.domain.audit import EventType, Origin, RefusedAttempt
from licensing.domain.device_key import Proof
from licensing.domain.lease import LeaseTerms, SignedLease
from licensing.domain.license import License
from licensing.domain.machine_claims import Claim, blocker
from licensing.domain.organization import Organization, Standing
from licensing.domain.refusal import RefusalCode, Refused, proof_required
from licensing.usecases.agent_requests import Login
from licensing.usecases.ports import Change, Entropy, Keyrings, LoginStore, Outcome


@dataclass(frozen=True, slots=True)
class Issued:
    """A licence that the agent may use now."""

    record: License
    organization: Organization
    key: license_key.LicenseKey
    lease: SignedLease
    created: bool


def issued(
    request: Login,
    record: License,
    organization: Organization,
    *,
    created: bool,
    keyrings: Keyrings,
    terms: LeaseTerms,
    now: int,
) -> Issued:
    """The answer to a login: the licence with its key, derived anew, and a lease (R3, R16)."""
    keyring = keyrings.keyring(at_least=record.secret_version)
    lease = terms.grant(
        record,
        organization,
        request.credentials,
        environment=request.environment,
        nonce=None,
        now=now,
    )
    return Issued(
        record=record,
        organization=organization,
        key=record.key(keyring.license_key_secrets[record.secret_version]),
        lease=SignedLease(lease, keyring.sign(lease)),
        created=created,
    )


def hold_device_key(
    record: License,
    proof: Proof | None,
    origin: Origin,
    *,
    store: LoginStore,
    entropy: Entropy,
    now: int,
) -> License | Refused | None:
    """A licence, bound to the device key that its agent has proved to hold.

    A person has logged in: a key that was lost is replaced by the one that there is now, which is
    on record. ``None`` when another change came first. Raises ``StaleProof`` for a proof that has
    counted before.
    """
    if proof is None:
        return record if record.device_key is None else proof_required()
    proved = record.proved(proof)
    if proof.thumbprint == record.device_key:
        return proved if store.record_use(record, proved) is Outcome.COMMITTED else None
    bound = proved.changed(now, device_key=proof.thumbprint)
    event = audit.of_license(
        EventType.DEVICE_KEY_CHANGED,
        record,
        bound,
        id=audit.new_event_id(entropy(16)),
        origin=origin,
    )
    outcome = store.commit([Change(record, bound, event)])
    return bound if outcome is Outcome.COMMITTED else None


def refuse_foreign(
    claims: Iterable[Claim],
    organization_id: str,
    origin: Origin,
    *,
    exclusive: bool,
    store: LoginStore,
    now: int,
) -> Refused | None:
    """A machine of another organization: named to the person, noted for its owner (R4, R32)."""
    found = blocker(claims, organization_id, exclusive=exclusive)
    if found is None:
        return None
    holder_id, license_id = found
    store.record_refusal(
        RefusedAttempt(
            license_id=license_id,
            organization_id=holder_id,
            reason=RefusalCode.MACHINE_REGISTERED,
            at=now,
            origin=origin,
        )
    )
    holder = store.organization(holder_id)
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
