"""R25: a request with an idempotency key counts once, for 24 hours, for who sent it."""

from typing import Any

import pytest

from licensing.adapters.secrets import SECRET_SECONDS
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generate, login_with, revoke
from tests.integration.trail import but_notes, events
from tests.world import ADA, OLIVIA, PAVEL, Answer, Person, World, rotate_secret

HOUR = 3600
DAY = 86_400
OTTO = Person("otto", "vendor", ("super-admin",))
KEY = "order-17"


@pytest.fixture
def acme(world: World) -> World:
    """Acme and Bolt, without any licence."""
    world.register("acme")
    world.register("bolt")
    return world


def test_r25_a_request_that_is_sent_again_gets_the_same_license_and_key(acme: World) -> None:
    first = generate(acme, "3h", idempotency_key=KEY)
    assert first.status == 201
    before = but_notes(acme)

    assert generate(acme, "3h", idempotency_key=KEY) == first
    # Later it is the same one still: it lives no longer for having been asked for again.
    rotate_secret(acme)
    acme.clock.advance(SECRET_SECONDS)
    again = generate(acme, "3h", idempotency_key=KEY)
    assert again.json["license_key"] == first.json["license_key"]
    assert again.json["license"] == first.json["license"] | {
        "seconds_left": 3 * HOUR - SECRET_SECONDS
    }
    assert but_notes(acme) == before
    assert len(events(acme, "TemporaryLicenseGenerated")) == 1


def test_r25_a_key_with_another_note_is_another_request(acme: World) -> None:
    first = generate(acme, "3h", idempotency_key=KEY, note="for Pavel")
    assert first.status == 201
    assert generate(acme, "3h", idempotency_key=KEY, note=" for Pavel ") == first
    for other in ({"note": "for Petra"}, {"note": None}, {}):
        refused = generate(acme, "3h", idempotency_key=KEY, **other)
        assert_problem(refused, 422, "idempotency_key_reused")
    assert len(events(acme, "TemporaryLicenseGenerated")) == 1
    # And without a note as with an empty one.
    without = generate(acme, "3h", idempotency_key="order-18")
    assert generate(acme, "3h", idempotency_key="order-18", note="") == without
    assert_problem(
        generate(acme, "3h", idempotency_key="order-18", note="for Pavel"),
        422,
        "idempotency_key_reused",
    )


def test_r25_other_keys_people_and_organizations_get_licenses_of_their_own(acme: World) -> None:
    answers = [
        generate(acme, "3h", idempotency_key=KEY),
        generate(acme, "3h", idempotency_key="order-18"),
        generate(acme, "3h", idempotency_key=KEY.upper()),
        generate(acme, "3h", "bolt", idempotency_key=KEY),
        generate(acme, "3h", person=OTTO, idempotency_key=KEY),
        generate(acme, "3h"),
        generate(acme, "3h"),
    ]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["license_key"] for answer in answers}) == len(answers)
    assert len(events(acme, "TemporaryLicenseGenerated")) == len(answers)


def test_r25_a_key_is_good_for_24_hours_and_then_for_another_request(acme: World) -> None:
    first = generate(acme, "7d", idempotency_key=KEY)
    acme.clock.advance(DAY - 1)
    assert _id(generate(acme, "7d", idempotency_key=KEY)) == _id(first)
    acme.clock.advance(1)
    second = generate(acme, "1h", idempotency_key=KEY)
    assert second.status == 201
    assert _id(second) != _id(first)
    assert second.json["license_key"] != first.json["license_key"]
    # The new 24 hours begin with the new request.
    acme.clock.advance(HOUR)
    assert _id(generate(acme, "1h", idempotency_key=KEY)) == _id(second)
    assert_problem(generate(acme, "7d", idempotency_key=KEY), 422, "idempotency_key_reused")
    assert {shown["id"] for shown in pages.temporary(acme)} == {_id(first), _id(second)}


def test_r25_it_does_not_matter_whether_the_database_has_removed_what_has_ended(
    acme: World,
) -> None:
    first = generate(acme, "7d", idempotency_key=KEY)
    (kept,) = _requests(acme)
    assert int(kept["ttl"]["N"]) == acme.clock() + DAY
    acme.clock.advance(DAY)
    table = acme.runtime.settings.table_name
    acme.runtime.dynamodb.delete_item(
        TableName=table, Key={name: kept[name] for name in ("pk", "sk")}
    )
    assert _id(generate(acme, "7d", idempotency_key=KEY)) != _id(first)


