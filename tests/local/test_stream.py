"""A table's changes are handed over in order and in batches, tried again, and then given up."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest

from tests.local import aws
from tests.local.dead_letters import DeadLetters
from tests.local.deployment import Stream
from tests.local.execution import FunctionError
from tests.local.patterns import Pattern
from tests.local.stack import TEMPLATE
from tests.local.stream import StreamMapping
from tests.local.template import Template

NOON = 1_700_000_000.0
# What is done with a reply does not depend on the engine.
on_moto = pytest.mark.parametrize("table", ["moto"], indirect=True)
EVENTS = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVENT#"}]}}}}


@dataclass
class Table:
    """A table with a stream, and what has been put into it."""

    name: str
    stream: Stream
    dead_letters: DeadLetters
    client: Any
    batches: list[list[Mapping[str, Any]]] = field(default_factory=list)

    def put(self, *names: str, **attributes: Any) -> None:
        for name in names:
            key = {"pk": {"S": "one"}, "sk": {"S": name}}
            self.client.put_item(TableName=self.name, Item=key | attributes)

    def mapping(
        self, answer: Callable[[Sequence[Mapping[str, Any]]], Any], **settings: Any
    ) -> StreamMapping:
        """A mapping to a function that remembers its batches and gives an answer."""

        def invoke(_: str, event: Mapping[str, Any], __: str) -> Any:
            self.batches.append(event["Records"])
            return answer(event["Records"])

        stream = replace(self.stream, **settings)
        return StreamMapping(stream, invoke, self.dead_letters, lambda: NOON)

    @property
    def offered(self) -> list[list[str]]:
        """The sort keys of what was offered, batch by batch."""
        return [names(batch) for batch in self.batches]

    @property
    def given_up(self) -> list[Any]:
        return self.dead_letters.all()["OutboxDeadLetters"]


def names(batch: Sequence[Mapping[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["sk"]["S"] for record in batch]


def taken(_: Any) -> dict[str, Any]:
    return {"batchItemFailures": []}


def raises(_: Any) -> None:
    raise FunctionError("it raised")


def fails_at(name: str, times: int = 1_000) -> Callable[[Sequence[Mapping[str, Any]]], Any]:
    """A function that reports one record as failed, so many times."""
    left = [times]

    def answer(batch: Sequence[Mapping[str, Any]]) -> Any:
        for record in batch:
            if names([record]) == [name] and left[0]:
                left[0] -= 1
                number = record["dynamodb"]["SequenceNumber"]
                return {"batchItemFailures": [{"itemIdentifier": number}]}
        return taken(batch)

    return answer


@pytest.fixture(params=["moto", "dynamodb-local"])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A new table, once on each engine."""
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    if request.param == "dynamodb-local":
        monkeypatch.setenv("DYNAMODB_ENDPOINT", request.getfixturevalue("engine"))
    template = Template(TEMPLATE)
    with aws.mocked(), aws.tables(template):
        aws.create_buses_and_queues(template)
        arns = (
            {"Fn::GetAtt": ["LicenseTable", "StreamArn"]},
            {"Fn::GetAtt": ["OutboxDeadLetters", "Arn"]},
        )
        stream_arn, queue_arn = template.resolve(list(arns))
        stream = Stream(
            "Publish",
            stream_arn,
            batch_size=3,
            patterns=[],
            retries=2,
            bisects=False,
            reports=True,
            dead_letters=queue_arn,
        )
        client = boto3.client("dynamodb", endpoint_url=aws.dynamodb_endpoint())
        name = template.resolve({"Ref": "LicenseTable"})
        yield Table(name, stream, DeadLetters(template), client)


def test_changes_come_in_order_in_batches_and_once(table: Table) -> None:
    mapping = table.mapping(taken)
    table.put("a", "b", "c", "d")
    mapping.drain()
    table.put("e")
    mapping.drain()
    mapping.drain()
    assert table.offered == [["a", "b", "c"], ["d"], ["e"]]
    assert table.given_up == []


def test_a_record_looks_as_lambda_hands_it_over(table: Table) -> None:
    table.put("a", count={"N": "1"}, digest={"B": b"\x00\xff"}, none={"NULL": True})
    table.mapping(taken).drain()
    ((record,),) = table.batches
    assert json.loads(json.dumps(record)) == record
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["awsRegion"] == "eu-central-1"
    assert record["eventSourceARN"] == table.stream.arn
    change = record["dynamodb"]
    assert change["Keys"] == {"pk": {"S": "one"}, "sk": {"S": "a"}}
    assert change["NewImage"] == change["Keys"] | {
        "count": {"N": "1"},
        "digest": {"B": base64.b64encode(b"\x00\xff").decode()},
        "none": {"NULL": True},
    }
    assert change["StreamViewType"] == "NEW_IMAGE"
    assert isinstance(change["ApproximateCreationDateTime"], int)
    assert change["SequenceNumber"].isdigit()
    assert record.keys() >= {"eventID", "eventVersion"}


def test_inserts_changes_and_removals_are_told_apart(table: Table) -> None:
    key = {"pk": {"S": "one"}, "sk": {"S": "a"}}
    update = {
        "TableName": table.name,
        "Key": key,
        "UpdateExpression": "ADD times :once",
        "ExpressionAttributeValues": {":once": {"N": "1"}},
    }
    table.client.update_item(**update)
    table.client.update_item(**update)
    table.client.delete_item(TableName=table.name, Key=key)
    table.mapping(taken).drain()
    (batch,) = table.batches
    seen = [(record["eventName"], record["dynamodb"].get("NewImage")) for record in batch]
    assert seen == [
        ("INSERT", key | {"times": {"N": "1"}}),
        ("MODIFY", key | {"times": {"N": "2"}}),
        ("REMOVE", None),
    ]


