"""Structured logs and metrics, the same in every function.

What this module guarantees: one line tells of each answer, and a filter of its log group counts it
by its outcome. What else is counted is in CloudWatch's embedded metric format, which takes twice
the bytes. An answer's line, and each of the log, carries the request's id and, once known, the
licence and the organization; none ever carries a request or a reply as a whole, so no licence key,
token, MAC address or machine id gets into it (R35).
"""

from __future__ import annotations

import json
import sys
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from licensing.domain.license_key import is_license_id

# Each names the stack it speaks for, by the service's name in Powertools' environment.
logger = Logger(utc=True)
metrics = Metrics(namespace="Licensing")
_LINE: Final = json.JSONEncoder(separators=(",", ":"))
_known: Final[dict[str, str | int]] = {}
"""What the invocation is about, and what came of it."""


def begin(request_id: str | None) -> None:
    """Say which request the next lines are about; ``None`` where API Gateway has made none."""
    if request_id is not None:
        logger.set_correlation_id(request_id)
        _known["correlation_id"] = request_id


def about(*, license_id: str | None = None, organization_id: str | None = None) -> None:
    """Say what the lines that follow are about.

    A licence's id may come from a path: what has not its form is left out (R35). An organization
    is named once it is known to exist, since many things have the form of its id.
    """
    if license_id is not None and is_license_id(license_id):
        logger.append_keys(license_id=license_id)
        _known["license_id"] = license_id
    if organization_id is not None:
        logger.append_keys(organization_id=organization_id)
        _known["organization_id"] = organization_id


def answered(outcome: str, status: int) -> None:
    """Tell of one answer; ``outcome`` is its code, one of a few dozen."""
    _known.update(outcome=outcome, status=status)


def count(name: str, value: int = 1) -> None:
    """Count something."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def seconds(name: str, value: int) -> None:
    """Measure a duration."""
    metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=value)


def end() -> None:
    """Write what is known of the answer and what was counted, if there is any, and forget it."""
    if metrics.metric_set:
        metrics.flush_metrics()
    if "outcome" in _known:
        sys.stdout.write(f"{_LINE.encode(_known)}\n")
    _known.clear()
