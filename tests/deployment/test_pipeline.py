"""The workflow on the operators' page deploys, tries, and goes back, with what the project has."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.artefacts.building import ROOT
from tests.deployment import deployer
from tests.deployment.__main__ import NOTHING
from tests.local.procedures import PAGE

(_TEXT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
WORKFLOW: dict[Any, Any] = yaml.safe_load(_TEXT)
(JOB,) = WORKFLOW["jobs"].values()
STEPS: list[dict[str, Any]] = JOB["steps"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def run(step: dict[str, Any]) -> str:
    return str(step.get("run", ""))


def target(step: dict[str, Any]) -> str:
    """What the step makes."""
    (found,) = re.findall(r"\bmake (\w+)", run(step))
    return str(found)


def test_it_deploys_then_tries_and_goes_back_if_that_fails_alone() -> None:
    made = {target(step): step for step in STEPS if run(step)}
    assert [*made] == ["deploy", "smoke", "rollback"]
    assert "CONFIRM=no" in run(made["deploy"])
    smoke, back = made["smoke"], made["rollback"]
    assert back["if"] == f"failure() && steps.{smoke['id']}.outcome == 'failure'"


def done(step: dict[str, Any], folder: Path, make: str) -> tuple[int, str]:
    """What becomes of a step of a job's folder, by its shell, where `make` does this."""
    path = folder / "bin" / "make"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{make}\n")
    path.chmod(0o700)
    # By GitHub's documentation, which names pipefail only where a shell is named.
    options = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") else ["-e"]
    bash = shutil.which("bash") or "bash"
    ended = subprocess.run(
        [bash, *options, "-c", run(step)],
        cwd=folder,
        env={"PATH": f"{path.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


DEPLOY, BACK = (next(s for s in STEPS if f"make {one}" in run(s)) for one in ("deploy", "rollback"))


@pytest.mark.parametrize(
    ("said", "made"), [("Live and build are the same", "rollback\n"), (NOTHING, "")]
)
def test_only_a_job_that_has_deployed_something_goes_back(
    tmp_path: Path, said: str, made: str
) -> None:
    status, shown = done(DEPLOY, tmp_path, f"echo building; echo '{said}'")
    assert (status, said in shown) == (0, True)
    status, shown = done(BACK, tmp_path, 'echo "$@"')
    assert (status, shown) == (0, made)


def test_a_deployment_that_fails_fails_the_job(tmp_path: Path) -> None:
    assert done(DEPLOY, tmp_path, "exit 3")[0] == 3


def variables(step: dict[str, Any]) -> set[str]:
    return {*JOB["env"], *step.get("env", {}), *re.findall(r"\b([A-Z_]+)=", run(step))}


@pytest.mark.parametrize("step", [step for step in STEPS if run(step)], ids=run)
def test_each_target_and_variable_is_one_of_make(step: dict[str, Any]) -> None:
    assert f"\n{target(step)}:" in MAKEFILE
    passwords = {"ADMIN_PASSWORD", "MEMBER_PASSWORD"}  # which the smoke test takes by itself
    for name in variables(step) - passwords:
        assert f"$({name})" in MAKEFILE, name
    commands = (ROOT / "tests/local/commands.py").read_text("utf-8")
    assert all(name in commands for name in passwords)


def test_each_action_has_its_version() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert [one.partition("@")[0] for one in used] == [
        "actions/checkout",
        "actions/setup-python",
        "aws-actions/configure-aws-credentials",
    ]
    assert all(re.fullmatch(r"[\w/-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", one) for one in used)


def test_it_may_get_the_role_and_read_the_repository_and_no_more() -> None:
    assert WORKFLOW["permissions"] == {"id-token": "write", "contents": "read"}
    assert "permissions" not in JOB


def test_its_role_is_for_the_environment_that_the_job_names() -> None:
    template = deployer.deployer()
    assert template.resolve({"Ref": "Environment"}) == JOB["environment"]
    assert template.resolve({"Ref": "StackName"}) == JOB["env"]["STACK"]


def test_nothing_is_asked_when_nobody_is_there_to_answer() -> None:
    recipe = MAKEFILE.partition("\ndeploy:")[2].partition("\n\n")[0]
    assert "$(if $(filter no,$(CONFIRM)),--no-confirm-changeset)" in recipe
    for path in (ROOT / "tests" / "deployment").glob("[!t]*.py"):
        assert not re.search(r"\binput\(|getpass", path.read_text("utf-8")), path
