"""A licence follows its machine (R11), and an agent's update to 4.4 closes it (R31).

How far it follows is said by :mod:`licensing.domain.drift`.

What this module guarantees:

* The licence's hashed credentials and its claims move together, in one transaction, or not at all.
* A machine is one for all environments of an organization (R9): from what one of its licences there
  moves on, the others move on, too, each in a transaction of its own. An agent that proves its
  device key stays known by that, whatever the others have shown (R36).
* When another licence holds a pair that it would move to, the licence stays as it is and goes on
  working; the refused drift is on record (R11).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain import drift
from licensing.domain.audit import EventType, Reason
from licensing.domain.drift import Evidence, Move, Past
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
from licensing.domain.machine_claims import Claims, is_exclusive_to, is_older_agent
from licensing.usecases.context import Context
from licensing.usecases.optimistic import Overtaken, demand, retry
from licensing.usecases.ports import Change, UseStore
from licensing.usecases.write_use import Followed, write_use


@dataclass(frozen=True, slots=True)
class ObservedAgent:
    """An agent as the present request shows it; ``machine`` is the hashed ``credentials``."""

    credentials: Credentials
    machine: Machine
    agent_version: str | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class FollowMachine:
    """The use case: a step of every login and validation."""

    store: UseStore

    def followed(self, record: License, observed: ObservedAgent, context: Context) -> Followed:
        """The licence as it should be now; itself, if it is so already.

        What is not followed, and what has come back, is on record then.
        """
        if record.term is not None:
            return Followed(record)
        step = drift.step(
            record.machine,
            record.past,
            observed.machine,
            evidence=observed.evidence,
            now=context.now,
        )
        wants_exclusivity = not record.exclusive and not is_older_agent(observed.agent_version)
        if step.machine is record.machine and not wants_exclusivity:
            self._report(record, step.move, context)
            return Followed(replace(record, past=step.past))
        # Also those to release: other environments may hold them, too, and the release then has
        # another form, which it would take a second transaction to find out.
        claims = self.store.claims(step.machine.pairs() | record.claims)
        exclusive = (
            record.exclusive
            or wants_exclusivity
            or is_exclusive_to(
                (claims[pair] for pair in step.machine.pairs() & claims.keys()),
                record.organization_id,
            )
        )
        if _is_taken(record, step.machine, claims, exclusive=exclusive):
            self.store.record_refusal(context.refused_attempt(record, Reason.DRIFT_REFUSED))
            step = drift.stayed(record.machine, record.past, evidence=observed.evidence)
        self._report(record, step.move, context)
        moved = step.machine
        stayed = replace(record, past=step.past)
        if moved is record.machine and exclusive == record.exclusive:
            return Followed(stayed, claims=claims)
        followed = stayed.changed(
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
        is_update = moved is record.machine
        event = EventType.LICENSE_UPDATED if is_update else EventType.MACHINE_DRIFTED
        return Followed(followed, event, claims)

    def committed(self, before: License, followed: Followed, context: Context) -> License:
        """The licence, once what has become of it is written. Raises :class:`Overtaken`.

        The organization's other licences on the machine move on first (R9): where that is cut off,
        this one still shows that there is something to follow, and the next request goes on.
        """
        if followed.record == before:
            return before
        beside = _beside(before, followed)
        for license_id in beside:
            self._take_along(license_id, before, followed.record, context)
        if beside:  # which has changed who holds the pairs
            pairs = before.claims | followed.record.claims
            followed = replace(followed, claims=self.store.claims(pairs))
        return write_use(self.store, before, followed, context)

    def _take_along(
        self, license_id: str, before: License, after: License, context: Context
    ) -> None:
        """Let another licence on the machine move on as one has from ``before`` to ``after``."""

        def take_along() -> None:
            record = self.store.license(license_id)
            if record is None or record.claims.isdisjoint(before.claims):
                return  # it has left the machine, or has moved on by itself
            moved = record.machine.moved_along(before.machine, after.machine)
            if moved is record.machine or not _comes_along(record):
                return
            claims = self.store.claims(moved.pairs() | record.claims)
            if _is_taken(record, moved, claims, exclusive=record.exclusive):
                return  # nor could it follow the machine by itself
            has_new_name = moved.computer_name != record.machine.computer_name
            past = _past_along(record, moved, after, context.now)
            beside = replace(record, past=past).changed(
                context.now,
                machine=moved,
                computer_name=after.computer_name if has_new_name else record.computer_name,
            )
            event = context.license_event(EventType.MACHINE_DRIFTED, record, beside)
            demand(self.store.commit([Change(record, beside, event)], claims=claims))

        try:
            retry(take_along)
        except Overtaken:
            # It is in use: it still agrees with the machine in two components, and goes on.
            return

    def _report(self, record: License, move: Move | None, context: Context) -> None:
        """Put on record what was not followed, and what has come back."""
        if move is Move.WITHHELD:
            self.store.record_refusal(context.refused_attempt(record, Reason.DRIFT_WITHHELD))
        elif move is Move.PUT_BACK:
            self.store.record_refusal(context.suspected_clone(record, Reason.MACHINE_CAME_BACK))


def _beside(before: License, followed: Followed) -> list[str]:
    """The ids of the organization's other licences on a machine that has changed."""
    if followed.event is not EventType.MACHINE_DRIFTED:
        return []
    ids = {
        license_id
        for pair in before.claims & followed.claims.keys()
        for license_id in followed.claims[pair].licenses_of(before.organization_id).values()
    }
    return sorted(ids - {before.id})


def _comes_along(record: License) -> bool:
    """Whether a licence moves on by what another one has shown.

    Not where two machines seem to use it: it waits for a login of its own. Nor where nothing would
    stay by which its own agent, with the device key, is known.
    """
    is_known = record.device_key is None or record.machine.mac_addresses
    return bool(is_known) and not record.past.is_held


def _past_along(record: License, moved: Machine, after: License, now: int) -> Past:
    """The past of a licence that goes along to ``moved`` with one that is ``after`` now.

    A device key's proof says by itself where its agent is: what that shows once more is not a
    second machine's.
    """
    past = record.past
    if record.device_key is None:
        past = past.leaving(record.machine, moved, now, is_vouched=False)
    # The machine has moved, whichever of its licences has shown it.
    return replace(past, moved_at=max(past.moved_at, after.past.moved_at))


def _is_taken(record: License, moved: Machine, claims: Claims, *, exclusive: bool) -> bool:
    """Whether somebody keeps the licence from one of the pairs that it would claim anew (R11, R31).

    Those who share the machine that it keeps do not. ``exclusive`` says that it would close them.
    """
    own = record.organization_id
    kept = [claims[pair] for pair in moved.pairs() & record.claims & claims.keys()]
    return any(
        not (claim.is_open_to(own, exclusive=exclusive) or claim.is_shared_along(kept, own))
        or any(
            record.is_for(environment) and license_id != record.id
            for environment, license_id in claim.licenses_of(own).items()
        )
        for pair, claim in claims.items()
        if pair in moved.pairs() - record.claims
    )
