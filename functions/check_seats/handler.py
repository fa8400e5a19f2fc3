"""The seat check, started by the schedule: finds counters that are wrong, and says so (R6)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.lambda_handler import entry
from licensing.usecases.check_seats import CheckSeats

LOOK_AGAIN_SECONDS = 10.0
"""More than the index ever lags behind, as far as AWS tells: usually it is less than one."""

RESERVE_SECONDS = 30
"""What must be left of the function's time to look at another organization, a large one too."""


@entry
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Check some organizations, and report."""
    deployment = current_deployment()

    report = CheckSeats(
        deployment.store, lambda: deployment.store.retry_policy.sleep(LOOK_AGAIN_SECONDS)
    )(
        now=deployment.now(),
        has_time=lambda: deployment.remaining_seconds() > RESERVE_SECONDS,
    )
    for drift in report.drifts:
        telemetry.logger.error(
            "the seat counter is wrong",
            organization_id=drift.organization_id,
            seats=drift.seats,
            bound=drift.bound,
        )
    telemetry.count("SeatDrift", len(report.drifts))
    telemetry.count("SeatsChecked", report.checked)
    return {"checked": report.checked, "drifts": len(report.drifts)}
