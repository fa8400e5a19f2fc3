"""R8, R28, R32 and R35: super-admins find an agent of any organization, by name, key or id."""

from dataclasses import replace
from typing import Any

import pytest

from licensing.adapters.dynamo import schema
from licensing.domain import license_key
from licensing.domain.organization import DAY
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.many import bind
from tests.integration.partner import generated
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    PAVEL,
    Answer,
    Person,
    World,
)

pytestmark = pytest.mark.sampled(2)

SEARCH = "/v1/licenses/search"


def search(world: World, text: Any, person: Person | None = OLIVIA, **more: Any) -> Answer:
    return world.request("POST", SEARCH, person=person, json={"text": text, **more})


def found(world: World, text: str, **more: Any) -> set[str]:
    """The ids of what is found."""
    answer = search(world, text, **more)
    assert answer.status == 200, answer
    return {one["id"] for one in answer.json["licenses"]}


def issue(world: World, person: Person, name: str, number: int = 0) -> str:
    machine = {"machine_id": f"m-{number}-{len(name)}-{name[:20]}", "computer_name": name}
    license_id: str = world.login(person, machine).json["license"]["id"]
    return license_id


@pytest.fixture
def two(world: World) -> World:
    world.register("acme")
    world.register("bolt")
    return world


# -- by name ---------------------------------------------------------------------------------------


def test_r08_agents_of_all_organizations_are_found_by_the_beginning_of_their_name(
    two: World,
) -> None:
    ours = issue(two, ALICE, "BUILD-SRV-07")
    theirs = issue(two, BORIS, "build-pc-1")
    accented = issue(two, BORIS, "Zoe\u0308s-Laptop")
    expected = {
        "BUILD-SRV-07": {ours},
        "build-": {ours, theirs},
        " Build ": {ours, theirs},
        "b": {ours, theirs},
        "ZOËS": {accented},
        "SRV": set(),  # not its beginning
        "build-srv-07.": set(),
        "c": set(),
        "\U0001f600": set(),
    }
    for text, ids in expected.items():
        assert found(two, text) == ids, text
    answer = search(two, "build").json
    assert answer["taken_for"] == "computer_name"
    assert (answer["temporary_license"], answer["next_cursor"]) == (None, None)
    assert [one["organization_id"] for one in answer["licenses"]] == ["bolt", "acme"], "by name"
    shown = two.request("GET", f"/v1/licenses/{ours}", person=ADA).json["license"]
    assert shown in answer["licenses"]


def test_r08_a_search_reads_an_index_and_no_more_of_it_than_it_shows(two: World) -> None:
    bind(two, "acme", 60)
    issue(two, BORIS, "PC-G")  # no other name has a "g" there
    with two.counting() as calls:
        assert len(found(two, "pc-g")) == 1
    assert calls == {"Query": 1, "BatchGetItem": 2, "UpdateItem": 1}


