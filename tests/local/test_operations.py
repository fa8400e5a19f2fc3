"""The procedures for operators, done line by line against the running service.

A test does what its procedure says and asserts what the operator, or an agent, would notice.
"""

import base64
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest

from licensing.domain import license_key
from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code
from licensing.entrypoints.deployment import Deployment, current_deployment, install_deployment
from licensing.entrypoints.http import front
from licensing_build.openapi import operations
from tests.deployment import kept, policy
from tests.integration.hearing import hearing
from tests.local import procedures, stack
from tests.local.cast import (
    ACME,
    BOLT,
    COOP,
    billing_event,
    days_from_now,
    login,
    organization,
)
from tests.local.client import Answer, Client
from tests.local.events import Request, Response
from tests.local.identity import PASSWORD
from tests.local.procedures import Terminal
from tests.local.server import Server
from tests.local.stack import TEMPLATE, Stack
from tests.local.template import STACK_NAME, Template
from tests.local.test_command import run_command

pytestmark = pytest.mark.sampled(12)

ROOT = TEMPLATE.parent
PROCEDURES = procedures.read()
RESTORE = "Restore the table to a point in time"
SECRET_SECONDS = 900
_numbers = count(1)


def new_machine() -> dict[str, Any]:
    """A machine that nobody has seen: the tests have one service in common."""
    number = next(_numbers)
    return {
        "machine_id": f"4c4c4544-0051-3710-8054-{number:012}",
        "mac_addresses": [f"a4:bb:6d:3e:90:{number:02x}"],
        "computer_name": f"PC-{number}",
    }


class Service:
    """A running service, as its users and agents see it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._local = client.call("GET", "/_local").expect(200)

    def token(self, user: str, password: str = PASSWORD, *, client: str = "operator") -> str:
        answer = self._client.log_in(self._local[f"{client}_client_id"], user, password).expect(200)
        return str(answer["AuthenticationResult.IdToken"])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = None,
        token: str | None = None,
    ) -> Answer:
        token = self.token(by) if by is not None else token
        return self._client.call(method, path, body, token=token)

    def log_in(self, machine: Mapping[str, Any], user: str) -> Answer:
        token = self.token(user, client="agent")
        return self.call("POST", "/v1/licenses", login(machine), token=token)

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
        seeded = Service(client)
        for name in (ACME, BOLT, COOP):
            body = organization(name, days_from_now(365))
            seeded.call("PUT", f"/v1/organizations/{name}", body, by="olivia").expect(201)
        yield seeded


@pytest.fixture(scope="module")
def operator(up: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """An operator who has begun as the page says."""
    with procedures.terminal(tmp_path_factory.mktemp("terminal"), up.url) as terminal:
        begin(terminal, up.url)
        sign_in(terminal, "Sign in", "olivia")
        yield terminal


def begin(terminal: Terminal, url: str) -> None:
    (lines,) = run_here("Open a terminal", 1)
    assert terminal.paste(lines) == f"{url}\n"


def sign_in(
    terminal: Terminal, title: str, user: str, password: str = PASSWORD, *, client: str = ""
) -> None:
    lines, *_ = PROCEDURES[title].run_here
    assert lines == f"{f'sign_in {client}'.strip()}\n"
    said = terminal.paste(lines, f"{user}\n{password}\n")
    found = re.fullmatch(rf"\n{user} has a token of (\d+) letters\n", said)
    assert found is not None
    assert int(found[1]) > 100


def run_here(title: str, blocks: int) -> tuple[str, ...]:
    """The blocks of a procedure: as many as the test knows of."""
    found = PROCEDURES[title].run_here
    assert len(found) == blocks, "a block is not tried, or is none any more"
    return found


def filled(lines: str, **values: str) -> str:
    """Lines with the operator's own values in the place of the examples."""
    for name, value in values.items():
        assignment = re.compile(rf"\b{name}=('[^']*'|\S+)")
        parts = assignment.split(lines)
        assert len(parts) == 3, f"{name} is not set once"
        lines = f"{parts[0]}{name}={shlex.quote(value)}{parts[2]}"
    return lines


def kid(lease: Mapping[str, str]) -> str:
    header = lease["token"].split(".")[0]
    name: str = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    return name


def secret() -> str:
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ID"])
    return str(answer["SecretString"])


