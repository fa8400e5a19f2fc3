"""R34: events are published in order per licence, ten at most in a call, none behind a failure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from licensing.adapters.event_bus import EventBus
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.usecases.ports import RecordedEvent
from tests.unit.samples import NOW, ORIGIN

ENDPOINT = "https://events.example"
FIRST, SECOND = 1, 2

Answer = Callable[[Sequence[Mapping[str, Any]]], tuple[int, dict[str, Any]]]
"""Status and body that EventBridge answers to the entries of a call; it may raise, too."""


def takes_all(entries: Sequence[Mapping[str, Any]]) -> tuple[int, dict[str, Any]]:
    return 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}


class Wire:
    """Stands where requests would leave for EventBridge: keeps the calls, and answers them."""

    def __init__(self) -> None:
        client = boto3.session.Session(
            aws_access_key_id="none", aws_secret_access_key="none", region_name="eu-central-1"
        ).client("events", endpoint_url=ENDPOINT)
        client.meta.events.register("before-call.eventbridge.PutEvents", self._answer)
        self._bus = EventBus(client, "licensing-bus")
        self._answers: Mapping[int, Answer] = {}
        self.calls: list[list[dict[str, Any]]] = []

    def bus(self, answers: Mapping[int, Answer] | None = None) -> EventBus:
        """The bus, which takes all but where `answers` names the number of the call."""
        self._answers = answers or {}
        self.calls = []
        return self._bus

    def sent(self) -> list[list[str]]:
        """The ids of the events in each call."""
        return [[json.loads(entry["Detail"])["id"] for entry in call] for call in self.calls]

    def _answer(self, params: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        self.calls.append(json.loads(params["body"])["Entries"])
        status, body = self._answers.get(len(self.calls), takes_all)(self.calls[-1])
        return SimpleNamespace(status_code=status), body


@pytest.fixture(scope="module")
def wire() -> Wire:
    """One for all: a client takes a while to make."""
    return Wire()


def an_entry(number: int, license_id: str | None = None, **fields: Any) -> RecordedEvent:
    """An event of a licence, or of an organization itself."""
    usual: dict[str, Any] = {
        "id": f"evt_{number:032x}",
        "type": EventType.LICENSE_UPDATED,
        "at": NOW + number,
        "organization_id": "acme",
        "license_id": license_id,
        "revision": number,
        "origin": ORIGIN,
        "before": {"state": "active", "label": None},
        "after": {"state": "active", "label": f"Counter {number}"},
        "reason": None,
        "components": (),
        "other_address": None,
        "confidential": False,
        "times": None,
        "last_at": None,
        "readings": [],
    }
    return RecordedEvent(**usual | fields)


def many(count: int) -> list[RecordedEvent]:
    """Events of as many licences."""
    return [an_entry(number, a_license(number)) for number in range(count)]


def a_license(number: int) -> str:
    return f"lic_{number:016d}"


# -- what is sent together ---------------------------------------------------------------------

owners = st.sampled_from([None, *map(a_license, range(12))])


@given(license_ids=st.lists(owners, max_size=60))
def test_r34_calls_keep_the_order_and_hold_ten_events_at_most_and_one_of_each_license(
    wire: Wire, license_ids: list[str | None]
) -> None:
    entries = [an_entry(number, license_id) for number, license_id in enumerate(license_ids)]

    assert wire.bus().publish(entries) == len(entries)

    assert [id for call in wire.sent() for id in call] == [entry.id for entry in entries]
    for call in wire.calls:
        assert 1 <= len(call) <= 10
        assert len(set(_owners(call))) == len(call)
    for earlier, later in pairwise(wire.calls):
        # Nothing else is a reason for another call.
        assert len(earlier) == 10 or _owners(later)[0] in _owners(earlier)


def test_r34_two_changes_of_one_organization_go_one_after_the_other(wire: Wire) -> None:
    entries = [an_entry(1), an_entry(2, organization_id="bolt"), an_entry(3)]
    assert wire.bus().publish(entries) == 3
    assert wire.sent() == [[entries[0].id, entries[1].id], [entries[2].id]]


def test_r34_nothing_to_publish_is_no_call(wire: Wire) -> None:
    assert wire.bus().publish([]) == 0
    assert wire.calls == []


def test_r34_an_event_says_where_it_comes_from_what_it_is_and_all_about_it(
    wire: Wire,
) -> None:
    refused = an_entry(
        7,
        a_license(7),
        type=EventType.ACCESS_REFUSED,
        revision=None,
        before=None,
        after=None,
        reason="machine_mismatch",
        origin=Origin(
            actor=Actor(ActorKind.AGENT, a_license(7)),
            request_id="request-7",
            source_address="203.0.113.7",
            agent_version="4.5.0.0",
        ),
        times=1,
        last_at=NOW + 9,
    )
    changed = an_entry(8, a_license(8), components=("computer_name",))

    assert wire.bus().publish([refused, changed]) == 2

    ((first, second),) = wire.calls
    at = datetime.fromtimestamp(NOW + 7, UTC).isoformat().replace("+00:00", "Z")
    last_at = datetime.fromtimestamp(NOW + 9, UTC).isoformat().replace("+00:00", "Z")
    assert first.pop("Time") == NOW + 9, "the latest refusal of the hour, not the hour"
    assert json.loads(first.pop("Detail")) == {
        "id": refused.id,
        "type": "AccessRefused",
        "at": at,
        "organization_id": "acme",
        "license_id": a_license(7),
        "revision": None,
        "actor": {"kind": "agent", "subject": "hidden", "name": None, "roles": []},
        "source_address": "203.0.113.7",
        "agent_version": "4.5.0.0",
        "request_id": "request-7",
        "before": None,
        "after": None,
        "reason": "machine_mismatch",
        "components": [],
        "other_address": None,
        "times": 1,
        "last_at": last_at,
        "confidential": False,
        "readings": [],
        "license_computer_name": None,
        "computer_name": None,
    }
    assert first == {
        "EventBusName": "licensing-bus",
        "Source": "licensing",
        "DetailType": "AccessRefused",
    }
    assert second["Time"] == NOW + 8
    detail = json.loads(second["Detail"])
    assert detail["before"] == {"state": "active", "label": None}
    assert detail["after"] == {"state": "active", "label": "Counter 8"}
    assert detail["components"] == ["computer_name"]


def test_r35_nobodys_name_is_sent(wire: Wire) -> None:
    alice = replace(ORIGIN, actor=replace(ORIGIN.actor, name="Alice Liddell"))
    told = [
        an_entry(number, a_license(number), origin=alice, confidential=confidential)
        for number, confidential in enumerate([False, True])
    ]

    assert wire.bus().publish(told) == 2

    actor = {"kind": "user", "subject": "alice", "name": None, "roles": ["member"]}
    assert [json.loads(entry["Detail"])["actor"] for entry in wire.calls[0]] == [actor, actor]


# -- what is not taken -------------------------------------------------------------------------


def takes_all_but(*positions: int) -> Answer:
    def answer(entries: Sequence[Mapping[str, Any]]) -> tuple[int, dict[str, Any]]:
        refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
        results = [
            refused if position in positions else {"EventId": "1"}
            for position in range(len(entries))
        ]
        return 200, {"FailedEntryCount": len(positions), "Entries": results}

    return answer


def answers(status: int, code: str) -> Answer:
    error = {"Code": code, "Message": "no"}
    metadata = {"HTTPStatusCode": status}
    return lambda _: (status, {"Error": error, "ResponseMetadata": metadata})


def fails(error: BotoCoreError) -> Answer:
    def answer(_: object) -> tuple[int, dict[str, Any]]:
        raise error

    return answer


PASSING = {
    "the first entry fails": takes_all_but(0),
    "the last entry fails": takes_all_but(9),
    "some entries fail": takes_all_but(2, 5),
    "throttled": answers(400, "ThrottlingException"),
    "an internal error": answers(500, "InternalException"),
    "not available": answers(503, "ServiceUnavailable"),
    "no answer": fails(ReadTimeoutError(endpoint_url=ENDPOINT)),
    "no connection in time": fails(ConnectTimeoutError(endpoint_url=ENDPOINT)),
    "no connection": fails(EndpointConnectionError(endpoint_url=ENDPOINT)),
}


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING.keys())
def test_r34_what_stands_before_the_failed_call_is_taken_and_nothing_is_sent_behind_it(
    wire: Wire, answer: Answer
) -> None:
    entries = many(40)
    for failing, taken in ((FIRST, 0), (SECOND, 10), (4, 30)):
        assert wire.bus({failing: answer}).publish(entries) == taken
        assert len(wire.calls) == failing


def test_r34_what_failed_is_taken_once_it_is_offered_again(wire: Wire) -> None:
    entries = many(25)
    bus = wire.bus({SECOND: takes_all_but(3)})
    taken = bus.publish(entries)
    assert bus.publish(entries[taken:]) == 15
    sent = [id for call in wire.sent() for id in call]
    assert sent == [entry.id for entry in [*entries[:20], *entries[10:]]]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_r34_a_fault_of_the_deployment_is_raised(wire: Wire, code: str) -> None:
    bus = wire.bus({SECOND: answers(400, code)})
    with pytest.raises(ClientError, match=code):
        bus.publish(many(15))
    assert len(wire.calls) == SECOND


def _owners(call: Sequence[Mapping[str, Any]]) -> list[str]:
    details = [json.loads(entry["Detail"]) for entry in call]
    return [detail["license_id"] or detail["organization_id"] for detail in details]
