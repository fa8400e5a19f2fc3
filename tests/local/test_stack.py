"""The whole stack: users with passwords, and what only the local service answers."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.local import stack
from tests.local.cast import ACME, BOLT, COOP, billing_event, days_from_now
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD
from tests.local.stack import Stack


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running:
            yield running


@pytest.fixture
def client(up: Stack) -> Iterator[Client]:
    with closing(Client(up.url)) as client:
        yield client


def token(answer: Answer) -> str:
    return str(answer.expect(200)["AuthenticationResult.IdToken"])


def test_a_user_with_a_password_gets_in(up: Stack, client: Client) -> None:
    olivia = token(client.log_in(up.operator_client_id, "olivia", PASSWORD))
    client.call("GET", "/v1/organizations/nobody", token=olivia).expect(404, code="not_found")


def test_nobody_gets_in_without_a_token(client: Client) -> None:
    client.call("GET", "/v1/organizations/nobody").expect(401, message="Unauthorized")


@pytest.mark.parametrize(("username", "password"), [("alice", "wrong"), ("mallory", PASSWORD)])
def test_a_wrong_login_is_refused(up: Stack, client: Client, username: str, password: str) -> None:
    answer = client.log_in(up.agent_client_id, username, password)
    assert answer.status == 400
    assert answer["__type"] in {"NotAuthorizedException", "UserNotFoundException"}


@pytest.mark.parametrize("body", [[], {}, {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": 1}])
def test_a_malformed_login_is_refused(client: Client, body: Any) -> None:
    target = {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}
    assert client.call("POST", "/", body, headers=target).status == 400


def test_no_other_operation_of_cognito_is_offered(client: Client) -> None:
    target = {"X-Amz-Target": "AWSCognitoIdentityProviderService.AdminCreateUser"}
    answer = client.call("POST", "/", {}, headers=target)
    answer.expect(400, __type="UnknownOperationException")


def test_the_stack_tells_who_can_log_in(up: Stack, client: Client) -> None:
    answer = client.call("GET", "/_local").expect(200)
    told = {name: answer[name] for name in ("agent_client_id", "operator_client_id")}
    assert told == {
        "agent_client_id": up.agent_client_id,
        "operator_client_id": up.operator_client_id,
    }
    assert {user["username"]: (user["organization_id"], user["roles"]) for user in answer["users"]}
    for user in answer["users"]:
        for client_id in told.values():
            token(client.log_in(client_id, user["username"], user["password"]))


def test_a_password_can_be_changed(up: Stack, client: Client) -> None:
    path = "/_local/users/amir/password"
    client.call("PUT", path, {"password": "Battery-Staple-2"}).expect(204)
    client.log_in(up.agent_client_id, "amir", PASSWORD).expect(400)
    token(client.log_in(up.agent_client_id, "amir", "Battery-Staple-2"))
    client.call("PUT", path, {"password": PASSWORD}).expect(204)


@pytest.mark.parametrize("body", [None, [], {}, {"password": 1}, {"password": "short"}])
def test_a_password_that_is_none_is_refused(client: Client, body: Any) -> None:
    assert client.call("PUT", "/_local/users/amir/password", body).status == 400


def test_an_unknown_user_has_no_password(client: Client) -> None:
    client.call("PUT", "/_local/users/mallory/password", {"password": PASSWORD}).expect(404)


def test_the_clock_can_be_put_forward(client: Client) -> None:
    before = client.call("GET", "/_local")["now"]
    after = client.call("POST", "/_local/clock", {"advance_seconds": 3600}).expect(200)["now"]
    assert after >= before + 3600
    assert client.call("GET", "/_local")["now"] >= after


@pytest.mark.parametrize("seconds", [-1, "60", True, None])
def test_the_clock_is_never_put_back(client: Client, seconds: Any) -> None:
    client.call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(400)


def test_a_scheduled_function_can_be_run_at_once(client: Client) -> None:
    client.call("POST", "/_local/schedule/ExpirySweepFunction").expect(200, expired=0)
    client.call("POST", "/_local/schedule/IssueFunction").expect(404)


def left(client: Client, organization_id: str) -> list[tuple[str, str]]:
    """Source and type of the events on the bus that are about an organization, oldest first."""
    events = client.call("GET", "/_local/bus").expect(200)["events"]
    return [
        (event["source"], event["detail-type"])
        for event in events
        if event["detail"]["organization_id"] == organization_id
    ]


def dead_letters(client: Client, queue: str) -> list[Any]:
    letters: list[Any] = client.call("GET", "/_local/dead-letters").expect(200)[f"queues.{queue}"]
    return letters


def test_r24_a_billing_event_on_the_bus_changes_a_subscription(up: Stack, client: Client) -> None:
    sent = billing_event(ACME, days_from_now(30), "paused", 3)
    answer = client.call("POST", "/_local/bus", sent).expect(202, functions=["BillingFunction"])
    olivia = token(client.log_in(up.operator_client_id, "olivia", PASSWORD))
    shown = client.call("GET", f"/v1/organizations/{ACME}", token=olivia)
    shown.expect(200, **{"organization.name": "Acme", "organization.subscription.status": "paused"})
    assert left(client, ACME) == [
        ("billing", "SubscriptionChanged"),
        ("licensing", "OrganizationCreated"),
        ("licensing", "OrganizationRead"),  # by Olivia, just now
    ]
    ids = {event["id"] for event in client.call("GET", "/_local/bus")["events"]}
    assert answer["id"] in ids


def test_an_event_that_no_rule_matches_reaches_no_function(client: Client) -> None:
    event = billing_event(BOLT, days_from_now(30), "active", 1)
    for other in ({"source": "crm"}, {"detail-type": "InvoicePaid"}):
        client.call("POST", "/_local/bus", event | other).expect(202, functions=[])
    assert left(client, BOLT) == [("crm", "SubscriptionChanged"), ("billing", "InvoicePaid")]


def test_r24_a_bad_billing_event_ends_as_a_dead_letter_with_the_reason(client: Client) -> None:
    event = billing_event(COOP, "some day", "active", 1)
    sent = client.call("POST", "/_local/bus", event).expect(202)
    (letter,) = dead_letters(client, "BillingDeadLetters")
    assert letter["requestPayload"]["id"] == sent["id"]
    assert letter["requestPayload"]["detail"] == event["detail"]
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 3
    assert letter["responsePayload"]["errorType"] == "InvalidInput"
    assert letter["responsePayload"]["errorMessage"].startswith("valid_until: ")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"source": "billing", "detail-type": "SubscriptionChanged"},
        {"source": "billing", "detail-type": "SubscriptionChanged", "detail": "{}"},
        {"source": "billing", "detail-type": 1, "detail": {}},
        {"source": "", "detail-type": "SubscriptionChanged", "detail": {}},
        {"source": "billing", "detail-type": "SubscriptionChanged", "detail": {}, "id": "1"},
    ],
)
def test_what_is_no_event_is_refused(client: Client, body: Any) -> None:
    client.call("POST", "/_local/bus", body).expect(400)