# `make smoke`, but for the comparison of what is deployed with what was built.
SMOKE = """
make() { [ "$1" = smoke ] && shift && local "$@" && "$PYTHON" -m tests.local smoke --url "$URL" \
  --client-id "$CLIENT_ID" --admin "$ADMIN" \
  --agent-client-id "$AGENT_CLIENT_ID" --member "$MEMBER"; }
"""
WORDS = {"oscar": "Right-Battery-1", "ines": "Right-Battery-2", "milo": "Right-Battery-3"}


@pytest.mark.thorough
def test_r01_the_first_users_and_the_first_customer_end_with_a_licensed_agent(
    up: Stack, tmp_path: Path
) -> None:
    with (
        procedures.terminal(tmp_path / "terminal", up.url) as newcomer,
        closing(Client(up.url)) as client,
    ):
        begin(newcomer, up.url)
        first, *_ = run_here("Create the super-admin", 1)
        newcomer.paste(first, f"{WORDS['oscar']}\n")
        sign_in(newcomer, "Sign in", "oscar", WORDS["oscar"])
        (register,) = run_here("Register the customer", 1)
        assert newcomer.paste(register) == "201\n"
        for name, lines in zip(("ines", "milo"), run_here("Create its people", 2), strict=True):
            newcomer.paste(lines, f"{WORDS[name]}\n")

        _, license_an_agent = run_here("License an agent", 2)
        sign_in(newcomer, "License an agent", "milo", WORDS["milo"], client="AgentClient")
        issued, validated = map(json.loads, newcomer.paste(license_an_agent).splitlines())
        assert issued == {"created": True, "status": "active"}
        assert validated == {"valid": True, "code": "VALID", "action": "continue"}

        _, look = run_here("Look at it", 2)
        sign_in(newcomer, "Look at it", "ines", WORDS["ines"])
        seen = json.loads(newcomer.paste(look))
        assert (seen["computer_name"], seen["status"]) == ("HALL-3-PRESS-2", "active")
        ines = Service(client).token("ines", WORDS["ines"])
        who = client.call("GET", "/v1/me", token=ines).expect(200)
        assert (who["organization_id"], who["roles"]) == ("initech", ["org-admin"])

        (smoke,) = run_here("Run the smoke test", 1)
        folders = os.pathsep.join(
            str(TEMPLATE.parent / part) for part in ("", "shared", "functions")
        )
        words = f"ADMIN_PASSWORD={WORDS['oscar']} MEMBER_PASSWORD={WORDS['milo']}"
        python = f"PYTHONPATH={shlex.quote(folders)} PYTHON={shlex.quote(sys.executable)}"
        newcomer.paste(f"{SMOKE}export {words} {python}\n")
        told = newcomer.paste(smoke)
        assert "Agent is Blocked." in told
        assert told.endswith("Everything works.\n")


@pytest.mark.thorough
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
    deployed = current_deployment()
    environment = os.environ | {"TABLE_NAME": name}
    install_deployment(Deployment.from_environ(environment, clock=deployed.clock))
    try:
        yield
    finally:
        install_deployment(deployed)


@contextmanager
def without(name: str, is_lost: Callable[[Mapping[str, Any]], bool]) -> Iterator[None]:
    """A table that lacks some items, which are put back at the end."""
    client = boto3.client("dynamodb")
    lost = [item for item in client.scan(TableName=name)["Items"] if is_lost(item)]
    assert lost
    for item in lost:
        client.delete_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})
    yield
    for item in lost:
        client.put_item(TableName=name, Item=item)


def assert_torn_transactions_are_seen(
    operator: Terminal, look: str, name: str, license_id: str
) -> None:
    """All is well with Bolt's four; and of a transaction, a table may have a part alone."""

    def seen() -> dict[str, str]:
        return dict(line.split(" ", 1) for line in operator.paste(look).splitlines())

    whole = seen()
    assert (whole.get("?"), whole[BOLT]) == (None, "4 4 4")
    with without(name, lambda item: item["pk"]["S"] == f"LICENSE#{license_id}"):
        torn = seen()
        assert (torn["?"], torn[BOLT]) == (license_id, "4 3 3")
    with without(name, lambda item: license_id in str(item.get("holders"))):
        assert seen()[BOLT] == "4 4 3"


