"""Dead-letter queues: what could not be done, as Lambda describes it.

A record is in a queue for good: the local stack puts records in and lists them, and takes none out.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from tests.local import aws
from tests.local.template import Template

_PAGE = 10  # messages per call, SQS's limit
_HIDDEN_SECONDS = 60  # while a list is made


class DeadLetters:
    """The template's queues, which have been created."""

    def __init__(self, template: Template) -> None:
        """Every queue of the template holds dead letters."""
        self._client = aws.client("sqs")
        names = template.of_type("AWS::SQS::Queue")
        self._urls: Mapping[str, str] = {name: template.resolve({"Ref": name}) for name in names}
        self._by_arn = {
            template.resolve({"Fn::GetAtt": [name, "Arn"]}): url for name, url in self._urls.items()
        }
        self._one_list = Lock()

    def put(self, queue: str, record: Mapping[str, Any]) -> None:
        """Put a record into the queue with this ARN."""
        self._client.send_message(QueueUrl=self._by_arn[queue], MessageBody=json.dumps(record))

    def all(self) -> dict[str, list[Any]]:
        """The records of each queue, by its logical id, oldest first."""
        with self._one_list:
            return {name: self._messages(url) for name, url in self._urls.items()}

    def _messages(self, url: str) -> list[Any]:
        messages: list[Any] = []
        while page := self._client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_PAGE, VisibilityTimeout=_HIDDEN_SECONDS
        ).get("Messages", []):
            messages += page
        for message in messages:
            self._client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return [json.loads(message["Body"]) for message in messages]


def failed(
    condition: str, request_id: str, function_arn: str, invocations: int, now: float
) -> dict[str, Any]:
    """The part that Lambda's records of a failed batch and of a failed event have in common."""
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "version": "1.0",
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{function_arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
    }
