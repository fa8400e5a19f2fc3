"""R12, R32: what people and agents write cannot mislead whoever reads it elsewhere."""

import json
from collections.abc import Callable

import pytest

from licensing.adapters.dynamo import schema
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generate, generated, login_with
from tests.world import ADA, ALICE, MACHINE_A, OLIVIA, Answer, World

pytestmark = pytest.mark.sampled(2)

CONTROLS = {
    "an escape sequence": "\x1b[2J",
    "a null byte": "\0",
    "a bell": "\a",
    "a return": "\r",
    "a deletion": "\x7f",
    "a C1 sequence": "\x9b31m",
}
MARKS = {
    "a separator of lines": "\u2028",
    "a separator of paragraphs": "\u2029",
    "an override": "\u202e",
    "the first embedding": "\u202a",
    "an isolate": "\u2066",
    "the last isolate": "\u2069",
    "a byte order mark": "\ufeff",
    "the first tag": "\U000e0000",
    "the last tag": "\U000e007f",
}
MISLEADING = CONTROLS | MARKS
LINES = {"a tab": "\t", "an end of line": "\n"}
NEEDED = "\u05d0\u200f\u200e\u061c \u0915\u094d\u200d\u0937 \u0646\u200c\u062f \u2764\u200d\u2764"
"""Hebrew with direction marks, Devanagari and Persian with joiners, two joined emojis."""


def named(world: World, name: str) -> Answer:
    """Give Bolt a name."""
    return world.put("bolt", name=name)


def labelled(world: World, label: str) -> Answer:
    """Label Acme's agent."""
    license_id = world.login(ALICE).json["license"]["id"]
    return world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA, json={"label": label})


def revoked(world: World, reason: str) -> Answer:
    """Revoke Acme's agent and say why."""
    return world.revoke(world.login(ALICE).json["license"]["id"], reason=reason)


FIELDS: dict[str, Callable[[World, str], Answer]] = {
    "/name": named,
    "/label": labelled,
    "/reason": revoked,
}


@pytest.mark.parametrize("pointer", FIELDS)
def test_what_misleads_is_refused_and_what_scripts_need_is_not(world: World, pointer: str) -> None:
    world.register("acme")
    write = FIELDS[pointer]
    world.login(ALICE)
    before = world.items()
    for what, character in MISLEADING.items():
        answer = write(world, f"a{character}b")
        assert_problem(answer, 400, "invalid_request", pointer)
        assert "hide or turn the text around them" in answer.text, what
    for character in LINES.values():
        if pointer != "/reason":
            assert_problem(write(world, f"a{character}b"), 400, "invalid_request", pointer)
    assert world.items() == before
    several = f"{NEEDED}\n\tand more" if pointer == "/reason" else NEEDED
    assert write(world, several).status in {200, 201}
    assert repr(several)[1:-1] in repr(world.items())


def test_half_of_a_surrogate_pair_is_refused_by_whoever_sends_it(world: World) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    for half in ("\\ud800", "\\udfff", "\\udc00\\ud800"):
        body = f'{{"label": "a{half}"}}'.encode()
        answer = world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA, body=body)
        assert answer.status == 400, half


def test_r25_an_idempotency_key_has_no_control_characters(world: World) -> None:
    world.register("acme")
    for character in MISLEADING.values():
        answer = generate(world, idempotency_key=f"order{character}17")
        assert_problem(answer, 400, "invalid_request", "/headers/idempotency-key")


def test_r12_a_machine_with_such_a_name_is_served_and_its_name_shown_without_it(
    world: World,
) -> None:
    world.register("acme")
    for number, (what, character) in enumerate((MISLEADING | LINES).items()):
        name = f"PC{character}{number}"
        machine = {"machine_id": f"machine-id-{number}", "computer_name": name}
        issued = world.login(ALICE, machine)
        assert issued.status == 201, what
        assert world.code(issued.json["license_key"], machine) == "VALID", what
        shown = world.request("GET", f"/v1/licenses/{issued.json['license']['id']}", person=ADA)
        assert shown.json["license"]["computer_name"] == f"PC\ufffd{number}".replace(
            "\ufffd", "\ufffd" + character[1:]
        )
    # Two names that differ in what is hidden are two machines: identity hashes what was sent.
    one, other = (
        {"machine_id": "same", "computer_name": f"PC{character}"} for character in ("\x01", "\x02")
    )
    key = world.login(ALICE, one).json["license_key"]
    assert world.code(key, one) == "VALID"
    assert world.code(key, other) == "MACHINE_MISMATCH"


def test_r26_a_partners_machine_is_shown_without_it_too(world: World) -> None:
    world.register("acme")
    one = generated(world)
    machine = MACHINE_A | {"computer_name": "PC\x1b[31m"}
    assert login_with(world, one.key, machine=machine).status == 200
    (shown,) = pages.temporary(world)
    assert shown["computer_name"] == "PC\ufffd[31m"


def test_records_from_before_it_was_checked_are_answered_without_it(world: World) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    assert world.act("detach", license_id, reason="why").status == 200
    for item in world.items():
        if schema.is_organization(item):
            item["name"] = {"S": "Ac\u202eme"}
        elif schema.is_license(item):
            item["label"] = {"S": "till\x1b[2J"}
            item["computer_name"] = {"S": "PC\x07"}
        elif item.get("type") == {"S": "LicenseDetached"}:
            item["reason"] = {"S": "first\nsecond\x1b"}
            item["after"]["M"]["computer_name"] = {"S": "PC\x07"}
        world.runtime.dynamodb.put_item(TableName=world.runtime.settings.table_name, Item=item)
    organization = world.request("GET", "/v1/organizations/acme", person=OLIVIA).json
    assert organization["organization"]["name"] == "Ac\ufffdme"
    listed = world.request("GET", "/v1/organizations/acme/licenses", person=ADA).json["licenses"]
    assert [(one["label"], one["computer_name"]) for one in listed] == [
        ("till\ufffd[2J", "PC\ufffd")
    ]
    (detached, _) = pages.history(world, license_id, ADA)
    assert detached["reason"] == "first\nsecond\ufffd"
    assert detached["after"]["computer_name"] == "PC\ufffd"
    assert world.act("attach", license_id).status == 200
    told = world.login(ALICE, MACHINE_A)
    assert told.status == 200
    for answer in (exchange.answer.text for exchange in world.exchanges):
        assert not any(character in answer for character in MARKS.values())
        assert not any(json.dumps(character)[1:-1] in answer for character in CONTROLS.values())