def test_r15_the_table_is_restored_and_who_was_revoked_since_is_revoked_again(
    service: Service, operator: Terminal
) -> None:
    restore, _, _, set_up, look, do_again = run_here(RESTORE, 6)
    machines = [new_machine() for _ in range(4)]
    kept, revoked, blocked, cloned = (
        service.log_in(machine, "boris").expect(201) for machine in machines
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

    assert_torn_transactions_are_seen(operator, look, restored, kept["license.id"])

    service.call("POST", f"/v1/licenses/{revoked['license.id']}/revoke", by="olivia").expect(200)
    service.call("POST", f"/v1/licenses/{blocked['license.id']}/detach", by="olivia").expect(200)
    policy = {"block_clones": True}
    service.call("PATCH", f"/v1/organizations/{BOLT}", policy, by="olivia").expect(200)
    body = login(machines[3], license_key=cloned["license_key"]) | {"organization_id": BOLT}
    body |= {"lease": cloned["lease.token"]}
    assert service.call("POST", "/v1/licenses/validate", body).expect(200)["code"] == "VALID"
    service.log_in(machines[3], "boris").expect(200)  # a copy, which the lease was not copied to
    assert service.call("POST", "/v1/licenses/validate", body).expect(200)["code"] == "DETACHED"
    with table(restored):
        assert service.code(kept["license_key"], machines[0], BOLT) == "VALID"
        assert service.code(revoked["license_key"], machines[1], BOLT) == "VALID", (
            "it has forgotten"
        )
        said = operator.paste(do_again).splitlines()
        assert f"revoke {revoked['license.id']} 200" in said
        assert f"detach {blocked['license.id']} 200" in said
        assert f"detach {cloned['license.id']} 200" in said
        assert service.code(kept["license_key"], machines[0], BOLT) == "VALID"
        assert service.code(revoked["license_key"], machines[1], BOLT) == "REVOKED"
        assert service.code(blocked["license_key"], machines[2], BOLT) == "DETACHED"
        assert service.code(cloned["license_key"], machines[3], BOLT) == "DETACHED"


def test_the_table_is_restored_from_a_backup(operator: Terminal) -> None:
    _, find, from_backup, *_ = run_here(RESTORE, 6)
    told, table = boto3.client("dynamodb"), os.environ["TABLE_NAME"]
    made = told.create_backup(TableName=table, BackupName="weekly")["BackupDetails"]
    (backup,) = operator.paste(find).splitlines()
    _, name, arn = backup.split("\t")
    assert (name, arn) == ("weekly", made["BackupArn"])
    # Another name than that of the test before.
    operator.paste("RESTORED=$TABLE-from-backup")
    restored, *_ = operator.paste(filled(from_backup, BACKUP=arn)).splitlines()
    assert restored == f'"{table}-from-backup"'
    moment = operator.paste("echo $MOMENT").strip()
    assert datetime.fromisoformat(moment) == made["BackupCreationDateTime"].replace(microsecond=0)
    before, after = (told.scan(TableName=one)["Items"] for one in (table, f"{table}-from-backup"))
    assert before
    assert after == before


def test_r13_r32_why_an_agent_was_refused_is_found(service: Service, operator: Terminal) -> None:
    by_key, by_name, by_machine, by_log = run_here("Find why an agent was refused", 4)
    machine, other = new_machine(), new_machine()
    issued = service.log_in(machine, "alice").expect(201)
    license_id = issued["license.id"]
    with hearing() as heard:
        body = login(other, license_key=issued["license_key"]) | {"organization_id": ACME}
        refused = service.call("POST", "/v1/licenses/validate", body).expect(200)
    assert refused["code"] == "MACHINE_MISMATCH"

    start = "-".join(issued["license_key"].split("-")[:4])
    said = operator.paste(filled(by_key, KEY_START=start.lower()))
    shown, history = said[: said.index("}\n") + 2], said[said.rindex("}\n") + 2 :].splitlines()
    assert license_id in shown
    assert json.loads(said[: said.rindex("}\n") + 2])["status"] == "active"
    # By their types: the refusals of an hour stand where it began, which may be before the issue.
    refusal, issue = sorted((line.split("\t")[1:] for line in history), key=lambda line: line[0])
    elsewhere = other["computer_name"]
    assert refusal == ["AccessRefused", "agent", license_id, elsewhere, "machine_mismatch", "1"]
    assert issue[:2] == ["LicenseIssued", "user"]

    (named,) = operator.paste(filled(by_name, COMPUTER=machine["computer_name"])).splitlines()
    assert json.loads(named) == {
        "organization_id": ACME,
        "id": license_id,
        "status": "active",
        "computer_name": machine["computer_name"],
    }

    wanted = {"ORGANIZATION": ACME, "COMPUTER": machine["computer_name"]}
    lines = filled(by_machine, **wanted, MACHINE=json.dumps(machine))
    subscription, found, holder = map(json.loads, operator.paste(lines).splitlines())
    assert subscription["subscription"]["status"] == "active"
    assert (found["id"], found["status"]) == (license_id, "active")
    assert holder == {"organization_id": ACME, "licenses": [license_id]}

    request_id = refused.headers["apigw-requestid"]
    keep_logs(heard.getvalue(), request_id)
    access, function = operator.paste(filled(by_log, WHAT=request_id)).splitlines()
    assert json.loads(access)["request_id"] == request_id
    answered = json.loads(function)
    assert (answered["outcome"], answered["status"]) == ("MACHINE_MISMATCH", 200)
    assert (answered["license_id"], answered["correlation_id"]) == (license_id, request_id)


def keep_logs(said: str, request_id: str) -> None:
    """Put into CloudWatch what the functions said, and a line of API Gateway's for a request."""
    template = Template(TEMPLATE)
    template.created("AccessLogGroup", "AccessLogGroup", Arn="arn:of:the:group")
    settings = template.properties("HttpApi", "AccessLogSettings")["AccessLogSettings"]
    line = settings["Format"].replace("$context.requestId", request_id)
    logs = boto3.client("logs")
    for group, lines in (("AccessLogGroup", [line]), ("FunctionLogGroup", said.splitlines())):
        names = {"logGroupName": group, "logStreamName": "local"}
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(**names)
        at = int(time.time() * 1000)
        events = [{"timestamp": at, "message": line} for line in lines]
        logs.put_log_events(**names, logEvents=events)


def test_every_code_that_an_agent_can_be_refused_with_is_explained() -> None:
    page = procedures.PAGE.read_text(encoding="utf-8")
    explained = page.split("| the agent's code |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", explained))
    assert {code.value for code in Code if code is not Code.VALID} <= named
    # What only administrators are answered, and what a request itself says, needs no search.
    others = {"forbidden", "not_found", "invalid_transition", "precondition_failed"}
    others |= {"policy_below_floor", "idempotency_key_reused"}
    assert {code.value for code in RefusalCode} - others <= named


