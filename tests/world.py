"""The service in this process, as tests use it: the template's table, a clock to set, people to be.

A `World` calls the real handlers with API Gateway's events, over the real use cases and adapter,
on moto or on DynamoDB Local. Only signatures are left out: a person's token and its claims are
handed over as API Gateway does once it has verified one. Every AWS call is recorded, so that
budgets can be counted.
"""

import base64
import gzip
import json as jsonlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import botocore.session
from botocore.client import BaseClient
from botocore.loaders import create_loader
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory

from licensing.adapters.aws_clients import Clients
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.local import aws, deployment, events
from tests.local.deployment import DeployedTemplate, Function, Route
from tests.local.gateway import match
from tests.local.stack import TEMPLATE
from tests.local.template import Template

NOON = 1_900_000_000
"""When a world begins: 2030-03-17T17:46:40Z."""
YEAR = 365 * 86_400

PAGES = frozenset(
    f"{method} {path}"
    for method in ("GET", "HEAD")
    for path in (
        *("/portal", "/portal/configuration.json", "/portal/{version}/{name}"),
        *("/docs", "/docs/{version}/{name}"),
    )
)
"""Routes for browsers: the portal, the API's documentation, what they load, and where people sign
in. They hold nothing of anybody's, ask for no token and are no part of the API: its document has
none of them."""
BESIDE = frozenset(
    {*PAGES, "HEAD /.well-known/jwks.json", "HEAD /v1/openapi.json", deployment.DEFAULT}
)
"""All routes that the API's document has nothing of: `HEAD` is as `GET`, without a body."""

ISSUER = "https://issuer.example"
AGENTS = "agents"
"""The client that people sign in with on agents."""
OPERATORS = "operators"
"""The client of the portal and of the command line."""
_SIGN_IN = {"Issuer": ISSUER, "AgentClientId": AGENTS, "OperatorClientId": OPERATORS}

_one_loader = cache(create_loader)
_one_maker = cache(Clients)

MACHINE_A: dict[str, Any] = {
    "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": ["3c:52:82:0a:1b:2c"],
    "computer_name": "ACME-PC-01",
}
MACHINE_B: dict[str, Any] = {
    "machine_id": "b1a7c0de-77aa-4c3e-9f10-0d5e6f708192",
    "mac_addresses": ["00:1b:63:84:45:e6", "00:1b:63:84:45:e7"],
    "computer_name": "bolt-server",
}


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    subject: str
    organization_id: str | None
    roles: tuple[str, ...] = ("member",)
    more: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What the token claims besides: a name, for example."""

    def claims(self, audience: str) -> dict[str, Any]:
        """What the ID token claims that a client got."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "exp": NOON + 3600,
            "iat": NOON,
            "token_use": "id",
            "sub": self.subject,
            "cognito:groups": list(self.roles),
        }
        if self.organization_id is not None:
            claims["custom:organization_id"] = self.organization_id
        return {**claims, **self.more}

    def token(self, audience: str) -> str:
        """That ID token; its signature is none, and nobody checks it here."""
        return unsigned(self.claims(audience))


ALICE = Person("alice", "acme")
AMIR = Person("amir", "acme")
ADA = Person("ada", "acme", ("org-admin", "member"))
BORIS = Person("boris", "bolt")
BEA = Person("bea", "bolt", ("org-admin",))
OLIVIA = Person("olivia", "vendor", ("super-admin",))
PAVEL = Person("pavel", "partner-works", ("partner",))


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    time: float = NOON

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `json` is its body, or None where there is none or it is no JSON."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str = ""
    sent: str = ""
    """The text as its function has sent it: in base64 where it is packed."""


@dataclass(frozen=True)
class Exchange:
    """One request as its function was handed it, and the answer; `route` is API Gateway's key."""

    route: str
    event: Mapping[str, Any]
    answer: Answer


@dataclass(frozen=True)
class Context:
    """What a handler is told about its invocation; plenty of time is left."""

    function: Function
    aws_request_id: str
    function_version: str = "$LATEST"
    remaining_ms: Callable[[], int] = lambda: 60_000

    @property
    def function_name(self) -> str:
        """Its logical id."""
        return self.function.name

    @property
    def invoked_function_arn(self) -> str:
        """As AWS writes it."""
        return aws.arn("lambda", f"function:{self.function.name}")

    @property
    def memory_limit_in_mb(self) -> int:
        """The template's."""
        return self.function.memory

    def get_remaining_time_in_millis(self) -> int:
        """Time left."""
        return self.remaining_ms()


