"""The client as a process of its own, against the running stack, through an agent's life."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from licensing_agent.machine import identity
from licensing_agent.protocol.lease import public_keys
from licensing_agent.storage.encrypted_file import EncryptedFile, Kind
from tests.agent.installed import FOLDER, installed
from tests.agent.process import ISSUER, ROOT, Agent, System, UnexpectedStandingError
from tests.agent.relay import Relay
from tests.local import pasted, stack
from tests.local.client import Client
from tests.local.identity import PASSWORD
from tests.local.stack import Stack
from tests.unit.samples import DAY

pytestmark = pytest.mark.sampled(2)

README = FOLDER / "README.md"
FRONT_PAGE = ROOT / "README.md"
HOUR = 3600


@dataclass(frozen=True)
class Site:
    """A machine with an agent on it, and the service, with a cable between them."""

    service: Client
    up: Stack
    relay: Relay
    system: System

    @property
    def folder(self) -> Path:
        """Where the agent runs."""
        return self.system.folder

    def token(self, user: str, client_id: str) -> str:
        """A person signs in, with a client."""
        answer = self.service.log_in(client_id, user, PASSWORD).expect(200)
        token: str = answer["AuthenticationResult.IdToken"]
        return token

    def sign_in(self, user: str | None) -> None:
        """A person signs in at the agent, or walks away."""
        self.system.sign_in(self.token(user, self.up.agent_client_id) if user else None)

    def agent(self, package: Path | None = None) -> Agent:
        """The agent starts, with the client of today or with another one."""
        return self.system.agent(self.relay.url, package or ROOT / "shared")

    def pass_time(self, seconds: int) -> None:
        """At the service first, so that the agent never is ahead of it."""
        self.service.call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)
        self.system.pass_time(seconds)

    def licenses(self) -> list[dict[str, Any]]:
        """Acme's, as its administrator sees them."""
        answer = self.service.call(
            "GET",
            "/v1/organizations/acme/licenses",
            token=self.token("ada", self.up.operator_client_id),
        ).expect(200)
        listed: list[dict[str, Any]] = answer.body["licenses"]
        return listed

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Acme's feed, of one type."""
        answer = self.service.call(
            "GET",
            f"/v1/organizations/acme/events?type={kind}",
            token=self.token("ada", self.up.operator_client_id),
        ).expect(200)
        listed: list[dict[str, Any]] = answer.body["events"]
        return listed

    def change(self, action: str, license_id: str) -> None:
        """An administrator does something about a licence."""
        self.service.call(
            "POST",
            f"/v1/licenses/{license_id}/{action}",
            {},
            token=self.token("ada", self.up.operator_client_id),
        ).expect(200)


@contextmanager
def a_site(folder: Path) -> Iterator[Site]:
    with (
        stack.running() as up,
        closing(Client(up.url)) as service,
        Relay(up.url) as relay,
    ):
        pasted.seed(service, up.operator_client_id)
        yield Site(service, up, relay, System(folder))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path) as made:
        yield made


def test_an_agent_stays_licensed_through_its_life(site: Site) -> None:
    # A person logs in, once.
    site.sign_in("alice")
    with site.agent() as agent:
        first = agent.next("valid", usable=True)
        site.sign_in(None)
        agent.end(signal.SIGKILL)
    license_id = first["license"]
    # It starts anew, without anybody: killed or not, it is licensed.
    with site.agent() as agent:
        agent.next("valid", license=license_id)
        # Started once more beside itself, it is not taken for a copy of its machine.
        with pytest.raises(UnexpectedStandingError, match="FolderInUse"), site.agent() as twice:
            twice.line()
        # An outage shorter than the lease, through which the next one falls due.
        site.relay.cut()
        site.pass_time(16 * HOUR)
        grace = agent.next("grace", usable=True)
        assert grace["until"] is not None
        site.relay.mend()
        site.pass_time(HOUR)
        renewed = agent.next("valid")
        assert renewed["until"] > grace["until"] + 10 * HOUR
        # An outage longer than the lease.
        site.relay.cut()
        site.pass_time(16 * HOUR)
        agent.next("grace", usable=True)
        site.pass_time(10 * HOUR)
        agent.next("unreachable", usable=False, code=None)
        site.relay.mend()
        site.pass_time(HOUR)
        agent.next("valid", license=license_id)
        assert agent.has_no_more_to_tell()
    assert [one["id"] for one in site.licenses()] == [license_id]
    assert site.events("CloneSuspected") == []


