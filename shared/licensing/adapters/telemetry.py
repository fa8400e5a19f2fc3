"""Structured logs and metrics, the same in every function.

What this module guarantees: one line tells of each answer and counts it, in CloudWatch's embedded
metric format. It and every line of the log carry the request's id and, once known, the licence and
the organization; none ever carries a request or a reply as a whole, so no licence key, token, MAC
address or machine id gets into it (R35).
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from licensing.domain.license_key import is_license_id

# Each names the stack it speaks for, by the service's name in Powertools' environment.
logger = Logger(utc=True)
metrics = Metrics(namespace="Licensing")


def begin(request_id: str | None) -> None:
    """Say which request the answer is to; ``None`` where API Gateway has made none."""
    if request_id is not None:
        metrics.add_metadata("correlation_id", request_id)


def about(*, license_id: str | None = None, organization_id: str | None = None) -> None:
    """Say what the lines that follow are about.

    A licence's id may come from a path: what has not its form is left out (R35). An organization
    is named once it is known to exist, since many things have the form of its id.
    """
    if license_id is not None and is_license_id(license_id):
        logger.append_keys(license_id=license_id)
        metrics.add_metadata("license_id", license_id)
    if organization_id is not None:
        logger.append_keys(organization_id=organization_id)
        metrics.add_metadata("organization_id", organization_id)


def answered(outcome: str, status: int) -> None:
    """Tell of one answer, and count it; ``outcome`` is its code, one of a few dozen."""
    metrics.add_dimension(name="outcome", value=outcome)
    metrics.add_metadata("status", status)
    metrics.add_metric(name="Answers", unit=MetricUnit.Count, value=1)


def count(name: str, value: int = 1) -> None:
    """Count something."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def seconds(name: str, value: int) -> None:
    """Measure a duration."""
    metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=value)


def end() -> None:
    """Write the line, if anything was counted, and forget what it was about."""
    if metrics.metric_set:
        metrics.flush_metrics()
    else:
        metrics.clear_metrics()
