"""AWS in this process: moto, one call at a time, and resources made from the template.

While `mocked` is entered, no call can reach AWS and no credentials but made-up ones exist: every
AWS variable of the environment is put aside, and so are the user's configuration files. Only the
DynamoDB endpoint that `DYNAMODB_ENDPOINT` names is spoken to over the network.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy, deepcopy
from functools import cache
from threading import RLock
from typing import Any
from unittest.mock import patch
from urllib.parse import urlparse

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.config import Config
from botocore.endpoint import EndpointCreator
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import botocore_stubber
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.events.models import EventsBackend
from moto.sqs.models import SQSBackend

from tests.local.template import ACCOUNT, REGION, STACK_NAME, Template

# DynamoDB Local takes letters and digits only in an access key id.
_MADE_UP = {
    "AWS_ACCESS_KEY_ID": "LOCALSTACK",
    "AWS_SECRET_ACCESS_KEY": "LOCALSTACK",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
FEW_ATTEMPTS = Config(retries={"max_attempts": 2})
_PATIENCE_SECONDS = 120.0


class DynamoDbError(Exception):
    """DynamoDB does not answer, or does not take the table; the message says which DynamoDB."""


@contextmanager
def patient() -> Iterator[None]:
    """Let clients that are made here wait for long, whatever their configuration says.

    A machine with much else to do may stand still for longer than DynamoDB ever takes: what is
    right in Lambda would fail here for no reason. A configuration reads as before.
    """
    create = EndpointCreator.create_endpoint

    def create_patient(creator: EndpointCreator, *arguments: Any, **options: Any) -> Any:
        patience = (_PATIENCE_SECONDS, _PATIENCE_SECONDS)
        return create(creator, *arguments, **{**options, "timeout": patience})

    with patch.object(EndpointCreator, "create_endpoint", create_patient):
        yield


@contextmanager
def mocked() -> Iterator[None]:
    """Answer all calls to AWS by moto, in this process, one at a time.

    moto keeps its state in plain dictionaries and checks a condition in one step and writes in the
    next: without a lock, two threads both win a race for one key. Every mocked call, whether made
    by botocore or by `fetch`, ends in `BotocoreStubber.process_request`; that is where the lock is
    held. A call to `DYNAMODB_ENDPOINT` passes through there too and is then sent without the lock.
    """
    one_at_a_time = RLock()  # reentrant: moto's services call each other through botocore
    process_request = botocore_stubber.process_request

    def process_alone(request: AWSPreparedRequest) -> Any:
        with one_at_a_time:
            return process_request(request)

    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    endpoint = dynamodb_endpoint()
    passed_through = [re.escape(endpoint)] if endpoint else []
    with (
        patient(),
        patch.dict(os.environ, kept | _MADE_UP, clear=True),
        # Nothing here speaks to AWS by `requests`, for which each mock would make 1,300 rules.
        patch("moto.core.models.RESPONSES_METHODS", []),
        mock_aws(
            config={"core": {"mock_credentials": False, "passthrough": {"urls": passed_through}}}
        ),
        patch.object(botocore_stubber, "process_request", process_alone),
        patch.object(DynamoDBBackend, "update_item", _update_item),
        patch.object(DynamoDBBackend, "transact_write_items", _transact_write_items),
    ):
        yield


_motos_update_item = DynamoDBBackend.update_item


def _update_item(backend: DynamoDBBackend, table_name: str, *args: Any, **named: Any) -> Any:
    """The `update_item` of moto, told once in the stream.

    An update that makes an item is one insertion of all of it. moto tells it as two changes: the
    insertion of a bare key, and the rest.
    """
    shard = backend.get_table(table_name).stream_shard
    told = len(shard.items) if shard else 0
    item = _motos_update_item(backend, table_name, *args, **named)
    if shard and len(shard.items) > told + 1:
        del shard.items[told:]
        shard.add(None, item)
    return item


_motos_transact_write_items = DynamoDBBackend.transact_write_items


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """The `transact_write_items` of moto, which takes one copy of a table to go back to.

    moto takes one for each action, and copies what the stream has told, too: with every
    transaction the next one gets slower.
    """
    copies: dict[str, Table] = {}

    def copied(table: Table, memo: dict[int, Any]) -> Table:
        if table.name not in copies:
            copies[table.name] = twin = copy(table)
            twin.items = deepcopy(table.items, memo)
            if table.stream_shard:
                twin.stream_shard = copy(table.stream_shard)
                twin.stream_shard.table = twin
                twin.stream_shard.items = [*table.stream_shard.items]
        return copies[table.name]

    with patch.object(Table, "__deepcopy__", copied, create=True):
        _motos_transact_write_items(backend, transact_items)


@cache
def client(service: str, endpoint: str | None = None) -> Any:
    """A client for what the local stack and tests ask of AWS, made once while AWS is mocked.

    Making one takes longer than most of what it is asked for. The functions have their own.
    """
    return boto3.client(service, endpoint_url=endpoint, config=FEW_ATTEMPTS)


def dynamodb_endpoint() -> str | None:
    """The DynamoDB that is used instead of moto's, or None."""
    return os.environ.get("DYNAMODB_ENDPOINT") or None


