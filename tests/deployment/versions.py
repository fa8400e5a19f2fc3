"""Which versions of functions a deployment publishes: `python -m tests.deployment.versions`.

`live` serves a published version. A deployment that changes code or settings of a function has to
publish a new one, or `live` goes on serving the old one while the deployment reports success; one
that changes nothing publishes none. CloudFormation makes a new version where its logical id is new,
which SAM derives from the template's text, or where its description is. So the template is
translated, and both are looked at for another layer and for another value of each parameter.

Runs in the environment of the SAM CLI, not in the one of the tests.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

from tests.template.deployed import deployed

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
LAYER = "LicensingLayer"
RELEASE = "Release"

_OTHERS = ("https://one.example", "https://two.example")  # fit for each parameter of text


@dataclass(frozen=True)
class Deployment:
    """What a deployment makes of each function, by its logical id."""

    versions: Mapping[str, tuple[str, str]]
    """A version's logical id and description; another of either is another version."""
    properties: Mapping[str, Any]
    """What a version keeps, but for the number of its release."""
    releases: frozenset[str]
    """The number of the release in each function."""
    unkept: frozenset[str]
    """The functions whose version goes as soon as there is another."""


def translated(template: Mapping[str, Any], layer: str = "s3://bucket/layer") -> dict[str, Any]:
    """The resources that SAM makes of the template, with the layer's code at this address."""
    packaged = deepcopy(dict(template))
    packaged["Resources"][LAYER]["Properties"]["ContentUri"] = layer
    validator = SamTemplateValidator(packaged, managed_policy_loader=None)
    made: dict[str, Any] = yaml_parse(validator.get_translated_template_if_valid())
    return dict(made["Resources"])


def deployment(resources: Mapping[str, Any], parameters: Mapping[str, str]) -> Deployment:
    """What CloudFormation makes of these resources with these parameters."""
    resolved = deployed(**parameters)
    # Each content has a number of its own.
    content = resolved.resolve(resources[RELEASE]["Properties"]["Content"])
    number = sha256(content.encode()).hexdigest()
    resolved.created(RELEASE, number, VersionNumber=number)
    versions, properties = {}, {}
    releases, unkept = set(), set()
    for logical_id in (name for name in resources if name.startswith(LAYER)):
        resolved.created(logical_id, logical_id)
    for logical_id, resource in resources.items():
        kept = {k: v for k, v in resource.get("Properties", {}).items() if k != "Role"}
        if resource["Type"] == "AWS::Lambda::Version":
            function = kept["FunctionName"]["Ref"]
            versions[function] = (logical_id, resolved.resolve(kept.get("Description", "")))
            if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
                unkept.add(function)
        elif resource["Type"] == "AWS::Lambda::Function":
            properties[logical_id] = resolved.resolve(kept)
            releases.add(properties[logical_id]["Environment"]["Variables"].pop("RELEASE"))
    return Deployment(versions, properties, frozenset(releases), frozenset(unkept))


def changes(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str], str]]:
    """Each parameter, the values of all, and another value of this one.

    Some reach a function only where another one is set: all have their defaults once, and all
    another value once.
    """
    plain = {name: str(parameter["Default"]) for name, parameter in parameters.items()}
    full = {name: _other(parameter, plain[name]) for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        yield name, plain, full[name]
        yield name, full, _other(parameter, full[name])


def _other(parameter: Mapping[str, Any], value: str) -> str:
    least = int(parameter.get("MinValue", 0))
    others = (str(least), str(least + 1)) if parameter["Type"] == "Number" else _OTHERS
    candidates = parameter.get("AllowedValues", others)
    return next(str(other) for other in candidates if str(other) != value)


def wrong(template: Mapping[str, Any]) -> Iterator[str]:
    """What is not published though it changed, or published though nothing did."""
    resources = translated(template)
    defaults: dict[str, str] = {}
    before = deployment(resources, defaults)
    if not before.versions or before.versions.keys() != before.properties.keys():
        yield "Not every function has a version"
    if before.unkept:
        yield f"The version before is not kept, of {', '.join(sorted(before.unkept))}"
    if deployment(translated(template), defaults) != before:
        yield "Versions are published though nothing has changed"
    other = deployment(translated(template, "s3://bucket/other"), defaults)
    yield from _stale("another layer", before, other, before.versions)
    reaching, publishing = set(), set()
    for name, values, value in changes(template["Parameters"]):
        before = deployment(resources, values)
        after = deployment(resources, {**values, name: value})
        reached = [f for f, kept in before.properties.items() if kept != after.properties[f]]
        yield from _stale(f"{name}={value}", before, after, reached)
        # Lambda publishes no version of a function that is as it was.
        if before.versions != after.versions and before.releases & after.releases:
            yield f"{name}={value} publishes versions that do not differ"
        reaching |= {name} if reached else set()
        publishing |= {name} if before.versions != after.versions else set()
    for name in sorted(publishing - reaching):
        yield f"{name} reaches no function, and publishes versions"


def _stale(
    change: str, before: Deployment, after: Deployment, reached: Collection[str]
) -> Iterator[str]:
    stale = sorted(name for name in reached if after.versions[name] == before.versions[name])
    if stale:
        yield f"{change} publishes no version of {', '.join(stale)}"


def main() -> int:
    """Tell what is wrong; 1 if anything is."""
    template = yaml_parse(TEMPLATE.read_text())
    found = [*wrong(template)]
    for line in found:
        sys.stdout.write(f"WRONG {line}\n")
    if not found:
        sys.stdout.write(
            "another layer and another value of each of "
            f"{len(template['Parameters'])} parameters publish what they reach\n"
        )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
