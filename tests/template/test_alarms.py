"""Alarms and the dashboard: they look at metrics that exist, and say what to do."""

import json
import re
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from licensing.adapters import telemetry
from licensing.adapters.secrets import SecretsManagerKeyrings
from licensing.domain.errors import Misconfigured
from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code, NextStep
from licensing.entrypoints.deployment import install_deployment
from tests.faults.seam import no_waiting
from tests.integration.life import Life
from tests.local.template import STACK_NAME
from tests.template import metrics
from tests.template.deployed import deployed
from tests.template.metrics import Metric
from tests.world import new_world

# With everything that is there on demand only.
TEMPLATE = deployed(
    DeploymentPreference="Canary10Percent5Minutes",
    NotifyEmail="ops@example.com",
    WebhookUrl="https://hooks.example",
)
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")

ALARMS = TEMPLATE.of_type("AWS::CloudWatch::Alarm")
QUEUES = TEMPLATE.of_type("AWS::SQS::Queue")
SEEN = [
    *metrics.of_dashboard(TEMPLATE),
    *(m for a in ALARMS for m in metrics.of_alarm(TEMPLATE, a)),
]
VALUES = {
    "ApiId": ["api"],
    "FunctionName": FUNCTIONS,
    "GlobalSecondaryIndexName": ["across_organizations", "by_due", "by_organization"],
    "QueueName": QUEUES,
    "TableName": ["licenses"],
    "service": [STACK_NAME],
    "outcome": [*Code, *RefusalCode, "registered"],
}


@pytest.fixture(scope="module")
def emitted() -> set[tuple[str, str, frozenset[str]]]:
    """What the functions count in all that they ever do."""
    said = StringIO()
    with redirect_stdout(said), new_world() as world:
        Life(world).live()
        world.register("late", seconds=60)
        world.clock.advance(120)
        world.sweep(remaining_ms=10_000)  # leaves it to the next one
    return metrics.emitted(said.getvalue())


def test_every_metric_that_is_looked_at_is_there_with_these_dimensions(
    emitted: set[tuple[str, str, frozenset[str]]],
) -> None:
    there = emitted | metrics.of_filters(TEMPLATE)
    there |= {
        (namespace, name, dimensions)
        for namespace, sets in metrics.DOCUMENTED.items()
        for dimensions, names in sets.items()
        for name in names
    }
    assert [metric for metric in SEEN if metric.form not in there] == []
    # And nothing is counted that nobody sees.
    assert {name for _, name, _ in emitted} <= {metric.name for metric in SEEN}


@pytest.mark.parametrize(
    "wrong",
    [
        Metric("Licensing", "SweepLagg", {"service": [STACK_NAME]}),
        Metric("Licensing", "SweepLag", {}),
        Metric("Licensing", "Answers", {"outcome": []}),
        Metric("AWS/ApiGateway", "5XXError", {"ApiId": ["api"]}),
        Metric("AWS/Lambda", "Errors", {"Function": ["ValidateFunction"]}),
    ],
)
def test_a_metric_that_is_not_there_is_found(
    emitted: set[tuple[str, str, frozenset[str]]], wrong: Metric
) -> None:
    documented = metrics.DOCUMENTED.get(wrong.namespace, {})
    assert wrong.form not in emitted
    assert wrong.name not in documented.get(frozenset(wrong.dimensions), set())


@pytest.mark.parametrize("metric", SEEN, ids=lambda metric: f"{metric.namespace}/{metric.name}")
def test_a_metric_is_one_of_this_stack(metric: Metric) -> None:
    for name, values in metric.dimensions.items():
        assert set(values) <= set(VALUES[name])
        assert values or name == "outcome"


