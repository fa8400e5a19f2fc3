"""Publishes committed events from the table's stream to the bus: at least once, in order (R34).

What the bus does not take is reported back, so that the stream offers it again from there on, and
ends in the dead-letter queue when that goes on for too long.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.adapters.dynamo.events import read_event
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.lambda_handler import entry


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Publish a batch; the reply names the first record to offer again."""
    deployment = current_deployment()
    changes = [record["dynamodb"] for record in event["Records"]]
    events = [read_event(change["NewImage"]) for change in changes]

    taken = deployment.bus.publish(events)

    telemetry.count("EventsPublished", taken)
    oldest = min((event.happened_at for event in events[taken:]), default=deployment.now())
    telemetry.seconds("OutboxLag", max(0, deployment.now() - oldest))
    if taken == len(events):
        return {"batchItemFailures": []}
    telemetry.logger.warning("the bus did not take all events", taken=taken, of=len(events))
    return {"batchItemFailures": [{"itemIdentifier": changes[taken]["SequenceNumber"]}]}
