"""Handlers, called as the Lambda runtime calls them.

Events and results cross as JSON. One event is handled at a time, as in an execution environment of
Lambda: Powertools keeps the event of the request it is in on a class, so that two requests at once
in one process would see each other's.
"""

import json
import logging
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.local import aws
from tests.local.deployment import Function

LOG = logging.getLogger(__name__)

Handler = Callable[[Any, Any], Any]


class FunctionError(Exception):
    """A handler raised, or answered what is not JSON; the message is for the log only.

    Its cause, where it has one, is what the handler raised.
    """

    def payload(self, request_id: str) -> dict[str, Any]:
        """What Lambda puts in the place of a result."""
        cause = self.__cause__ or self
        frames = traceback.extract_tb(cause.__traceback__)
        return {
            "errorMessage": str(cause),
            "errorType": type(cause).__name__,
            "requestId": request_id,
            "stackTrace": traceback.format_list(frames),
        }


@dataclass(frozen=True)
class Context:
    """What a handler is told about its invocation."""

    function: Function
    aws_request_id: str
    deadline: float  # of the monotonic clock

    @property
    def function_name(self) -> str:
        """The function's logical id: local functions have no other name."""
        return self.function.name

    @property
    def function_version(self) -> str:
        """Always the newest code."""
        return "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        """The function's name as AWS writes it."""
        return aws.arn("lambda", f"function:{self.function.name}")

    @property
    def memory_limit_in_mb(self) -> int:
        """The template's memory size; not enforced."""
        return self.function.memory

    @property
    def log_group_name(self) -> str:
        """Where the logs would go."""
        return f"/aws/lambda/{self.function.name}"

    @property
    def log_stream_name(self) -> str:
        """Where the logs would go."""
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Time left until the template's timeout; not enforced."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class ExecutionEnvironment:
    """All functions of the stack, loaded and ready to be invoked."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        """Import every handler, so that a broken one stops the stack from starting."""
        self._functions = functions
        self._handlers = {name: _load(function) for name, function in functions.items()}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="function")

    def invoke(self, name: str, event: Mapping[str, Any], request_id: str | None = None) -> Any:
        """Hand an event to a function and return its result; FunctionError if it failed.

        An event that is handed over once more keeps its `request_id`.
        """
        function = self._functions[name]
        request_id = request_id or str(uuid.uuid4())
        future = self._worker.submit(
            _run, function, self._handlers[name], json.dumps(event), request_id
        )
        failure = future.exception()
        if failure is not None:
            LOG.error("%s failed", name, exc_info=failure)
            raise FunctionError(name) from failure
        return json.loads(future.result())

    def close(self) -> None:
        """Let the event in hand end, and take no more."""
        self._worker.shutdown()


def _run(function: Function, handler: Handler, payload: str, request_id: str) -> str:
    deadline = time.monotonic() + function.timeout
    context = Context(function, request_id, deadline)
    return json.dumps(handler(json.loads(payload), context))


def _load(function: Function) -> Handler:
    code = str(function.code)
    if code not in sys.path:
        sys.path.insert(0, code)
    module, _, attribute = function.handler.rpartition(".")
    handler: Handler = getattr(import_module(module), attribute)
    return handler
