"""AWS is made up, as safe as the real one to call from many threads, and out of reach."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local import aws, stack
from tests.local.cast import ACME, days_from_now, organization
from tests.local.client import Client
from tests.local.identity import PASSWORD
from tests.local.stack import TEMPLATE
from tests.local.template import Template


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads take turns as often as they can: a race that can be lost is lost."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def template(environment: None) -> Iterator[Template]:  # noqa: ARG001 - the DynamoDB is moto's
    template = Template(TEMPLATE)
    with aws.mocked(), aws.tables(template):
        yield template


def test_real_credentials_are_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    with aws.mocked():
        credentials = boto3.Session().get_credentials()
        assert credentials is not None
        assert credentials.access_key.isalnum()
        assert "real" not in (credentials.access_key, credentials.token)
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} & os.environ.keys()
    assert os.environ["AWS_ACCESS_KEY_ID"] == "real"
    assert os.environ["AWS_PROFILE"] == "production"


@pytest.mark.usefixtures("restless_threads")
def test_one_of_many_threads_wins_a_conditional_write(template: Template) -> None:
    table = template.resolve({"Ref": "LicenseTable"})
    threads = 16
    client = boto3.client("dynamodb")

    def winners(key: str) -> int:
        start = Barrier(threads)

        def claim(who: int) -> bool:
            item = {"pk": {"S": key}, "sk": {"S": "claim"}, "who": {"N": str(who)}}
            put = {
                "TableName": table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            start.wait(300)
            try:
                client.transact_write_items(TransactItems=[{"Put": put}])
            except ClientError:
                return False
            return True

        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(claim, range(threads)))

    assert [winners(f"key-{n}") for n in range(25)] == [1] * 25


def test_a_table_has_what_the_template_says(template: Template) -> None:
    table = template.resolve({"Ref": "LicenseTable"})
    client = boto3.client("dynamodb")
    described: dict[str, Any] = client.describe_table(TableName=table)["Table"]
    assert {index["IndexName"] for index in described["GlobalSecondaryIndexes"]} == {
        "by_organization",
        "by_due",
        "across_organizations",
    }
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    time_to_live = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert time_to_live["AttributeName"] == "ttl"


@pytest.mark.usefixtures("environment")
def test_a_table_is_new_in_each_run_and_gone_after_it() -> None:
    names = []
    with aws.mocked():
        for _ in range(2):
            template = Template(TEMPLATE)
            with aws.tables(template):
                names.append(template.resolve({"Ref": "LicenseTable"}))
        assert len(set(names)) == 2
        assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_a_dynamodb_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_ENDPOINT", "http://127.0.0.1:1")
    with (
        pytest.raises(aws.DynamoDbError, match=r"http://127\.0\.0\.1:1"),
        aws.mocked(),
        aws.tables(Template(TEMPLATE)),
    ):
        pass


def test_a_secret_is_generated_by_the_templates_rule(template: Template) -> None:
    aws.create_secrets(template)
    client = boto3.client("secretsmanager")
    secret = client.get_secret_value(SecretId=template.resolve({"Ref": "SigningSecret"}))
    assert secret["SecretString"].startswith('{"1": "')
    assert len(secret["SecretString"]) == len('{"1": ""}') + 64


@pytest.mark.usefixtures("environment")
def test_a_stack_leaves_nothing_behind() -> None:
    before = dict(os.environ)
    users = []
    for _ in range(2):
        with stack.running() as up, closing(Client(up.url)) as client:
            answer = client.log_in(up.operator_client_id, "olivia", PASSWORD).expect(200)
            olivia = answer["AuthenticationResult.IdToken"]
            path = f"/v1/organizations/{ACME}"
            client.call("GET", path, token=olivia).expect(404)
            client.call("PUT", path, organization(ACME, days_from_now(1)), token=olivia).expect(201)
            users.append(up.operator_client_id)
        assert dict(os.environ) == before
    assert len(set(users)) == 2
