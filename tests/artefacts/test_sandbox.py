"""The sandbox is what Lambda is: what a function finds there, and what becomes of its failures."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tests.artefacts.sandbox import (
    Ended,
    FailedToAnswer,
    FailedToRestore,
    FailedToStart,
    Function,
    Sandbox,
    running,
)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The folder of a function that is written in the test."""
    return tmp_path


def written(task: Path, code: str, **environment: str) -> Function:
    """A function whose handler is this code."""
    (task / "own.py").write_text(dedent(code), encoding="utf-8")
    return Function("OwnFunction", task, "own.handler", environment)


FINDS = """
    import importlib, os, sys

    def handler(event, context):
        found = {}
        for name in event:
            try:
                found[name] = importlib.import_module(name).__file__
            except ImportError:
                found[name] = None
        return {"found": found, "path": sys.path, "environ": dict(os.environ)}
"""


def test_a_function_finds_its_folder_the_layer_and_the_runtime_and_nothing_of_the_tests(
    task: Path, sandbox: Sandbox
) -> None:
    layer = ["licensing", "cryptography", "pydantic", "aws_lambda_powertools", "jmespath"]
    runtime = ["boto3", "botocore", "awslambdaric", "snapshot_restore_py", "simplejson", "urllib3"]
    nobody = [
        "moto",
        "tests",
        "shared",
        "licensing_agent",
        "licensing_cli",
        "issue",
        "pytest",
        "yaml",
        "joserfc",
        "uv",
        "pip",
    ]

    with running(written(task, FINDS, OWN="1"), sandbox) as process:
        answer = process.invoke([*layer, *runtime, *nobody])

    found: Mapping[str, str | None] = answer["found"]
    for name in layer:
        assert Path(found[name] or "").is_relative_to(sandbox.layer / "python"), name
    for name in runtime:
        assert Path(found[name] or "").is_relative_to(sandbox.runtime), name
    assert {name for name in nobody if found[name]} == set()
    assert answer["path"][0] == str(task)
    assert answer["environ"]["OWN"] == "1"
    assert not {name for name in answer["environ"] if name.startswith(("PYTEST", "VIRTUAL_ENV"))}


def test_a_process_serves_one_event_after_another_each_with_its_own_context(
    task: Path, sandbox: Sandbox
) -> None:
    function = written(
        task,
        """
        served = []

        def handler(event, context):
            served.append(context.aws_request_id)
            remaining = context.get_remaining_time_in_millis()
            return [event, len(set(served)), 0 < remaining <= 29000, context.invoked_function_arn,
                    context.function_name, context.memory_limit_in_mb]
        """,
    )
    with running(function, sandbox) as process:
        answers = [process.invoke({"number": number, "text": "é"}) for number in (1, 2)]
    assert answers == [
        [{"number": n, "text": "é"}, n, True, function.arn, "OwnFunction", "512"] for n in (1, 2)
    ]


def test_a_handler_that_raises_is_reported_with_type_and_traceback_and_serves_on(
    task: Path, sandbox: Sandbox
) -> None:
    function = written(
        task,
        """
        def inner(event):
            raise KeyError(event["say"])

        def handler(event, context):
            return inner(event) if event else "fine"
        """,
    )
    with running(function, sandbox) as process:
        with pytest.raises(FailedToAnswer, match="KeyError: 'here'") as failed:
            process.invoke({"say": "here"})
        assert process.invoke({}) == "fine"
    assert (failed.value.type, failed.value.message) == ("KeyError", "'here'")
    assert "in handler" in failed.value.trace[0]
    assert "in inner" in failed.value.trace[1]
    assert "KeyError: 'here'" in failed.value.output


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        ("import no_such_module", "Runtime.ImportModuleError: .*No module named 'no_such_module'"),
        ("def handler(", "Runtime.UserCodeSyntaxError: Syntax error in module 'own'"),
        ("other = 1", "Runtime.HandlerNotFound: Handler 'handler' missing on module 'own'"),
        ("raise ValueError('at import')", "ValueError: at import"),
    ],
)
def test_a_handler_that_cannot_be_imported_is_reported(
    task: Path, sandbox: Sandbox, code: str, reported: str
) -> None:
    with (
        pytest.raises(FailedToStart, match=reported),
        running(written(task, code), sandbox),
    ):
        pass


def test_a_process_that_ends_is_told_with_what_it_printed(task: Path, sandbox: Sandbox) -> None:
    function = written(
        task,
        """
        import os, sys

        def handler(event, context):
            sys.stdout.write("last words")
            sys.stdout.flush()
            os._exit(3)
        """,
    )
    with running(function, sandbox) as process, pytest.raises(Ended, match="last words"):
        process.invoke({})


def test_a_process_that_takes_too_long_is_ended(task: Path, sandbox: Sandbox) -> None:
    function = written(
        task,
        """
        from threading import Event

        def handler(event, context):
            Event().wait()
        """,
    )
    with running(function, sandbox) as process:
        process.patience = 0.2
        with pytest.raises(Ended, match=r"more than 0\.2 s"):
            process.invoke({})
        process.patience = 60.0
        with pytest.raises(Ended, match="OwnFunction has ended"):
            process.invoke({})


HOOKS = """
    import os, snapshot_restore_py

    happened = ["imported"]

    def hook(name):
        happened.append(name)
        if os.environ.get("FAILS") == name:
            raise RuntimeError(name + " fails")

    for name in ("first", "second"):
        snapshot_restore_py.register_before_snapshot(hook, name + " before")
        snapshot_restore_py.register_after_restore(hook, name + " after")

    def handler(event, context):
        happened.append(event)
        return happened
"""


def test_hooks_run_in_reverse_before_the_snapshot_and_in_order_after_the_restore(
    task: Path, sandbox: Sandbox
) -> None:
    with running(written(task, HOOKS), sandbox, snapstart=True) as process:
        process.restore()
        assert process.invoke("one") == [
            "imported",
            "second before",
            "first before",
            "first after",
            "second after",
            "one",
        ]
        assert process.invoke("two")[-2:] == ["one", "two"]


def test_without_a_snapshot_no_hook_runs(task: Path, sandbox: Sandbox) -> None:
    with running(written(task, HOOKS), sandbox) as process:
        assert process.invoke("one") == ["imported", "one"]


def test_a_hook_that_fails_before_the_snapshot_fails_the_start(
    task: Path, sandbox: Sandbox
) -> None:
    function = written(task, HOOKS, FAILS="first before")
    with (
        pytest.raises(FailedToStart, match="RuntimeError: first before fails") as failed,
        running(function, sandbox, snapstart=True),
    ):
        pass
    assert "in hook" in "".join(failed.value.trace)


def test_a_hook_that_fails_after_the_restore_fails_the_restore(
    task: Path, sandbox: Sandbox
) -> None:
    function = written(task, HOOKS, FAILS="second after")
    with running(function, sandbox, snapstart=True) as process:
        with pytest.raises(FailedToRestore, match="RuntimeError: second after fails") as failed:
            process.restore()
        assert "in hook" in "".join(failed.value.trace)
        with pytest.raises(Ended):
            process.invoke("never")