def test_r25_a_key_that_stands_for_another_request_is_refused_and_changes_nothing(
    acme: World,
) -> None:
    generate(acme, "3h", idempotency_key=KEY)
    before = but_notes(acme)
    answer = generate(acme, "1h", idempotency_key=KEY)
    assert_problem(answer, 422, "idempotency_key_reused")
    assert "license_key" not in answer.text
    assert but_notes(acme) == before
    # A request that nobody may make says nothing of the key.
    assert_problem(generate(acme, "1h", person=ADA, idempotency_key=KEY), 403, "forbidden")
    assert_problem(generate(acme, "1h", "cork", idempotency_key=KEY), 404, "not_found")


def test_r25_a_repetition_tells_the_license_as_it_is_by_then(acme: World) -> None:
    revoked = generate(acme, "3h", idempotency_key="revoked")
    revoke(acme, _id(revoked))
    used = generate(acme, "3h", idempotency_key="used")
    login_with(acme, used.json["license_key"], PAVEL)
    before = but_notes(acme)
    for key, first, status, holder in (
        ("revoked", revoked, "revoked", None),
        ("used", used, "active", "pavel"),
    ):
        again = generate(acme, "3h", idempotency_key=key)
        assert again.status == 201
        assert again.json["license_key"] == first.json["license_key"]
        assert again.json["license"]["status"] == status
        assert again.json["license"]["holder"] == holder
    assert but_notes(acme) == before
    acme.clock.advance(4 * HOUR)
    ended = generate(acme, "3h", idempotency_key="used").json["license"]
    assert (ended["id"], ended["status"], ended["seconds_left"]) == (_id(used), "expired", 0)


GOOD = {
    "one character": ("1", "1"),
    "the longest": ("x" * 255, "x" * 255),
    "a UUID": ("8e03978e-40d5-43dd-bc93-6894a57f9324",) * 2,
    "in quotes, as the draft has it": ('"8e03978e"', "8e03978e"),
    "the longest in quotes": (f'"{"x" * 255}"', "x" * 255),
    "with a blank in it": ("ticket 4711", "ticket 4711"),
    "all that is printable": ("!#$%&'()*+-./:;<=>?@[\\]^_`{|}~",) * 2,
    "blanks around it": (" order-18 ", "order-18"),
}
WRONG = {
    "nothing": "",
    "blanks alone": "  ",
    "too long": "x" * 256,
    "too long in quotes": f'"{"x" * 256}"',
    "empty quotes": '""',
    "one quote": '"',
    "an open quote": '"order',
    "a quote in it": 'or"der',
    "two keys": "one,two",
    "two keys in quotes": '"one","two"',
    "a tab": "a\tb",
    "a letter beyond ASCII": "ordér",
    "a control character": "a\x7f",
    "no character": "a\x00b",
}


def test_r25_a_key_is_printable_with_or_without_quotes(
    acme: World, subtests: pytest.Subtests
) -> None:
    for name, (sent, same) in GOOD.items():
        with subtests.test(name):
            first = generate(acme, "3h", idempotency_key=sent)
            assert first.status == 201
            assert _id(generate(acme, "3h", idempotency_key=same)) == _id(first)


def test_r25_what_is_no_key_is_a_400_that_points_at_it(
    acme: World, subtests: pytest.Subtests
) -> None:
    before = but_notes(acme)
    for name, key in WRONG.items():
        with subtests.test(name):
            answer = generate(acme, "3h", idempotency_key=key)
            assert_problem(answer, 400, "invalid_request", "/headers/idempotency-key")
    twice = acme.request(
        "POST",
        "/v1/organizations/acme/temporary-licenses",
        person=OLIVIA,
        json={"ttl": "3h"},
        headers=[("Idempotency-Key", "one"), ("Idempotency-Key", "two")],
    )
    assert_problem(twice, 400, "invalid_request", "/headers/idempotency-key")
    assert but_notes(acme) == before


def _id(answer: Answer) -> str:
    license_id: str = answer.json["license"]["id"]
    return license_id


def _requests(world: World) -> list[dict[str, Any]]:
    return [item for item in world.items() if item["sk"]["S"] == "REQUEST"]
