"""Races for a machine that organizations share, and for an agent whose name has two forms (R31)."""

import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from licensing.adapters.dynamo import DynamoStore, items
from licensing.domain import audit
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.domain.license import Action, License, State
from licensing.domain.machine import Credentials, Machine
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.validation import Code
from licensing.usecases.login import Issued
from licensing.usecases.ports import Change, Outcome
from tests.concurrency.arena import THREADS, Arena, Race, Run, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.tasks import machine
from tests.world import NOON

pytestmark = pytest.mark.proof

PLANTED_ROUNDS = 60
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""
OLDER = "4.3.0.12"
ORIGIN = Origin(actor=Actor(ActorKind.USER, "alice"), request_id="of an earlier build")


def newcomers_against_an_update(arena: Arena, chance: random.Random) -> None:
    """Acme and Bolt share a machine; Acme's agent is updated while others try to get on it."""
    for name in ("acme", "bolt"):
        arena.register(name)
    shared = Credentials.of(
        machine_id=None, mac_addresses=["3c5282000001"], computer_name="pc-0001"
    )
    acmes, bolts = (arena.issued(name, shared, agent_version=OLDER) for name in ("acme", "bolt"))
    newcomers = [f"newcomer-{number}" for number in range(6)]
    for name in newcomers:
        arena.register(name)
    closed_at: list[float] = []

    def update(store: DynamoStore) -> None:
        assert arena.validate(acmes.key, "acme", shared, now=NOON)(store).code is Code.VALID
        closed_at.append(time.monotonic())

    def get_on(name: str, store: DynamoStore) -> tuple[float, str, Issued | Refused]:
        started = time.monotonic()
        return started, name, arena.login(name, shared, agent_version=OLDER)(store)

    def is_valid(issued: Issued) -> bool:
        name = issued.record.organization_id
        ask = arena.validate(issued.key, name, shared, agent_version=OLDER, now=NOON)
        return ask(arena.stores[0]).code is Code.VALID

    tasks: list[Callable[[DynamoStore], tuple[float, str, Issued | Refused] | None]]
    tasks = [update, *[partial(get_on, name) for name in newcomers]]
    chance.shuffle(tasks)

    answers = [answer for answer in arena.at_once(tasks, chance) if answer is not None]

    for started, name, answer in answers:
        if isinstance(answer, Refused):
            assert answer.code is RefusalCode.MACHINE_REGISTERED
            continue
        assert started < closed_at[0], f"{name} has got on a closed machine"
        # Whoever was faster stays.
        validated = arena.validate(answer.key, name, shared, agent_version=OLDER, now=NOON)(
            arena.stores[0]
        )
        assert validated.code is Code.VALID
    stays = arena.validate(bolts.key, "bolt", shared, agent_version=OLDER, now=NOON)(
        arena.stores[0]
    )
    assert stays.code is Code.VALID
    arena.register("late")
    late = arena.login("late", shared, agent_version=OLDER)(arena.stores[0])
    assert isinstance(late, Refused)
    holders = {"acme", "bolt"} | {name for _, name, one in answers if isinstance(one, Issued)}
    claims = [items.read_claim(one) for one in arena.checked() if one["sk"]["S"] == "PAIR"]
    assert [(set(claim.holders), claim.exclusive) for claim in claims] == [(holders, True)]


def environments_on_a_closed_machine(arena: Arena, chance: random.Random) -> None:
    """Those who share a closed machine both add agents there, newer and older ones."""
    for name in ("acme", "bolt"):
        arena.register(name)
        arena.issued(name, machine(1), agent_version=OLDER)
    arena.issued("acme", machine(1), environment="newer")

    answers = arena.at_once(
        [
            arena.login(name, machine(1), environment=f"e-{number}", agent_version=version)
            for number, (name, version) in enumerate(
                [("acme", "4.5.0.0"), ("acme", OLDER), ("bolt", OLDER), ("bolt", "4.5.0.0")]
                * (THREADS // 4)
            )
        ],
        chance,
    )

    assert all(isinstance(answer, Issued) for answer in answers), answers
    arena.checked()


def a_key_and_logins_under_two_forms_of_a_name(arena: Arena, chance: random.Random) -> None:
    """A licence of an earlier build waits for its machine, where its agent logs in without it."""
    arena.register("acme")
    arena.issued("acme", machine(1), environment="staging")
    store = arena.stores[0]
    earlier = _of_an_earlier_build(arena, machine(2))
    event = audit.of_license(
        EventType.LICENSE_ISSUED, None, earlier, id="evt_earlier", origin=ORIGIN
    )
    acme = arena.organization("acme")
    assert store.commit([Change(None, earlier, event)], organization=acme) is Outcome.COMMITTED
    arena.act(Action.DISSOCIATE, earlier.id)(store)
    keyring = arena.keyrings.keyring()
    key = earlier.key(keyring.license_key_secrets[earlier.secret_version])
    tasks = [
        arena.login("acme", machine(1), key=key if number % 2 else None)
        for number in range(THREADS)
    ]

    answers = arena.at_once(tasks, chance)

    bound = [
        one
        for one in arena.licenses(arena.checked())
        if one.is_bound and one.environment != "staging"
    ]
    assert len(bound) == 1, f"one agent, {len(bound)} licences"
    issued = {answer.record.id for answer in answers if isinstance(answer, Issued)}
    assert issued == {bound[0].id}
    assert arena.organization("acme").seats == 2


def _of_an_earlier_build(arena: Arena, credentials: Credentials) -> License:
    """A licence whose environment has not the normal form."""
    hashed = Machine.of(credentials, arena.keyrings.keyring().hashing_key)
    return License(
        id="lic_0123456789abcdef",
        organization_id="acme",
        environment="Production ",
        state=State.ACTIVE,
        machine=hashed,
        computer_name=credentials.display_name,
        identity=hashed.identity(),
        secret_version=1,
        issued_at=NOON,
        issued_by="alice",
        agent_version="4.5.0.0",
        updated_at=NOON,
    )


RACES: list[Race] = [
    newcomers_against_an_update,
    environments_on_a_closed_machine,
    a_key_and_logins_under_two_forms_of_a_name,
]


def test_r31_nobody_gets_on_a_machine_after_the_validation_that_has_closed_it(run: Run) -> None:
    run(newcomers_against_an_update)


def test_r02_r31_all_who_share_a_closed_machine_add_agents_there_at_once(run: Run) -> None:
    run(environments_on_a_closed_machine)


def test_r02_r12_a_key_and_logins_under_two_forms_of_a_name_make_one_license(run: Run) -> None:
    run(a_key_and_logins_under_two_forms_of_a_name)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("race", RACES)
def test_r05_a_check_followed_by_a_put_is_caught(arena: Arena, race: Race) -> None:
    planted = with_stores(arena, CheckThenPut)
    with pytest.raises(AssertionError):
        planted.rounds(race, PLANTED_ROUNDS)
