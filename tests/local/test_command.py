"""The commands, as a person runs them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from tests.engine import dynamodb_local
from tests.local.client import Client, UnexpectedAnswerError
from tests.local.events import Response
from tests.local.server import Server
from tests.local.stack import TEMPLATE
from tests.local.story import Story

ROOT = TEMPLATE.parent
R20 = (
    "Agent needs to be dissociated first from the portal, before reassigning the same license key."
)
LICENSE_KEY = re.compile(r"\b(?:[0-9A-Z]{5}-){8}[0-9A-Z]{5}\b")


def environment(**variables: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "DYNAMODB_ENDPOINT"}
    path = os.pathsep.join(str(ROOT / part) for part in (".", "shared", "functions"))
    return kept | {"PYTHONPATH": path} | variables


def command(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.local", *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def run_command(cwd: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`run` on a free port, and what it printed until it was up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.local", "run", "--port", "0"],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.PIPE,
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
            yield process, printed
        finally:
            process.kill()


def assert_story_told(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stderr == ""
    assert not [line for line in told.stdout.splitlines() if line.startswith("{")], "no log lines"
    sentences = (
        "201",
        "Your machine is already registered with Acme.",
        "code: VALID",
        "alg: Ed25519",
        "code: MACHINE_MISMATCH",
        "code: REVOKED",
        "code: EXPIRED",
        "license.status: expired",
        "license.status: active",
        "Agent is Blocked.",
        R20,
        "license.status: dissociated",
        "MachineDrifted: computer_name",
        "MachineDrifted: mac_addresses",
        "MACHINE_MISMATCH",
        "license.organization_id: coop",
        "Your machine is already registered with Bolt.",
        "bolt: lic_",
        "code: SUSPENDED",
        "condition: RetriesExhausted",
        "errorMessage: max_agents",
        "code: on_behalf_login_disabled",
        "code: temporary_license_not_usable",
        "capabilities.save_configuration: False",
        "code: EXPIRED",
        "action: logout",
        "temporary_expired: 1",
        "TemporaryLicenseGenerated, TemporaryLicenseUsed, TemporaryLicenseExpired",
        "LicenseReassigned (user)",
        "GET /_local/bus",
        "LicenseReassigned: lic_",
        "the agent: valid, until ",
        "the agent: grace, until ",
        "the agent: valid, until ",
        "the agent: grace, until ",
        "the agent: unreachable, until ",
        "the agent: valid, until ",
        "the agent: refused, REVOKED",
        "Everything works.",
    )
    position = 0
    for sentence in sentences:
        position = told.stdout.find(sentence, position)
        assert position >= 0, sentence
    assert LICENSE_KEY.search(told.stdout) is None


def test_the_demo_tells_its_story(tmp_path: Path) -> None:
    assert_story_told(command("demo", cwd=tmp_path))
    (path,) = (tmp_path / ".cache" / "local").glob("demo-*.log")
    log = path.read_text(encoding="utf-8")
    assert '"outcome":"VALID"' in log
    assert LICENSE_KEY.search(log) is None


@pytest.mark.thorough
@pytest.mark.needs("dynamodb-local")
def test_the_demo_tells_its_story_on_dynamodb_local(tmp_path: Path) -> None:
    with dynamodb_local() as endpoint:
        assert_story_told(command("demo", cwd=tmp_path, DYNAMODB_ENDPOINT=endpoint))
        client = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name="eu-central-1",
            aws_access_key_id="LOCALSTACK",
            aws_secret_access_key="LOCALSTACK",
        )
        assert client.list_tables()["TableNames"] == []


def test_a_story_that_goes_wrong_ends_with_the_answer() -> None:
    server = Server(lambda _: Response.message(503, "Service Unavailable"))
    with closing(Client(server.url)) as client:
        try:
            with pytest.raises(UnexpectedAnswerError, match=r"503 instead of 200.*Unavailable"):
                Story(client, print).tell()
        finally:
            server.stop()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with run_command(tmp_path) as (process, _):
        process.send_signal(number)
        rest, _ = process.communicate(timeout=180)
        assert process.returncode == 0, rest
        assert rest.splitlines()[-1] == "Stopped."


@pytest.mark.sampled(4)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_gives_up_while_it_starts_reads_one_line(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        # It is told when it imports what takes long, so that it is interrupted in the midst of it.
        [sys.executable, "-v", "-m", "tests.local", "run", "--port", "0"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "import 'boto3'" in line)
        process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(180) == 130
        # It may come in the midst of a line about an import.
        assert told.splitlines()[-1].endswith(
            "Interrupted: the local stack is stopped, and its data is deleted."
        )
        assert "Traceback" not in told


# What a handler imports when it is asked for the contract.
DEVELOPING = """
import pathlib

read_text = pathlib.Path.read_text

def reading(path, *args, **how):
    if path.name == "openapi.json":
        print("printed by a handler")
        breakpoint()
    return read_text(path, *args, **how)

