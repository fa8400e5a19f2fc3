"""What the template deploys: functions and all that calls them, as frozen values.

An event type or a setting that the local stack does not run raises `TemplateError`: what is
deployed and what runs here are the same set, or the stack does not start.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local.patterns import Pattern
from tests.local.template import Template, TemplateError

DEFAULT = "$default"
"""The key of the route that gets what fits no other one."""
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_ASYNCHRONOUS_RETRIES = 2  # Lambda's own default

# How old a record or an event may become means nothing where nobody waits between two tries, and
# neither does what happens to an event that EventBridge cannot deliver.
_STREAM_PROPERTIES = {
    "Stream",
    "StartingPosition",
    "BatchSize",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "FilterCriteria",
    "DestinationConfig",
}
_RULE_PROPERTIES = {"EventBusName", "Pattern", "DeadLetterConfig", "RetryPolicy"}


@dataclass(frozen=True)
class Function:
    """One Lambda function."""

    name: str  # its logical id
    handler: str  # `module.attribute`
    code: Path
    timeout: int  # seconds
    memory: int  # MiB
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Authorizer:
    """A JWT authorizer of the HTTP API."""

    issuer: str
    audience: Sequence[str]


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API; `authorizer` is None where anybody may call."""

    method: str
    path: str
    function: str
    authorizer: Authorizer | None

    @property
    def key(self) -> str:
        """API Gateway's name for the route."""
        return DEFAULT if self.is_default else f"{self.method} {self.path}"

    @property
    def is_default(self) -> bool:
        """Whether it gets what fits no other route."""
        return self.path == DEFAULT


@dataclass(frozen=True)
class Schedule:
    """A function that EventBridge Scheduler runs every `seconds`."""

    function: str
    seconds: int


@dataclass(frozen=True)
class Rule:
    """A function that gets the events of a bus that match `pattern`, asynchronously."""

    function: str
    bus: str
    pattern: Pattern


@dataclass(frozen=True)
class Stream:
    """A function that gets a table's changes in batches: those that match one of `patterns`.

    A batch that fails is offered again `retries` times, then told of in the queue `dead_letters`.
    """

    function: str
    arn: str
    batch_size: int
    patterns: Sequence[Pattern]
    retries: int
    bisects: bool  # a batch that makes the function raise is offered again in halves
    reports: bool  # the function's reply names the records that failed
    dead_letters: str  # a queue's ARN


@dataclass(frozen=True)
class Asynchronous:
    """What becomes of an event that nobody waits for, when the function fails.

    It is offered again `retries` times, then put into the queue `dead_letters`, if there is one.
    """

    retries: int = _ASYNCHRONOUS_RETRIES
    dead_letters: str | None = None  # a queue's ARN


@dataclass(frozen=True)
class DeployedTemplate:
    """Everything that runs."""

    functions: Mapping[str, Function]
    routes: Sequence[Route]
    schedules: Sequence[Schedule]
    rules: Sequence[Rule]
    streams: Sequence[Stream]
    asynchronous: Mapping[str, Asynchronous]  # by function

    @property
    def environment(self) -> dict[str, str]:
        """What every function finds in its environment.

        The functions share this one process and so its environment: a template that gives two of
        them different values for one variable cannot run here.
        """
        environment: dict[str, str] = {}
        for function in self.functions.values():
            for name, value in function.environment.items():
                if environment.setdefault(name, value) != value:
                    raise TemplateError(f"functions disagree about the variable {name}")
        return environment


def read(template: Template) -> DeployedTemplate:
    """Read the deployment of a template whose resources have been created."""
    authorizers, default = _authorizers(template)
    functions: dict[str, Function] = {}
    routes: list[Route] = []
    schedules: list[Schedule] = []
    rules: list[Rule] = []
    streams: list[Stream] = []
    asynchronous: dict[str, Asynchronous] = {}
    for name in template.of_type("AWS::Serverless::Function"):
        functions[name] = _function(template, name)
        asynchronous[name] = _asynchronous(template, name)
        for kind, properties in template.events(name):
            if kind == "HttpApi":
                # An event without a path is the default route.
                method, path = template.resolve(
                    [properties.get("Method", "ANY"), properties.get("Path", DEFAULT)]
                )
                auth = template.resolve(properties.get("Auth", {}))
                if "AuthorizationScopes" in auth:
                    raise TemplateError(f"{name} asks for scopes, which are not checked here")
                authorizer = auth.get("Authorizer", default)
                routes.append(Route(method.upper(), path, name, authorizers[authorizer]))
            elif kind == "ScheduleV2":
                rate = rate_seconds(template.resolve(properties["ScheduleExpression"]))
                if "Input" in properties:
                    raise TemplateError(f"{name} is scheduled with an input: not sent here")
                schedules.append(Schedule(name, rate))
            elif kind == "EventBridgeRule":
                rules.append(_rule(name, template.resolve(dict(properties))))
            elif kind == "DynamoDB":
                streams.append(_stream(name, template.resolve(dict(properties))))
            else:
                raise TemplateError(f"{name} has an event of type {kind}, which does not run here")
    return DeployedTemplate(functions, routes, schedules, rules, streams, asynchronous)


