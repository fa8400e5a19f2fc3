"""R6, R38: `make seats` finds counters that are wrong, and calls none wrong that is right."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from licensing.adapters.dynamo import DynamoStore, schema
from licensing.domain.caller import Caller
from tests.concurrency.table import copied, restore
from tests.deployment.__main__ import main
from tests.deployment.seats import LOOKS, CheckSeats, SeatMismatch, SeatReport
from tests.integration.many import bind
from tests.integration.partner import generated
from tests.world import ALICE, AMIR, MACHINE_B, World


def check(
    world: World, pause: Callable[[], None] = lambda: None, kind: type[CheckSeats] = CheckSeats
) -> SeatReport:
    """One check of a world's organizations."""
    return kind(world.runtime.store, pause, lambda _: None)()


@contextmanager
def counted_wrong(
    world: World, organization_id: str, by: int = 1, *, key: Any = None, counter: str = "seats"
) -> Iterator[None]:
    """An organization's counter that is wrong by so much, as no request can make it."""
    key = key or schema.organization_key(organization_id)
    _add(world, key, counter, by)
    try:
        yield
    finally:
        _add(world, key, counter, -by)


def _add(world: World, key: Any, counter: str, number: int) -> None:
    world.runtime.dynamodb.update_item(
        TableName=world.runtime.settings.table_name,
        Key=key,
        UpdateExpression=f"ADD {counter} :number",
        ExpressionAttributeValues={":number": {"N": str(number)}},
    )


def in_every_state(world: World) -> None:
    """Acme with a licence in every state, and a temporary one; three of them are bound."""
    world.register("acme", seconds=100)
    ids = {
        name: world.login(environment=name).json["license"]["id"]
        for name in ("active", "detached", "dissociated", "revoked")
    }
    world.login(machine=MACHINE_B)
    generated(world)
    for action in ("detach", "dissociate", "revoke"):
        (name,) = [name for name in ids if name.startswith(action)]
        assert world.act(action, ids[name]).status == 200
    world.clock.advance(100)
    world.sweep()


def test_r06_counters_that_are_right_are_looked_at_once_and_change_nothing(world: World) -> None:
    in_every_state(world)
    world.register("bolt")
    assert world.seats("acme") == 3
    before = world.items()
    with world.counting() as calls:
        assert check(world) == SeatReport(2, [], [])
    # All organizations; then each one's counters, four states, and the licences of one.
    assert calls == {"Query": 1 + 2 * (1 + 4), "GetItem": 2, "BatchGetItem": 1}
    assert world.items() == before


@pytest.mark.parametrize("wrong", [-4, -1, 30])
def test_r38_a_members_counter_that_is_wrong_is_named_and_left_as_it_is(
    world: World, wrong: int
) -> None:
    in_every_state(world)
    world.register("bolt")
    member = Caller(ALICE.subject, "acme", frozenset()).member
    assert member is not None
    key = schema.member_key("acme", member)
    with counted_wrong(world, "acme", wrong, key=key, counter="agents"):
        before = world.items()
        report = check(world)
        assert report == SeatReport(2, [SeatMismatch("acme", 3 + wrong, 3, member)], [])
        assert world.items() == before
    told = f"its member {member.hex()} says {3 + wrong}, but 3 of the bound"
    assert told in next(report.lines())


def test_r38_a_members_counter_that_is_lost_is_missed_and_one_at_zero_is_not(world: World) -> None:
    world.register("acme")
    freed = world.login(AMIR, MACHINE_B).json["license"]["id"]
    assert world.act("dissociate", freed).status == 200
    assert check(world) == SeatReport(1, [], [])
    world.login(ALICE)
    member = Caller(ALICE.subject, "acme", frozenset()).member
    assert member is not None
    world.runtime.dynamodb.delete_item(
        TableName=world.runtime.settings.table_name, Key=schema.member_key("acme", member)
    )
    assert check(world).mismatches == [SeatMismatch("acme", 0, 1, member)]


@pytest.mark.parametrize("wrong", [-1, 30])
def test_r06_a_counter_that_is_wrong_is_named_and_left_as_it_is(world: World, wrong: int) -> None:
    in_every_state(world)
    world.register("bolt")
    pauses: list[None] = []
    with counted_wrong(world, "acme", wrong):
        before = world.items()
        report = check(world, lambda: pauses.append(None))
        assert report == SeatReport(2, [SeatMismatch("acme", 3 + wrong, 3)], [])
        assert world.items() == before
    assert len(pauses) == 1