def test_an_agent_starts_during_an_outage_on_the_lease_that_it_has(site: Site) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        valid = agent.next("valid")
        agent.end(signal.SIGKILL)
    site.relay.cut()
    with site.agent() as agent:
        agent.next("grace", usable=True, until=valid["until"])
        agent.end(signal.SIGKILL)
    # Its clock is set back, as the whole machine is off for two days.
    site.pass_time(2 * DAY)
    right = site.system.clock
    site.system.set_clock(right - 32 * DAY)
    site.relay.mend()
    with site.agent() as agent:
        agent.next("valid", usable=True)
        agent.end(signal.SIGKILL)
    site.relay.cut()
    site.system.set_clock(right)
    with site.agent() as agent:
        agent.next("unreachable", usable=False)
    assert site.events("CloneSuspected") == []


def test_an_agent_does_what_the_service_says(site: Site) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        first = agent.next("valid")
        site.sign_in(None)
        # Blocked, it stops, and keeps its key: when the block is lifted it goes on by itself.
        site.change("detach", first["license"])
        site.pass_time(16 * HOUR)
        agent.next("refused", usable=False, code="DETACHED", action="logout", until=None)
        site.change("attach", first["license"])
        site.pass_time(HOUR)
        agent.next("valid", license=first["license"])
        # Revoked, it stops at its next renewal, offline too, until a person logs in again.
        site.change("revoke", first["license"])
        site.pass_time(16 * HOUR)
        agent.next("refused", usable=False, code="REVOKED", action="login")
        agent.end(signal.SIGTERM)
    site.relay.cut()
    with site.agent() as agent:
        site.sign_in("amir")
        site.relay.mend()
        site.pass_time(HOUR)
        again = agent.next("valid")
        assert again["license"] != first["license"]
    assert site.events("CloneSuspected") == []


def test_an_agent_whose_state_was_tampered_with_logs_in_again_for_the_same_license(
    site: Site,
) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        agent.next("valid")
        agent.end(signal.SIGKILL)
    site.sign_in(None)
    kept = site.folder / "state" / "license"
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data)
    with site.agent() as agent:
        site.sign_in("alice")
        site.pass_time(HOUR)
        agent.next("valid")
    assert len(site.licenses()) == 1
    assert site.events("CloneSuspected") == []


