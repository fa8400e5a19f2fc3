"""Races of logins and revocations: one machine, one licence, exact counts (R2–R6, R15, R38)."""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.audit import Actor, ActorKind, EventType, OrganizationNote, Origin
from licensing.domain.device_key import Proof
from licensing.domain.errors import StaleProof
from licensing.domain.license import Action
from licensing.domain.machine import Credentials
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.validation import Code
from licensing.usecases.amend_organization import Decision
from licensing.usecases.login import Issued
from tests.concurrency.arena import THREADS, Arena, Race, Run, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.tasks import machine
from tests.world import NOON

pytestmark = pytest.mark.proof

PLANTED_ROUNDS = 60
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""


def two_organizations_on_one_machine(arena: Arena, chance: random.Random) -> None:
    _first_logins(arena, chance, [machine(1)] * THREADS)


def two_organizations_on_machines_that_share_one_pair(arena: Arena, chance: random.Random) -> None:
    """Two of three agree, the third is different on every one of them."""
    component, pattern = chance.choice(
        [("machine_id", "id-{}"), ("mac_address", "3c5283{:06x}"), ("computer_name", "name-{}")]
    )
    machines = [machine(1, **{component: pattern.format(number)}) for number in range(THREADS)]
    _first_logins(arena, chance, machines)


