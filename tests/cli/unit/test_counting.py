"""What there is, counted; and lists of what needs attention."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.scripted import Scripted
from tests.cli.terminal import Terminal
from tests.local.events import Response

OF_ACME = {
    "organization_id": "acme",
    "licenses": {"active": 7, "suspended": 0, "detached": 1, "dissociated": 2, "expired": 0}
    | {"revoked": 3},
    "environments": [{"name": "production", "licenses": 6}, {"name": "staging", "licenses": 2}],
    "device_keys": {"bound": 5, "none": 3},
}
OF_ALL = {
    "organizations": 12,
    "standings": {"current": 9, "suspended": 2, "ended": 1},
    "ends": [{"date": f"day {day}", "organizations": 1} for day in range(90)],
    "recently_ended": {"days": 30, "organizations": 6},
    "seats": {"full": 4, "nearly": 5},
}


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Scripted() as made:
        yield made


@pytest.fixture
def terminal(service: Scripted, tmp_path: Path) -> Terminal:
    return Terminal(service.url, tmp_path, "token")


def fields(told: str) -> dict[str, str]:
    """The fields of a table, by name."""
    lines = [line.split("  ", 1) for line in told.splitlines()]
    return {name: value.strip() for name, value in lines}


def test_an_organizations_licenses_are_counted(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: Response.of_json(200, OF_ACME)
    assert fields(terminal("summary", "acme").expect(0).out) == {
        "active": "7",
        "suspended": "0",
        "detached": "1",
        "dissociated": "2",
        "expired": "0",
        "revoked": "3",
        "with a device key": "5",
        "without": "3",
        "in production": "6",
        "in staging": "2",
    }
    assert service.requests[-1].path == "/v1/organizations/acme/summary"
    assert terminal("summary", "acme", "--json").expect(0).json == OF_ACME


def test_all_organizations_are_counted(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: Response.of_json(200, OF_ALL)
    assert fields(terminal("summary").expect(0).out) == {
        "organizations": "12",
        "current": "9",
        "suspended": "2",
        "ended": "1",
        "without a free seat": "4",
        "nearly so": "5",
        "end in 7 days": "7",
        "end in 30 days": "30",
        "end in 90 days": "90",
        "ended in the last 30 days": "6",
    }
    assert service.requests[-1].path == "/v1/summary"
    assert terminal("summary", "--json").expect(0).json == OF_ALL


def test_what_a_service_of_an_earlier_version_does_not_count_is_left_out(
    service: Scripted, terminal: Terminal
) -> None:
    earlier = {name: value for name, value in OF_ALL.items() if name != "recently_ended"}
    service.usual = lambda _: Response.of_json(200, earlier)
    told = fields(terminal("summary").expect(0).out)
    assert told["end in 90 days"] == "90"
    assert not [name for name in told if name.startswith("ended in")]


@pytest.mark.parametrize("command", [["summary"], ["summary", "acme"]])
def test_an_answer_that_is_no_summary_is_told(
    service: Scripted, terminal: Terminal, command: list[str]
) -> None:
    service.usual = lambda _: Response.of_json(200, {"licenses": 3})
    assert "summary" in terminal(*command).expect(5).err


def test_silent_agents_and_device_keys_are_asked_for(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: Response.of_json(200, {"licenses": [], "next_cursor": None})
    terminal("licenses", "list", "acme", "--seen-before", "2027-01-31", "--device-key").expect(0)
    assert service.asked[-1]["seen_before"] == "2027-01-31T00:00:00Z"
    assert service.asked[-1]["device_key"] == "true"
    terminal("licenses", "list", "acme", "--not-seen-for", "30", "--no-device-key").expect(0)
    since = service.asked[-1]["seen_before"]
    assert since.endswith("Z")
    ago = datetime.now(UTC) - datetime.fromisoformat(since)
    assert timedelta(days=30) <= ago < timedelta(days=31)
    assert service.asked[-1]["device_key"] == "false"
    terminal("licenses", "list", "acme").expect(0)
    assert {"seen_before", "device_key"}.isdisjoint(service.asked[-1])


@pytest.mark.parametrize(
    "options", [["--not-seen-for", "7", "--seen-before", "2027-01-31"], ["--not-seen-for", "0"]]
)
def test_one_says_once_since_when_agents_are_silent(
    service: Scripted, terminal: Terminal, options: list[str]
) -> None:
    assert "--not-seen-for" in terminal("licenses", "list", "acme", *options).expect(2).err
    assert service.requests == []


def test_organizations_with_few_seats_are_asked_for(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: Response.of_json(200, {"organizations": [], "next_cursor": None})
    terminal("organizations", "list", "--seats", "nearly").expect(0)
    assert service.asked[-1]["seats"] == "nearly"
