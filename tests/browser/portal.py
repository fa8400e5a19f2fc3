"""The whole service as a process of its own, with the portal, and what tests do to it.

It keeps its data in a DynamoDB Local, so that a test can put any number of agents right into the
table, and so that each test begins with the same three organizations and nothing in them.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from playwright.sync_api import Page

from tests.concurrency.table import Item, delete, write
from tests.devices import Device
from tests.engine import dynamodb_local
from tests.local import cast
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD
from tests.local.stack import TEMPLATE
from tests.local.template import REGION

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ROOT = TEMPLATE.parent
# A tab's own storage is filled once: what the page does to it later stays done. Tokens carry along
# the word that the browser keeps from a sign-in on.
_PUT_ONCE = """
if (!sessionStorage.getItem("put")) {
  sessionStorage.setItem("put", "once");
  const word = localStorage.getItem("session.lasting") ?? "a word";
  localStorage.setItem("session.lasting", word);
  sessionStorage.setItem("session.tokens", JSON.stringify({ ...%s, word }));
}
"""
_UP = re.compile(r"The service is up at (\S+), ")


@dataclass(frozen=True)
class Agent:
    """An agent that has logged in, and can validate."""

    id: str
    key: str
    organization_id: str
    machine: dict[str, Any]
    device: Device | None = None
    """Its device key, if it has one."""
    lease: str = ""
    """The lease of its first login."""

    @property
    def name(self) -> str:
        """Its computer's name."""
        return str(self.machine["computer_name"])


