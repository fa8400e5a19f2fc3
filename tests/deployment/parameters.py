"""Whether the parameters of a deployment fit together, and its Region: asked before it is built.

CloudFormation refuses by the same rules of the template before it changes anything, but only once
all is built and uploaded.
"""

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.artefacts.building import ROOT
from tests.local.template import Template

WITHOUT_SNAPSTART = {
    "ap-east-2": "Asia Pacific (Taipei)",
    "ap-southeast-6": "Asia Pacific (New Zealand)",
}
"""Regions where Lambda takes no snapshots, by AWS's documentation, in November 2026."""

UNTOLD_SNAPSTART = {
    "cn-": "AWS's documentation says that Lambda has no SnapStart for Python in China",
    "us-gov-": "AWS's documentation does not say whether Lambda has SnapStart in GovCloud",
}
"""How Regions begin that are not among those where Lambda is said to take snapshots, and why."""

LONGEST_STACK = 25  # letters
"""The longest name of a new stack.

CloudFormation calls a function or a role `<stack>-<logical id>-<12 letters>`, in 64 letters at
most. If that is too long, it cuts the first two to 25 each: AWS does not document it, but accounts
show it. A longer stack's name is cut in some names and not in others, and a pipeline's role, which
may reach `<stack>-*`, fails at those.
"""


class ParametersError(Exception):
    """The parameters do not fit together; the message says what to set."""


def check(
    given: Sequence[str],
    deployed: Mapping[str, str],
    root: Path = ROOT,
    *,
    region: str | None = None,
    new_stack: str | None = None,
) -> None:
    """Raises :class:`ParametersError`, or `TemplateError` for a parameter that there is not.

    `given` are written `Name=value`; without any, those of `samconfig.toml` count. `deployed` are
    those of the stack as it is, which keeps what is not named; if there is none yet, `new_stack` is
    what it is going to be called.
    """
    template = root / "template.yaml"
    named = _named(given or configured(root / "samconfig.toml"))
    known = Template(template).parameters
    kept = {name: value for name, value in deployed.items() if name in known}
    resolved = Template(template, kept | named)
    broken = resolved.broken_rules()
    if new_stack and len(new_stack) > LONGEST_STACK:
        broken.append(
            f"{new_stack} has {len(new_stack)} letters. Take {LONGEST_STACK} at most for a stack: "
            "CloudFormation cuts longer ones in the names of functions and roles, and a pipeline's "
            "role could not reach them. Name another one: STACK=<name>."
        )
    if region and resolved.resolve({"Ref": "SnapStart"}) == "on":
        broken += _without_snapstart(region)
    if region and resolved.resolve({"Ref": "SecretReplicaRegion"}) == region:
        broken.append(
            f"SecretReplicaRegion is {region}, where the stack is: a copy of the server secret "
            "belongs into another Region. Name one, or none."
        )
    if broken:
        raise ParametersError("\n".join(("Nothing was built or deployed.", *broken)))


def _without_snapstart(region: str) -> list[str]:
    """Why this Region has no snapshots, or may have none; nothing where it has them."""
    if region in WITHOUT_SNAPSTART:
        why = f"Lambda has no SnapStart in {region}, {WITHOUT_SNAPSTART[region]}"
    else:
        told = [said for begins, said in UNTOLD_SNAPSTART.items() if region.startswith(begins)]
        why = f"{told[0]} ({region})" if told else ""
    then = "Set SnapStart=off, and agents wait about a second longer after a pause; or deploy to"
    return [f"{why}. {then} another Region."] if why else []


def template(given: Sequence[str], stack: str, root: Path = ROOT) -> Template:
    """The template with the parameters that are `given`, or else those of `samconfig.toml`.

    Raises as :func:`check` does.
    """
    check(given, {}, root)
    named = _named(given or configured(root / "samconfig.toml"))
    return Template(root / "template.yaml", named, {"AWS::StackName": stack})


def _named(given: Sequence[str]) -> dict[str, str]:
    parts = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _ in parts if not equals]:
        raise ParametersError(f"Write parameters as Name=value, not {', '.join(wrong)}.")
    return {name: value for name, _, value in parts}


def configured(path: Path) -> list[str]:
    """The parameters that a `samconfig.toml` names, written `Name=value`."""
    config = tomllib.loads(path.read_text("utf-8"))
    named = config["default"]["deploy"]["parameters"].get("parameter_overrides", "")
    return shlex.split(named) if isinstance(named, str) else [*named]
