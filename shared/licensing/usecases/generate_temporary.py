"""Super-admins generate temporary licences for partners (R25).

What this module guarantees: a request that carries an idempotency key and is sent again within 24
hours gets the same licence and the same key, as the licence is by then. The key is kept in the
transaction that makes the licence, on condition that it is free.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from licensing.domain import license_key
from licensing.domain.audit import EventType, Reading
from licensing.domain.idempotency import KeyedRequest, request_id
from licensing.domain.license import License, State
from licensing.domain.machine import NO_MACHINE
from licensing.domain.refusal import (
    Refused,
    idempotency_key_reused,
    license_not_found,
    only_super_admins,
    organization_not_found,
)
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.context import UserContext
from licensing.usecases.note_reading import note_reading
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import Change, Keyrings, RequestStore, Witness

ANY_ENVIRONMENT = "*"
"""The environment of a temporary licence: it is tied to a person and a machine only (R26)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: a time to live, and a note about it."""

    ttl: TimeToLive
    note: str | None = None

    @property
    def content(self) -> str:
        """What two requests have in common that ask for the same."""
        # Without a note as before there were any.
        return self.ttl if self.note is None else json.dumps([self.ttl, self.note])


@dataclass(frozen=True, slots=True)
class Generated:
    """A temporary licence and its key."""

    record: License
    term: Term
    key: license_key.LicenseKey


class GenerateStore(RequestStore, Witness, Protocol):
    """Requests that count once, and who has been shown what one has made."""


@dataclass(frozen=True, slots=True)
class GenerateTemporary:
    """The use case."""

    store: GenerateStore
    keyrings: Keyrings

    def __call__(
        self,
        organization_id: str,
        asked: Asked,
        context: UserContext,
        *,
        idempotency_key: str | None,
    ) -> Generated | Refused:
        """Generate a temporary licence for an organization.

        ``Refused``: the caller is no super-admin, there is no such organization, or the key stands
        for another request. Raises ``Unavailable`` when other requests with the key keep coming
        first.
        """
        if not context.caller.is_super_admin:
            return only_super_admins()
        if idempotency_key is None:
            if self.store.organization(organization_id) is None:
                return organization_not_found()
            return self._generate(organization_id, asked, context, once=None)
        once = request_id(organization_id, context.caller.subject, idempotency_key)

        def decide() -> Generated | Refused:
            organization, earlier = self.store.organization_and_request(organization_id, once)
            if organization is None:
                return organization_not_found()
            if earlier is None or earlier.has_ended(context.now):
                return self._generate(organization_id, asked, context, once=once)
            answer = self._repeat(earlier, asked)
            if isinstance(answer, Generated):
                # It is shown as it is by now, and no change says so.
                note_reading(self.store, Reading.TEMPORARY_LICENSES, organization_id, context)
            return answer

        return retry_or_give_up(decide, busy="This idempotency key is in use")

    def _generate(
        self, organization_id: str, asked: Asked, context: UserContext, *, once: str | None
    ) -> Generated:
        """A new licence, for the request that is kept as ``once``. Raises ``Overtaken``."""
        term = Term(asked.ttl, context.now + asked.ttl.seconds, note=asked.note)
        record = License(
            id=context.new_license_id(),
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
            issued_by_name=context.caller.name,
            agent_version=None,
            updated_at=context.now,
        )
        request = (
            KeyedRequest.of(once, asked.content, license_id=record.id, now=context.now)
            if once
            else None
        )
        event = context.license_event(EventType.TEMPORARY_LICENSE_GENERATED, None, record)
        demand(self.store.commit([Change(None, record, event, request=request)]))
        return self._shown(record, term)

    def _repeat(self, earlier: KeyedRequest, asked: Asked) -> Generated | Refused:
        """What an earlier request has made, as it is now."""
        if not earlier.asks_for(asked.content):
            return idempotency_key_reused()
        record = self.store.license(earlier.license_id)
        if record is None or record.term is None:
            return license_not_found()
        return self._shown(record, record.term)

    def _shown(self, record: License, term: Term) -> Generated:
        keyring = self.keyrings.keyring(at_least=record.secret_version)
        key = record.key(keyring.license_key_secrets[record.secret_version])
        return Generated(record, term, key)
