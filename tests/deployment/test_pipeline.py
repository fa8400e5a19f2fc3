"""The workflow on the operators' page deploys, tries, and goes back, with what the project has."""

import re
from typing import Any

import pytest
import yaml

from tests.artefacts.building import ROOT
from tests.deployment import deployer
from tests.local.procedures import PAGE

(_TEXT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
WORKFLOW: dict[Any, Any] = yaml.safe_load(_TEXT)
(JOB,) = WORKFLOW["jobs"].values()
STEPS: list[dict[str, Any]] = JOB["steps"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def run(step: dict[str, Any]) -> str:
    return str(step.get("run", ""))


def test_it_deploys_then_tries_and_goes_back_if_that_fails_alone() -> None:
    made = [run(step) for step in STEPS if run(step)]
    assert [re.match(r"make (\w+)", line)[1] for line in made] == ["deploy", "smoke", "rollback"]  # type: ignore[index]
    assert "CONFIRM=no" in made[0]
    smoke = next(step for step in STEPS if run(step).startswith("make smoke"))
    (back,) = (step for step in STEPS if run(step).startswith("make rollback"))
    assert back["if"] == f"failure() && steps.{smoke['id']}.outcome == 'failure'"


def variables(step: dict[str, Any]) -> set[str]:
    return {*JOB["env"], *step.get("env", {}), *re.findall(r"\b([A-Z_]+)=", run(step))}


@pytest.mark.parametrize("step", [step for step in STEPS if run(step)], ids=run)
def test_each_target_and_variable_is_one_of_make(step: dict[str, Any]) -> None:
    target = run(step).split()[1]
    assert f"\n{target}:" in MAKEFILE
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
