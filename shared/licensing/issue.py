"""The login of an agent: a new licence at first, the same one ever after (R1–R6).

What this module guarantees:

* Nothing is decided by what was read: reading only chooses what to try, and the commit's own
  conditions let one of any number of racing logins through (R5).
* A repeated login writes nothing and answers with the same licence and the same key (R2).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from licensing import audit, keys
from licensing.access import Caller
from licensing.audit import EventType, Origin, Refusal
from licensing.errors import InvalidInput, Unavailable
from licensing.lease import LeaseTerms, SignedLease
from licensing.license import License, Sighting, State
from licensing.machine import Credentials, Machine
from licensing.organization import Organization, Standing
from licensing.ports import Change, Claims, Entropy, Keyrings, LoginStore, Outcome
from licensing.refusal import RefusalCode, Refused

MAX_ENVIRONMENTS: Final = 100
"""How many agent instances one machine may have: keeps a claim's record small."""

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Login:
    """What an agent sends when a person logs in."""

    credentials: Credentials
    environment: str
    agent_version: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A licence that the agent may use now."""

    record: License
    organization: Organization
    key: keys.LicenseKey
    lease: SignedLease
    created: bool


@dataclass(frozen=True, slots=True)
class IssueLicense:
    """The use case."""

    store: LoginStore
    keyrings: Keyrings
    terms: LeaseTerms
    entropy: Entropy

    def __call__(
        self, request: Login, caller: Caller, origin: Origin, *, now: int
    ) -> Issued | Refused:
        """Log an agent in: find its licence or issue one.

        Raises :class:`Unavailable` when other changes keep coming first.
        """
        if caller.organization_id is None:
            return Refused(
                RefusalCode.FORBIDDEN,
                "Your account does not belong to an organization. Ask your administrator.",
            )
        machine = Machine.of(request.credentials, self.keyrings.keyring().hashing_key)

        has_been_full = False
        for _ in range(_ATTEMPTS):
            claims, organization = self.store.claims_and_organization(
                machine.pairs(), caller.organization_id
            )
            if organization is None:
                return Refused(
                    RefusalCode.FORBIDDEN,
                    f"Your organization ({caller.organization_id}) is not registered here.",
                )
            license_id = _license_of(claims, organization.id, request.environment)
            if license_id is None:
                answer = self._first(request, caller, origin, machine, organization, claims, now)
            else:
                answer = self._again(request, machine, organization, license_id, now)
            # Claims and organization are not read at one instant: the last seat may have gone to
            # this very agent in between. Claims that are read after it was gone would show that.
            is_full = isinstance(answer, Refused) and answer.code is RefusalCode.SEAT_LIMIT_REACHED
            if answer is not None and (has_been_full or not is_full):
                return answer
            has_been_full = is_full
        raise Unavailable("This agent is being logged in from several places at once. Try again.")

    def _again(
        self,
        request: Login,
        machine: Machine,
        organization: Organization,
        license_id: str,
        now: int,
    ) -> Issued | Refused | None:
        """The agent's licence once more; ``None`` when it was released since it was found."""
        record = self.store.license(license_id)
        if record is None or record.claims.isdisjoint(machine.pairs()):
            return None
        if record.state is State.DETACHED:
            return Refused(RefusalCode.AGENT_BLOCKED, "Agent is Blocked.")
        return _refuse_ended(organization, now) or self._issued(
            request, record, organization, now, created=False
        )

    def _first(
        self,
        request: Login,
        caller: Caller,
        origin: Origin,
        machine: Machine,
        organization: Organization,
        claims: Claims,
        now: int,
    ) -> Issued | Refused | None:
        """A new licence; ``None`` when another change came first."""
        refused = (
            self._refuse_foreign(claims, organization, origin, now)
            or _refuse_ended(organization, now)
            or _refuse_full(organization)
        )
        if refused is not None:
            return refused
        if any(len(held[organization.id]) >= MAX_ENVIRONMENTS for held in claims.values()):
            raise InvalidInput(
                f"This machine has {MAX_ENVIRONMENTS} environments already. Revoke one first.",
                pointer="/environment",
            )
        record = License(
            id=keys.new_license_id(self.entropy(10)),
            organization_id=organization.id,
            environment=request.environment,
            state=State.ACTIVE,
            machine=machine,
            computer_name=request.credentials.display_name,
            identity=machine.identity(),
            secret_version=self.keyrings.keyring().newest,
            issued_at=now,
            issued_by=caller.subject,
            agent_version=request.agent_version,
            updated_at=now,
            last_seen=Sighting(now, request.agent_version, origin.source_address),
        )
        event = audit.of_license(
            EventType.LICENSE_ISSUED,
            None,
            record,
            id=audit.new_event_id(self.entropy(16)),
            origin=origin,
        )
        outcome = self.store.commit(
            [Change(None, record, event)], organization=organization, claims=claims
        )
        if outcome is Outcome.LOST:
            return None
        return self._issued(request, record, organization, now, created=True)

    def _refuse_foreign(
        self, claims: Claims, organization: Organization, origin: Origin, now: int
    ) -> Refused | None:
        """R4: a machine of another organization, named to the person and noted for its owner."""
        foreign = {
            holder_id: min(environments.values())
            for holders in claims.values()
            for holder_id, environments in holders.items()
            if holder_id != organization.id
        }
        if not foreign:
            return None
        holder_id, license_id = min(foreign.items())
        self.store.note_refusal(
            Refusal(
                license_id=license_id,
                organization_id=holder_id,
                reason=RefusalCode.MACHINE_REGISTERED,
                at=now,
                origin=origin,
            )
        )
        holder = self.store.organization(holder_id)
        return Refused(
            RefusalCode.MACHINE_REGISTERED,
            f"Your machine is already registered with {holder.name if holder else holder_id}.",
        )

    def _issued(
        self,
        request: Login,
        record: License,
        organization: Organization,
        now: int,
        *,
        created: bool,
    ) -> Issued:
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        lease = self.terms.grant(record, organization, request.credentials, nonce=None, now=now)
        return Issued(
            record=record,
            organization=organization,
            key=record.key(keyring.license_key_secrets[record.secret_version]),
            lease=SignedLease(lease, keyring.sign(lease)),
            created=created,
        )


def _license_of(claims: Claims, organization_id: str, environment: str) -> str | None:
    """The organization's licence that holds most of the pairs, if any holds one."""
    found = Counter(
        license_id
        for holders in claims.values()
        for held_environment, license_id in holders.get(organization_id, {}).items()
        if held_environment == environment
    )
    # Ties are broken by id, so that every login of this machine answers alike.
    return max(found, key=lambda license_id: (found[license_id], license_id), default=None)


def _refuse_ended(organization: Organization, now: int) -> Refused | None:
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


def _refuse_full(organization: Organization) -> Refused | None:
    if organization.has_free_seat():
        return None
    return Refused(
        RefusalCode.SEAT_LIMIT_REACHED,
        f"All {organization.max_agents} agents of {organization.name} are in use. "
        "Revoke one from the portal, or ask for more.",
    )
