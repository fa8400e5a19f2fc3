"""The wire between the service and AWS, where faults are put in: botocore's `before-send`.

Everything above it is the real thing: the store, its retries, the client with the configuration
and the retries of production. Time is made up: an answer that does not come costs the client's
timeout, a pause its length, and nobody waits.

Nothing passes that reads what a decision may rest on without asking for a consistent read: only
indexes, which cannot be read so, may answer from an earlier state.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from moto.core.models import botocore_stubber

from licensing.adapters.aws_connections import Connections

_CONNECTIONS = Connections(connect_seconds=60, read_seconds=60)
"""The service's own, but in no hurry: what comes late is one of the faults."""


@dataclass
class Stopwatch:
    """Seconds that have passed since an operation began, and its own pauses among them."""

    limit: float
    elapsed: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        """Wait, as the service does between two attempts."""
        self.pauses.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += seconds

    def remaining(self) -> float:
        """Seconds left."""
        return self.limit - self.elapsed


@dataclass(frozen=True)
class Request:
    """One HTTP request of a call: `attempt` counts those that botocore makes for it, from 0."""

    wire: "Wire"
    operation: str
    call: int
    attempt: int
    prepared: AWSPreparedRequest

    @property
    def text(self) -> bytes:
        """Its body, as it is sent."""
        body = self.prepared.body
        if not isinstance(body, bytes):
            raise TypeError(f"a request to AWS is bytes, not {type(body).__name__}")
        return body

    @property
    def body(self) -> Any:
        """What is asked."""
        return json.loads(self.text)

    def send(self) -> AWSResponse:
        """Send it, and return the answer."""
        return self.wire.send(self.prepared)

    def ask(self, other: Mapping[str, Any]) -> AWSResponse:
        """Send it with another body, and return the answer."""
        self.prepared.body = json.dumps(other).encode()
        self.prepared.headers["Content-Length"] = str(len(self.text))
        return self.send()


Fault = Callable[[Request], AWSResponse | None]
"""Goes between the client and AWS: raises what botocore raises, answers, or lets through."""


def _let_through(_: Request) -> None:
    pass


class Wire:
    """What clients send: their `calls` with `parameters`, and the `requests` made for them."""

    def __init__(self, client: Any, stopwatch: Stopwatch) -> None:
        self.calls: list[str] = []
        self.parameters: list[Mapping[str, Any]] = []
        self.requests: list[str] = []
        self.held: list[AWSPreparedRequest] = []
        self.stopwatch = stopwatch
        self.config = client.meta.config
        self._attempt = 0
        self._fault: Fault = _let_through
        self.carry(client)

    def carry(self, client: Any) -> None:
        """Carry what a client sends."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"provide-client-params.{service}", self._begin)
        client.meta.events.register(f"before-send.{service}", self._intercept)

    def break_with(self, fault: Fault) -> None:
        """From now on, let `fault` decide about each request."""
        self._fault = fault

    def mend(self) -> None:
        """From now on, let everything through."""
        self._fault = _let_through

    def send(self, prepared: AWSPreparedRequest) -> AWSResponse:
        """Send a request to wherever AWS is."""
        answer: AWSResponse | None = botocore_stubber("before-send", prepared)
        return answer or _CONNECTIONS.send(prepared)

    def deliver_held(self) -> None:
        """Send what has been held up, at last; nobody waits for the answers."""
        while self.held:
            self.send(self.held.pop(0))

    def _begin(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        assert reads_index(params) or _is_consistent(model.name, params), f"stale: {model.name}"
        self.calls.append(model.name)
        self.parameters.append(params)
        self._attempt = 0

    def _intercept(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        seen = Request(self, self.calls[-1], len(self.calls) - 1, self._attempt, request)
        self._attempt += 1
        self.requests.append(seen.operation)
        return self._fault(seen)


def reads_index(parameters: Mapping[str, Any]) -> bool:
    """Whether a call may be answered from an earlier state."""
    return "IndexName" in parameters


def _is_consistent(operation: str, parameters: Mapping[str, Any]) -> bool:
    match operation:
        case "GetItem" | "Query" | "Scan":
            asked = [parameters]
        case "BatchGetItem":
            asked = [*parameters["RequestItems"].values()]
        case _:
            return True
    return all(one.get("ConsistentRead") is True for one in asked)


@contextmanager
def no_waiting(pass_by: Callable[[float], None]) -> Iterator[None]:
    """Let the pauses of botocore's own retries pass by in no time."""
    with patch("botocore.endpoint.time", SimpleNamespace(sleep=pass_by)):
        yield


