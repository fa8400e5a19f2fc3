"""Starts the whole service in order, and stops it in reverse, whatever happens in between."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from licensing import runtime
from tests.local import aws, deployment, identity
from tests.local.authorizer import TokenVerifier
from tests.local.control import AdjustableClock, Control
from tests.local.events import Request, Response
from tests.local.execution import ExecutionEnvironment
from tests.local.gateway import Gateway
from tests.local.schedule import Ticker
from tests.local.server import Server
from tests.local.template import Template

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


@dataclass(frozen=True)
class Stack:
    """A service that is up."""

    url: str
    client_id: str


@contextmanager
def running(
    port: int = 0, template_path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """The service, up on 127.0.0.1 at `port` (0: a free one) while the context is entered.

    One at a time in a process: the functions share its environment.
    """
    clock = AdjustableClock()
    template = Template(template_path, parameters)
    with ExitStack() as stack:
        stack.enter_context(aws.mocked())
        stack.enter_context(aws.tables(template))
        aws.create_secrets(template)
        users = identity.create(template)
        deployed = deployment.read(template)
        stack.enter_context(patch.dict(os.environ, deployed.environment))

        runtime.install(runtime.Runtime.from_environ(os.environ, clock=clock))
        stack.callback(runtime.install, None)
        functions = ExecutionEnvironment(deployed.functions)
        stack.callback(functions.close)

        tickers = {
            schedule.function: Ticker(schedule, functions.invoke, clock)
            for schedule in deployed.schedules
        }
        control = Control(users, clock, {name: t.run_now for name, t in tickers.items()})
        authorizers = {r.authorizer for r in deployed.routes if r.authorizer is not None}
        keys = users.keys()
        gateway = Gateway(
            deployed.routes,
            {authorizer: TokenVerifier(authorizer, keys) for authorizer in authorizers},
            functions.invoke,
            clock,
        )

        def answer(request: Request) -> Response:
            return control.answer(request) or gateway.answer(request)

        for ticker in tickers.values():
            ticker.start()
            stack.callback(ticker.stop)
        server = Server(answer, port)
        stack.callback(server.stop)
        yield Stack(server.url, users.client_id)
