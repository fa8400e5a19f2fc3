"""Another stack takes over what outlives one, and its next deployment changes nothing of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.artefacts.building import ROOT
from tests.deployment import kept
from tests.local.template import Template
from tests.template.deployed import deployed

DATA = {
    "LicenseTable": "AWS::DynamoDB::Table",
    "SigningSecret": "AWS::SecretsManager::Secret",
    "UserPool": "AWS::Cognito::UserPool",
}
OWN = {
    "Issuer": "https://login.example",
    "AgentClientId": "agents",
    "OperatorClientId": "operators",
}


def resources(**parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = kept.template(deployed(**parameters))["Resources"]
    return found


def test_table_secret_and_user_pool_are_taken_over_under_their_logical_ids() -> None:
    assert {name: one["Type"] for name, one in resources().items()} == DATA


@pytest.mark.parametrize(
    "parameters", [{}, {"DeletionProtection": "off"}, {"SecretReplicaRegion": "eu-west-1"}], ids=str
)
def test_r03_the_next_deployment_finds_them_as_its_template_says(
    parameters: dict[str, str],
) -> None:
    template = deployed(**parameters)
    for name, resource in resources(**parameters).items():
        assert resource["Properties"] == template.properties(name)


def test_whatever_becomes_of_the_import_they_are_kept() -> None:
    for resource in resources().values():
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_where_an_issuer_is_named_there_is_no_user_pool_to_take_over() -> None:
    assert resources(**OWN).keys() == DATA.keys() - {"UserPool"}


def test_an_import_has_nothing_beside_its_resources() -> None:
    assert kept.template(deployed()).keys() == {
        "AWSTemplateFormatVersion",
        "Description",
        "Resources",
    }


def test_what_is_taken_over_is_told_in_no_words_that_only_aws_can_fill_in() -> None:
    # Region and account are made up here, and would be wrong there.
    template = Template(ROOT / "template.yaml", pseudo_parameters=dict.fromkeys(PSEUDO, MADE_UP))
    assert MADE_UP not in json.dumps(kept.template(template))


MADE_UP = "made-up"
PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::URLSuffix")


def printed(*parameters: str) -> Iterator[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.deployment", "kept", "--", *parameters],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "shared"},
        capture_output=True,
        text=True,
        check=True,
    )
    yield from json.loads(ran.stdout)["Resources"]


def test_the_command_prints_it_with_the_parameters_that_are_named() -> None:
    assert set(printed()) == DATA.keys()
    own = [f"{name}={value}" for name, value in OWN.items()]
    assert set(printed(*own)) == DATA.keys() - {"UserPool"}