def test_r23_a_dead_letter_of_the_sweep_is_settled_by_a_run(
    service: Service, operator: Terminal
) -> None:
    tools, sweep, *_ = run_here("Handle a dead letter", 5)
    operator.paste(tools)
    path = "/_local/schedule/ExpirySweepFunction"
    with table("gone"):
        service.call("POST", path).expect(500)
    assert len(service.dead_letters("SweepDeadLetters")) == 1
    said = operator.paste(sweep)
    assert "ResourceNotFoundException" in said
    assert '"StatusCode": 200' in said
    assert "FunctionError" not in said
    operator.paste("settled SweepDeadLetters")
    assert service.dead_letters("SweepDeadLetters") == []


def test_r24_a_dead_letter_of_billing_is_corrected_and_put_on_the_bus_again(
    service: Service, operator: Terminal
) -> None:
    tools, _, take, put, _ = run_here("Handle a dead letter", 5)
    operator.paste(tools)
    day = days_from_now(500)
    for status, version in (("active", 7), ("activ", 8)):
        event = billing_event(BOLT, day, status, version)
        with table("gone"):
            service.call("POST", "/_local/bus", event).expect(202)
    assert len(service.dead_letters("BillingDeadLetters")) == 2

    said = operator.paste(take)
    assert '"errorMessage": "status: ' in said
    entries = operator.folder / "entries.json"
    corrected = json.loads(entries.read_text(encoding="utf-8"))
    for entry in corrected:
        entry["Detail"] = json.dumps(json.loads(entry["Detail"]) | {"status": "active"})
    entries.write_text(json.dumps(corrected), encoding="utf-8")
    assert json.loads(operator.paste(put))["FailedEntryCount"] == 0
    operator.paste("settled BillingDeadLetters")
    assert service.dead_letters("BillingDeadLetters") == []
    changed = service.call("GET", f"/v1/organizations/{BOLT}", by="olivia").expect(200)
    assert changed["organization.subscription"] == {"valid_until": day, "status": "active"}


