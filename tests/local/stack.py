"""Starts the whole service in order, and stops it in reverse, whatever happens in between."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.local import aws, deployment, identity
from tests.local.asynchronous import AsynchronousInvocation
from tests.local.authorizer import TokenVerifier
from tests.local.bus import EventBus
from tests.local.control import AdjustableClock, Control
from tests.local.dead_letters import DeadLetters
from tests.local.endpoint import AwsEndpoint
from tests.local.events import Request, Response
from tests.local.execution import ExecutionEnvironment
from tests.local.gateway import Gateway
from tests.local.pump import Pump
from tests.local.schedule import Ticker
from tests.local.server import Server
from tests.local.signin import SignIn
from tests.local.stream import StreamMapping
from tests.local.template import Template, TemplateError

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


@dataclass(frozen=True)
class Stack:
    """A service that is up."""

    url: str
    agent_client_id: str
    """The client that people sign in with on agents."""
    operator_client_id: str
    """The command line's; the portal has its own."""
    portal_url: str
    issuer: str
    """Who issues its leases."""
    environments: Mapping[str, Mapping[str, str]]
    """The settings of each function."""


@contextmanager
def running(
    port: int = 0, template_path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """The service, up on 127.0.0.1 at `port` (0: a free one) while the context is entered.

    One at a time in a process: the functions share its environment.
    """
    clock = AdjustableClock()
    with ExitStack() as stack:
        # Its address is known before anybody is served: the portal is registered with it.
        server = Server(port=port)
        stack.callback(server.stop)
        template = Template(template_path, {"PortalUrl": server.url, **(parameters or {})})
        if broken := template.broken_rules():
            raise TemplateError(" ".join(broken))
        stack.enter_context(aws.mocked())
        stack.enter_context(aws.tables(template))
        aws.create_secrets(template)
        aws.create_buses_and_queues(template)
        aws.number_release(template)
        users = identity.create(template)
        deployed = deployment.read(template)
        sign_in = SignIn(users, server.url, clock)
        discovery = {"DISCOVERY_URL": sign_in.discovery_url}
        stack.enter_context(patch.dict(os.environ, deployed.environment | discovery))

        made = Deployment.from_environ(os.environ, clock=clock)
        install_deployment(made)
        stack.callback(install_deployment, None)
        functions = ExecutionEnvironment(deployed.functions)
        stack.callback(functions.close)

        dead_letters = DeadLetters(template)
        invoke_asynchronously = AsynchronousInvocation(
            functions.invoke, deployed.asynchronous, dead_letters, clock
        )
        tickers = {
            schedule.function: Ticker(schedule, invoke_asynchronously, clock)
            for schedule in deployed.schedules
        }
        bus = EventBus(_only_bus(template), deployed.rules, invoke_asynchronously)
        pump = Pump(
            [
                StreamMapping(stream, functions.invoke, dead_letters, clock)
                for stream in deployed.streams
            ],
            bus,
        )
        control = Control(
            users, clock, {name: t.run_now for name, t in tickers.items()}, bus, pump, dead_letters
        )
        authorizers = {r.authorizer for r in deployed.routes if r.authorizer is not None}
        keys = users.keys()
        gateway = Gateway(
            deployed.routes,
            {
                authorizer: TokenVerifier(authorizer, keys, users.sessions.has_ended)
                for authorizer in authorizers
            },
            functions.invoke,
            clock,
        )

        endpoint = AwsEndpoint(template, functions.invoke)

        def answer(request: Request) -> Response:
            return (
                _led_to_portal(request, server.url)
                or endpoint.answer(request)
                or sign_in.answer(request)
                or control.answer(request)
                or gateway.answer(request)
            )

        pump.start()
        stack.callback(pump.stop)
        for ticker in tickers.values():
            ticker.start()
            stack.callback(ticker.stop)
        for api in template.of_type("AWS::Serverless::HttpApi"):
            template.created(api, api, ApiEndpoint=server.url)
        server.serve(answer)
        # Stopped before what it calls: requests in hand end.
        stack.callback(server.stop)
        environments = {name: one.environment for name, one in deployed.functions.items()}
        yield Stack(
            server.url,
            users.agent_client_id,
            users.command_line.client_id,
            f"{server.url}/portal",
            made.settings.lease_issuer,
            environments,
        )


def _led_to_portal(request: Request, url: str) -> Response | None:
    """Where a browser is sent that comes to the bare address, or to the portal's by another name.

    People sign in at the address that the portal is registered with, and `localhost` is not it.
    """
    named = (request.header("host") or "").removesuffix(":80")
    elsewhere = request.path == "/portal" and named != urlsplit(url).netloc.removesuffix(":80")
    if request.method in {"GET", "HEAD"} and (request.path == "/" or elsewhere):
        return Response(302, [("location", f"{url}/portal"), ("cache-control", "no-store")], b"")
    return None


def _only_bus(template: Template) -> str:
    found = template.of_type("AWS::Events::EventBus")
    if len(found) != 1:
        raise TemplateError(f"the local stack wants one event bus, not {len(found)}")
    name: str = template.resolve({"Ref": found[0]})
    return name
