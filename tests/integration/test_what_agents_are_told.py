"""R13: what the person at an agent is told: which cause it is, what to do, and one rule each."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.answers import assert_problem, header
from tests.integration.leases import read
from tests.integration.partner import generate, generated, login_with
from tests.world import (
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    PAVEL,
    Answer,
    World,
)


@pytest.fixture
def key(world: World) -> str:
    """The key of Acme's licence in production, on machine A."""
    world.register("acme")
    issued: str = world.login().json["license_key"]
    return issued


# -- temporary licences ----------------------------------------------------------------------------


def test_r26_whoever_validates_an_unused_temporary_key_is_told_to_log_in(world: World) -> None:
    world.register("acme")
    temporary = generated(world)
    answer = world.validate(temporary.key).json
    assert (answer["code"], answer["action"]) == ("MACHINE_MISMATCH", "login")
    assert "a partner has to log in with it on this machine first" in answer["message"]
    assert (answer["license"], answer["lease"]) == (None, None)

    assert login_with(world, temporary.key).status == 200
    assert world.code(temporary.key) == "VALID"
    elsewhere = world.validate(temporary.key, MACHINE_B).json
    assert (elsewhere["code"], elsewhere["action"]) == ("MACHINE_MISMATCH", "logout")
    assert elsewhere["message"].endswith("Ask for a new one.")


def test_r27_a_temporary_license_that_ends_unused_says_that_it_has_ended(world: World) -> None:
    world.register("acme")
    temporary = generated(world, "1h")
    world.clock.advance(3600)
    answer = world.validate(temporary.key).json
    assert (answer["code"], answer["action"]) == ("EXPIRED", "logout")
    assert answer["message"] == "The temporary license has ended. Ask for a new one."


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_r26_a_temporary_key_fits_any_environment(world: World, environment: str) -> None:
    world.register("acme")
    temporary = generated(world)
    assert login_with(world, temporary.key, environment=environment).status == 200
    assert world.code(temporary.key, environment="another") == "VALID"


# -- environments ----------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize("state", ["bound", "detach", "dissociate"])
@pytest.mark.parametrize("has_own", [False, True])
def test_r02_a_login_with_another_environments_key_is_refused_and_takes_no_seat(
    world: World, key: str, state: str, *, has_own: bool
) -> None:
    if has_own:
        assert world.login(environment="staging").status == 201
    if state != "bound":
        world.act(state, world.login().json["license"]["id"])
    before = world.items()
    answer = world.login(AMIR, environment="Staging", license_key=key)
    assert_problem(answer, 400, "invalid_request", "/environment")
    for said in ("environment production", "in Staging", "log in without the key"):
        assert said in answer.json["detail"]
    assert world.items() == before


def test_r18_the_key_of_a_revoked_license_keeps_nobody_from_a_new_one(
    world: World, key: str
) -> None:
    world.revoke(world.login().json["license"]["id"])
    assert world.login(environment="staging", license_key=key).status == 201


def test_r20_on_another_machine_a_key_of_another_environment_is_still_bound(
    world: World, key: str
) -> None:
    answer = world.login(machine=MACHINE_B, environment="staging", license_key=key)
    assert answer.json["code"] == "license_still_bound"


def test_r13_a_validation_in_another_environment_says_which_one_the_key_is_for(
    world: World, key: str
) -> None:
    answer = world.validate(key, environment="Staging").json
    assert (answer["code"], answer["action"]) == ("MACHINE_MISMATCH", "login")
    assert "for the environment production of this machine" in answer["message"]
    assert "this agent is in staging" in answer["message"]
    stranger = world.validate(key, MACHINE_B, environment="staging").json
    assert stranger["message"] == (
        "This license key belongs to another machine or environment. Log in here."
    )


def test_r30_an_agent_up_to_4_3_names_no_environment_and_goes_on(world: World) -> None:
    world.register("acme")
    staging = world.login(environment="staging", agent_version="4.3.0.12").json["license_key"]
    older = {
        "LicenseKey": staging,
        "MacId": MACHINE_A["mac_addresses"][0],
        "ComputerName": MACHINE_A["computer_name"],
    }
    answer = world.request("POST", "/v1/licenses/validate", json=older)
    assert answer.json["code"] == "VALID"


# -- licence keys as they are pasted ---------------------------------------------------------------


@pytest.mark.parametrize(
    "form", ["\u201c{}\u201d", "License key: {}", "{}\u200b", "\u00ab{}\u00bb\n"]
)
def test_r03_a_key_is_read_as_it_was_pasted(world: World, key: str, form: str) -> None:
    pasted = form.format(key.replace("-", "\u2011"))
    assert world.code(pasted) == "VALID"
    answer = world.login(AMIR, license_key=pasted)
    assert (answer.status, answer.json["license_key"]) == (200, key)