def test_functions_count_under_the_name_of_their_stack() -> None:
    for function in FUNCTIONS:
        variables = TEMPLATE.function(function, "Environment")["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == STACK_NAME
    assert telemetry.metrics.namespace == "Licensing"


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_says_what_it_means_and_what_to_do_and_tells_somebody(alarm: str) -> None:
    properties = TEMPLATE.properties(alarm)
    assert len(re.findall(r"\w[.;:] ", properties["AlarmDescription"] + " ")) >= 2
    assert len(properties["AlarmDescription"]) <= 1024
    assert properties["AlarmActions"] == ["arn:alarms"]
    assert properties["TreatMissingData"] in {"breaching", "notBreaching"}
    assert len(properties.get("Metrics", [])) <= 10
    periods = [one["MetricStat"]["Period"] for one in properties.get("Metrics", [])[1:]]
    for period in periods or [properties["Period"]]:
        assert period * properties["EvaluationPeriods"] <= 86_400


@pytest.mark.parametrize("queue", QUEUES)
def test_each_dead_letter_raises_an_alarm_and_another_one_when_it_is_forgotten(queue: str) -> None:
    watched = {
        metric.name
        for alarm in ALARMS
        for metric in metrics.of_alarm(TEMPLATE, alarm)
        if metric.dimensions.get("QueueName") == [queue]
    }
    assert watched == {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}


@pytest.mark.parametrize(
    ("errors", "requests", "rings"),
    [
        (0, 10, False),
        (1, 10, False),
        (4, 10, False),
        (5, 10, True),
        (5, 1000, False),
        (11, 1000, True),
    ],
)
def test_errors_ring_as_a_share_and_not_a_single_one_at_night(
    errors: int, requests: int, *, rings: bool
) -> None:
    properties = TEMPLATE.properties("ServerErrorsAlarm")
    functions = {"IF": lambda condition, then, other: then if condition else other}
    value = eval(  # noqa: S307 - the template's own arithmetic
        properties["Metrics"][0]["Expression"], functions, {"errors": errors, "requests": requests}
    )
    assert properties["ComparisonOperator"] == "GreaterThanThreshold"
    assert (value > properties["Threshold"]) is rings


def test_sweeps_that_are_missing_ring() -> None:
    properties = TEMPLATE.properties("SweepMissingAlarm")
    assert properties["TreatMissingData"] == "breaching"
    assert properties["Period"] * properties["EvaluationPeriods"] == 900


def test_the_dashboard_shows_all_alarms_and_the_errors_of_all_functions() -> None:
    (alarms,) = [one for one in metrics.widgets(TEMPLATE) if one["type"] == "alarm"]
    assert sorted(alarms["properties"]["alarms"]) == sorted(f"arn:{alarm}" for alarm in ALARMS)
    shown = metrics.of_dashboard(TEMPLATE)
    assert {m.dimensions["FunctionName"][0] for m in shown if m.name == "Errors"} == set(FUNCTIONS)
    places = [(one["x"], one["y"]) for one in metrics.widgets(TEMPLATE)]
    assert len(places) == len(set(places))


def test_the_dashboard_shows_every_code_that_stops_an_agent_until_somebody_logs_in() -> None:
    (searched,) = [
        metric.dimensions["outcome"]
        for metric in metrics.of_dashboard(TEMPLATE)
        if len(metric.dimensions.get("outcome", ())) > 1
    ]
    asking = [code for code in Code if code.meaning.action is NextStep.LOGIN]
    assert [code for code in searched if code in set(Code)] == asking
    assert len(searched) == len(set(searched))


def test_by_default_the_dashboard_shows_the_alarms_that_there_are() -> None:
    plain = deployed()
    (alarms,) = [one for one in metrics.widgets(plain) if one["type"] == "alarm"]
    there = plain.of_type("AWS::CloudWatch::Alarm")
    assert sorted(alarms["properties"]["alarms"]) == sorted(f"arn:{alarm}" for alarm in there)
    assert set(there) < set(ALARMS)


def test_requests_that_api_gateway_throttles_are_counted_from_the_access_log() -> None:
    written = TEMPLATE.properties("HttpApi", "AccessLogSettings")["AccessLogSettings"]["Format"]
    assert '"status":"$context.status"' in written.replace(" ", "")
    assert TEMPLATE.properties("Throttled")["LogGroupName"] == "access-logs"
    assert pattern("Throttled") == '{ $.status = "429" }'


def matches(pattern: str, line: str) -> bool:
    """Whether CloudWatch's filter finds a line: any of `?"…"`, or the one phrase that it is."""
    phrases = re.findall(r'"([^"]+)"', pattern)
    assert re.fullmatch(r'"[^"]+"|(\?"[^"]+"\s*)+', pattern), pattern
    return any(phrase in line for phrase in phrases)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """The log from here on."""
    log = StringIO()
    for handler in telemetry.logger.handlers:
        monkeypatch.setattr(handler, "stream", log)
    return log


def pattern(name: str) -> str:
    found: str = TEMPLATE.properties(name)["FilterPattern"]
    return found


@pytest.mark.parametrize("has_secret", [True, False])
def test_a_secret_that_cannot_be_fetched_is_counted_from_the_log(
    logged: StringIO, *, has_secret: bool
) -> None:
    def lost(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="secretsmanager")

    with new_world() as world, no_waiting(lambda _: None):
        world.register("acme")
        key = world.login().json["license_key"]
        assert not matches(pattern("SecretUnavailable"), logged.getvalue())
        if not has_secret:
            world.runtime.keyrings = SecretsManagerKeyrings(
                world.runtime.secrets, world.runtime.settings.secret_id, world.clock
            )
        world.clock.advance(1000)
        world.runtime.secrets.meta.events.register("before-send.secrets-manager", lost)
        answer = world.validate(key)
        assert answer.status == (200 if has_secret else 503)
    lines = logged.getvalue().splitlines()
    assert [line for line in lines if matches(pattern("SecretUnavailable"), line)]


def test_a_deployment_that_is_wrong_is_counted_from_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = TEMPLATE.function("ValidateFunction", "LoggingConfig")["LoggingConfig"]
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", config["LogFormat"])
    monkeypatch.delitem(sys.modules, "awslambdaric.bootstrap", raising=False)
    bootstrap: Any = import_module("awslambdaric.bootstrap")
    said = StringIO()
    with new_world() as world, redirect_stdout(said):
        install_deployment(None)  # to be made anew, from an environment where everything is missing
        with pytest.raises(Misconfigured) as raised:
            world.request("GET", "/v1/openapi.json")
        # As Lambda's runtime logs what a handler raises.
        error = bootstrap.make_error(str(raised.value), raised.typename, [])
        bootstrap.log_error(error, bootstrap.StandardLogSink())
    line = json.loads(said.getvalue())
    found = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', pattern("Misconfigured"))
    assert found
    assert line[found[1]] == found[2]
