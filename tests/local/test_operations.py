"""The README's procedures for operators, done line by line against the running service."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.local import procedures, stack
from tests.local.cast import (
    ACME,
    MACHINE_A,
    MACHINE_B,
    AGENT_VERSION,
    billing_event,
    days_from_now,
    login,
    organization,
)
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD
from tests.local.procedures import Terminal
from tests.local.stack import Stack

PROCEDURES = procedures.read()
ROTATE = PROCEDURES["Rotate the secret"]
SECRET_SECONDS = 900


class Service:
    """The running service, as users and agents see it."""

    def __init__(self, client: Client, client_id: str) -> None:
        self.client = client
        self._client_id = client_id
        self._call("PUT", f"/v1/organizations/{ACME}", organization(ACME, days_from_now(365)), by="olivia").expect(201)

    def _call(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Answer:
        token = None
        if by is not None:
            answer = self.client.log_in(self._client_id, by, PASSWORD).expect(200)
            token = answer["AuthenticationResult.IdToken"]
        return self.client.call(method, path, body, token=token)

    def log_in(self, machine: Any, user: str = "alice") -> Answer:
        return self._call("POST", "/v1/licenses", login(machine), by=user)

    def validate(self, key: str, machine: Any) -> Answer:
        body = login(machine, license_key=key) | {"organization_id": ACME}
        return self._call("POST", "/v1/licenses/validate", body).expect(200)

    def kids(self) -> list[str]:
        keys = self._call("GET", "/.well-known/jwks.json").expect(200)["keys"]
        return [key["kid"] for key in keys]

    def wait(self, seconds: int) -> None:
        self._call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    with stack.running() as running:
        yield running


@pytest.fixture
def service(up: Stack) -> Iterator[Service]:
    with closing(Client(up.url)) as client:
        yield Service(client, up.client_id)


@pytest.fixture
def operator(up: Stack, tmp_path: Path) -> Iterator[Terminal]:
    """An operator who has begun as the section says."""
    with procedures.terminal(tmp_path / "terminal", up.url) as terminal:
        (begin,) = PROCEDURES["Begin"].run_here
        said = terminal.paste(begin, f"olivia\n{PASSWORD}\n")
        url, length = said.split()
        assert url == up.url
        assert int(length) > 100
        yield terminal


def kid(lease: str) -> str:
    header = lease.split(".")[0]
    name: str = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    return name


def test_r16_the_secret_is_rotated_while_the_service_runs(
    service: Service, operator: Terminal
) -> None:
    before = service.log_in(MACHINE_A).expect(201)
    kids = service.kids()
    add, look = ROTATE.run_here
    said = operator.paste(add)
    assert re.fullmatch(r'"[0-9a-f-]{36}"\n', said)
    print(before.body, kids, said)
    service.wait(SECRET_SECONDS)
    assert service.validate(before["license_key"], MACHINE_A)["code"] == "VALID"
    after = service.log_in(MACHINE_B).expect(201)
    listed = operator.paste(look).split()
    assert listed[1:] == kids
    assert kid(before["lease"]) in listed
    assert kid(after["lease"]) == listed[0]