def test_r06_a_license_that_is_lost_is_found_among_many(large_world: World) -> None:
    large_world.register("acme")
    bind(large_world, "acme", 230)
    assert check(large_world) == SeatReport(1, [], [])
    (victim, *_) = [item for item in large_world.items() if item["sk"]["S"] == "LICENSE"]
    large_world.runtime.dynamodb.delete_item(
        TableName=large_world.runtime.settings.table_name,
        Key={"pk": victim["pk"], "sk": victim["sk"]},
    )
    assert check(large_world).mismatches == [SeatMismatch("acme", 230, 229)]


class Hasty(CheckSeats):
    """The bug: it believes the first look."""

    def _decided(self, suspects: Any) -> Any:
        return [*suspects], []


@contextmanager
def interrupted(world: World, change: Callable[[int], None]) -> Iterator[list[int]]:
    """Do something else before each call of the check: `change` is told its number."""
    busy, calls = [False], [0]

    def before(**_: Any) -> None:
        if not busy[0]:
            busy[0] = True
            change(calls[0])
            calls[0] += 1
            busy[0] = False

    events = world.runtime.dynamodb.meta.events
    events.register("provide-client-params.dynamodb", before)
    try:
        yield calls
    finally:
        events.unregister("provide-client-params.dynamodb", before)


@dataclass
class Traffic:
    """Agents that come and go: one is bound, one is freed, or one takes the other's place."""

    world: World
    chance: random.Random
    bound: list[str] = field(default_factory=list)
    turns: int = 0

    def turn(self, _: int = 0) -> None:
        """Something happens."""
        self.turns += 1
        what = self.chance.choice(("come", "go", "swap"))
        if what != "come" and self.bound:
            victim = self.bound.pop(self.chance.randrange(len(self.bound)))
            assert self.world.revoke(victim).status == 200
        if what != "go":
            issued = self.world.login(ALICE, environment=f"e{self.turns}")
            assert issued.status == 201
            self.bound.append(issued.json["license"]["id"])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(3))
def test_r06_agents_that_come_and_go_raise_no_alarm(large_world: World, seed: int) -> None:
    large_world.register("acme")
    traffic = Traffic(large_world, random.Random(seed))  # noqa: S311 - reproducible, not secret
    for _ in range(4):
        traffic.turn()
    with interrupted(large_world, traffic.turn):
        for _ in range(3):
            assert check(large_world).mismatches == []
    assert traffic.turns > 4 + 3 * 5, "it was looked at again"
    assert check(large_world) == SeatReport(1, [], [])


def test_r06_changes_at_any_two_moments_raise_no_alarm(large_world: World) -> None:
    for second in range(3, 19):
        restore(large_world)
        large_world.register("acme")
        issued = large_world.login().json

        def change(number: int, second: int = second, issued: Any = issued) -> None:
            if number == 2:  # the counter has just been read, and nothing of the index
                assert large_world.login(environment="staging").status == 201
            if number == second:
                large_world.act("dissociate", issued["license"]["id"])

        with interrupted(large_world, change) as calls:
            assert check(large_world) == SeatReport(1, [], [])
        assert calls[0] > 5, "it was looked at again"


def test_r06_a_wrong_counter_is_found_once_its_organization_comes_to_rest(
    large_world: World,
) -> None:
    large_world.register("acme")
    large_world.login()
    pauses: list[None] = []

    def pause() -> None:
        if not pauses:  # between the first two looks
            assert large_world.login(environment="staging").status == 201
        pauses.append(None)

    with counted_wrong(large_world, "acme"):
        assert check(large_world, pause) == SeatReport(1, [SeatMismatch("acme", 3, 2)], [])
    assert len(pauses) == 2


def test_r06_an_organization_that_never_rests_is_told_as_undecided(large_world: World) -> None:
    large_world.register("acme")
    large_world.login()
    pauses: list[None] = []

    def pause() -> None:
        pauses.append(None)
        assert large_world.login(environment=f"e{len(pauses)}").status == 201

    with counted_wrong(large_world, "acme"):
        assert check(large_world, pause) == SeatReport(1, [], ["acme"])
    assert len(pauses) == LOOKS - 1


