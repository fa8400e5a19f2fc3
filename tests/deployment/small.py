"""An account with a small stack in it, deployed the way that CloudFormation deploys one."""

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3

from tests.artefacts.check import read
from tests.deployment import live
from tests.deployment.build import UNNAMED, Build, name, named
from tests.deployment.stack import Resource, Stack
from tests.local.template import DYNAMIC

TEMPLATE = f"""
Parameters:
  LogLevel: {{Type: String, Default: INFO}}
  Front: {{Type: String, Default: "off"}}
Conditions:
  HasFront: !Equals [!Ref Front, "on"]
Globals:
  Function:
    Architectures: [arm64]
    Handler: handler.handler
    MemorySize: 512
    Runtime: python3.13
    Timeout: 29
    Environment:
      Variables:
        LEVEL: !Ref LogLevel
        TABLE: !Ref Table
        KEY: !Sub "{{{{resolve:secretsmanager:${{Table}}:SecretString:key}}}}"
        FRONT_KEY: !If
          - HasFront
          - !Sub "{{{{resolve:secretsmanager:${{Table}}:SecretString:front}}}}"
          - ""
        RELEASE: !Sub "${{Release.VersionNumber}}"
Resources:
  Table: {{Type: "AWS::DynamoDB::Table"}}
  IssueFunction: {{Type: "AWS::Serverless::Function", Properties: {{}}}}
  ValidateFunction: {{Type: "AWS::Serverless::Function", Properties: {{}}}}
  Release:
    Type: AWS::AppConfig::HostedConfigurationVersion
    Properties:
      Content: !Sub |
        {UNNAMED}
        LogLevel: ${{LogLevel}}
"""
FUNCTIONS = {"IssueFunction": "issue", "ValidateFunction": "validate"}
CODE = {"handler.py": b"answer = 1", "static/empty.css": b""}


def built(folder: Path, code: Mapping[str, bytes] = CODE) -> Build:
    """The stack's template and code, as `make build` leaves them."""
    for artefact in (*FUNCTIONS, "LicensingLayer"):
        for path, content in code.items():
            (folder / artefact / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / artefact / path).write_bytes(content)
            os.utime(folder / artefact / path, (0, 0))  # as the Makefiles do: times count, too
    (folder / "template.yaml").write_text(TEMPLATE)
    name(folder)
    return named(folder)


@dataclass
class Account:
    """Where releases are deployed, one after the other."""

    stack: Stack
    functions: Any
    configurations: Any
    archives: dict[str, bytes] = field(default_factory=dict)
    """What is answered at each address of code."""

    def deploy(
        self, build: Build, *, publishes: bool = True, key: str = "of a secret", **parameters: str
    ) -> None:
        """Deploy what was built; without `publishes`, as one that reports success and is stale.

        `key` is what the secret holds that variables refer to.
        """
        self._layer(build)
        self.stack = replace(self.stack, parameters={**self.stack.parameters, **parameters})
        self._release(build)
        template = self.stack.template(build.template)
        for logical_id, function in self.stack.functions.items():
            variables = template.function(logical_id, "Environment")["Environment"]
            variables["Variables"] |= {
                variable: key
                for variable, value in variables["Variables"].items()
                if DYNAMIC in value
            }
            self.functions.update_function_configuration(
                FunctionName=function, Environment=variables, Layers=[self.stack.layer]
            )
            if publishes:
                self.publish(logical_id, zipped(shipped(build, logical_id)))

    def publish(self, logical_id: str, code: bytes) -> None:
        """Publish a version of a function with this code, and let `live` serve it."""
        function = self.stack.functions[logical_id]
        self.functions.update_function_code(FunctionName=function, ZipFile=code)
        version = self.functions.publish_version(FunctionName=function)["Version"]
        arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{function}:{version}"
        self._has(f"{logical_id}Version", "AWS::Lambda::Version", arn)
        found = self.functions.get_function(FunctionName=function, Qualifier=version)
        self.archives[found["Code"]["Location"]] = code
        alias = {"FunctionName": function, "Name": "live", "FunctionVersion": version}
        try:
            self.functions.update_alias(**alias)
        except self.functions.exceptions.ResourceNotFoundException:
            self.functions.create_alias(**alias)

    def versions(self, function: str) -> list[str]:
        """The numbers of the versions that there are."""
        found = self.functions.list_versions_by_function(FunctionName=function)["Versions"]
        return [one["Version"] for one in found if one["Version"] != "$LATEST"]

    def live(self, function: str) -> str:
        """The number of the version that is served."""
        return live.live_versions(self.stack, self.functions)[function]

    def differences(self, build: Build) -> str:
        """How what is live differs from what was built."""
        found = live.differences(
            self.stack, build, self.functions, self.configurations, self.archives.__getitem__
        )
        return "\n".join(found)

    def _layer(self, build: Build) -> None:
        code = zipped(shipped(build, "LicensingLayer"))
        published = self.functions.publish_layer_version(
            LayerName="layer", Content={"ZipFile": code}
        )
        self._has("LicensingLayer", "AWS::Lambda::LayerVersion", published["LayerVersionArn"])
        self.archives[published["Content"]["Location"]] = code

    def _release(self, build: Build) -> None:
        kind = "AWS::AppConfig::HostedConfigurationVersion"
        self._has("Release", kind, "app|profile|0")
        template = self.stack.template(build.template)
        content = template.properties("Release", "Content")["Content"]
        made = self.configurations.create_hosted_configuration_version(
            ApplicationId=self.stack.resources["Releases"].physical_id,
            ConfigurationProfileId=self.stack.resources["ReleaseProfile"].physical_id,
            ContentType="text/plain",
            Content=content.encode(),
        )
        self._has("Release", kind, f"app|profile|{made['VersionNumber']}")

    def _has(self, logical_id: str, kind: str, physical_id: str) -> None:
        resources = {**self.stack.resources, logical_id: Resource(kind, physical_id)}
        self.stack = replace(self.stack, resources=resources)


def opened() -> Account:
    """An account with functions, none of them published yet."""
    functions, configurations = boto3.client("lambda"), boto3.client("appconfig")
    role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    for function in FUNCTIONS.values():
        functions.create_function(
            FunctionName=function,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Architectures=["arm64"],
            Handler="handler.handler",
            MemorySize=512,
            Timeout=29,
            Code={"ZipFile": zipped({})},
        )
    application = configurations.create_application(Name="releases")["Id"]
    profile = configurations.create_configuration_profile(
        ApplicationId=application, Name="release", LocationUri="hosted"
    )["Id"]
    resources = {
        "Table": Resource("AWS::DynamoDB::Table", "licenses"),
        "Releases": Resource("AWS::AppConfig::Application", application),
        "ReleaseProfile": Resource("AWS::AppConfig::ConfigurationProfile", profile),
        **{name: Resource("AWS::Lambda::Function", one) for name, one in FUNCTIONS.items()},
    }
    stack_id = "arn:aws:cloudformation:eu-central-1:123456789012:stack/licensing/0a1b"
    stack = Stack(stack_id, "", {"LogLevel": "INFO"}, {}, resources)
    return Account(stack, functions, configurations)


def shipped(build: Build, artefact: str) -> Mapping[str, bytes]:
    """What is deployed of an artefact, by path."""
    return {str(file.path): file.content for file in read(build.folder / artefact)}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as Lambda keeps them."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for path, content in files.items():
            opened.writestr(path, content)
    return archive.getvalue()
