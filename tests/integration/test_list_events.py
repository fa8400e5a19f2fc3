"""R32 and R33: what happened, to a licence and in an organization, newest first and in pages."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generated, login_with, used
from tests.world import (
    ADA,
    ALICE,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    PAVEL,
    Answer,
    Person,
    World,
    instant,
    new_world,
)

HOUR = 3600
HISTORY = "/v1/licenses/{}/events"
FEED = "/v1/organizations/{}/events"


def edit(world: World, license_id: str, label: str) -> None:
    """One more event of a licence."""
    answer = world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA, json={"label": label})
    assert answer.status == 200, answer


# -- R33: newest first, in pages -------------------------------------------------------------------


def test_r33_a_history_tells_every_change_with_what_was_before_and_after(world: World) -> None:
    world.register("acme")
    world.clock.advance(1)
    issued = world.login(ALICE).json
    license_id = issued["license"]["id"]
    path = f"/v1/licenses/{license_id}"
    renamed = MACHINE_A | {"computer_name": "ACME-PC-02"}
    acts: list[Callable[[], Answer]] = [
        lambda: world.validate(issued["license_key"], renamed, agent_version="4.6"),
        lambda: world.request("POST", f"{path}/detach", person=ADA, json={"reason": "theft?"}),
        lambda: world.request("POST", f"{path}/attach", person=OLIVIA),
        lambda: world.request("PATCH", path, person=ADA, json={"primary": True}),
        lambda: world.request("POST", f"{path}/dissociate", person=ADA),
        lambda: login_with(world, issued["license_key"], ALICE, MACHINE_B),
        lambda: world.revoke(license_id, ADA, reason="sold"),
    ]
    for act in acts:
        world.clock.advance(1)
        assert act().status == 200

    found = pages.history(world, license_id, ADA)

    assert [event["type"] for event in found] == [
        "LicenseRevoked",
        "LicenseReassigned",
        "LicenseDissociated",
        "LicenseUpdated",
        "LicenseAttached",
        "LicenseDetached",
        "MachineDrifted",
        "LicenseIssued",
    ]
    assert [event["at"] for event in found] == [instant(NOON + 8 - n) for n in range(8)]
    assert [event["revision"] for event in found] == list(range(8, 0, -1))
    assert len({event["id"] for event in found}) == 8
    for later, earlier in pairwise(found):
        assert later["before"] == earlier["after"]
        assert later["before"] != later["after"]
    assert found[-1]["before"] is None
    actors = [(event["actor"]["kind"], event["actor"]["subject"]) for event in found]
    assert actors == [
        ("user", "ada"),
        ("user", "alice"),
        ("user", "ada"),
        ("user", "ada"),
        ("user", "olivia"),
        ("user", "ada"),
        ("agent", license_id),
        ("user", "alice"),
    ]
    assert found[0]["actor"]["roles"] == ["member", "org-admin"]
    assert [event["reason"] for event in found] == ["sold", *[None] * 4, "theft?", None, None]
    assert found[6]["components"] == ["computer_name"]
    assert found[6]["agent_version"] == "4.6"
    assert (found[6]["before"]["computer_name"], found[6]["after"]["computer_name"]) == (
        "ACME-PC-01",
        "ACME-PC-02",
    )
    for event in found:
        assert event["organization_id"] == "acme"
        assert event["license_id"] == license_id
        assert event["source_address"] == "203.0.113.7"
        assert event["request_id"]
        assert (event["times"], event["last_at"]) == (None, None)
    # The feed tells the same of it, and a super-admin reads the same.
    feed = pages.feed(world, ADA)
    assert [event for event in feed if event["license_id"] == license_id] == found
    assert feed[-1]["type"] == "OrganizationCreated"
    assert pages.history(world, license_id, OLIVIA) == found
    trail = pages.feed(world, OLIVIA)  # which tells of its own reading
    assert [event for event in trail if event["type"] != "OrganizationRead"] == feed


def test_r33_lists_are_read_in_pages_without_gap_or_repetition(world: World) -> None:
    license_id = _eventful(world, changes=5)
    _assert_paged(world, HISTORY.format(license_id), OLIVIA, sizes=[1, 3, 6, 7])
    for person in (ADA, OLIVIA):
        _assert_paged(world, FEED.format("acme"), person, sizes=[1, 4])


def test_r33_lists_are_read_in_pages_of_any_size(engine: str) -> None:
    with new_world(engine) as world:
        license_id = _eventful(world, changes=60)
        for path in (HISTORY.format(license_id), FEED.format("acme")):
            assert _assert_paged(world, path, ADA, sizes=(1, 2, 7, 59, 60, 61, 69)) >= 60


def test_r33_a_page_has_50_entries_by_default_and_100_at_most(large_world: World) -> None:
    license_id = _eventful(large_world, changes=110)
    for path in (HISTORY.format(license_id), FEED.format("acme")):
        for limit, count in ((None, 50), (100, 100), (1, 1)):
            shown = pages.page(large_world, path, limit=limit).json
            assert len(shown["events"]) == count
            assert shown["next_cursor"]
        for other in (0, 101, -1, "x", "1.0", "1e1", ""):
            wrong = pages.page(large_world, path, limit=other)
            assert_problem(wrong, 400, "invalid_request", "/query/limit")


def test_r33_new_entries_do_not_shift_the_pages_behind_a_cursor(world: World) -> None:
    license_id = _eventful(world, changes=6)
    for path in (HISTORY.format(license_id), FEED.format("acme")):
        whole = pages.everything(world, path)
        first = pages.page(world, path, limit=3).json
        world.clock.advance(1)
        edit(world, license_id, f"new in {path}")
        second = pages.page(world, path, limit=3, cursor=first["next_cursor"]).json
        assert [*first["events"], *second["events"]] == whole[:6]


def test_r33_a_cursor_is_good_for_its_own_list_alone(world: World) -> None:
    world.register("bolt")
    license_id = _eventful(world, changes=3)
    other = world.login(ALICE, MACHINE_B, environment="other").json["license"]["id"]
    bolts = world.login(BORIS, MACHINE_B | {"machine_id": "bolt-7", "computer_name": "bolt-7"})
    lists = [
        HISTORY.format(license_id),
        HISTORY.format(other),
        HISTORY.format(bolts.json["license"]["id"]),
        FEED.format("acme"),
        FEED.format("bolt"),
        "/v1/organizations/acme/licenses",
        "/v1/organizations/acme/temporary-licenses",
    ]
    cursors = {
        path: pages.page(world, path, limit=1).json["next_cursor"]
        for path in (lists[0], lists[3], lists[5])
    }
    assert all(cursors.values())
    for own, cursor in cursors.items():
        for path in lists:
            answer = pages.page(world, path, cursor=cursor)
            if path == own:
                assert answer.status == 200
            else:
                assert_problem(answer, 400, "invalid_request", "/query/cursor")
    for nonsense in ("", "x", "é", "AAAA", cursors[lists[0]][:-2], cursors[lists[3]] + "A" * 4000):
        for path in (lists[0], lists[3]):
            wrong = pages.page(world, path, cursor=nonsense)
            assert_problem(wrong, 400, "invalid_request", "/query/cursor")


def test_r33_changes_are_in_the_order_that_they_were_made_in_even_when_the_clock_runs_backwards(
    world: World,
) -> None:
    world.register("acme")
    world.clock.advance(1)
    license_id = world.login().json["license"]["id"]
    for number, seconds in enumerate((1, 50, 50, 10, -3 * HOUR, 49, 51)):
        world.clock.time = NOON + seconds
        edit(world, license_id, f"{number}")

    for found in (pages.history(world, license_id, ADA), pages.feed(world, ADA)[:-1]):
        assert [event["revision"] for event in found] == list(range(8, 0, -1))
        labels = [event["after"]["label"] for event in found]
        assert labels == ["6", "5", "4", "3", "2", "1", "0", None]
        for later, earlier in pairwise(found):
            assert later["before"] == earlier["after"]
        times = [event["at"] for event in found]
        assert times == sorted(times, reverse=True)


# -- R32: refusals, folded -------------------------------------------------------------------------


def test_r32_refusals_are_folded_per_license_reason_and_hour(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login(ALICE).json["license_key"]
    other = world.login(ALICE, environment="staging").json["license_key"]
    hour = NOON - NOON % HOUR

    def misuse(seconds: int, license_key: str, organization_id: str = "acme") -> None:
        world.clock.time = hour + seconds
        answer = world.validate(license_key, MACHINE_B, organization_id, agent_version="4.5.1")
        assert answer.json["valid"] is False

    for seconds in (3000, 3001, HOUR - 1, HOUR, HOUR + 7):
        misuse(seconds, key)
    misuse(3002, key, "bolt")
    for seconds in (3003, 3004):
        misuse(seconds, other)

    feed = [event for event in pages.feed(world) if event["type"] == "AccessRefused"]
    first, second = (world.validate(one).json["license"]["id"] for one in (key, other))
    told = {
        (event["license_id"], event["reason"], event["at"]): (event["times"], event["last_at"])
        for event in feed
    }
    assert len(feed) == len(told) == len({event["id"] for event in feed}) == 4
    assert told == {
        (first, "machine_mismatch", instant(hour)): (3, instant(hour + HOUR - 1)),
        (first, "machine_mismatch", instant(hour + HOUR)): (2, instant(hour + HOUR + 7)),
        (first, "organization_mismatch", instant(hour)): (1, instant(hour + 3002)),
        (second, "machine_mismatch", instant(hour)): (2, instant(hour + 3004)),
    }
    for event in feed:
        assert (event["before"], event["after"], event["revision"]) == (None, None, None)
        assert event["agent_version"] == "4.5.1"
        assert event["actor"]["kind"] == "agent"
    history = pages.history(world, first)
    assert [event for event in history if event["type"] == "AccessRefused"] == [
        event for event in feed if event["license_id"] == first
    ]


def test_r32_the_latest_refusal_of_an_hour_stands_for_all(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    license_id = world.login(ALICE).json["license"]["id"]
    for person, address in ((BORIS, "198.51.100.1"), (BEA, "198.51.100.2")):
        answer = world.request(
            "POST",
            "/v1/licenses",
            person=person,
            json={"machine": MACHINE_A, "agent_version": "4.5.0.0"},
            source_ip=address,
        )
        assert answer.status == 409
    (refused,) = [
        event for event in pages.history(world, license_id) if event["type"] == "AccessRefused"
    ]
    assert refused["reason"] == "machine_registered_to_other_organization"
    assert (refused["times"], refused["source_address"]) == (2, "198.51.100.2")
    assert refused["actor"] == {
        "kind": "user",
        "subject": "bea",
        "name": None,
        "roles": ["org-admin"],
    }


def test_r32_org_admins_see_that_somebody_was_refused_and_not_who(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    license_id = issued["license"]["id"]
    login_with(world, issued["license_key"], BORIS, MACHINE_B)
    login_with(world, issued["license_key"], PAVEL)

    for found in (pages.feed(world, ADA), pages.history(world, license_id, ADA)):
        (refused,) = [event for event in found if event["type"] == "AccessRefused"]
        assert refused["reason"] == "on_behalf_login_disabled"
        assert refused["actor"] == {"kind": "user", "subject": "hidden", "name": None, "roles": []}
        assert refused["times"] == 2
        # Their own people are named.
        (first,) = [event for event in found if event["type"] == "LicenseIssued"]
        assert first["actor"] == {
            "kind": "user",
            "subject": "alice",
            "name": None,
            "roles": ["member"],
        }
    for found in (pages.feed(world, OLIVIA), pages.history(world, license_id, OLIVIA)):
        (refused,) = [event for event in found if event["type"] == "AccessRefused"]
        assert refused["actor"] == {
            "kind": "user",
            "subject": "pavel",
            "name": None,
            "roles": ["partner"],
        }


# -- R33: whose it is ------------------------------------------------------------------------------


def test_r33_a_temporary_licenses_history_is_for_super_admins(world: World) -> None:
    world.register("acme")
    one = generated(world)
    world.clock.advance(1)
    used(world, one)
    world.clock.advance(HOUR)
    world.sweep()

    found = pages.history(world, one.id)

    assert [event["type"] for event in found] == [
        "TemporaryLicenseExpired",
        "TemporaryLicenseUsed",
        "TemporaryLicenseGenerated",
    ]
    assert [event["revision"] for event in found] == [3, 2, 1]
    path = HISTORY.format(one.id)
    assert_problem(pages.page(world, path, ADA), 404, "not_found")
    assert_problem(pages.page(world, path, ALICE), 403, "forbidden")


# -- helpers ---------------------------------------------------------------------------------------


def _eventful(world: World, *, changes: int) -> str:
    """A licence with so many changes and some refusals, in a feed that hides some entries."""
    world.register("acme")
    issued = world.login(ALICE).json
    license_id: str = issued["license"]["id"]
    for number in range(changes):
        # Some within one second, over a few hours.
        world.clock.advance(0 if number % 3 else 977)
        edit(world, license_id, f"{number}")
        if number % 4 == 0:
            generated(world)
        if number % 20 == 0:
            world.validate(issued["license_key"], MACHINE_B)
    return license_id


def _assert_paged(world: World, path: str, person: Person, sizes: Iterable[int]) -> int:
    """Check that pages of all these sizes make up the whole list; how long it is."""
    whole = pages.everything(world, path, person)
    times = [event["at"] for event in whole]
    assert times == sorted(times, reverse=True)
    assert len({event["id"] for event in whole}) == len(whole)
    for size in sizes:
        found = pages.pages(world, path, person, limit=size)
        assert [event for events in found for event in events] == whole, size
        assert {len(events) for events in found[:-1]} <= {size}
        assert found[-1], "the last page is not an empty one"
    return len(whole)
