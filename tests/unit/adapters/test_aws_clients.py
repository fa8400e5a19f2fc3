"""What the service's own clients do differently from boto3's makes no difference, but for time."""

import json
from base64 import b64encode
from functools import partialmethod
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.endpoint import EndpointCreator
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader

from licensing.adapters.aws_clients import Clients
from licensing.adapters.aws_connections import Connections, response

KEY = {"pk": {"S": "a"}}
ENCODED = b64encode(b"\x00bytes").decode()
ATTRIBUTES: dict[str, Any] = {
    "text": {"S": "Küste"},
    "number": {"N": "1"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "bytes": {"B": ENCODED},
    "no bytes": {"B": ""},
    "texts": {"SS": ["a"]},
    "sets": {"BS": [ENCODED, ""]},
    "list": {"L": [{"B": ENCODED}, {"S": "B"}, {"L": []}]},
    "map": {"M": {"B": {"B": ENCODED}, "S": {"N": "2"}, "BS": {"BS": [ENCODED]}}},
    "alone": {"M": {"B": {"S": "an attribute called B"}}},
    "empty": {"M": {}},
    "B": {"S": ENCODED},
}
READS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "get_item": ({"TableName": "t", "Key": KEY}, {"Item": ATTRIBUTES}),
    "query": (
        {"TableName": "t", "KeyConditionExpression": "pk = :a"},
        {"Items": [ATTRIBUTES, {}], "Count": 2, "ScannedCount": 3, "LastEvaluatedKey": ATTRIBUTES},
    ),
    "batch_get_item": (
        {"RequestItems": {"t": {"Keys": [KEY]}}},
        {
            "Responses": {"t": [ATTRIBUTES], "B": []},
            "UnprocessedKeys": {"t": {"Keys": [ATTRIBUTES]}},
            "ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 1.5}],
        },
    ),
}
PARTITIONS: Any = Loader().load_data("partitions")
REGIONS = [
    region
    for partition in PARTITIONS["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def boto3s(service: str) -> Any:
    """boto3's client, which takes what a test asks without looking at it."""
    session: Any = boto3.session.Session()
    return session.client(service, config=Config(parameter_validation=False))


def answered(client: Any, operation: str, status: int, body: Any, **asked: Any) -> Any:
    """What a client makes of an answer."""

    def answer(request: AWSPreparedRequest, **_: Any) -> Any:
        headers = {"x-amzn-requestid": "7", "content-type": "application/x-amz-json-1.0"}
        return response(request.url, status, headers, json.dumps(body).encode())

    client.meta.events.register_first("before-send", answer)
    try:
        return getattr(client, operation)(**asked)
    finally:
        client.meta.events.unregister("before-send", answer)


@pytest.mark.parametrize("operation", READS)
def test_what_is_read_is_what_boto3_would_have_read(operation: str) -> None:
    asked, body = READS[operation]
    ours = answered(Clients().dynamodb(None), operation, 200, body, **asked)
    assert ours == answered(boto3s("dynamodb"), operation, 200, body, **asked)
    assert repr(b"\x00bytes") in repr(ours)


def test_nothing_found_is_read_as_boto3_has_it() -> None:
    asked, _ = READS["get_item"]
    ours = answered(Clients().dynamodb(None), "get_item", 200, {}, **asked)
    assert ours == answered(boto3s("dynamodb"), "get_item", 200, {}, **asked)


def test_errors_are_boto3s() -> None:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": ATTRIBUTES}],
    }
    asked: dict[str, Any] = {"TransactItems": []}
    found: list[Any] = []
    for client in (Clients().dynamodb(None), boto3s("dynamodb")):
        with pytest.raises(ClientError) as raised:
            answered(client, "transact_write_items", 400, body, **asked)
        found.append(raised.value.response)
    assert found[0] == found[1]
    assert found[0]["CancellationReasons"][0]["Item"]["bytes"] == {"B": b"\x00bytes"}


def asked_at(client: Any, operation: str, **asked: Any) -> str:
    """The address that a client calls."""
    urls: list[str] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> Any:
        urls.append(request.url)
        return response(request.url, 200, {}, b"{}")

    client.meta.events.register_first("before-send", answer)
    getattr(client, operation)(**asked)
    return urls[0]


@pytest.mark.sampled(8, all=3)
@pytest.mark.parametrize("region", REGIONS)
def test_each_service_is_called_where_boto3_would_call_it(
    monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    ours = Clients()
    found = [
        asked_at(ours.dynamodb(None), "get_item", **READS["get_item"][0]),
        asked_at(ours.secrets(), "get_secret_value", SecretId="s"),
        asked_at(ours.events(), "put_events", Entries=[]),
    ]
    assert found == [
        asked_at(boto3s("dynamodb"), "get_item", **READS["get_item"][0]),
        asked_at(boto3s("secretsmanager"), "get_secret_value", SecretId="s"),
        asked_at(boto3s("events"), "put_events", Entries=[]),
    ]


@pytest.mark.parametrize(
    "variable", ["AWS_ENDPOINT_URL", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"]
)
def test_what_the_environment_says_of_endpoints_holds(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    usual = asked_at(Clients().dynamodb(None), "get_item", **READS["get_item"][0])
    is_switch = variable != "AWS_ENDPOINT_URL"
    monkeypatch.setenv(variable, "true" if is_switch else "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = asked_at(Clients().dynamodb(None), "get_item", **READS["get_item"][0])
    assert found == asked_at(boto3s("dynamodb"), "get_item", **READS["get_item"][0])
    assert found != usual


def test_requests_are_sent_by_plain_connections_unless_they_go_by_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for client in (Clients().dynamodb(None), Clients().secrets(), Clients().events()):
        assert isinstance(_sender(client), Connections)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert isinstance(_sender(Clients().dynamodb(None)), URLLib3Session)


def test_the_authorities_that_the_environment_names_are_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    assert _sender(Clients().dynamodb(None)).authorities.place is None
    assert _sender(Clients("/etc/ours.pem").dynamodb(None)).authorities.place == "/etc/ours.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/company.pem")
    assert _sender(Clients("/etc/ours.pem").secrets()).authorities.place == "/etc/company.pem"


def test_whom_to_trust_is_read_once_for_all_clients_and_before_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients()
    senders = [_sender(one) for one in (clients.dynamodb(None), clients.secrets())]
    clients.prepare()
    monkeypatch.delattr("licensing.adapters.aws_connections.create_urllib3_context")
    first, second = (sender.authorities.read() for sender in senders)
    assert first is second


def test_another_botocore_that_sends_otherwise_goes_on_as_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Other(URLLib3Session): ...

    monkeypatch.setattr("botocore.endpoint.EndpointCreator.create_endpoint", _sending_by(Other))
    assert type(_sender(Clients().dynamodb(None))) is Other


def _sending_by(kind: type[URLLib3Session]) -> Any:
    made: Any = EndpointCreator.create_endpoint
    return partialmethod(made, http_session_cls=kind)


def _sender(client: Any) -> Any:
    return client._endpoint.http_session  # noqa: SLF001 - what sends, which nothing public tells
