"""AWS's APIs at the local service's address, spoken to as clients of AWS do."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local import stack
from tests.local.template import STACK_NAME

ClientOf = Callable[[str], Any]


@pytest.fixture(scope="module")
def client_of() -> Iterator[ClientOf]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as up:
            yield lambda service: boto3.client(service, endpoint_url=up.url)


def name_of(client_of: ClientOf, logical_id: str) -> str:
    answer = client_of("cloudformation").describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId=logical_id
    )
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])


def test_the_stack_tells_what_its_resources_are_called(client_of: ClientOf) -> None:
    table = client_of("dynamodb").describe_table(TableName=name_of(client_of, "LicenseTable"))
    assert table["Table"]["TableStatus"] == "ACTIVE"
    assert name_of(client_of, "PublishFunction") == "PublishFunction"
    with pytest.raises(ClientError, match="Nothing does not exist"):
        name_of(client_of, "Nothing")


def test_the_stack_tells_its_outputs(client_of: ClientOf) -> None:
    (told,) = client_of("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in told["Outputs"]}
    assert outputs["ApiUrl"].startswith("http://127.0.0.1:")
    assert outputs["TableName"] == name_of(client_of, "LicenseTable")
    assert "AlarmTopic" not in outputs, "no topic exists here"


def test_there_is_one_stack_and_nothing_changes_it(client_of: ClientOf) -> None:
    client = client_of("cloudformation")
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName="another")
    with pytest.raises(ClientError, match="DeleteStack is not local"):
        client.delete_stack(StackName=STACK_NAME)


def test_a_function_is_invoked_whatever_alias_is_named(client_of: ClientOf) -> None:
    invoked = client_of("lambda").invoke(FunctionName="ExpirySweepFunction:live", Payload=b"{}")
    assert (invoked["StatusCode"], invoked.get("FunctionError")) == (200, None)
    assert json.load(invoked["Payload"])["due"] == 0


def test_a_function_that_fails_says_so_as_lambda_does(client_of: ClientOf) -> None:
    invoked = client_of("lambda").invoke(FunctionName="BillingFunction", Payload=b"{}")
    assert invoked["FunctionError"] == "Unhandled"
    assert json.load(invoked["Payload"])["errorType"] == "InvalidInput"


def test_a_function_that_is_none_is_not_found(client_of: ClientOf) -> None:
    client = client_of("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="Nothing")


def test_all_other_services_are_those_that_the_functions_use(client_of: ClientOf) -> None:
    secret = client_of("secretsmanager").get_secret_value(
        SecretId=name_of(client_of, "SigningSecret")
    )
    assert list(json.loads(secret["SecretString"])) == ["1"]
    queue = name_of(client_of, "OutboxDeadLetters")
    assert "Messages" not in client_of("sqs").receive_message(QueueUrl=queue)
    bus = name_of(client_of, "EventBus")
    assert client_of("events").describe_event_bus(Name=bus)["Name"] == bus


def test_a_service_that_nobody_plays_is_an_error(client_of: ClientOf) -> None:
    with pytest.raises(ClientError):
        client_of("braket").search_devices(filters=[])
