"""ETags: what an answer shows has one, and a request can be made to depend on it (RFC 9110)."""

from typing import Any

import pytest

from tests.integration.answers import assert_problem, header, is_tag_of
from tests.integration.policy import govern
from tests.world import ADA, ALICE, BEA, NOON, OLIVIA, YEAR, Answer, World, instant

pytestmark = pytest.mark.sampled(2)

ORGANIZATION = "/v1/organizations/acme"
PUBLIC = ("/.well-known/jwks.json", "/v1/openapi.json")


@pytest.fixture
def acme(world: World) -> World:
    """Acme has one agent."""
    world.register("acme")
    world.login(ALICE)
    return world


def path_of(world: World) -> str:
    (record,) = (item for item in world.items() if item["sk"]["S"] == "LICENSE")
    return f"/v1/licenses/{record['pk']['S'].removeprefix('LICENSE#')}"


def get(world: World, path: str, known: str | None = None, **how: Any) -> Answer:
    headers = [] if known is None else [("If-None-Match", known)]
    return world.request("GET", path, person=how.pop("person", ADA), headers=headers, **how)


def edit(world: World, seen: str | None, **wanted: Any) -> Answer:
    headers = [] if seen is None else [("If-Match", seen)]
    return world.request("PATCH", path_of(world), person=ADA, json=wanted, headers=headers)


def tag(answer: Answer) -> str:
    found = header(answer, "etag")
    assert found is not None, answer
    return found


# -- reading ---------------------------------------------------------------------------------------


def test_who_has_an_answer_is_told_so_without_a_body(acme: World) -> None:
    for path in (path_of(acme), ORGANIZATION, *PUBLIC):
        first = get(acme, path)
        for form in ("{}", "W/{}", '"other", {}', "{},{}", "*"):
            again = get(acme, path, form.replace("{}", tag(first)))
            assert (again.status, again.text) == (304, ""), (path, form)
            assert header(again, "content-type") is None
            for name in ("etag", "cache-control", "x-content-type-options"):
                assert header(again, name) == header(first, name)


def test_who_has_another_answer_gets_this_one(acme: World) -> None:
    for path in (path_of(acme), ORGANIZATION, PUBLIC[0]):
        for known in ("", '"1"', "1", '"1-0123456789abcdef"', 'W/"x"', '"'):
            assert get(acme, path, known).status == 200, (path, known)


def test_who_may_not_see_it_learns_nothing_of_it_by_a_tag(acme: World) -> None:
    acme.register("bolt")
    for path in (path_of(acme), ORGANIZATION):
        known = tag(get(acme, path))
        for named in (known, "*"):
            assert_problem(get(acme, path, named, person=BEA), 404, "not_found")
            assert_problem(get(acme, path, named, person=ALICE), 403, "forbidden")


def test_what_is_shown_of_a_license_and_changes_without_it_makes_another_tag(acme: World) -> None:
    path = path_of(acme)
    seen = [tag(get(acme, path))]

    def then() -> None:
        answer = get(acme, path, seen[-1])
        assert answer.status == 200, "never told to be the same"
        assert header(answer, "etag") not in seen
        seen.append(tag(answer))
        assert get(acme, path, seen[-1]).status == 304

    key = acme.login(ALICE).json["license_key"]
    acme.clock.advance(1000)
    assert acme.code(key, agent_version="4.6.0.0") == "VALID"  # last_seen
    then()
    acme.change("acme", seconds=2 * YEAR)  # valid_until
    then()
    acme.change("acme", status="paused", seconds=2 * YEAR)  # status
    then()
    acme.change("acme", seconds=10)
    then()
    acme.clock.advance(11)  # nothing was written: the subscription has ended
    then()
    assert all(found.startswith('"1-') for found in seen), "its own version has not changed"


def test_what_is_shown_of_an_organization_and_changes_without_it_makes_another_tag(
    acme: World,
) -> None:
    first = get(acme, ORGANIZATION)
    acme.login(ALICE, environment="staging")
    second = get(acme, ORGANIZATION, tag(first))
    assert second.status == 200
    assert second.json["organization"]["seats"] == 2
    acme.clock.advance(YEAR)
    third = get(acme, ORGANIZATION, tag(second))
    assert (third.status, third.json["organization"]["standing"]) == (200, "ended")


# -- changing --------------------------------------------------------------------------------------


def test_r08_a_license_is_changed_as_it_was_read_and_tells_its_new_tag(acme: World) -> None:
    first = get(acme, path_of(acme))
    assert is_tag_of(first, 1)
    changed = edit(acme, tag(first), label="Till 3")
    assert changed.status == 200
    assert is_tag_of(changed, 2)
    assert tag(get(acme, path_of(acme))) == tag(changed)
    # A tag that an answer to a change told is as good as one that was read.
    assert edit(acme, tag(changed), primary=True).status == 200