def _first_logins(arena: Arena, chance: random.Random, machines: Sequence[Credentials]) -> None:
    """Half of the threads log in for Acme, half for Bolt: one of the two has the machine."""
    arena.register("acme")
    arena.register("bolt")
    callers = ["acme", "bolt"] * (THREADS // 2)
    chance.shuffle(callers)

    answers = arena.at_once(
        [
            arena.login(organization_id, credentials, subject=f"user-{number}")
            for number, (organization_id, credentials) in enumerate(
                zip(callers, machines, strict=True)
            )
        ],
        chance,
    )

    issued = [answer for answer in answers if isinstance(answer, Issued)]
    winners = {answer.record.organization_id for answer in issued}
    assert len(winners) == 1, f"the machine belongs to {winners}"
    winner = winners.pop()
    _assert_one_license(issued)
    for organization_id, answer in zip(callers, answers, strict=True):
        if organization_id == winner:
            assert isinstance(answer, Issued), answer
        else:
            assert answer == Refused(
                RefusalCode.MACHINE_REGISTERED,
                f"Your machine is already registered with {winner.capitalize()}.",
            )
    arena.checked()
    seats = {name: arena.organization(name).seats for name in ("acme", "bolt")}
    assert seats == {"acme": 0, "bolt": 0} | {winner: 1}


def many_users_on_one_agent(arena: Arena, chance: random.Random) -> None:
    arena.register("acme", max_agents=1)

    answers = arena.at_once(
        [arena.login("acme", machine(1), subject=f"user-{number}") for number in range(THREADS)],
        chance,
    )

    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert len(issued) == THREADS, answers
    _assert_one_license(issued)
    arena.checked()
    assert arena.organization("acme").seats == 1


def _assert_one_license(issued: Sequence[Issued]) -> None:
    assert len({(answer.record.id, answer.key.reveal()) for answer in issued}) == 1
    assert [answer.created for answer in issued].count(True) == 1


def the_last_seats(arena: Arena, chance: random.Random) -> None:
    taken, free = chance.randrange(3), 3
    arena.register("acme", max_agents=taken + free)
    for number in range(taken):
        arena.issued("acme", machine(100 + number))

    answers = arena.at_once(
        [arena.login("acme", machine(number)) for number in range(THREADS)], chance
    )

    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert len(issued) == free
    refused = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert refused == {RefusalCode.SEAT_LIMIT_REACHED}
    arena.checked()
    assert arena.organization("acme").seats == taken + free


def the_last_agents_of_a_member(arena: Arena, chance: random.Random) -> None:
    """Two members each log in on machines of their own, and may add few of them."""
    added, limit = chance.randrange(2), 3
    arena.register("acme")
    for number in range(added):
        arena.issued("acme", machine(100 + number), subject="alice")
    arena.govern("acme", Decision(agents_per_member=limit))(arena.stores[0])
    people = ["alice", "amir"] * (THREADS // 2)
    chance.shuffle(people)

    answers = arena.at_once(
        [
            arena.login("acme", machine(number), subject=person)
            for number, person in enumerate(people)
        ],
        chance,
    )

    for person, left in (("alice", limit - added), ("amir", limit)):
        own = [answer for who, answer in zip(people, answers, strict=True) if who == person]
        assert sum(isinstance(answer, Issued) for answer in own) == left, person
        refused = {answer.code for answer in own if isinstance(answer, Refused)}
        assert refused == {RefusalCode.MEMBER_LIMIT_REACHED}
    arena.checked()


def a_members_agents_come_and_go(arena: Arena, chance: random.Random) -> None:
    """Some are revoked, some dissociated and bound anew by another member, some are new."""
    arena.register("acme")
    arena.govern("acme", Decision(agents_per_member=12))(arena.stores[0])
    old = [arena.issued("acme", machine(n), subject="alice") for n in range(8)]
    waiting = old[6:]
    for issued in waiting:
        arena.act(Action.DISSOCIATE, issued.record.id)(arena.stores[0])
    tasks: list[Callable[[DynamoStore], object]] = [
        *(arena.revoke(issued.record.id) for issued in old[:3]),
        *(arena.act(Action.DISSOCIATE, issued.record.id) for issued in old[3:6]),
        *(arena.login("acme", machine(20 + n), subject="alice") for n in range(4)),
        *(
            arena.login("acme", machine(30 + n), subject="amir", key=issued.key)
            for n, issued in enumerate(waiting)
        ),
        *(arena.login("acme", machine(40), subject="amir") for _ in range(2)),
    ]
    chance.shuffle(tasks)

    arena.at_once(tasks, chance)

    bound = [record for record in arena.licenses(arena.checked()) if record.is_bound]
    assert len(bound) == 4 + 2 + 1


def one_agent_that_is_the_last_its_users_may_add(arena: Arena, chance: random.Random) -> None:
    """All log in on it at once: one of them adds it, and nobody is refused."""
    arena.register("acme")
    arena.govern("acme", Decision(agents_per_member=1))(arena.stores[0])

    answers = arena.at_once(
        [arena.login("acme", machine(1), subject=f"user-{n % 2}") for n in range(THREADS)], chance
    )

    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert len(issued) == THREADS, answers
    _assert_one_license(issued)
    arena.checked()


def one_proof_on_many_machines(arena: Arena, chance: random.Random) -> None:
    """Somebody has overheard a login, and sends it for other machines, too."""
    arena.register("acme")
    proof = Proof("its key", 1, "overheard")
    bound = chance.random() < 0.5
    if bound:  # then it is a repeated login, which commits nothing
        arena.issued("acme", machine(0), proof=Proof("its key", 0, "first"))

    def login(number: int, store: DynamoStore) -> Issued | Refused | None:
        try:
            return arena.login("acme", machine(number), proof=proof)(store)
        except StaleProof:
            return None

    answers = arena.at_once([partial(login, number) for number in range(THREADS)], chance)

    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert len(issued) == 1, answers
    arena.checked()
    assert arena.organization("acme").seats == bound + issued[0].created


def agents_come_and_go_on_one_machine(arena: Arena, chance: random.Random) -> None:
    """Environments of one machine share its claims; half of them go while others come."""
    arena.register("acme")
    half = THREADS // 2
    old = [arena.issued("acme", machine(1), environment=f"old-{n}").record for n in range(half)]
    tasks: list[Callable[[DynamoStore], object]] = [arena.revoke(record.id) for record in old]
    tasks += [arena.login("acme", machine(1), environment=f"new-{n}") for n in range(half)]
    chance.shuffle(tasks)

    arena.at_once(tasks, chance)

    bound = [record for record in arena.licenses(arena.checked()) if record.is_bound]
    assert {record.environment for record in bound} == {f"new-{n}" for n in range(half)}
    assert arena.organization("acme").seats == half


def logins_against_revocation(arena: Arena, chance: random.Random) -> None:
    """While Acme's licence is revoked, Acme logs in again and Bolt tries to get the machine."""
    arena.register("acme")
    arena.register("bolt")
    old = arena.issued("acme", machine(1)).record
    revoked_at: list[float] = []

    def revoke(store: DynamoStore) -> None:
        arena.revoke(old.id)(store)
        revoked_at.append(time.monotonic())

    def login(organization_id: str, store: DynamoStore) -> tuple[float, Issued | Refused]:
        return time.monotonic(), arena.login(organization_id, machine(1))(store)

    logins = [partial(login, organization_id) for organization_id in ("acme", "bolt") * 6]
    tasks: list[Callable[[DynamoStore], tuple[float, Issued | Refused] | None]]
    tasks = [revoke] * 4 + [*logins]
    chance.shuffle(tasks)

    answers = [answer for answer in arena.at_once(tasks, chance) if answer is not None]

    bound = [record for record in arena.licenses(arena.checked()) if record.is_bound]
    issued = [(at, answer.record.id) for at, answer in answers if isinstance(answer, Issued)]
    assert len(bound) <= 1
    assert {license_id for _, license_id in issued} - {old.id} == {record.id for record in bound}
    assert all(license_id != old.id for at, license_id in issued if at > min(revoked_at))


def validations_against_revocation(arena: Arena, chance: random.Random) -> None:
    """What starts after the revocation has answered says so, though each is noted (R17)."""
    arena.register("acme")
    issued = arena.issued("acme", machine(1))
    interval = arena.last_seen_seconds
    revoked_at: list[float] = []

    def revoke(store: DynamoStore) -> list[tuple[float, Code]]:
        for number in range(chance.randrange(3)):
            arena.validate(issued.key, "acme", machine(1), now=NOON + number)(store)
        arena.revoke(issued.record.id)(store)
        revoked_at.append(time.monotonic())
        return []

    def validate(first: int, store: DynamoStore) -> list[tuple[float, Code]]:
        seen = []
        for number in range(5):
            now = NOON + interval * (first + THREADS * number)
            started = time.monotonic()
            verdict = arena.validate(issued.key, "acme", machine(1), now=now)(store)
            seen.append((started, verdict.code))
        return seen

    tasks: list[Callable[[DynamoStore], list[tuple[float, Code]]]] = [
        partial(validate, number) for number in range(1, THREADS)
    ]
    answers = arena.at_once([revoke, *tasks], chance)

    late = {code for seen in answers for started, code in seen if started > revoked_at[0]}
    assert late <= {Code.REVOKED}
    assert arena.validate(issued.key, "acme", machine(1), now=NOON)(arena.stores[0]).code is (
        Code.REVOKED
    )
    arena.checked()


def refused_logins_of_many_machines(arena: Arena, chance: random.Random) -> None:
    """Each machine's entry is its own while there are few; all further ones share one."""
    arena.register("acme", max_agents=0)
    most = chance.randrange(2, 6)

    def note(number: int, store: DynamoStore) -> None:
        entry = OrganizationNote(
            type=EventType.ACCESS_REFUSED,
            organization_id="acme",
            reason=RefusalCode.SEAT_LIMIT_REACHED,
            at=NOON,
            origin=Origin(actor=Actor(ActorKind.USER, "alice"), request_id=f"request-{number}"),
            about=f"machine-{number % (THREADS // 2)}",
            computer_name=f"PC-{number}",
        )
        store.note_each(entry, most=most)

    arena.at_once([partial(note, number) for number in range(THREADS)], chance)

    entries = [item for item in arena.checked() if item.get("type") == {"S": "AccessRefused"}]
    own = [entry for entry in entries if "computer_name" in entry]
    shared = [int(e["times"]["N"]) for e in entries if "computer_name" not in e]
    assert len(own) == most
    assert {entry["times"]["N"] for entry in own} == {"2"}
    assert shared == [THREADS - 2 * most]


def test_r04_r05_first_logins_of_two_organizations_have_one_winner(run: Run) -> None:
    run(two_organizations_on_one_machine)


def test_r09_r10_machines_that_share_one_pair_have_one_winner_too(run: Run) -> None:
    run(two_organizations_on_machines_that_share_one_pair)


def test_r02_sixteen_users_of_one_agent_get_one_license_and_one_key(run: Run) -> None:
    run(many_users_on_one_agent)


def test_r36_a_login_that_was_overheard_counts_on_one_machine(run: Run) -> None:
    run(one_proof_on_many_machines)


def test_r06_the_last_seats_are_given_once_each(run: Run) -> None:
    run(the_last_seats)


def test_r38_the_last_agents_of_a_member_are_added_once_each(run: Run) -> None:
    run(the_last_agents_of_a_member)


def test_r20_r38_agents_that_come_and_go_leave_exact_counts_of_their_members(run: Run) -> None:
    run(a_members_agents_come_and_go)


def test_r02_r38_no_user_of_the_last_agent_that_they_may_add_is_refused(run: Run) -> None:
    run(one_agent_that_is_the_last_its_users_may_add)


def test_r06_r10_environments_that_come_and_go_leave_exact_claims_and_seats(run: Run) -> None:
    run(agents_come_and_go_on_one_machine)


def test_r05_r18_a_login_that_races_a_revocation_gets_a_license_that_stays(run: Run) -> None:
    run(logins_against_revocation)


def test_r15_a_validation_that_starts_after_the_revocation_is_refused(run: Run) -> None:
    run(validations_against_revocation)


def test_r32_so_many_machines_with_refused_logins_have_entries_of_their_own(run: Run) -> None:
    run(refused_logins_of_many_machines)


@pytest.mark.parametrize(
    "race",
    [
        two_organizations_on_one_machine,
        two_organizations_on_machines_that_share_one_pair,
        many_users_on_one_agent,
        one_proof_on_many_machines,
        the_last_seats,
        the_last_agents_of_a_member,
        a_members_agents_come_and_go,
        one_agent_that_is_the_last_its_users_may_add,
        agents_come_and_go_on_one_machine,
        logins_against_revocation,
        validations_against_revocation,
        refused_logins_of_many_machines,
    ],
)
def test_r05_a_check_followed_by_a_put_is_caught(arena: Arena, race: Race) -> None:
    planted = with_stores(arena, CheckThenPut)
    with pytest.raises(AssertionError):
        planted.rounds(race, PLANTED_ROUNDS)
