"""Handlers are called as Lambda calls them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.local.deployment import Function
from tests.local.execution import ExecutionEnvironment, FunctionError

CODE = """
import threading

busy = threading.Lock()

def echo(event, context):
    return {
        "event": event,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "left": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "request": context.aws_request_id,
    }

def alone(event, context):
    if not busy.acquire(blocking=False):
        raise RuntimeError("two events at once")
    threading.Event().wait(0.001)
    busy.release()

def fail(event, context):
    raise SystemExit(3)

def unserializable(event, context):
    return {"value": object()}
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutionEnvironment]:
    code = tmp_path_factory.mktemp("code")
    (code / "made_up_handlers.py").write_text(CODE, encoding="utf-8")
    with closing(
        ExecutionEnvironment(
            {name: function(code, name) for name in ("echo", "alone", "fail", "unserializable")}
        )
    ) as environment:
        yield environment


def function(code: Path, name: str) -> Function:
    return Function(name, f"made_up_handlers.{name}", code, timeout=10, memory=512, environment={})


def test_a_handler_is_told_about_its_invocation(functions: ExecutionEnvironment) -> None:
    first = functions.invoke("echo", {"a": [1, None]})
    second = functions.invoke("echo", {})
    assert first["event"] == {"a": [1, None]}
    assert (first["name"], first["memory"]) == ("echo", 512)
    assert 0 < first["left"] <= 10_000
    assert first["arn"] == "arn:aws:lambda:eu-central-1:123456789012:function:echo"
    assert first["request"] != second["request"]


def test_events_are_handled_one_at_a_time(functions: ExecutionEnvironment) -> None:
    failures: list[Exception] = []

    def invoke() -> None:
        try:
            functions.invoke("alone", {})
        except FunctionError as error:
            failures.append(error)

    threads = [Thread(target=invoke) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


@pytest.mark.parametrize("name", ["fail", "unserializable"])
def test_a_handler_that_fails_is_an_error_and_not_the_end(
    functions: ExecutionEnvironment, name: str
) -> None:
    with pytest.raises(FunctionError):
        functions.invoke(name, {})
    assert functions.invoke("echo", {"a": 1})["event"] == {"a": 1}


@pytest.mark.parametrize(
    ("handler", "error"),
    [("no_such_module.handler", ModuleNotFoundError), ("json.no_such_handler", AttributeError)],
)
def test_a_handler_that_cannot_be_imported_stops_the_start(
    tmp_path: Path, handler: str, error: type[Exception]
) -> None:
    broken: Any = Function("broken", handler, tmp_path, timeout=1, memory=128, environment={})
    with pytest.raises(error):
        ExecutionEnvironment({"broken": broken})
