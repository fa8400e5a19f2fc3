"""The whole stack: users with passwords, and what only the local service answers."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.local import stack
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
    olivia = token(client.log_in(up.client_id, "olivia", PASSWORD))
    client.call("GET", "/v1/organizations/nobody", token=olivia).expect(404, code="not_found")


def test_nobody_gets_in_without_a_token(client: Client) -> None:
    client.call("GET", "/v1/organizations/nobody").expect(401, message="Unauthorized")


@pytest.mark.parametrize(("username", "password"), [("alice", "wrong"), ("mallory", PASSWORD)])
def test_a_wrong_login_is_refused(up: Stack, client: Client, username: str, password: str) -> None:
    answer = client.log_in(up.client_id, username, password)
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
    answer = client.call("GET", "/_local").expect(200, client_id=up.client_id)
    assert {user["username"]: (user["organization_id"], user["roles"]) for user in answer["users"]}
    for user in answer["users"]:
        token(client.log_in(answer["client_id"], user["username"], user["password"]))


def test_a_password_can_be_changed(up: Stack, client: Client) -> None:
    path = "/_local/users/amir/password"
    client.call("PUT", path, {"password": "Battery-Staple-2"}).expect(204)
    client.log_in(up.client_id, "amir", PASSWORD).expect(400)
    token(client.log_in(up.client_id, "amir", "Battery-Staple-2"))
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
