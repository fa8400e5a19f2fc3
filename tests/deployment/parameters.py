"""Whether the parameters of a deployment fit together: asked before anything is built.

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


class ParametersError(Exception):
    """The parameters do not fit together; the message says what to set."""


def check(
    given: Sequence[str],
    deployed: Mapping[str, str],
    root: Path = ROOT,
    *,
    region: str | None = None,
) -> None:
    """Raises :class:`ParametersError`, or `TemplateError` for a parameter that there is not.

    `given` are written `Name=value`; without any, those of `samconfig.toml` count. `deployed` are
    those of the stack as it is, which keeps what is not named.
    """
    template = root / "template.yaml"
    named = _named(given or configured(root / "samconfig.toml"))
    known = Template(template).parameters
    kept = {name: value for name, value in deployed.items() if name in known}
    resolved = Template(template, kept | named)
    broken = resolved.broken_rules()
    if region in WITHOUT_SNAPSTART and resolved.resolve({"Ref": "SnapStart"}) == "on":
        broken.append(
            f"Lambda has no SnapStart in {region}, {WITHOUT_SNAPSTART[region]}. Set SnapStart=off, "
            "and functions take about a second longer after a pause; or deploy to another Region."
        )
    if broken:
        raise ParametersError("\n".join(("Nothing was built or deployed.", *broken)))


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
