"""Whoever ends or blocks an agent is told until when a computer can go on without asking."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.scripted import Scripted
from tests.cli.terminal import Terminal
from tests.local.events import Response

AHEAD, OVER = "2999-01-31T12:00:00Z", "2026-01-31T12:00:00Z"
REFUSING = (
    *(("licenses", action) for action in ("revoke", "detach", "dissociate")),
    ("temporary", "revoke"),
)


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Scripted() as made:
        yield made


@pytest.fixture
def terminal(service: Scripted, tmp_path: Path) -> Terminal:
    return Terminal(service.url, tmp_path, "token")


def leased(service: Scripted, until: str | None) -> dict[str, object]:
    """The licence that the service tells of from now on."""
    license = {"id": "lic_0", "status": "active", "leased_until": until}
    service.usual = lambda _: Response.of_json(200, {"license": license})
    return {"license": license}


def words(group: str, action: str) -> list[str]:
    """The command, without a question."""
    return [group, action, "lic_0", *(["--yes"] if action not in {"detach", "attach"} else [])]


@pytest.mark.parametrize("action", REFUSING, ids=" ".join)
def test_r37_the_end_of_a_lease_that_is_to_come_is_told(
    service: Scripted, terminal: Terminal, action: tuple[str, str]
) -> None:
    leased(service, AHEAD)
    told = terminal(*words(*action)).expect(0)
    assert "refuses this licence at once" in told.err
    assert "at the latest 2999-01-31 12:00:00Z." in told.err
    assert "2999-01-31 12:00:00Z" in told.out


@pytest.mark.parametrize("until", [OVER, None])
def test_r37_nothing_is_told_where_no_lease_is_left_to_go_on_with(
    service: Scripted, terminal: Terminal, until: str | None
) -> None:
    leased(service, until)
    for action in REFUSING:
        assert terminal(*words(*action)).expect(0).err == ""


@pytest.mark.parametrize("action", ["attach", "reset-device-key"])
def test_r37_what_refuses_nothing_tells_of_no_lease(
    service: Scripted, terminal: Terminal, action: str
) -> None:
    leased(service, AHEAD)
    assert terminal(*words("licenses", action)).expect(0).err == ""


def test_r37_a_program_reads_it_in_the_license_and_nothing_beside(
    service: Scripted, terminal: Terminal
) -> None:
    document = leased(service, AHEAD)
    for action in REFUSING:
        told = terminal(*words(*action), "-o", "json").expect(0)
        assert (json.loads(told.out), told.err) == (document, "")


def test_r37_a_list_shows_when_each_lease_ends(service: Scripted, terminal: Terminal) -> None:
    license = leased(service, AHEAD)["license"]
    listed = {"licenses": [license], "next_cursor": None, "total": 1}
    service.usual = lambda _: Response.of_json(200, listed)
    head, row = terminal("licenses", "list", "acme").expect(0).out.splitlines()
    assert head.rstrip().endswith("lease ends")
    assert row.rstrip().endswith("2999-01-31 12:00:00Z")
