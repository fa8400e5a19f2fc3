"""What the service's own clients sign is signed as botocore signs it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from licensing.adapters.aws_clients import Clients
from licensing.adapters.aws_connections import response

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "Küste", "Key": {"pk": {"B": b"\x00bytes"}}}),
    "secretsmanager": ("get_secret_value", {"SecretId": "s"}),
    "events": ("put_events", {"Entries": []}),
}
ENDPOINTS = [
    None,
    "http://127.0.0.1:8000",
    "https://Dynamo.Example:443/",
    "https://example.com/a/b",
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def sent(client: Any, operation: str, asked: dict[str, Any]) -> AWSPreparedRequest:
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> Any:
        requests.append(request)
        return response(request.url, 200, {}, b"{}")

    client.meta.events.register_first("before-send", answer)
    getattr(client, operation)(**asked)
    (request,) = requests
    return request


def signature(request: AWSPreparedRequest, service: str, region: str, token: str | None) -> str:
    """The header with which botocore alone would sign a request that was sent."""
    at = _text(request.headers["X-Amz-Date"])
    signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    # Others are added by signing, and after it.
    headers = {name: _text(request.headers[name]) for name in ("Content-Type", "X-Amz-Target")}
    again = AWSRequest("POST", request.url, headers, request.body)
    credentials = Credentials("somebody", "something", token).get_frozen_credentials()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: signed_at)
        auth.SigV4Auth(credentials, service, region).add_auth(again)
    return str(again.headers["Authorization"])


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("token", [None, "a session's token"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("service", CALLS)
def test_a_signature_is_botocores(
    monkeypatch: pytest.MonkeyPatch, service: str, endpoint: str | None, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    clients = Clients()
    made = {
        "dynamodb": lambda: clients.dynamodb(None),
        "secretsmanager": clients.secrets,
        "events": clients.events,
    }
    request = sent(made[service](), *CALLS[service])
    found = _text(request.headers["Authorization"])
    assert found == signature(request, service, "eu-central-1", token)
    assert "x-amz-target" in found
    assert ("x-amz-security-token" in found) is bool(token)


def test_the_local_region_is_signed_as_botocores_rules_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "local")
    request = sent(Clients().dynamodb(None), *CALLS["dynamodb"])
    found = _text(request.headers["Authorization"])
    assert found == signature(request, "dynamodb", "us-east-1", None)


def test_what_is_signed_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[AWSRequest] = []
    prepared: list[AWSRequest] = []
    headers_to_sign, prepare = auth.SigV4Auth.headers_to_sign, AWSRequest.prepare

    def collect(signer: Any, request: AWSRequest) -> Any:
        collected.append(request)
        return headers_to_sign(signer, request)

    def prepare_it(request: AWSRequest) -> AWSPreparedRequest:
        prepared.append(request)
        return prepare(request)

    monkeypatch.setattr(auth.SigV4Auth, "headers_to_sign", collect)
    monkeypatch.setattr(AWSRequest, "prepare", prepare_it)
    sent(Clients().dynamodb(None), *CALLS["dynamodb"])
    assert (len(collected), len(prepared)) == (1, 1)


def test_nobody_signs_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(NoCredentialsError):
        sent(Clients().dynamodb(None), *CALLS["dynamodb"])
