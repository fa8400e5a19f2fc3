"""What requests may look like: each wrong field is refused with a pointer to it, and no other is.

The models are asked through the resolver that all functions share, so that a test sees the problem
that a client sees.
"""

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from licensing.contract import agents, fields, licenses, organizations
from licensing.domain.lease import SignedLease
from licensing.domain.license import LastSeen, State
from licensing.domain.organization import Policy, PolicyFloor, Subscription, SubscriptionStatus
from licensing.entrypoints import http
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.unit.domain.test_lease import LEASE, TOKEN
from tests.unit.domain.test_license_key import PRINTED
from tests.unit.samples import NOW, credentials, license, organization

MACHINE: dict[str, Any] = {
    "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": ["3c:52:82:0a:1b:2c"],
    "computer_name": "ACME-PC-01",
}
GOOD: dict[type[BaseModel], dict[str, Any]] = {
    agents.LoginRequest: {
        "machine": MACHINE,
        "environment": "production",
        "agent_version": "4.5.0.0",
    },
    agents.ValidateRequest: {
        "license_key": PRINTED,
        "organization_id": "acme",
        "environment": "production",
        "machine": MACHINE,
        "agent_version": "4.5.0.0",
        "nonce": "n-1",
        "lease": "a.b.c",
    },
    licenses.TransitionRequest: {"reason": "stolen"},
    organizations.OrganizationRequest: {
        "name": "Acme",
        "valid_until": "2031-01-31T12:00:00Z",
        "status": "active",
        "max_agents": 5,
    },
}
LOGIN, VALIDATE, TRANSITION, ORGANIZATION = GOOD


