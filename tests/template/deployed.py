"""The template as CloudFormation resolves it, with names made up for what AWS would name."""

from pathlib import Path

from tests.local.template import Template

ROOT = Path(__file__).parents[2]


def deployed(**parameters: str) -> Template:
    """What is deployed with these parameters."""
    template = Template(ROOT / "template.yaml", parameters)
    template.created("AccessLogGroup", "access-logs", Arn="arn:access-logs")
    template.created("EventBus", "bus", Arn="arn:bus")
    template.created("FunctionLogGroup", "function-logs")
    template.created(
        "ApiDomain", "domain", RegionalDomainName="d.example", RegionalHostedZoneId="Z0"
    )
    template.created("HttpApi", "api")
    template.created("HttpApi.Stage", "$default")
    template.created("LicenseTable", "licenses", Arn="arn:table", StreamArn="arn:table/stream")
    template.created("LicensingLayer", "arn:layer")
    template.created("Release", "7", VersionNumber="7")
    template.created("SigningSecret", "arn:secret")
    template.created("CursorSecret", "arn:cursors")
    template.created("OriginSecret", "arn:origin")
    for queue in template.of_type("AWS::SQS::Queue"):
        template.created(queue, queue, Arn=f"arn:{queue}", QueueName=queue)
    template.created("UserPool", "pool")
    template.created("AgentClient", "agent-client")
    template.created("PortalClient", "portal-client")
    template.created("CommandLineClient", "command-line-client")
    template.created("Alarms", "arn:alarms")
    template.created("Notices", "arn:notices")
    template.created("RollOutRole", "roll-out", Arn="arn:roll-out")
    template.created("Webhook", "webhook", Arn="arn:webhook")
    template.created("WebhookConnection", "connection", Arn="arn:connection")
    template.created("WebhookRole", "webhook-role", Arn="arn:webhook-role")
    template.created("WebhookSecret", "arn:webhook-secret")
    for function in template.of_type("AWS::Serverless::Function"):
        template.created(function, function)
    for alarm in template.of_type("AWS::CloudWatch::Alarm"):
        template.created(alarm, alarm, Arn=f"arn:{alarm}")
    return template