# -- what can go wrong ------------------------------------------------------------------------


def connection_refused(request: Request) -> AWSResponse:
    """Nobody listens: the request is never sent."""
    raise EndpointConnectionError(endpoint_url=request.prepared.url)


def no_connection(request: Request) -> AWSResponse:
    """Connecting takes too long: the request is never sent."""
    request.wire.stopwatch.pass_by(request.wire.config.connect_timeout)
    raise ConnectTimeoutError(endpoint_url=request.prepared.url)


def answer_lost(request: Request) -> AWSResponse:
    """The request takes effect, and its answer does not come."""
    request.send()
    request.wire.stopwatch.pass_by(request.wire.config.read_timeout)
    raise ReadTimeoutError(endpoint_url=request.prepared.url)


def answer_lost_and_token_forgotten(request: Request) -> AWSResponse:
    """The same, and DynamoDB does not know the transaction's token any more when it comes again."""
    token = request.body["ClientRequestToken"].encode()
    request.prepared.body = request.text.replace(token, token[::-1])
    return answer_lost(request)


def held_up(request: Request) -> AWSResponse:
    """The request takes effect long after the client has given it up (`Wire.deliver_held`)."""
    request.wire.held.append(request.prepared)
    request.wire.stopwatch.pass_by(request.wire.config.read_timeout)
    raise ReadTimeoutError(endpoint_url=request.prepared.url)


def connection_lost(request: Request) -> AWSResponse:
    """The request takes effect, and the connection ends before its answer has come."""
    request.send()
    raise ConnectionClosedError(endpoint_url=request.prepared.url)


def server_error(request: Request) -> AWSResponse:
    """DynamoDB fails, and has done nothing."""
    return error(request, "InternalServerError", status=500)


def server_error_after_commit(request: Request) -> AWSResponse:
    """DynamoDB fails, and has done it."""
    request.send()
    return error(request, "InternalServerError", status=500)


def table_throttled(request: Request) -> AWSResponse:
    """More than the table or the partition takes."""
    return error(request, "ProvisionedThroughputExceededException")


def account_throttled(request: Request) -> AWSResponse:
    """More than the account may ask for."""
    return error(request, "ThrottlingException")


def item_in_transaction(request: Request) -> AWSResponse:
    """A transaction holds the item that a single write is about."""
    return error(request, "TransactionConflictException")


def transaction_conflict(request: Request) -> AWSResponse:
    """Another transaction holds the last item of this one."""
    return cancelled(request, "TransactionConflict")


def transaction_throttled(request: Request) -> AWSResponse:
    """The last item's partition takes no more."""
    return cancelled(request, "ThrottlingError")


def transaction_over_capacity(request: Request) -> AWSResponse:
    """The last item's table takes no more."""
    return cancelled(request, "ProvisionedThroughputExceeded")


def transaction_in_progress(request: Request) -> AWSResponse:
    """DynamoDB is still at an earlier request of the same token."""
    return error(request, "TransactionInProgressException")


def keys_unprocessed(request: Request) -> AWSResponse:
    """DynamoDB reads nothing of a batch this time."""
    return answer(request, {"Responses": {}, "UnprocessedKeys": request.body["RequestItems"]})


def keys_partly_unprocessed(request: Request) -> AWSResponse:
    """DynamoDB reads one item of a batch this time."""
    body = request.body
    ((table, asked),) = body["RequestItems"].items()
    # Asked for one by one: an answer of some attributes alone does not tell whose they are.
    for key in asked["Keys"]:
        one = {"RequestItems": {table: {**asked, "Keys": [key]}}}
        found = json.loads(request.ask({**body, **one}).content)
        if found["Responses"][table]:
            break
    left = [other for other in asked["Keys"] if other != key]
    found["UnprocessedKeys"] = {table: {**asked, "Keys": left}} if left else {}
    return answer(request, found)


def no_entry_taken(request: Request) -> AWSResponse:
    """The bus takes nothing of a call this time."""
    return _entries(request, [{**_NOT_TAKEN} for _ in request.body["Entries"]])


