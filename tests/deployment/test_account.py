"""`make deploy` says where it goes, or what is missing; what it prints can be used."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.deployment.__main__ import sam_deploy
from tests.deployment.account import told
from tests.template.test_template import TEMPLATE

ROOT = Path(__file__).parents[2]
NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "No AWS Region: set AWS_DEFAULT_REGION"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "No AWS credentials: set AWS_PROFILE"),
    ],
)
def test_what_is_missing_to_deploy_is_said(variables: dict[str, str], says: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, ROOT / "tests/deployment/account.py"],
        env=kept | NOWHERE | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(says)
    assert "Traceback" not in ran.stderr


def test_where_it_goes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        assert told().startswith("123456789012 in eu-west-1, as arn:aws:")


def test_a_deployment_shows_its_changes_first_and_asks_for_no_more_than_roles() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    assert config["confirm_changeset"] is True
    assert config["capabilities"] == "CAPABILITY_IAM"
    for role in TEMPLATE.of_type("AWS::IAM::Role"):
        assert "RoleName" not in TEMPLATE.properties(role, "RoleName")


def test_a_value_with_blanks_reaches_sam_as_one() -> None:
    options = ["--parameter-overrides", "PortalScope=a b", "X=c"]
    assert sam_deploy("one", options)[1:] == [
        "deploy",
        "--stack-name",
        "one",
        "--parameter-overrides",
        'PortalScope="a b"',
        "X=c",
    ]