@pytest.mark.parametrize(
    ("kind", "alarms"), [(CheckSeats, 0), pytest.param(Hasty, 1, id="a planted bug")]
)
def test_r06_an_index_that_lags_raises_no_alarm(
    world: World, kind: type[CheckSeats], alarms: int
) -> None:
    world.register("acme")
    world.login()
    with copied(world, world.items()) as old:
        world.login(environment="staging")
        lags = [True]

        def stale(params: dict[str, Any], **_: Any) -> None:
            if lags[0] and "IndexName" in params:
                params["TableName"] = old

        client = boto3.session.Session().client(
            "dynamodb", endpoint_url=world.runtime.dynamodb.meta.endpoint_url
        )
        client.meta.events.register("provide-client-params.dynamodb.Query", stale)
        store = world.runtime.store
        world.runtime.store = DynamoStore(client, store.table, store.retry_policy)
        report = check(world, lambda: lags.insert(0, False), kind)
        assert len(report.mismatches) == alarms
        assert report.undecided == []


def test_how_far_the_check_is_and_what_it_waits_for_is_told(large_world: World) -> None:
    for number in range(101):
        large_world.register(f"org-{number}")
    told: list[str] = []
    with counted_wrong(large_world, "org-7"):
        CheckSeats(large_world.runtime.store, lambda: None, told.append)()
    assert told == ["100 of 101 organizations", "Checking 1 of them again in 10 seconds"]


# -- the command -------------------------------------------------------------------------------


@dataclass
class Command:
    """The command of an operator who waits for nothing; `pauses` are those that it has made."""

    printed: pytest.CaptureFixture[str]
    pauses: list[float]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit status, what is told, and what is complained of or told of progress."""
        sys.argv = ["deployment", "seats", *arguments]
        self.printed.readouterr()
        status = main()
        said = self.printed.readouterr()
        return status, said.out, said.err


@pytest.fixture
def command(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command, in an account where the stack `one` has the world's table."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    endpoint = world.runtime.dynamodb.meta.endpoint_url
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    deploy("one", f"Outputs: {{TableName: {{Value: {world.runtime.settings.table_name}}}}}")
    return Command(capsys, pauses)


def deploy(name: str, outputs: str = "") -> None:
    """A stack of this name, with a queue, and with outputs."""
    resources = "Resources: {Queue: {Type: 'AWS::SQS::Queue'}}"
    boto3.client("cloudformation").create_stack(
        StackName=name, TemplateBody=f"{resources}\n{outputs}"
    )


def test_r06_the_command_says_that_all_is_right(world: World, command: Command) -> None:
    in_every_state(world)
    world.register("bolt")
    status, said, progress = command.run("--stack", "one")
    assert status == 0
    first, last = said.splitlines()
    assert first.startswith("Checking the seats of one in 123456789012 in eu-central-1, as arn:")
    assert last == "The counters of all 2 organizations are right."
    assert progress == ""
    assert command.pauses == []


def test_r06_the_command_names_what_is_wrong_and_what_to_do_first(
    world: World, command: Command
) -> None:
    in_every_state(world)
    with counted_wrong(world, "acme"):
        status, said, progress = command.run("--stack", "one")
    assert status == 1
    _, wrong, advice = said.splitlines()
    assert wrong == "WRONG acme: its seat counter says 4, but 3 of its licences are bound"
    assert "Read the organization's feed first" in advice
    assert progress == "Checking 1 of them again in 10 seconds\n"
    assert command.pauses == [10.0]


def test_r06_an_undecided_organization_is_neither_right_nor_wrong() -> None:
    report = SeatReport(2, [], ["acme"])
    assert report.status == 2
    assert [*report.lines()] == [
        "UNDECIDED acme: it changed during each check",
        "Repeat `make seats` at a time when fewer agents log in.",
    ]
    assert SeatReport(2, [SeatMismatch("bolt", 1, 2)], ["acme"]).status == 1


def test_what_keeps_the_command_from_looking_is_said(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.run("--stack", "two")[::2] == (
        2,
        "There is no stack two. Name another one: STACK=<name>.\n",
    )
    deploy("other")
    status, _, complaint = command.run("--stack", "other")
    assert (status, complaint.partition(":")[0]) == (2, "The stack has no output TableName")
    deploy("gone", "Outputs: {TableName: {Value: gone}}")
    status, _, complaint = command.run("--stack", "gone")
    assert (status, complaint.partition(":")[0]) == (2, "AWS reports an error")
    assert "ResourceNotFoundException" in complaint
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    assert command.run("--stack", "one")[::2] == (
        2,
        "The database did not answer in time. Try again.\n",
    )
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION")
    status, _, complaint = command.run("--stack", "one")
    assert (status, complaint.partition(":")[0]) == (2, "No AWS Region")


def test_the_help_tells_the_exit_statuses(command: Command) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.run("--help")
    said = " ".join(command.printed.readouterr().out.split())
    assert "change nothing" in said
    assert "0 if all counters are right, 1 if one is wrong, and 2 if" in said
