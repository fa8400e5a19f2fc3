"""What ships is what was tested: the built functions, run as Lambda runs them, on recorded events.

Each function is started once, in a process of its own, restored as from its snapshot, and gets its
records from `events/`. The handler in this process, which all other tests are about, gets the same
event over the same table. Both have to answer the same, and to leave the same behind.
"""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licensing.domain.audit import FOLD_SECONDS
from tests.artefacts.building import FUNCTIONS, LAYER
from tests.artefacts.deployed import Deployed
from tests.artefacts.likeness import LEASE, Likeness
from tests.artefacts.sandbox import (
    FailedToAnswer,
    FailedToStart,
    Process,
    Sandbox,
    running,
)
from tests.concurrency import canonical
from tests.concurrency.table import restore
from tests.integration import leases
from tests.integration.outbox import Outbox
from tests.integration.recorded import (
    BAD_BILLING,
    BILLING,
    CASES,
    PUBLISHED,
    SWEEP,
    Values,
    billed,
    ended,
    nothing,
    recorded,
)
from tests.proof import Proof
from tests.world import World

BEFORE: dict[str, Callable[[World], Values]] = {
    **{name: case.before for name, case in CASES.items()},
    SWEEP: ended,
    **dict.fromkeys((*BILLING, *BAD_BILLING), billed),
    **dict.fromkeys(PUBLISHED, nothing),
}
Outcome = tuple[str, list[str], str]


@pytest.mark.sampled(4)
@pytest.mark.proof
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_built_function_answers_and_does_what_the_tested_one_does(
    service: Deployed, name: str, proof: Proof
) -> None:
    every = [record for record in BEFORE if function_of(record) == name]
    one_of_each_kind = {kind(record): record for record in reversed(every)}.values()
    records = proof.of(test=[*one_of_each_kind][:1], test_all=[*one_of_each_kind], prove=every)
    assert records
    with service.running(name, snapstart=True) as process:
        process.restore()
        for record in records:
            assert_same(service.world, name, record, process)


def kind(record: str) -> Any:
    """What its answer is like; each event that comes from no API is of a kind of its own."""
    case = CASES.get(record)
    return (case.status, case.code) if case else record


def assert_same(world: World, name: str, record: str, process: Process) -> None:
    """The function in this process and the one in its own do the same with a record."""
    begun = time.time()
    tested, shipped = outcomes(world, name, record, process, begun)
    if int(begun) // FOLD_SECONDS != int(time.time()) // FOLD_SECONDS:
        # Refusals are counted by the hour, and another one has begun between the two.
        tested, shipped = outcomes(world, name, record, process, time.time())
    assert shipped == tested, f"{record}\n{process.output}"


def outcomes(
    world: World, name: str, record: str, process: Process, now: float
) -> tuple[Outcome, Outcome]:
    """What both come to: the answer, the table and what has been published."""
    restore(world)
    outbox = Outbox(world)
    # What was there before is an hour old.
    world.clock.time = now - FOLD_SECONDS - 1
    event = recorded(record, BEFORE[record](world))
    world.clock.time = now
    before = world.items()
    alike = Likeness(f"{event} {before}", now)

    def outcome(run: Callable[[], Any]) -> Outcome:
        restore(world, before)
        already = len(outbox.arrived())
        result = result_of(run)
        for lease in LEASE.findall(json.dumps(result)):
            leases.verified(world, lease)
        published = [event["detail"] for event in outbox.arrived()[already:]]
        stored = [canonical.masked(item) for item in world.items()]
        return alike.of(result), alike.of_all(stored), alike.of(published)

    return outcome(lambda: world.invoke(name, event)), outcome(lambda: process.invoke(event))


def result_of(run: Callable[[], Any]) -> Any:
    """A function's answer with its body read, or what it raises."""
    try:
        result = run()
    except FailedToAnswer as failed:
        return [failed.type, failed.message]
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        return [type(error).__name__, str(error)]
    is_json = result.get("headers", {}).get("content-type", "").endswith("json")
    return result | {"body": json.loads(result["body"])} if is_json else result


def function_of(record: str) -> str:
    """The function that a record is for, by the folder that it stands in."""
    verb = record.partition("/")[0]
    (found,) = [name for name, source in FUNCTIONS.items() if source.handler.parent.name == verb]
    return found


