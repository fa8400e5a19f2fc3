"""The doctor at work on a running service: what it reads, as whom, and what it concludes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Site, machine
from tests.cli.terminal import Terminal
from tests.local.cast import login

pytestmark = pytest.mark.sampled(2)

MACHINE = machine("PATIENT-PC-01")
NAMED = (
    *("--machine-id", MACHINE["machine_id"], "--mac", MACHINE["mac_addresses"][0]),
    *("--name", "PATIENT-PC-01"),
)
OF_ACME = ("doctor", "--organization", "acme")


@pytest.fixture(scope="module")
def agent(site: Site) -> str:
    license_id: str = site.agent(MACHINE)["license.id"]
    return license_id


def bad(findings: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What is not well."""
    return [(one["level"], one["code"]) for one in findings if one["level"] != "ok"]


def test_an_agent_that_is_well_is_found_by_its_machine(olivia: Terminal, agent: str) -> None:
    told = olivia(*OF_ACME, *NAMED, "-o", "json").expect(0).json
    assert (told["license_id"], told["healthy"], bad(told["findings"])) == (agent, True, [])
    assert "fail" not in olivia(*OF_ACME, *NAMED).expect(0).out


def test_the_agent_of_this_computer_is_found_by_its_folder(ada: Terminal, tmp_path: Path) -> None:
    # In a container, the machine's id is the one in the folder.
    here = (*OF_ACME, "--this", "--folder", str(tmp_path / "agent"), "--json")
    told = ada(*here).expect(1).json
    assert ("fail", "NOT_FOUND") in bad(told["findings"])


def test_why_it_is_refused_is_told_with_what_to_do(
    site: Site, olivia: Terminal, agent: str
) -> None:
    site.call("POST", f"/v1/licenses/{agent}/detach", {"reason": "a copy?"}).expect(200)
    told = olivia(*OF_ACME, "--license", agent).expect(1)
    assert "(a copy?)" in told.out
    assert f"licensing licenses attach {agent}" in told.out
    assert "would be refused" in told.err
    # It does what it advises.
    olivia("licenses", "attach", agent).expect(0)
    olivia(*OF_ACME, "--license", agent).expect(0)


def test_an_administrator_is_told_what_they_may_read_and_what_was_not_seen(
    ada: Terminal, agent: str
) -> None:
    told = ada(*OF_ACME, *NAMED, "-o", "json").expect(0).json
    assert told["license_id"] == agent
    assert bad(told["findings"]) == [
        ("not seen", "MACHINE_MISMATCH"),
        ("not seen", "machine_registered_to_other_organization"),
    ]
    assert "A super-admin can look it up." in ada(*OF_ACME, "--name", "patient-pc-01").out
    # Without the name there is nothing that they could look for.
    assert "--license" in ada(*OF_ACME, *NAMED[:4]).expect(2).err


def test_another_organization_and_a_licence_that_is_not_there_are_not_found(
    ada: Terminal, olivia: Terminal, agent: str
) -> None:
    foreign = ada("doctor", "--organization", "bolt", *NAMED, "-o", "json").expect(1).json
    assert [one["code"] for one in foreign["findings"] if one["level"] == "fail"] == [
        "NOT_FOUND",
        "NOT_FOUND",
    ]
    absent = olivia(*OF_ACME, "--license", "lic_0123456789abcdef", "-o", "json").expect(1).json
    assert bad(absent["findings"])[0] == ("fail", "NOT_FOUND")
    mismatch = olivia("doctor", "--organization", "bolt", "--license", agent, "-o", "json")
    assert ("fail", "ORGANIZATION_MISMATCH") in bad(mismatch.expect(1).json["findings"])
    taken = olivia("doctor", "--organization", "bolt", *NAMED, "-o", "json").expect(1).json
    assert ("fail", "machine_registered_to_other_organization") in bad(taken["findings"])


