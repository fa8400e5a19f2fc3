"""A licence follows its machine (R11), and an agent's update to 4.4 makes it exclusive (R31).

A machine *drifts* when one of its components changes while the other two agree: a new network card,
a renamed computer.

What this module guarantees:

* The licence's hashed credentials and its claims move together, in one transaction, or not at all.
* When another licence holds a pair that it would move to, the licence stays as it is and goes on
  working; the refused drift is on record (R11).
"""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain.audit import EventType, Reason
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
from licensing.domain.machine_claims import Claims, blocker, is_exclusive_to, is_older_agent
from licensing.usecases.context import Context
from licensing.usecases.optimistic import Overtaken, retry
from licensing.usecases.ports import Change, MachineStore, Outcome


@dataclass(frozen=True, slots=True)
class ObservedAgent:
    """An agent as the present request shows it; ``machine`` is the hashed ``credentials``."""

    credentials: Credentials
    machine: Machine
    agent_version: str | None


@dataclass(frozen=True, slots=True)
class FollowMachine:
    """The use case: a step of every login and validation."""

    store: MachineStore

    def __call__(self, record: License, observed: ObservedAgent, context: Context) -> License:
        """The licence after it has followed its agent (R11, R31).

        ``record`` was found good for this agent. Nothing is read or written while there is nothing
        to follow. When others keep coming first, it stays as it is, and the next request tries.
        """
        latest = record

        def follow() -> License:
            nonlocal latest
            followed, claims = self._followed(latest, observed, context)
            if followed is latest:
                return followed
            event = context.license_event(
                EventType.LICENSE_UPDATED
                if followed.machine == latest.machine
                else EventType.MACHINE_DRIFTED,
                latest,
                followed,
            )
            change = Change(latest, followed, event)
            if self.store.commit([change], claims=claims) is Outcome.COMMITTED:
                return followed
            found = self.store.license(record.id)
            if found is None or not (
                found.state is latest.state and found.machine.is_same_as(observed.machine)
            ):
                # It ended, was blocked or moved on meanwhile: for the next request to find.
                return latest
            latest = found
            raise Overtaken

        try:
            return retry(follow)
        # No reason to refuse the agent: its licence is good, and drift can wait.
        except Overtaken:
            return latest

    def _followed(
        self, record: License, observed: ObservedAgent, context: Context
    ) -> tuple[License, Claims]:
        """The licence as it should be now, itself if it is so, and the claims that say so."""
        moved = record.machine.followed(observed.machine)
        wants_exclusivity = not record.exclusive and not is_older_agent(observed.agent_version)
        if record.term is not None or (moved == record.machine and not wants_exclusivity):
            return record, {}
        # Also those to release: other environments may hold them, too, and the release then has
        # another form, which it would take a second transaction to find out.
        claims = self.store.claims(moved.pairs() | record.claims)
        if _is_taken(record, moved, claims):
            self.store.record_refusal(context.refused_attempt(record, Reason.DRIFT_REFUSED))
            moved = record.machine
        exclusive = record.exclusive or (
            (wants_exclusivity or is_exclusive_to(claims.values(), record.organization_id))
            and _is_alone(record, moved, claims)
        )
        if moved == record.machine and exclusive == record.exclusive:
            return record, claims
        followed = record.changed(
            context.now,
            machine=moved,
            exclusive=exclusive,
            computer_name=(
                record.computer_name
                if moved.computer_name == record.machine.computer_name
                else observed.credentials.display_name
            ),
            agent_version=observed.agent_version or record.agent_version,
        )
        return followed, claims


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
