"""What is committed leaves the service: through the stream, by its function, onto the bus (R34)."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import pytest

from tests.local import stack
from tests.local.cast import ACME, days_from_now, organization
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD


class Vendor:
    """Olivia, who registers organizations and looks at what comes of it."""

    def __init__(self, client: Client, client_id: str) -> None:
        self._client = client
        answer = client.log_in(client_id, "olivia", PASSWORD).expect(200)
        self._token = answer["AuthenticationResult.IdToken"]

    def get(self, path: str) -> Answer:
        return self._client.call("GET", path, token=self._token).expect(200)

    def put(self, days: int, version: int | None = None) -> None:
        """Give Acme a subscription for so many days; `version` is the one that is changed."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        path, body = f"/v1/organizations/{ACME}", organization(ACME, days_from_now(days))
        answer = self._client.call("PUT", path, body, token=self._token, headers=headers)
        answer.expect(201 if version is None else 200)


@contextmanager
def vendor() -> Iterator[Vendor]:
    with stack.running() as up, closing(Client(up.url)) as client:
        yield Vendor(client, up.operator_client_id)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)


@pytest.fixture(params=["moto", "dynamodb-local"])
def either_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("moto")
    if request.param == "dynamodb-local":
        monkeypatch.setenv("DYNAMODB_ENDPOINT", request.getfixturevalue("engine"))


def dead_letters(olivia: Vendor) -> list[Any]:
    letters: list[Any] = olivia.get("/_local/dead-letters")["queues.OutboxDeadLetters"]
    return letters


@pytest.mark.usefixtures("either_engine")
def test_r34_what_is_committed_leaves_on_the_bus_once_and_in_order() -> None:
    with vendor() as olivia:
        olivia.put(days=1)
        olivia.put(days=2, version=1)
        olivia.put(days=3, version=2)
        events = olivia.get("/_local/bus")["events"]
        # All but the entry about this very read.
        trail = olivia.get(f"/v1/organizations/{ACME}/events")["events"]
        trail = [event for event in trail if event["type"] != "OrganizationRead"]
        for event in trail:
            event["actor"]["name"] = None  # no name of anybody's leaves with it
        assert [event["detail"] for event in events] == list(reversed(trail))
        assert [event["detail"]["revision"] for event in events] == [1, 2, 3]
        assert {event["source"] for event in events} == {"licensing"}
        kinds = ["OrganizationCreated", "SubscriptionChanged", "SubscriptionChanged"]
        assert [event["detail-type"] for event in events] == kinds
        assert dead_letters(olivia) == []


@pytest.mark.usefixtures("moto")
def test_r34_what_the_bus_does_not_take_ends_as_a_dead_letter() -> None:
    with vendor() as olivia:
        boto3.client("events").delete_event_bus(Name=os.environ["EVENT_BUS"])
        olivia.put(days=1)
        (letter,) = dead_letters(olivia)
        assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert letter["requestContext"]["approximateInvokeCount"] == 101
        assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
        assert olivia.get("/_local/bus")["events"] == []
