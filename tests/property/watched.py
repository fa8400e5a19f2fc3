"""What a model knows of agents among attackers, and what has to hold after each of their steps.

* No honest agent is stopped by who has no right to it: who lacks a genuine lease or, where one is
  bound, the device key, and is no member of its organization.
* A copy that goes on beside its original is on record when each has got a lease, and suspected
  before each has got three.
* What was overheard of an agent with a device key, and is sent again, leads where it has led, or
  nowhere, and writes nothing.
* No lease ends after ``leased_until``.
* No answer to one organization, and no feed, shows anything of another one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from licensing.domain.license import License
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.devices import Device
from tests.integration.trail import events
from tests.property.actors import OLDER, VALIDATE, Agent, Sent, Wire, granted
from tests.world import ADA, ALICE, AMIR, BEA, BORIS, NOON, YEAR, Answer, World

HOUR = 3_600
DAY = 86_400
LOOKS_EVERY = 20
"""Steps between two looks at everything that is stored."""

ADMINS = {"acme": ADA, "bolt": BEA}
COMPUTERS: Final[list[dict[str, Any]]] = [
    {
        "machine_id": f"4c4c4544-0042-3510-8052-b4c04f4e593{number}",
        "mac_addresses": [f"3c:52:82:0a:1b:2{number}"],
        "computer_name": f"pc-{number}",
    }
    for number in range(4)
]
PRIVATE = {
    "acme": {"Acme", '"alice"', '"amir"', '"ada"', '"mallory"', "203.0.113.10"},
    "bolt": {"Bolt", '"boris"', '"basil"', '"bea"', "198.51.100."},
}
"""What only one organization is to see, beside the ids and keys of its licences."""

REACHED: Counter[str] = Counter()


@dataclass
class Pair:
    """An agent and its copy, and how many leases each has got since that was made."""

    original: Agent
    copied: Agent
    since: float
    made: dict[str, int]
    last: dict[str, str] = field(default_factory=dict)


class Watched:
    """Four honest agents of two organizations, and what is known of who may stop them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _set_up(self, devices: Sequence[bool]) -> None:
        """Log the agents in; three of them may have a device key."""
        restore(self.world)
        self.world.calls.clear()
        self.world.exchanges.clear()
        self.world.work.clear()
        self.world.clock.time = NOON
        self.wire = Wire(self.world)
        self.steps = 0
        self.ends: dict[str, int] = {}
        self.is_blocked = False
        for name in ADMINS:
            self.world.register(name)
            self.ends[name] = NOON + YEAR
        keys = [Device() if one else None for one in devices]
        self.agents = [
            Agent(self.wire, "a", ALICE, COMPUTERS[0], "203.0.113.101", device=keys[0]),
            Agent(self.wire, "b", AMIR, COMPUTERS[0], "203.0.113.102", "staging", device=keys[1]),
            Agent(self.wire, "c", BORIS, COMPUTERS[1], "198.51.100.1", device=keys[2]),
            Agent(self.wire, "d", ALICE, COMPUTERS[2], "203.0.113.103", version=OLDER),
        ]
        self.exposed: dict[str, set[str]] = {}
        self.pairs: list[Pair] = []
        for agent in self.agents:
            answer = agent.logs_in(with_key=False)
            assert answer.status == 201, answer
            self._granted(answer)

    # -- what is checked ---------------------------------------------------------------------------

    def end(self) -> None:
        """Let each honest agent ask once more."""
        for agent in self.agents:
            self._hears(agent, agent.asks(), is_heard=True)
        self._look()

    def _reach(self, name: str) -> None:
        REACHED[name] += 1
        self.steps += 1
        if self.steps % LOOKS_EVERY == 0:
            self._look()

    def _hears(self, agent: Agent, answer: Answer, *, is_heard: bool) -> None:
        """An honest agent has been answered: it works, or somebody has a right to stop it."""
        self._counts(agent, answer, is_heard=is_heard)
        other = {"acme": "bolt", "bolt": "acme"}[agent.organization_id]
        self._shows_nothing(answer, other)
        word = word_of(answer)
        REACHED[f"honest: {word}"] += 1
        if word == "VALID":
            return
        ended = self.world.clock() >= self.ends[agent.organization_id]
        if ended and word in {"EXPIRED", "subscription_ended"}:
            return
        organization = self.world.runtime.store.organization(agent.organization_id)
        assert organization is not None
        if (
            organization.policy.require_device_key
            and agent.device is None
            and word in {"PROOF_REQUIRED", "proof_required"}
        ):
            return
        # Restored to before its first lease, it has the key alone (R37).
        if (
            organization.policy.block_clones
            and agent.device is None
            and agent.folder.lease is None
            and word == "PROOF_REQUIRED"
        ):
            return
        reasons = self.exposed.get(str(agent.folder.license_id), set())
        assert reasons, f"{agent.name} is stopped by nobody who may: {word} {answer.text}"
        REACHED[f"stopped by {sorted(reasons)}"] += 1

    def _counts(self, agent: Agent, answer: Answer, *, is_heard: bool) -> None:
        claims = self._granted(answer)
        if claims is None or not is_heard or "jti" not in claims:
            return
        for pair in self.pairs:
            if agent.name not in pair.made:
                continue
            if pair.last.get(agent.name) == claims["jti"]:
                continue
            pair.last[agent.name] = claims["jti"]
            pair.made[agent.name] += 1
            least = min(pair.made.values())
            if least >= 1:
                kinds = self._on_record(str(agent.folder.license_id), pair.since)
                assert kinds, f"{pair.made} and nothing on record"
                assert least <= 2 or "CloneSuspected" in kinds, f"{pair.made}, no clone suspected"
                REACHED[f"copied: {least} {'CloneSuspected' in kinds}"] += 1

    def _on_record(self, license_id: str, since: float) -> set[str]:
        return {
            event["type"]
            for event in events(self.world)
            if event["type"] in {"CloneSuspected", "AgentReturned"}
            and event["pk"] == f"LICENSE#{license_id}"
            and max(event["at"], event.get("last_at", 0)) >= int(since)
        }

    def _granted(self, answer: Answer) -> Mapping[str, Any] | None:
        """The lease in an answer, whose end is on record."""
        assert answer.status < 500, answer
        self.is_blocked = self.is_blocked or word_of(answer) in {"DETACHED", "agent_blocked"}
        claims = granted(answer)
        if claims is not None:
            record = self._record(claims["sub"])
            until = self.world.runtime.lease_terms.leased_until(record)
            assert until >= claims["exp"], f"granted beyond {until}: {claims}"
        return claims

    def _repeats(
        self, one: Sent, answer: Answer, before: License | None, after: License | None
    ) -> None:
        """What was overheard and is sent again leads where it has led, or nowhere."""
        first, now = one.granted, granted(answer)
        if first is None or "jti" not in first:
            return
        assert before is not None
        assert after is not None
        same = now is not None and all(now.get(one) == first[one] for one in ("jti", "iat"))
        if before.device_key is None:
            # Nothing tells it from an agent that was restored: whoever listens has all it has.
            REACHED[f"replayed without a device key: {'the same' if same else 'another'}"] += 1
        elif now is None:
            assert before == after, "refused, and written"
            REACHED["replayed: refused"] += 1
        else:
            assert same, f"another lease: {first} {now}"
            assert now["exp"] <= first["exp"]
            assert before == after, f"written: {before} {after}"
            REACHED["replayed: the same"] += 1

    def _leads_on(self, before: License | None, after: License | None) -> None:
        """What was overheard has led on: the agent's next question may look like a copy's."""
        if before is None or after is None or before.chain == after.chain:
            return
        # Without a device key, who listens has all that the agent has.
        if before.device_key is None:
            self._expose(before.id, "replayed")

    def _shows_nothing(self, answer: Answer, *organizations: str) -> None:
        text = answer.text
        if word_of(answer) == "machine_registered_to_other_organization":
            text = text.replace("Acme", "").replace("Bolt", "")
        for name in organizations:
            # Signatures are random text, in which a word may stand by chance.
            shown = [
                one for one in self._private(name) if re.search(rf"(?<!\w){one}(?![a-z])", text)
            ]
            assert not shown, f"{name} shows: {shown} in {answer.text}"

    def _private(self, name: str) -> set[str]:
        own = [agent.folder for agent in self.agents if agent.organization_id == name]
        known = {str(one) for folder in own for one in (folder.key, folder.license_id) if one}
        return PRIVATE[name] | known

    def _look(self) -> None:
        """What is stored holds together, and what organizations see is their own."""
        assert_consistent(self.world.items())
        for name, person in ADMINS.items():
            (other,) = ADMINS.keys() - {name}
            feed = self.world.request("GET", f"/v1/organizations/{name}/events", person=person)
            assert feed.status == 200
            self._shows_nothing(feed, other)

    # -- within ------------------------------------------------------------------------------------

    def _record(self, id: str) -> License:
        record = self.world.runtime.store.license(id)
        assert record is not None
        return record

    def _exposes(self, thief: Agent, how: str) -> None:
        """Somebody has a genuine lease of a licence, and its device key if that is bound to one."""
        id = str(thief.folder.license_id)
        bound = self._record(id).device_key
        if bound is None or (thief.device and thief.device.thumbprint == bound):
            self._expose(id, how)

    def _expose(self, id: str, how: str) -> None:
        self.exposed.setdefault(id, set()).add(how)

    def _heard(self) -> list[Sent]:
        """What honest agents have sent, and may be sent again: a person's token lasts an hour."""
        names = {agent.name for agent in self.agents}
        return [
            one
            for one in self.wire.sent
            if one.by in names and (one.path == VALIDATE or self.world.clock() < one.at + HOUR)
        ]

    def _agent(self, one: Sent) -> Agent:
        (agent,) = (agent for agent in self.agents if agent.name == one.by)
        return agent

    def _license_of(self, one: Sent) -> License | None:
        id = self._agent(one).folder.license_id
        return replace(self._record(id), last_seen=None) if id else None


def word_of(answer: Answer) -> str:
    """The code of an answer."""
    if answer.status in {200, 201}:
        return str(answer.json.get("code", "VALID"))
    return str((answer.json or {}).get("code", "no answer"))