def fetch(url: str) -> Any:
    """GET a JSON document that AWS publishes, from moto."""
    response = botocore_stubber("before-send", AWSRequest(method="GET", url=url).prepare())
    if response is None:
        raise ValueError(f"{url} is not a document of AWS")
    return json.loads(response.content)


def arn(service: str, resource: str) -> str:
    """Name a resource of the local stack as AWS names it."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@contextmanager
def tables(template: Template, *, has_stream: bool = True) -> Iterator[None]:
    """Create the template's tables under names that no other run has; drop them at the end.

    Without a stream if nobody reads it: DynamoDB Local keeps a dropped table's stream, and writes
    to each further table that has one take ten times as long.

    A table that exists already is never touched. One of this run is useless after it: the secret
    that its keys are derived from, and the users, live in this process and end with it.
    """
    database = client("dynamodb", dynamodb_endpoint())
    with ExitStack() as created:
        for logical_id in template.of_type("AWS::DynamoDB::Table"):
            name = f"{STACK_NAME}-{logical_id}-{secrets.token_hex(4)}"
            properties = template.properties(logical_id)
            if not has_stream:
                properties.pop("StreamSpecification", None)
            described = created.enter_context(_table(database, name, properties))
            template.created(
                logical_id,
                name,
                Arn=arn("dynamodb", f"table/{name}"),
                StreamArn=described.get("LatestStreamArn", arn("dynamodb", f"table/{name}/stream")),
            )
        yield


@contextmanager
def _table(client: Any, name: str, properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # What AWS does to keep data safe has no meaning for a table that ends with the process.
    for only_on_aws in (
        "DeletionProtectionEnabled",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "Tags",
    ):
        properties.pop(only_on_aws, None)
    time_to_live = properties.pop("TimeToLiveSpecification", None)
    if "StreamSpecification" in properties:
        properties["StreamSpecification"]["StreamEnabled"] = True
    with named():
        described: dict[str, Any] = client.create_table(TableName=name, **properties)
    described = described["TableDescription"]
    try:
        with named():
            if described["TableStatus"] != "ACTIVE":  # both engines make one at once
                client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
            if time_to_live is not None:
                client.update_time_to_live(TableName=name, TimeToLiveSpecification=time_to_live)
        yield described
    finally:
        with named():
            client.delete_table(TableName=name)


@contextmanager
def named() -> Iterator[None]:
    """Say which DynamoDB it is that fails."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        place = dynamodb_endpoint() or "in this process"
        raise DynamoDbError(f"DynamoDB ({place}) fails: {error}") from error


def create_secrets(template: Template) -> None:
    """Create the template's secrets, each with a value generated as CloudFormation generates it."""
    manager = client("secretsmanager")
    for logical_id in template.of_type("AWS::SecretsManager::Secret"):
        rule = template.properties(logical_id, "GenerateSecretString")["GenerateSecretString"]
        value = json.loads(rule.pop("SecretStringTemplate"))
        key = rule.pop("GenerateStringKey")
        value[key] = manager.get_random_password(**rule)["RandomPassword"]
        secret = manager.create_secret(
            Name=f"{STACK_NAME}-{logical_id}", SecretString=json.dumps(value)
        )
        template.created(logical_id, secret["ARN"], Id=secret["ARN"])
        template.kept(secret["ARN"], value)


def number_release(template: Template) -> None:
    """What is started here is not updated: it stays the first release."""
    for logical_id in template.of_type("AWS::AppConfig::HostedConfigurationVersion"):
        template.created(logical_id, "1", VersionNumber="1")


def create_buses_and_queues(template: Template) -> None:
    """Create the template's event buses and queues."""
    # In moto itself: by the clients, it took a quarter of what a world of the tests takes.
    buses: EventsBackend = get_backend("events")[ACCOUNT][REGION]
    queues: SQSBackend = get_backend("sqs")[ACCOUNT][REGION]
    for logical_id in template.of_type("AWS::Events::EventBus"):
        name = template.properties(logical_id, "Name")["Name"]
        template.created(logical_id, name, Arn=buses.create_event_bus(name).arn)
    for logical_id in template.of_type("AWS::SQS::Queue"):
        queue = queues.create_queue(f"{STACK_NAME}-{logical_id}")
        url = queue.url(urlparse(f"https://sqs.{REGION}.amazonaws.com"))
        template.created(logical_id, url, Arn=arn("sqs", queue.name), QueueName=queue.name)
