"""Histories: what clients in several processes ask of one machine and are told, with the times.

Four clients at a time meet on a machine of their own, two of either organization, each of whom is
a partner of the first one at times. Now and then a
transaction's answer is lost, or its request is, or is held up and takes effect much later: then
nobody knows whether it has been done.
"""

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action
from licensing.domain.license_key import LicenseKey
from licensing.domain.refusal import Refused
from licensing.entrypoints.deployment import Deployment
from licensing.usecases.generate_temporary import Generated
from licensing.usecases.login import Issued
from tests.concurrency.model import Answer, Asked, MachineOperation
from tests.concurrency.racers import AT_A_TABLE, Ground, Hand, Kind, Racers, table_of_four
from tests.concurrency.tasks import machine
from tests.faults.seam import (
    FOR_GOOD,
    Stopwatch,
    Wire,
    answer_lost,
    at_transactions,
    connection_lost,
    connection_refused,
    held_up,
    no_waiting,
    server_error_after_commit,
    transaction_conflict,
)
from tests.world import NOON

OPERATIONS = 10
"""How many each client asks of a machine; the first of each four asks once more in the end."""

ORGANIZATIONS = ("acme", "bolt")
CLIENT = "acme"
"""Whose machine the partner works on, with a temporary licence that each client knows."""

SECONDS = 10.0
DISTURBED = 0.15
FAULTS = [
    # These the service gets over by itself.
    (answer_lost, 1),
    (connection_lost, 2),
    (server_error_after_commit, 1),
    (transaction_conflict, 2),
    # After these it says that it does not know.
    (answer_lost, FOR_GOOD),
    (connection_refused, FOR_GOOD),
    (held_up, FOR_GOOD),
    (held_up, FOR_GOOD),
]
KINDS = (
    *("login", "login with a key", "validate", "dissociate", "revoke", "detach", "attach"),
    *("use", "check"),
)
WEIGHTS = (30, 15, 25, 9, 6, 10, 8, 6, 10)

History = Sequence[MachineOperation]


@dataclass(frozen=True)
class Plan:
    """Which machines to meet on, dealt out among the fours, over which kind of store."""

    ground: Ground
    kind: Kind
    machines: range
    fours: int
    seed: int


class _Line:
    """A process's own client for histories, whose wire can be cut."""

    made: tuple[Deployment, Wire] | None = None


class _Client:
    """One client: it knows the keys that it has been told on the present machine."""

    def __init__(self, plan: Plan, seat: int) -> None:
        if _Line.made is None:
            runtime = plan.ground.runtime()
            _Line.made = runtime, Wire(runtime.dynamodb, Stopwatch(SECONDS))
        runtime, self.wire = _Line.made
        self.chance = random.Random(f"{plan.seed}/{seat}")  # noqa: S311 - reproducible, not secret
        watch = self.wire.stopwatch
        retry_policy = RetryPolicy(watch.remaining, self.chance.random, watch.pause)
        self.hand: Hand = plan.ground.hand_of(runtime, plan.kind, retry_policy)
        self.seat = seat
        self.organization_id = ORGANIZATIONS[seat % len(ORGANIZATIONS)]
        self.number = 0
        self.keys: dict[str, LicenseKey] = {}
        self.temporary: LicenseKey | None = None

    def meet(self, number: int) -> None:
        """Go on to another machine."""
        self.number = number
        self.keys.clear()
        self.wire.stopwatch.elapsed = 0.0  # another request: it has all its time
        made = self.hand.do(self.hand.generate(CLIENT, idempotency_key=f"machine {number}"))
        assert isinstance(made, Generated)
        self.temporary = made.key

    def ask(self, *, is_last: bool = False) -> MachineOperation:
        """Ask something; the last one is a validation, and nothing disturbs it."""
        (kind,) = ("validate",) if is_last else self.chance.choices(KINDS, WEIGHTS)
        if self.wire.held and self.chance.random() < 0.5:
            self.wire.deliver_held()
        if not is_last and self.chance.random() < DISTURBED:
            self.wire.break_with(at_transactions(self.chance.choice(FAULTS)))
        key = self.chance.choice([*self.keys.values()]) if self.keys else None
        if kind in ("use", "check"):
            key = self.temporary
            assert key is not None
            asked = Asked(kind, CLIENT, key.reveal())
        elif kind == "login" or key is None:
            asked = Asked("login", self.organization_id)
        else:
            asked = Asked(kind.partition(" ")[0], self.organization_id, key.reveal())
        self.wire.stopwatch.elapsed = 0.0
        called = time.monotonic_ns()
        try:
            answer = self._answer(asked, key)
        except Unavailable:
            return MachineOperation(self.seat, called, None, asked, None)
        finally:
            self.wire.mend()
        return MachineOperation(self.seat, called, time.monotonic_ns(), asked, answer)

    def _answer(self, asked: Asked, key: LicenseKey | None) -> Answer:
        here = machine(self.number)
        presented = key if asked.key is not None else None
        if asked.kind == "login":
            return self._told(
                self.hand.do(self.hand.login(self.organization_id, here, key=presented))
            )
        assert key is not None
        if asked.kind == "use":
            used = self.hand.do(self.hand.use(key, "pavel", here))
            if isinstance(used, Refused):
                return Answer("refused", used.code.value)
            return Answer("issued", used.key.reveal())
        if asked.kind == "check":
            validation = self.hand.validate(key, CLIENT, here, now=NOON)
            return Answer(self.hand.do(validation).code.value)
        if asked.kind == "validate":
            now = NOON + self.hand.last_seen_seconds * self.chance.randrange(20)
            validation = self.hand.validate(key, self.organization_id, here, now=now)
            return Answer(self.hand.do(validation).code.value)
        changed = self.hand.do(self.hand.act(Action(asked.kind), key.license_id))
        if isinstance(changed, Refused):
            return Answer("refused", changed.code.value)
        return Answer(changed.state.value)

    def _told(self, answer: Issued | Refused) -> Answer:
        if isinstance(answer, Refused):
            return Answer("refused", answer.code.value)
        key = answer.key.reveal()
        self.keys[key] = answer.key
        return Answer("issued", key, answer.created)


def _live(plan: Plan, seat: int) -> list[tuple[int, MachineOperation]]:
    """One client's share of all histories, each operation with its machine."""
    client = _Client(plan, seat)
    fours = range(plan.machines.start + seat // AT_A_TABLE, plan.machines.stop, plan.fours)
    seen = []
    with no_waiting(client.wire.stopwatch.pass_by), table_of_four(seat) as meeting:
        for number in fours:
            meeting.wait()
            client.meet(number)
            seen += [(number, client.ask()) for _ in range(OPERATIONS)]
            client.wire.deliver_held()
            meeting.wait()
            if seat % AT_A_TABLE == 0:
                seen.append((number, client.ask(is_last=True)))
    return seen


def recorded(racers: Racers, plan: Plan) -> Mapping[int, History]:
    """Let all processes live through a plan: a history for each machine."""
    histories: dict[int, list[MachineOperation]] = defaultdict(list)
    for seen in racers.all(partial(_live, plan)):
        for number, operation in seen:
            histories[number].append(operation)
    return histories