def test_r34_events_that_were_given_up_are_published_again_from_the_table(
    service: Service, operator: Terminal
) -> None:
    tools, *_, replay = run_here("Handle a dead letter", 5)
    operator.paste(tools)
    issued = service.log_in(new_machine(), "cora")
    license_id = issued.expect(201)["license.id"]
    service.published()
    with no_bus():
        assert service.code(issued["license_key"], new_machine(), COOP) == "MACHINE_MISMATCH"
        for action in ("detach", "attach", "dissociate"):
            service.call("POST", f"/v1/licenses/{license_id}/{action}", by="olivia").expect(200)
        assert service.dead_letters("OutboxDeadLetters")
    history = service.call("GET", f"/v1/licenses/{license_id}/events", by="olivia").expect(200)
    known = {event["id"] for event in service.published()}
    lost = [event["id"] for event in reversed(history["events"]) if event["id"] not in known]
    assert len(lost) == 4

    said = operator.paste(replay)
    assert '{"batchItemFailures": []}' in said
    assert "FunctionError" not in said
    operator.paste("settled OutboxDeadLetters")
    again = [event["id"] for event in service.published() if event["id"] in lost]
    assert again == lost, "once each, in order, by the ids that they were made with"
    assert service.dead_letters("OutboxDeadLetters") == []


@contextmanager
def no_bus() -> Iterator[None]:
    """There is no bus for a while."""
    events, bus = boto3.client("events"), os.environ["EVENT_BUS"]
    (rule,) = events.list_rules(EventBusName=bus)["Rules"]
    kept = {"Name": rule["Name"], "EventPattern": rule["EventPattern"]}
    targets = events.list_targets_by_rule(EventBusName=bus, Rule=rule["Name"])["Targets"]
    events.delete_event_bus(Name=bus)
    try:
        yield
    finally:
        events.create_event_bus(Name=bus)
        events.put_rule(EventBusName=bus, **kept)
        events.put_targets(EventBusName=bus, Rule=rule["Name"], Targets=targets)


PRODUCTION = "Move from test to production"
UPDATE = "Update without downtime"


def test_r03_a_test_stack_gives_production_its_organizations_and_no_key_or_token(
    service: Service, operator: Terminal, tmp_path: Path
) -> None:
    (move,) = run_here(PRODUCTION, 1)
    with run_command(tmp_path) as (_, printed):
        (url,) = re.findall(r"^URL=(\S+)", printed, re.MULTILINE)
        with closing(Client(url)) as client:
            test = Service(client)
            machine = new_machine()
            issued = test.log_in(machine, "alice").expect(201)
            there = test.token("olivia")
            body = organization("bolt", days_from_now(30)) | {"max_agents": 7}
            client.call("PUT", "/v1/organizations/vendor", body, token=there).expect(201)
            wanted = {"TEST_URL": url, "TEST_TOKEN": there, "ORGANIZATIONS": "vendor"}
            assert operator.paste(filled(move, **wanted)) == "201\n"

    seen = service.call("GET", "/v1/organizations/vendor", by="olivia")
    assert seen.expect(200)["organization.max_agents"] == 7
    assert seen["organization.subscription.valid_until"] == body["valid_until"]
    assert service.code(issued["license_key"], machine, ACME) == "NOT_FOUND"
    service.call("GET", "/v1/organizations/vendor", token=there).expect(401)
    assert kid(issued["lease"]) not in service.kids()


def test_what_is_deployed_shows_its_contract(operator: Terminal) -> None:
    (look,) = run_here(UPDATE, 1)
    assert operator.paste(look).split() == sorted({route.path for route in operations()})


