"""The README's procedures for operators, done line by line against the running service.

A test does what its procedure says and asserts what the operator, or an agent, would notice.
"""

import base64
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from licensing import keys, runtime
from licensing.openapi import ROUTES
from tests.integration.hearing import hearing
from tests.local import procedures, stack
from tests.local.cast import (
    ACME,
    BOLT,
    COOP,
    MACHINE_A,
    MACHINE_B,
    MACHINE_C,
    MACHINE_D,
    MACHINE_E,
    NAMES,
    billing_event,
    days_from_now,
    login,
    organization,
)
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD
from tests.local.procedures import Terminal
from tests.local.stack import TEMPLATE, Stack
from tests.local.template import Template
from tests.local.test_command import run_command

PROCEDURES = procedures.read()
SECRET_SECONDS = 900


class Service:
    """A running service, as its users and agents see it."""

    def __init__(self, client: Client, client_id: str) -> None:
        self._client = client
        self._client_id = client_id

    def token(self, user: str, password: str = PASSWORD) -> str:
        answer = self._client.log_in(self._client_id, user, password).expect(200)
        return str(answer["AuthenticationResult.IdToken"])

    def call(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Answer:
        token = self.token(by) if by is not None else None
        return self._client.call(method, path, body, token=token)

    def log_in(self, machine: Mapping[str, Any], user: str) -> Answer:
        return self.call("POST", "/v1/licenses", login(machine), by=user)

    def code(self, license_key: str, machine: Mapping[str, Any], organization_id: str) -> str:
        body = login(machine, license_key=license_key) | {"organization_id": organization_id}
        return str(self.call("POST", "/v1/licenses/validate", body).expect(200)["code"])

    def kids(self) -> list[str]:
        listed = self.call("GET", "/.well-known/jwks.json").expect(200)["keys"]
        return [key["kid"] for key in listed]

    def dead_letters(self, queue: str) -> list[Any]:
        letters: list[Any] = self.call("GET", "/_local/dead-letters").expect(200)[f"queues.{queue}"]
        return letters

    def published(self) -> list[Any]:
        events = self.call("GET", "/_local/bus").expect(200)["events"]
        return [event["detail"] for event in events if event["source"] == "licensing"]


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running:
            yield running


@pytest.fixture(scope="module")
def service(up: Stack) -> Iterator[Service]:
    with closing(Client(up.url)) as client:
        seeded = Service(client, up.client_id)
        for name in (ACME, BOLT):
            body = organization(name, days_from_now(365))
            seeded.call("PUT", f"/v1/organizations/{name}", body, by="olivia").expect(201)
        yield seeded


@pytest.fixture(scope="module")
def operator(up: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """An operator who has begun as the section says."""
    with procedures.terminal(tmp_path_factory.mktemp("terminal"), up.url) as terminal:
        (begin,) = PROCEDURES["Begin"].run_here
        url, length = terminal.paste(begin, f"olivia\n{PASSWORD}\n").split()
        assert url == up.url
        assert int(length) > 100
        yield terminal


def run_here(title: str, blocks: int) -> tuple[str, ...]:
    """The blocks of a procedure: as many as the test knows of."""
    found = PROCEDURES[title].run_here
    assert len(found) == blocks, "a block is not tried, or is none any more"
    return found


def filled(lines: str, **values: str) -> str:
    """Lines with the operator's own values in the place of the examples."""
    for name, value in values.items():
        assignment = re.compile(rf"\b{name}=('[^']*'|\S+)")
        lines, count = assignment.subn(lambda _, n=name, v=value: f"{n}={shlex.quote(v)}", lines, 1)
        assert count == 1, f"{name} is not set"
    return lines


def kid(lease: Mapping[str, str]) -> str:
    header = lease["token"].split(".")[0]
    name: str = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    return name


def secret() -> str:
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ID"])
    return str(answer["SecretString"])


def test_r03_r16_the_secret_is_rotated_under_a_running_service(
    service: Service, operator: Terminal
) -> None:
    add, look = run_here("Rotate the secret", 2)
    older = service.log_in(MACHINE_A, "alice").expect(201)
    before = service.kids()
    said = operator.paste(add)
    assert re.fullmatch(r'"[0-9a-f-]{36}"\n', said), "a version's id, and nothing secret"

    service.call("POST", "/_local/clock", {"advance_seconds": SECRET_SECONDS}).expect(200)
    newer = service.log_in(MACHINE_B, "alice").expect(201)
    newest, *listed = operator.paste(look).split()
    assert listed == before
    assert kid(newer["lease"]) == newest
    assert kid(older["lease"]) in listed
    assert service.code(older["license_key"], MACHINE_A, ACME) == "VALID"
    assert service.code(newer["license_key"], MACHINE_B, ACME) == "VALID"
    made_with = [keys.parse(answer["license_key"]).secret_version for answer in (older, newer)]
    assert made_with == [len(before), len(before) + 1]
    again = service.log_in(MACHINE_A, "amir").expect(200)
    assert again["license_key"] == older["license_key"], "a machine is known as it was"


def test_r03_a_secret_that_cannot_be_read_is_left_as_it_is(operator: Terminal) -> None:
    add, _ = run_here("Rotate the secret", 2)
    before = secret()
    fails = 'aws() { case "$*" in *get-secret-value*) return 1;; *) command aws "$@";; esac; }'
    said = operator.paste(f"( {fails}\n{add}) 2>&1 || echo refused")
    assert said.endswith("refused\n")
    assert secret() == before


@contextmanager
def table(name: str) -> Iterator[None]:
    """Have the functions work on another table."""
    deployed = runtime.current()
    environment = os.environ | {"TABLE_NAME": name}
    runtime.install(runtime.Runtime.from_environ(environment, clock=deployed.clock))
    try:
        yield
    finally:
        runtime.install(deployed)


def test_r15_the_table_is_restored_and_who_was_revoked_since_is_revoked_again(
    service: Service, operator: Terminal
) -> None:
    restore, set_up, look, do_again = run_here("Restore the table to a point in time", 4)
    kept, revoked, blocked = (
        service.log_in(machine, "boris").expect(201)
        for machine in (MACHINE_C, MACHINE_D, MACHINE_E)
    )
    # Here, a restored table is a copy of now, whatever the moment: what follows is the damage.
    moment = procedures.now()
    restored = operator.paste(filled(restore, MOMENT=moment)).splitlines()[0].strip('"')
    assert restored == os.environ["TABLE_NAME"] + "-restored"

    operator.paste(set_up)
    told = boto3.client("dynamodb")
    described = told.describe_table(TableName=restored)["Table"]
    wanted = Template(TEMPLATE).properties("LicenseTable")
    stream = {"StreamEnabled": True, **wanted["StreamSpecification"]}
    assert described["StreamSpecification"] == stream
    assert described["DeletionProtectionEnabled"] == wanted["DeletionProtectionEnabled"]
    time_to_live = told.describe_time_to_live(TableName=restored)["TimeToLiveDescription"]
    assert time_to_live["AttributeName"] == wanted["TimeToLiveSpecification"]["AttributeName"]
    assert time_to_live["TimeToLiveStatus"] == "ENABLED"
    backups = told.describe_continuous_backups(TableName=restored)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == "ENABLED"
    restored_indexes = {index["IndexName"] for index in described["GlobalSecondaryIndexes"]}
    assert restored_indexes == {index["IndexName"] for index in wanted["GlobalSecondaryIndexes"]}

    seats = {line.split("\t")[0]: line.split("\t")[1:] for line in operator.paste(look).splitlines()}
    assert seats[BOLT] == ["3", "3"]

    service.call("POST", f"/v1/licenses/{revoked['license.id']}/revoke", by="olivia").expect(200)
    service.call("POST", f"/v1/licenses/{blocked['license.id']}/detach", by="olivia").expect(200)
    with table(restored):
        assert service.code(kept["license_key"], MACHINE_C, BOLT) == "VALID"
        assert service.code(revoked["license_key"], MACHINE_D, BOLT) == "VALID", "it has forgotten"
        said = operator.paste(do_again).splitlines()
        assert f"revoke {revoked['license.id']} 200" in said
        assert f"detach {blocked['license.id']} 200" in said
        assert service.code(kept["license_key"], MACHINE_C, BOLT) == "VALID"
        assert service.code(revoked["license_key"], MACHINE_D, BOLT) == "REVOKED"
        assert service.code(blocked["license_key"], MACHINE_E, BOLT) == "DETACHED"