def test_all_functions_of_the_template_are_built_and_no_other(
    service: Deployed, built: Path
) -> None:
    assert {*FUNCTIONS} == {*service.world.deployed.functions}
    assert {path.name for path in built.iterdir()} == {LAYER, *FUNCTIONS}


def test_a_start_compiles_nothing_of_the_layer(service: Deployed) -> None:
    function = service.function("ValidateFunction")
    told = replace(function, environment={**function.environment, "PYTHONVERBOSE": "1"})
    with running(told, service.sandbox) as process:
        read = re.findall(r"# code object from '(\S+)'", process.output)
    layer = [path for path in read if path.startswith(str(service.sandbox.layer))]
    assert len(layer) > 100
    assert [path for path in layer if not path.endswith(".pyc")] == []


# -- what is wrong with what ships is found ----------------------------------------------------


def test_a_built_function_that_does_something_else_is_found(
    service: Deployed, tmp_path: Path
) -> None:
    function = service.function("IssueFunction")
    shutil.copytree(function.task, tmp_path, dirs_exist_ok=True)
    handler = tmp_path / "issue" / "handler.py"
    code = handler.read_text(encoding="utf-8")
    altered = code.replace("created=issued.created", "created=not issued.created")
    assert altered != code
    handler.write_text(altered, encoding="utf-8")

    with (
        running(replace(function, task=tmp_path), service.sandbox) as process,
        pytest.raises(AssertionError, match="issue/first"),
    ):
        assert_same(service.world, function.name, "issue/first", process)


@pytest.mark.parametrize("name", ["pydantic", "cryptography", "aws_lambda_powertools", "licensing"])
def test_a_layer_that_lacks_a_package_is_found(
    service: Deployed, tmp_path: Path, name: str
) -> None:
    (tmp_path / "python").mkdir()
    for path in (service.sandbox.layer / "python").iterdir():
        if path.name != name:
            (tmp_path / "python" / path.name).symlink_to(path)

    function = service.function("IssueFunction")
    sandbox = Sandbox(tmp_path, service.sandbox.runtime)
    with (
        pytest.raises((FailedToStart, AssertionError), match=f"No module named '{name}"),
        running(function, sandbox) as process,
    ):
        assert_same(service.world, function.name, "issue/first", process)


@pytest.mark.parametrize("name", ["TABLE_NAME", "EVENT_BUS"])
def test_a_template_that_leaves_out_a_variable_is_found(service: Deployed, name: str) -> None:
    function = service.function("ValidateFunction")
    environment = {key: value for key, value in function.environment.items() if key != name}
    assert environment != function.environment

    with (
        pytest.raises((FailedToStart, AssertionError), match=name),
        running(replace(function, environment=environment), service.sandbox) as process,
    ):
        assert_same(service.world, function.name, "validate/valid", process)


def test_what_a_function_says_is_one_document_a_line_and_of_an_answer_one_line(
    service: Deployed,
) -> None:
    restore(service.world)
    record = next(record for record in BEFORE if function_of(record) == "ValidateFunction")
    event = recorded(record, BEFORE[record](service.world))
    request_id = event["requestContext"]["requestId"]
    unreadable = {"requestContext": {"requestId": request_id, "http": "none"}}
    with service.running("ValidateFunction", snapstart=True) as process:
        process.restore()
        ready = process.output
        process.invoke(event)
        answered = process.output
        with pytest.raises(FailedToAnswer):
            process.invoke(unreadable)
        failed = process.output
    # Lambda's level is that of all libraries: at DEBUG, botocore would write down what AWS answers.
    assert {json.loads(line)["level"] for line in ready.splitlines()} <= {"INFO"}
    lines = [json.loads(line) for line in answered.removeprefix(ready).splitlines()]
    (own,) = [line for line in lines if "logger" not in line]
    assert (own["correlation_id"], own["status"]) == (request_id, 200)
    # What a handler raises is logged by AWS's runtime.
    (error,) = map(json.loads, failed.removeprefix(answered).splitlines())
    assert (error["level"], error["errorType"]) == ("ERROR", "AttributeError")
