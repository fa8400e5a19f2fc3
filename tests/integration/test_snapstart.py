"""SnapStart's hooks: all is ready before the snapshot, and nothing in it is shared or ages.

A program that begins as Lambda begins a function, on its own, tells what a first request still has
to do. Behind it listens a little AWS that keeps nothing and counts its connections.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from licensing.domain.license_key import parse
from licensing.entrypoints import snapstart
from licensing.entrypoints.deployment import current_deployment, install_deployment
from tests.unit.samples import ENVIRON
from tests.world import MACHINE_B, World, rotate_secret

ROOT = Path(__file__).parents[2]
ANSWERS = {
    "DynamoDB_20120810.BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
    "DynamoDB_20120810.GetItem": {},
    "secretsmanager.GetSecretValue": {"SecretString": json.dumps({"1": "x" * 64})},
}

PROGRAM = """
import importlib, json, sys
handler = importlib.import_module("{verb}.handler").handler
from snapshot_restore_py import get_after_restore, get_before_snapshot
{hooks}
before = set(sys.modules)
class Context:
    function_name = invoked_function_arn = aws_request_id = "f"
    memory_limit_in_mb = 512
    get_remaining_time_in_millis = staticmethod(lambda: 20_000)
with open("{event}") as file:
    answer = handler(json.load(file), Context())
print(json.dumps(dict(
    status=answer["statusCode"],
    # The standard library looks up codecs of host names late: they come with the connection.
    modules=sorted(set(sys.modules) - before - {{"encodings.idna", "stringprep"}}),
)))
"""
HOOKS = """
for hooks in (reversed(get_before_snapshot()), get_after_restore()):
    for hook, arguments, keywords in hooks:
        hook(*arguments, **keywords)
"""


@dataclass
class LittleAws:
    """What has been asked of it, and over how many connections."""

    url: str = ""
    connections: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def little_aws() -> Iterator[LittleAws]:
    aws = LittleAws()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            aws.connections += 1
            super().setup()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            target = self.headers["x-amz-target"]
            aws.asked.append(target)
            body = json.dumps(ANSWERS[target]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        aws.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield aws
        finally:
            server.shutdown()
            thread.join()


def environment(aws: LittleAws) -> dict[str, str]:
    return {
        **ENVIRON,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
        "DYNAMODB_ENDPOINT": aws.url,
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}",
    }


@contextmanager
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleAws]:
    """This process, begun as Lambda begins a function."""
    with little_aws() as aws:
        for name, value in environment(aws).items():
            monkeypatch.setenv(name, value)
        install_deployment(None)
        try:
            yield aws
        finally:
            install_deployment(None)


def first_request(aws: LittleAws, recorded: str, *, hooks: str) -> dict[str, Any]:
    verb = recorded.partition("/")[0]
    event = ROOT / "events" / f"{recorded}.json"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(verb=verb, hooks=hooks, event=event)],
        env=environment(aws),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.strip().rpartition("\n")[2])
    return told


@pytest.mark.parametrize(
    ("recorded", "otherwise_late"),
    [
        ("validate/not_found", "pydantic.plugin._loader"),
        ("discovery/jwks", "licensing.domain.keyring"),
    ],
)
def test_the_first_request_after_a_restore_finds_everything_imported(
    recorded: str, otherwise_late: str
) -> None:
    with little_aws() as aws:
        unprepared = first_request(aws, recorded, hooks="")
        assert unprepared["status"] == 200
        assert otherwise_late in unprepared["modules"]
        assert first_request(aws, recorded, hooks=HOOKS) == {"status": 200, "modules": []}


def test_r03_before_the_snapshot_nothing_is_sent_and_no_secret_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with begun(monkeypatch) as aws:
        snapstart.prepare()
        assert (aws.asked, aws.connections) == ([], 0)
        # The calls that were rehearsed do leave when they are meant.
        current_deployment().store.license_and_organization("", "rehearsal")
        assert aws.asked == ["DynamoDB_20120810.GetItem"]


def test_every_model_is_built_before_the_snapshot() -> None:
    program = """
import importlib, pathlib
for path in sorted(pathlib.Path("functions").glob("*/handler.py")):
    importlib.import_module(f"{path.parent.name}.handler")
from licensing.entrypoints import snapstart
from licensing.contract import fields
def models(of):
    for model in of.__subclasses__():
        yield model
        yield from models(model)
all_of = [*models(fields.Request), *models(fields.Reply)]
print(sum(not model.__pydantic_complete__ for model in all_of) > 20)
fields.build_models()
print([model.__name__ for model in all_of if not model.__pydantic_complete__])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "True\n[]\n"


def test_r03_a_rotation_after_the_snapshot_is_known_to_the_first_request(world: World) -> None:
    world.register("acme")
    assert parse(world.login().json["license_key"]).secret_version == 1
    rotate_secret(world)
    # Without a restore, the secret that is kept is used for a while.
    kept = world.login(machine=MACHINE_B).json["license_key"]
    assert parse(kept).secret_version == 1
    snapstart.resume()
    fetched = world.login(machine=MACHINE_B, environment="test").json["license_key"]
    assert parse(fetched).secret_version == 2


def test_no_connection_survives_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    with begun(monkeypatch) as aws:
        store = current_deployment().store
        for _ in range(3):
            store.organization("acme")
        assert aws.connections == 1
        snapstart.resume()
        current_deployment().store.organization("acme")
        assert aws.connections == 2


def test_two_restores_of_one_snapshot_pause_differently_between_retries() -> None:
    in_the_snapshot = random.getstate()
    pauses = []
    for _ in range(2):
        random.setstate(in_the_snapshot)
        snapstart.resume()
        pauses.append(random.random())  # noqa: S311 - what pauses are drawn from
    assert pauses[0] != pauses[1]


@pytest.mark.parametrize("hook", [snapstart.prepare, snapstart.resume])
def test_the_hooks_are_the_ones_that_lambda_calls(hook: Any) -> None:
    from snapshot_restore_py import get_after_restore, get_before_snapshot  # noqa: PLC0415

    registered = [*get_before_snapshot(), *get_after_restore()]
    assert [entry[0] for entry in registered].count(hook) == 1


@pytest.mark.parametrize(
    ("kind", "starts"), [("on-demand", True), (None, True), ("snap-start", False)]
)
def test_only_a_runtime_that_takes_no_snapshots_does_without_hooks(
    kind: str | None,
    starts: bool,  # noqa: FBT001 - a column of the table
) -> None:
    code = """
import sys
sys.modules["snapshot_restore_py"] = None  # as if it were not installed
from licensing.entrypoints import snapstart
"""
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    initialization = {"AWS_LAMBDA_INITIALIZATION_TYPE": kind} if kind else {}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | path | initialization,
        capture_output=True,
        check=False,
    )
    assert (ran.returncode == 0) is starts
