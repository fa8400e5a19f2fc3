"""What is on the event bus is remembered in order, and goes where the rules say."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.local import aws, bus
from tests.local.bus import EntryRefusedError, EventBus
from tests.local.deployment import Rule
from tests.local.execution import FunctionError
from tests.local.patterns import Pattern
from tests.local.template import STACK_NAME, TemplateError

RULES = [
    Rule("Billing", STACK_NAME, Pattern.of({"source": ["billing"], "detail-type": ["Changed"]})),
    Rule("Audit", STACK_NAME, Pattern.of({"source": [{"prefix": "b"}]})),
]


class Functions:
    """Functions that remember their events, and fail when they are told to."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, name: str, event: Mapping[str, Any]) -> None:
        self.events.append((name, event))
        if event["detail"].get("bad"):
            raise FunctionError(name)


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def event_bus(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventBus]:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    with aws.mocked():
        boto3.client("events").create_event_bus(Name=STACK_NAME)
        yield EventBus(STACK_NAME, RULES, functions)


def test_an_event_looks_as_eventbridge_delivers_it(
    event_bus: EventBus, functions: Functions
) -> None:
    event_id = event_bus.put("billing", "Changed", {"version": 1})
    event_bus.deliver()
    (event,) = event_bus.events()
    assert datetime.fromisoformat(event["time"]).tzinfo == UTC
    assert event == {
        "version": "0",
        "id": event_id,
        "detail-type": "Changed",
        "source": "billing",
        "account": "123456789012",
        "time": event["time"],
        "region": "eu-central-1",
        "resources": [],
        "detail": {"version": 1},
    }
    assert functions.events == [("Billing", event), ("Audit", event)]


def test_an_event_goes_to_the_functions_whose_rule_it_matches(
    event_bus: EventBus, functions: Functions
) -> None:
    event_bus.put("billing", "Paid", {})
    event_bus.put("crm", "Changed", {})
    event_bus.deliver()
    assert [name for name, _ in functions.events] == ["Audit"]
    assert [event["source"] for event in event_bus.events()] == ["billing", "crm"]


def test_events_that_anybody_puts_on_the_bus_are_shown_in_order_and_once(
    event_bus: EventBus,
) -> None:
    client = boto3.client("events")
    kinds = [f"Kind{number}" for number in range(23)]
    for kind in kinds:
        entry = {"Source": "licensing", "DetailType": kind, "Detail": "{}"}
        client.put_events(Entries=[entry | {"EventBusName": STACK_NAME}])
    event_bus.deliver()
    event_bus.deliver()
    assert [event["detail-type"] for event in event_bus.events()] == kinds
    assert len({event["id"] for event in event_bus.events()}) == 23


def test_a_function_that_fails_keeps_nothing_from_the_others(
    event_bus: EventBus, functions: Functions
) -> None:
    event_bus.put("billing", "Changed", {"bad": True})
    event_bus.put("billing", "Changed", {})
    event_bus.deliver()
    assert [name for name, _ in functions.events] == ["Billing", "Audit"] * 2


def test_only_the_newest_events_are_remembered(
    event_bus: EventBus, monkeypatch: pytest.MonkeyPatch, functions: Functions
) -> None:
    assert event_bus.events() == []
    monkeypatch.setattr(bus, "REMEMBERED", 3)
    small = EventBus(STACK_NAME, RULES, functions)
    for number in range(5):
        small.put("crm", f"Kind{number}", {})
    small.deliver()
    assert [event["detail-type"] for event in small.events()] == ["Kind2", "Kind3", "Kind4"]


@pytest.mark.parametrize(("source", "kind"), [("", "Changed"), ("billing", "")])
def test_what_eventbridge_does_not_take_is_refused(
    event_bus: EventBus, source: str, kind: str
) -> None:
    with pytest.raises(EntryRefusedError, match="required"):
        event_bus.put(source, kind, {})


@pytest.mark.usefixtures("event_bus")
def test_a_rule_for_another_bus_does_not_run_here(functions: Functions) -> None:
    rule = Rule("Billing", "default", Pattern.of({"source": ["billing"]}))
    with pytest.raises(TemplateError, match="default"):
        EventBus(STACK_NAME, [rule], functions)