@dataclass
class World:
    """One deployment of the service, to act in."""

    deployed: DeployedTemplate
    runtime: Deployment
    clock: Clock
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    work: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    """The calls of each function, without those of others that a test runs meanwhile."""
    _within: list[range] = field(default_factory=list, init=False)
    """The calls of the invocations that have ended within the present one."""

    def request(
        self,
        method: str,
        target: str,
        *,
        person: Person | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        source_ip: str = "203.0.113.7",
    ) -> Answer:
        """Send one request; `body` goes as it is, `json` encoded.

        A person's token is added, unless `headers` have one.
        """
        if json is not None:
            body = jsonlib.dumps(json).encode()
            headers = [*headers, ("content-type", "application/json")]
        request = events.Request(method, target, headers, body or b"", source_ip)
        candidates = sorted(self.deployed.routes, key=lambda route: route.path.count("{"))
        for route in candidates:
            parameters = match(route.path, request.path)
            if route.method == method and parameters is not None:
                claims = None
                if person and route.authorizer:
                    (client,) = route.authorizer.audience
                    claims = person.claims(client)
                    if request.header("authorization") is None:
                        shown = ("authorization", f"Bearer {person.token(client)}")
                        request = replace(request, headers=[*request.headers, shown])
                event = events.request_event(request, route, parameters, claims, self.clock())
                return self.deliver(route.function, event)
        (default,) = (route for route in candidates if route.is_default)
        event = events.request_event(request, default, {}, None, self.clock())
        return self.deliver(default.function, event)

    def deliver(self, function: str, event: Mapping[str, Any]) -> Answer:
        """Hand a request's event to a function."""
        answer = _answer(self.invoke(function, event))
        self.exchanges.append(Exchange(event["routeKey"], event, answer))
        return answer

    def invoke(
        self, function: str, event: Any, *, remaining_ms: Callable[[], int] | int = 60_000
    ) -> Any:
        """Hand an event to a function, as JSON, and return its result.

        `remaining_ms` is the invocation's time limit: fixed, or asked for each time.
        """
        deployed = self.deployed.functions[function]
        module, _, attribute = deployed.handler.rpartition(".")
        handler = getattr(import_module(module), attribute)
        limit = remaining_ms if callable(remaining_ms) else lambda: remaining_ms
        context = Context(deployed, str(uuid4()), remaining_ms=limit)
        before, beside = len(self.calls), self._within
        self._within = []
        try:
            result = handler(jsonlib.loads(jsonlib.dumps(event)), context)
        finally:
            others = {call for invocation in self._within for call in invocation}
            self.work.setdefault(function, []).extend(
                call for at, call in enumerate(self.calls[before:], before) if at not in others
            )
            self._within = [*beside, range(before, len(self.calls))]
        return jsonlib.loads(jsonlib.dumps(result))

    @property
    def api(self) -> list[Route]:
        """The routes of the API, as its document has them."""
        return [route for route in self.deployed.routes if route.key not in BESIDE]

    # -- the usual things to do, each checked ----------------------------------------------------

    def register(
        self, organization_id: str, *, seconds: int = YEAR, max_agents: int | None = None
    ) -> Answer:
        """Register an organization, named after its id."""
        answer = self.put(organization_id, seconds=seconds, max_agents=max_agents)
        assert answer.status == 201, answer
        return answer

    def put(
        self,
        organization_id: str,
        *,
        seconds: int = YEAR,
        status: str = "active",
        max_agents: int | None = None,
        version: int | None = None,
        name: str | None = None,
    ) -> Answer:
        """Put an organization whose subscription ends in so many seconds."""
        return self.request(
            "PUT",
            f"/v1/organizations/{organization_id}",
            person=OLIVIA,
            json={
                "name": name or organization_id.capitalize(),
                "valid_until": instant(self.clock() + seconds),
                "status": status,
                "max_agents": max_agents,
            },
            headers=[] if version is None else [("If-Match", f'"{version}"')],
        )

    def change(self, organization_id: str, **wanted: Any) -> Answer:
        """Change an organization as it is now."""
        # Read in the table: a super-admin's read would be on record.
        seen = self.runtime.store.organization(organization_id)
        assert seen is not None
        answer = self.put(organization_id, version=seen.version, **wanted)
        assert answer.status == 200, answer
        return answer

    def login(
        self,
        person: Person = ALICE,
        machine: Mapping[str, Any] = MACHINE_A,
        *,
        environment: str = "production",
        agent_version: str | None = "4.5.0.0",
        **more: Any,
    ) -> Answer:
        """Log an agent in, whatever the answer."""
        return self.request(
            "POST",
            "/v1/licenses",
            person=person,
            json={
                "machine": machine,
                "environment": environment,
                "agent_version": agent_version,
                **more,
            },
        )

    def validate(
        self,
        license_key: str,
        machine: Mapping[str, Any] = MACHINE_A,
        organization_id: str = "acme",
        **more: Any,
    ) -> Answer:
        """Validate a key, whatever the answer."""
        return self.request(
            "POST",
            "/v1/licenses/validate",
            json={
                "license_key": license_key,
                "organization_id": organization_id,
                "machine": machine,
                **more,
            },
        )

    def code(self, license_key: str, *args: Any, **more: Any) -> str:
        """The code that a validation answers."""
        answer = self.validate(license_key, *args, **more)
        assert answer.status == 200, answer
        code: str = answer.json["code"]
        return code

    def revoke(self, license_id: str, person: Person = ADA, **body: Any) -> Answer:
        """Revoke a licence, whatever the answer."""
        return self.act("revoke", license_id, person, **body)

    def act(self, action: str, license_id: str, person: Person = ADA, **body: Any) -> Answer:
        """Revoke, detach, attach or dissociate a licence, whatever the answer."""
        return self.request(
            "POST", f"/v1/licenses/{license_id}/{action}", person=person, json=body or None
        )

    def sweep(self, *, remaining_ms: Callable[[], int] | int = 60_000) -> dict[str, int]:
        """Run the expiry sweep once; what it reports."""
        report: dict[str, int] = self.invoke("ExpirySweepFunction", {}, remaining_ms=remaining_ms)
        return report

    # -- what is there -----------------------------------------------------------------------------

    def items(self) -> list[dict[str, Any]]:
        """Every item of the table, in DynamoDB's own JSON, ordered by key."""
        found: list[dict[str, Any]] = []
        reader = _reader(self.runtime.settings.dynamodb_endpoint)
        for page in reader.get_paginator("scan").paginate(
            TableName=self.runtime.settings.table_name,
            ConsistentRead=True,
            PaginationConfig={"PageSize": 1000},  # DynamoDB Local is slow with larger ones
        ):
            found += page["Items"]
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def seats(self, organization_id: str) -> int:
        """The seat counter of an organization."""
        organization = self.runtime.store.organization(organization_id)
        assert organization is not None
        return organization.seats

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """How often each AWS operation is called within the block."""
        before = len(self.calls)
        counter: Counter[str] = Counter()
        yield counter
        counter.update(operation for operation, _ in self.calls[before:])


