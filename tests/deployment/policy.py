"""The stack policy: what no deployment may do to a stack's data, whatever its template says.

`stack-policy.json` refuses every change of the server secret, and the replacement and removal of
tables and user pools. CloudFormation would write a new secret if how it is generated changed; by
AWS's documentation it does not if tags or copies in other Regions do, but only an account can show
that. Tables and pools may be changed: they get new indexes and settings. A table is known by its
type, since a restored one has another logical id.

`make deploy` sets the policy after each deployment. CloudFormation takes none away again, so what
lifts it for a while is one that allows everything.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POLICY = Path(__file__).with_name("stack-policy.json")
OPEN = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        ]
    }
)


def protect(stack: str, cloudformation: Any) -> None:
    """Let no deployment of the stack touch what the policy protects."""
    cloudformation.set_stack_policy(
        StackName=stack, StackPolicyBody=POLICY.read_text(encoding="utf-8")
    )


@contextmanager
def lifted(stack: str, cloudformation: Any) -> Iterator[None]:
    """Allow everything meanwhile; however that ends, the policy is back."""
    cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=OPEN)
    try:
        yield
    finally:
        protect(stack, cloudformation)
