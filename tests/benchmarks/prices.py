"""AWS's prices in eu-central-1, in US dollars, without any free tier: list prices, to be checked.

They are as remembered of AWS's pricing pages in the month that each of them names, not fetched:
each names the page to check it on, too. Whoever has a contract of another kind changes them here,
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2026-11"
REGION: Final = "eu-central-1"
_REST: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Price:
    """What a quantity costs in a month: so much for each ``per``, tier by tier.

    ``tiers`` are pairs of a quantity up to which a price holds, and the price; ``as_of`` is the
    month of which it is remembered.
    """

    what: str
    page: str
    per: float
    tiers: tuple[tuple[float, float], ...]
    as_of: str = AS_OF

    def of(self, quantity: float) -> float:
        """What so much costs in a month."""
        cost, below = 0.0, 0.0
        for upto, price in self.tiers:
            cost += max(0.0, min(quantity, upto) - below) / self.per * price
            below = upto
        return cost


def _flat(what: str, page: str, per: float, price: float) -> Price:
    return Price(what, page, per, ((_REST, price),))


_MILLION: Final = 1e6
_GB: Final = 1e9
_TB: Final = 1e12

PRICES: Final[Mapping[str, Price]] = {
    "api": Price(
        "HTTP API requests (of up to 512 KB)",
        "aws.amazon.com/api-gateway/pricing, HTTP APIs",
        _MILLION,
        ((300e6, 1.20), (_REST, 1.08)),
    ),
    "lambda requests": _flat("Lambda requests", "aws.amazon.com/lambda/pricing", _MILLION, 0.20),
    "lambda duration": Price(
        "Lambda duration on arm64, GB-seconds",
        "aws.amazon.com/lambda/pricing",
        1,
        ((7.5e9, 0.0000133334), (18.75e9, 0.0000120001), (_REST, 0.0000106667)),
    ),
    "snapstart cache": _flat(
        "Lambda SnapStart cache for Python, GB-seconds",
        "aws.amazon.com/lambda/pricing, SnapStart",
        1,
        0.0000015046,
    ),
    "snapstart restore": _flat(
        "Lambda SnapStart restore for Python, GB",
        "aws.amazon.com/lambda/pricing, SnapStart",
        1,
        0.0001397998,
    ),
    "read units": _flat(
        "DynamoDB on-demand read request units",
        "aws.amazon.com/dynamodb/pricing/on-demand",
        _MILLION,
        0.1525,
    ),
    "write units": _flat(
        "DynamoDB on-demand write request units",
        "aws.amazon.com/dynamodb/pricing/on-demand",
        _MILLION,
        0.7625,
    ),
    "table storage": _flat(
        "DynamoDB storage, standard class",
        "aws.amazon.com/dynamodb/pricing/on-demand, data storage",
        _GB,
        0.306,
    ),
    "table recovery": _flat(
        "DynamoDB point-in-time recovery",
        "aws.amazon.com/dynamodb/pricing/on-demand, backup",
        _GB,
        0.2448,
    ),
    "log ingestion": _flat(
        "CloudWatch Logs ingestion, standard class",
        "aws.amazon.com/cloudwatch/pricing, logs",
        _GB,
        0.63,
    ),
    "log storage": _flat(
        "CloudWatch Logs storage, compressed",
        "aws.amazon.com/cloudwatch/pricing, logs",
        _GB,
        0.0324,
    ),
    "metrics": Price(
        "CloudWatch custom metrics (embedded metric format; detailed metrics of routes)",
        "aws.amazon.com/cloudwatch/pricing, metrics",
        1,
        ((10_000, 0.30), (250_000, 0.10), (_REST, 0.05)),
    ),
    "alarms": _flat("CloudWatch alarms", "aws.amazon.com/cloudwatch/pricing, alarms", 1, 0.10),
    "dashboards": _flat(
        "CloudWatch dashboards", "aws.amazon.com/cloudwatch/pricing, dashboards", 1, 3.00
    ),
    "traces": _flat("X-Ray traces recorded", "aws.amazon.com/xray/pricing", _MILLION, 5.00),
    "secrets": _flat("Secrets Manager secrets", "aws.amazon.com/secrets-manager/pricing", 1, 0.40),
    "secret calls": _flat(
        "Secrets Manager calls", "aws.amazon.com/secrets-manager/pricing", 10_000, 0.05
    ),
    "key calls": _flat(
        "KMS calls of the table's key, which AWS manages",
        "aws.amazon.com/kms/pricing",
        10_000,
        0.03,
    ),
    "users": Price(
        "Cognito users who sign in within a month, plan Lite",
        "aws.amazon.com/cognito/pricing",
        1,
        ((100e3, 0.0055), (1e6, 0.0046), (10e6, 0.00325), (_REST, 0.0025)),
    ),
    "events": _flat(
        "EventBridge custom events (of up to 64 KB)",
        "aws.amazon.com/eventbridge/pricing",
        _MILLION,
        1.00,
    ),
    "queue requests": _flat(
        "SQS requests, standard queue", "aws.amazon.com/sqs/pricing", _MILLION, 0.40
    ),
    "notifications": _flat("SNS requests", "aws.amazon.com/sns/pricing", _MILLION, 0.50),
    "transfer": Price(
        "data transfer out to the internet",
        "aws.amazon.com/ec2/pricing/on-demand, data transfer",
        _GB,
        ((10 * _TB, 0.09), (50 * _TB, 0.085), (150 * _TB, 0.07), (_REST, 0.05)),
    ),
}
"""DynamoDB Streams are read by Lambda without a charge (Amazon DynamoDB pricing, streams)."""
