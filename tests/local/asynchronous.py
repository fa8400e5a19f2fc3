"""Events that nobody waits for, handed over as Lambda's asynchronous invocation does.

A function that fails gets its event again, as often as the template says; after that the event and
the failure are put into the dead-letter queue that the template names. Between two tries Lambda
waits for minutes; here nobody does.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.local import aws
from tests.local.dead_letters import DeadLetters, failed
from tests.local.deployment import Asynchronous
from tests.local.execution import FunctionError

LOG = logging.getLogger(__name__)

InvokeAs = Callable[[str, Mapping[str, Any], str], Any]
"""Function, event and the request id that all tries have in common."""


class AsynchronousInvocation:
    """Invokes functions asynchronously; the call returns once all of it is over."""

    def __init__(
        self,
        invoke: InvokeAs,
        settings: Mapping[str, Asynchronous],
        dead_letters: DeadLetters,
        clock: Callable[[], float],
    ) -> None:
        """`settings` are the functions' own; `clock` dates what ends in a queue."""
        self._invoke = invoke
        self._settings = settings
        self._dead_letters = dead_letters
        self._clock = clock

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any:
        """Hand over an event; the function's result, or FunctionError once it is given up."""
        settings = self._settings[function]
        request_id = str(uuid.uuid4())
        for _ in range(settings.retries):
            try:
                return self._invoke(function, event, request_id)
            except FunctionError:
                LOG.warning("%s gets its event again", function)
        try:
            return self._invoke(function, event, request_id)
        except FunctionError as error:
            if settings.dead_letters is not None:
                record = self._record(function, event, request_id, error)
                self._dead_letters.put(settings.dead_letters, record)
            raise

    def _record(
        self, function: str, event: Mapping[str, Any], request_id: str, error: FunctionError
    ) -> dict[str, Any]:
        arn = aws.arn("lambda", f"function:{function}")
        tries = self._settings[function].retries + 1
        return {
            **failed("RetriesExhausted", request_id, arn, tries, self._clock()),
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": error.payload(request_id),
        }