pathlib.Path.read_text = reading
"""


@pytest.mark.thorough
def test_print_and_breakpoint_in_a_handler_reach_the_terminal_and_two_ctrl_c_end_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(DEVELOPING)
    path = f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}"
    with run_command(tmp_path, PYTHONPATH=path) as (process, printed):
        assert process.stdin is not None
        assert process.stdout is not None
        (url,) = re.findall(r"The service is up at (\S+), ", printed)
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
            connection.request("GET", "/v1/openapi.json")
            assert process.stdout.readline() == "printed by a handler\n"
            process.stdin.write("p 6 * 7\n")
            process.stdin.flush()
            next(line for line in process.stdout if line == "(Pdb) 42\n")
            process.send_signal(signal.SIGINT)
            next(line for line in process.stdout if "again to stop" in line)
            # It waits for the handler, which waits for its developer.
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
        assert process.returncode == 130
        assert process.stdout.read().splitlines()[-1] == "Stopped at once."


def test_the_lines_that_run_prints_work_when_pasted(tmp_path: Path) -> None:
    with run_command(tmp_path) as (_, printed):
        lines = printed[printed.index("\nURL=") : printed.index("Ctrl-C")]
        pasted = subprocess.run(
            ["bash", "-eu"],  # noqa: S607 - whichever bash the reader has
            input=lines,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert pasted.returncode == 0, pasted.stderr
        assert pasted.stderr == ""
        answers = [line for line in pasted.stdout.splitlines() if not line.startswith("-")]
        issued, validated, keys, listed, revoked, refused, *more = answers
        assert '"license_key"' in issued
        assert '"VALID"' in validated
        assert '"Ed25519"' in keys
        assert '"active"' in listed
        assert '"revoked"' in revoked
        assert '"REVOKED"' in refused
        temporary, billed, bus, dead_letters = more
        assert '"ttl":"1h"' in temporary
        assert '"BillingFunction"' in billed
        assert bus.index('"source": "billing"') < bus.rindex('"source": "licensing"')
        assert json.loads(dead_letters) == {
            "queues": {"SweepDeadLetters": [], "BillingDeadLetters": [], "OutboxDeadLetters": []}
        }


def test_run_says_who_can_log_in(tmp_path: Path) -> None:
    with run_command(tmp_path) as (_, printed):
        for word in (
            "olivia",
            "super-admin",
            "alice",
            "Correct-Horse-1",
            "boris",
            "bolt",
            "cora",
            "pavel",
        ):
            assert word in printed
        # What README's agent reads from its environment.
        assert re.search(
            r"^export LICENSING_URL=http://127\.0\.0\.1:\d+ LICENSING_ISSUER=urn:licensing:\S+$",
            printed,
            re.MULTILINE,
        )
        (portal,) = re.findall(r"The portal is at (\S+/portal)\. Sign in as ada, ", printed)
        with closing(HTTPConnection(urlsplit(portal).netloc, timeout=30)) as connection:
            connection.request("GET", urlsplit(portal).path)
            assert connection.getresponse().status == 200
        (documentation,) = re.findall(r"The API's documentation, .+: (\S+)", printed)
        with closing(HTTPConnection(urlsplit(documentation).netloc, timeout=30)) as connection:
            connection.request("GET", urlsplit(documentation).path)
            assert connection.getresponse().status == 200


@pytest.mark.thorough
def test_the_bare_address_and_localhost_lead_to_the_portal(tmp_path: Path) -> None:
    with run_command(tmp_path) as (_, printed):
        (portal,) = re.findall(r"The portal is at (\S+/portal)\.", printed)
        port = urlsplit(portal).port
        for host, path in (("127.0.0.1", "/"), ("localhost", "/"), ("localhost", "/portal")):
            with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.request("GET", path, headers={"host": f"{host}:{port}"})
                answer = connection.getresponse()
                assert (answer.status, answer.headers["location"]) == (302, portal)


@pytest.mark.thorough
def test_two_runs_in_one_folder_have_a_log_each(tmp_path: Path) -> None:
    with run_command(tmp_path) as (_, first), run_command(tmp_path) as (_, second):
        logs = [re.findall(r"The functions' log: (\S+)", printed) for printed in (first, second)]
        assert logs[0] != logs[1]
        for (log,) in logs:
            assert '"outcome":' in (tmp_path / log).read_text(encoding="utf-8")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = command("run", "--port", port, cwd=tmp_path)
        assert ended.returncode == 1
        assert "`make run PORT=" in ended.stdout
        assert "--port" in ended.stdout
        assert "Traceback" not in ended.stdout + ended.stderr


def test_a_dynamodb_that_does_not_answer_is_named(tmp_path: Path) -> None:
    ended = command("demo", cwd=tmp_path, DYNAMODB_ENDPOINT="http://127.0.0.1:1")
    assert ended.returncode == 1
    assert "http://127.0.0.1:1" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.sampled(3)
@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["demo", "--help"]])
def test_help_is_given(tmp_path: Path, arguments: list[str]) -> None:
    ended = command(*arguments, cwd=tmp_path)
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: python -m tests.local")