def test_r08_pages_of_a_search_have_each_agent_once_also_those_of_one_name(two: World) -> None:
    bind(two, "acme", 7)
    bind(two, "bolt", 5)
    issue(two, ALICE, "PC-SAME", 1), issue(two, BORIS, "PC-SAME", 2)
    pages, cursor = [], None
    while True:
        answer = search(two, "PC-", limit=3, cursor=cursor).json
        pages.append([one["id"] for one in answer["licenses"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 3, 3, 2]
    assert len(set().union(*pages)) == 14


def test_r08_names_of_any_characters_have_pages(two: World) -> None:
    issued = {issue(two, ALICE, f"@#?{number}", number) for number in range(3)}
    seen, cursor = set(), None
    for _ in range(3):
        answer = search(two, "@", limit=1, cursor=cursor).json
        seen |= {one["id"] for one in answer["licenses"]}
        cursor = answer["next_cursor"]
    assert (seen, cursor) == (issued, None)


def _forget_name(world: World, license_id: str) -> None:
    """As an earlier build wrote it."""
    world.runtime.dynamodb.update_item(
        TableName=world.runtime.settings.table_name,
        Key=schema.license_key(license_id),
        UpdateExpression="REMOVE across_pk, across_sk",
    )


def test_r08_licenses_of_an_earlier_build_are_found_by_name_once_they_have_changed(
    two: World,
) -> None:
    license_id = issue(two, ALICE, "EARLY-1")
    _forget_name(two, license_id)
    assert (found(two, "early"), found(two, license_id)) == (set(), {license_id})
    path = f"/v1/licenses/{license_id}"
    assert two.request("PATCH", path, person=ADA, json={"label": "old"}).status == 200
    assert found(two, "early") == {license_id}


def test_r08_licenses_of_an_earlier_build_are_found_by_name_once_their_agents_were_seen(
    two: World,
) -> None:
    agent = Agent(two, machine=MACHINE_A | {"computer_name": "EARLY-1"})
    assert agent.login().status == 201
    assert agent.code() == "VALID"
    _forget_name(two, agent.license_id)
    assert found(two, "early") == set()
    two.clock.advance(DAY)
    assert agent.code() == "VALID"
    assert found(two, "early") == {agent.license_id}


def test_r08_a_cursor_is_good_for_its_own_search_alone(two: World) -> None:
    bind(two, "acme", 3)
    cursor = search(two, "PC-", limit=1).json["next_cursor"]
    listed = two.request("GET", "/v1/organizations/acme/licenses?limit=1", person=OLIVIA)
    for text, wrong in (
        ("PC", cursor),
        ("PC-", cursor[:-1]),
        ("PC-", listed.json["next_cursor"]),
        ("PC-", "no cursor"),
    ):
        assert_problem(search(two, text, cursor=wrong), 400, "invalid_request", "/cursor")
    assert search(two, "pc-", limit=1, cursor=cursor).status == 200, "the same search"


def test_r08_an_agent_is_found_by_the_name_that_it_has_now(two: World) -> None:
    license_id = issue(two, ALICE, "OLD-NAME")
    renamed = {"machine_id": "m-0-8-OLD-NAME", "computer_name": "NEW-NAME", "mac_addresses": []}
    added = {**renamed, "computer_name": "OLD-NAME", "mac_addresses": ["3c:52:82:0a:1b:01"]}
    two.login(ALICE, added)
    two.login(ALICE, {**added, "computer_name": "NEW-NAME"})
    assert (found(two, "old-name"), found(two, "new-name")) == (set(), {license_id})


def test_r08_old_agents_are_found_too(two: World) -> None:
    license_id = issue(two, ALICE, "GONE-1")
    assert two.revoke(license_id).status == 200
    (shown,) = search(two, "gone").json["licenses"]
    assert (shown["id"], shown["status"]) == (license_id, "revoked")


def test_r08_names_of_any_length_are_found(two: World) -> None:
    name = "\U0001f4bb" * 200
    license_id = issue(two, ALICE, name)
    for length in (1, 63, 64, 65, 200):
        assert found(two, name[:length]) == {license_id}, length
    assert found(two, name[:100] + "x") == set()


def test_r28_a_partners_computer_is_not_found_by_its_name(two: World) -> None:
    temporary = generated(two)
    answer = two.login(
        PAVEL,
        {"machine_id": "p-1", "computer_name": "PAVELS-LAPTOP"},
        license_key=temporary.key,
    )
    assert answer.status == 200, answer
    assert found(two, "pavels") == set()


# -- by id and key ---------------------------------------------------------------------------------


def test_r03_an_agent_is_found_by_its_key_and_by_its_id(two: World) -> None:
    issued = two.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    for text, taken_for in (
        (key, "license_key"),
        (f" License key: {key.lower().replace('-', ' ')}\n", "license_key"),
        (key.replace("-", ""), "license_key"),
        (license_id, "license_id"),
        (f"  {license_id.upper()} ", "license_id"),
    ):
        answer = search(two, text)
        assert answer.status == 200
        assert answer.json["taken_for"] == taken_for, text
        assert [one["id"] for one in answer.json["licenses"]] == [license_id]
        assert key not in str(answer.json), "the key is not told again"
    assert search(two, "lic_0000000000000000").json == {
        "taken_for": "license_id",
        "licenses": [],
        "temporary_license": None,
        "next_cursor": None,
    }


def test_r25_a_temporary_license_is_found_by_key_and_id_and_shown_as_one(two: World) -> None:
    temporary = generated(two)
    listed = two.request("GET", "/v1/organizations/acme/temporary-licenses", person=OLIVIA).json
    for text in (temporary.key, temporary.id):
        answer = search(two, text).json
        assert answer["licenses"] == []
        assert answer["temporary_license"] == listed["licenses"][0]


def test_r03_a_mistyped_key_is_told_so_and_nobody_is_asked(two: World) -> None:
    key = two.login(ALICE).json["license_key"]
    last = "0" if key[-1] != "0" else "1"
    for text in (
        key[:-1] + last,
        key[:-1],  # a symbol is missing
        key + "0",
        key[:-6],  # a group is
        key.replace("-", "")[:-1],
        "key: " + key[1:],
        key.lower().replace("-", "\u2013")[:-1] + last,
    ):
        with two.counting() as calls:
            answer = search(two, text)
        assert_problem(answer, 400, "invalid_request", "/text")
        assert "license key" in answer.json["detail"]
        assert calls == {}
        assert text.strip()[-10:] not in str(answer.json)


def test_r03_names_of_many_groups_are_no_keys(two: World) -> None:
    for name in (
        "PLANT-HALL3-PRESS-00012",
        "agent-deployment-production-7d9c5b6f4d-x2x9k",
        "PRESS" + "A" * 25,
    ):
        license_id = issue(two, ALICE, name)
        answer = search(two, name).json
        assert answer["taken_for"] == "computer_name"
        assert [one["id"] for one in answer["licenses"]] == [license_id]


def test_r08_a_name_that_looks_like_a_key_is_found_by_name(two: World) -> None:
    name = "PLANT-HALL3-PRESS-00012-RIGHT"
    license_id = issue(two, ALICE, name)
    for text in (name, name.lower(), f"{name[:-1]}T"):
        answer = search(two, text)
        assert answer.status == 200, text
        assert answer.json["taken_for"] == "computer_name"
        assert [one["id"] for one in answer.json["licenses"]] == [license_id]
    answer = search(two, "PLANT-HALL3-PRESS-00012-WRONG")
    assert_problem(answer, 400, "invalid_request", "/text")
    assert "not a license key" in answer.json["detail"]
    assert "No agent's computer is called like it, either." in answer.json["detail"]


def test_r03_a_name_as_long_as_a_key_is_found_by_its_first_letters(two: World) -> None:
    name = "PRESS-" * 7 + "PRESS"
    license_id = issue(two, ALICE, name)
    with two.counting() as calls:
        answer = search(two, name)
    assert_problem(answer, 400, "invalid_request", "/text")
    assert "If it is a computer's name, search for its first letters." in answer.json["detail"]
    assert calls == {}
    assert found(two, name[:23]) == {license_id}


def test_r03_a_key_that_this_service_has_not_made_finds_nothing(two: World) -> None:
    key = license_key.parse(two.login(ALICE).json["license_key"])
    nobodys = replace(key, license_id="lic_0000000000000000")
    for forged in (
        replace(key, tag=bytes(16)),
        replace(key, secret_version=31),
        nobodys,
        replace(nobodys, secret_version=31),
    ):
        answer = search(two, forged.reveal())
        assert (answer.status, answer.json["taken_for"]) == (200, "license_key")
        assert (answer.json["licenses"], answer.json["temporary_license"]) == ([], None)
    assert events(two, "OrganizationRead") == [], "nothing was shown"


def test_r35_a_key_that_was_searched_stands_nowhere(
    two: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = two.login(ALICE).json["license_key"]
    search(two, key)
    search(two, key[:-1])
    said = capsys.readouterr()
    everything = f"{said.out}{said.err}{two.items()}{two.calls}"
    for secret in (key, key.replace("-", "")):
        assert secret not in everything
        assert secret.lower() not in everything


# -- who, and what is on record --------------------------------------------------------------------


def test_r01_nobody_but_super_admins_searches(two: World) -> None:
    license_id = issue(two, ALICE, "ACME-PC")
    for person in (ALICE, ADA, BEA, PAVEL):
        for text in ("acme", license_id):
            assert_problem(search(two, text, person), 403, "forbidden")
    assert_problem(search(two, "acme", None), 401, "unauthorized")


def test_r32_each_organization_of_which_something_was_shown_has_that_on_record(two: World) -> None:
    bind(two, "acme", 3)
    key = two.login(BORIS, MACHINE_B).json["license_key"]
    world_before = len(events(two, "OrganizationRead"))
    search(two, "PC-")
    (entry,) = events(two, "OrganizationRead")[world_before:]
    assert (entry["organization_id"], entry["actor"]["subject"]) == ("acme", "olivia")
    assert (entry["readings"], entry["times"]) == ({"license"}, 1), "once for all three"
    search(two, key)
    assert {one["organization_id"] for one in events(two, "OrganizationRead")} == {"acme", "bolt"}


def test_r32_what_is_shown_of_ones_own_organization_is_not_on_record(two: World) -> None:
    two.login(ALICE, MACHINE_A)
    own = Person("otto", "acme", ("super-admin",))
    assert search(two, "acme-pc", own).status == 200
    assert events(two, "OrganizationRead") == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": " \t\u200b"}, "/text"),
        ({"text": "x" * 201}, "/text"),
        ({"text": None}, "/text"),
        ({}, "/text"),
        ({"text": "x", "limit": 0}, "/limit"),
        ({"text": "x", "limit": 101}, "/limit"),
        ({"text": "x", "limit": "5"}, "/limit"),
        ({"text": "x", "cursor": 5}, "/cursor"),
        ({"text": "x", "more": 1}, "/more"),
    ],
)
def test_a_search_that_is_not_as_declared_is_refused(
    two: World, sent: dict[str, Any], pointer: str
) -> None:
    answer = two.request("POST", SEARCH, person=OLIVIA, json=sent)
    assert_problem(answer, 400, "invalid_request", pointer)
