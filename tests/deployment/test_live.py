"""What is live is told apart from what was built, and is moved back and forth as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moto import mock_aws

from tests.deployment import live, small
from tests.deployment.build import Build
from tests.deployment.live import RollbackError
from tests.deployment.small import Account, built
from tests.deployment.stack import StackError


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield small.opened()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return built(tmp_path)


def other(tmp_path: Path, code: bytes = b"answer = 2") -> Build:
    return built(tmp_path, {**small.CODE, "handler.py": code})


def test_what_was_deployed_as_it_was_built_does_not_differ(account: Account, build: Build) -> None:
    account.deploy(build)
    assert account.differences(build) == ""
    account.deploy(build, LogLevel="DEBUG")
    assert account.differences(build) == ""


def test_a_deployment_that_published_nothing_is_found(account: Account, build: Build) -> None:
    account.deploy(build)
    account.deploy(build, publishes=False, LogLevel="DEBUG")
    found = account.differences(build)
    assert "IssueFunction, live at version 1, has LEVEL='INFO'; 'DEBUG' was built" in found
    assert "IssueFunction, live at version 1, has another layer than" in found
    assert "release 1 is live, not 2, of IssueFunction, ValidateFunction" in found


def test_one_function_that_was_left_behind_is_found(account: Account, build: Build) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    account.functions.update_alias(FunctionName="issue", Name="live", FunctionVersion="1")
    assert "release 1 is live, not 2, of IssueFunction\n" in account.differences(build) + "\n"


def test_code_that_was_built_and_not_deployed_is_found(
    account: Account, build: Build, tmp_path: Path
) -> None:
    account.deploy(build)
    found = account.differences(other(tmp_path))
    assert "IssueFunction, live at version 1, has other code: handler.py and 0 more files" in found
    assert "the layer has other code: handler.py" in found
    assert "release 1 has Artefacts=" in found


def test_a_parameter_that_the_stack_does_not_have_yet_is_its_default(
    account: Account, build: Build
) -> None:
    account.stack = replace(account.stack, parameters={})
    account.deploy(build)
    assert account.differences(build) == ""


def test_a_function_that_is_only_built_or_only_deployed_is_found(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    resources = dict(account.stack.resources)
    resources["MoreFunction"] = resources.pop("IssueFunction")
    account.stack = replace(account.stack, resources=resources)
    found = account.differences(build)
    assert "IssueFunction is not deployed" in found
    assert "MoreFunction is not built" in found


def test_a_rollback_moves_all_functions_to_the_release_before(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    assert live.go_back(account.stack, account.functions) == (2, 1)
    assert [account.live(name) for name in ("issue", "validate")] == ["1", "1"]


def test_a_rollback_that_was_interrupted_is_brought_to_its_end(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    account.functions.update_alias(FunctionName="issue", Name="live", FunctionVersion="1")
    assert live.go_back(account.stack, account.functions) == (2, 1)
    assert [account.live(name) for name in ("issue", "validate")] == ["1", "1"]


def test_a_second_rollback_goes_nowhere(account: Account, build: Build) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    live.go_back(account.stack, account.functions)
    with pytest.raises(RollbackError, match="No release before 1 is kept"):
        live.go_back(account.stack, account.functions)


def test_a_function_without_a_version_to_go_back_to_keeps_all_where_they_are(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    account.functions.delete_function(FunctionName="validate", Qualifier="1")
    with pytest.raises(RollbackError, match="validate has no version of release 1"):
        live.go_back(account.stack, account.functions)
    assert [account.live(name) for name in ("issue", "validate")] == ["2", "2"]


def test_a_function_that_came_with_the_release_stays(account: Account, build: Build) -> None:
    resources = dict(account.stack.resources)
    later = resources.pop("ValidateFunction")
    account.stack = replace(account.stack, resources=resources)
    account.deploy(build)
    resources = {**account.stack.resources, "ValidateFunction": later}
    account.stack = replace(account.stack, resources=resources)
    account.deploy(build, LogLevel="DEBUG")
    live.go_back(account.stack, account.functions)
    assert [account.live(name) for name in ("issue", "validate")] == ["1", "1"]


def test_what_was_rolled_back_goes_forward_to_what_the_stack_has(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    assert live.go_forward(account.stack, account.functions) == 0
    live.go_back(account.stack, account.functions)
    assert live.go_forward(account.stack, account.functions) == 2
    assert account.differences(build) == ""


def test_one_older_version_is_kept_and_those_before_it_go(account: Account, build: Build) -> None:
    for level in ("INFO", "DEBUG", "ERROR"):
        account.deploy(build, LogLevel=level)
    before = {"issue": "2", "validate": "2"}
    assert live.remove_versions(account.stack, account.functions, before, way_back=True) == 2
    assert account.versions("issue") == ["2", "3"]


def test_after_a_rollback_the_way_back_is_what_was_served_and_not_what_was_bad(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    live.go_back(account.stack, account.functions)
    before = live.live_versions(account.stack, account.functions)
    account.deploy(build, LogLevel="ERROR")
    live.remove_versions(account.stack, account.functions, before, way_back=True)
    assert account.versions("issue") == ["1", "3"]
    assert live.go_back(account.stack, account.functions) == (3, 1)


def test_a_deployment_that_changed_nothing_leaves_the_way_back(
    account: Account, build: Build
) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    before = live.live_versions(account.stack, account.functions)
    assert live.remove_versions(account.stack, account.functions, before, way_back=True) == 0
    assert account.versions("issue") == ["1", "2"]


def test_the_way_back_can_be_given_up(account: Account, build: Build) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    before = {"issue": "1", "validate": "1"}
    assert live.remove_versions(account.stack, account.functions, before, way_back=False) == 2
    assert account.versions("issue") == ["2"]
    assert account.differences(build) == ""


def test_what_another_alias_names_is_not_removed(account: Account, build: Build) -> None:
    for level in ("INFO", "DEBUG", "ERROR"):
        account.deploy(build, LogLevel=level)
    account.functions.create_alias(FunctionName="issue", Name="canary", FunctionVersion="1")
    live.remove_versions(account.stack, account.functions, {}, way_back=False)
    assert account.versions("issue") == ["1", "3"]
    assert account.versions("validate") == ["3"]


def test_a_function_that_was_never_published_is_said_so(account: Account) -> None:
    with pytest.raises(StackError, match="Not every function has a version that is live"):
        live.live_versions(account.stack, account.functions)