def first_entry_not_taken(request: Request) -> AWSResponse:
    """The bus takes all of a call but the first."""
    rest = request.body["Entries"][1:]
    taken = json.loads(request.ask({"Entries": rest}).content)["Entries"] if rest else []
    return _entries(request, [_NOT_TAKEN, *taken])


class InvocationEnded(BaseException):
    """The invocation's time is over, here and now: no `except Exception` takes part in it."""


def time_over(_: Request) -> AWSResponse:
    """The function's time is over just before the request would be sent."""
    raise InvocationEnded


def time_over_once_sent(request: Request) -> AWSResponse:
    """The request takes effect, and the function's time is over before its answer has come."""
    request.send()
    raise InvocationEnded


@dataclass(frozen=True)
class Stale:
    """An index answers from an earlier state: as `table` holds it."""

    table: str

    def __call__(self, request: Request) -> AWSResponse:
        """Ask there."""
        return request.ask({**request.body, "TableName": self.table})


FOR_GOOD = 1000


def at_transactions(*faults: tuple[Fault, int], sent: list[bytes] | None = None) -> Fault:
    """What happens to one transaction after the other: each fault so many times."""
    script = iter([fault for fault, times in faults for _ in range(times)])

    def happen(request: Request) -> AWSResponse | None:
        if request.operation != "TransactWriteItems":
            return None
        if sent is not None:
            sent.append(request.text)
        fault = next(script, None)
        return fault(request) if fault else None

    return happen


AT_READS: Sequence[Fault] = (connection_refused, answer_lost, server_error, table_throttled)
AT_WRITES: Sequence[Fault] = (
    *AT_READS,
    no_connection,
    connection_lost,
    server_error_after_commit,
    account_throttled,
)
FAULTS: Mapping[str, Sequence[Fault]] = {
    "GetSecretValue": (connection_refused, answer_lost, server_error, account_throttled),
    "GetItem": AT_READS,
    "Query": AT_READS,
    "BatchGetItem": (*AT_READS, keys_unprocessed, keys_partly_unprocessed),
    "UpdateItem": (*AT_WRITES, item_in_transaction),
    "TransactWriteItems": (
        *AT_WRITES,
        answer_lost_and_token_forgotten,
        transaction_conflict,
        transaction_throttled,
        transaction_over_capacity,
        transaction_in_progress,
    ),
    "PutEvents": (
        connection_refused,
        answer_lost,
        connection_lost,
        server_error,
        server_error_after_commit,
        account_throttled,
        no_entry_taken,
        first_entry_not_taken,
    ),
}
"""What can go wrong with a call, by its operation. For a read, an answer lost is an answer lost."""
WRITES = ("TransactWriteItems", "UpdateItem", "PutEvents")
NOT_TRIED_AGAIN: Sequence[Fault] = (no_entry_taken, first_entry_not_taken)
"""What neither botocore nor the service tries again at once: the stream offers it again."""
ENDINGS: Sequence[Fault] = (time_over, time_over_once_sent)
"""What can happen at any call: nothing is sent after it."""


# -- what DynamoDB says -----------------------------------------------------------------------


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.getvalue()


def answer(request: Request, body: Mapping[str, Any], status: int = 200) -> AWSResponse:
    """An answer of AWS's."""
    headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
    raw = _Raw(json.dumps(body).encode())
    return AWSResponse(request.prepared.url, status, headers, raw)


_NOT_TAKEN = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}


def _entries(request: Request, taken: Sequence[Mapping[str, Any]]) -> AWSResponse:
    failed = sum("ErrorCode" in entry for entry in taken)
    return answer(request, {"FailedEntryCount": failed, "Entries": taken})


def error(request: Request, code: str, *, status: int = 400, **more: Any) -> AWSResponse:
    """An error of AWS's."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more}
    return answer(request, body, status)


def cancelled(request: Request, last: str) -> AWSResponse:
    """A cancelled transaction: nothing is wrong with any of its actions but the last."""
    reasons = [{"Code": "None"} for _ in request.body["TransactItems"][1:]]
    return error(
        request,
        "TransactionCanceledException",
        CancellationReasons=[*reasons, {"Code": last, "Message": last}],
    )
