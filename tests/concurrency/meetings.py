"""A scene in which any two operations can meet, and who meets whom.

Two operations that overlap must answer, and leave the table, as if one had come after the other. An
operation that crashes somewhere and is repeated must leave the table as some order without a crash
does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from licensing.adapters.dynamo import DynamoStore, items, schema
from licensing.domain.device_key import Proof
from licensing.domain.errors import InvalidInput, StaleProof
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.machine import Credentials
from licensing.domain.organization import DAY, Organization
from licensing.domain.refusal import agent_blocked
from licensing.domain.temporary_license import TimeToLive
from licensing.usecases.amend_organization import Decision
from licensing.usecases.change_subscription import Registered
from licensing.usecases.generate_temporary import Generated
from licensing.usecases.login import Issued
from licensing.usecases.sweep_expired import SETTLING_SECONDS, SweepReport
from licensing.usecases.validate import Verdict
from tests.concurrency import canonical
from tests.concurrency.arena import Arena
from tests.concurrency.table import restore
from tests.concurrency.tasks import machine
from tests.concurrency.turns import Choice, Crashed, Run, Task, run
from tests.world import NOON, YEAR

if TYPE_CHECKING:
    from licensing.adapters.dynamo.values import Item, StoredItem

ENDED = NOON + 1000
NOW = ENDED + SETTLING_SECONDS + 1
LATE = NOON + DAY
NEWEST_MS = (LATE + DAY) * 1000
"""Proofs are newer than whenever a link has moved: what counts is which of them is newer."""
"""When the leases of the beginning are over."""

MEETINGS = [
    # Who gets a machine?
    ("first login", "first login"),
    ("first login", "first login of another organization"),
    ("first login", "first login to staging"),
    ("first login to staging", "first login of another organization"),
    # Who gets a seat?
    ("login to the last seat", "login to the last seat"),
    ("login to the last seat", "first login of another organization"),
    ("login to the last seat", "fewer seats"),
    # Who adds the last agent that a member may add?
    ("a member's last agent", "a member's last agent"),
    ("a member's last agent", "another last agent of the member"),
    ("a member's last agent", "revocation of what the member has added"),
    ("a member's last agent", "fewer agents for each member"),
    # What does a revocation leave?
    ("revocation", "revocation"),
    ("revocation", "repeated login"),
    ("revocation", "login to staging"),
    ("revocation", "login on a foreign machine"),
    ("revocation", "validation"),
    # What does a change of the organization leave?
    ("change", "change"),
    ("change", "first login"),
    ("change", "revocation"),
    # Who gets the pairs that a machine drifts to?
    ("drift", "drift"),
    ("drift", "drift at a login"),
    ("drift", "foreign login next to it"),
    ("drift at a login", "foreign login next to it"),
    ("drift", "revocation"),
    ("drift", "dissociation"),
    ("drift", "login to staging"),
    # Where is a key at work?
    ("dissociation", "repeated login"),
    ("dissociation", "login elsewhere with the key"),
    ("reassignment", "reassignment"),
    ("reassignment", "reassignment to another machine"),
    ("reassignment", "revocation of what waits"),
    ("reassignment", "foreign login on its new machine"),
    # Is an agent blocked?
    ("detachment", "validation"),
    ("detachment", "repeated login"),
    ("detachment", "drift"),
    ("detachment", "revocation"),
    ("detachment", "edit"),
    ("edit", "another edit"),
    # Which lease is the current one, and whose?
    ("renewal of a lease", "renewal of a lease"),
    ("renewal of a lease", "renewal with another nonce"),
    ("return of an agent", "renewal of a lease"),
    ("renewal of a lease", "detachment of its agent"),
    ("renewal of a lease", "dissociation of its agent"),
    ("attachment", "validation of a blocked agent with its lease"),
    ("renewal where clones are blocked", "clone where clones are blocked"),
    # Whose device key is a licence bound to, and what has been proved?
    ("first login with a device key", "first login with another device key"),
    ("login with the device key", "login with another device key"),
    ("proved validation", "proved validation"),
    ("older proved validation", "proved validation"),
    ("proved validation", "login with the device key"),
    ("proved validation", "login with another device key"),
    ("validation when the lease is over", "login with another device key when the lease is over"),
    ("reset of the device key", "login with another device key"),
    ("reset of the device key", "proved validation"),
    ("first login with a device key", "the same proof on another machine"),
    # What does an organization's decision leave?
    ("decision", "decision"),
    ("decision", "another decision"),
    ("decision", "change"),
    ("decision", "billing event"),
    ("decision", "first login"),
    ("decision", "validation"),
    # Is an agent blocked for a partner?
    ("first use beside an agent", "detachment"),
    ("first use beside an agent", "dissociation"),
    ("first use", "blocked first login"),
    ("validation of a partner", "detachment"),
    # Whose is a temporary licence, and until when?
    ("first use", "first use"),
    ("first use", "first use by another partner"),
    ("first use", "first use on another machine"),
    ("first use", "end of the temporary license"),
    ("first use", "foreign login on the partner's machine"),
    ("generation", "generation"),
    ("generation", "generation for longer"),
    # What does billing leave?
    ("billing event", "change"),
    ("billing event", "newer billing event"),
    ("billing event", "billing event"),
    # Who shares a machine?
    ("older login", "older login of another organization"),
    ("update", "foreign older login beside it"),
    ("update", "update"),
    ("update on a shared machine", "older login of a third organization"),
    ("environment on a shared machine", "older login of a third organization"),
    ("update on a shared machine", "departure of its other agent"),
    ("environment on a shared machine", "departure from the shared machine"),
    ("drift of a shared machine", "drift of its other agent"),
    ("drift of a shared machine", "departure of its other agent"),
    ("drift of its other agent", "update on a shared machine"),
]
HARMLESS = {
    # One of the two changes nothing that the bug could spoil.
    ("revocation", "login on a foreign machine"),
    ("detachment", "repeated login"),
    ("sweep", "use of a license whose time is over"),
    ("attachment", "validation of a blocked agent with its lease"),
    ("decision", "validation"),
    # The link of either is a right one, and so is the one that is written last.
    ("renewal of a lease", "renewal of a lease"),
    ("renewal of a lease", "renewal with another nonce"),
    # A partner's use claims nothing: whoever comes first, both get what they want.
    ("first use", "foreign login on the partner's machine"),
    # Likewise: it might as well have come before the block, unless a third one looks in between.
    ("first use beside an agent", "detachment"),
    ("first use beside an agent", "dissociation"),
    ("first use", "blocked first login"),
    ("validation of a partner", "detachment"),
}
"""Where it makes no difference to check and then to put."""

OVERTAKEN = {
    (drift, other): calm
    for drift, calm in [("drift", "validation"), ("drift at a login", "repeated login")]
    for other in ["revocation", "dissociation", "detachment"]
}
"""An agent whose licence ends or is blocked while it drifts is answered as if it had not drifted:
the licence stays where it is, for the next request to find.
"""

READ_NO_BATCH = [
    "revocation",
    "change",
    "fewer seats",
    "dissociation",
    "detachment",
    "edit",
    "billing event",
    "newer billing event",
    "revocation of what waits",
    "revocation of what the member has added",
    "fewer agents for each member",
    "end of the temporary license",
    "detachment of its agent",
    "dissociation of its agent",
    "attachment",
    "decision",
    "another decision",
]
MEETINGS_OF_SWEEP = [
    "sweep",
    "renewal",
    "change",
    "revocation of an ended one",
    "renewal by billing",
    "use of a license whose time is over",
    "end of a license whose time is over",
]


def both_ways(meetings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each of two may be the one that is interrupted."""
    return [*meetings, *((other, one) for one, other in meetings if one != other)]


