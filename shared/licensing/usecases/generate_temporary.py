"""Super-admins generate temporary licences for partners (R25).

What this module guarantees: a request that carries an idempotency key and is sent again gets the
same licence and the same key, because the licence's id is derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain import audit, license_key
from licensing.domain.audit import EventType, Origin
from licensing.domain.caller import Caller
from licensing.domain.errors import InvalidInput
from licensing.domain.license import License, State
from licensing.domain.machine import NO_MACHINE
from licensing.domain.refusal import Refused, only_super_admins, organization_not_found
from licensing.domain.temporary_license import Term, TimeToLive, id_entropy
from licensing.usecases.ports import Change, Committer, Entropy, Keyrings, Outcome

ANY_ENVIRONMENT = "*"
"""The environment of a temporary licence: it is tied to a person and a machine only (R26)."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A temporary licence and its key."""

    record: License
    term: Term
    key: license_key.LicenseKey


@dataclass(frozen=True, slots=True)
class GenerateTemporary:
    """The use case."""

    store: Committer
    keyrings: Keyrings
    entropy: Entropy

    def __call__(
        self,
        organization_id: str,
        ttl: TimeToLive,
        caller: Caller,
        origin: Origin,
        *,
        idempotency_key: str | None,
        now: int,
    ) -> Generated | Refused:
        """Generate a temporary licence for an organization.

        Raises :class:`InvalidInput` when the idempotency key has served for another request.
        """
        if not caller.is_super_admin:
            return only_super_admins()
        if self.store.organization(organization_id) is None:
            return organization_not_found()
        id_bytes = (
            self.entropy(10)
            if idempotency_key is None
            else id_entropy(organization_id, idempotency_key)
        )
        term = Term(ttl, now + ttl.seconds)
        record = License(
            id=license_key.new_license_id(id_bytes),
            organization_id=organization_id,
            environment=ANY_ENVIRONMENT,
            state=State.ACTIVE,
            machine=NO_MACHINE,
            computer_name=None,
            identity=NO_MACHINE.identity(),
            secret_version=self.keyrings.keyring().newest,
            term=term,
            issued_at=now,
            issued_by=caller.subject,
            agent_version=None,
            updated_at=now,
        )
        event = audit.of_license(
            EventType.TEMPORARY_LICENSE_GENERATED,
            None,
            record,
            id=audit.new_event_id(self.entropy(16)),
            origin=origin,
        )
        if self.store.commit([Change(None, record, event)]) is Outcome.CONFLICT:
            earlier = self.store.license(record.id)
            if earlier is None or earlier.term is None or earlier.term.ttl is not ttl:
                raise InvalidInput(
                    "This idempotency key was used for another time to live. Send a new one.",
                    pointer="/headers/idempotency-key",
                )
            record, term = earlier, earlier.term
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        return Generated(
            record, term, record.key(keyring.license_key_secrets[record.secret_version])
        )
