"""The expiry sweep, started by the schedule (R22–R24)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.lambda_handler import entry
from licensing.usecases.sweep_expired import SweepExpired

WORKERS = 4
RESERVE_SECONDS = 15
"""What must be left of the function's time to begin another transaction: its retries included."""


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep what is due, and report."""
    deployment = current_deployment()

    actor = Actor(ActorKind.SCHEDULE, "expiry-sweep")
    origin = Origin(actor=actor, request_id=context.aws_request_id)
    report = deployment.use_case(SweepExpired)(
        deployment.context(origin),
        workers=WORKERS,
        has_time=lambda: deployment.remaining_seconds() > RESERVE_SECONDS,
    )
    counts = report.counts()
    telemetry.logger.info("swept", **counts)
    # Not when there is none: a metric costs by the hour in which it is sent, and this runs in each.
    for name, value in {
        "LicensesExpired": report.expired,
        "LicensesReinstated": report.reinstated,
        "TemporaryLicensesExpired": report.temporary_expired,
        "EndsAnnounced": report.announced,
        "SweepUnfinished": report.unfinished,
    }.items():
        if value:
            telemetry.count(name, value)
    telemetry.seconds("SweepLag", report.lag_seconds)
    report.raise_faults()  # all else is done: Lambda logs them, and counts the run as failed
    return counts
