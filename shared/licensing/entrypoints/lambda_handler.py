"""The frame around every Lambda handler: logs, metrics, time limit, and the hooks of snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.entrypoints import snapstart  # noqa: F401 - registers its hooks, for every function
from licensing.entrypoints.deployment import current_deployment

LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def entry(handle: LambdaHandler) -> LambdaHandler:
    """The Lambda handler that ``handle`` is the inside of."""

    @telemetry.logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        telemetry.begin((event.get("requestContext") or {}).get("requestId"))
        try:
            current_deployment().begin(context.get_remaining_time_in_millis)
            return handle(event, context)
        finally:
            telemetry.end()

    return handler
