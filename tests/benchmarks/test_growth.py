"""How far it grows: the arithmetic, what it takes from elsewhere, and the page."""

from typing import Any

import pytest

from expiry_sweep import handler as sweep
from tests.benchmarks import deployed, growth
from tests.benchmarks.cost import _limits
from tests.benchmarks.growth import CASES, WALLS, Of, Wall
from tests.benchmarks.large_organization import (
    INDEX_UNITS_PER_MARK,
    PARTITION_WRITE_UNITS,
    UNITS_PER_MARK,
)
from tests.integration.capacity import item_size
from tests.world import MACHINE_A, World

MILLION, LARGE, HUNDRED_MILLION = CASES


def wall(name: str) -> Wall:
    """The wall of this name."""
    (found,) = (one for one in WALLS if one.name == name)
    return found


def test_the_page_has_what_is_computed() -> None:
    page = growth.PAGE.read_text(encoding="utf-8")
    assert growth.quoted(page) == page, "python -m tests.benchmarks.growth writes it"


def test_a_need_grows_in_proportion_and_binds_above_its_limit() -> None:
    one = Wall("some", Of.ORGANIZATIONS, 0.01, 100, "requests/s", "")
    assert one.need(MILLION) == 100
    assert not one.binds(MILLION)
    assert one.binds(HUNDRED_MILLION)
    assert one.stands_at == 10_000


def test_a_million_agents_in_ten_thousand_organizations_meet_no_wall() -> None:
    assert [one.name for one in WALLS if one.binds(MILLION)] == []


def test_an_organization_of_a_hundred_thousand_meets_its_list_by_activity_alone() -> None:
    assert [one.name for one in WALLS if one.binds(LARGE)] == [
        "its list, by version or by when agents were seen: a refusal that says how to narrow it"
    ]


def test_needs_are_what_they_are_by_hand() -> None:
    # 1,000,000 agents twice a day are 23.1 validations a second, five times that at the peak.
    assert wall("validations, API Gateway").need(MILLION) == pytest.approx(115.74, abs=0.01)
    reads = wall("an organization is switched on in five minutes, reads of its record")
    assert reads.need(LARGE) == pytest.approx(333.3, abs=0.1)
    assert reads.stands_at == 900_000
    logins = wall("an organization logs in first within an hour, its seat counter")
    assert (logins.need(LARGE), logins.stands_at) == (1_000, 360_000)
    marks = wall("an organization ends or is renewed, marks within a night, its part of the index")
    assert marks.need(LARGE) == 200
    # 52 µs of a whole processor, which 1,769 MB are; a megabyte of 3,333 entries takes 30 ms.
    overview = wall("overview and list of all organizations")
    assert overview.need(MILLION) == pytest.approx(0.61, abs=0.001)
    # 1.06 ms at 512 MB are 3.66, and the sweep works 105 of 300 seconds.
    marks = wall("all organizations end at once, marks within a night")
    assert marks.need(MILLION) == pytest.approx(10_464, abs=1)


def test_what_the_template_says_is_what_it_says() -> None:
    functions = deployed.read().functions
    lists = ("LicensesFunction", "OrganizationsFunction", "ShowStatisticsFunction")
    for name in ("PublishFunction", "ExpirySweepFunction"):
        assert functions[name].memory == growth.BACKGROUND_MEMORY, name
    for name in lists:
        assert functions[name].memory == growth.LISTS_MEMORY, name
    assert {functions[name].timeout for name in lists} == {growth.TIMEOUT}
    assert functions["ExpirySweepFunction"].timeout == growth.SWEEP_TIMEOUT
    assert sweep.RESERVE_SECONDS == growth.SWEEP_RESERVE
    assert [one.seconds for one in deployed.read().schedules] == [growth.SWEEP_EVERY]
    limits = _limits()
    assert (limits.validate_rate, limits.default_rate) == (growth.VALIDATIONS, growth.LOGINS)
    assert growth.MARK_WRITES == UNITS_PER_MARK
    assert growth.MARKS == PARTITION_WRITE_UNITS / INDEX_UNITS_PER_MARK


def test_entries_of_lists_are_no_larger_than_they_are_taken_for(world: World) -> None:
    world.register("an-organization-with-a-long-id", max_agents=100_000)
    world.register("acme")
    name = "A-COMPUTER-WITH-A-NAME-OF-SOME-FIFTY-CHARACTERS-01"
    world.login(machine=MACHINE_A | {"computer_name": name})
    client: Any = world.runtime.dynamodb
    table = client.describe_table(TableName=world.runtime.settings.table_name)["Table"]
    (index,) = (
        one for one in table["GlobalSecondaryIndexes"] if one["IndexName"] == "by_organization"
    )
    kept = {"pk", "sk", "org_pk", "org_sk", *index["Projection"]["NonKeyAttributes"]}
    sizes = [
        item_size({part: value for part, value in item.items() if part in kept})
        for item in world.items()
        if item["sk"]["S"] in {"LICENSE", "ORGANIZATION"}
    ]
    assert len(sizes) == 3
    assert max(sizes) <= growth.ENTRY