def send(model: type[BaseModel], body: str) -> tuple[int, dict[str, Any]]:
    """The status and the body that a function answers which takes `model`."""
    api = http.Api()

    body_of = http.Body(model)
    takes = http.Operation(
        "POST /",
        id="takeIt",
        tag="Service",
        summary="Take it.",
        description="For everybody.",
        replies={200: model},
        takes=(body_of,),
    )

    @api.serves(takes)
    def take(call: http.Call) -> http.Reply:
        return http.reply(200, call.read(body_of), outcome="taken")

    event = {
        "version": "2.0",
        "routeKey": "POST /",
        "rawPath": "/",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/"}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }
    lambda_context = SimpleNamespace(
        function_name="take",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:take",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    settings = SimpleNamespace(origin_keys=())
    made = SimpleNamespace(begin=lambda _: None, settings=settings)
    install_deployment(cast("Deployment", made))
    try:
        answer = api.handler(event, cast("LambdaContext", lambda_context))
    finally:
        install_deployment(None)
    return answer["statusCode"], json.loads(answer["body"])


def pointers(model: type[BaseModel], body: str) -> list[str]:
    """Where the problem says that the request is wrong."""
    status, problem = send(model, body)
    assert (status, problem["code"]) == (400, "invalid_request")
    return [error["pointer"] for error in problem["errors"]]


def changed(model: type[BaseModel], pointer: str, value: Any) -> str:
    """A good request, but for one value."""
    request = json.loads(json.dumps(GOOD[model]))
    *way, last = pointer.strip("/").split("/")
    place = request
    for step in way:
        place = place[step]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return json.dumps(request)


# -- strictness ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", GOOD)
def test_a_good_request_is_taken(model: type[BaseModel]) -> None:
    assert send(model, json.dumps(GOOD[model]))[0] == 200


@pytest.mark.parametrize("model", GOOD)
def test_an_unknown_field_is_refused_by_name(model: type[BaseModel]) -> None:
    assert pointers(model, changed(model, "/unknown", 1)) == ["/unknown"]
    assert pointers(model, changed(model, "/a~b", 1)) == ["/a~0b"]


@pytest.mark.parametrize("model", GOOD)
@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', "true", "[{}]"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(model: type[BaseModel], body: str) -> None:
    assert pointers(model, body) == [""]


@pytest.mark.parametrize("body", ["", "{", "{'name': 1}", "license_key=x", '{"a": 1}}', "\x00"])
def test_a_body_that_is_not_json_is_refused_as_a_whole(body: str) -> None:
    assert pointers(LOGIN, body) == [""]


WRONG_TYPES: dict[str, list[Any]] = {
    "text": [7, 1.5, True, [], {}, ["text"]],
    "list": ["text", 7, True, {}, {"0": "text"}],
    "object": ["text", 7, True, [], [MACHINE]],
    "number": ["5", 5.5, True, [], {}],
}


@pytest.mark.parametrize(
    ("model", "pointer", "type_"),
    [
        (LOGIN, "/machine", "object"),
        (LOGIN, "/machine/machine_id", "text"),
        (LOGIN, "/machine/mac_addresses", "list"),
        (LOGIN, "/machine/mac_addresses/0", "text"),
        (LOGIN, "/machine/computer_name", "text"),
        (LOGIN, "/environment", "text"),
        (LOGIN, "/agent_version", "text"),
        (VALIDATE, "/license_key", "text"),
        (VALIDATE, "/organization_id", "text"),
        (VALIDATE, "/machine", "object"),
        (VALIDATE, "/machine/mac_addresses/0", "text"),
        (VALIDATE, "/environment", "text"),
        (VALIDATE, "/agent_version", "text"),
        (VALIDATE, "/nonce", "text"),
        (TRANSITION, "/reason", "text"),
        (ORGANIZATION, "/name", "text"),
        (ORGANIZATION, "/valid_until", "text"),
        (ORGANIZATION, "/status", "text"),
        (ORGANIZATION, "/max_agents", "number"),
    ],
)
def test_a_value_of_another_type_is_refused_at_its_place(
    model: type[BaseModel], pointer: str, type_: str
) -> None:
    for value in WRONG_TYPES[type_]:
        assert pointers(model, changed(model, pointer, value)) == [pointer], value


@pytest.mark.parametrize(
    ("model", "pointer"),
    [
        (LOGIN, "/machine"),
        (LOGIN, "/machine/mac_addresses"),
        (LOGIN, "/machine/mac_addresses/0"),
        (LOGIN, "/environment"),
        (VALIDATE, "/license_key"),
        (VALIDATE, "/organization_id"),
        (VALIDATE, "/machine"),
        (ORGANIZATION, "/name"),
        (ORGANIZATION, "/valid_until"),
        (ORGANIZATION, "/status"),
    ],
)
def test_null_is_refused_where_something_is_needed(model: type[BaseModel], pointer: str) -> None:
    assert pointers(model, changed(model, pointer, None)) == [pointer]


@pytest.mark.parametrize(
    ("model", "pointer"),
    [
        (LOGIN, "/machine/machine_id"),
        (LOGIN, "/machine/computer_name"),
        (LOGIN, "/agent_version"),
        (VALIDATE, "/environment"),
        (VALIDATE, "/agent_version"),
        (VALIDATE, "/nonce"),
        (TRANSITION, "/reason"),
        (ORGANIZATION, "/max_agents"),
    ],
)
def test_null_is_taken_for_what_need_not_be_there(model: type[BaseModel], pointer: str) -> None:
    assert send(model, changed(model, pointer, None))[0] == 200


@pytest.mark.parametrize(
    ("model", "required"),
    [
        (LOGIN, {"/machine"}),
        (VALIDATE, {"/license_key", "/organization_id", "/machine"}),
        (TRANSITION, set()),
        (ORGANIZATION, {"/name", "/valid_until", "/status", "/max_agents"}),
    ],
)
def test_every_missing_field_is_named_at_once(model: type[BaseModel], required: set[str]) -> None:
    if required:
        assert set(pointers(model, "{}")) == required
    else:
        assert send(model, "{}")[0] == 200


def test_all_wrong_fields_are_named_at_once() -> None:
    body = {"machine": {"machine_id": 7, "mac_addresses": ["ok", 7], "x": 1}, "environment": ""}
    assert set(pointers(LOGIN, json.dumps(body))) == {
        "/machine/machine_id",
        "/machine/mac_addresses/1",
        "/machine/x",
        "/environment",
    }


# -- bounds ----------------------------------------------------------------------------------------

UNSEEN = ["", "x" * 201, " ", "\t\n", "\x85", "\x85é", "\x1c", "\xa0\u3000", "\u200b\ufeff", "\x00"]

BOUNDS: list[tuple[type[BaseModel], str, list[Any], list[Any]]] = [
    (LOGIN, "/machine/machine_id", ["", "x" * 256], ["x" * 257]),
    (LOGIN, "/machine/mac_addresses", [[], [""] * 1024], [[""] * 1025]),
    (LOGIN, "/machine/mac_addresses/0", ["", "x" * 64], ["x" * 65]),
    (LOGIN, "/machine/computer_name", ["", "x" * 255, "Büro"], ["x" * 256]),
    (
        LOGIN,
        "/environment",
        ["p", "x" * 64, "QA 2", "a.b_c-d", " p", "\tp \t", " P. "],
        ["", "x" * 65, " ", ".", " .p", "-p", "p\n", "p/q", "prod#1", "Büro", "p\x00"],
    ),
    (LOGIN, "/agent_version", ["4", "x" * 32, "4.5.0-rc.1+b_2"], ["", "x" * 33, "4 5", "4.5\n"]),
    (
        VALIDATE,
        "/organization_id",
        ["ac", "x" * 63, "0-1"],
        ["", "a", "x" * 64, "-a", "Acme", "a#b", "acme\n"],
    ),
    (VALIDATE, "/environment", ["p", "x" * 64], ["", "x" * 65, "p\n"]),
    (VALIDATE, "/nonce", ["n", "~" * 128, "!"], ["", "x" * 129, "a b", "ü", "n\n", "\x7f"]),
    (
        VALIDATE,
        "/license_key",
        [PRINTED.lower(), PRINTED.replace("-", ""), PRINTED + " " * (128 - len(PRINTED))],
        ["", "key", PRINTED[:-1] + "Y", PRINTED + " " * (129 - len(PRINTED)), "x" * 129],
    ),
    (TRANSITION, "/reason", ["x", "x" * 500, "gestohlen, Büro 3\nzweite Zeile"], ["", "x" * 501]),
    (ORGANIZATION, "/name", ["A", "x" * 200, " Acme & Söhne ", "株式会社", "\u2003é"], UNSEEN),
    (ORGANIZATION, "/max_agents", [0, 5.0, 1e9], [-1, 1_000_000_001, 5.5, 1e30, -1.0]),
    (ORGANIZATION, "/status", ["active", "paused", "cancelled"], ["", "Active", "expired"]),
    (
        ORGANIZATION,
        "/valid_until",
        [
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2031-01-31T12:00:00+01:00",
            "2031-01-31T12:00:00.5Z",
        ],
        [
            "",
            "2031-01-31",
            "2031-01-31T12:00:00",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
            "2031-02-30T12:00:00Z",
            "1900000000",
            "tomorrow",
        ],
    ),
]


@pytest.mark.parametrize(("model", "pointer", "good", "bad"), BOUNDS)
def test_a_value_is_taken_up_to_its_bounds_and_refused_beyond_them(
    model: type[BaseModel], pointer: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert send(model, changed(model, pointer, value))[0] == 200, value
    for value in bad:
        assert pointers(model, changed(model, pointer, value)) == [pointer], value


@pytest.mark.parametrize("model", [ORGANIZATION, organizations.SubscriptionChanged])
def test_the_contract_says_of_a_name_what_the_service_says(model: type[BaseModel]) -> None:
    # \s and \S would not do: dialects do not agree on U+0085, U+001C and U+FEFF.
    name = model.model_json_schema()["properties"]["name"]
    for text in UNSEEN:
        fits = re.search(name["pattern"], text) and len(text) <= name["maxLength"]
        assert not fits, text


def test_a_request_without_what_need_not_be_there_means_the_usual() -> None:
    login = agents.LoginRequest.model_validate_json(json.dumps({"machine": {}}))
    assert (login.environment, login.agent_version) == ("production", None)
    put = organizations.OrganizationRequest.model_validate_json(
        changed(ORGANIZATION, "/valid_until", "2030-03-17T18:46:40.9+01:00")
    )
    assert put.spec("acme").subscription == Subscription(1_900_000_000, SubscriptionStatus.ACTIVE)


def test_what_is_left_out_of_a_change_is_told_from_null() -> None:
    amendment = organizations.AmendmentRequest.model_validate_json(
        '{"max_agents": null, "agents_per_member": null, "valid_until": "2030-03-17T17:46:40Z"}'
    ).amendment()
    assert amendment.terms == {"max_agents": None, "valid_until": NOW}
    assert amendment.decision == {"agents_per_member": None}
    assert amendment.billing_version is None
    nothing = organizations.AmendmentRequest.model_validate_json("{}").amendment()
    assert (nothing.terms, nothing.decision, nothing.vendors) == ({}, {}, [])


def test_a_number_without_a_fraction_is_whole_however_it_is_written() -> None:
    # JSON Schema's integers, and with them the contract's, include 5.0.
    put = organizations.OrganizationRequest.model_validate_json(
        changed(ORGANIZATION, "/max_agents", 5.0)
    )
    event = organizations.SubscriptionChanged.model_validate_json(
        '{"organization_id": "acme", "name": "Acme", "valid_until": "2030-03-17T17:46:40Z",'
        ' "status": "active", "version": 7.0}'
    )
    assert [(type(value), value) for value in (put.max_agents, event.version)] == [
        (int, 5),
        (int, 7),
    ]


def test_a_request_is_handed_on_as_it_was_sent() -> None:
    request = agents.ValidateRequest.model_validate_json(json.dumps(GOOD[VALIDATE]))
    assert request.model_dump() == GOOD[VALIDATE]
    assert request.machine.credentials() == credentials()


# -- replies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "end", "status", "valid_until"),
    [
        (State.ACTIVE, NOW + 60, "active", "2030-03-17T17:47:40Z"),
        (State.ACTIVE, NOW, "expired", "2030-03-17T17:46:40Z"),
        (State.EXPIRED, NOW + 60, "active", "2030-03-17T17:47:40Z"),
        (State.DETACHED, NOW + 60, "detached", None),
        (State.REVOKED, NOW + 60, "revoked", None),
    ],
)
def test_r14_a_license_is_shown_by_the_subscription_as_it_is_now(
    state: State, end: int, status: str, valid_until: str | None
) -> None:
    customer = organization(subscription=Subscription(end, SubscriptionStatus.ACTIVE))
    view = licenses.LicenseView.of(license(state=state), customer, NOW)
    assert json.loads(view.model_dump_json()) == {
        "id": "lic_0123456789abcdef",
        "kind": "standard",
        "status": status,
        "organization_id": "acme",
        "environment": "production",
        "primary": False,
        "issued_at": "2030-03-17T17:46:40Z",
        "valid_until": valid_until,
        "leased_until": None,
    }


@pytest.mark.parametrize("state", list(State))
def test_r37_everybody_sees_until_when_an_agent_may_go_on_without_asking(state: State) -> None:
    # Of a licence that is not in force any more, too: then it matters most.
    record = license(state=state, leased_until=NOW + 60)
    shown = (
        licenses.LicenseView.of(record, None, NOW),
        licenses.AdministeredLicense.of(record, None, NOW),
    )
    for view in shown:
        assert json.loads(view.model_dump_json())["leased_until"] == "2030-03-17T17:47:40Z"


@pytest.mark.parametrize("is_seen", [False, True])
def test_r17_administrators_see_where_an_agent_was_last_seen(*, is_seen: bool) -> None:
    record = license(
        state=State.REVOKED, last_seen=LastSeen(NOW, "4.5", "203.0.113.7") if is_seen else None
    )
    shown = json.loads(licenses.AdministeredLicense.of(record, None, NOW).model_dump_json())
    agents = json.loads(licenses.LicenseView.of(record, None, NOW).model_dump_json())
    assert shown == agents | {
        "status": "revoked",
        "actions": [],
        "computer_name": "ACME-PC-01",
        "label": None,
        "device_key": None,
        "pending_device_key": None,
        "agent_version": "4.5.0.0",
        "issued_by": "alice",
        "issued_by_name": None,
        "last_seen": {
            "at": "2030-03-17T17:46:40Z",
            "agent_version": "4.5",
            "source_address": "203.0.113.7",
        }
        if is_seen
        else None,
    }


def test_r16_a_lease_is_shown_with_its_end_and_when_to_ask_again() -> None:
    view = agents.LeaseView.of(SignedLease(LEASE, TOKEN))
    assert json.loads(view.model_dump_json()) == {
        "token": TOKEN,
        "expires_at": "2030-03-18T17:46:40Z",
        "renew_after": "2030-03-18T05:46:40Z",
    }


def test_r06_r14_an_organization_is_shown_with_subscription_and_seats() -> None:
    customer = organization(
        subscription=Subscription(NOW, SubscriptionStatus.PAUSED),
        max_agents=5,
        seats=3,
        policy=Policy(require_device_key=True),
        version=7,
    )
    floor = PolicyFloor(block_clones=True, agents_per_member=2)
    view = organizations.OrganizationView.of(customer, floor, NOW)
    assert json.loads(view.model_dump_json()) == {
        "id": "acme",
        "name": "Acme",
        "subscription": {"valid_until": "2030-03-17T17:46:40Z", "status": "paused"},
        "standing": "suspended",
        "max_agents": 5,
        "seats": 3,
        "policy": {
            "require_device_key": True,
            "block_clones": True,
            "lock_device_keys": False,
            "agents_per_member": 2,
        },
        "policy_floor": {
            "require_device_key": False,
            "block_clones": True,
            "lock_device_keys": False,
            "agents_per_member": 2,
        },
        "billing_version": 0,
        "version": 7,
    }


# -- R35 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        changed(VALIDATE, "/license_key", PRINTED[:-1] + "Y"),
        changed(VALIDATE, "/license_key", [PRINTED]),
        changed(VALIDATE, "/nonce", 7),
        changed(VALIDATE, "/unknown", PRINTED),
        json.dumps(GOOD[VALIDATE])[:-1],
        json.dumps(PRINTED),
    ],
)
def test_r35_a_problem_does_not_repeat_the_license_key_or_the_machine(body: str) -> None:
    status, problem = send(VALIDATE, body)
    assert status == 400
    told = json.dumps(problem)
    for secret in (*PRINTED.split("-")[:8], MACHINE["machine_id"], *MACHINE["mac_addresses"]):
        assert secret not in told


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_900_000_000, "2030-03-17T17:46:40Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_answered_as_rfc_3339_in_utc(epoch: int, text: str) -> None:
    view = organizations.SubscriptionView(
        valid_until=fields.instant(epoch), status=SubscriptionStatus.ACTIVE
    )
    assert json.loads(view.model_dump_json())["valid_until"] == text
