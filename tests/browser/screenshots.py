"""Pictures of the portal: `python -m tests.browser.screenshots` writes them beside this module.

The service runs in this process, three weeks are told to it by its clock and its API, and then the
portal is looked at in a browser whose clock is the service's.
"""

import logging
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
from playwright.sync_api import Page, expect

from tests.browser.chromium import launched
from tests.browser.looks import DARK, DESKTOP, Look
from tests.browser.portal import Portal
from tests.local import pasted, stack
from tests.local.client import Answer, Client
from tests.setup.needs import NotHereError

FOLDER = Path(__file__).with_name("screenshots")
LOG = Path(".cache/screenshots.log")
PHONE = Look("phone", width=360, height=740, touch=True)
LARGEST = 150_000  # bytes

HOUR = 3600
DAY = 24 * HOUR
QUIET_DAYS = 14  # in each of them, some agents log in
BUSY_DAYS = 7  # in each of their hours, agents validate
NOON = 12

# Id, name, days until the end, status, seats.
ORGANIZATIONS: list[tuple[str, str, int, str, int | None]] = [
    ("acme", "Acme", 71, "active", 40),
    ("bolt", "Bolt", 300, "active", None),
    ("coop", "Coop", 118, "active", 12),
    ("deichwerk", "Deichwerk", 26, "active", 25),
    ("kuestenwerft", "Küstenwerft Nord", 44, "active", 80),
    ("lindqvist", "Lindqvist Castings", 402, "active", None),
    ("moreau", "Moreau Logistics", 58, "paused", 30),
    ("nakamura", "Nakamura Precision", 95, "active", 60),
    ("okafor", "Okafor Power Systems", 14, "active", 20),
    ("petrel", "Petrel Instruments", 58, "active", 10),
    ("rossi", "Rossi Meccanica", 211, "active", 15),
    ("weaver", "Weaver and Daughters", 88, "active", 8),
]
PLACES = ["FACTORY-PC", "OFFICE-LAPTOP", "PLANNING-PC", "PORT-TERMINAL", "TEST-RIG", "WAREHOUSE"]
VERSIONS = ["4.5.0.0", "4.5.1.2", "4.6.0.0", "4.6.0.0"]


@dataclass(frozen=True)
class Installed:
    """An agent, and what it is."""

    id: str
    key: str
    organization_id: str
    environment: str
    machine: dict[str, Any]
    version: str


