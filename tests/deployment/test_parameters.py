"""Parameters that do not fit together are refused before anything is built (R1)."""

import shutil
from pathlib import Path

import pytest

from tests.artefacts.building import ROOT
from tests.deployment.parameters import (
    LONGEST_STACK,
    WITHOUT_SNAPSTART,
    ParametersError,
    check,
)
from tests.local.template import TemplateError

OWN = ["Issuer=https://login.example", "AgentClientId=agents", "OperatorClientId=operators"]


def test_r01_two_clients_of_an_issuer_of_ones_own_are_deployed() -> None:
    check([], {})
    check(OWN, {})
    check([*OWN, "CommandLineClientId=command-line"], {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (OWN[:1], "AgentClientId"),
        (OWN[:2], "OperatorClientId"),
        ([*OWN, "OperatorClientId=agents"], "two different clients"),
        ([*OWN, "CommandLineClientId=agents"], "two different clients"),
        (OWN[1:], "Set Issuer"),
        (["Issuer"], "Name=value"),
    ],
    ids=str,
)
def test_r01_one_client_for_both_is_refused_with_what_to_set(given: list[str], said: str) -> None:
    with pytest.raises(ParametersError, match=said):
        check(given, {})


def test_a_parameter_that_there_is_not_is_refused() -> None:
    with pytest.raises(TemplateError, match="Audience"):
        check(["Audience=agents"], {})


def test_r01_what_is_not_named_is_as_the_stack_has_it() -> None:
    deployed = {"Issuer": "https://login.example", "AgentClientId": "a", "OperatorClientId": "b"}
    check(["LogLevel=DEBUG"], deployed)
    check([], deployed | {"ParameterOfBefore": "x"})
    with pytest.raises(ParametersError, match="two different clients"):
        check(["OperatorClientId=a"], deployed)


@pytest.mark.parametrize(
    "configured",
    ['"Issuer=\\"https://login.example\\" AgentClientId=a"', '["Issuer=x", "AgentClientId=a"]'],
)
def test_r01_what_is_not_named_is_as_samconfig_has_it(tmp_path: Path, configured: str) -> None:
    shutil.copy(ROOT / "template.yaml", tmp_path)
    text = f"[default.deploy.parameters]\nparameter_overrides = {configured}\n"
    (tmp_path / "samconfig.toml").write_text(text)
    with pytest.raises(ParametersError, match="OperatorClientId"):
        check([], {}, tmp_path)
    check(OWN, {}, tmp_path)


@pytest.mark.parametrize("region", WITHOUT_SNAPSTART)
def test_a_region_without_snapstart_is_told_before_anything_is_built(region: str) -> None:
    with pytest.raises(ParametersError, match=f"no SnapStart in {region}.*Set SnapStart=off"):
        check([], {}, region=region)
    check(["SnapStart=off"], {}, region=region)
    check([], {"SnapStart": "off"}, region=region)
    check([], {}, region="eu-central-1")


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("cn-north-1", "no SnapStart for Python in China"),
        ("us-gov-west-1", "does not say whether Lambda has SnapStart in GovCloud"),
    ],
)
def test_a_region_that_may_have_no_snapstart_is_told_before_anything_is_built(
    region: str, said: str
) -> None:
    with pytest.raises(ParametersError, match=f"{said}.*{region}.*Set SnapStart=off"):
        check([], {}, region=region)
    check(["SnapStart=off"], {}, region=region)


def test_r03_a_copy_of_the_secret_in_the_stacks_own_region_is_refused() -> None:
    with pytest.raises(ParametersError, match="SecretReplicaRegion is eu-west-1, where the stack"):
        check(["SecretReplicaRegion=eu-west-1"], {}, region="eu-west-1")
    with pytest.raises(ParametersError, match="belongs into another Region"):
        check([], {"SecretReplicaRegion": "eu-west-1"}, region="eu-west-1")
    check(["SecretReplicaRegion=eu-west-1"], {}, region="eu-central-1")
    check(["SecretReplicaRegion="], {"SecretReplicaRegion": "eu-west-1"}, region="eu-west-1")


def test_a_new_stack_with_a_name_that_would_be_cut_is_refused() -> None:
    longest = "l" * LONGEST_STACK
    check([], {}, new_stack=longest)
    with pytest.raises(ParametersError, match=r"has 26 letters. Take 25 at most"):
        check([], {}, new_stack=f"{longest}l")


def cut(stack: str, logical_id: str) -> str:
    """A role or function as CloudFormation calls it in 64 letters, seen in accounts."""
    rest = 64 - len("-123456789012")
    if len(f"{stack}-{logical_id}") > rest:
        stack, logical_id = stack[: rest // 2], logical_id[: rest // 2]
    return f"{stack}-{logical_id}-123456789012"


def test_the_longest_name_of_a_stack_is_whole_in_each_name() -> None:
    for logical_id in ("SweepRole", "ExpirySweepFunctionSweepRole"):
        longest = "l" * LONGEST_STACK
        assert len(cut(longest, logical_id)) <= 64
        assert cut(longest, logical_id).startswith(f"{longest}-")
    longer = "l" * (LONGEST_STACK + 1)
    assert not cut(longer, "ExpirySweepFunctionSweepRole").startswith(f"{longer}-")
