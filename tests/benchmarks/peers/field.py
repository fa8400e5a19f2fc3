"""The service and its peer, both up on this machine, with the same licences: `up`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final
from unittest.mock import patch
from uuid import uuid4

import boto3

from licensing.domain.keyring import Keyring
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.benchmarks import deployed, served
from tests.benchmarks.invoked import silence
from tests.benchmarks.peers import running
from tests.benchmarks.peers.fleet import PATH, Agent, Side, Stores, Terms, organizations
from tests.benchmarks.peers.processes import child
from tests.engine import dynamodb_local
from tests.local.events import Request, request_event
from tests.world import Context

_FUNCTION: Final = "ValidateFunction"
_ENGINE: Final = "DynamoDBLocal.jar"


@dataclass(frozen=True)
class Field:
    """Where both are, the processes that they are made of, and the agents that they know.

    `engine` is DynamoDB Local's process, `stack` the local stack's.
    """

    service_url: str
    peer: running.Peer
    engine: int
    stack: int
    stores: Stores
    agents: tuple[Agent, ...]

    def of(self, *, full: bool) -> tuple[Agent, ...]:
        """The agents of one kind."""
        return tuple(agent for agent in self.agents if (agent.device is not None) == full)

    def event(self, agent: Agent) -> str:
        """What the service's function is handed for an agent's request, as JSON."""
        host = self.service_url.partition("//")[2]
        headers = [*agent.headers(self.service_url).items(), ("host", host)]
        request = Request("POST", PATH, headers, agent.body, "127.0.0.1")
        (route,) = (one for one in deployed.read().routes if one.path == PATH)
        return json.dumps(request_event(request, route, {}, None, time.time()))


@contextmanager
def up(licenses: int) -> Iterator[Field]:
    """Both, with so many licences in a hundred organizations.

    The service's function is installed in this process, too, on the same table. Raises
    NotHereError, EngineError and ServerError.
    """
    with ExitStack() as stack:
        stack.enter_context(silence())
        endpoint = stack.enter_context(dynamodb_local(lasts=True))
        service, process = stack.enter_context(served.running_on(endpoint))
        settings = service.environments[_FUNCTION]
        variables = {
            **deployed.AWS,
            **settings,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": service.url,
            "DYNAMODB_ENDPOINT": endpoint,
        }
        stack.enter_context(patch.dict(os.environ, variables))
        made = Deployment.from_environ(os.environ)
        stack.callback(install_deployment, None)
        install_deployment(made)
        secret = made.secrets.get_secret_value(SecretId=made.settings.secret_id)["SecretString"]
        terms = Terms(
            Keyring.from_secret(secret),
            made.settings.lease_issuer,
            made.settings.lease_seconds,
            made.settings.last_seen_seconds,
        )
        said = {"lease_seconds": terms.lease_seconds, "seen_seconds": terms.seen_seconds}
        peer = stack.enter_context(
            running.running({"secret": secret, "issuer": terms.issuer, **said})
        )
        client = boto3.client("dynamodb", endpoint_url=endpoint)
        stores = Stores(client, made.settings.table_name, peer.database)
        began = int(time.time())
        agents = tuple(Agent(number, terms, began) for number in range(licenses))
        stores.put_organizations(organizations(began, licenses // 100))
        records = [agent.record(began) for agent in agents]
        for side in Side:
            stores.put(side, records)
        peer.database.do("VACUUM ANALYZE")
        yield Field(service.url, peer, child(_ENGINE), process, stores, agents)


def handler() -> Callable[[str], str]:
    """The service's function as the Lambda runtime calls it: JSON in, JSON out."""
    function = deployed.read().functions[_FUNCTION]
    module, _, attribute = function.handler.rpartition(".")
    handle = getattr(import_module(module), attribute)

    def call(event: str) -> str:
        return json.dumps(handle(json.loads(event), Context(function, str(uuid4()))))

    return call