def route_key(event: Mapping[str, Any]) -> str:
    """API Gateway's name for the route that a function's event is, by the event's properties."""
    return f"{event['Method']} {event['Path']}" if "Path" in event else DEFAULT


def rate_seconds(expression: str) -> int:
    """Seconds between two runs of a schedule: `rate(5 minutes)` is 300."""
    match = _RATE.fullmatch(expression)
    if match is None:
        raise TemplateError(f"the schedule expression {expression!r} does not run here")
    return int(match[1]) * _SECONDS[match[2]]


def _function(template: Template, name: str) -> Function:
    wanted = ("Handler", "CodeUri", "Timeout", "MemorySize", "Environment")
    properties = template.function(name, *wanted)
    variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return Function(
        name=name,
        handler=properties["Handler"],
        code=template.folder / properties["CodeUri"],
        timeout=int(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
        environment={key: str(value) for key, value in variables.items()},
    )


def _rule(function: str, properties: Mapping[str, Any]) -> Rule:
    _known(f"the rule for {function}", properties, _RULE_PROPERTIES)
    return Rule(function, properties["EventBusName"], Pattern.of(properties["Pattern"]))


def _stream(function: str, properties: Mapping[str, Any]) -> Stream:
    _known(f"the stream for {function}", properties, _STREAM_PROPERTIES)
    if properties["StartingPosition"] != "TRIM_HORIZON":
        raise TemplateError(f"{function} does not get its stream from the beginning")
    filters = properties.get("FilterCriteria", {}).get("Filters", [])
    retries = int(properties.get("MaximumRetryAttempts", -1))
    if retries < 0:
        raise TemplateError(f"{function} is offered a batch that fails for ever")
    return Stream(
        function,
        properties["Stream"],
        int(properties.get("BatchSize", 100)),
        [Pattern.of(json.loads(one["Pattern"])) for one in filters],
        retries,
        bisects=bool(properties.get("BisectBatchOnFunctionError")),
        reports="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        dead_letters=_queue(function, properties["DestinationConfig"]["OnFailure"]),
    )


def _asynchronous(template: Template, name: str) -> Asynchronous:
    config = template.function(name, "EventInvokeConfig").get("EventInvokeConfig", {})
    destinations = config.get("DestinationConfig", {})
    if "OnSuccess" in destinations:
        raise TemplateError(f"{name} sends its results to a destination: not done here")
    failure = destinations.get("OnFailure")
    return Asynchronous(
        int(config.get("MaximumRetryAttempts", _ASYNCHRONOUS_RETRIES)),
        None if failure is None else _queue(name, failure),
    )


def _queue(function: str, destination: Mapping[str, Any]) -> str:
    arn: str = destination["Destination"]
    if destination.get("Type", "SQS") != "SQS":
        raise TemplateError(f"{function} has a destination that is no queue")
    return arn


def _known(what: str, properties: Mapping[str, Any], names: set[str]) -> None:
    unknown = properties.keys() - names
    if unknown:
        raise TemplateError(f"{what} has {', '.join(sorted(unknown))}: not known here")


def _authorizers(template: Template) -> tuple[dict[str, Authorizer | None], str]:
    """The authorizers by name, and the name of the one that guards a route by default."""
    authorizers: dict[str, Authorizer | None] = {"NONE": None}
    default = "NONE"
    for name in template.of_type("AWS::Serverless::HttpApi"):
        auth = template.properties(name, "Auth").get("Auth", {})
        default = auth.get("DefaultAuthorizer", default)
        for authorizer, properties in auth.get("Authorizers", {}).items():
            if properties["IdentitySource"] != "$request.header.Authorization":
                raise TemplateError(f"{authorizer} reads its token from an unusual place")
            jwt = properties["JwtConfiguration"]
            authorizers[authorizer] = Authorizer(jwt["issuer"], tuple(jwt["audience"]))
    return authorizers, default
