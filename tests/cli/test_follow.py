"""Events as they happen, by a command that runs until somebody ends it."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.agent.relay import Relay
from tests.cli.conftest import Site, machine
from tests.cli.running import running
from tests.cli.terminal import PROGRAM, Terminal, patient

MACHINE = machine("FOLLOWED")
FOLLOW = ("events", "list", "--follow", "--every", "0.05")


@pytest.fixture(scope="module")
def agent(site: Site) -> str:
    """The licence of an agent, with five events in its history."""
    license_id: str = site.agent(MACHINE)["license.id"]
    for label in ("one", "two", "three", "four"):
        edits(site, license_id, label)
    return license_id


@pytest.fixture
def relay(site: Site) -> Iterator[Relay]:
    with Relay(site.url) as made:
        yield made


def edits(site: Site, license_id: str, label: str) -> None:
    """Somebody labels the agent."""
    site.call("PATCH", f"/v1/licenses/{license_id}", {"label": label}, user="ada").expect(200)


def test_it_ends_when_nobody_reads_it_any_more(site: Site, ada: Terminal) -> None:
    unread = site.agent(machine("UNREAD"))["license.id"]
    command = [*PROGRAM, *patient(*FOLLOW, "--license", unread, "--limit", "1")]
    with subprocess.Popen(
        command, env=ada.whole_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "LicenseIssued" in process.stdout.readline()
        process.stdout.close()
        edits(site, unread, "another")
        assert process.wait(180) == 0


def test_each_event_is_told_once_through_an_outage_until_somebody_ends_it(
    site: Site, ada: Terminal, agent: str, relay: Relay
) -> None:
    away = Terminal(relay.url, ada.home, ada.token)
    arguments = (*FOLLOW, "--license", agent, "--limit", "2", "-o", "json", "--retries", "0")
    with running(away, *arguments) as command:
        command.line_with("four")
        edits(site, agent, "five")
        command.line_with("five")
        relay.cut()
        command.line_with("Trying again in")
        edits(site, agent, "six")
        relay.mend()
        command.line_with("The service is back.")
        edits(site, agent, "seven")
        command.line_with("seven")
        ended = command.ended(signal.SIGINT).expect(130)
    events = [json.loads(line) for line in ended.out.splitlines()]
    labels = [event["after"]["label"] for event in events]
    assert labels == ["three", "four", "five", "six", "seven"]
    assert "Traceback" not in ended.err
    told = site.call("GET", f"/v1/licenses/{agent}/events", user="ada").body["events"]
    assert events == list(reversed(told[:5]))


def test_people_get_a_line_for_each_event_and_a_refusal_where_it_happens(
    site: Site, ada: Terminal, agent: str
) -> None:
    with running(ada, *FOLLOW, "--organization", "acme", "--limit", "1") as command:
        # One line is there before anything happens.
        command.line_with(agent)
        site.call("POST", f"/v1/licenses/{agent}/detach", {"reason": "stolen?"}).expect(200)
        assert agent in command.line_with("stolen?")
        other = {**MACHINE, "mac_addresses": ["02:00:00:00:00:01"], "computer_name": "other"}
        key = site.service.call(
            "POST",
            "/v1/licenses",
            {"machine": MACHINE, "environment": "refused", "agent_version": "4.5.0.0"},
            token=site.token("alice", "agent"),
        ).expect(201)
        asked = {
            "license_key": key["license_key"],
            "organization_id": "acme",
            "machine": other,
        }
        site.service.call("POST", "/v1/licenses/validate", asked).expect(
            200, code="MACHINE_MISMATCH"
        )
        assert "machine_mismatch" in command.line_with("AccessRefused")
        command.ended(signal.SIGINT).expect(130)


def test_a_session_that_ends_ends_it(site: Site, agent: str, ada: Terminal) -> None:
    with running(ada, *FOLLOW, "--license", agent, "--limit", "1") as command:
        command.line_with(agent)
        site.end_sessions()
        assert "LICENSING_TOKEN" in command.ended().expect(3).err
