"""What a history tells of a licence and an organization: typed, with times as everywhere."""

import json
from dataclasses import replace
from typing import Any

import pytest

from licensing.contract.events import EventView, Facts
from licensing.domain.audit import EventType
from licensing.domain.facts import Facts as Told
from licensing.domain.license import License
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.ports import RecordedEvent
from tests.unit.samples import NOW, ORIGIN, license, organization

TERM = Term(ttl=TimeToLive("1h"), expires_at=NOW, holder="pavel", note="for the update")
TEMPORARY: License = replace(license(), term=TERM, pending_key="thumbprint")


def told(before: Told | None, after: Told | None) -> dict[str, Any]:
    """An event with these facts, as JSON."""
    entry = RecordedEvent(
        id="1",
        type=EventType.LICENSE_UPDATED,
        at=NOW,
        organization_id="acme",
        license_id=None,
        revision=1,
        origin=ORIGIN,
        before=before,
        after=after,
        reason=None,
        components=(),
        other_address=None,
        confidential=False,
        times=None,
        last_at=None,
    )
    told: dict[str, Any] = json.loads(EventView.of(entry).model_dump_json())
    return told


def test_r32_times_before_and_after_are_written_as_everywhere_and_the_rest_stays() -> None:
    for facts, name in ((organization().facts, "valid_until"), (TEMPORARY.facts, "expires_at")):
        event = told(facts, {**facts, name: NOW + 60})
        assert event["before"] == {**facts, name: event["before"][name]}
        assert event["after"][name] == "2030-03-17T17:47:40Z"
        assert event["before"][name].endswith("Z")
    event = told(None, license().facts)
    assert (event["before"], event["after"]) == (None, license().facts)


def test_r32_the_contract_types_every_fact_that_there_is() -> None:
    assert set(Facts.__annotations__) == {*TEMPORARY.facts, *organization().facts}


def test_r32_facts_that_other_builds_tell_are_told() -> None:
    facts: Told = {"state": "active", "hall": 3, "of_old": None}
    assert told(None, facts)["after"] == facts


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "odd", [{"state": "on loan"}, {"primary": None}, {"max_agents": "many"}, {"name": 7}]
)
def test_r34_a_fact_that_another_build_tells_in_another_form_holds_up_no_event(odd: Told) -> None:
    facts: Told = {**organization().facts, **odd}
    event = told(facts, None)
    assert event["before"] == {**facts, "valid_until": event["before"]["valid_until"]}
    assert event["before"]["valid_until"].endswith("Z")
