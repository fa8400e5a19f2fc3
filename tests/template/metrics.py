"""Which metrics alarms and the dashboard look at, and which ones there are."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.local.template import Template

_SEARCH = re.compile(
    r"""SEARCH\('\{"(?P<namespace>[\w/-]+)",(?P<names>[\w,]+)\} """
    r"""MetricName="(?P<name>\w+)"(?P<terms>.*)', '(\w+)', \d+\)"""
)
_TERM = re.compile(r'(\w+)=(?:"([\w-]+)"|\(([^)]*)\))')


@dataclass(frozen=True)
class Metric:
    """A metric with its dimensions; a dimension with several values is one that is searched."""

    namespace: str
    name: str
    dimensions: Mapping[str, Sequence[str]]

    @property
    def form(self) -> tuple[str, str, frozenset[str]]:
        """The same without the dimensions' values."""
        return self.namespace, self.name, frozenset(self.dimensions)


# AWS's own, by namespace: the sets of dimensions that it documents, each with the metrics that are
# used here.
DOCUMENTED: Mapping[str, Mapping[frozenset[str], set[str]]] = {
    "AWS/ApiGateway": {frozenset({"ApiId"}): {"4xx", "5xx", "Count", "Latency"}},
    "AWS/DynamoDB": {
        frozenset({"TableName"}): {
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
            "TransactionConflict",
        },
        frozenset({"TableName", "GlobalSecondaryIndexName"}): {
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        },
    },
    "AWS/Lambda": {
        frozenset({"FunctionName"}): {
            "Duration",
            "Errors",
            "Invocations",
            "IteratorAge",
            "Throttles",
        }
    },
    "AWS/SQS": {
        frozenset({"QueueName"}): {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
        }
    },
}


def of_alarm(template: Template, alarm: str) -> list[Metric]:
    """The metrics that an alarm looks at."""
    properties = template.properties(alarm)
    stats = [
        one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one
    ]
    return [
        Metric(
            one["Namespace"],
            one["MetricName"],
            {dimension["Name"]: [dimension["Value"]] for dimension in one.get("Dimensions", [])},
        )
        for one in stats or [properties]
    ]


def of_dashboard(template: Template) -> list[Metric]:
    """The metrics that the dashboard shows."""
    return [metric for widget in widgets(template) for metric in _shown(widget)]


def widgets(template: Template) -> list[dict[str, Any]]:
    """The dashboard's widgets."""
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard")
    found: list[dict[str, Any]] = json.loads(template.properties(dashboard)["DashboardBody"])[
        "widgets"
    ]
    return found


def emitted(said: str) -> set[tuple[str, str, frozenset[str]]]:
    """The forms of the metrics in what functions have said: CloudWatch's embedded format."""
    documents = [json.loads(line) for line in said.splitlines() if line.startswith('{"_aws"')]
    return {
        (one["Namespace"], metric["Name"], frozenset(dimensions))
        for document in documents
        for one in document["_aws"]["CloudWatchMetrics"]
        for dimensions in one["Dimensions"]
        for metric in one["Metrics"]
    }


def of_filters(template: Template) -> set[tuple[str, str, frozenset[str]]]:
    """The forms of the metrics that are counted from the log."""
    transformations = [
        one
        for name in template.of_type("AWS::Logs::MetricFilter")
        for one in template.properties(name)["MetricTransformations"]
    ]
    return {
        (
            one["MetricNamespace"],
            one["MetricName"],
            frozenset(dimension["Key"] for dimension in one.get("Dimensions", [])),
        )
        for one in transformations
    }


def _shown(widget: Mapping[str, Any]) -> Iterator[Metric]:
    for line in widget["properties"].get("metrics", []):
        if isinstance(line[0], dict):
            yield _searched(line[0]["expression"])
            continue
        namespace, name, *pairs = [part for part in line if isinstance(part, str)]
        yield Metric(namespace, name, _pairs(pairs))


def _pairs(values: Sequence[str]) -> dict[str, Sequence[str]]:
    return {name: [value] for name, value in zip(values[::2], values[1::2], strict=True)}


def _searched(expression: str) -> Metric:
    found = _SEARCH.fullmatch(expression)
    assert found, expression
    names = found["names"].split(",")
    terms = {
        name: [one] if one else re.findall(r'"(\w+)"', several)
        for name, one, several in _terms(found["terms"])
    }
    assert terms.keys() <= set(names), expression
    return Metric(found["namespace"], found["name"], {name: terms.get(name, []) for name in names})


def _terms(text: str) -> Iterable[tuple[str, str, str]]:
    assert _TERM.sub("", text).strip() == "", text
    found: list[tuple[str, str, str]] = _TERM.findall(text)
    return found
