"""The event bus: what is put on it goes to the functions whose rules it matches.

The bus is moto's EventBridge, which gives an event its id and time. A rule for everything sends it
on to one queue, in order; from there it is remembered, so that it can be shown, and handed to the
functions that the template's rules name.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from tests.local import aws
from tests.local.deployment import Rule
from tests.local.execution import FunctionError
from tests.local.gateway import Invoke
from tests.local.template import ACCOUNT, STACK_NAME, TemplateError

LOG = logging.getLogger(__name__)

REMEMBERED = 1000  # events
_PAGE = 10  # messages per call, SQS's limit
_EVERYTHING = f"{STACK_NAME}-everything"


class EntryRefusedError(Exception):
    """EventBridge does not take an entry; the message says why."""


class EventBus:
    """One bus, which has been created."""

    def __init__(self, name: str, rules: Sequence[Rule], invoke: Invoke) -> None:
        """Listen to the bus; `invoke` hands an event to a function asynchronously."""
        self._name = name
        elsewhere = {rule.bus for rule in rules} - {name}
        if elsewhere:
            raise TemplateError(f"rules listen to {', '.join(elsewhere)}, which does not run here")
        self._rules = rules
        self._invoke = invoke
        self._events: deque[Mapping[str, Any]] = deque(maxlen=REMEMBERED)
        self._one_delivery = Lock()
        self._client = aws.client("events")
        self._queues = aws.client("sqs")
        # First in, first out: else what is shown would be in no order.
        queue = f"{_EVERYTHING}.fifo"
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        self._url = self._queues.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]
        rule = {"Name": _EVERYTHING, "EventPattern": json.dumps({"account": [ACCOUNT]})}
        self._client.put_rule(EventBusName=name, **rule)
        target = {
            "Id": "queue",
            "Arn": aws.arn("sqs", queue),
            "SqsParameters": {"MessageGroupId": name},
        }
        self._client.put_targets(EventBusName=name, Rule=_EVERYTHING, Targets=[target])

    def put(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> str:
        """Put an event on the bus, and return the id that it gets; EntryRefusedError if not."""
        entry = {
            "EventBusName": self._name,
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        answer: dict[str, Any] = self._client.put_events(Entries=[entry])["Entries"][0]
        if "EventId" not in answer:
            raise EntryRefusedError(answer["ErrorMessage"])
        return str(answer["EventId"])

    def deliver(self) -> None:
        """Hand what is on the bus to its functions, in order; all of it is done on return."""
        with self._one_delivery:
            while page := self._queues.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_PAGE
            ).get("Messages", []):
                for message in page:
                    self._queues.delete_message(
                        QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"]
                    )
                    event = {"account": ACCOUNT, **json.loads(message["Body"])}
                    self._events.append(event)
                    self._hand_over(event)

    def events(self) -> list[Mapping[str, Any]]:
        """What has been on the bus, oldest first: the newest `REMEMBERED`."""
        return list(self._events)

    def matching(self, event: Mapping[str, Any]) -> list[str]:
        """The functions whose rules an event matches."""
        return [rule.function for rule in self._rules if rule.pattern.matches(event)]

    def _hand_over(self, event: Mapping[str, Any]) -> None:
        for function in self.matching(event):
            try:
                self._invoke(function, event)
            except FunctionError:
                LOG.warning("%s could not take event %s", function, event["id"])
