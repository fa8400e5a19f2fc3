"""The emulator as a process, and what an account has beside the stack: users, and who listens."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3

from tests.artefacts.building import ROOT
from tests.engine import free_port

PYTHON = ROOT / ".venv-emulator" / "bin" / "python"
REGION = "eu-central-1"
_STARTS_WITHIN = 30.0  # seconds
_POLL = 0.2  # seconds


class TooLateError(Exception):
    """Something did not come about in time; the message says what."""


@dataclass(frozen=True)
class Emulated:
    """An emulator that answers at an address."""

    address: str

    @property
    def variables(self) -> Mapping[str, str]:
        """What in the environment leads any client of AWS to it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """A client of a service."""
        session = boto3.Session("emulator", "emulator", region_name=REGION)
        return session.client(service, endpoint_url=self.address)

    def add_user(self, pool: str, name: str, password: str, organization: str, group: str) -> None:
        """A user who can sign in."""
        cognito = self.client("cognito-idp")
        attribute = {"Name": "custom:organization_id", "Value": organization}
        user = {"UserPoolId": pool, "Username": name}
        cognito.admin_create_user(**user, MessageAction="SUPPRESS", UserAttributes=[attribute])
        cognito.admin_add_user_to_group(**user, GroupName=group)
        cognito.admin_set_user_password(**user, Password=password, Permanent=True)

    def listen(self, bus: str, source: str) -> Callable[[str, str, float], None]:
        """Listen to what a source puts on a bus; waits for an event of a type that names an id.

        It waits so many seconds. Raises :class:`TooLateError`.
        """
        events, queues = self.client("events"), self.client("sqs")
        queue = queues.create_queue(QueueName=f"of-{source}")["QueueUrl"]
        asked = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        pattern = json.dumps({"source": [source]})
        events.put_rule(Name=f"of-{source}", EventBusName=bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}
        events.put_targets(Rule=f"of-{source}", EventBusName=bus, Targets=[target])

        def wait(event_type: str, named: str, seconds: float) -> None:
            def has_come() -> bool:
                received = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
                bodies = [one["Body"] for one in received.get("Messages", [])]
                return any(event_type in body and named in body for body in bodies)

            _until(has_come, seconds, f"{event_type} of {named} was not received")

        return wait


@contextmanager
def running(folder: Path) -> Iterator[Emulated]:
    """The emulator on a free port; its log is in the folder."""
    port = free_port()
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        # They would listen on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}
    with (folder / "emulator.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [PYTHON, Path(__file__).with_name("serve.py")],
            env=kept | variables,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
        try:
            emulated = Emulated(f"http://127.0.0.1:{port}")
            health = f"{emulated.address}/_ministack/health"
            _until(lambda: _answers(health), _STARTS_WITHIN, "the emulator did not start")
            yield emulated
        finally:
            process.terminate()
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:  # noqa: S310 - it is ours
            return bool(answer.status == 200)
    except OSError:
        return False


def _until(holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TooLateError(f"{otherwise} within {seconds:.0f} s")
        time.sleep(_POLL)
