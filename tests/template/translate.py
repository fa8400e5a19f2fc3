"""Print the CloudFormation template that SAM makes of template.yaml, with these parameters.

    python tests/template/translate.py Name=value ...

cfn-lint reads more out of plain CloudFormation than out of SAM's shorthand: a wrong runtime, say.
Runs in the environment of the SAM CLI, not in the one of the tests.
"""

import json
import sys
from pathlib import Path

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

validator = SamTemplateValidator(
    yaml_parse(TEMPLATE.read_text()),
    managed_policy_loader=None,
    parameter_overrides=dict(one.split("=", 1) for one in sys.argv[1:]),
)
json.dump(yaml_parse(validator.get_translated_template_if_valid()), sys.stdout, indent=2)