def stolen(site: Site, mode: str) -> str:
    """What a thief is told who has taken the agent's key, and spoofs its machine."""
    ran = subprocess.run(
        [
            sys.executable,
            ROOT / "tests" / "agent" / "thief.py",
            site.service.url,
            site.folder / "state",
            mode,
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"},
        check=True,
        capture_output=True,
        text=True,
    )
    return ran.stdout.strip()


def test_a_stolen_key_with_spoofed_credentials_is_worth_nothing(site: Site) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        valid = agent.next("valid")
        assert stolen(site, "without") == "PROOF_REQUIRED"
        assert stolen(site, "own") == "PROOF_INVALID"
        # The true agent goes on, and so does its organization's record of it.
        site.pass_time(16 * HOUR)
        agent.renewed(valid["until"])
    reasons = {event["reason"] for event in site.events("AccessRefused")}
    assert reasons == {"proof_required", "proof_invalid"}
    assert site.events("CloneSuspected") == []


def test_a_lost_device_key_is_replaced_by_an_administrator_who_logs_in(site: Site) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        first = agent.next("valid")
        agent.end(signal.SIGKILL)
    site.sign_in(None)
    (site.folder / "state" / "device-key").unlink()
    with site.agent() as agent:
        site.pass_time(16 * HOUR)
        agent.next("grace")
        site.sign_in("ada")
        site.pass_time(HOUR)
        agent.next("valid", license=first["license"])
    (event,) = site.events("DeviceKeyChanged")
    assert event["before"]["device_key"] != event["after"]["device_key"]


@contextmanager
def cloned(site: Site) -> Iterator[tuple[System, Agent]]:
    """The agent's whole folder, and device key, on a machine that says the same of itself."""
    folder = site.folder / "clone"
    shutil.copytree(site.folder / "state", folder / "state")
    system = System(folder)
    system.set_clock(site.system.clock)
    with Relay(site.service.url, "127.0.0.2") as relay, system.agent(relay.url) as agent:
        yield system, agent


def test_a_clone_is_found_by_the_second_renewal_of_each_and_told_with_both_addresses(
    site: Site,
) -> None:
    site.sign_in("alice")
    with site.agent() as agent:
        until = agent.next("valid")["until"]
        site.sign_in(None)
        with cloned(site) as (elsewhere, clone):
            clones = clone.next("valid")["until"]
            for _ in range(2):
                site.pass_time(16 * HOUR)
                until = agent.renewed(until)
                elsewhere.pass_time(16 * HOUR)
                clones = clone.renewed(clones)
    addresses = {
        event[name]
        for event in site.events("CloneSuspected")
        for name in ("source_address", "other_address")
    }
    assert addresses == {"127.0.0.1", "127.0.0.2"}


def test_where_the_organization_wants_it_a_cloned_agent_is_blocked(site: Site) -> None:
    site.service.call(
        "PATCH",
        "/v1/organizations/acme",
        {"block_clones": True},
        token=site.token("ada", site.up.operator_client_id),
    ).expect(200)
    site.sign_in("alice")
    with site.agent() as agent:
        valid = agent.next("valid")
        site.sign_in(None)
        with cloned(site) as (elsewhere, clone):
            clone.next("valid")
            site.pass_time(16 * HOUR)
            agent.renewed(valid["until"])
            elsewhere.pass_time(16 * HOUR)
            clone.renewed(valid["until"])  # taken for a lost answer of the first one's
            site.pass_time(16 * HOUR)
            agent.next("refused", code="DETACHED", action="logout")
            elsewhere.pass_time(16 * HOUR)
            clone.next("refused", code="DETACHED", action="logout")
        # Once somebody has removed the clone, the agent goes on with a chain of its own.
        site.change("attach", valid["license"])
        site.pass_time(HOUR)
        agent.next("valid")
    assert len(site.events("CloneSuspected")) == 1


def keep_as_the_first_version(site: Site) -> int:
    """What an agent has on its disk that never had a device key and never presented a lease.

    Until when its lease is.
    """
    folder = site.folder / "state"
    this = identity.read(folder=folder, computer_name="AGENT-1")
    sent = {
        "machine": {
            "machine_id": this.machine_id,
            "mac_addresses": list(this.credentials().mac_addresses),
            "computer_name": this.computer_name,
        },
        "environment": "production",
    }
    token = site.token("alice", site.up.agent_client_id)
    issued = site.service.call("POST", "/v1/licenses", sent, token=token).expect(201)
    asked = {**sent, "license_key": issued["license_key"], "organization_id": "acme", "nonce": "n"}
    answer = site.service.call("POST", "/v1/licenses/validate", asked).expect(200, code="VALID")
    clock = site.system.clock
    old = {
        "version": 1,
        "license": {
            "key": issued["license_key"],
            "id": issued["license.id"],
            "organization_id": "acme",
            "save_configuration": True,
        },
        "lease": {
            "token": answer["lease.token"],
            "nonce": "n",
            "credentials": asdict(this.credentials()),
            "time": {"service": clock, "wall": clock, "mark": clock + 300},
        },
        "keys": public_keys(site.service.call("GET", "/.well-known/jwks.json").body),
    }
    kind = Kind(b"licensing_agent: the licence at rest")
    file = EncryptedFile(folder / "license", this.secret, None, kind)
    assert file.write(json.dumps(old).encode()) is None
    return int(datetime.fromisoformat(answer["lease.expires_at"]).timestamp())


def test_what_an_agent_of_the_first_version_has_kept_is_taken_over(site: Site) -> None:
    until = keep_as_the_first_version(site)
    site.relay.cut()
    with site.agent() as agent:
        agent.next("grace", until=until)
        site.relay.mend()
        site.pass_time(HOUR)
        until = agent.next("valid")["until"]
        for _ in range(3):
            site.pass_time(16 * HOUR)
            until = agent.renewed(until)
    (license,) = site.licenses()
    assert license["device_key"] is None
    assert site.events("CloneSuspected") == []


@pytest.mark.parametrize("page", [README, FRONT_PAGE], ids=["client", "front"])
def test_the_dozen_lines_of_a_page_log_in_and_stay_licensed(site: Site, page: Path) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len([line for line in lines.splitlines() if line.strip()]) <= 16
    with Agent(
        [installed(site.folder / "environment"), "-c", lines],
        site.folder,
        LICENSING_URL=site.relay.url,
        LICENSING_ISSUER=ISSUER,
        AGENT_FOLDER="state",
        ID_TOKEN=site.token("alice", site.up.agent_client_id),
    ) as agent:
        told = agent.line()
        assert "LicenseState.VALID" in told
        assert "usable" not in told
    assert len(site.licenses()) == 1