def test_r08_a_change_of_another_version_is_refused_and_changes_nothing(
    acme: World, subtests: pytest.Subtests
) -> None:
    stale = tag(get(acme, path_of(acme)))
    edit(acme, None, label="Till 3")
    before = acme.items()
    for name, seen in {
        "stale": stale,
        "stale, by its version": '"1"',
        "weak": f"W/{tag(get(acme, path_of(acme)))}",
        "of the future": '"3"',
        "others": '"1", "3", "x"',
        "another API's": '"xyzzy"',
        "empty": '""',
    }.items():
        with subtests.test(name):
            answer = edit(acme, seen, label="Till 4")
            assert_problem(answer, 412, "precondition_failed")
            assert "version is 2" in answer.json["detail"]
            assert acme.items() == before


def test_r08_a_change_of_this_version_or_of_any_is_made(acme: World) -> None:
    forms = (None, "*", '"{}"', '"77", "{}"', 'W/"{}", "{}-0123456789abcdef"', ',"{}",')
    for version, form in enumerate(forms, start=1):
        seen = form and form.replace("{}", str(version))
        assert edit(acme, seen, label=f"Till {version}").status == 200, seen
    # Two headers are one list.
    headers = [("If-Match", '"77"'), ("If-Match", f'"{len(forms) + 1}"')]
    body = {"label": "Till"}
    answer = acme.request("PATCH", path_of(acme), person=ADA, json=body, headers=headers)
    assert answer.status == 200


def test_r08_a_malformed_condition_is_a_400(acme: World) -> None:
    before = acme.items()
    for seen in ("", "1", "W/1", '"1', '*, "1"', '"1" "2"', "1-0123456789abcdef"):
        assert_problem(edit(acme, seen, label="x"), 400, "invalid_request", "/headers/if-match")
    assert acme.items() == before


def test_r08_a_change_whose_answer_was_lost_can_be_repeated(acme: World) -> None:
    seen = tag(get(acme, path_of(acme)))
    changed = edit(acme, seen, label="Till 3")
    before = acme.items()
    again = edit(acme, seen, label="Till 3")
    assert (again.status, again.json) == (200, changed.json)
    assert acme.items() == before, "and is done once"
    # The same wish on a version that has been overtaken by another one is no repetition.
    edit(acme, None, label="Till 4")
    edit(acme, None, label="Till 3")
    assert_problem(edit(acme, seen, label="Till 3"), 412, "precondition_failed")


def test_r08_that_an_agent_was_seen_meanwhile_does_not_hinder_a_change(acme: World) -> None:
    seen = tag(get(acme, path_of(acme)))
    key = acme.login(ALICE).json["license_key"]
    acme.clock.advance(1000)
    assert acme.code(key) == "VALID"
    assert tag(get(acme, path_of(acme))) != seen
    assert edit(acme, seen, label="Till 3").status == 200


def test_r08_whose_license_it_is_comes_before_any_condition(acme: World) -> None:
    acme.register("bolt")
    for person, status, code in ((BEA, 404, "not_found"), (ALICE, 403, "forbidden")):
        for seen in ("*", '"1"', '"2"'):
            answer = acme.request(
                "PATCH",
                path_of(acme),
                person=person,
                json={"label": "x"},
                headers=[("If-Match", seen)],
            )
            assert_problem(answer, status, code)


def test_r21_a_transition_tells_the_new_tag(acme: World) -> None:
    license_id = path_of(acme).rpartition("/")[2]
    for version, action in enumerate(("detach", "attach", "dissociate", "revoke"), start=2):
        answer = acme.act(action, license_id)
        assert is_tag_of(answer, version)
        assert tag(get(acme, path_of(acme))) == tag(answer)


# -- creating --------------------------------------------------------------------------------------


def put(world: World, headers: list[tuple[str, str]], name: str = "Acme") -> Answer:
    body = {
        "name": name,
        "valid_until": instant(NOON + YEAR),
        "status": "active",
        "max_agents": None,
    }
    return world.request("PUT", ORGANIZATION, person=OLIVIA, json=body, headers=headers)


def test_r24_who_insists_on_a_new_organization_never_changes_one(world: World) -> None:
    created = put(world, [("If-None-Match", "*")])
    assert created.status == 201
    before = world.items()
    for name in ("Acme", "Acme Two"):
        assert_problem(put(world, [("If-None-Match", "*")], name), 412, "precondition_failed")
    for seen in (tag(created), "*"):
        both = [("If-None-Match", "*"), ("If-Match", seen)]
        assert_problem(put(world, both, "Acme Two"), 412, "precondition_failed")
    assert world.items() == before


def test_r24_nothing_but_a_star_says_that_it_has_to_be_new(world: World) -> None:
    for value in ("", '"1"', "1", "*, *", '*, "1"', 'W/"1"'):
        answer = put(world, [("If-None-Match", value)])
        assert_problem(answer, 400, "invalid_request", "/headers/if-none-match")
    assert world.items() == []


def test_r24_any_version_is_changed_but_none_is_created(world: World) -> None:
    assert_problem(put(world, [("If-Match", "*")]), 412, "precondition_failed")
    assert world.items() == []
    put(world, [])
    changed = put(world, [("If-Match", "*")], "Acme Two")
    assert (changed.status, changed.json["organization"]["version"]) == (200, 2)
    assert is_tag_of(changed, 2)
    decided = govern(world, block_clones=True)
    assert tag(get(world, ORGANIZATION)) == tag(decided)