def test_of_several_agents_on_a_machine_one_has_to_be_named(
    site: Site, olivia: Terminal, agent: str
) -> None:
    second = site.agent(MACHINE, "staging")["license.id"]
    told = olivia(*OF_ACME, *NAMED).expect(2).err
    assert agent in told
    assert second in told
    chosen = olivia(*OF_ACME, *NAMED, "--environment", "staging", "-o", "json").expect(0).json
    assert chosen["license_id"] == second
    # One that was revoked since is found only by its id.
    olivia("licenses", "revoke", second, "--yes").expect(0)
    assert json.loads(olivia(*OF_ACME, *NAMED, "-o", "json").expect(0).out)["license_id"] == agent
    assert "REVOKED" in olivia(*OF_ACME, "--license", second).expect(1).out


def test_a_partners_licence_is_diagnosed_for_those_who_may_see_it(
    olivia: Terminal, ada: Terminal
) -> None:
    of_acme = ("temporary", "generate", "acme", "--ttl", "1h", "-o", "json")
    id = olivia(*of_acme).expect(0).json["license"]["id"]
    told = olivia(*OF_ACME, "--license", id).expect(0)
    assert "Nobody has used it yet." in told.out
    hidden = ada(*OF_ACME, "--license", id).expect(1).out
    assert "which only super-admins can see" in hidden
    olivia("temporary", "revoke", id, "--yes", "--reason", "left").expect(0)
    ended = olivia(*OF_ACME, "--license", id).expect(1).out
    assert "(left)" in ended
    assert "licensing temporary generate" in ended
    assert "NOT_FOUND" in olivia("doctor", "--organization", "bolt", "--license", id).expect(1).out


def test_an_agent_whose_licence_is_bound_no_more_is_found_by_its_name(
    site: Site, olivia: Terminal
) -> None:
    machine_of_now = machine("PATIENT-PC-09")
    license_id = site.agent(machine_of_now)["license.id"]
    olivia("licenses", "revoke", license_id, "--yes").expect(0)
    named = ("--machine-id", machine_of_now["machine_id"], "--name", "PATIENT-PC-09")
    told = olivia(*OF_ACME, *named, "-o", "json").expect(1).json
    assert told["license_id"] == license_id
    assert ("fail", "REVOKED") in bad(told["findings"])


def test_r32_a_person_who_could_not_log_in_is_found_by_the_computer(
    site: Site, olivia: Terminal, ada: Terminal
) -> None:
    refused = machine("PATIENT-PC-17")
    olivia("organizations", "policy", "acme", "--require-device-key").expect(0)
    try:
        sent, token = login(refused), site.token("alice", "agent")
        site.service.call("POST", "/v1/licenses", sent, token=token).expect(403)
    finally:
        olivia("organizations", "policy", "acme", "--no-require-device-key").expect(0)
    named = ("--machine-id", refused["machine_id"], "--name", "patient-pc-17")
    for person in (ada, olivia):
        told = person(*OF_ACME, *named, "-o", "json").expect(1).json
        assert ("warn", "proof_required") in bad(told["findings"])
    assert "could not log in on PATIENT-PC-17" in ada(*OF_ACME, *named).expect(1).out
    assert "could not log in" not in ada(*OF_ACME, "--name", "PATIENT-PC-18").expect(1).out


def test_a_policy_that_the_agent_cannot_meet_is_told(olivia: Terminal, agent: str) -> None:
    olivia("organizations", "policy", "acme", "--require-device-key").expect(0)
    try:
        told = olivia(*OF_ACME, "--license", agent, "-o", "json").json
    finally:
        olivia("organizations", "policy", "acme", "--no-require-device-key").expect(0)
    assert bad(told["findings"]) == [
        ("not seen", "MACHINE_MISMATCH"),
        ("fail", "PROOF_REQUIRED"),
    ]


def test_who_may_not_read_is_told_so(site: Site, ada: Terminal, agent: str) -> None:
    alice = Terminal(site.url, ada.home, site.token("alice"))
    assert "Only administrators" in alice(*OF_ACME, "--license", agent).expect(4).err
    alice(*OF_ACME, *NAMED).expect(4)


def test_an_agent_has_to_be_named(olivia: Terminal) -> None:
    assert "--this" in olivia(*OF_ACME).expect(2).err
