"""R32 and R33: whatever happens, events tell every change once, and all states follow from them.

Histories are drawn at random and played against the real handlers, in a table that is emptied in
between, on AWS's own engine (moto gets slower with every transaction). A step that the service
refuses is as good a step as any.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licensing.adapters.dynamo import events, items, schema
from licensing.domain.audit import EventType
from licensing.usecases.ports import RecordedEvent
from tests.concurrency.table import restore
from tests.integration.billing import bill
from tests.integration.partner import PETRA, generate, login_with, revoke
from tests.property.replaying import replayed
from tests.world import (
    ADA,
    ALICE,
    BEA,
    BORIS,
    NOON,
    OLIVIA,
    PAVEL,
    Answer,
    Person,
    World,
    new_world,
)

DAY = 86_400
STANDARD: Final = frozenset(
    {
        EventType.LICENSE_ISSUED,
        EventType.LICENSE_REVOKED,
        EventType.LICENSE_DETACHED,
        EventType.LICENSE_ATTACHED,
        EventType.LICENSE_DISSOCIATED,
        EventType.LICENSE_REASSIGNED,
        EventType.LICENSE_UPDATED,
        EventType.LICENSE_EXPIRED,
        EventType.LICENSE_REINSTATED,
        EventType.MACHINE_DRIFTED,
    }
)
TEMPORARY: Final = frozenset(
    {
        EventType.TEMPORARY_LICENSE_GENERATED,
        EventType.TEMPORARY_LICENSE_USED,
        EventType.TEMPORARY_LICENSE_EXPIRED,
        EventType.TEMPORARY_LICENSE_REVOKED,
    }
)


@pytest.fixture(scope="module")
def world(engine: str) -> Iterator[World]:
    """One world for all histories."""
    with new_world(engine) as fresh:
        yield fresh


@dataclass(frozen=True)
class Key:
    """A licence key that somebody has been told."""

    id: str
    text: str
    organization_id: str
    environment: str


@dataclass
class Scene:
    """Two organizations, a few computers that change over time, and the keys there are."""

    world: World
    keys: list[Key] = field(default_factory=list)
    temporary: list[Key] = field(default_factory=list)
    computers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    billed: int = 0

    def machine(self, number: int) -> dict[str, Any]:
        """A computer as it is now."""
        machine_id, mac, name = self.computers[number]
        return {
            "machine_id": f"machine-{number}-{machine_id}",
            "mac_addresses": [f"3c:52:82:00:{number:02x}:{mac:02x}"],
            "computer_name": f"PC-{number}-{name}",
        }

    def key(self, number: int) -> Key | None:
        return self.keys[number % len(self.keys)] if self.keys else None

    def temporary_key(self, number: int) -> Key | None:
        return self.temporary[number % len(self.temporary)] if self.temporary else None


Step = Callable[[Scene], Answer | None]


def login(person: Person, machine: int, environment: str, version: str = "4.5.0.0") -> Step:
    def step(scene: Scene) -> Answer:
        answer = scene.world.login(
            person, scene.machine(machine), environment=environment, agent_version=version
        )
        if answer.status == 201:
            shown = answer.json["license"]
            scene.keys.append(
                Key(
                    shown["id"],
                    answer.json["license_key"],
                    shown["organization_id"],
                    shown["environment"],
                )
            )
        return answer

    return step


def change_computer(machine: int, component: int) -> Step:
    """A new disk, a new network adapter or another name: the next request shows it."""

    def step(scene: Scene) -> None:
        scene.computers[machine][component] += 1

    return step


def validate(key: int, machine: int, version: str = "4.5.0.0") -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.key(key)
        if one is None:
            return None
        return scene.world.validate(
            one.text, scene.machine(machine), one.organization_id, agent_version=version
        )

    return step


def transition(action: str, key: int) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.key(key)
        if one is None:
            return None
        admin = ADA if one.organization_id == "acme" else BEA
        return scene.world.request("POST", f"/v1/licenses/{one.id}/{action}", person=admin)

    return step


def reassign(key: int, machine: int) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.key(key)
        if one is None:
            return None
        person = ALICE if one.organization_id == "acme" else BORIS
        return login_with(
            scene.world, one.text, person, scene.machine(machine), environment=one.environment
        )

    return step


def edit(key: int, **wanted: Any) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.key(key)
        if one is None:
            return None
        return scene.world.request("PATCH", f"/v1/licenses/{one.id}", person=OLIVIA, json=wanted)

    return step


def subscribe(organization_id: str, seconds: int, status: str) -> Step:
    def step(scene: Scene) -> Answer:
        seen = scene.world.request("GET", f"/v1/organizations/{organization_id}", person=OLIVIA)
        version = seen.json["organization"]["version"]
        return scene.world.put(organization_id, seconds=seconds, status=status, version=version)

    return step


def billing(organization_id: str, seconds: int, *, again: bool) -> Step:
    def step(scene: Scene) -> None:
        scene.billed += not again
        bill(scene.world, max(1, scene.billed), organization_id, seconds=seconds)

    return step


def sweep(scene: Scene) -> None:
    scene.world.sweep()


def wait(seconds: int) -> Step:
    """Time passes; less than none, where one server's clock is behind another's."""

    def step(scene: Scene) -> None:
        scene.world.clock.advance(seconds)

    return step


def let_in(organization_id: str, ttl: str) -> Step:
    def step(scene: Scene) -> Answer:
        note = None if ttl == "1h" else f"for {ttl}"
        answer = generate(scene.world, ttl, organization_id, note=note)
        key = answer.json["license_key"]
        id = answer.json["license"]["id"]
        scene.temporary.append(Key(id, key, organization_id, "production"))
        return answer

    return step


def partner(key: int, machine: int, person: Person) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.temporary_key(key)
        if one is None:
            return None
        return login_with(scene.world, one.text, person, scene.machine(machine))

    return step


def partners_agent(key: int, machine: int) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.temporary_key(key)
        if one is None:
            return None
        return scene.world.validate(one.text, scene.machine(machine), one.organization_id)

    return step


def end_early(key: int) -> Step:
    def step(scene: Scene) -> Answer | None:
        one = scene.temporary_key(key)
        if one is None:
            return None
        return revoke(scene.world, one.id)

    return step


# -- histories -------------------------------------------------------------------------------------

computers = st.integers(0, 2)
numbers = st.integers(0, 5)
organizations = st.sampled_from(["acme", "bolt"])
versions = st.sampled_from(["4.5.0.0", "4.5.0.0", "4.3.0.12"])
logins = st.builds(
    login,
    st.sampled_from([ALICE, ALICE, ADA, BORIS]),
    computers,
    st.sampled_from(["production", "staging"]),
    versions,
)
steps: st.SearchStrategy[Step] = st.one_of(
    logins,
    st.builds(validate, numbers, computers, versions),
    st.builds(change_computer, computers, st.integers(0, 2)),
    st.builds(transition, st.sampled_from(["revoke", "detach", "attach", "dissociate"]), numbers),
    st.builds(reassign, numbers, computers),
    st.builds(edit, numbers, primary=st.booleans(), label=st.sampled_from(["", "Till", "Office"])),
    st.builds(
        subscribe,
        organizations,
        st.sampled_from([0, 3600, 5 * DAY]),
        st.sampled_from(["active", "active", "paused"]),
    ),
    st.builds(billing, organizations, st.sampled_from([0, 20 * DAY]), again=st.booleans()),
    st.just(sweep),
    st.builds(wait, st.sampled_from([0, 1, 60, 3600, 2 * DAY, -30])),
    st.builds(let_in, organizations, st.sampled_from(["1h", "7d"])),
    st.builds(partner, numbers, computers, st.sampled_from([PAVEL, PETRA])),
    st.builds(partners_agent, numbers, computers),
    st.builds(end_early, numbers),
)
histories = st.tuples(st.lists(logins, min_size=2, max_size=4), st.lists(steps, max_size=25)).map(
    lambda parts: [*parts[0], *parts[1]]
)

EVERYTHING: Final[list[Step]] = [
    login(ALICE, 0, "production", "4.3.0.12"),
    login(BORIS, 1, "production"),
    login(ADA, 0, "staging", "4.3.0.12"),
    validate(0, 0, "4.5.0.0"),  # which makes the machine exclusive
    change_computer(0, 2),
    validate(0, 0),
    change_computer(0, 1),
    login(ALICE, 0, "staging"),
    change_computer(0, 0),
    change_computer(0, 1),
    validate(0, 0),  # two at once: refused
    login(BORIS, 0, "production"),
    transition("detach", 1),
    transition("detach", 1),
    login(BORIS, 1, "production"),
    transition("attach", 1),
    edit(1, primary=True, label="Till"),
    edit(1, label=""),
    transition("dissociate", 1),
    reassign(1, 2),
    reassign(1, 1),
    let_in("acme", "1h"),
    let_in("acme", "1h"),
    let_in("bolt", "7d"),
    partner(0, 0, PAVEL),
    partner(0, 0, PETRA),
    partners_agent(0, 0),
    partner(2, 2, PETRA),
    end_early(2),
    end_early(2),
    wait(3600),
    partners_agent(0, 0),
    sweep,
    subscribe("bolt", 0, "active"),
    sweep,
    validate(1, 2),
    billing("bolt", 5 * DAY, again=False),
    billing("bolt", 0, again=True),
    sweep,
    wait(-30),
    transition("revoke", 0),
    transition("revoke", 0),
    transition("attach", 0),
    login(ALICE, 0, "production"),
]


@settings(max_examples=settings().max_examples // 3)
@example(history=EVERYTHING)
@given(history=histories)
def test_r32_r33_each_change_leaves_one_event_and_all_states_follow_from_the_events(
    world: World, history: list[Step]
) -> None:
    played(world, history)
    stored, told, organizations = _read(world)

    assert replayed(list(reversed(told))) == {record.id: record.facts for record in stored}

    chains: Mapping[str, list[RecordedEvent]] = defaultdict(list)
    for entry in sorted(told, key=lambda entry: entry.revision or 0):
        # A refusal is no change, and an announcement leaves the version of its organization.
        if entry.revision is not None and entry.type is not EventType.SUBSCRIPTION_ENDING:
            chains[entry.license_id or entry.organization_id].append(entry)
    revisions = {record.id: record.revision for record in stored} | organizations
    assert chains.keys() == revisions.keys()
    for id, chain in chains.items():
        assert [entry.revision for entry in chain] == list(range(1, revisions[id] + 1))
        assert chain[0].before is None
        if id in organizations:
            continue  # what is announced between two changes is before the later one
        for earlier, later in pairwise(chain):
            assert later.before == earlier.after
            assert later.at >= earlier.at
    assert len({entry.id for entry in told}) == len(told)


def test_r32_the_fixed_history_has_everything_in_it(world: World) -> None:
    played(world, EVERYTHING)
    _, told, _ = _read(world)
    assert {entry.type for entry in told} >= STANDARD | TEMPORARY | {
        EventType.ORGANIZATION_CREATED,
        EventType.SUBSCRIPTION_CHANGED,
        EventType.SUBSCRIPTION_ENDING,
        EventType.ACCESS_REFUSED,
    }


def played(world: World, history: list[Step]) -> None:
    """Play a history in an empty table; no step is a fault of the service."""
    restore(world)
    world.calls.clear()
    world.exchanges.clear()
    world.clock.time = NOON
    world.register("acme", seconds=10 * DAY)
    world.register("bolt", seconds=DAY)
    scene = Scene(world)
    for step in history:
        answer = step(scene)
        assert answer is None or answer.status < 500, answer


def _read(world: World) -> tuple[list[Any], list[RecordedEvent], dict[str, int]]:
    """All licences, all events, and the versions of the organizations."""
    stored, told, versions = [], [], {}
    for item in world.items():
        if schema.is_license(item):
            stored.append(items.read_license(item))
        elif schema.is_organization(item):
            organization = items.read_organization(item)
            versions[organization.id] = organization.version
        elif item["sk"]["S"].startswith("EVENT#"):
            told.append(events.read_event(item))
    return stored, told, versions
