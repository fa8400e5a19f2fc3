"""What the template deploys: functions, routes, authorizers and schedules, as frozen values.

An event type that the local stack does not run raises `TemplateError`: what is deployed and what
runs here are the same set, or the stack does not start.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local.template import Template, TemplateError

_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


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
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """A function that EventBridge Scheduler runs every `seconds`."""

    function: str
    seconds: int


@dataclass(frozen=True)
class Deployment:
    """Everything that runs."""

    functions: Mapping[str, Function]
    routes: Sequence[Route]
    schedules: Sequence[Schedule]

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


def read(template: Template) -> Deployment:
    """Read the deployment of a template whose resources have been created."""
    authorizers, default = _authorizers(template)
    functions: dict[str, Function] = {}
    routes: list[Route] = []
    schedules: list[Schedule] = []
    for name in template.of_type("AWS::Serverless::Function"):
        functions[name] = _function(template, name)
        for kind, properties in template.events(name):
            if kind == "HttpApi":
                method, path = template.resolve([properties["Method"], properties["Path"]])
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
            else:
                raise TemplateError(f"{name} has an event of type {kind}, which does not run here")
    return Deployment(functions, routes, schedules)


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