@dataclass
class Portal:
    """A service that is up, for tests: its API, its table, and who signs in."""

    url: str
    client: Client
    database: "DynamoDBClient"
    table: str
    _tokens: dict[tuple[str, str], Answer] = field(default_factory=dict, repr=False)

    @cached_property
    def _local(self) -> Answer:
        return self.client.call("GET", "/_local").expect(200)

    def tokens(self, user: str, client: str = "portal") -> Answer:
        """A user's tokens, as the portal or an agent gets them; kept until sessions are ended."""
        if (user, client) not in self._tokens:
            client_id = self._local[f"{client}_client_id"]
            self._tokens[user, client] = self.client.log_in(client_id, user, PASSWORD).expect(200)
        return self._tokens[user, client]

    def call(
        self, method: str, path: str, body: Any = None, *, user: str = "ada", **headers: str
    ) -> Answer:
        """Ask the API as a user, who logs in on an agent and does all else in the portal."""
        client = "agent" if (method, path) == ("POST", "/v1/licenses") else "portal"
        token = self.tokens(user, client)["AuthenticationResult.IdToken"]
        return self.client.call(method, path, body, token=token, headers=headers)

    def end_sessions(self) -> None:
        """End everybody's session."""
        self.client.call("POST", "/_local/sessions/end").expect(200)
        self._tokens.clear()

    # -- people ------------------------------------------------------------------------------------

    def sign_in(self, page: Page, user: str, place: str = "") -> None:
        """Sign in by the forms, as people do; who comes to `place` is there again afterwards."""
        page.goto(self.address(place))
        page.get_by_role("button", name="Sign in").click()
        self.fill_in(page, user)

    def fill_in(self, page: Page, user: str) -> None:
        """Fill in the identity provider's form."""
        page.get_by_label("User name").fill(user)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        # The page may have put the place that it was left at behind its address by now.
        page.wait_for_url(re.compile(rf"{re.escape(self.url)}/portal([?#]|$)"))

    def visit(self, page: Page, user: str, place: str = "") -> None:
        """Come to a place in a tab in which somebody has signed in already."""
        answer = self.tokens(user)
        tokens = {
            "id": answer["AuthenticationResult.IdToken"],
            "refresh": answer["AuthenticationResult.RefreshToken"],
            "expiresAt": (time.time() + answer["AuthenticationResult.ExpiresIn"]) * 1000,
        }
        page.add_init_script(_PUT_ONCE % json.dumps(tokens))
        page.goto(self.address(place))

    def address(self, place: str = "") -> str:
        """The address of a place, like `/organizations/acme`."""
        return f"{self.url}/portal{'#' if place else ''}{place}"

    def change_organization(self, organization_id: str, **changed: Any) -> None:
        """Change an organization, as the vendor's operator does."""
        place = f"/v1/organizations/{organization_id}"
        before = self.call("GET", place, user="olivia").expect(200)
        organization = before["organization"]
        wanted = {
            "name": organization["name"],
            **organization["subscription"],
            "max_agents": organization["max_agents"],
            **changed,
        }
        headers = {"If-Match": before.headers["etag"]}
        self.call("PUT", place, wanted, user="olivia", **headers).expect(200)

    # -- agents ------------------------------------------------------------------------------------

    def log_in_agent(
        self,
        name: str,
        user: str = "alice",
        environment: str = "production",
        device: Device | None = None,
    ) -> Agent:
        """An agent on a machine of its own, logged in by a user."""
        machine = {"machine_id": str(uuid4()), "mac_addresses": [], "computer_name": name}
        answer = self._logged_in(machine, user, environment, device).expect(201)
        return Agent(
            answer["license.id"],
            answer["license_key"],
            answer["license.organization_id"],
            machine,
            device,
            answer["lease.token"],
        )

    def log_in_again(self, agent: Agent, device: Device | None = None) -> Agent:
        """The same agent, logged in once more, with a device key that it has now, if with any."""
        self._logged_in(agent.machine, "alice", cast.ENVIRONMENT, device).expect(200)
        return replace(agent, device=device)

    def validate(self, agent: Agent, *, lease: str | None = None) -> Answer:
        """What the agent is told; `lease` is the last one that it has, if it presents one."""
        body = {
            "license_key": agent.key,
            "organization_id": agent.organization_id,
            "environment": cast.ENVIRONMENT,
            "machine": agent.machine,
            "agent_version": cast.AGENT_VERSION,
            **({} if lease is None else {"lease": lease}),
        }
        path = "/v1/licenses/validate"
        return self._proved(path, body, agent.key, agent.device, None).expect(200)

    def _logged_in(
        self, machine: dict[str, Any], user: str, environment: str, device: Device | None
    ) -> Answer:
        token = self.tokens(user, "agent")["AuthenticationResult.IdToken"]
        body = cast.login(machine, environment)
        return self._proved("/v1/licenses", body, token, device, token)

    def _proved(
        self, path: str, body: Any, credential: str, device: Device | None, token: str | None
    ) -> Answer:
        """The answer to a request, with a proof that carries a nonce of the service's."""
        if device is None:
            return self.client.call("POST", path, body, token=token)
        while True:
            proof = {"DPoP": device.proof(f"{self.url}{path}", credential, body)}
            answer = self.client.call("POST", path, body, token=token, headers=proof)
            device.nonce = answer.headers["dpop-nonce"]
            if answer["code"] != "use_dpop_nonce":
                return answer

    # -- the table ---------------------------------------------------------------------------------

    def put(self, items: Iterable[Item]) -> None:
        """Put items right into the table."""
        write(self.database, self.table, items)

    def snapshot(self) -> list[Item]:
        """All that the table holds."""
        pages = self.database.get_paginator("scan").paginate(TableName=self.table)
        return [item for page in pages for item in page["Items"]]

    def restore(self, snapshot: Iterable[Item]) -> None:
        """Make the table hold exactly that."""
        delete(self.database, self.table, self.snapshot())
        self.put(snapshot)


@contextmanager
def served(log: Path) -> Iterator[Portal]:
    """The service on a free port, with three organizations; its functions' log is in `log`."""
    with (
        dynamodb_local() as endpoint,
        _running(endpoint, log) as url,
        closing(Client(url)) as client,
    ):
        database = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="LOCALSTACK",
            aws_secret_access_key="LOCALSTACK",
        )
        (table,) = database.list_tables()["TableNames"]
        yield Portal(url, client, database, table)


@contextmanager
def _running(endpoint: str, log: Path) -> Iterator[str]:
    path = os.pathsep.join(str(ROOT / part) for part in (".", "shared", "functions"))
    command = [sys.executable, "-m", "tests.local", "run", "--port", "0", "--log", str(log)]
    process = subprocess.Popen(
        command,
        cwd=log.parent,
        env={**os.environ, "PYTHONPATH": path, "DYNAMODB_ENDPOINT": endpoint},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith("Ctrl-C"):
                    break
            up = _UP.search(printed)
            assert up, printed
            yield up[1]
        finally:
            process.kill()