# What needs a deployed stack is not done; that its targets exist is looked at.
STAND_INS = """
make() { echo "make $*" >&3; }
git() { echo "git $*" >&3; }
.venv-sam/bin/sam() { echo "sam $*" >&3; }
.venv/bin/python() { (cd "$ROOT" && PYTHONPATH=shared exec "$PYTHON" "$@"); }
exec 3> stand-ins
"""
ONLY_ON_AWS = {
    title: "".join(found.only_on_aws) for title, found in PROCEDURES.items() if found.only_on_aws
}
CHANGE_SET_ANSWERS = {
    "DescribeStacks": "<Stacks><member><StackName>s</StackName><CreationTime>2026-01-01T00:00:00Z"
    "</CreationTime><StackStatus>STATUS</StackStatus><Parameters><member><ParameterKey>"
    "OlderAgents</ParameterKey><ParameterValue>off</ParameterValue></member></Parameters><Outputs>"
    + "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for name, value in (
            ("SourceBucket", "bucket"),
            ("OriginSecretId", "arn:origin"),
            ("DomainTarget", "d-1.example"),
        )
    )
    + "</Outputs></member></Stacks>",
    "CreateChangeSet": "<Id>restored</Id>",
    "DescribeChangeSet": "<Status>CREATE_COMPLETE</Status><Changes><member><ResourceChange><Action>"
    "Import</Action><LogicalResourceId>RestoredTable</LogicalResourceId></ResourceChange></member>"
    "</Changes>",
    "ExecuteChangeSet": "",
    "GetTemplateSummary": "<Parameters></Parameters>",
    "SetStackPolicy": "",
    "DeleteStack": "",
    "DescribeStackResource": "<StackResourceDetail><PhysicalResourceId>arn:aws:secretsmanager:"
    "eu-central-1:123456789012:secret:SigningSecret-uQ7v-AbCdEf</PhysicalResourceId>"
    "</StackResourceDetail>",
    "ListStacks": "<StackSummaries>"
    + "".join(
        f"<member><StackId>{name}/{day}</StackId><StackName>{name}</StackName><CreationTime>"
        f"2026-01-{day}T00:00:00Z</CreationTime>"
        "<StackStatus>DELETE_COMPLETE</StackStatus></member>"
        for name, day in ((STACK_NAME, "07"), (STACK_NAME, "08"), ("another", "09"))
    )
    + "</StackSummaries>",
    "ListStackResources": "<StackResourceSummaries>"
    + "".join(
        f"<member><LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>of {name}"
        f"</PhysicalResourceId><ResourceType>AWS::{kind}</ResourceType><ResourceStatus>{status}"
        "</ResourceStatus></member>"
        for name, kind, status in (
            ("LicenseTable", "DynamoDB::Table", "DELETE_SKIPPED"),
            ("SigningSecret", "SecretsManager::Secret", "DELETE_SKIPPED"),
            ("CursorSecret", "SecretsManager::Secret", "DELETE_COMPLETE"),
            ("UserPool", "Cognito::UserPool", "DELETE_SKIPPED"),
            ("IssueFunction", "Lambda::Function", "DELETE_COMPLETE"),
        )
    )
    + "</StackResourceSummaries>",
}
FRONT = "/2020-05-31"
FRONT_ANSWERS = {
    f"{FRONT}/origin-request-policy": "<Made><Id>policy-1</Id></Made>",
    f"{FRONT}/distribution": "<Made><DomainName>d.cloudfront.net</DomainName></Made>",
}
# How a stack is after what was asked for.
STATUSES = {"DeleteStack": "DELETE_COMPLETE", "kept": "IMPORT_COMPLETE"}
MAPPING = {
    "UUID": "0a1b2c3d-0009-4000-8000-000000000001",
    "EventSourceArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/licensing-table/stream/1",
    "State": "Deleting",
}
OF_ANOTHER = {
    "UUID": "0a1b2c3d-0009-4000-8000-000000000002",
    "EventSourceArn": "arn:of:table/licensing-table-restored/stream/1",
}
MAPPINGS = {"EventSourceMappings": [MAPPING, OF_ANOTHER]}


