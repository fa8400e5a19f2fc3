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
from tests.template.deployed import deployed as deployed_with

pytestmark = pytest.mark.sampled(3)


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
    assert "IssueFunction, live at version 1, does not have the layer" in found
    assert "release 1 is live instead of 2: IssueFunction, ValidateFunction" in found


def test_one_function_that_was_left_behind_is_found(account: Account, build: Build) -> None:
    account.deploy(build)
    account.deploy(build, LogLevel="DEBUG")
    account.functions.update_alias(FunctionName="issue", Name="live", FunctionVersion="1")
    assert "release 1 is live instead of 2: IssueFunction\n" in account.differences(build) + "\n"


def test_code_that_was_built_and_not_deployed_is_found(
    account: Account, build: Build, tmp_path: Path
) -> None:
    account.deploy(build)
    found = account.differences(other(tmp_path))
    assert (
        "IssueFunction, live at version 1, has different code: handler.py and 0 more files" in found
    )
    assert "the layer has different code: handler.py" in found
    assert "release 1 has Artefacts=" in found


def test_of_bytecode_it_is_compared_whether_it_is_there_and_gives_way_to_its_source(
    account: Account, tmp_path: Path
) -> None:
    def code(flags: int, written: bytes) -> dict[str, bytes]:
        compiled = bytes(4) + flags.to_bytes(4, "little") + written
        return {**small.CODE, "__pycache__/handler.cpython-313.pyc": compiled}

    build = built(tmp_path, code(3, b"by this 3.13"))
    account.deploy(build)
    account.publish("IssueFunction", small.zipped(code(3, b"by another 3.13")))
    assert account.differences(build) == ""
    for other in (code(1, b"by this 3.13"), dict(small.CODE)):
        account.publish("IssueFunction", small.zipped(other))
        assert "different code: __pycache__/handler" in account.differences(build)


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


def deployed(account: Account, build: Build, *levels: str) -> None:
    """Deploy one release after the other, each put on record as `make deploy` does."""
    for level in levels:
        try:
            before = live.live_versions(account.stack, account.functions)
        except StackError:
            before = {}
        account.deploy(build, LogLevel=level)
        live.record(account.stack, account.functions, before)


def served(account: Account) -> list[str]:
    return [account.live(name) for name in ("issue", "validate")]


def test_a_rollback_moves_all_functions_to_what_was_live_before(
    account: Account, build: Build
) -> None:
    deployed(account, build, "INFO", "DEBUG")
    assert live.go_back(account.stack, account.functions) == (2, 1)
    assert served(account) == ["1", "1"]


def test_a_rollback_that_was_interrupted_is_brought_to_its_end(
    account: Account, build: Build
) -> None:
    deployed(account, build, "INFO", "DEBUG")
    account.functions.update_alias(FunctionName="issue", Name="live", FunctionVersion="1")
    assert live.go_back(account.stack, account.functions) == (2, 1)
    assert served(account) == ["1", "1"]


def test_a_second_rollback_asks_where_to(account: Account, build: Build) -> None:
    deployed(account, build, "INFO", "DEBUG")
    live.go_back(account.stack, account.functions)
    with pytest.raises(RollbackError, match=r"before 1 is not on record.*kept: 1, 2\."):
        live.go_back(account.stack, account.functions)
    assert served(account) == ["1", "1"]


def test_a_rollback_goes_to_the_release_that_is_named(account: Account, build: Build) -> None:
    deployed(account, build, "INFO", "DEBUG")
    live.go_back(account.stack, account.functions)
    assert live.go_back(account.stack, account.functions, to=2) == (1, 2)
    assert account.differences(build) == ""


def test_what_was_deployed_without_a_record_is_not_guessed(account: Account, build: Build) -> None:
    """After 2 was rolled back and 3 deployed by other means, the release before 3 is 1, not 2."""
    deployed(account, build, "INFO", "DEBUG")
    live.go_back(account.stack, account.functions)
    account.deploy(build, LogLevel="ERROR")
    with pytest.raises(RollbackError, match="before 3 is not on record"):
        live.go_back(account.stack, account.functions)


def test_after_a_rollback_the_way_back_is_what_was_served_and_not_what_was_bad(
    account: Account, build: Build
) -> None:
    deployed(account, build, "INFO", "DEBUG")
    live.go_back(account.stack, account.functions)
    deployed(account, build, "ERROR")
    live.remove_versions(account.stack, account.functions)
    assert account.versions("issue") == ["1", "3"]
    assert live.go_back(account.stack, account.functions) == (3, 1)


@pytest.mark.parametrize("to", [None, 1])
def test_a_function_without_a_version_to_go_to_keeps_all_where_they_are(
    account: Account, build: Build, to: int | None
) -> None:
    deployed(account, build, "INFO", "DEBUG")
    account.functions.delete_alias(FunctionName="validate", Name=live.BEFORE)
    account.functions.delete_function(FunctionName="validate", Qualifier="1")
    with pytest.raises(RollbackError, match=r"validate has no version of release 1.*kept: 1, 2\."):
        live.go_back(account.stack, account.functions, to)
    assert served(account) == ["2", "2"]


def test_a_function_that_came_with_the_release_stays(account: Account, build: Build) -> None:
    resources = dict(account.stack.resources)
    later = resources.pop("ValidateFunction")
    account.stack = replace(account.stack, resources=resources)
    deployed(account, build, "INFO")
    resources = {**account.stack.resources, "ValidateFunction": later}
    account.stack = replace(account.stack, resources=resources)
    before = {"issue": "1"}
    account.deploy(build, LogLevel="DEBUG")
    live.record(account.stack, account.functions, before)
    live.go_back(account.stack, account.functions)
    assert served(account) == ["1", "1"]


