"""Each command against the running service, which it asks by its public API alone."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licensing_cli.errors import ExitCode
from tests.cli.conftest import Site, machine
from tests.cli.running import running
from tests.cli.terminal import PROGRAM, Terminal, patient

pytestmark = pytest.mark.sampled(3)

KEY = re.compile(r"(?:[0-9A-Z]{5}-){8}[0-9A-Z]{5}")


@pytest.fixture(scope="session")
def agent(site: Site) -> str:
    """The licence of an agent of Acme."""
    license_id: str = site.agent(machine("PRESS-1"))["license.id"]
    return license_id


# -- who is there ----------------------------------------------------------------------------------


def test_a_person_sees_who_the_service_takes_them_for(site: Site, ada: Terminal) -> None:
    assert ada("whoami", "-o", "json").expect(0).json == site.call("GET", "/v1/me", user="ada").body
    assert "org-admin" in ada("whoami").expect(0).out


def test_a_sign_in_by_token_is_kept_for_this_account_alone_and_forgotten(
    site: Site, tmp_path: Path
) -> None:
    nobody = Terminal(site.url, tmp_path)
    assert "licensing login" in nobody("whoami").expect(3).err
    token = site.token("ada")
    signed_in = nobody("login", "--token", "-", typed=f"{token}\n").expect(0)
    assert "org-admin" in signed_in.out
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    nobody("licenses", "list", "acme").expect(0)
    # It is of this service, and of no other one.
    nobody("--url", "http://localhost:1", "whoami").expect(3)
    assert token not in signed_in.out + signed_in.err
    nobody("logout").expect(0)
    assert not kept.exists()
    nobody("whoami").expect(3)
    assert "Nobody was signed in" in nobody("logout").expect(0).err


def test_a_token_can_be_in_a_file_and_what_is_none_is_not_kept(site: Site, tmp_path: Path) -> None:
    nobody = Terminal(site.url, tmp_path / "home")
    file = tmp_path / "token"
    file.write_text(site.token("olivia"))
    assert "super-admin" in nobody("login", "--token", str(file)).expect(0).out
    nobody("logout").expect(0)
    file.write_text("a password")
    refused = nobody("login", "--token", str(file)).expect(2)
    assert "a password" not in refused.out + refused.err
    token = site.token("olivia")
    file.write_text(token[:-3] + ("BBB" if token.endswith("AAA") else "AAA"))
    nobody("login", "--token", str(file)).expect(3)
    nobody("login", "--token", str(tmp_path / "absent")).expect(2)
    assert not list((tmp_path / "home").rglob("*.json"))


def test_a_token_in_the_environment_goes_before_what_is_kept(
    site: Site, ada: Terminal, olivia: Terminal
) -> None:
    ada("login", "--token", "-", typed=ada.token).expect(0)
    assert "super-admin" in Terminal(site.url, ada.home, olivia.token)("whoami").expect(0).out
    assert "LICENSING_TOKEN" in ada("logout").expect(0).err


# -- organizations ---------------------------------------------------------------------------------


def test_organizations_are_found_as_the_api_tells_of_them(site: Site, olivia: Terminal) -> None:
    told = olivia("organizations", "list", "--search", "olt", "-o", "json").expect(0).json
    assert told == site.call("GET", "/v1/organizations?search=olt").body
    assert [one["id"] for one in told["organizations"]] == ["bolt"]
    listed = olivia("organizations", "list", "--sort", "-name", "--standing", "current").expect(0)
    assert listed.out.index("coop") < listed.out.index("bolt") < listed.out.index("acme")


def test_an_organization_is_created_and_changed_and_what_is_left_out_stays(
    site: Site, olivia: Terminal
) -> None:
    until = "2035-01-31T12:00:00Z"
    olivia(
        *("organizations", "create", "globex", "--name", "Globex"),
        *("--valid-until", until, "--max-agents", "5"),
    ).expect(0)
    changed = olivia("organizations", "update", "globex", "--status", "paused", "-o", "json").json
    assert changed["organization"]["subscription"] == {"valid_until": until, "status": "paused"}
    assert (changed["organization"]["name"], changed["organization"]["max_agents"]) == ("Globex", 5)
    assert changed == site.call("GET", "/v1/organizations/globex").body
    olivia("organizations", "update", "globex", "--max-agents", "-1").expect(0)
    shown = olivia("organizations", "show", "globex", "-o", "json").expect(0).json["organization"]
    assert (shown["max_agents"], shown["version"]) == (None, 3)
    olivia("organizations", "update", "globex").expect(2)


def test_a_version_can_be_insisted_on_and_nothing_is_registered_twice(olivia: Terminal) -> None:
    stale = olivia("organizations", "update", "coop", "--name", "Co-op", "--if-version", "7")
    assert "its version is 1" in stale.expect(4).err
    olivia("organizations", "update", "coop", "--name", "Co-op", "--if-version", "1").expect(0)
    again = ("organizations", "create", "coop", "--name", "C", "--valid-until", "2035-01-31T00:00Z")
    assert "Co-op" in olivia("organizations", "show", "coop").out
    refused = olivia(*again).expect(4).err
    assert "The organization coop exists already." in refused
    assert "licensing organizations update coop" in refused
    assert "Co-op" in olivia("organizations", "show", "coop").out


def test_an_administrator_says_what_their_organization_demands(ada: Terminal) -> None:
    told = ada("organizations", "policy", "acme", "--block-clones", "-o", "json").expect(0).json
    assert told["organization"]["policy"]["block_clones"] is True
    ada("organizations", "policy", "acme", "--no-block-clones", "--agents-per-member", "2").expect(
        0
    )
    told = ada("organizations", "policy", "acme", "--agents-per-member", "-1", "-o", "json")
    assert told.expect(0).json["organization"]["policy"] == {
        "require_device_key": False,
        "block_clones": False,
        "lock_device_keys": False,
        "agents_per_member": None,
    }
    shown = ada("organizations", "show", "acme").expect(0).out
    assert re.search(r"clones blocked +no", shown)
    ada("organizations", "policy", "acme").expect(2)
    ada("organizations", "policy", "bolt", "--block-clones").expect(4)


# -- licences --------------------------------------------------------------------------------------


def test_licenses_are_listed_and_shown_as_the_api_tells_of_them(
    site: Site, ada: Terminal, agent: str
) -> None:
    of_acme = "/v1/organizations/acme/licenses"
    told = ada("licenses", "list", "acme", "--search", "press-1", "-o", "json").expect(0).json
    assert told == site.call("GET", f"{of_acme}?search=press-1", user="ada").body
    assert [one["id"] for one in told["licenses"]] == [agent]
    one = ada("licenses", "show", agent, "--output", "json").expect(0).json
    assert one == site.call("GET", f"/v1/licenses/{agent}", user="ada").body
    in_table = re.compile(f"lease ends +{one['license']['leased_until'].replace('T', ' ')}")
    shown = ada("licenses", "show", agent).expect(0).out
    assert "PRESS-1" in shown
    assert in_table.search(shown)
    history = ada("licenses", "history", agent, "-o", "json").expect(0).json
    assert history == site.call("GET", f"/v1/licenses/{agent}/events", user="ada").body


def test_all_filters_of_the_list_are_the_apis(ada: Terminal, agent: str) -> None:
    filters = ("--status", "active", "--environment", "production", "--not-primary")
    told = ada("licenses", "list", "acme", *filters, "--sort=-last_seen", "-o", "json").expect(0)
    assert [one["id"] for one in told.json["licenses"]] == [agent]
    assert ada("licenses", "list", "acme", "--primary", "-o", "json").json["licenses"] == []
    assert "Nothing found" in ada("licenses", "list", "acme", "--status", "expired").err


def test_an_agent_is_blocked_labelled_marked_and_moved(site: Site, ada: Terminal) -> None:
    license_id = site.agent(machine("PRESS-2"))["license.id"]

    def done(*arguments: str) -> Any:
        return ada("licenses", *arguments, "-o", "json").expect(0).json["license"]

    assert done("detach", license_id, "--reason", "stolen?")["status"] == "detached"
    assert "until its lease ends" in ada("licenses", "detach", license_id).expect(0).err
    assert done("attach", license_id)["status"] == "active"
    assert done("label", license_id, "Hall 3")["label"] == "Hall 3"
    assert done("label", license_id, "")["label"] is None
    assert done("primary", license_id)["primary"] is True
    assert done("primary", license_id, "--off")["primary"] is False
    assert done("reset-device-key", license_id, "--yes")["device_key"] is None
    assert done("dissociate", license_id, "--yes")["status"] == "dissociated"
    assert done("revoke", license_id, "--yes", "--reason", "sold")["status"] == "revoked"
    history = ada("licenses", "history", license_id).expect(0).out
    assert "stolen?" in history
    assert history.index("LicenseRevoked") < history.index("LicenseDissociated")
    refused = ada("licenses", "attach", license_id).expect(4)
    assert "revoked" in refused.err


@pytest.mark.parametrize("action", ["revoke", "dissociate", "reset-device-key"])
def test_what_cannot_be_undone_is_not_done_where_nobody_can_be_asked(
    site: Site, ada: Terminal, agent: str, action: str
) -> None:
    assert "--yes" in ada("licenses", action, agent, typed="y\n").expect(2).err
    assert site.call("GET", f"/v1/licenses/{agent}")["license.status"] == "active"


def test_a_person_at_a_terminal_is_asked_whether_it_is_meant(site: Site, ada: Terminal) -> None:
    license_id = site.agent(machine("PRESS-3"))["license.id"]
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    ran = subprocess.run(
        [*PROGRAM, *patient("licenses", "revoke", license_id)],
        env=ada.whole_environment(),
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert (ran.returncode, "Continue?" in ran.stderr) == (1, True), ran
    assert site.call("GET", f"/v1/licenses/{license_id}")["license.status"] == "active"


def test_whoever_interrupts_the_question_is_told_from_whoever_says_no(
    site: Site, ada: Terminal
) -> None:
    license_id = site.agent(machine("PRESS-4"))["license.id"]
    ours, theirs = pty.openpty()
    with running(ada, "licenses", "revoke", license_id, stdin=theirs) as command:
        command.line_with(license_id)
        command.ended(signal.SIGINT, insisting=True).expect(ExitCode.INTERRUPTED)
    os.close(ours)
    os.close(theirs)
    assert site.call("GET", f"/v1/licenses/{license_id}")["license.status"] == "active"


def test_a_list_ends_at_its_limit_and_says_so(site: Site, ada: Terminal) -> None:
    made = {site.agent(machine("LINE-PC"), f"line {number}")["license.id"] for number in range(3)}
    of_it = ("licenses", "list", "acme", "--search", "LINE-PC")
    whole = ada(*of_it, "--limit", "0", "-o", "json").expect(0).json
    assert {one["id"] for one in whole["licenses"]} == made
    assert whole["next_cursor"] is None
    cut = ada(*of_it, "--limit", "2", "-o", "json").expect(0).json
    assert len(cut["licenses"]) == 2
    assert cut["next_cursor"] is not None
    assert "2 are shown" in ada(*of_it, "--limit", "2").expect(0).err
    assert "are shown" not in ada(*of_it, "--limit", "3").expect(0).err


# -- partners --------------------------------------------------------------------------------------


def test_a_temporary_key_is_shown_once_and_ended_early(site: Site, olivia: Terminal) -> None:
    generated = olivia("temporary", "generate", "bolt", "--ttl", "3h").expect(0)
    (key,) = KEY.findall(generated.out)
    listed = olivia("temporary", "list", "bolt", "-o", "json").expect(0)
    told = site.call("GET", "/v1/organizations/bolt/temporary-licenses").body
    (one,) = listed.json["licenses"]
    # Time goes by between the two.
    assert told == {**listed.json, "licenses": told["licenses"]}
    assert one | {"seconds_left": 0} == told["licenses"][0] | {"seconds_left": 0}
    assert (one["ttl"], one["status"]) == ("3h", "active")
    assert key not in listed.out
    assert re.search(r"2 h 59 min|3 h 0 min", olivia("temporary", "list", "bolt").expect(0).out)
    olivia("temporary", "revoke", one["id"]).expect(2)
    ended = olivia("temporary", "revoke", one["id"], "--yes", "-o", "json").expect(0).json
    assert ended["license"]["status"] == "revoked"


def test_a_command_whose_answer_was_lost_can_be_repeated_for_the_same_key(olivia: Terminal) -> None:
    same = ("temporary", "generate", "coop", "--ttl", "1h", "--idempotency-key", "ticket 4711")
    first, again = (olivia(*same, "-o", "json").expect(0).json for _ in range(2))
    assert again["license_key"] == first["license_key"]
    other = olivia("temporary", "generate", "coop", "--ttl", "1h", "-o", "json").expect(0).json
    assert other["license_key"] != first["license_key"]


@pytest.mark.parametrize("ttl", ["2h", "1w", "60m"])
def test_a_temporary_license_lives_for_one_of_seven_lengths(olivia: Terminal, ttl: str) -> None:
    assert "7d" in olivia("temporary", "generate", "bolt", "--ttl", ttl).expect(2).err


# -- words that are newer than the command line ----------------------------------------------------


@pytest.mark.parametrize(
    ("option", "known", "command"),
    [
        ("--status", "dissociated", ["licenses", "list", "acme"]),
        ("--sort", "-last_seen", ["licenses", "list", "acme"]),
        ("--standing", "suspended", ["organizations", "list"]),
        ("--sort", "-valid_until", ["organizations", "list"]),
        ("--status", "cancelled", ["organizations", "update", "acme"]),
        ("--ttl", "12h", ["temporary", "generate", "acme"]),
        ("--type", "MachineDrifted", ["events", "list", "--organization", "acme"]),
    ],
)
def test_a_word_that_is_not_known_here_is_the_services_to_refuse_and_it_says_which_there_are(
    olivia: Terminal, option: str, known: str, command: list[str]
) -> None:
    told = olivia("--verbose", *command, f"{option}=somethingnew").expect(2).err
    assert "400" in told
    assert f"{option}: " in told
    assert known in told


# -- machines and events ---------------------------------------------------------------------------


def test_who_holds_a_machine_is_told_with_the_licenses_on_it(
    site: Site, olivia: Terminal, agent: str
) -> None:
    this = machine("PRESS-1")
    addresses = [this["mac_addresses"][0], "f8:5e:a0:7c:22:d4"]
    named = ("--name", "PRESS-1", "--mac", addresses[0], "--mac", addresses[1])
    held = olivia("machines", "lookup", *named).expect(0).out
    assert agent in held
    told = olivia("machines", "lookup", *named, "-o", "json").expect(0).json
    sent = {"computer_name": "PRESS-1", "mac_addresses": addresses}
    assert told == site.call("POST", "/v1/machines/lookup", {"machine": sent}).body
    assert "Nobody holds" in olivia("machines", "lookup", "--machine-id", "x-1", "--name", "x").err
    olivia("machines", "lookup").expect(2)


def test_the_machine_that_it_runs_on_can_be_looked_up(olivia: Terminal, tmp_path: Path) -> None:
    this = ("--this", "--folder", str(tmp_path / "agent"))
    assert "Nobody holds" in olivia("machines", "lookup", *this).expect(0).err


def test_agents_of_all_organizations_are_searched_by_name_and_by_id(
    site: Site, olivia: Terminal, agent: str
) -> None:
    found = olivia("licenses", "search", "press-").expect(0)
    assert agent in found.out
    assert "acme" in found.out
    assert "computer name" in found.err
    told = olivia("licenses", "search", agent, "-o", "json").expect(0).json
    assert told == site.call("POST", "/v1/licenses/search", {"text": agent}).body
    assert "Nothing found" in olivia("licenses", "search", "nobody-has-this").expect(0).err


def test_refusals_of_all_organizations_are_listed(site: Site, olivia: Terminal) -> None:
    told = olivia("events", "list", "--all-organizations", "-o", "json").expect(0).json
    assert told["events"] == site.call("GET", "/v1/events?limit=100").body["events"]
    olivia("events", "list", "--all-organizations", "--organization", "acme").expect(2)


def test_events_are_told_as_the_api_tells_them(site: Site, ada: Terminal, agent: str) -> None:
    feed = ("events", "list", "--organization", "acme")
    told = ada(*feed, "--type", "LicenseIssued", "--from", "2026-01-01T00:00:00Z", "-o", "json")
    path = "/v1/organizations/acme/events?type=LicenseIssued&limit=100"
    assert told.expect(0).json["events"] == site.call("GET", path, user="ada").body["events"]
    assert ada(*feed, "--before", "2026-01-01T00:00:00Z", "-o", "json").json["events"] == []
    of_one = ada("events", "list", "--license", agent, "-o", "json").expect(0).json
    assert of_one["events"][-1]["type"] == "LicenseIssued"
    ada("events", "list").expect(2)
    ada(*feed, "--license", agent).expect(2)
    ada(*feed, "--follow", "--before", "2026-01-01T00:00:00Z").expect(2)


def test_a_day_is_its_beginning_in_utc(site: Site, olivia: Terminal, agent: str) -> None:
    feed = ("events", "list", "--license", agent, "--json")
    issued = olivia(*feed).json["events"][-1]["at"]
    day = datetime.fromisoformat(issued).date()
    after = (day + timedelta(days=1)).isoformat()
    for days, found in (((f"{day}", after), 1), ((after, "2999-01-01"), 0)):
        told = olivia(*feed, "--type", "LicenseIssued", "--from", days[0], "--before", days[1])
        assert len(told.expect(0).json["events"]) == found
    ends = site.call("GET", "/v1/organizations/bolt")["organization.subscription.valid_until"]
    ending = ("organizations", "list", "--search", "bolt", "--json")
    for option, found in (("--ends-from", 1), ("--ends-before", 0)):
        told = olivia(*ending, option, ends[:10]).expect(0)
        assert len(told.json["organizations"]) == found, option
    assert "--from: " in olivia(*feed, "--from", "2026-02-30").expect(2).err


# -- how commands end ------------------------------------------------------------------------------

ENDS: Sequence[tuple[int, str, Sequence[str]]] = [
    (0, "", ["whoami"]),
    (2, "No such command", ["licences"]),
    (2, "Missing option", ["temporary", "generate", "acme"]),
    (2, "'--max-agents'", ["organizations", "update", "acme", "--max-agents", "many"]),
    (2, "--valid-until: ", ["organizations", "update", "acme", "--valid-until", "tomorrow"]),
    (2, "--type: ", ["events", "list", "--organization", "acme", "--type", "Nothing"]),
    (2, "--from: ", ["events", "list", "--organization", "acme", "--from", "monday"]),
    (2, "--search: ", ["licenses", "list", "acme", "--search", "x" * 101]),
    (2, "--reason: ", ["licenses", "detach", "lic_0123456789abcdef", "--reason", "x" * 501]),
    (2, "--machine-id, --mac and --name: ", ["machines", "lookup", "--name", "x"]),
    (2, "'..' is not an id", ["licenses", "show", ".."]),
    (2, "'acme/licenses' is not an id", ["organizations", "show", "acme/licenses"]),
    (2, "Use it with --this", ["machines", "lookup", "--folder", "agent"]),
    (2, "Use it with --this", ["doctor", "--organization", "acme", "--folder", "agent"]),
    (2, "only over https", ["--url", "http://licensing.example", "whoami"]),
    (2, "not the address", ["whoami", "--url", "licensing.example"]),
    (2, "Which service?", ["whoami", "--url", ""]),
    (4, "There is no such license", ["licenses", "show", "lic_0123456789abcdef"]),
    (4, "There is no such organization", ["licenses", "list", "initech"]),
    (4, "There is no such route", ["--url", "{url}/v2", "whoami"]),
    (5, "cannot be reached", ["--url", "http://127.0.0.1:9", "--retries", "0", "whoami"]),
]


@pytest.mark.parametrize(("code", "said", "arguments"), ENDS, ids=lambda value: str(value)[:60])
def test_a_command_ends_with_the_code_of_what_was_wrong_and_says_it(
    site: Site, olivia: Terminal, code: int, said: str, arguments: Sequence[str]
) -> None:
    ran = olivia(*(one.format(url=site.url) for one in arguments)).expect(code)
    assert said in " ".join(ran.err.split())
    assert code == 0 or ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["organizations", "list"],
        ["temporary", "generate", "acme", "--ttl", "1h"],
        ["machines", "lookup", "--name", "a", "--machine-id", "b-1"],
        ["licenses", "search", "a"],
        ["events", "list", "--all-organizations"],
        ["organizations", "update", "acme", "--name", "Acme Ltd"],
    ],
    ids=" ".join,
)
def test_what_is_for_super_admins_is_refused_to_others(ada: Terminal, arguments: list[str]) -> None:
    ran = ada(*arguments).expect(4)
    assert "Only super-admins can " in ran.err
    assert "licensing whoami" in ran.err


def test_another_organization_is_refused_like_one_that_does_not_exist(
    site: Site, ada: Terminal
) -> None:
    foreign = site.agent(machine("BOLT-PC"), user="boris")["license.id"]
    told = ada("licenses", "show", foreign).expect(4).err
    assert told == ada("licenses", "show", "lic_0123456789abcdef").expect(4).err


def test_no_token_is_told_of_however_much_is_told(site: Site, ada: Terminal) -> None:
    ran = ada("-v", "licenses", "list", "acme", "--search", "press-1").expect(0)
    assert re.search(
        r"GET http://\S+/v1/organizations/acme/licenses\?search=press-1\S* 200", ran.err
    )
    assert ada.token not in ran.out + ran.err
    wrong = Terminal(site.url, ada.home, f"{ada.token}x")("-v", "whoami").expect(3)
    assert "401" in wrong.err
    assert ada.token not in wrong.err


def test_options_of_every_command_stand_before_its_name_or_after(olivia: Terminal) -> None:
    before = olivia("--output", "json", "organizations", "show", "acme").expect(0)
    assert before.json == olivia("organizations", "show", "acme", "--output", "json").json
    assert olivia("-o", "json", "organizations", "show", "acme", "-o", "table").out[0] != "{"
    assert olivia("--json", "organizations", "show", "acme").json == before.json
    assert olivia("organizations", "show", "acme", "--json").json == before.json
    assert olivia("--json", "organizations", "show", "acme", "-o", "table").out[0] != "{"
