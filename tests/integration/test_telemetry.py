"""What an operator finds in the log and in the metrics: R23's lag, and every answer by its code."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.many import bind
from tests.integration.spoken import Spoken
from tests.local.template import STACK_NAME
from tests.template.deployed import deployed
from tests.world import ADA, ALICE, MACHINE_B, NOON, World

TEMPLATE = deployed()


def _metrics(spoken: Spoken) -> list[dict[str, Any]]:
    """The new metrics, in CloudWatch's embedded format."""
    return [line for line in spoken.documents() if "_aws" in line]


def test_each_answer_is_one_line_that_names_request_license_organization_and_outcome(
    world: World, spoken: Spoken
) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    license_id = issued["license"]["id"]
    world.validate(issued["license_key"])
    world.revoke(license_id)
    lines = [line for line in spoken.documents() if "outcome" in line]

    assert [(line["outcome"], line["status"]) for line in lines] == [
        ("registered", 201),
        ("issued", 201),
        ("VALID", 200),
        ("revoke", 200),
    ]
    for line, exchange in zip(lines, world.exchanges, strict=True):
        assert line["correlation_id"] == exchange.event["requestContext"]["requestId"]
    assert [line.get("license_id") for line in lines] == [None, *[license_id] * 3]
    assert [line.get("organization_id") for line in lines] == ["acme"] * 4


def test_a_line_says_nothing_of_the_request_before(world: World, spoken: Spoken) -> None:
    world.register("acme")
    world.validate(world.login(ALICE).json["license_key"])
    world.request("POST", "/v1/licenses/validate", body=b"{")
    last = spoken.documents()[-1]
    assert last["outcome"] == "invalid_request"
    assert "license_id" not in last
    assert "organization_id" not in last


def test_each_answer_is_counted_by_its_outcome(world: World, spoken: Spoken) -> None:
    (of_filter,) = TEMPLATE.properties("Answers")["MetricTransformations"]
    assert TEMPLATE.properties("Answers")["FilterPattern"] == '{ $.outcome = "*" }'
    assert (of_filter["MetricName"], of_filter["MetricValue"]) == ("Answers", "1")
    field = {one["Key"]: one["Value"].removeprefix("$.") for one in of_filter["Dimensions"]}
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    spoken.taken()
    world.validate(key)
    world.validate(key, MACHINE_B)
    world.validate("")
    world.request("GET", "/v1/licenses/lic_0000000000000000", person=ADA)
    lines = [line for line in spoken.documents() if "outcome" in line]
    assert [line[field["outcome"]] for line in lines] == [
        "VALID",
        "MACHINE_MISMATCH",
        "invalid_request",
        "not_found",
    ]
    assert of_filter["MetricNamespace"] == f"Licensing/{STACK_NAME}"


def test_r23_the_sweep_says_what_it_did_and_how_far_behind_it_is(
    world: World, spoken: Spoken
) -> None:
    world.register("acme", seconds=100)
    bind(world, "acme", 2)
    world.sweep()
    world.clock.time = NOON + 700
    world.sweep(remaining_ms=10_000)
    (left,) = [line for line in spoken.documents() if line.get("unfinished")]
    assert (left["message"], left["unfinished"], left["lag_seconds"]) == ("swept", 1, 700)

    world.sweep()

    (metric,) = _metrics(spoken)
    assert metric["LicensesExpired"] == [2.0]
    assert metric["SweepLag"] == [0.0]
    assert "SweepUnfinished" not in metric  # an hour in which it is sent costs, zeros included
    units = {one["Name"]: one["Unit"] for one in metric["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units["SweepLag"] == "Seconds"


def _defect(**_: Any) -> None:
    raise ZeroDivisionError


def _throttled(**_: Any) -> None:
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


def test_a_line_of_the_log_says_what_the_answers_line_says(world: World, spoken: Spoken) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    spoken.taken()
    world.runtime.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", _throttled)
    world.clock.advance(1000)
    assert world.validate(issued["license_key"]).status == 200

    warned, _, answered = spoken.documents()  # and the count of what is deferred

    assert (warned["level"], warned["function_name"]) == ("WARNING", "ValidateFunction")
    assert warned["function_request_id"]
    for name in ("correlation_id", "license_id"):
        assert warned[name] == answered[name]


def test_a_request_that_ends_in_a_defect_leaves_nothing_to_the_next_line(
    world: World, spoken: Spoken
) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    spoken.taken()
    hooks = world.runtime.dynamodb.meta.events
    hooks.register("before-call.dynamodb", _defect)
    with pytest.raises(ZeroDivisionError):
        world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
    hooks.unregister("before-call.dynamodb", _defect)
    assert spoken.documents() == []
    world.request("GET", "/v1/openapi.json")
    (line,) = spoken.documents()
    assert line["outcome"] == "contract"
    assert "license_id" not in line
