"""The template for `sam local` has a function work on the data of the local service.

No container is started: a process of its own has the settings that a container would have.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.recorded import EVENTS
from tests.local import containers, stack
from tests.local.stack import TEMPLATE, Stack

BY_ITSELF = """
import importlib, json, sys
from types import SimpleNamespace

module, event = sys.argv[1:]
context = SimpleNamespace(
    function_name="it", function_version="1", invoked_function_arn="arn", memory_limit_in_mb=512,
    aws_request_id="1", get_remaining_time_in_millis=lambda: 20_000,
)
answer = importlib.import_module(module).handler(json.load(open(event)), context)
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running:
            yield running


def built(folder: Path, up: Stack) -> None:
    """What SAM builds, as far as it is read here."""
    common = {"Timeout": 29, "Environment": {"Variables": {"TABLE_NAME": {"Ref": "LicenseTable"}}}}
    document = {
        "Globals": {"Function": common},
        "Resources": {name: {"Properties": {"Handler": "as.it.is"}} for name in up.environments},
    }
    (folder / "template.yaml").write_text(yaml.safe_dump(document))


def written(folder: Path, up: Stack) -> dict[str, Any]:
    built(folder, up)
    path = containers.write(folder, up.environments, up.url)
    assert path is not None
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def answered(document: dict[str, Any], function: str, module: str, event: str) -> Any:
    """What a function answers in a process that knows these settings and the code alone."""
    code = os.pathsep.join(str(TEMPLATE.parent / part) for part in ("shared", "functions"))
    properties = document["Resources"][function]["Properties"]
    credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    region = {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
    ran = subprocess.run(
        [sys.executable, "-c", BY_ITSELF, module, EVENTS / f"{event}.json"],
        env={"PYTHONPATH": code, **credentials, **region, **properties["Environment"]["Variables"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_function_reads_the_local_table(up: Stack, tmp_path: Path) -> None:
    document = written(tmp_path, up)
    answer = answered(document, "ValidateFunction", "validate.handler", "validate/not_found")
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["code"] == "NOT_FOUND"


def test_a_function_reads_the_local_secret(up: Stack, tmp_path: Path) -> None:
    answer = answered(
        written(tmp_path, up), "DiscoveryFunction", "discovery.handler", "discovery/jwks"
    )
    assert json.loads(answer["body"])["keys"]


def test_the_sweep_runs_on_the_local_table(up: Stack, tmp_path: Path) -> None:
    document = written(tmp_path, up)
    event = "expiry_sweep/schedule"
    assert answered(document, "ExpirySweepFunction", "expiry_sweep.handler", event)["expired"] == 0


def test_what_is_not_a_setting_stays_as_it_was_built(up: Stack, tmp_path: Path) -> None:
    document = written(tmp_path, up)
    assert document["Globals"]["Function"] == {"Timeout": 29}
    assert document["Resources"]["IssueFunction"]["Properties"]["Handler"] == "as.it.is"


def test_without_a_build_there_is_no_template(up: Stack, tmp_path: Path) -> None:
    assert containers.write(tmp_path, up.environments, up.url) is None
    assert not [*tmp_path.iterdir()]
