"""The real service beside a reference that knows nothing of DynamoDB: the same answers, always.

Requests come at random, one after the other, on AWS's own engine; some are delivered twice, of some
the answer is lost on the way, or the service is cut off right after a commit and asked again. After
each, the answer is the reference's; now and then, and in the end, so is everything that is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from licensing.adapters.dynamo import DynamoStore, events, items, schema
from licensing.domain.audit import EventType
from licensing.domain.caller import Caller, Role
from licensing.domain.license import License, State
from licensing.domain.machine import NO_MACHINE, Machine
from licensing.domain.temporary_license import TimeToLive
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.property import service
from tests.property.chained import Asked, Lease
from tests.property.reference import (
    DEFAULT_NAME,
    LOCAL_MAC,
    SHARED_ID,
    SHARED_MAC,
    Card,
    Licensed,
    Reference,
    Shown,
    Subscribed,
    Told,
)
from tests.property.replaying import replayed
from tests.property.service import NEWER, OLDER, Asking, Service, proof_of, wanted
from tests.world import NOON, World, new_world

if TYPE_CHECKING:
    from licensing.domain.device_key import Proof
    from licensing.domain.organization import Organization
    from licensing.usecases.ports import RecordedEvent
    from tests import proof as proofs

DAY = 86_400
FEW, EXAMPLES, FULL = (6, 50), (14, 50), (5_000, 100)
PARTS = 2
LOOKS_EVERY = 10
"""Steps between two looks at everything that is stored."""

ALICE = Caller("alice", "acme", frozenset({Role.MEMBER}))
AMIR = Caller("amir", "acme", frozenset({Role.MEMBER}))
BORIS = Caller("boris", "bolt", frozenset({Role.MEMBER}))
ADMINS = {
    name: Caller(f"admin of {name}", name, frozenset({Role.ORG_ADMIN})) for name in ("acme", "bolt")
}
PARTNERS = [Caller(name, "partner-works", frozenset({Role.PARTNER})) for name in ("pavel", "petra")]

COMPUTERS = [
    Card(f"machine-id-{number}", frozenset({f"3c528200000{number}"}), f"pc-{number}")
    for number in range(3)
]
DOCK = "3c52820000ff"
"""The MAC address of a docking station that goes from desk to desk."""

ids = st.sampled_from([*(card.machine_id for card in COMPUTERS), "machine-id-new", SHARED_ID])
macs = st.sampled_from(
    [*(card.macs for card in COMPUTERS), *map(frozenset, [{DOCK}, {LOCAL_MAC}, {SHARED_MAC}])]
)
names = st.sampled_from([*(card.name for card in COMPUTERS), "pc-new", DEFAULT_NAME])
computers = st.sampled_from(COMPUTERS)
docked = st.builds(
    lambda card, mac: replace(card, macs=card.macs | {mac}),
    computers,
    st.sampled_from([DOCK, LOCAL_MAC, SHARED_MAC]),
)
altered = st.one_of(
    st.builds(lambda card, part: replace(card, machine_id=part), computers, ids),
    st.builds(lambda card, part: replace(card, macs=part), computers, macs),
    st.builds(lambda card, part: replace(card, name=part), computers, names),
    st.builds(lambda card: replace(card, machine_id=None), computers),
    st.builds(lambda card: replace(card, macs=frozenset()), computers),
)
cards = st.one_of(computers, computers, docked, altered)
environments = st.sampled_from(["production", "production", "staging"])
versions = st.sampled_from([NEWER, OLDER])
devices = st.sampled_from([*([None] * 4), "key-1", "key-2"])
first_devices = st.sampled_from([None, None, "key-1", "key-2"])
OWN = "its own"
held = st.sampled_from([*([OWN] * 8), None, "key-1", "key-2"])
people = st.sampled_from([*([ALICE, AMIR, BORIS] * 3), *ADMINS.values()])
organizations = st.sampled_from(["acme", "bolt"])
numbers = st.integers(0, 30)
rarely = st.sampled_from([*([False] * 7), True])
statuses = st.sampled_from([*(["active"] * 6), "paused", "cancelled"])
spans = st.sampled_from([*([90 * DAY] * 6), 5 * DAY, 3_600, 0, -1])
limits = st.sampled_from([None, None, None, 2, 4])
limits_for_each = st.sampled_from([None, None, None, 0, 1, 2])
times = st.sampled_from([1, 60, 900, 1_800, 3_600, DAY, 8 * DAY, -30])
mishaps = st.sampled_from([*([None] * 9), "delivered twice", "answer lost", "cut off"])
MOST_COPIES = 3
WATCHED = 2


@dataclass(frozen=True)
class Manner:
    """How an agent asks: which of a licence's it is, and whether it presents the lease it keeps.

    `over` is what a proof of its device key is over. An answer that is not `heard` leaves the agent
    as it was, with the question that it asks again.
    """

    which: int = 0
    presents: bool = True
    over: str = "nonce"
    heard: bool = True


manners = st.builds(
    Manner,
    which=st.integers(0, MOST_COPIES - 1),
    presents=st.sampled_from([*([True] * 7), False]),
    over=st.sampled_from(["nonce", "lease", "lease", "early"]),
    heard=st.sampled_from([*([True] * 4), False]),
)


turns = st.lists(
    st.tuples(st.sampled_from([0, 60, DAY // 2, DAY // 2, DAY]), manners, mishaps),
    min_size=1,
    max_size=4,
)


@dataclass(frozen=True)
class Kept:
    """What an agent has on its disk: its last lease, and the nonce of a question under way."""

    lease: Lease | None = None
    token: str | None = None
    nonce: str | None = None


@dataclass
class Agent:
    """One of the agents of a licence, with what it had on its disk earlier."""

    kept: Kept = Kept()
    backups: list[Kept] = field(default_factory=list)

    def keep(self, kept: Kept) -> None:
        """Put something else on its disk."""
        if kept != self.kept:
            self.backups.append(self.kept)
            self.kept = kept


REACHED: Counter[str] = Counter()
"""How often each rule has been played, and how often each of its answers has come of it."""

RULES = {
    "login",
    "login with a key",
    "login of a partner",
    "validate",
    "revoke",
    "detach",
    "attach",
    "dissociate",
    "reset",
    "edit",
    "change",
    "bill",
    "decide",
    "sweep",
    "generate",
    "revoke temporary",
    "renew",
    "copy",
    "put back",
    "clock",
    "rotate secret",
    "delivered twice",
    "answer lost",
    "cut off",
}
ANSWERS = {
    "login: issued",
    "login: again",
    "login: machine_registered_to_other_organization",
    "login: seat_limit_reached",
    "login: member_limit_reached",
    "login: subscription_ended",
    "login: agent_blocked",
    "login with a key: again",
    "login with a key: license_still_bound",
    "login with a key: on_behalf_login_disabled",
    "login of a partner: again",
    "login of a partner: temporary_license_not_usable",
    "login of a partner: agent_blocked",
    "validate: VALID",
    "validate: EXPIRED",
    "validate: SUSPENDED",
    "validate: DETACHED",
    "validate: DISSOCIATED",
    "validate: REVOKED",
    "validate: MACHINE_MISMATCH",
    "validate: PROOF_REQUIRED",
    "validate: PROOF_INVALID",
    "validate: stale",
    "login: proof_required",
    "login: device_key",
    "login: stale",
    "validate: ORGANIZATION_MISMATCH",
    "attach: invalid_transition",
    "revoke: changed",
    "revoke: not_found",
    "change: precondition_failed",
    "bill: changed",
    "bill: unchanged",
    "generate: generated",
    "revoke temporary: changed",
    "drift: followed",
    "drift: refused",
    "on record: blocked",
    "on record: clone_suspected",
    "on record: returned_often",
    "on record: older_lease",
    "on record: newer_lease",
    "on record: without_lease",
    "on record: device_key_came_back",
    "on record: device_keys_alternate",
}
SIGNS = {name.removeprefix("on record: ") for name in ANSWERS if name.startswith("on record: ")}


class Beside(RuleBasedStateMachine):
    """The service and the reference, told the same."""

    service: ClassVar[Service]

    @initialize(
        some=st.lists(
            st.tuples(people, computers, environments, versions, first_devices),
            min_size=2,
            max_size=5,
        ),
        blocks_clones=st.booleans(),
    )
    def begin(
        self,
        some: Sequence[tuple[Caller, Card, str, str, str | None]],
        *,
        blocks_clones: bool = False,
    ) -> None:
        """Two organizations with some agents: most of what can happen happens to a licence."""
        restore(self.service.world)
        self.service.world.calls.clear()
        self.service.begin_anew()
        self.reference = Reference()
        self.now = NOON
        self.steps = 0
        self.made = 0
        self.is_left = False
        self.shown: Shown | None = None
        self.agents: dict[str, list[Agent]] = {}
        self.names: dict[str, str] = {}
        """The reference's names of links, by the ids that the service has given them."""
        for name, limit in (("acme", None), ("bolt", 3)):
            until = NOON + 90 * DAY
            assert self.service.change(wanted(name, until, "active", limit), None, NOON).word == (
                "changed"
            )
            self.reference.organizations[name] = Subscribed(until, "active", limit)
            self.decide(name, None, None, requires_proof=False, blocks_clones=blocks_clones)
        for person, card, environment, version, device in some:
            self.logs_in(person, card, environment, version, None, device, None, Manner())

    # -- rules -------------------------------------------------------------------------------------

    @rule(
        person=people,
        card=cards,
        environment=environments,
        version=versions,
        device=devices,
        mishap=mishaps,
        manner=manners,
    )
    def login(
        self,
        person: Caller,
        card: Card,
        environment: str,
        version: str,
        device: str | None,
        mishap: str | None,
        manner: Manner,
    ) -> None:
        self.logs_in(person, card, environment, version, None, device, mishap, manner)

    @precondition(lambda self: self.reference.licenses)
    @rule(
        number=numbers,
        is_admin=st.booleans(),
        version=versions,
        device=held,
        is_replayed=rarely,
        mishap=mishaps,
        manner=manners,
    )
    def login_again(
        self,
        number: int,
        version: str,
        device: str | None,
        mishap: str | None,
        manner: Manner,
        *,
        is_admin: bool,
        is_replayed: bool,
    ) -> None:
        record = self._one(number)
        if record.card is not None:
            members = {"acme": AMIR, "bolt": BORIS}
            person = (ADMINS if is_admin else members)[record.organization_id]
            self.logs_in(
                person,
                record.card,
                record.environment,
                version,
                None,
                record.device if device == OWN else device,
                mishap,
                manner,
                agent=self._agent(record, manner),
                is_replayed=is_replayed,
            )

    @precondition(lambda self: self.reference.licenses)
    @rule(
        person=people,
        card=cards,
        environment=environments,
        version=versions,
        number=numbers,
        device=held,
        mishap=mishaps,
        manner=manners,
    )
    def login_with_a_key(
        self,
        person: Caller,
        card: Card,
        environment: str,
        version: str,
        number: int,
        device: str | None,
        mishap: str | None,
        manner: Manner,
    ) -> None:
        record = self._one(number)
        device = record.device if device == OWN else device
        agent = self._agent(record, manner)
        self.logs_in(
            person, card, environment, version, record.id, device, mishap, manner, agent=agent
        )

    def logs_in(
        self,
        person: Caller,
        card: Card,
        environment: str,
        version: str,
        presented: str | None,
        device: str | None,
        mishap: str | None,
        manner: Manner,
        *,
        agent: Agent | None = None,
        is_replayed: bool = False,
    ) -> None:
        assert person.organization_id is not None
        organization_id = person.organization_id
        agent = agent or Agent()
        asking, asked = self._ask(agent, manner)
        shown = self._show(device, "nonce", asked, is_replayed=is_replayed)
        told = self._play(
            "login with a key" if presented else "login",
            lambda: self.service.login(
                person, card, environment, version, presented, self._proof(shown), asking, self.now
            ),
            lambda new_id: self.reference.login(
                organization_id,
                card,
                environment,
                older=version == OLDER,
                now=self.now,
                new_id=new_id,
                asked=asked,
                presented=presented,
                proof=shown,
                member=None if Role.ORG_ADMIN in person.roles else person.subject,
            ),
            mishap,
        )
        self._hear(agent, asked, told, manner)

    @precondition(lambda self: self._temporary())
    @rule(
        person=st.sampled_from([*PARTNERS, PARTNERS[0], ALICE]),
        card=cards,
        environment=environments,
        number=numbers,
        device=held,
        mishap=mishaps,
        manner=manners,
    )
    def login_of_a_partner(
        self,
        person: Caller,
        card: Card,
        environment: str,
        number: int,
        device: str | None,
        mishap: str | None,
        manner: Manner,
    ) -> None:
        record = self._one(number, self._temporary())
        assert person.organization_id is not None
        organization_id = person.organization_id
        agent = self._agent(record, manner)
        asking, asked = self._ask(agent, manner)
        shown = self._show(record.device if device == OWN else device, "nonce", asked)

        def expect(_: str | None) -> Told:
            if Role.PARTNER not in person.roles:
                return Told("temporary_license_not_usable")
            return self.reference.partner(
                organization_id,
                person.subject,
                card,
                record.id,
                environment,
                self.now,
                asked,
                shown,
            )

        told = self._play(
            "login of a partner",
            lambda: self.service.login(
                person, card, environment, NEWER, record.id, self._proof(shown), asking, self.now
            ),
            expect,
            mishap,
        )
        self._hear(agent, asked, told, manner)

    @precondition(lambda self: self.reference.licenses)
    @rule(
        number=numbers,
        is_elsewhere=rarely,
        is_misled=rarely,
        card=cards,
        environment=st.sampled_from([None, "production", "staging"]),
        version=versions,
        device=held,
        mishap=mishaps,
        manner=manners,
    )
    def validate(
        self,
        number: int,
        card: Card,
        environment: str | None,
        version: str,
        device: str | None,
        mishap: str | None,
        manner: Manner,
        *,
        is_elsewhere: bool,
        is_misled: bool,
    ) -> None:
        record = self._one(number)
        here = card if is_elsewhere or record.card is None else record.card
        other = {"acme": "bolt", "bolt": "acme"}[record.organization_id]
        claimed = other if is_misled else record.organization_id
        self._validate(record, claimed, here, environment, version, device, mishap, manner)

    @precondition(lambda self: self._standard())
    @rule(
        number=numbers,
        version=versions,
        device=held,
        is_replayed=rarely,
        mishap=mishaps,
        manner=manners,
    )
    def validate_own(
        self,
        number: int,
        version: str,
        device: str | None,
        mishap: str | None,
        manner: Manner,
        *,
        is_replayed: bool,
    ) -> None:
        record = self._one(number, self._standard())
        assert record.card is not None
        self._validate(
            record,
            record.organization_id,
            record.card,
            record.environment,
            version,
            device,
            mishap,
            manner,
            is_replayed=is_replayed,
        )

    @precondition(lambda self: self._standard())
    @rule(
        number=numbers,
        part=st.integers(0, 2),
        card=computers,
        version=versions,
        mishap=mishaps,
        manner=manners,
    )
    def drift(
        self,
        number: int,
        part: int,
        card: Card,
        version: str,
        mishap: str | None,
        manner: Manner,
    ) -> None:
        """A licence's own computer with one component of another one, or with a new one."""
        record = self._one(number, self._standard())
        assert record.card is not None
        # Few enough that no more than eight are ever known: those are told apart by their order.
        fresh = f"{self.steps % 2:04x}"
        moved = [
            replace(record.card, machine_id=card.machine_id),
            replace(record.card, name=card.name),
            replace(record.card, macs=frozenset({f"3c5283{fresh:0>6}"})),
        ][part]
        before, own = record.card, record.organization_id
        if self._validate(record, own, moved, None, version, OWN, mishap, manner) == "VALID":
            after = self.reference.licenses[record.id].card
            if before.followed(moved) != before:
                REACHED[f"drift: {'refused' if after == before else 'followed'}"] += 1

    def _validate(
        self,
        record: Licensed,
        claimed: str,
        card: Card,
        environment: str | None,
        version: str,
        device: str | None,
        mishap: str | None,
        manner: Manner,
        *,
        is_replayed: bool = False,
    ) -> str:
        agent = self._agent(record, manner)
        asking, asked = self._ask(agent, manner)
        key = record.device if device == OWN else device
        shown = self._show(key, manner.over, asked, is_replayed=is_replayed)
        told = self._play(
            "validate",
            lambda: self.service.validate(
                record.id,
                claimed,
                card,
                environment,
                version,
                self._proof(shown),
                asking,
                self.now,
            ),
            lambda _: self.reference.validate(
                record.id,
                claimed,
                card,
                environment,
                asked,
                older=version == OLDER,
                now=self.now,
                proof=shown,
            ),
            mishap,
        )
        self._hear(agent, asked, told, manner)
        return told.word

    @precondition(lambda self: self._standard())
    @rule(number=numbers, turns=turns)
    def renew(self, number: int, turns: Sequence[tuple[int, Manner, str | None]]) -> None:
        """A licence's agents ask for their next leases, sooner or later."""
        id = self._watched(number).id
        for passed, manner, mishap in turns:
            record = self.reference.licenses[id]
            assert record.card is not None
            self.now += passed
            own = record.organization_id
            self._validate(record, own, record.card, None, NEWER, OWN, mishap, manner)
        self._reach("renew")

    @precondition(lambda self: self._standard())
    @rule(number=numbers, manner=manners)
    def copy(self, number: int, manner: Manner) -> None:
        """From now on, two agents have what one had."""
        record = self._watched(number)
        one = self._agent(record, manner)
        if len(self.agents[record.id]) < MOST_COPIES:
            self.agents[record.id].append(Agent(one.kept, list(one.backups)))
        self._reach("copy")

    @precondition(lambda self: self._standard())
    @rule(number=numbers, manner=manners, back=st.integers(1, 3))
    def put_back(self, number: int, manner: Manner, back: int) -> None:
        """An agent's machine is restored from a backup."""
        agent = self._agent(self._watched(number), manner)
        if agent.backups:
            agent.kept = agent.backups[-min(back, len(agent.backups))]
        self._reach("put back")

    def _watched(self, number: int) -> Licensed:
        """One of few licences: it takes many turns until their agents are found to be two."""
        return self._one(number, self._standard()[:WATCHED])

    def _agent(self, record: Licensed, manner: Manner) -> Agent:
        agents = self.agents.setdefault(record.id, [Agent()])
        return agents[manner.which % len(agents)]

    def _ask(self, agent: Agent, manner: Manner) -> tuple[Asking, Asked]:
        """A question, as the service and as the reference are asked it."""
        self.made += 1
        nonce = f"nonce {self.made}"
        if not manner.presents:
            return Asking(None, nonce), Asked(None, nonce)
        kept = replace(agent.kept, nonce=agent.kept.nonce or nonce)
        agent.keep(kept)
        assert kept.nonce is not None
        return Asking(kept.token, kept.nonce), Asked(kept.lease, kept.nonce)

    def _hear(self, agent: Agent, asked: Asked, told: Told, manner: Manner) -> None:
        """The agent keeps the lease that it is told; other answers end the question, too."""
        if not manner.heard or told.word == "stale":
            return
        if told.license_id is None or told.since is None or told.until is None:
            if agent.kept.nonce == asked.nonce:
                agent.keep(replace(agent.kept, nonce=None))
            return
        link = self.names[told.link] if told.link else None
        lease = Lease(told.license_id, link, told.since, told.until)
        agent.keep(Kept(lease, told.token))
        agents = self.agents.setdefault(told.license_id, [])
        if agent not in agents:
            agents[MOST_COPIES - 1 :] = []
            agents.append(agent)

    @precondition(lambda self: self._standard())
    @rule(number=numbers, is_foreign=rarely, mishap=mishaps)
    def revoke(self, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        self._apply("revoke", number, mishap, is_foreign=is_foreign)

    @precondition(lambda self: self._standard())
    @rule(number=numbers, is_foreign=rarely, mishap=mishaps)
    def detach(self, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        self._apply("detach", number, mishap, is_foreign=is_foreign)

    @precondition(lambda self: self._standard())
    @rule(number=numbers, is_foreign=rarely, mishap=mishaps)
    def attach(self, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        self._apply("attach", number, mishap, is_foreign=is_foreign)

    @precondition(lambda self: self._standard())
    @rule(number=numbers, is_foreign=rarely, mishap=mishaps)
    def dissociate(self, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        self._apply("dissociate", number, mishap, is_foreign=is_foreign)

    def _apply(self, action: str, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        record, admin = self._administered(number, is_foreign=is_foreign)
        self._play(
            action,
            lambda: self.service.apply(action, record.id, ADMINS[admin], self.now),
            lambda _: self.reference.apply(action, record.id, admin),
            mishap,
        )

    @precondition(lambda self: self.reference.licenses)
    @rule(number=numbers, is_foreign=rarely, mishap=mishaps)
    def reset(self, number: int, mishap: str | None, *, is_foreign: bool) -> None:
        record, admin = self._administered(number, is_foreign=is_foreign)
        self._play(
            "reset",
            lambda: self.service.reset(record.id, ADMINS[admin], self.now),
            lambda _: self.reference.reset(record.id, admin),
            mishap,
        )

    @precondition(lambda self: self.reference.licenses)
    @rule(number=numbers, primary=st.booleans(), mishap=mishaps)
    def edit(self, number: int, mishap: str | None, *, primary: bool) -> None:
        record, admin = self._administered(number, is_foreign=False)
        self._play(
            "edit",
            lambda: self.service.edit(record.id, ADMINS[admin], primary=primary, now=self.now),
            lambda _: self.reference.edit(record.id, admin, primary=primary),
            mishap,
        )

    @rule(
        name=organizations,
        span=spans,
        status=statuses,
        limit=limits,
        is_stale=rarely,
        mishap=mishaps,
    )
    def change(
        self,
        name: str,
        span: int,
        status: str,
        limit: int | None,
        mishap: str | None,
        *,
        is_stale: bool,
    ) -> None:
        seen = self.reference.organizations[name].version - is_stale
        until = self.now + span
        self._play(
            "change",
            lambda: self.service.change(wanted(name, until, status, limit), seen, self.now),
            lambda _: self.reference.change(name, until, status, limit, seen=seen),
            mishap,
        )

    @rule(
        name=organizations,
        span=spans,
        status=statuses,
        limit=limits,
        ahead=st.integers(-1, 2),
        mishap=mishaps,
    )
    def bill(
        self,
        name: str,
        span: int,
        status: str,
        limit: int | None,
        ahead: int,
        mishap: str | None,
    ) -> None:
        """Billing's events come late, twice, and with gaps."""
        version = max(1, self.reference.organizations[name].billed + ahead)
        until = self.now + span
        self._play(
            "bill",
            lambda: self.service.bill(wanted(name, until, status, limit), version, self.now),
            lambda _: self.reference.bill(name, until, status, limit, version=version),
            mishap,
        )

    @rule(
        name=organizations,
        requires_proof=st.sampled_from([True, False, False, False]),
        blocks_clones=st.booleans(),
        each=limits_for_each,
        mishap=mishaps,
    )
    def decide(
        self,
        name: str,
        each: int | None,
        mishap: str | None,
        *,
        requires_proof: bool,
        blocks_clones: bool,
    ) -> None:
        self._play(
            "decide",
            lambda: self.service.decide(
                name,
                ADMINS[name],
                requires_proof=requires_proof,
                blocks_clones=blocks_clones,
                each=each,
                now=self.now,
            ),
            lambda _: self.reference.decide(
                name, requires_proof=requires_proof, blocks_clones=blocks_clones, each=each
            ),
            mishap,
        )

    @precondition(lambda self: self.steps % 3 == 2)  # it takes more time than anything else
    @rule(pieces=st.sampled_from([1, 2, 3, 100]))
    def sweep(self, pieces: int) -> None:
        self.service.sweep(pieces, self.now)
        for license_id, record in self._stored_licenses().items():
            known = self.reference.licenses[license_id]
            if record.state is State.EXPIRED and known.ends is not None and not known.is_over:
                assert self.now >= known.ends, "marked before its end"
                known.is_over = True
        self._reach("sweep")

    @precondition(lambda self: len(self._temporary()) < 3)
    @rule(
        name=organizations,
        ttl=st.sampled_from([TimeToLive.ONE_HOUR, TimeToLive.ONE_DAY]),
        mishap=mishaps,
    )
    def generate(self, name: str, ttl: TimeToLive, mishap: str | None) -> None:
        key = f"request {self.steps}"
        self._play(
            "generate",
            lambda: self.service.generate(name, ttl, key, self.now),
            lambda new_id: self.reference.generate(str(new_id), name, ttl.seconds, self.now),
            mishap,
        )

    @precondition(lambda self: self._temporary())
    @rule(number=numbers, mishap=mishaps)
    def revoke_temporary(self, number: int, mishap: str | None) -> None:
        record = self._one(number, self._temporary())
        self._play(
            "revoke temporary",
            lambda: self.service.revoke_temporary(record.id, self.now),
            lambda _: self.reference.revoke_temporary(record.id),
            mishap,
        )

    @precondition(lambda self: self.steps % 2)
    @rule(seconds=times)
    def clock(self, seconds: int) -> None:
        """Time passes; less than none where one server's clock is behind another's."""
        self.now += seconds
        self._reach("clock")

    @precondition(lambda self: self.steps % 8 == 0 and len(self.service.secrets.versions) < 4)
    @rule()
    def rotate_secret(self) -> None:
        self.service.secrets.rotate()
        self._reach("rotate secret")

    def _show(
        self, device: str | None, over: str, asked: Asked, *, is_replayed: bool = False
    ) -> Shown | None:
        """A proof, as an agent makes one for each request, or the last one that somebody made."""
        if device is None:
            return None
        if is_replayed and self.shown is not None:
            return replace(self.shown, key=device)
        last = asked.lease
        if over == "nonce" or last is None or last.link is None:
            self.shown = Shown(device, self.now * 1000 + self.made % 1000)
            return self.shown
        return Shown(device, None, last.link, is_early=over == "early")

    def _proof(self, shown: Shown | None) -> Proof | None:
        if shown is None:
            return None
        jtis = {name: jti for jti, name in self.names.items()}
        return proof_of(shown, jtis[shown.over] if shown.over else None)

    # -- what is checked ---------------------------------------------------------------------------

    def teardown(self) -> None:
        if not self.is_left:
            self._look()

    def _play(
        self,
        name: str,
        act: Callable[[], Told],
        expect: Callable[[str | None], Told],
        mishap: str | None,
    ) -> Told:
        """Do it and compare; a mishap makes it happen twice, in one way or another."""
        if mishap is None:
            told = act()
            expected = expect(told.license_id)
        elif mishap == "answer lost":
            with self.service.losing_answers(for_good=False):
                told = act()
            expected = expect(told.license_id)
            REACHED[mishap] += 1
        else:
            if mishap == "delivered twice":
                first = act()
                self._compare(name, first, expect(first.license_id))
                told = act()
            else:
                before = self._stored_licenses()
                with self.service.losing_answers(for_good=True):
                    first = act()
                after = self._stored_licenses()
                told = act()
                # It had taken effect, if anything was to be written, but where other licences were
                # to move along first. Nobody was told. Whoever then shows the proof that counted is
                # not told either which licence came of it.
                id = told.license_id
                if first.word != "unavailable" or id is None or before.get(id) != after.get(id):
                    self.reference.is_cut_off = first.word == "unavailable"
                    once = expect(id or self._unknown_license())
                    self.reference.is_cut_off = False
                    self._leave_where_a_proof_was_used_for_another_license(once, before, after)
                    if first.word != "unavailable":
                        self._compare(name, first, once)
            expected = expect(told.license_id)
            REACHED[mishap] += 1
        self._compare(name, told, expected)
        self._reach(name)
        REACHED[f"{name}: {told.word}"] += 1
        return told

    def _leave_where_a_proof_was_used_for_another_license(
        self, once: Told, before: Mapping[str, License], after: Mapping[str, License]
    ) -> None:
        """End a history that the reference cannot follow: it does one thing after the other.

        A login's proof has been used, another licence has moved along, and its own has not.
        """
        id = once.license_id
        others = before.keys() - {id}
        if id in before and any(before[other] != after[other] for other in others):
            self.is_left = True
            assume(condition=False)

    def _compare(self, name: str, told: Told, expected: Told) -> None:
        """The same answer, with the same link, which each side calls by a name of its own."""
        if told.link and expected.link:
            called = self.names.setdefault(told.link, expected.link)
            assert list(self.names.values()).count(called) == 1, f"{name}: {called} has two ids"
            told = replace(told, link=called)
        assert told == expected, f"{name}: told {told}, expected {expected}"

    def _unknown_license(self) -> str | None:
        """The licence that is stored and that the reference has not heard of, if there is one."""
        unknown = self._stored_licenses().keys() - self.reference.licenses.keys()
        assert len(unknown) <= 1
        return next(iter(unknown), None)

    def _reach(self, name: str) -> None:
        REACHED[name] += 1
        self.steps += 1
        if self.steps % LOOKS_EVERY == 0:
            self._look()

    def _look(self) -> None:
        """Compare everything that is stored with the reference, and with itself."""
        scanned = self.service.world.items()
        assert_consistent(scanned)
        stored = {
            record.id: record
            for record in map(items.read_license, filter(schema.is_license, scanned))
        }
        hashing_key = self.service.secrets.keyring().hashing_key
        assert {id: _facts(record) for id, record in stored.items()} == {
            id: _expected(record, hashing_key) for id, record in self.reference.licenses.items()
        }
        for organization in map(items.read_organization, filter(schema.is_organization, scanned)):
            assert organization.seats == self.reference.seats(organization.id)
            assert _subscribed(organization) == self.reference.organizations[organization.id]
        for id, record in stored.items():
            _compare_chains(record, self.reference.licenses[id], self.names)
        told = [events.read_event(item) for item in scanned if item["sk"]["S"].startswith("EVENT#")]
        signs = {(one.license_id, _sign(one)) for one in told if _sign(one) in SIGNS}
        assert signs == self.reference.on_record
        REACHED.update(f"on record: {sign}" for _, sign in signs)
        told.sort(key=lambda entry: (entry.at, entry.revision or 0), reverse=True)
        states = {id: facts["state"] for id, facts in replayed(told).items()}
        assert states == {id: record.state for id, record in stored.items()}
        changes = Counter(entry.license_id for entry in told if entry.times is None)
        assert {id: changes[id] for id in stored} == {
            id: record.revision for id, record in stored.items()
        }

    def _stored_licenses(self) -> Mapping[str, License]:
        scanned = self.service.world.items()
        records = map(items.read_license, filter(schema.is_license, scanned))
        return {record.id: record for record in records}

    def _standard(self) -> Sequence[Licensed]:
        return [one for one in self.reference.licenses.values() if one.ends is None]

    def _temporary(self) -> Sequence[Licensed]:
        return [one for one in self.reference.licenses.values() if one.ends is not None]

    def _one(self, number: int, among: Sequence[Licensed] | None = None) -> Licensed:
        found = among or list(self.reference.licenses.values())
        return found[number % len(found)]

    def _administered(self, number: int, *, is_foreign: bool) -> tuple[Licensed, str]:
        record = self._one(number, None if number % 10 == 0 else self._standard())
        other = {"acme": "bolt", "bolt": "acme"}[record.organization_id]
        return record, other if is_foreign else record.organization_id


def _facts(record: License) -> tuple[object, ...]:
    """What a stored licence and one of the reference have in common."""
    return (
        record.organization_id,
        record.environment,
        State.ACTIVE if record.state is State.EXPIRED else record.state,
        _in_no_order(record.machine),
        record.past.moved_at,
        record.past.is_held,
        record.exclusive,
        record.primary,
        record.term and (record.term.expires_at, record.term.holder),
        record.device_key,
        record.proved_ms,
        record.added_by,
        record.pending_key,
        record.lent_at,
        record.leased_until,
    )


def _sign(entry: RecordedEvent) -> str | None:
    """What an entry says of a licence's agents."""
    is_block = entry.type is EventType.CLONE_SUSPECTED and entry.revision is not None
    return "blocked" if is_block else entry.reason


def _compare_chains(record: License, known: Licensed, names: Mapping[str, str]) -> None:
    stored, chain = record.chain, known.chain
    head = None if stored.link is None else (stored.link.issued_at, stored.link.expires_at)
    assert head == (chain.head and (chain.head.since, chain.head.until))
    if stored.link is not None and chain.head is not None:
        assert names.get(str(stored.link.id), chain.head.link) == chain.head.link
    assert stored.is_presented == chain.was_presented
    assert [(one.at, one.by_login) for one in stored.left] == [
        (one.at, one.by_login) for one in chain.left
    ]
    assert stored.returned_at == chain.gained
    assert (record.keys.former, record.keys.came_back_at) == (known.former, known.came_back)


def _in_no_order(machine: Machine) -> Machine:
    return replace(machine, mac_addresses=tuple(sorted(machine.mac_addresses)))


def _expected(record: Licensed, hashing_key: bytes) -> tuple[object, ...]:
    machine = NO_MACHINE
    if record.card is not None:
        machine = _in_no_order(Machine.of(service.credentials(record.card), hashing_key))
    return (
        record.organization_id,
        record.environment,
        State(record.state),
        machine,
        record.moved_at,
        record.is_held,
        record.exclusive,
        record.primary,
        None if record.ends is None else (record.ends, record.holder),
        record.device,
        record.counted,
        Caller(record.added_by, None, frozenset()).member if record.added_by else None,
        record.pending,
        record.lent_at,
        record.leased,
    )


def _subscribed(organization: Organization) -> Subscribed:
    return Subscribed(
        organization.subscription.valid_until,
        organization.subscription.status.value,
        organization.max_agents,
        organization.version,
        organization.billing_version,
        organization.policy.require_device_key,
        organization.policy.agents_per_member,
        organization.policy.block_clones,
    )


@pytest.fixture(scope="module")
def world(engine: str) -> Iterator[World]:
    """One world for all examples."""
    with new_world(engine) as fresh:
        yield fresh


def run(
    world: World,
    examples: int,
    steps: int,
    seed: int,
    kind: Callable[..., DynamoStore] = DynamoStore,
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
) -> None:
    """Play so many examples of so many steps."""
    beside = Service(world, kind)
    machine = hypothesis.seed(seed)(type("Beside", (Beside,), {"service": beside}))
    with beside.nobody_waits():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                database=None,
                phases=phases,
                suppress_health_check=list(HealthCheck),
            ),
        )


@contextmanager
def beside_the_service(world: World) -> Iterator[Beside]:
    """Both, for a fixed history; in the end, all that is stored is compared."""
    beside = Service(world, DynamoStore)
    machine = type("Beside", (Beside,), {"service": beside})()
    with beside.nobody_waits():
        yield machine
        machine.teardown()


def test_a_first_login_that_nobody_hears_of_has_used_its_proof(world: World) -> None:
    with beside_the_service(world) as machine:
        machine.begin(some=[])
        machine.logs_in(
            ALICE, COMPUTERS[0], "production", NEWER, None, "key-1", "cut off", Manner()
        )
    assert REACHED["login: stale"]


def test_a_drift_that_is_cut_off_once_another_license_has_moved_along_has_used_no_proof(
    world: World,
) -> None:
    with beside_the_service(world) as machine:
        here = (ALICE, COMPUTERS[0])
        machine.begin(some=[(*here, "production", NEWER, "key-1"), (*here, "staging", NEWER, None)])
        machine.drift(0, 2, COMPUTERS[0], NEWER, "cut off", Manner())


def test_r36_a_login_that_is_cut_off_once_its_key_is_bound_has_not_been_followed(
    world: World,
) -> None:
    whole = COMPUTERS[1]
    with beside_the_service(world) as machine:
        machine.begin(some=[(ALICE, replace(whole, machine_id=None), "production", OLDER, None)])
        machine.logs_in(ALICE, whole, "production", NEWER, None, "key-1", "cut off", Manner())


def test_r36_only_the_bound_keys_login_has_to_be_newer_than_what_has_counted(
    world: World,
) -> None:
    here, now = COMPUTERS[0], Manner()
    with beside_the_service(world) as machine:
        machine.begin(some=[(ALICE, here, "production", NEWER, "key-2")])
        machine.reset(0, None, is_foreign=False)
        machine.clock(1)
        machine.login_again(0, NEWER, None, None, now, is_admin=False, is_replayed=False)
        # That one was made before, comes after, and has not counted yet.
        machine.login_again(0, NEWER, "key-1", None, now, is_admin=False, is_replayed=True)
        assert next(iter(machine.reference.licenses.values())).device == "key-1"


def test_r31_a_machine_that_is_not_followed_is_closed_where_another_agent_has_closed_it(
    world: World,
) -> None:
    whole = Card("machine-id-2", frozenset({"3c5282000002"}), "pc-2")
    with beside_the_service(world) as machine:
        machine.begin(
            some=[
                (BORIS, replace(whole, machine_id=None), "production", OLDER, None),
                (BORIS, replace(whole, name="pc-1"), "production", NEWER, None),
            ]
        )
        older = next(iter(machine.reference.licenses.values()))
        machine.validate(
            0, whole, None, OLDER, None, None, Manner(), is_elsewhere=True, is_misled=False
        )
        assert machine.reference.licenses[older.id].card == older.card
        assert machine.reference.licenses[older.id].exclusive


def test_r37_copies_backups_and_keys_that_alternate_are_on_record_as_the_rules_say(
    world: World,
) -> None:
    one, other = Manner(0), Manner(1)
    with beside_the_service(world) as machine:
        machine.begin(
            some=[
                (ALICE, COMPUTERS[0], "production", NEWER, None),
                (ALICE, COMPUTERS[1], "production", NEWER, "key-1"),
            ]
        )
        machine.renew(0, [(60, one, None)])
        machine.copy(0, one)
        # 1. Both go on.
        machine.renew(0, [(DAY // 2, one, None), (0, other, None), (0, one, None)])
        # 2. One begins a chain anew, a little earlier by another server's clock.
        machine.detach(0, None, is_foreign=False)
        machine.attach(0, None, is_foreign=False)
        machine.clock(-30)
        machine.renew(0, [(0, other, None), (0, one, None)])
        machine.renew(0, [(0, Manner(presents=False, heard=False), None)])
        # 3. Two keys take the licence from each other.
        for key in ("key-2", "key-1", "key-2"):
            machine.clock(60)
            machine.logs_in(
                ADMINS["acme"], COMPUTERS[1], "production", NEWER, None, key, None, Manner()
            )
        # 4. Now the organization wants to have copies blocked.
        machine.decide("acme", None, None, requires_proof=False, blocks_clones=True)
        machine.renew(0, [(DAY, one, None), (0, other, None), (0, one, None)])
        signs = {sign for _, sign in machine.reference.on_record}
    assert signs == SIGNS - {"returned_often"}


@pytest.mark.proof
@pytest.mark.sampled(2)
@pytest.mark.parametrize("part", range(PARTS))
def test_r02_r04_r14_the_service_answers_like_a_reference_that_knows_no_database(
    world: World, proof: proofs.Proof, part: int
) -> None:
    examples, steps = proof.of(test=FEW, test_all=EXAMPLES, prove=FULL)
    REACHED.clear()
    seed = proof.seeds(PARTS)[part]
    run(world, examples // PARTS, steps, seed)
    # What chance may leave out of a short run has to come of a long one.
    wanted_at_least = proof.of(test=set(), test_all=set(), prove=RULES | ANSWERS)
    assert REACHED.keys() >= wanted_at_least, f"never: {wanted_at_least - REACHED.keys()}"
    rarest = min(RULES, key=lambda name: REACHED[name])
    played = RULES & REACHED.keys()
    proof.found(
        f"{examples // PARTS} examples of up to {steps} steps, {_steps()} in all: no difference; "
        f"{len(played)} of {len(RULES)} rules played, {rarest} least often "
        f"({REACHED[rarest]} times); "
        f"{len(ANSWERS & REACHED.keys())} of {len(ANSWERS)} answers given"
    )


def _steps() -> int:
    return sum(REACHED[name] for name in RULES)


class Remembers(DynamoStore):
    """The planted bug: what has been read once is not read again for a while."""

    def license_and_organization(
        self, license_id: str, organization_id: str
    ) -> tuple[License | None, Organization | None]:
        _, organization = super().license_and_organization(license_id, organization_id)
        if license_id not in REMEMBERED:
            REMEMBERED[license_id] = self.license(license_id)
        return REMEMBERED[license_id], organization


REMEMBERED: dict[str, License | None] = {}


@pytest.mark.proof
def test_r15_a_service_that_remembers_licenses_differs_from_the_reference(
    world: World, proof: proofs.Proof
) -> None:
    REACHED.clear()
    REMEMBERED.clear()
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(world, 200, 50, proof.seed, Remembers, [Phase.generate])
    proof.found(
        "a difference between service and reference is found",
        planted=f"licences that are remembered, found after {_steps()} steps",
    )
