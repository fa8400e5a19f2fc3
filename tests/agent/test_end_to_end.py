"""The client as a process of its own, against the running stack, through an agent's life."""

import re
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.agent.installed import FOLDER, installed
from tests.agent.process import ISSUER, Agent, Surroundings
from tests.agent.relay import Relay
from tests.local import pasted, stack
from tests.local.client import Client
from tests.local.identity import PASSWORD
from tests.unit.samples import DAY

README = FOLDER / "README.md"
HOUR = 3600


@dataclass(frozen=True)
class Site:
    """A machine with an agent on it, and the service, with a cable between them."""

    service: Client
    client_id: str
    relay: Relay
    surroundings: Surroundings

    @property
    def folder(self) -> Path:
        """Where the agent runs."""
        return self.surroundings.folder

    def token(self, user: str) -> str:
        """A person signs in."""
        answer = self.service.log_in(self.client_id, user, PASSWORD).expect(200)
        token: str = answer["AuthenticationResult.IdToken"]
        return token

    def sign_in(self, user: str | None) -> None:
        """A person signs in at the agent, or walks away."""
        self.surroundings.sign_in(self.token(user) if user else None)

    def agent(self) -> Agent:
        """The agent starts."""
        return self.surroundings.agent(self.relay.url)

    def pass_time(self, seconds: int) -> None:
        """At the service first, so that the agent never is ahead of it."""
        self.service.call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)
        self.surroundings.pass_time(seconds)

    def licenses(self) -> list[dict[str, Any]]:
        """Acme's, as its administrator sees them."""
        answer = self.service.call(
            "GET", "/v1/organizations/acme/licenses", token=self.token("ada")
        ).expect(200)
        listed: list[dict[str, Any]] = answer.body["licenses"]
        return listed

    def change(self, action: str, license_id: str) -> None:
        """An administrator does something about a licence."""
        self.service.call(
            "POST", f"/v1/licenses/{license_id}/{action}", {}, token=self.token("ada")
        ).expect(200)


@contextmanager
def a_site(folder: Path) -> Iterator[Site]:
    with (
        stack.running() as up,
        closing(Client(up.url)) as service,
        Relay(up.url) as relay,
    ):
        pasted.seed(service, up.client_id)
        yield Site(service, up.client_id, relay, Surroundings(folder))


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
    right = site.surroundings.clock
    site.surroundings.set_clock(right - 32 * DAY)
    site.relay.mend()
    with site.agent() as agent:
        agent.next("valid", usable=True)
        agent.end(signal.SIGKILL)
    site.relay.cut()
    site.surroundings.set_clock(right)
    with site.agent() as agent:
        agent.next("unreachable", usable=False)


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
        site.pass_time(HOUR)
        site.sign_in("alice")
        agent.next("valid")
    assert len(site.licenses()) == 1


def test_the_ten_lines_of_the_readme_log_in_and_stay_licensed(site: Site) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in lines.splitlines() if line.strip()]) <= 16
    with Agent(
        [installed(site.folder / "environment"), "-c", lines],
        site.folder,
        LICENSING_URL=site.relay.url,
        LICENSING_ISSUER=ISSUER,
        AGENT_FOLDER="state",
        ID_TOKEN=site.token("alice"),
    ) as agent:
        told = agent.line()
        assert "Standing.VALID" in told
        assert "usable" not in told
    assert len(site.licenses()) == 1