def test_a_transaction_that_fails_leaves_nothing_in_the_stream(table: Table) -> None:
    table.put("a")
    puts = [
        {
            "TableName": table.name,
            "Item": {"pk": {"S": "one"}, "sk": {"S": name}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        for name in ("b", "a")
    ]
    with pytest.raises(table.client.exceptions.TransactionCanceledException):
        table.client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
    table.mapping(taken).drain()
    assert table.offered == [["a"]]


def test_only_what_a_filter_lets_through_is_offered(table: Table) -> None:
    mapping = table.mapping(taken, patterns=[Pattern.of(EVENTS)])
    table.put("LICENSE", "EVENT#1", "LICENSE", "EVENT#2", "PAIR")
    table.put("EVENT#2", times={"N": "2"})
    mapping.drain()
    assert [name for batch in table.offered for name in batch] == ["EVENT#1", "EVENT#2"]


def test_a_batch_is_offered_again_from_the_record_that_failed_on(table: Table) -> None:
    table.put("a", "b", "c", "d")
    table.mapping(fails_at("b", times=2)).drain()
    assert table.offered == [["a", "b", "c"], ["b", "c"], ["b", "c"], ["d"]]
    assert table.given_up == []


@on_moto
def test_of_several_records_that_failed_the_first_one_counts(table: Table) -> None:
    def fails_at_all_but_the_first(batch: Sequence[Mapping[str, Any]]) -> Any:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch[1:]]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in reversed(numbers)]}

    table.put("a", "b", "c")
    table.mapping(fails_at_all_but_the_first).drain()
    assert table.offered == [["a", "b", "c"], ["b", "c"], ["c"]]


@on_moto
def test_progress_begins_the_tries_anew(table: Table) -> None:
    table.put("a", "b", "c")
    answers = [fails_at("a", 2), fails_at("b", 2), fails_at("c", 2)]

    def one_after_the_other(batch: Sequence[Mapping[str, Any]]) -> Any:
        for answer in answers:
            reply = answer(batch)
            if reply["batchItemFailures"]:
                return reply
        return taken(batch)

    table.mapping(one_after_the_other).drain()
    assert table.offered[-1] == ["c"]
    assert len(table.offered) == 7
    assert table.given_up == []


def test_a_batch_that_keeps_failing_is_given_up_and_the_next_one_comes(table: Table) -> None:
    table.put("a", "b", "c", "d")
    table.mapping(fails_at("b")).drain()
    assert table.offered == [["a", "b", "c"], ["b", "c"], ["b", "c"], ["d"]]
    (letter,) = table.given_up
    first, last = table.batches[1]
    assert letter["version"] == "1.0"
    assert letter["timestamp"] == "2023-11-14T22:13:20.000Z"
    assert letter["requestContext"] == {
        "requestId": letter["requestContext"]["requestId"],
        "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:Publish:$LATEST",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }
    assert letter["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    batch = letter["DDBStreamBatchInfo"]
    assert batch["shardId"].startswith("shardId-")
    assert batch["startSequenceNumber"] == first["dynamodb"]["SequenceNumber"]
    assert batch["endSequenceNumber"] == last["dynamodb"]["SequenceNumber"]
    assert batch["batchSize"] == 2
    assert batch["streamArn"] == table.stream.arn


def test_a_dead_letter_says_where_the_batch_is_and_not_what_is_in_it(table: Table) -> None:
    table.put("a", secret={"S": "a-licence-key"})
    table.mapping(raises).drain()
    (letter,) = table.given_up
    assert letter["responseContext"]["functionError"] == "Unhandled"
    assert "a-licence-key" not in json.dumps(letter)


@on_moto
def test_a_function_that_raises_gets_the_whole_batch_again(table: Table) -> None:
    table.put("a", "b")
    table.mapping(raises).drain()
    assert table.offered == [["a", "b"]] * 3
    assert len(table.given_up) == 1


def test_a_batch_that_is_bisected_loses_only_the_record_that_fails(table: Table) -> None:
    def poisoned(batch: Sequence[Mapping[str, Any]]) -> Any:
        return raises(batch) if "b" in names(batch) else taken(batch)

    table.put("a", "b", "c")
    table.mapping(poisoned, bisects=True).drain()
    assert table.offered == [["a", "b", "c"], ["a"], ["b", "c"], ["b"], ["b"], ["b"], ["c"]]
    (letter,) = table.given_up
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    assert letter["requestContext"]["approximateInvokeCount"] == 3


@on_moto
@pytest.mark.parametrize(
    ("reply", "times"),
    [
        (None, 1),
        ({}, 1),
        ({"batchItemFailures": None}, 1),
        ({"batchItemFailures": []}, 1),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, 3),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, 3),
        ({"batchItemFailures": [{"id": "1"}]}, 3),
    ],
)
def test_a_reply_that_names_no_record_takes_all_or_nothing(
    table: Table, reply: Any, times: int
) -> None:
    table.put("a", "b")
    table.mapping(lambda _: reply).drain()
    assert table.offered == [["a", "b"]] * times


@on_moto
def test_a_reply_counts_only_where_the_template_asks_for_it(table: Table) -> None:
    table.put("a")
    table.mapping(fails_at("a"), reports=False).drain()
    assert table.offered == [["a"]]