@contextmanager
def cloudformation() -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Where a CloudFormation with one change set is, with a bucket and the mappings of streams."""
    asked: list[Mapping[str, Any]] = []

    def answer(request: Request) -> Response:
        if request.method == "PUT":
            assert request.path == "/bucket/restored.yaml"
            return Response(200, [("etag", '"1"')], b"")
        if request.path.startswith("/2015-03-31/event-source-mappings"):
            asked.append({"Action": request.method, "Path": request.path})
            return Response.of_json(200, MAPPINGS if request.method == "GET" else MAPPING)
        if request.path in FRONT_ANSWERS:
            asked.append({"Action": request.path, "Body": request.body.decode()})
            text = FRONT_ANSWERS[request.path]
            return Response(201, [("content-type", "text/xml")], text.encode())
        if target := request.header("x-amz-target"):
            asked.append({"Action": target} | json.loads(request.body))
            held = '{"key": "of the front"}'
            return Response.of_json(200, {"SecretString": held, "ARN": "arn:found"})
        asked.append(dict(parse_qsl(request.body.decode())))
        action = asked[-1]["Action"]
        done = [STATUSES.get(one.get("ChangeSetName", one["Action"])) for one in asked]
        status = next(filter(None, reversed(done)), "UPDATE_COMPLETE")
        text = CHANGE_SET_ANSWERS[action].replace("STATUS", status)
        text = f"<{action}Response><{action}Result>{text}</{action}Result></{action}Response>"
        return Response(200, [("content-type", "text/xml")], text.encode())

    server = Server(answer)
    try:
        yield server.url, asked
    finally:
        server.stop()


Asked = list[Mapping[str, Any]]


def only(asked: Asked, action: str) -> Mapping[str, Any]:
    (found,) = (one for one in asked if one["Action"] == action)
    return found


def restores(asked: Asked) -> None:
    created = only(asked, "CreateChangeSet")
    assert created["ImportExistingResources"] == "true"
    assert created["TemplateURL"].endswith("/restored.yaml")
    assert created["Parameters.member.1.ParameterKey"] == "OlderAgents"
    assert created["Parameters.member.1.UsePreviousValue"] == "true"
    # The policy would refuse that the table leaves the template.
    actions = [one["Action"] for one in asked]
    assert actions.index("SetStackPolicy") < actions.index("ExecuteChangeSet")
    lifted = json.loads(only(asked, "SetStackPolicy")["StackPolicyBody"])
    assert lifted == json.loads(policy.OPEN)
    removed = [one["Path"] for one in asked if one["Action"] == "DELETE"]
    assert [path.rpartition("/")[2] for path in removed] == [MAPPING["UUID"]]


def takes_over(asked: Asked) -> None:
    created = only(asked, "CreateChangeSet")
    assert created["ChangeSetType"] == "IMPORT"
    template = json.loads(created["TemplateBody"])
    assert template == kept.template(Template(TEMPLATE))
    taken = {}
    for number in count(1):
        of = f"ResourcesToImport.member.{number}"
        if f"{of}.LogicalResourceId" not in created:
            break
        logical_id = created[f"{of}.LogicalResourceId"]
        taken[logical_id] = (
            created[f"{of}.ResourceIdentifier.entry.1.key"],
            created[f"{of}.ResourceIdentifier.entry.1.value"],
        )
        assert created[f"{of}.ResourceType"] == template["Resources"][logical_id]["Type"]
    assert taken == {
        "LicenseTable": ("TableName", "of LicenseTable"),
        "SigningSecret": ("Id", "of SigningSecret"),
        "UserPool": ("UserPoolId", "of UserPool"),
    }
    assert only(asked, "ListStackResources")["StackName"] == f"{STACK_NAME}/08", "the last one"
    assert "Tags.member.1.Key" not in created, "an import takes none"


def takes_the_copy_away(asked: Asked) -> None:
    removed = only(asked, "secretsmanager.RemoveRegionsFromReplication")
    assert removed["SecretId"].endswith(":secret:SigningSecret-uQ7v-AbCdEf")
    assert removed["RemoveReplicaRegions"] == ["eu-west-1"]


def finds_the_copy(asked: Asked) -> None:
    listed = only(asked, "secretsmanager.ListSecrets")
    assert listed["Filters"] == [{"Key": "name", "Values": ["SigningSecret"]}]
    copy = only(asked, "secretsmanager.StopReplicationToReplica")["SecretId"]
    assert copy.endswith(":secret:SigningSecret-uQ7v-AbCdEf")


def makes_the_role(asked: Asked) -> None:
    created = only(asked, "CreateChangeSet")
    # Not after the stack, whose names the role may change.
    assert created["StackName"] == f"deployer-{STACK_NAME}"
    given = {
        created[f"Parameters.member.{n}.ParameterKey"]: created.get(
            f"Parameters.member.{n}.ParameterValue"
        )
        for n in range(1, 5)
        if f"Parameters.member.{n}.ParameterKey" in created
    }
    assert given["Repository"] == "acme/licensing"
    assert given["StackName"] == STACK_NAME


def stands_in_front(asked: Asked) -> None:
    assert only(asked, "secretsmanager.GetSecretValue")["SecretId"] == "arn:origin"
    policy_asked = only(asked, f"{FRONT}/origin-request-policy")["Body"]
    assert "<Name>CloudFront-Viewer-Address</Name>" in policy_asked
    distribution = only(asked, f"{FRONT}/distribution")["Body"]
    # Else CloudFront would keep one caller's error for others.
    assert distribution.count("<ErrorCachingMinTTL>0</ErrorCachingMinTTL>") == 7
    rules = only(asked, "AWSWAF_20190729.CreateWebACL")["Rules"]
    assert "RateBasedStatement" in rules[0]["Statement"]
    for held in (
        f"<HeaderName>{front.KEY}</HeaderName><HeaderValue>of the front</HeaderValue>",
        "<OriginRequestPolicyId>policy-1</OriginRequestPolicyId>",
        "<DomainName>d-1.example</DomainName>",
    ):
        assert held in distribution


LOOKS = {
    "CloudFront and WAF in front": stands_in_front,
    "Restore the table to a point in time": restores,
    "Take over the data of a deleted stack": takes_over,
    "When the server secret has leaked": takes_the_copy_away,
    "When the server secret is lost": finds_the_copy,
    "Deploy from a pipeline": makes_the_role,
}


@pytest.mark.parametrize("title", ONLY_ON_AWS)
def test_the_cli_takes_the_lines_that_only_aws_can_answer(title: str, tmp_path: Path) -> None:
    with (
        cloudformation() as (url, asked),
        procedures.terminal(tmp_path / "terminal", url) as terminal,
    ):
        template = terminal.folder / "template.yaml"
        template.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
        (terminal.folder / "packaged.yaml").write_text("{}", encoding="utf-8")
        (terminal.folder / "tests").symlink_to(ROOT / "tests")
        (begins,) = run_here("Open a terminal", 1)
        names = "TABLE=licensing-table RESTORED=licensing-table-restored"
        python = f"PYTHON={shlex.quote(sys.executable)} ROOT={shlex.quote(str(ROOT))}"
        terminal.paste(f"{begins}{STAND_INS}{names} {python}\n")
        asked.clear()
        terminal.paste(ONLY_ON_AWS[title])
        stood_in = (terminal.folder / "stand-ins").read_text(encoding="utf-8")
        assert asked or re.search(r"sam |make (deploy|rollback|seats)", stood_in), (
            f"{title} needs a deployed stack"
        )
        makefile = (TEMPLATE.parent / "Makefile").read_text(encoding="utf-8")
        for target in re.findall(r"^make (\w+)", stood_in, re.MULTILINE):
            assert f"\n{target}:" in makefile
    if title in LOOKS:
        LOOKS[title](asked)


def test_the_template_takes_a_restored_table_over_by_its_name(tmp_path: Path) -> None:
    switch, _ = PROCEDURES[RESTORE].only_on_aws
    change = switch[: switch.index("\nmake ")]
    with procedures.terminal(tmp_path / "terminal", "http://127.0.0.1:9") as terminal:
        path = terminal.folder / "template.yaml"
        path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
        terminal.paste(f"RESTORED=restored-1\n{change}")
        before, after = Template(TEMPLATE), Template(path)
        assert "LicenseTable" not in path.read_text(encoding="utf-8")
    assert before.of_type("AWS::DynamoDB::Table") == ["LicenseTable"]
    assert after.of_type("AWS::DynamoDB::Table") == ["RestoredTable"]
    properties = before.properties("LicenseTable")
    assert after.properties("RestoredTable") == {"TableName": "restored-1", **properties}


def test_r03_a_secret_that_is_lost_is_put_back(operator: Terminal) -> None:
    restore, put_back = run_here("When the server secret is lost", 2)
    client, name = boto3.client("secretsmanager"), os.environ["SECRET_ID"]
    before = json.loads(secret())
    client.delete_secret(SecretId=name)
    with pytest.raises(client.exceptions.InvalidRequestException):
        secret()
    operator.paste(restore)
    assert json.loads(secret()) == before
    client.put_secret_value(SecretId=name, SecretString="something else")
    said = operator.paste(put_back)
    assert json.loads(secret()) == before
    assert re.fullmatch(r'"[0-9a-f-]{36}"\n', said), "a version's id, and nothing secret"


# The last one, since it puts the service's clock forward: AWS's own stays behind.
def test_r03_r16_the_secret_is_rotated_under_a_running_service(
    service: Service, operator: Terminal
) -> None:
    add, look = run_here("Rotate the secret", 2)
    first, second = new_machine(), new_machine()
    older = service.log_in(first, "alice").expect(201)
    before = service.kids()
    said = operator.paste(add)
    assert re.fullmatch(r'"[0-9a-f-]{36}"\n', said), "a version's id, and nothing secret"

    service.call("POST", "/_local/clock", {"advance_seconds": SECRET_SECONDS}).expect(200)
    newer = service.log_in(second, "alice").expect(201)
    newest, *listed = operator.paste(look).split()
    assert listed == before
    assert kid(newer["lease"]) == newest
    assert kid(older["lease"]) in listed
    assert service.code(older["license_key"], first, ACME) == "VALID"
    assert service.code(newer["license_key"], second, ACME) == "VALID"
    made_with = [
        license_key.parse(answer["license_key"]).secret_version for answer in (older, newer)
    ]
    assert made_with == [len(before), len(before) + 1]
    again = service.log_in(first, "amir").expect(200)
    assert again["license_key"] == older["license_key"], "a machine is known as it was"
