"""A licence follows its machine: drift, and the step to exclusivity (R11, R31).

What this module guarantees:

* The licence's credentials and its claims move together, in one transaction, or not at all.
* When somebody else holds what it would move to, it stays where it is, that is reported, and the
  licence goes on (R11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin, RefusedAttempt
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
from licensing.domain.machine_claims import Claims, blocker, is_exclusive_to, is_older_agent
from licensing.usecases.ports import Change, Entropy, MachineStore, Outcome

DRIFT_REFUSED: Final = "drift_refused"
"""The reason of the entry that a refused drift leaves in the licence's history."""

_ATTEMPTS: Final = 4


@dataclass(frozen=True, slots=True)
class ObservedAgent:
    """An agent as it has just shown itself."""

    credentials: Credentials
    machine: Machine
    agent_version: str | None


@dataclass(frozen=True, slots=True)
class FollowMachine:
    """The use case, part of every login and validation."""

    store: MachineStore
    entropy: Entropy

    def __call__(
        self, record: License, observed: ObservedAgent, origin: Origin, *, now: int
    ) -> License:
        """Let a licence that was found good follow its agent; the licence as it is then.

        Costs nothing while there is nothing to follow.
        """
        for _ in range(_ATTEMPTS):
            moved = record.machine.followed(observed.machine)
            wants_exclusivity = not record.exclusive and not is_older_agent(observed.agent_version)
            if record.term is not None or (moved == record.machine and not wants_exclusivity):
                return record
            # Those to release, too: that other environments hold them costs no second transaction.
            claims = self.store.claims(moved.pairs() | record.claims)
            if _is_taken(record, moved, claims):
                self.store.record_refusal(_refused_drift(record, origin, now))
                moved = record.machine
            exclusive = record.exclusive or (
                (wants_exclusivity or is_exclusive_to(claims.values(), record.organization_id))
                and _is_alone(record, moved, claims)
            )
            if moved == record.machine and exclusive == record.exclusive:
                return record
            followed = record.changed(
                now,
                machine=moved,
                exclusive=exclusive,
                computer_name=(
                    record.computer_name
                    if moved.computer_name == record.machine.computer_name
                    else observed.credentials.display_name
                ),
                agent_version=observed.agent_version or record.agent_version,
            )
            event = audit.of_license(
                EventType.LICENSE_UPDATED if moved == record.machine else EventType.MACHINE_DRIFTED,
                record,
                followed,
                id=audit.new_event_id(self.entropy(16)),
                origin=origin,
            )
            outcome = self.store.commit([Change(record, followed, event)], claims=claims)
            if outcome is Outcome.COMMITTED:
                return followed
            latest = self.store.license(record.id)
            if latest is None or not (
                latest.state is record.state and latest.machine.is_same_as(observed.machine)
            ):
                # It ended, was blocked or moved on meanwhile: for the next request to find.
                return record
            record = latest
        return record


def _is_taken(record: License, moved: Machine, claims: Claims) -> bool:
    """Whether somebody holds one of the pairs that the licence would have to claim anew."""
    anew = (claims[pair] for pair in (moved.pairs() - record.claims) & claims.keys())
    return any(
        not claim.is_open_to(record.organization_id, exclusive=record.exclusive)
        or claim.licenses_of(record.organization_id).get(record.environment, record.id) != record.id
        for claim in anew
    )


def _is_alone(record: License, moved: Machine, claims: Claims) -> bool:
    """Whether no other organization holds any of the machine's pairs."""
    present = (claims[pair] for pair in moved.pairs() & claims.keys())
    return blocker(present, record.organization_id, exclusive=True) is None


def _refused_drift(record: License, origin: Origin, now: int) -> RefusedAttempt:
    return RefusedAttempt(
        license_id=record.id,
        organization_id=record.organization_id,
        reason=DRIFT_REFUSED,
        at=now,
        origin=origin,
    )
