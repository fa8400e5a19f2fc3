"""What outlives a stack, as a template of its own: `python -m tests.deployment kept`.

Another stack takes over table, secret and user pool of one that was deleted. Secret and pool have
no name that a template could give: CloudFormation imports them by a change set of type IMPORT,
which has nothing else in it, and no outputs. This is the template of that change set.

What this module guarantees:

* Every resource that outlives the stack is in it, under its logical id, with exactly the properties
  that `template.yaml` gives it with the same parameters: the next deployment changes none of them.
  (A secret that is generated otherwise would be a new one.)
* It is kept, whatever becomes of the import: `DeletionPolicy` is `Retain`.
"""

from collections.abc import Mapping
from typing import Any

from tests.local.template import Template

RETAINED = ("Retain", "RetainExceptOnCreate")


def template(of: Template) -> Mapping[str, Any]:
    """The template, as CloudFormation takes it."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What outlived a stack, to be taken over.",
        "Resources": {
            logical_id: {
                "Type": resource_type,
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": of.properties(logical_id),
            }
            for logical_id, resource_type in of.with_deletion_policy(RETAINED).items()
        },
    }
