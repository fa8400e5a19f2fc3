"""The functions as Lambda finds them: what the template deploys, with names made up."""

from functools import cache

from tests.local import aws, deployment
from tests.local.deployment import DeployedTemplate
from tests.local.stack import TEMPLATE
from tests.local.template import REGION, Template

_NAMED = ("DynamoDB::Table", "SecretsManager::Secret", "Events::EventBus", "SQS::Queue")

AWS = {
    "AWS_ACCESS_KEY_ID": "LOCALSTACK",
    "AWS_SECRET_ACCESS_KEY": "LOCALSTACK",
    "AWS_SESSION_TOKEN": "LOCALSTACK",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What Lambda itself puts into a function's environment; the credentials are nobody's."""


@cache
def read() -> DeployedTemplate:
    """What the template deploys."""
    template = Template(
        TEMPLATE,
        {
            "Issuer": "https://issuer.example",
            "AgentClientId": "agents",
            "OperatorClientId": "operators",
        },
    )
    for kind in _NAMED:
        for name in template.of_type(f"AWS::{kind}"):
            arn = aws.arn("made-up", name)
            template.created(name, f"{name}-1", Arn=arn, StreamArn=f"{arn}/stream")
    aws.number_release(template)
    return deployment.read(template)


def variables() -> dict[str, str]:
    """What a function finds in its environment."""
    return AWS | read().environment
