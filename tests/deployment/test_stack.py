"""A stack is read as CloudFormation tells of it; what is missing is said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.deployment.stack import Resource, Stack, StackError, read

TEMPLATE = """
Parameters:
  LogLevel: {Type: String, Default: INFO}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: letters}}
Outputs:
  ApiUrl: {Value: "https://api.example"}
"""


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


def test_a_stack_is_its_parameters_outputs_and_resources(cloudformation: Any) -> None:
    given = [{"ParameterKey": "LogLevel", "ParameterValue": "DEBUG"}]
    cloudformation.create_stack(StackName="one", TemplateBody=TEMPLATE, Parameters=given)
    found = read("one", cloudformation)
    assert found.parameters == {"LogLevel": "DEBUG"}
    assert found.outputs == {"ApiUrl": "https://api.example"}
    assert found.resources["Queue"].type == "AWS::SQS::Queue"
    assert found.resources["Queue"].physical_id.endswith("/letters")


def test_a_stack_that_is_not_there_is_said_so(cloudformation: Any) -> None:
    with pytest.raises(StackError, match=r"There is no stack one\. Name another one: STACK="):
        read("one", cloudformation)


def test_a_stack_of_another_template_is_said_so() -> None:
    with pytest.raises(StackError, match=r"0 of AWS::Lambda::LayerVersion, not one.*make deploy"):
        _ = stack().layer


@pytest.mark.parametrize("physical_id", ["12", "abc123d|efg4567|12"])
def test_the_number_of_a_release_is_the_last_part_of_its_id(physical_id: str) -> None:
    kind = "AWS::AppConfig::HostedConfigurationVersion"
    assert stack(Release=Resource(kind, physical_id)).release == 12


def test_the_versions_are_those_that_the_stack_has() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:issue:12"
    assert stack(Version=Resource("AWS::Lambda::Version", arn)).versions == {"issue": "12"}


@pytest.mark.parametrize(
    ("region", "suffix"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
def test_a_template_is_resolved_as_it_is_for_the_stack(
    tmp_path: Path, region: str, suffix: str
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Parameters: {LogLevel: {Type: String, Default: INFO}}\n"
        "Resources: {Queue: {Type: 'AWS::SQS::Queue'}}\n"
    )
    kind = "AWS::AppConfig::HostedConfigurationVersion"
    resources = {"Release": Resource(kind, "3"), "Queue": Resource("AWS::SQS::Queue", "letters")}
    template = stack(region, **resources).template(path)
    said = (
        "${AWS::StackName} ${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix} ${LogLevel} ${Queue}"
    )
    wanted = f"one {region} 123456789012 {suffix} DEBUG letters"
    assert template.resolve({"Fn::Sub": said}) == wanted


def stack(region: str = "eu-west-1", **resources: Resource) -> Stack:
    stack_id = f"arn:aws:cloudformation:{region}:123456789012:stack/one/0a1b"
    # A parameter of an older template is not asked for.
    return Stack(stack_id, "", {"LogLevel": "DEBUG", "Gone": "x"}, {}, resources)
