"""Restored: the first validation after a snapshot, beside a bare function's first one.

A cold start on SnapStart is no import: it is the hooks after the restore and a first request. Each
sample is a process of its own that imports and prepares as Lambda has it do before the snapshot,
and measures its CPU from there on. The bare one has imported boto3 and made its clients, asks for
the same secret and the same items, and signs the same bytes. Loading the snapshot is Lambda's part.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks import canned, deployed
from tests.benchmarks.invoked import silence
from tests.benchmarks.outcome import Figure, Outcome, Size, Table, Tell
from tests.benchmarks.recorded import Recordings, record
from tests.benchmarks.samples import ratio

TITLE = "restored: CPU of the first validation after a snapshot's restore"

MOST: Final = 1.0

_ROOT: Final = Path(__file__).parents[2]
_SERVICE: Final = """
import json, os, sys
given = json.load(sys.stdin)
from validate.handler import handler
from licensing.entrypoints import snapstart
from licensing.entrypoints.deployment import Deployment, install_deployment
made = Deployment.from_environ(os.environ, clock=lambda: given["now"])
install_deployment(made)
class Context:
    function_name = invoked_function_arn = aws_request_id = "validate"
    memory_limit_in_mb = 512
    get_remaining_time_in_millis = staticmethod(lambda: 20_000)
{prepare}
from time import process_time
begin = process_time()
{resume}
answer = handler(json.loads(given["event"]), Context())
taken = process_time() - begin
assert json.loads(answer["body"])["code"] == "VALID", answer
print(taken)
"""
_BARE: Final = """
import json, sys
given = json.load(sys.stdin)
import boto3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
secrets, dynamodb = boto3.client("secretsmanager"), boto3.client("dynamodb")
key = Ed25519PrivateKey.from_private_bytes(bytes(32))
from time import process_time
begin = process_time()
event = json.loads(given["event"])
json.loads(secrets.get_secret_value(SecretId=given["secret_id"])["SecretString"])
dynamodb.batch_get_item(**given["read"])
key.sign(given["signed"].encode())
reply = json.dumps(given["reply"])
print(process_time() - begin)
"""
_PROGRAMS: Final = {
    "prepared before the snapshot": _SERVICE.format(
        prepare="snapstart.prepare()", resume="snapstart.resume()"
    ),
    "not prepared": _SERVICE.format(prepare="", resume=""),
    "bare": _BARE,
}


def measure(size: Size, tell: Tell) -> Outcome:
    """Measure the service with its hooks, without them, and a bare function, in rounds."""
    samples: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    with silence():
        recordings = record()
    answers = {"GetSecretValue": recordings.secret, **recordings.validate.answers}
    with canned.running(answers) as endpoint:
        given = _given(recordings)
        for name in _PROGRAMS:
            _sample(name, endpoint, recordings, given)  # byte code is written, files are in memory
        rounds = size.of(25, 1)
        for number in range(rounds):
            for name, taken in samples.items():
                taken.append(_sample(name, endpoint, recordings, given))
            tell(f"round {number + 1} of {rounds}")
    bare = samples["bare"]
    ratios = {name: ratio(taken, bare) for name, taken in samples.items() if name != "bare"}
    rows = [
        (name, f"{median(taken) * 1000:.1f} ms", str(ratios.get(name, 1)))
        for name, taken in samples.items()
    ]
    figures = tuple(
        Figure(f"first validation, {name} ÷ bare", ratios[name].value, "x", most, str(ratios[name]))
        for name, most in (("prepared before the snapshot", MOST), ("not prepared", None))
    )
    return Outcome(
        figures, (Table("CPU of the first validation", ("", "median", "÷ bare"), tuple(rows)),)
    )


def _given(recordings: Recordings) -> str:
    validate = recordings.validate
    ((operation, read),) = validate.calls
    assert operation == "BatchGetItem"
    return json.dumps(
        {
            "now": recordings.now,
            "event": json.dumps(validate.event),
            "secret_id": recordings.environment["SECRET_ID"],
            "read": read,
            "signed": validate.answer.json["lease"]["token"].rpartition(".")[0],
            "reply": validate.answer.json,
        }
    )


def _sample(name: str, endpoint: str, recordings: Recordings, given: str) -> float:
    """CPU seconds of one kind, in a fresh process."""
    urls = {
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
    }
    path = f"{_ROOT / 'shared'}:{_ROOT / 'functions'}"
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAMS[name]],
        env={"PYTHONPATH": path, **deployed.AWS, **recordings.environment, **urls},
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout.strip().rpartition("\n")[2])