@dataclass
class Telling:
    """Tells the service what has happened, always the same."""

    portal: Portal
    chance: random.Random = field(default_factory=lambda: random.Random(6))  # noqa: S311 - a story
    agents: list[Installed] = field(default_factory=list)
    ended: list[Installed] = field(default_factory=list)

    def tell(self) -> None:
        """Three weeks."""
        self._organizations()
        for day in range(QUIET_DAYS):
            for _ in range(2):
                self.install(self.chance.choice(["alice", "amir"]))
            if day % 4 == 0:
                self.install("boris")
                self.install("cora")
            if day == QUIET_DAYS // 2:
                self._lapse()
            if day == QUIET_DAYS - 4:
                self._partner()
            self.pass_time(DAY)
        self._administration()
        for hour in range(BUSY_DAYS * 24):
            self._hour((self.now().hour, hour // 24))
            self.pass_time(HOUR)

    def now(self) -> datetime:
        """By the service's clock."""
        answer = self.portal.client.call("GET", "/_local").expect(200)
        return datetime.fromtimestamp(answer["now"], UTC)

    def pass_time(self, seconds: float) -> None:
        """Put the service's clock forward."""
        call = self.portal.client.call
        call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)

    def install(self, user: str) -> None:
        """An agent logs in for the first time."""
        place = self.chance.choice(PLACES)
        machine = {
            "machine_id": str(UUID(int=self.chance.getrandbits(128), version=4)),
            "mac_addresses": [],
            "computer_name": f"{place}-{len(self.agents) + 1:02}",
        }
        environment = "staging" if len(self.agents) % 3 == 2 else "production"
        version = self.chance.choice(VERSIONS)
        body = {"machine": machine, "environment": environment, "agent_version": version}
        answer = self.portal.call("POST", "/v1/licenses", body, user=user).expect(201)
        self.agents.append(
            Installed(
                answer["license.id"],
                answer["license_key"],
                answer["license.organization_id"],
                environment,
                machine,
                version,
            )
        )

    def validate(self, agent: Installed, machine: dict[str, Any] | None = None) -> None:
        """An agent asks whether it may go on; on another machine, it may not."""
        body = {
            "license_key": agent.key,
            "organization_id": agent.organization_id,
            "environment": agent.environment,
            "machine": machine or agent.machine,
            "agent_version": agent.version,
        }
        self.portal.client.call("POST", "/v1/licenses/validate", body).expect(200)

    def of_acme(self) -> list[Installed]:
        """Acme's agents, in the order in which they came."""
        return [agent for agent in self.agents if agent.organization_id == "acme"]

    def _organizations(self) -> None:
        for id_, name, days, status, seats in ORGANIZATIONS:
            end = self.now() + timedelta(days=days + QUIET_DAYS + BUSY_DAYS)
            wanted = {
                "name": name,
                "valid_until": f"{end:%Y-%m-%dT%H}:00:00Z",
                "status": status,
                "max_agents": seats,
            }
            if id_ in {"acme", "bolt", "coop"}:
                self.portal.change_organization(id_, **wanted)
            else:
                path = f"/v1/organizations/{id_}"
                self.portal.call("PUT", path, wanted, user="olivia").expect(201)

    def _lapse(self) -> None:
        """Acme does not pay in time, and for a day its agents are refused."""
        self.portal.change_organization("acme", status="paused")
        for agent in self.of_acme()[:5]:
            self.validate(agent)
        self.pass_time(DAY)
        self.portal.change_organization("acme", status="active")

    def _partner(self) -> None:
        """A partner has been in for an hour, and another key was not needed."""
        for ttl in ("1h", "6h"):
            answer = self.generate(ttl)
            if ttl == "1h":
                body = {
                    "license_key": answer["license_key"],
                    "machine": self.of_acme()[0].machine,
                    "environment": "production",
                    "agent_version": "4.6.0.0",
                }
                self.portal.call("POST", "/v1/licenses", body, user="pavel").expect(200)

    def generate(self, ttl: str) -> Answer:
        """A temporary licence of Acme."""
        path = "/v1/organizations/acme/temporary-licenses"
        once = {"Idempotency-Key": str(uuid4())}
        return self.portal.call("POST", path, {"ttl": ttl}, user="olivia", **once).expect(201)

    def _administration(self) -> None:
        """Ada has been at work."""
        acme = self.of_acme()
        staging = [agent for agent in acme if agent.environment == "staging"]
        for agent, action, reason in (
            (staging[3], "detach", "Amir is on leave."),
            (staging[5], "detach", "Asked for by the works council."),
            (staging[4], "dissociate", "The computer is replaced."),
            (staging[1], "revoke", "Scrapped."),
            (acme[12], "dissociate", "Sold."),
            (acme[15], "revoke", "Stolen."),
        ):
            path = f"/v1/licenses/{agent.id}/{action}"
            self.portal.call("POST", path, {"reason": reason}).expect(200)
            if action != "detach":
                self.ended.append(agent)
        for agent, label in ((staging[0], "Press line 1"), (acme[4], "Gate"), (staging[6], None)):
            changes = {"primary": True} | ({"label": label} if label else {})
            self.portal.call("PATCH", f"/v1/licenses/{agent.id}", changes).expect(200)

    def _hour(self, at: tuple[int, int]) -> None:
        """More agents are at work by day than by night, and fewer on two days of the seven."""
        hour, day = at
        share = max(0.06, 0.85 - 0.13 * abs(hour - NOON)) * (0.3 if day in {2, 3} else 1)
        for agent in self.agents:
            if agent not in self.ended and self.chance.random() < share:
                self.validate(agent)
        if hour % 5 == 0:
            self.validate(self.chance.choice(self.ended))
        if hour % 9 == 0:
            here, there = self.of_acme()[:2]
            self.validate(here, there.machine)


Act = Callable[[Page], None]


def main() -> int:
    """Write all pictures; the exit status is 0 when that went well."""
    say = partial(print, file=sys.stdout, flush=True)
    FOLDER.mkdir(exist_ok=True)
    with _told() as telling:
        acme = telling.of_acme()
        telling.generate("3d")
        agents = "/organizations/acme/agents"
        staging = f"{agents}?environment=staging"
        pictures: list[tuple[str, Look, str, str, Act]] = [
            ("organizations", DESKTOP, "olivia", "/organizations", _look),
            ("overview", DESKTOP, "ada", "/organizations/acme", _look),
            ("charts", DESKTOP, "ada", "/organizations/acme", _bottom),
            ("overview-dark", DARK, "ada", "/organizations/acme", _look),
            ("agents", DESKTOP, "ada", staging, _look),
            ("agents-phone", PHONE, "ada", staging, _bottom),
            ("agent-dialog", DESKTOP, "ada", f"{agents}/{acme[2].id}?do=dissociate", _look),
            ("temporary", DESKTOP, "olivia", "/organizations/acme/temporary", _generate),
        ]
        try:
            with launched() as browser:
                for name, look, user, place, act in pictures:
                    context = browser.new_context(**look.context)
                    page = context.new_page()
                    page.clock.set_fixed_time(telling.now())
                    telling.portal.visit(page, user, place)
                    act(page)
                    size = len(page.screenshot(path=FOLDER / f"{name}.png"))
                    context.close()
                    say(f"{FOLDER / name}.png: {size} bytes")
                    if size > LARGEST:
                        say(f"That is more than {LARGEST}.", file=sys.stderr)
                        return 1
        except NotHereError as error:
            say(error, file=sys.stderr)
            return 1
    return 0


@contextmanager
def _told() -> Iterator[Telling]:
    """A service that has been up for three weeks. What its functions log goes to a file."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    os.environ.pop("DYNAMODB_ENDPOINT", None)
    with (
        LOG.open("w", encoding="utf-8") as log,
        redirect_stdout(log),
        stack.running() as up,
        closing(Client(up.url)) as client,
    ):
        logging.basicConfig(stream=log, level=logging.INFO, force=True)
        pasted.seed(client, up.operator_client_id)
        table = os.environ["TABLE_NAME"]
        telling = Telling(Portal(up.url, client, boto3.client("dynamodb"), table))
        telling.tell()
        yield telling


def _look(page: Page) -> None:
    """Wait until everything is there."""
    expect(page.locator(".loaded > *").first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)


def _bottom(page: Page) -> None:
    _look(page)
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")


def _generate(page: Page) -> None:
    page.get_by_label("3 hours", exact=True).check()
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_label("License key")).to_be_visible()
    expect(page.locator("#announcements p")).to_have_count(0, timeout=20_000)  # it goes by itself
    _look(page)


if __name__ == "__main__":
    sys.exit(main())
