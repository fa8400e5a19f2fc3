"""An event that nobody waits for is tried as often as the template says, then kept with why."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.local import aws
from tests.local.asynchronous import AsynchronousInvocation
from tests.local.dead_letters import DeadLetters
from tests.local.deployment import Asynchronous, Function, Schedule
from tests.local.execution import ExecutionEnvironment, FunctionError
from tests.local.schedule import Ticker
from tests.local.stack import TEMPLATE
from tests.local.template import Template

NOON = 1_700_000_000.0
EVENT = {"id": "1", "detail": {"version": 7}}
CODE = """
seen = []

def work(event, context):
    seen.append(context.aws_request_id)
    if len(seen) <= event.get("fails", 0):
        raise ValueError(f"no {len(seen)}")
    return {"requests": seen}
"""


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> Iterator[Template]:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    template = Template(TEMPLATE)
    with aws.mocked():
        aws.create_buses_and_queues(template)
        yield template


@pytest.fixture
def dead_letters(template: Template) -> DeadLetters:
    return DeadLetters(template)


@pytest.fixture
def invocation(
    template: Template,
    dead_letters: DeadLetters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[AsynchronousInvocation]:
    module = f"made_up_{uuid4().hex}"  # a module is imported once, and then remembers
    (tmp_path / f"{module}.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    queue = template.resolve({"Fn::GetAtt": ["BillingDeadLetters", "Arn"]})
    function = Function("work", f"{module}.work", tmp_path, 10, 128, {})
    with closing(ExecutionEnvironment({"work": function})) as functions:
        settings = {"work": Asynchronous(retries=2, dead_letters=queue)}
        yield AsynchronousInvocation(functions.invoke, settings, dead_letters, lambda: NOON)


def test_a_function_that_recovers_has_all_tries_under_one_request_id(
    invocation: AsynchronousInvocation, dead_letters: DeadLetters
) -> None:
    requests = invocation("work", {"fails": 2})["requests"]
    assert len(requests) == 3
    assert len(set(requests)) == 1
    assert dead_letters.all()["BillingDeadLetters"] == []


def test_an_event_that_is_given_up_is_kept_with_the_reason(
    invocation: AsynchronousInvocation, dead_letters: DeadLetters
) -> None:
    event = EVENT | {"fails": 9}
    with pytest.raises(FunctionError):
        invocation("work", event)
    queues = dead_letters.all()
    assert {name for name, letters in queues.items() if letters} == {"BillingDeadLetters"}
    (letter,) = queues["BillingDeadLetters"]
    request_id = letter["requestContext"]["requestId"]
    payload = letter.pop("responsePayload")
    assert letter == {
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "requestContext": {
            "requestId": request_id,
            "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:work:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
    }
    assert (payload["errorMessage"], payload["errorType"]) == ("no 3", "ValueError")
    assert payload["requestId"] == request_id
    assert "in work" in payload["stackTrace"][-1]


def test_dead_letters_stay_in_order_however_often_they_are_listed(
    invocation: AsynchronousInvocation, dead_letters: DeadLetters
) -> None:
    for number in range(12):
        with pytest.raises(FunctionError):
            invocation("work", {"number": number, "fails": 99})
    for _ in range(3):
        letters = dead_letters.all()["BillingDeadLetters"]
        assert [letter["requestPayload"]["number"] for letter in letters] == list(range(12))


def test_a_function_without_a_queue_is_tried_all_the_same(dead_letters: DeadLetters) -> None:
    tries: list[str] = []

    def invoke(_: str, __: Mapping[str, Any], request_id: str) -> None:
        tries.append(request_id)
        raise FunctionError("it raised")

    invocation = AsynchronousInvocation(
        invoke, {"work": Asynchronous()}, dead_letters, lambda: NOON
    )
    with pytest.raises(FunctionError):
        invocation("work", EVENT)
    assert len(tries) == 3
    assert not any(dead_letters.all().values())


def test_a_scheduled_run_that_fails_for_good_is_kept_too(
    template: Template, dead_letters: DeadLetters
) -> None:
    def invoke(name: str, _: Mapping[str, Any], __: str) -> None:
        raise FunctionError(name)

    queue = template.resolve({"Fn::GetAtt": ["SweepDeadLetters", "Arn"]})
    settings = {"Sweep": Asynchronous(retries=1, dead_letters=queue)}
    invocation = AsynchronousInvocation(invoke, settings, dead_letters, lambda: NOON)
    with pytest.raises(FunctionError):
        Ticker(Schedule("Sweep", 300), invocation, lambda: NOON).run_now()
    (letter,) = dead_letters.all()["SweepDeadLetters"]
    assert letter["requestPayload"]["source"] == "aws.scheduler"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