def test_r03_a_mistyped_key_is_told_so_where_people_read_it_without_a_call(
    world: World, key: str
) -> None:
    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")
    told = "The license key is mistyped: its check symbols do not match. Copy all of it again."
    with world.counting() as calls:
        answers = [world.validate(mistyped), world.login(license_key=mistyped)]
    assert calls == {}
    for answer in answers:
        assert_problem(answer, 400, "invalid_request", "/license_key")
        assert answer.json["detail"] == told


def test_a_single_wrong_field_is_named_in_the_sentence_that_people_read(world: World) -> None:
    world.register("acme")
    detail = generate(world, "2h").json["detail"]
    assert detail.startswith("The request does not match the API's contract at /ttl: ")
    detail = world.validate("-", organization_id="ACME").json["detail"]
    assert detail == "The request does not match the API's contract."


@pytest.mark.parametrize("blank", ["", "  ", "\u200b", "\n", None])
def test_r02_a_login_with_a_blank_key_is_one_without(world: World, key: str, blank: Any) -> None:
    answer = world.login(AMIR, license_key=blank)
    assert (answer.status, answer.json["license_key"]) == (200, key)
    older = {
        "LicenseKey": blank,
        "MacId": MACHINE_A["mac_addresses"][0],
        "ComputerName": MACHINE_A["computer_name"],
    }
    answer = world.request("POST", "/v1/licenses", json=older, person=AMIR)
    assert (answer.status, answer.json["license_key"]) == (200, key)


@pytest.mark.parametrize("blank", ["", " ", "\u200b"])
def test_r13_a_validation_with_a_blank_key_says_so(world: World, key: str, blank: str) -> None:
    assert key
    answer = world.validate(blank)
    assert_problem(answer, 400, "invalid_request", "/license_key")
    assert answer.json["detail"].startswith("The license key is empty.")


# -- refused logins --------------------------------------------------------------------------------

BY_RULE = {
    "agent_blocked": "Agent is Blocked.",
    "machine_registered_to_other_organization": "Your machine is already registered with acme.",
}
"""What R19 and R4 prescribe, to the word."""

WHAT_TO_DO = re.compile(
    r"(Ask|Check|Log in|Renew|Revoke or dissociate|Send|Set|Sign in|Use|This path takes|"
    r"to be dissociated first)"
    r"[^.]*\.$"
)


def _refused_logins(world: World) -> Iterator[tuple[str, Answer]]:
    world.register("acme", max_agents=1)
    world.register("bolt")
    issued = world.login().json
    key, license_id = issued["license_key"], issued["license"]["id"]
    temporary = generated(world)
    yield "machine_registered_to_other_organization", world.login(BORIS)
    yield "seat_limit_reached", world.login(machine=MACHINE_B)
    yield "license_still_bound", world.login(machine=MACHINE_B, license_key=key)
    yield "on_behalf_login_disabled", world.login(BORIS, license_key=key)
    yield "temporary_license_not_usable", login_with(world, temporary.key, ALICE)
    yield "invalid_request", world.login(environment="staging", license_key=key)
    yield "forbidden", world.login(OLIVIA)
    world.act("detach", license_id)
    yield "agent_blocked", world.login()
    world.act("attach", license_id)
    world.change("acme", status="paused")
    yield "subscription_ended", world.login()
    yield "not_found", world.request("GET", "/v1/license")
    yield "method_not_allowed", world.request("PUT", "/v1/licenses/validate")
    yield "payload_too_large", world.request("POST", "/v1/licenses/validate", body=b" " * 20_000)
    yield "invalid_request", world.request("POST", "/v1/licenses/validate", body=b"")


def test_the_last_sentence_of_each_refusal_says_what_to_do(
    world: World, subtests: pytest.Subtests
) -> None:
    for code, answer in _refused_logins(world):
        with subtests.test(code):
            assert answer.json["code"] == code
            detail = answer.json["detail"]
            if code in BY_RULE:
                assert detail.lower() == BY_RULE[code].lower()
            else:
                assert WHAT_TO_DO.search(detail), detail


# -- the issuer ------------------------------------------------------------------------------------


def test_r16_the_jwks_names_the_issuer_of_the_leases(world: World, key: str) -> None:
    assert key
    answer = world.request("GET", "/.well-known/jwks.json")
    assert answer.json["issuer"] == read(world.login().json["lease"]["token"])["iss"]
    assert set(json.loads(answer.text)) == {"keys", "issuer"}
    assert header(answer, "cache-control") == "public, max-age=300, stale-if-error=86400"


def test_r26_a_member_with_a_temporary_key_is_told_who_can_use_it(world: World) -> None:
    world.register("acme")
    temporary = generated(world)
    for person in (ALICE, PAVEL):
        answer = login_with(world, temporary.key, person)
        assert answer.status == (403 if person is ALICE else 200)
