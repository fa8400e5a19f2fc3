"""A stack that is deployed, as CloudFormation tells of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.local.template import Template

_GONE = {"DELETE_COMPLETE", "DELETE_SKIPPED"}
_NUMBER_AT_THE_END = re.compile(r"\d+$")


class StackError(Exception):
    """There is no such stack, or not all of it; the message says what to do."""


@dataclass(frozen=True)
class Resource:
    """One resource of a stack."""

    type: str
    physical_id: str


@dataclass(frozen=True)
class Stack:
    """What is deployed under a name."""

    stack_id: str  # its ARN
    changed: str
    """When it was changed last, and how that ended: another one is another deployment."""
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, Resource]  # by logical id

    @property
    def functions(self) -> Mapping[str, str]:
        """What each function is called on AWS, by logical id."""
        return {
            logical_id: resource.physical_id
            for logical_id, resource in self.resources.items()
            if resource.type == "AWS::Lambda::Function"
        }

    @property
    def versions(self) -> Mapping[str, str]:
        """The number of the version that the stack has of a function, by the function's name."""
        arns = (
            resource.physical_id.split(":")
            for resource in self.resources.values()
            if resource.type == "AWS::Lambda::Version"
        )
        return {arn[-2]: arn[-1] for arn in arns}

    @property
    def layer(self) -> str:
        """The ARN of its layer's version."""
        return self._only("AWS::Lambda::LayerVersion").physical_id

    @property
    def table(self) -> str:
        """The name of its table, which is another resource's once it has been restored."""
        try:
            return self.outputs["TableName"]
        except KeyError:
            raise StackError(
                "The stack has no output TableName: it was not deployed from this template, or its "
                "deployment did not finish. Run `make deploy`."
            ) from None

    @property
    def release(self) -> int:
        """The number of its release."""
        physical_id = self._only("AWS::AppConfig::HostedConfigurationVersion").physical_id
        found = _NUMBER_AT_THE_END.search(physical_id)
        if found is None:
            raise StackError(f"{physical_id} is not the number of a release.")
        return int(found[0])

    def template(self, path: Path) -> Template:
        """What this template says for this stack: with its parameters and its resources."""
        _, _, _, region, account, name = self.stack_id.split(":", 5)
        known = Template(path).parameters
        template = Template(
            path,
            {name: value for name, value in self.parameters.items() if name in known},
            {
                "AWS::AccountId": account,
                "AWS::Region": region,
                "AWS::StackId": self.stack_id,
                "AWS::StackName": name.split("/")[1],
                "AWS::URLSuffix": "amazonaws.com.cn"
                if region.startswith("cn-")
                else "amazonaws.com",
            },
        )
        for logical_id, resource in self.resources.items():
            template.created(logical_id, resource.physical_id)
        template.created("Release", str(self.release), VersionNumber=str(self.release))
        return template

    def _only(self, resource_type: str) -> Resource:
        found = [one for one in self.resources.values() if one.type == resource_type]
        if len(found) != 1:
            raise StackError(
                f"The stack has {len(found)} of {resource_type}, not one: it was not deployed from "
                "this template, or its deployment did not finish. Run `make deploy`."
            )
        return found[0]


def read(name: str, cloudformation: Any) -> Stack:
    """The stack of this name. Raises :class:`StackError` if there is none."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise StackError(f"There is no stack {name}. Name another one: STACK=<name>.") from None
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":
        raise StackError(
            f"The stack {name} does not exist yet: its first changes were not confirmed."
        )
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    changed = found.get("LastUpdatedTime", found["CreationTime"])
    return Stack(
        found["StackId"],
        f"{found['StackStatus']} {changed:%Y-%m-%dT%H:%M:%S.%f}",
        {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])},
        {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        {
            one["LogicalResourceId"]: Resource(one["ResourceType"], one["PhysicalResourceId"])
            for page in pages
            for one in page["StackResourceSummaries"]
            if "PhysicalResourceId" in one and one["ResourceStatus"] not in _GONE
        },
    )
