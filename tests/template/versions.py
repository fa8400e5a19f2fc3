"""Which versions of functions a deployment publishes: `python versions.py` fails if one is missing.

All code of the service is in the layer. A deployment that changes it alone has to publish a new
version of every function, or `live` goes on serving the old one; one that changes nothing publishes
none. SAM decides that by the logical ids of versions, so the template is translated and they are
looked at.

Runs in the environment of the SAM CLI, not in the one of the tests.
"""

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
LAYER = "LicensingLayer"


def versions(template: dict[str, Any], layer: str) -> dict[str, str]:
    """The logical id of each function's version, if the layer's code is at this address."""
    packaged = deepcopy(template)
    packaged["Resources"][LAYER]["Properties"]["ContentUri"] = layer
    validator = SamTemplateValidator(packaged, managed_policy_loader=None)
    translated = yaml_parse(validator.get_translated_template_if_valid())
    return {
        resource["Properties"]["FunctionName"]["Ref"]: logical_id
        for logical_id, resource in translated["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


def main() -> int:
    """Compare what three deployments publish; 1 if it is not what was changed."""
    template = yaml_parse(TEMPLATE.read_text())
    before, same, after = (
        versions(template, f"s3://bucket/{code}") for code in ("before", "before", "after")
    )
    stale = sorted(name for name, version in before.items() if after[name] == version)
    if not before or stale:
        sys.stderr.write(f"A new layer publishes no version of {', '.join(stale) or 'anything'}\n")
    if same != before:
        sys.stderr.write("Versions are published though nothing has changed\n")
    return int(not before or bool(stale) or same != before)


if __name__ == "__main__":
    sys.exit(main())