def test_a_deployment_that_failed_leaves_what_was_served(account: Account, build: Build) -> None:
    """CloudFormation goes back to what the stack had, which was left behind by a rollback."""
    deployed(account, build, "INFO", "DEBUG")
    live.go_back(account.stack, account.functions)
    before = live.live_versions(account.stack, account.functions)
    account.functions.update_alias(FunctionName="issue", Name="live", FunctionVersion="2")
    assert live.restore(account.stack, account.functions, before) == 1
    assert served(account) == ["1", "1"]


def test_versions_of_a_release_that_failed_are_removed(account: Account, build: Build) -> None:
    deployed(account, build, "INFO")
    stack = account.stack
    account.deploy(build, LogLevel="DEBUG")
    live.restore(stack, account.functions, {"issue": "1", "validate": "1"})
    assert live.remove_versions(stack, account.functions, above=stack.release) == 2
    assert account.versions("issue") == ["1"]


def test_one_older_version_is_kept_and_those_before_it_go(account: Account, build: Build) -> None:
    deployed(account, build, "INFO", "DEBUG", "ERROR")
    assert live.remove_versions(account.stack, account.functions) == 2
    assert account.versions("issue") == ["2", "3"]


def test_a_deployment_that_changed_nothing_leaves_the_record(
    account: Account, build: Build
) -> None:
    deployed(account, build, "INFO", "DEBUG")
    before = live.live_versions(account.stack, account.functions)
    assert not live.record(account.stack, account.functions, before)
    assert live.go_back(account.stack, account.functions) == (2, 1)


def test_the_way_back_can_be_given_up(account: Account, build: Build) -> None:
    deployed(account, build, "INFO", "DEBUG")
    live.forget(account.stack, account.functions)
    assert live.remove_versions(account.stack, account.functions) == 2
    assert account.versions("issue") == ["2"]
    assert account.differences(build) == ""


def test_what_another_alias_names_is_not_removed(account: Account, build: Build) -> None:
    deployed(account, build, "INFO", "DEBUG", "ERROR")
    account.functions.create_alias(FunctionName="issue", Name="canary", FunctionVersion="1")
    live.remove_versions(account.stack, account.functions)
    assert account.versions("issue") == ["1", "2", "3"]
    assert account.versions("validate") == ["2", "3"]


def test_a_function_that_was_never_published_is_said_so(account: Account) -> None:
    with pytest.raises(StackError, match="Not every function has a live version"):
        live.live_versions(account.stack, account.functions)


def test_a_secret_is_neither_compared_nor_told(account: Account, build: Build) -> None:
    for key in ("of a secret", "of another one"):
        account.deploy(build, key=key)
        assert account.differences(build) == ""


@pytest.mark.parametrize("key", ["{{resolve:secretsmanager:arn:SecretString:key}}", ""], ids=repr)
def test_a_secret_that_was_not_read_is_found(account: Account, build: Build, key: str) -> None:
    account.deploy(build, key=key)
    found = account.differences(build)
    assert "IssueFunction, live at version 1, does not have KEY, which a secret holds" in found
    assert "FRONT_KEY" not in found


def test_after_a_rollback_a_key_that_is_not_built_any_more_is_found_and_not_told(
    account: Account, build: Build
) -> None:
    """`Front` is set to off again, which empties the variable; the release before has the key."""
    deployed(account, build, "INFO")
    account.deploy(build, key="of the front", Front="on")
    before = live.live_versions(account.stack, account.functions)
    account.deploy(build, key="of the front", Front="off")
    live.record(account.stack, account.functions, before)
    live.go_back(account.stack, account.functions)
    found = account.differences(build)
    assert "IssueFunction, live at version 2, has another FRONT_KEY than was built" in found
    assert "of the front" not in found


def test_after_a_rollback_a_key_that_was_not_there_yet_is_found(
    account: Account, build: Build
) -> None:
    deployed(account, build, "INFO")
    before = live.live_versions(account.stack, account.functions)
    account.deploy(build, Front="on")
    live.record(account.stack, account.functions, before)
    live.go_back(account.stack, account.functions)
    said = "IssueFunction, live at version 1, does not have FRONT_KEY, which a secret holds"
    assert said in account.differences(build)


def test_the_value_of_a_variable_that_was_not_built_is_not_told(
    account: Account, build: Build
) -> None:
    """It may be a secret's that another release read."""
    account.deploy(build)
    found = account.functions.get_function_configuration(FunctionName="issue")["Environment"]
    more = {"Variables": {**found["Variables"], "OLD_KEY": "of an old one"}}
    account.functions.update_function_configuration(FunctionName="issue", Environment=more)
    account.publish("IssueFunction", small.zipped(build.files("IssueFunction")))
    said = account.differences(build)
    assert "IssueFunction, live at version 2, has another OLD_KEY than was built" in said
    assert "of an old one" not in said


def test_the_keys_of_cursors_and_of_the_front_are_secret_however_the_stack_is_set() -> None:
    for front in ("on", "off"):
        template = deployed_with(BehindCloudFront=front)
        assert template.secret_variables("LicensesFunction") == {"CURSOR_KEY", "ORIGIN_KEY"}
        assert template.secret_variables("ValidateFunction") == {"ORIGIN_KEY"}


def test_another_memory_size_is_found(account: Account, build: Build) -> None:
    account.deploy(build)
    account.functions.update_function_configuration(FunctionName="issue", MemorySize=1024)
    account.publish("IssueFunction", small.zipped(build.files("IssueFunction")))
    assert "IssueFunction, live at version 2, has MemorySize=1024" in account.differences(build)
