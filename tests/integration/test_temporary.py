"""R25–R29: temporary licences, by which a partner gets into a client's agent for a while."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.leases import verified
from tests.integration.partner import (
    PETRA,
    Temporary,
    generate,
    generated,
    login_with,
    revoke,
    used,
)
from tests.integration.trail import but_notes, events, kinds
from tests.world import (
    ADA,
    ALICE,
    AMIR,
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
)

HOUR = 3600
DAY = 86_400
SECONDS = {
    "1h": HOUR,
    "3h": 3 * HOUR,
    "6h": 6 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "7d": 7 * DAY,
}
LISTING = "/v1/organizations/{}/temporary-licenses"
NOT_USABLE = "temporary_license_not_usable"


# -- R25: generation -------------------------------------------------------------------------------


def test_r25_a_super_admin_generates_several_with_exactly_seven_times_to_live(
    world: World,
) -> None:
    world.register("acme")
    keys = set()
    for ttl, seconds in SECONDS.items():
        answer = generate(world, ttl)
        assert answer.status == 201, ttl
        shown = answer.json["license"]
        assert shown == {
            "id": shown["id"],
            "organization_id": "acme",
            "status": "active",
            "ttl": ttl,
            "issued_at": instant(NOON),
            "issued_by": "olivia",
            "issued_by_name": None,
            "expires_at": instant(NOON + seconds),
            "leased_until": None,
            "seconds_left": seconds,
            "holder": None,
            "holder_name": None,
            "computer_name": None,
            "note": None,
        }
        keys.add(answer.json["license_key"])
    assert len(keys) == 7
    assert {entry["status"] for entry in pages.temporary(world)} == {"active"}

    before = world.items()
    for other in ("2h", "1H", "60m", "3600", "8d", "1 d", "", 3600, 1, None, True, ["1h"]):
        assert_problem(generate(world, other), 400, "invalid_request", "/ttl")
    for body in ({}, {"ttl": "1h", "holder": "pavel"}):
        wrong = world.request("POST", LISTING.format("acme"), person=OLIVIA, json=body)
        assert_problem(wrong, 400, "invalid_request", "/holder" if body else "/ttl")
    assert world.items() == before


def test_r25_a_note_says_in_the_list_and_in_the_trail_whom_it_is_for(world: World) -> None:
    world.register("acme")
    note = "Pavel, for the update of hall 3"
    answer = generate(world, "1h", note=f" {note} ")
    assert answer.status == 201
    assert answer.json["license"]["note"] == note
    temporary = Temporary(answer.json["license"]["id"], answer.json["license_key"])
    used(world, temporary)
    assert [entry["note"] for entry in pages.temporary(world)] == [note]

    told = {event["type"]: event["after"] for event in pages.feed(world)}
    assert told["TemporaryLicenseGenerated"]["note"] == note
    assert told["TemporaryLicenseUsed"]["note"] == note
    assert note not in str(pages.feed(world, ADA)), "nothing of it is the organization's"
    # Without one there is none in the table, nor where it is empty.
    for empty in ({}, {"note": None}, {"note": ""}, {"note": "  "}):
        shown = generate(world, "1h", **empty).json["license"]
        assert shown["note"] is None
        stored = [item for item in world.items() if item["pk"]["S"].endswith(shown["id"])]
        assert stored
        assert "note" not in str(stored)


def test_r25_a_note_is_one_line_that_is_not_too_long(world: World) -> None:
    world.register("acme")
    before = world.items()
    for wrong in ("x" * 201, "two\nlines", "bell\x07", "turned\u202e", 7, ["a"]):
        assert_problem(generate(world, "1h", note=wrong), 400, "invalid_request", "/note")
    assert world.items() == before
    assert generate(world, "1h", note="x" * 200).status == 201


def test_r25_an_organization_that_is_not_registered_has_none(world: World) -> None:
    world.register("acme")
    before = world.items()
    for organization_id in ("bolt", "Acme", "a", "x" * 3000):
        assert_problem(generate(world, "1h", organization_id), 404, "not_found")
        listing = pages.page(world, LISTING.format(organization_id))
        assert_problem(listing, 404, "not_found")
    assert world.items() == before


# -- R25: listing ----------------------------------------------------------------------------------


def test_r25_active_ones_are_listed_first_with_the_time_left_then_the_ended_newest_first(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    names: dict[str, str] = {}

    def generated_as(name: str, ttl: str) -> Temporary:
        one = generated(world, ttl)
        names[one.id] = name
        return one

    generated_as("ended and swept", "1h")
    revoked_first = generated_as("revoked first", "7d")
    generated_as("a day", "1d")
    generated_as("ended unswept", "3h")
    revoked_later = generated_as("revoked later", "6h")
    generated_as("a week", "7d")
    generated(world, "1h", "bolt")
    world.clock.time = NOON + HOUR + 60
    world.sweep()
    revoke(world, revoked_first.id)
    world.clock.time = NOON + 4 * HOUR
    revoke(world, revoked_later.id)
    used(world, generated_as("used", "3h"))

    listed = pages.temporary(world)

    assert [names[entry["id"]] for entry in listed] == [
        "a week",
        "a day",
        "used",
        "revoked later",
        "ended unswept",
        "revoked first",
        "ended and swept",
    ]
    states = [(entry["status"], entry["seconds_left"]) for entry in listed]
    assert states == [
        ("active", 7 * DAY - 4 * HOUR),
        ("active", DAY - 4 * HOUR),
        ("active", 3 * HOUR),
        ("revoked", 0),
        ("expired", 0),
        ("revoked", 0),
        ("expired", 0),
    ]
    assert (listed[2]["holder"], listed[2]["computer_name"]) == ("pavel", "ACME-PC-01")
    assert "license_key" not in json.dumps(listed)
    # What the sweep marks later, and a revoke of one that has ended, leave the order alone.
    world.sweep()
    revoke(world, listed[4]["id"])
    assert [entry["id"] for entry in pages.temporary(world)] == [entry["id"] for entry in listed]


def test_r25_the_list_is_read_in_pages_without_gap_or_repetition(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    made = [generated(world, ttl).id for ttl in [*SECONDS, "1h"]]
    revoke(world, made[3])
    world.clock.advance(2 * HOUR)
    path = LISTING.format("acme")
    whole = pages.temporary(world)
    assert sorted(entry["id"] for entry in whole) == sorted(made)

    for limit in (1, 3, 7, 8):
        found = pages.pages(world, path, limit=limit)
        assert [entry for entries in found for entry in entries] == whole
        assert {len(entries) for entries in found[:-1]} <= {limit}

    cursor = pages.page(world, path, limit=3).json["next_cursor"]
    for other in (LISTING.format("bolt"), "/v1/organizations/acme/licenses"):
        wrong = pages.page(world, other, cursor=cursor)
        assert_problem(wrong, 400, "invalid_request", "/query/cursor")


# -- R25: revocation -------------------------------------------------------------------------------


def test_r25_a_revoked_one_is_dead_at_once_and_revoking_can_be_repeated(world: World) -> None:
    world.register("acme")
    one = generated(world, "1d")
    used(world, one)
    world.clock.advance(60)

    answer = revoke(world, one.id, reason="project over")

    assert answer.status == 200
    shown = answer.json["license"]
    assert (shown["status"], shown["seconds_left"], shown["holder"]) == ("revoked", 0, "pavel")
    assert shown["expires_at"] == instant(NOON + DAY)
    assert shown["leased_until"] == instant(NOON + DAY)
    refused = world.validate(one.key).json
    assert (refused["code"], refused["action"], refused["lease"], refused["license"]) == (
        "REVOKED",
        "logout",
        None,
        None,
    )
    assert refused["message"] == "The temporary license has been revoked. Ask for a new one."
    assert_problem(login_with(world, one.key), 403, NOT_USABLE)
    (event,) = events(world, "TemporaryLicenseRevoked")
    assert (event["actor"]["subject"], event["reason"]) == ("olivia", "project over")

    before = but_notes(world)
    world.clock.advance(60)
    assert revoke(world, one.id).json == answer.json
    assert but_notes(world) == before


def test_r25_one_that_has_ended_can_still_be_revoked(world: World) -> None:
    world.register("acme")
    swept, unswept = generated(world), generated(world, "3h")
    world.clock.advance(HOUR)
    world.sweep()
    world.clock.advance(2 * HOUR)

    for one in (swept, unswept):
        answer = revoke(world, one.id)
        assert (answer.status, answer.json["license"]["status"]) == (200, "revoked")

    assert world.sweep()["temporary_expired"] == 0
    told = [(event["type"], event.get("license_id")) for event in events(world)]
    assert ("TemporaryLicenseExpired", unswept.id) not in told
    for one in (swept, unswept):
        assert told.count(("TemporaryLicenseRevoked", one.id)) == 1


def test_r25_neither_kind_of_license_is_found_on_the_others_routes(world: World) -> None:
    world.register("acme")
    one = generated(world)
    used(world, one)
    standard = world.login(environment="staging").json["license"]["id"]
    before = world.items()

    for path in (standard, "lic_0000000000000000", "x" * 3000):
        assert_problem(revoke(world, path), 404, "not_found")
    for person in (OLIVIA, ADA):
        for action in ("revoke", "detach", "attach", "dissociate"):
            answer = world.request("POST", f"/v1/licenses/{one.id}/{action}", person=person)
            assert_problem(answer, 404, "not_found")
        path = f"/v1/licenses/{one.id}"
        patched = world.request("PATCH", path, person=person, json={"primary": True})
        assert_problem(patched, 404, "not_found")
        assert_problem(world.request("GET", path, person=person), 404, "not_found")
    assert world.items() == before
    for person in (OLIVIA, ADA):
        listed = world.request("GET", "/v1/organizations/acme/licenses", person=person)
        assert [entry["id"] for entry in listed.json["licenses"]] == [standard]


# -- R26, R28: a partner logs in -------------------------------------------------------------------


def test_r26_a_partner_logs_in_with_the_own_account_and_the_key(world: World) -> None:
    world.register("acme")
    one = generated(world, "3h")

    answer = login_with(world, one.key)

    assert answer.status == 200
    assert answer.json["license"] == {
        "id": one.id,
        "kind": "temporary",
        "status": "active",
        "organization_id": "acme",
        "environment": "production",
        "primary": False,
        "issued_at": instant(NOON),
        "valid_until": instant(NOON + 3 * HOUR),
        "leased_until": instant(NOON + 3 * HOUR),
    }
    assert answer.json["license_key"] == one.key
    assert answer.json["created"] is False
    lease = verified(world, answer.json["lease"]["token"]).claims
    assert (lease["kind"], lease["environment"]) == ("temporary", "production")
    assert lease["exp"] == NOON + 3 * HOUR

    # Once more, and in another environment: the same, and nothing is written.
    before = world.items()
    assert login_with(world, one.key).json == answer.json
    assert login_with(world, one.key, environment="staging").status == 200
    assert world.items() == before
    renamed = MACHINE_A | {"computer_name": "ACME-PC-99"}
    assert used(world, one, machine=renamed)["license_key"] == one.key, "two of three agree"
    valid = world.validate(one.key, renamed, environment="staging", nonce="n-1").json
    assert (valid["code"], valid["action"]) == ("VALID", "continue")
    assert valid["license"]["kind"] == "temporary"
    claims = verified(world, valid["lease"]["token"]).claims
    assert (claims["kind"], claims["nonce"], claims["exp"]) == ("temporary", "n-1", lease["exp"])


def test_r28_such_a_login_may_not_save_configuration_data_and_any_other_may(
    world: World,
) -> None:
    world.register("acme")
    assert world.login().json["capabilities"] == {"save_configuration": True}
    one = generated(world)
    for _ in range(2):
        assert used(world, one)["capabilities"] == {"save_configuration": False}


def test_r26_nobody_else_can_use_it(world: World) -> None:
    for name in ("acme", "bolt", "partner-works"):
        world.register(name)
    one = generated(world)
    # Whoever is the client's own, and whoever is no partner, whatever else they are.
    others = [
        ALICE,
        ADA,
        Person("paul", "acme", ("partner",)),
        Person("otto", "acme", ("member", "partner")),
        BORIS,
        BEA,
        Person("max", "partner-works", ("member", "org-admin")),
        Person("nora", "partner-works", ()),
    ]
    for person in others:
        answer = login_with(world, one.key, person)
        assert_problem(answer, 403, NOT_USABLE)
        assert answer.json["detail"] == (
            "Only a partner can use a temporary license. Sign in with a partner's account."
        )
    homeless = login_with(world, one.key, Person("pete", None, ("partner",)))
    assert_problem(homeless, 403, "forbidden")

    (entry,) = events(world, "AccessRefused")
    assert (entry["license_id"], entry["reason"], entry["times"]) == (one.id, NOT_USABLE, 8)
    assert entry["confidential"] is True
    # None of them has tied it.
    assert used(world, one)["license"]["id"] == one.id


def test_r26_first_use_ties_it_to_the_person_and_the_machine(world: World) -> None:
    world.register("acme")
    one = generated(world)
    used(world, one)
    stored = _stored(world, one.id)

    for person in (PETRA, replace(PAVEL, subject="paul")):
        other_person = login_with(world, one.key, person)
        assert_problem(other_person, 403, NOT_USABLE)
        assert "another person" in other_person.json["detail"]
    for machine in (MACHINE_B, MACHINE_B | {"computer_name": MACHINE_A["computer_name"]}):
        other_machine = login_with(world, one.key, machine=machine)
        assert_problem(other_machine, 403, NOT_USABLE)
        assert "another machine" in other_machine.json["detail"]
        refused = world.validate(one.key, machine).json
        assert (refused["code"], refused["action"]) == ("MACHINE_MISMATCH", "logout")

    assert _stored(world, one.id) == stored
    (event,) = events(world, "TemporaryLicenseUsed")
    assert event["actor"]["subject"] == event["after"]["holder"] == "pavel"
    assert event["before"]["holder"] is None
    assert event["before"]["machine"] != event["after"]["machine"]


def test_r26_it_never_works_on_a_machine_of_another_organization(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(BORIS, MACHINE_B)
    one = generated(world)
    stored = _stored(world, one.id)

    for environment in ("production", "staging"):
        for version in ("4.5.0.0", "4.2.0.0"):  # naming an older one does not help
            answer = login_with(
                world, one.key, machine=MACHINE_B, environment=environment, agent_version=version
            )
            assert_problem(answer, 409, "machine_registered_to_other_organization")
            assert answer.json["detail"] == "Your machine is already registered with Bolt."

    assert _stored(world, one.id) == stored, "it is not tied by that"
    assert used(world, one)["license"]["id"] == one.id


def test_r26_a_machine_that_another_organization_takes_at_that_moment_is_refused(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    one = generated(world)
    taken = _just_before_the_next_commit(world, lambda: world.login(BORIS))

    answer = login_with(world, one.key)

    assert [login.status for login in taken] == [201]
    assert_problem(answer, 409, "machine_registered_to_other_organization")
    assert _stored(world, one.id)["revision"] == {"N": "1"}


def test_r26_of_two_partners_who_use_it_first_at_once_one_is_tied(world: World) -> None:
    world.register("acme")
    one = generated(world)
    first = _just_before_the_next_commit(world, lambda: login_with(world, one.key, PETRA))

    answer = login_with(world, one.key, PAVEL)

    assert [login.status for login in first] == [200]
    assert_problem(answer, 403, NOT_USABLE)
    assert _stored(world, one.id)["holder"] == {"S": "petra"}
    assert kinds(world).count("TemporaryLicenseUsed") == 1


def test_r14_the_clients_subscription_has_to_be_good(world: World) -> None:
    world.register("acme")
    one, tied = generated(world), generated(world)
    used(world, tied)
    changes: list[tuple[dict[str, Any], str, str]] = [
        ({"seconds": 0}, "has ended", "EXPIRED"),
        ({"status": "paused"}, "is paused", "SUSPENDED"),
        ({"status": "cancelled"}, "is cancelled", "SUSPENDED"),
    ]
    for change, standing, code in changes:
        world.change("acme", **change)
        for temporary in (one, tied):
            answer = login_with(world, temporary.key)
            assert_problem(answer, 409, "subscription_ended")
            assert f"The subscription of Acme {standing}" in answer.json["detail"]
        refused = world.validate(tied.key).json
        assert (refused["code"], refused["action"]) == (code, "logout")
    assert _stored(world, one.id)["revision"] == {"N": "1"}

    world.change("acme")
    assert used(world, one)["license"]["id"] == one.id
    assert world.code(tied.key) == "VALID"


# -- R26: whose the machine is ---------------------------------------------------------------------


def test_r26_a_machine_of_the_client_stays_the_clients(world: World) -> None:
    world.register("acme", max_agents=1)
    world.register("bolt")
    standard = world.login(ALICE).json
    one = generated(world)
    before = _others(world, one)

    used(world, one)
    world.validate(one.key)
    login_with(world, one.key, environment="staging")

    assert _others(world, one) == before, "claims, seats and licences are as they were"
    assert world.seats("acme") == 1, "though all seats were taken"
    assert world.login(AMIR).json["license_key"] == standard["license_key"]
    assert world.code(standard["license_key"]) == "VALID"
    assert world.login(BORIS).json["detail"] == "Your machine is already registered with Acme."
    world.clock.advance(HOUR)
    world.sweep()
    revoke(world, one.id)
    assert _others(world, one) == before, "and its end frees nothing"


def test_r26_a_free_machine_stays_free(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    one = generated(world)
    before = _others(world, one)
    used(world, one)
    assert _others(world, one) == before, "no claim and no seat"

    assert world.login(BORIS).status == 201
    assert world.seats("bolt") == 1

    # From then on it is another organization's.
    answer = login_with(world, one.key)
    assert_problem(answer, 409, "machine_registered_to_other_organization")


# -- R27: its end ----------------------------------------------------------------------------------


def test_r27_it_ends_to_the_second(world: World) -> None:
    world.register("acme")
    made = {ttl: generated(world, ttl) for ttl in SECONDS}
    unused = generated(world)
    for ttl, one in made.items():
        end = NOON + SECONDS[ttl]
        for just_before in (end - 1, end - 0.001):
            world.clock.time = just_before
            lease = used(world, one)["lease"]
            assert verified(world, lease["token"]).claims["exp"] == end
            assert lease["expires_at"] == instant(end)
            valid = world.validate(one.key).json
            assert (valid["code"], valid["action"]) == ("VALID", "continue"), ttl
            assert verified(world, valid["lease"]["token"]).claims["exp"] == end
        for after in (end, end + 9):  # by then, the sweep has marked it
            world.clock.time = after
            expired = world.validate(one.key).json
            assert (expired["code"], expired["action"]) == ("EXPIRED", "logout"), ttl
            assert (expired["valid"], expired["lease"]) == (False, None)
            assert expired["message"] == "The temporary license has ended. Ask for a new one."
            for ended in (one, unused):
                assert_problem(login_with(world, ended.key), 403, NOT_USABLE)
            world.sweep()


def test_r27_no_lease_outlives_it_or_the_subscription(world: World) -> None:
    world.register("acme", seconds=2 * DAY)
    week = generated(world, "7d")
    for hours in (0, 12, 24, 36, 48 - 1):
        world.clock.time = now = NOON + hours * HOUR
        ends = [
            verified(world, lease["token"]).claims["exp"]
            for lease in (used(world, week)["lease"], world.validate(week.key).json["lease"])
        ]
        assert ends == [min(now + DAY, NOON + 2 * DAY)] * 2
    shown = world.validate(week.key).json["license"]
    assert shown["valid_until"] == instant(NOON + 2 * DAY)
    world.clock.time = NOON + 2 * DAY
    assert world.code(week.key) == "EXPIRED"
    world.change("acme", seconds=30 * DAY)
    world.clock.time = NOON + 7 * DAY - 1
    lease = world.validate(week.key).json["lease"]
    assert verified(world, lease["token"]).claims["exp"] == NOON + 7 * DAY


# -- R22: the sweep --------------------------------------------------------------------------------


def test_r22_the_sweep_marks_those_that_have_ended_once_and_revoked_ones_never(
    world: World,
) -> None:
    world.register("acme")
    world.login(environment="staging")
    ended, used_one, revoked, alive = (
        generated(world),
        generated(world),
        generated(world),
        generated(world, "3h"),
    )
    used(world, used_one)
    revoke(world, revoked.id)
    world.clock.time = NOON + HOUR - 1
    assert world.sweep()["temporary_expired"] == 0

    marked = []
    for _ in range(4):
        world.clock.advance(1)
        marked.append(world.sweep()["temporary_expired"])

    assert marked == [2, 0, 0, 0]
    found = events(world, "TemporaryLicenseExpired")
    assert {event["license_id"] for event in found} == {ended.id, used_one.id}
    for event in found:
        assert event["actor"] == {
            "kind": "schedule",
            "subject": "expiry-sweep",
            "roles": [],
        }
        assert (event["before"]["state"], event["after"]["state"]) == ("active", "expired")
        assert event["at"] == NOON + HOUR
    states = {one.id: _stored(world, one.id)["state"]["S"] for one in (revoked, alive)}
    assert states == {revoked.id: "revoked", alive.id: "active"}
    assert kinds(world).count("LicenseExpired") == 0


def test_r24_no_renewal_brings_one_back(world: World) -> None:
    world.register("acme", seconds=2 * HOUR)
    one = generated(world)
    used(world, one)
    world.clock.advance(3 * HOUR)
    world.sweep()
    world.change("acme")
    report = world.sweep()
    assert report["reinstated"] == 0
    assert world.code(one.key) == "EXPIRED"


# -- R28: what is told -----------------------------------------------------------------------------


def test_r28_the_feed_shows_nothing_of_it_and_the_trail_all_of_it(world: World) -> None:
    world.register("acme")
    world.clock.advance(1)
    world.login(ALICE)
    feed = pages.feed(world, ADA)
    assert [event["type"] for event in feed] == ["LicenseIssued", "OrganizationCreated"]

    first, second = generated(world), generated(world, "1d")
    used(world, first)
    used(world, second)
    for person, machine in ((PETRA, MACHINE_A), (PAVEL, MACHINE_B), (ALICE, MACHINE_A)):
        login_with(world, first.key, person, machine)
    world.validate(first.key, MACHINE_B)
    world.validate(first.key, MACHINE_A, "acme", agent_version="9.9")
    revoke(world, second.id)
    world.validate(second.key)
    world.clock.time = NOON + 1 + HOUR
    world.sweep()
    world.validate(first.key)

    assert pages.feed(world, ADA) == feed
    trail = pages.feed(world, OLIVIA)
    told = [(event["type"], event["license_id"]) for event in trail if event not in feed]
    assert Counter(told) == Counter(
        [
            ("TemporaryLicenseGenerated", first.id),
            ("TemporaryLicenseGenerated", second.id),
            ("TemporaryLicenseUsed", first.id),
            ("TemporaryLicenseUsed", second.id),
            ("AccessRefused", first.id),  # not usable by others
            ("AccessRefused", first.id),  # not on another machine
            ("TemporaryLicenseRevoked", second.id),
            ("AccessRefused", second.id),
            ("TemporaryLicenseExpired", first.id),
            ("OrganizationRead", None),  # of this very trail
        ]
    )
    for event in trail:
        if event["type"] == "TemporaryLicenseUsed":
            assert event["actor"] == {
                "kind": "user",
                "subject": "pavel",
                "name": None,
                "roles": ["partner"],
            }
            assert event["after"]["holder"] == "pavel"
    assert "pavel" not in json.dumps(pages.feed(world, ADA))
    # A temporary licence's own history tells the same, to super-admins.
    assert [event["type"] for event in pages.history(world, second.id)].count(
        "TemporaryLicenseUsed"
    ) == 1
    for person, status in ((ADA, 404), (ALICE, 403), (PAVEL, 403)):
        answer = pages.page(world, f"/v1/licenses/{second.id}/events", person)
        assert answer.status == status


def test_r28_the_owner_of_a_machine_learns_of_a_partners_try_and_not_of_whose(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(BORIS)
    one = generated(world)
    login_with(world, one.key)

    (refused,) = [
        event for event in pages.feed(world, BEA, "bolt") if event["type"] == "AccessRefused"
    ]

    assert refused["reason"] == "machine_registered_to_other_organization"
    assert refused["actor"] == {"kind": "user", "subject": "hidden", "name": None, "roles": []}
    assert "pavel" not in json.dumps(pages.feed(world, BEA, "bolt"))
    assert "pavel" in json.dumps(pages.feed(world, OLIVIA, "bolt"))


# -- R29: on behalf of others ----------------------------------------------------------------------


def test_r29_without_one_nobody_logs_in_for_another_organization(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    standard = world.login(ALICE).json
    waiting = world.login(ALICE, environment="staging").json
    world.request("POST", f"/v1/licenses/{waiting['license']['id']}/dissociate", person=ADA)
    before = [item for item in world.items() if not item["sk"]["S"].startswith("EVENT#")]

    for key, environment in (
        (standard["license_key"], "production"),
        (waiting["license_key"], "staging"),
    ):
        for person in (PAVEL, BEA, BORIS):
            for machine in (MACHINE_A, MACHINE_B):
                answer = login_with(world, key, person, machine, environment=environment)
                assert_problem(answer, 403, "on_behalf_login_disabled")
    for field in ("organization_id", "organization"):
        answer = world.request(
            "POST",
            "/v1/licenses",
            person=PAVEL,
            json={"machine": MACHINE_A, field: "acme"},
        )
        assert_problem(answer, 400, "invalid_request", f"/{field}")
    # Without a key they log in for their own organization, which is none here.
    for person in (PAVEL, OLIVIA):
        assert_problem(world.login(person, MACHINE_B), 403, "forbidden")

    assert [item for item in world.items() if not item["sk"]["S"].startswith("EVENT#")] == before


# -- helpers ---------------------------------------------------------------------------------------


def _stored(world: World, license_id: str) -> dict[str, Any]:
    """A licence as it is in the table."""
    (found,) = [
        item
        for item in world.items()
        if item["pk"]["S"] == f"LICENSE#{license_id}" and item["sk"]["S"] == "LICENSE"
    ]
    return found


def _others(world: World, one: Temporary) -> list[dict[str, Any]]:
    """Every item that is not a temporary licence's own, save what is due and who was seen when."""
    return [
        {name: value for name, value in item.items() if not name.startswith(("due_", "seen_"))}
        for item in but_notes(world)
        if item["pk"]["S"] != f"LICENSE#{one.id}" and not item["sk"]["S"].startswith("EVENT#")
    ]


def _just_before_the_next_commit(world: World, act: Callable[[], Answer]) -> list[Answer]:
    """Let somebody else act between what a request reads and its transaction; their answers."""
    answers: list[Answer] = []
    emitter = world.runtime.dynamodb.meta.events
    place = "provide-client-params.dynamodb.TransactWriteItems"

    def interrupt(**_: object) -> None:
        emitter.unregister(place, interrupt)
        answers.append(act())

    emitter.register(place, interrupt)
    return answers


def test_r26_a_free_machine_that_another_organization_registers_lets_the_partner_in_no_longer(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    one = generated(world, "1d")
    assert login_with(world, one.key).status == 200
    assert world.code(one.key) == "VALID"

    assert world.login(BORIS, MACHINE_A).status == 201

    assert world.code(one.key) == "MACHINE_MISMATCH"
    assert_problem(login_with(world, one.key), 409, "machine_registered_to_other_organization")
