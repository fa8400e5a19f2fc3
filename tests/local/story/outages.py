"""An agent as a process of its own, with the client that vendors build in, through outages."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.agent.process import Agent, System, UnexpectedStandingError
from tests.agent.relay import Relay
from tests.local.story.teller import People, Teller

_HOUR = 3600
_DAY = 24 * _HOUR


def tell(teller: Teller, people: People, url: str) -> None:
    """Tell the chapter; `url` is the service's."""
    teller.chapter("An agent through outages")
    with TemporaryDirectory() as folder, Relay(url) as relay:
        system = System(Path(folder))
        teller.step("Another agent starts, as a process of its own. Alice logs in, and goes home.")
        system.sign_in(people.token("alice", on_agent=True))
        with system.agent(relay.url) as agent:
            site = _Site(teller, relay, system, agent)
            license_id = site.is_told("valid", usable=True)["license"]
            system.sign_in(None)
            _short_outage(teller, site)
            _long_outage(teller, site, license_id)
            _revoked(teller, site, license_id)


class _Site:
    """The agent's machine, and the cable between it and the service."""

    def __init__(self, teller: Teller, relay: Relay, system: System, agent: Agent) -> None:
        self._teller = teller
        self.relay = relay
        self._system = system
        self._agent = agent

    def pass_time(self, seconds: int) -> None:
        """At the service first, so that the agent never is ahead of it."""
        self._teller.call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)
        self._system.pass_time(seconds)

    def is_told(self, license_state: str, **fields: Any) -> dict[str, Any]:
        """What the agent tells next, of its own accord."""
        return self._show(self._agent.next(license_state, **fields))

    def is_asked(self, license_state: str, **fields: Any) -> dict[str, Any]:
        """What the agent tells when it is asked."""
        return self._show(self._agent.asked(license_state, **fields))

    def _show(self, told: dict[str, Any]) -> dict[str, Any]:
        words = [told["license_state"]]
        if told["until"] is not None:
            words.append(f"until {datetime.fromtimestamp(told['until'], UTC):%Y-%m-%d %H:%M:%S}")
        words += filter(None, [told["code"]])
        self._teller.field("the agent", ", ".join(words))
        return told


def _short_outage(teller: Teller, site: _Site) -> None:
    teller.step("The cable to the service is cut. The agent cannot renew, and works on its lease.")
    site.relay.cut()
    site.pass_time(16 * _HOUR)
    grace = site.is_told("grace", usable=True)

    teller.step("The cable is repaired. Within the hour the agent has its next lease.")
    site.relay.mend()
    site.pass_time(_HOUR)
    renewed = site.is_told("valid", usable=True)
    if renewed["until"] < grace["until"] + 17 * _HOUR:
        raise UnexpectedStandingError(f"the lease is not a new one where it tells {renewed}")


def _long_outage(teller: Teller, site: _Site, license_id: str) -> None:
    teller.step("An outage longer than the lease. One second before its end, the agent works.")
    site.relay.cut()
    site.pass_time(16 * _HOUR)
    site.is_told("grace", usable=True)
    site.pass_time(_DAY - 16 * _HOUR - 1)
    grace = site.is_asked("grace", usable=True)

    teller.step("At the end of the lease, to the second, it stops.")
    site.pass_time(1)
    site.is_told("unreachable", usable=False, until=grace["until"], code=None)

    teller.step("The service is back. The agent goes on with its key, without any person.")
    site.relay.mend()
    site.pass_time(_HOUR)
    site.is_told("valid", usable=True, license=license_id)


def _revoked(teller: Teller, site: _Site, license_id: str) -> None:
    teller.step("Ada revokes its licence. At the next renewal the agent is refused, and stops.")
    answer = teller.act("ada", "POST", f"/v1/licenses/{license_id}/revoke", {})
    teller.show(answer.expect(200, **{"license.status": "revoked"}), "license.status")
    site.pass_time(16 * _HOUR)
    site.is_told("refused", usable=False, until=None, code="REVOKED")