class ReadsApart(DynamoStore):
    """Reads a batch in two steps: what DynamoDB answers in one batch is not of one instant."""

    def _batch_get(self, keys: Sequence[Item], *, only: Sequence[str] = ()) -> list[StoredItem]:
        found: list[StoredItem] = []
        for part in self._parts(keys):
            found += super()._batch_get(part, only=only)
        return found

    def _parts(self, keys: Sequence[Item]) -> list[Sequence[Item]]:
        return [part for part in (keys[:1], keys[1:]) if part]


class ReadsApartBackwards(ReadsApart):
    """The same the other way around."""

    def _parts(self, keys: Sequence[Item]) -> list[Sequence[Item]]:
        return super()._parts(keys)[::-1]


class ReadsClaimsFirst(ReadsApart):
    """The same, with the claims on a machine before the organization and the licence presented."""

    def _parts(self, keys: Sequence[Item]) -> list[Sequence[Item]]:
        return [part for part in (keys[2:], keys[:2]) if part]


@dataclass(frozen=True)
class Scene:
    """Acme's subscription is about to end, Bolt's has ended, Cork has one of two seats left."""

    arena: Arena
    snapshot: Sequence[Mapping[str, Any]]
    known: frozenset[str]
    operations: Mapping[str, Task]
    state: Callable[[Arena], Sequence[object]]
    serial: dict[object, list[str]] = field(default_factory=dict)

    def in_order(self, *names: str) -> list[str]:
        """The answers of operations, one after the other, and the state: found out once."""
        found = self.serial.get((self.state, names))
        if found is None:
            restore(self.arena.world, self.snapshot)
            answers = [self.answer(self.operations[name](self.arena.stores[1])) for name in names]
            found = self.serial[self.state, names] = [*answers, self.state_now()]
        return found

    def allowed(self, one: str, other: str) -> list[list[str]]:
        """What may come of two operations that overlap."""
        outcomes = [self.in_order(one, other), _swapped(self.in_order(other, one))]
        if (one, other) in OVERTAKEN:
            outcomes.append(self.in_order(OVERTAKEN[one, other], other))
        if (other, one) in OVERTAKEN:
            outcomes.append(_swapped(self.in_order(OVERTAKEN[other, one], one)))
        return outcomes

    def allowed_states(self, crashed: str, other: str) -> list[str]:
        """How two operations that overlap may leave the table when one has been repeated."""
        orders = [(other, crashed), (crashed, other, crashed), (other, crashed, crashed)]
        return [self.in_order(*names)[-1] for names in orders]

    def interrupted(self, outer: str, inner: str, at: int) -> list[str] | None:
        """The same, with `inner` before call number `at` of `outer`; `None` if it has no such."""
        answers = self._with_inner(outer, inner, at)
        return [*answers, self.state_now()] if len(answers) == 2 else None

    def meet(self, outer: str, inner: str) -> None:
        """Interrupt each call of `outer` in turn, and check what comes of it."""
        allowed = self.allowed(outer, inner)
        at = 0
        while (outcome := self.interrupted(outer, inner, at)) is not None:
            assert outcome in allowed, f"before call {at + 1} of {outer}: {outcome[:2]}"
            at += 1
        assert at, f"{outer} makes no call"

    def crash(self, outer: str, inner: str, *, full: bool) -> int:
        """Let `outer` crash before each of its calls and after the last; how often it has.

        `inner` comes then, or, in a `full` run, before any of the calls until then, too.
        """
        allowed = self.allowed_states(outer, inner)
        crashes = 0
        for end in self._calls_of(outer):
            for at in range(end + 1) if full else (end,):
                answers = self._with_inner(outer, inner, at, end)
                if len(answers) == 1:
                    self.operations[inner](self.arena.stores[1])
                self._repeat(outer, allowed, f"{inner} before call {at + 1}, crash at {end + 1}")
                crashes += 1
        return crashes

    def take_turns(self, one: str, other: str, choose: Choice, *, with_crash: bool = False) -> Run:
        """Let two operations take turns, and check what comes of it."""
        names = (one, other)
        restore(self.arena.world, self.snapshot)
        tasks = [self.operations[name] for name in names]
        ran = run(tasks, self.arena.stores[:2], self.arena.pool, choose, with_crash=with_crash)
        order = " ".join(f"{names[step.player]}{'!' * step.crashes}," for step in ran.steps)
        if ran.crashed is None:
            outcome = [*map(self.answer, ran.answers), self.state_now()]
            assert outcome in self.allowed(one, other), f"{order} {outcome[:2]}"
        else:
            crashed = names[ran.crashed]
            self._repeat(crashed, self.allowed_states(crashed, names[1 - ran.crashed]), order)
        return ran

    def answer(self, answer: object) -> str:
        """An answer as text."""
        match answer:
            case Issued():
                told: object = (answer.record.id, answer.created)
            case Generated():
                told = (answer.record.id, answer.term)
            case License():
                told = (answer.id, answer.state)
            case Registered():
                told = (answer.organization.version, answer.created)
            case Verdict():
                lease = answer.lease.statement.id if answer.lease else None
                told = (answer.code, lease)
            case Organization():
                told = (answer.version, answer.policy)
            case SweepReport():
                told = "swept"
            case _:
                told = answer
        return canonical.text(told, self.known)

    def state_now(self) -> str:
        """The state as text."""
        found = self.state(self.arena)
        alike = [canonical.masked(one) if isinstance(one, Mapping) else one for one in found]
        return "\n".join(sorted(canonical.text(one, self.known) for one in alike))

    def _with_inner(self, outer: str, inner: str, at: int, end: int | None = None) -> list[str]:
        """The answers: `inner` comes before call number `at`, `outer` crashes before `end`."""
        restore(self.arena.world, self.snapshot)
        store, other = self.arena.stores[:2]
        answers: list[str] = []
        calls = 0

        def interrupt(**_: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                answers.append(self.answer(self.operations[inner](other)))
            if end is not None and calls == end + 1:
                raise Crashed

        events = store.client.meta.events
        events.register("before-call.dynamodb", interrupt)
        try:
            answers.insert(0, self.answer(self.operations[outer](store)))
        except Crashed:
            answers.insert(0, "crashed")
        finally:
            events.unregister("before-call.dynamodb", interrupt)
        return answers

    def _calls_of(self, name: str) -> range:
        """Where it may crash when nobody disturbs it: before each call, and after the last."""
        restore(self.arena.world, self.snapshot)
        store = self.arena.stores[0]
        calls: list[str] = []
        events = store.client.meta.events

        def note(model: Any, **_: Any) -> None:
            calls.append(model.name)

        events.register("before-call.dynamodb", note)
        try:
            self.operations[name](store)
        finally:
            events.unregister("before-call.dynamodb", note)
        return range(len(calls) + 1)

    def _repeat(self, crashed: str, allowed: Sequence[str], when: str) -> None:
        self.arena.checked()
        self.operations[crashed](self.arena.stores[2])
        assert self.state_now() in allowed, f"{crashed} repeated after: {when}"


def _swapped(outcome: Sequence[str]) -> list[str]:
    later, sooner, state = outcome
    return [sooner, later, state]


def _answering(task: Task) -> Task:
    """A request that is not as it should be is told so: that is an answer, too."""

    def answering(store: DynamoStore) -> object:
        try:
            return task(store)
        except (InvalidInput, StaleProof) as error:
            return str(error)

    return answering


def set_up(arena: Arena) -> Scene:
    """The scene, with all operations."""
    restore(arena.world)
    arena.register("acme", until=NOW + 5 * DAY)
    arena.register("bolt", until=ENDED)
    arena.register("cork", max_agents=2)
    acme = arena.issued("acme", machine(1))
    bolt = arena.issued("bolt", machine(2))
    arena.issued("cork", machine(5))
    waiting = arena.issued("acme", machine(6))
    arena.act(Action.DISSOCIATE, waiting.record.id)(arena.stores[0])
    older = arena.issued("acme", machine(10), agent_version="4.3.0.12")
    temporary = arena.generated("acme", ttl=TimeToLive.ONE_DAY)
    at_work = arena.generated("acme", ttl=TimeToLive.ONE_DAY)
    arena.use(at_work.key, "pavel", machine(1))(arena.stores[0])
    arena.register("erle")
    arena.govern("erle", Decision(agents_per_member=2))(arena.stores[0])
    erle = arena.issued("erle", machine(17))
    over = arena.generated("acme", now=NOW - TimeToLive.ONE_HOUR.seconds)

    def login(organization_id: str, number: int, environment: str = "production") -> Task:
        return arena.login(organization_id, machine(number), environment=environment, now=NOW)

    def older_login(organization_id: str, number: int) -> Task:
        return arena.login(organization_id, machine(number), agent_version="4.3.0.12", now=NOW)

    def presented(number: int, key: Any) -> Task:
        return arena.login("acme", machine(number), key=key, now=NOW)

    renamed = machine(1, computer_name="renamed")
    # It agrees with the first machine in one component, with the renamed one in two.
    next_to_it = machine(7, mac_address="3c5282000001", computer_name="renamed")
    operations: dict[str, Task] = {
        "first login": login("acme", 3),
        "first login to staging": login("acme", 3, "staging"),
        "first login of another organization": login("cork", 3),
        "login to the last seat": login("cork", 4),
        "repeated login": login("acme", 1),
        "login to staging": login("acme", 1, "staging"),
        "login on a foreign machine": login("cork", 1),
        "validation": arena.validate(acme.key, "acme", machine(1), now=NOW),
        "revocation": arena.revoke(acme.record.id, now=NOW),
        "revocation of an ended one": arena.revoke(bolt.record.id, now=NOW),
        "change": arena.put("acme", version=1, name="Acme Ltd", until=NOW + 5 * DAY, now=NOW),
        "fewer seats": arena.put("cork", version=1, max_agents=1, until=NOON + YEAR, now=NOW),
        "renewal": arena.put("bolt", version=1, until=NOW + YEAR, now=NOW),
        "renewal by billing": arena.bill("bolt", 1, until=NOW + YEAR, now=NOW),
        "sweep": arena.sweep(now=NOW, workers=1),
        "drift": arena.validate(acme.key, "acme", renamed, now=NOW),
        "drift at a login": arena.login("acme", renamed, now=NOW),
        "foreign login next to it": arena.login("cork", next_to_it, now=NOW),
        "dissociation": arena.act(Action.DISSOCIATE, acme.record.id, now=NOW),
        "login elsewhere with the key": presented(8, acme.key),
        "login with its key": presented(1, acme.key),
        "reassignment": presented(6, waiting.key),
        "reassignment to another machine": presented(8, waiting.key),
        "revocation of what waits": arena.revoke(waiting.record.id, now=NOW),
        "foreign login on its new machine": login("cork", 6),
        "detachment": arena.act(Action.DETACH, acme.record.id, now=NOW),
        "edit": arena.edit(acme.record.id, "Till 3", now=NOW),
        "another edit": arena.edit(acme.record.id, "Till 4", now=NOW),
        "a member's last agent": login("erle", 18),
        "another last agent of the member": login("erle", 19),
        "revocation of what the member has added": arena.revoke(erle.record.id, now=NOW),
        "fewer agents for each member": arena.govern(
            "erle", Decision(agents_per_member=1), now=NOW
        ),
        "first use beside an agent": arena.use(temporary.key, "pavel", machine(1), now=NOW),
        "validation of a partner": arena.validate(at_work.key, "acme", machine(1), now=NOW),
        "blocked first login": _blocked(arena, machine(9)),
        "first use": arena.use(temporary.key, "pavel", machine(9), now=NOW),
        "first use by another partner": arena.use(temporary.key, "petra", machine(9), now=NOW),
        "first use on another machine": arena.use(temporary.key, "pavel", machine(8), now=NOW),
        "end of the temporary license": arena.end(temporary.record.id, now=NOW),
        "foreign login on the partner's machine": login("cork", 9),
        "use of a license whose time is over": arena.use(over.key, "pavel", machine(9), now=NOW),
        "end of a license whose time is over": arena.end(over.record.id, now=NOW),
        "generation": _answering(arena.generate("acme", idempotency_key="order", now=NOW)),
        "generation for longer": _answering(
            arena.generate("acme", TimeToLive.SEVEN_DAYS, idempotency_key="order", now=NOW)
        ),
        "billing event": arena.bill("acme", 1, until=NOW + YEAR, now=NOW),
        "newer billing event": arena.bill("acme", 2, until=NOW + 2 * YEAR, now=NOW),
        "older login": older_login("acme", 11),
        "older login of another organization": older_login("cork", 11),
        "update": arena.validate(older.key, "acme", machine(10), now=NOW),
        "foreign older login beside it": older_login("cork", 10),
    }
    operations |= {
        **_on_a_shared_machine(arena, machine(20)),
        **_with_leases(arena, machine(12), machine(13), machine(14)),
        **_with_device_keys(arena, machine(15), machine(16), machine(17)),
        "decision": arena.govern("acme", Decision(require_device_key=True), now=NOW),
        "another decision": arena.govern("acme", Decision(block_clones=True), now=NOW),
    }
    snapshot = arena.checked()
    known = frozenset(item["pk"]["S"].partition("#")[2] for item in snapshot)
    return Scene(arena, snapshot, known, operations, whole_state)


def _blocked(arena: Arena, credentials: Credentials) -> Task:
    """An agent that logs in for the first time and is blocked at once."""

    def log_in_and_detach(store: DynamoStore) -> object:
        answer = arena.login("acme", credentials, now=NOW)(store)
        if answer == agent_blocked():
            return answer  # it is repeated after a crash
        assert isinstance(answer, Issued)
        return arena.act(Action.DETACH, answer.record.id, now=NOW)(store)

    return log_in_and_detach


def _on_a_shared_machine(arena: Arena, shared: Credentials) -> dict[str, Task]:
    """Older agents of two organizations on one machine, of which one is updated."""
    for organization_id in ("fern", "gert", "hope"):
        arena.register(organization_id)
    fern, gert = (arena.issued(name, shared, agent_version="4.3.0.12") for name in ("fern", "gert"))
    renamed = Credentials.of(
        machine_id=shared.machine_id,
        mac_addresses=shared.mac_addresses,
        computer_name="renamed, too",
    )
    older = partial(arena.validate, gert.key, "gert", agent_version="4.3.0.12", now=NOW)
    return {
        "update on a shared machine": arena.validate(fern.key, "fern", shared, now=NOW),
        "environment on a shared machine": arena.login(
            "fern", shared, environment="staging", now=NOW
        ),
        "older login of a third organization": arena.login(
            "hope", shared, agent_version="4.3.0.12", now=NOW
        ),
        "departure of its other agent": arena.revoke(gert.record.id, now=NOW),
        "departure from the shared machine": arena.revoke(fern.record.id, now=NOW),
        "drift of a shared machine": arena.validate(fern.key, "fern", renamed, now=NOW),
        "drift of its other agent": older(renamed),
    }


def _with_leases(
    arena: Arena, at_work: Credentials, blocked: Credentials, strict: Credentials
) -> dict[str, Task]:
    """Agents whose chains have begun: of one that is blocked, and where clones are blocked."""
    arena.register("dorn")
    arena.govern("dorn", Decision(block_clones=True))(arena.stores[0])
    asks = {}

    def leased(task: Callable[[DynamoStore], Verdict]) -> str:
        answer = task(arena.stores[0])
        assert answer.lease is not None
        return answer.lease.token

    for organization_id, credentials in (("acme", at_work), ("acme", blocked), ("dorn", strict)):
        issued = arena.issued(organization_id, credentials, now=NOW - 2 * DAY)
        first, ask = issued.lease.token, partial(arena.validate, issued.key, organization_id)
        ask = partial(ask, credentials)
        renewed = leased(ask(lease=first, nonce="first", now=NOW - DAY))
        asks[credentials] = (issued.record.id, partial(ask, now=NOW), first, renewed)
    (id, ask, older, lease), (blocked_id, ask_blocked, _, old) = list(asks.values())[:2]
    arena.act(Action.DETACH, blocked_id)(arena.stores[0])
    _, ask_strict, copied, left = asks[strict]
    last = leased(partial(ask_strict, lease=copied, nonce="copy")(now=NOW - DAY + 1))
    return {
        "renewal of a lease": ask(lease=lease, nonce="one"),
        "renewal with another nonce": ask(lease=lease, nonce="other"),
        "return of an agent": ask(lease=older, nonce="back"),
        "detachment of its agent": arena.act(Action.DETACH, id, now=NOW),
        "dissociation of its agent": arena.act(Action.DISSOCIATE, id, now=NOW),
        "attachment": arena.act(Action.ATTACH, blocked_id, now=NOW),
        "validation of a blocked agent with its lease": ask_blocked(lease=old, nonce="one"),
        "renewal where clones are blocked": ask_strict(lease=last, nonce="one"),
        "clone where clones are blocked": ask_strict(lease=left, nonce="clone"),
    }


def _with_device_keys(
    arena: Arena, bound: Credentials, free: Credentials, elsewhere: Credentials
) -> dict[str, Task]:
    """An agent that proves to hold a device key, and machines that have no licence yet."""
    issued = arena.issued("acme", bound, proof=Proof("its key", NEWEST_MS + 1, "1"))

    def overheard(
        credentials: Credentials, thumbprint: str, made_ms: int, now: int = NOW, again: str = ""
    ) -> Task:
        proof = Proof(thumbprint, NEWEST_MS + made_ms, f"{thumbprint} {made_ms}{again}")
        return arena.login("acme", credentials, proof=proof, now=now)

    def login(credentials: Credentials, thumbprint: str, made_ms: int, now: int = NOW) -> Task:
        """As an agent does it: asked for another proof, it makes one."""

        def logging_in(store: DynamoStore) -> object:
            try:
                return overheard(credentials, thumbprint, made_ms, now)(store)
            except StaleProof:
                return overheard(credentials, thumbprint, made_ms, now, again=", again")(store)

        return _answering(logging_in)

    def validate(made_ms: int, now: int = NOW) -> Task:
        proof = Proof("its key", NEWEST_MS + made_ms, f"its key {made_ms}")
        return _answering(
            arena.validate(issued.key, "acme", bound, nonce="n", proof=proof, now=now)
        )

    return {
        "first login with a device key": login(free, "one", 11),
        "first login with another device key": login(free, "other", 12),
        "login with the device key": login(bound, "its key", 13),
        "login with another device key": login(bound, "other", 11),
        "proved validation": validate(12),
        "older proved validation": validate(10),
        "the same proof on another machine": _answering(overheard(elsewhere, "one", 11)),
        "validation when the lease is over": validate(12, LATE),
        "login with another device key when the lease is over": login(bound, "other", 14, LATE + 1),
        "reset of the device key": arena.reset(issued.record.id, now=NOW),
    }


def whole_state(arena: Arena) -> Sequence[object]:
    """Everything: two operations that overlap leave no trace of that."""
    return arena.checked()


def state_but_sightings(arena: Arena) -> Sequence[object]:
    """Everything that is not left for the next validation to write, and what is no trace of trying.

    An operation that crashes may have spent its proof: then it makes another. If it was refused,
    that is on record already, and once more when it is repeated.
    """
    left = items.last_seen_attributes(LastSeen(NOW, None, None))
    return [
        {name: value for name, value in item.items() if name not in left}
        for item in arena.checked()
        if item["sk"]["S"] != "PROOF" and "times" not in item and "noted" not in item
    ]


def state_after_sweep(arena: Arena) -> Sequence[object]:
    """What people see: a sweep makes many small steps, so its history may be a longer one."""
    arena.checked()
    arena.sweep(now=NOW, workers=1)(arena.stores[2])
    scanned = arena.checked()
    organizations = [item for item in scanned if schema.is_organization(item)]
    return [*organizations, *((record.id, record.state) for record in arena.licenses(scanned))]