class _PlainValues(JSONParser):
    """Takes text, numbers and their like as the answer has them, which are most of a table.

    botocore looks for each of ten kinds in every value: half of what a scan takes.
    """

    _PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == "AttributeValue" and value.keys() <= self._PLAIN:
            return value
        # botocore's stubs know public methods only.
        return super()._handle_structure(shape, value)  # type: ignore[misc]


class _PlainParsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> ResponseParser:  # noqa: ARG002 - botocore's
        return _PlainValues()


@cache
def _reader(endpoint: str | None) -> BaseClient:
    session = botocore.session.Session()
    session.register_component("response_parser_factory", _PlainParsers())
    client: BaseClient = session.create_client("dynamodb", endpoint_url=endpoint)
    return client


def unsigned(claims: Mapping[str, Any], **header: Any) -> str:
    """A token with these claims, and with a signature that is none."""
    return f"{_part({'alg': 'RS256', 'kid': 'one'} | header)}.{_part(claims)}.c2lnbmF0dXJl"


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(jsonlib.dumps(value).encode()).decode().rstrip("=")


def instant(epoch: float) -> str:
    """Epoch seconds as RFC 3339."""
    return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")


def _answer(result: Mapping[str, Any]) -> Answer:
    headers, sent = result.get("headers", {}), result.get("body") or ""
    is_packed = sent and result.get("isBase64Encoded", False)
    text = gzip.decompress(base64.b64decode(sent)).decode() if is_packed else sent
    kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
    is_json = bool(text) and kinds != [] and kinds[0].endswith("json")
    json = jsonlib.loads(text) if is_json else None
    return Answer(result["statusCode"], headers, json, text, sent)


@contextmanager
def new_world(
    dynamodb_endpoint: str | None = None, *, has_stream: bool = False, **parameters: str
) -> Iterator[World]:
    """A fresh world on moto, or on the DynamoDB at an endpoint; with a stream if it is read.

    `parameters` are those of the template.
    """
    endpoint = {"DYNAMODB_ENDPOINT": dynamodb_endpoint} if dynamodb_endpoint else {}
    without = {name for name in os.environ if name == "DYNAMODB_ENDPOINT"}
    kept = {name: value for name, value in os.environ.items() if name not in without}
    # An issuer of one's own spares the user pool: no signature is checked here.
    template = Template(TEMPLATE, _SIGN_IN | parameters)
    with (
        patch.dict(os.environ, kept | endpoint, clear=True),
        # Each session reads AWS's service models anew otherwise: half of what a world takes.
        patch.object(botocore.session, "create_loader", _one_loader),
        aws.mocked(),
        aws.tables(template, has_stream=has_stream),
    ):
        aws.create_secrets(template)
        aws.create_buses_and_queues(template)
        aws.number_release(template)
        deployed = deployment.read(template)
        clock = Clock()
        # The clients are new, as their handlers and their count of retries are; what they are made
        # of is the same in each world.
        with patch("licensing.entrypoints.deployment.Clients", _one_maker):
            service = Deployment.from_environ(os.environ | deployed.environment, clock=clock)
        world = World(deployed, service, clock)
        for client in (service.dynamodb, service.secrets):
            client.meta.events.register(
                "provide-client-params",
                lambda params, model, **_: world.calls.append((model.name, params)),
            )
        install_deployment(service)
        try:
            yield world
        finally:
            install_deployment(None)


def rotate_secret(world: World) -> None:
    """Add the next version to the server secret, as an operator does."""
    client = aws.client("secretsmanager")
    secret_id = world.runtime.settings.secret_id
    versions = jsonlib.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
    versions[str(len(versions) + 1)] = uuid4().hex + uuid4().hex
    client.put_secret_value(SecretId=secret_id, SecretString=jsonlib.dumps(versions))
