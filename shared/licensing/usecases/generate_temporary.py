"""Super-admins generate temporary licences for partners (R25).

What this module guarantees: a request that carries an idempotency key and is sent again gets the
same licence and the same key, because the licence's id is derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain import license_key
from licensing.domain.audit import EventType
from licensing.domain.errors import InvalidInput
from licensing.domain.license import License, State
from licensing.domain.machine import NO_MACHINE
from licensing.domain.refusal import Refused, only_super_admins, organization_not_found
from licensing.domain.temporary_license import Term, TimeToLive, id_entropy
from licensing.usecases.context import UserContext
from licensing.usecases.ports import Change, Committer, Keyrings, Outcome

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

    def __call__(
        self,
        organization_id: str,
        ttl: TimeToLive,
        context: UserContext,
        *,
        idempotency_key: str | None,
    ) -> Generated | Refused:
        """Generate a temporary licence for an organization.

        Raises :class:`InvalidInput` when the idempotency key has served for another request.
        """
        if not context.caller.is_super_admin:
            return only_super_admins()
        if self.store.organization(organization_id) is None:
            return organization_not_found()
        term = Term(ttl, context.now + ttl.seconds)
        record = License(
            id=(
                context.new_license_id()
                if idempotency_key is None
                else license_key.new_license_id(id_entropy(organization_id, idempotency_key))
            ),
            organization_id=organization_id,
            environment=ANY_ENVIRONMENT,
            state=State.ACTIVE,
            machine=NO_MACHINE,
            computer_name=None,
            identity=NO_MACHINE.identity(),
            secret_version=self.keyrings.keyring().newest,
            term=term,
            issued_at=context.now,
            issued_by=context.caller.subject,
            agent_version=None,
            updated_at=context.now,
        )
        event = context.license_event(EventType.TEMPORARY_LICENSE_GENERATED, None, record)
        if self.store.commit([Change(None, record, event)]) is Outcome.CONFLICT:
            earlier = self.store.license(record.id)
            if earlier is None or earlier.term is None or earlier.term.ttl is not ttl:
                raise InvalidInput(
                    "This idempotency key was already used with another ttl. Send a new key.",
                    pointer="/headers/idempotency-key",
                )
            record, term = earlier, earlier.term
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        return Generated(
            record, term, record.key(keyring.license_key_secrets[record.secret_version])
        )
