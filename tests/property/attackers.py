"""Agents among attackers: whatever those do at random, rules that nobody should break hold.

Honest agents of two organizations go about their work, on AWS's own engine: they ask, lose answers,
are restored from a backup once, are switched off, are logged in on. Beside them act thieves of a
key, of a key and a lease, of a whole folder; a squatter from the other organization; a member of
the same one with a device key of their own; somebody on the way who repeats, holds back and alters
requests. A model knows who is who.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

from licensing.domain.license import State
from tests.devices import Device
from tests.property.actors import LOGIN, NEWER, OLDER, VALIDATE, Agent, Folder, read
from tests.property.playing import Player, precondition, rule
from tests.property.watched import ADMINS, DAY, HOUR, REACHED, Pair, Watched, word_of
from tests.world import YEAR, Person

MALLORY = Person("mallory", "acme")
BASIL = Person("basil", "bolt")
BOTH = [False, True]
WHO = [0, 0, 0, 1, 2, 3]
NUMBERS = range(31)
RARELY = [False, False, False, True]
SPANS = [60, HOUR, 6 * HOUR, 12 * HOUR, 13 * HOUR, DAY, 3 * DAY, 8 * DAY]
OTHERS = {"acme": "bolt", "bolt": "acme"}
FORGED = "eyJhbGciOiJFZDI1NTE5In0.e30.AAAA"


class Among(Watched, Player):
    """Agents among attackers."""

    @rule(
        devices=[*product(BOTH, repeat=3)],
        blocks=BOTH,
        requires=RARELY,
        are_weak=BOTH,
    )
    def begin(
        self, devices: tuple[bool, bool, bool], *, blocks: bool, requires: bool, are_weak: bool
    ) -> None:
        """Two organizations with four agents; what the first of them decides.

        Attackers who `are_weak` have nothing by which they may stop an agent.
        """
        self._set_up(devices)
        self.are_weak = are_weak
        self.backups: dict[str, Folder] = {}
        self.restored: set[str] = set()
        self.stolen: list[tuple[Agent, str]] = []
        self.hostile: list[Agent] = []
        if blocks or requires:
            self.decides("acme", blocks=blocks, requires=requires)

    # -- agents ------------------------------------------------------------------------------------

    @rule(weight=6, number=WHO, is_heard=[True, True, True, False])
    def asks(self, number: int, *, is_heard: bool) -> None:
        agent = self.agents[number]
        if agent.folder.asked_at_login is not None and agent.folder.license_id is not None:
            self._expose(agent.folder.license_id, "two questions")
        self._hears(agent, agent.asks(is_heard=is_heard), is_heard=is_heard)
        self._reach("asks")

    @rule(number=WHO, is_heard=[True, True, True, False])
    def logs_in(self, number: int, *, is_heard: bool) -> None:
        agent = self.agents[number]
        if agent.folder.asked is not None and agent.folder.license_id is not None:
            # Two questions at a time lead two ways, and the one that is left behind is a fork.
            self._expose(agent.folder.license_id, "two questions")
        self._hears(agent, agent.logs_in(is_heard=is_heard), is_heard=is_heard)
        self._reach("logs in")

    @rule(number=WHO)
    def backs_up(self, number: int) -> None:
        agent = self.agents[number]
        self.backups.setdefault(agent.name, agent.folder)
        self._reach("backs up")

    @precondition(lambda self: self.backups)
    @rule(number=NUMBERS)
    def is_restored(self, number: int) -> None:
        """Once each: who restores a machine again and again is as two."""
        left = [one for one in self.agents if one.name in self.backups.keys() - self.restored]
        if left:
            agent = left[number % len(left)]
            agent.folder = self.backups[agent.name]
            self.restored.add(agent.name)
            self._reach("is restored")

    @rule()
    def is_updated(self) -> None:
        """From 4.3: it takes part in the chain from now on."""
        self.agents[3].version = NEWER
        self._reach("is updated")

    @rule(weight=4, seconds=SPANS)
    def passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        self._reach("time")

    # -- thieves -----------------------------------------------------------------------------------

    @precondition(lambda self: len(self.pairs) < 2 and not self.are_weak)
    @rule(number=WHO, with_device=BOTH)
    def is_copied(self, number: int, *, with_device: bool) -> None:
        agent = self.agents[number]
        if agent.is_older or not agent.folder.key:
            return
        name = f"{agent.name}{len(self.pairs)}"
        copied = agent.copy(name, "192.0.2.66", with_device=with_device)
        begin = 0 if agent.folder.asked == agent.folder.asked_at_login is None else -1
        made = {agent.name: begin, copied.name: begin}
        kept = read(agent.folder.lease or "").get("jti", "")
        last = dict.fromkeys(made, kept)
        self.pairs.append(Pair(agent, copied, self.world.clock(), made, last))
        self._reach("is copied")

    @precondition(lambda self: self.pairs)
    @rule(weight=3, number=NUMBERS, is_heard=[True, True, True, False])
    def copy_asks(self, number: int, *, is_heard: bool) -> None:
        copied = self.pairs[number % len(self.pairs)].copied
        self._exposes(copied, "copied")
        self._counts(copied, copied.asks(is_heard=is_heard), is_heard=is_heard)
        self._reach("copy asks")

    @rule(number=WHO)
    def lease_is_stolen(self, number: int) -> None:
        agent = self.agents[number]
        if agent.folder.lease is not None:
            self.stolen.append((replace(agent, device=None), agent.folder.lease))
            self._reach("lease is stolen")

    @precondition(lambda self: self.stolen and not self.are_weak)
    @rule(number=NUMBERS, own=BOTH)
    def lease_thief_asks(self, number: int, *, own: bool) -> None:
        victim, lease = self.stolen[number % len(self.stolen)]
        thief = replace(victim, address="192.0.2.3", name="thief", device=Device() if own else None)
        self._exposes(thief, "lease")
        self._granted(thief.validate(lease, thief.nonce()))
        self._reach("lease thief asks")

    @rule(
        weight=2,
        number=WHO,
        lease=[None, None, FORGED, "another's"],
        version=[NEWER, NEWER, OLDER],
        is_elsewhere=RARELY,
        is_misled=RARELY,
        own=RARELY,
    )
    def key_thief_asks(
        self,
        number: int,
        lease: str | None,
        version: str,
        *,
        is_elsewhere: bool,
        is_misled: bool,
        own: bool,
    ) -> None:
        """With the key, and what is known of the machine, but no lease."""
        victim = self.agents[number]
        if lease == "another's":
            lease = self.agents[(number + 1) % 4].folder.lease
        thief = replace(
            victim,
            address="192.0.2.4",
            name="key-thief",
            version=version,
            environment="elsewhere" if is_elsewhere else victim.environment,
            device=Device() if own else None,
        )
        claimed = OTHERS[victim.organization_id] if is_misled else victim.organization_id
        answer = thief.validate(lease, thief.nonce(), {"organization_id": claimed})
        if is_misled and version == NEWER:
            self._shows_nothing(answer, "acme", "bolt")
        self._granted(answer)
        self._reach("key thief asks")

    @rule(
        number=WHO,
        environment=["production", "staging", "other"],
        version=[NEWER, OLDER],
        with_key=RARELY,
        own=BOTH,
        lease=BOTH,
    )
    def squats(
        self,
        number: int,
        environment: str,
        version: str,
        *,
        with_key: bool,
        own: bool,
        lease: bool,
    ) -> None:
        """Somebody of the other organization, with what the victim's machine is known by."""
        victim = self.agents[number]
        person = BASIL if victim.organization_id == "acme" else MALLORY
        squatter = Agent(
            self.wire,
            "squatter",
            person,
            victim.machine,
            # Where a stolen key is used is for its own organization to see.
            "192.0.2.5"
            if with_key
            else {"bolt": "198.51.100.9", "acme": "203.0.113.109"}[str(person.organization_id)],
            environment,
            version,
            Device() if own else None,
            replace(victim.folder, asked=None, asked_at_login=None),
        )
        answer = squatter.login(
            victim.folder.lease if lease else None,
            squatter.nonce(),
            victim.folder.key if with_key else None,
        )
        self._granted(answer)
        self._shows_nothing(answer, victim.organization_id)
        REACHED[f"squats: {word_of(answer)}"] += 1
        self._reach("squats")

    @rule(
        number=WHO,
        is_elsewhere=RARELY,
        own=BOTH,
        with_key=RARELY,
        version=[NEWER, NEWER, OLDER],
    )
    def member_logs_in(
        self, number: int, version: str, *, is_elsewhere: bool, own: bool, with_key: bool
    ) -> None:
        """A member of the same organization, with what the machine is known by."""
        victim = self.agents[number]
        is_elsewhere = is_elsewhere or self.are_weak
        member = Agent(
            self.wire,
            f"member{len(self.hostile)}",
            {"acme": MALLORY, "bolt": BASIL}[victim.organization_id],
            victim.machine,
            {"bolt": "198.51.100.8", "acme": "203.0.113.108"}[victim.organization_id],
            "evil" if is_elsewhere else victim.environment,
            version,
            Device() if own else None,
            Folder(key=victim.folder.key) if with_key and not is_elsewhere else Folder(),
        )
        answer = member.logs_in()
        self._granted(answer)
        if answer.status in {200, 201}:
            self.hostile = [*self.hostile[-2:], member]
            id = answer.json["license"]["id"]
            for agent in self.agents:
                if agent.folder.license_id == id:
                    # A key that waits takes nothing away.
                    record = self._record(id)
                    if (
                        record.pending_key is None
                        or not member.device
                        or (record.pending_key != member.device.thumbprint)
                    ):
                        self._expose(id, "member")
        REACHED[f"member: {word_of(answer)}"] += 1
        self._reach("member logs in")

    @precondition(lambda self: self.hostile)
    @rule(number=NUMBERS)
    def member_asks(self, number: int) -> None:
        member = self.hostile[number % len(self.hostile)]
        answer = member.asks()
        self._granted(answer)
        id = str(member.folder.license_id)
        record = self._record(id)
        if member.device and record.device_key == member.device.thumbprint:
            self._expose(id, "member's key")
        self._reach("member asks")

    # -- on the way --------------------------------------------------------------------------------

    @rule(number=WHO, at_login=RARELY)
    def is_held_back(self, number: int, *, at_login: bool) -> None:
        """What the agent sends now may arrive later."""
        agent = self.agents[number]
        with self.wire.holding():
            agent.logs_in() if at_login else agent.asks()
        self._reach("is held back")

    @rule(weight=3, number=NUMBERS, is_last=BOTH)
    def is_replayed(self, number: int, *, is_last: bool) -> None:
        heard = self._heard()
        if not heard:
            return
        one = heard[-1 - number % (3 if is_last else len(heard)) % len(heard)]
        if self.are_weak and not one.is_proved:
            return
        before = self._license_of(one)
        if one.path == LOGIN and not one.is_proved:
            # Whoever has a person's token logs in as that person.
            self._exposes(replace(self._agent(one), device=None), "token")
            self._granted(self.wire.again(one))
            return
        answer = self.wire.again(one)
        self._granted(answer)
        after = self._license_of(one)
        if one.path == LOGIN and before and after and before.chain != after.chain:
            self._expose(before.id, "late login")
        self._repeats(one, answer, before, after)
        self._leads_on(before, after)
        self._reach("is replayed")

    @rule(
        weight=2,
        number=NUMBERS,
        what=["lease", "another's lease", "nonce", "machine", "component"],
    )
    def is_altered(self, number: int, what: str) -> None:
        heard = [one for one in self._heard() if one.path == VALIDATE]
        if not heard:
            return
        one = heard[-1 - number % min(len(heard), 5)]
        said = json.loads(one.body)
        if "license_key" not in said:
            return
        agent = self._agent(one)
        other = self.agents[2 if agent.organization_id == "acme" else 0]
        _alter(said, what, other, nonce=f"altered-{self.steps}")
        if what in {"nonce", "component"} and not one.is_proved and said.get("lease"):
            if self.are_weak:
                return
            self._exposes(replace(agent, device=None), "altered")
        before = self._license_of(one)
        answer = self.wire.again(one, json.dumps(said).encode())
        self._granted(answer)
        if one.is_proved and before is not None and before.device_key is not None:
            assert word_of(answer) != "VALID", f"altered, and answered: {answer.text}"
            assert before == self._license_of(one), "altered, refused, and written"
        self._reach("is altered")

    # -- administrators ----------------------------------------------------------------------------

    @rule(name=["acme", "acme", "bolt"], blocks=BOTH, requires=RARELY)
    def decides(self, name: str, *, blocks: bool, requires: bool) -> None:
        answer = self.world.request(
            "PATCH",
            f"/v1/organizations/{name}",
            person=ADMINS[name],
            json={"block_clones": blocks, "require_device_key": requires},
        )
        assert answer.status == 200, answer
        self._reach("decides")

    @rule(name=["acme", "bolt"], seconds=[HOUR, 10 * HOUR, YEAR])
    def subscribes(self, name: str, seconds: int) -> None:
        self.world.change(name, seconds=seconds)
        self.ends[name] = int(self.world.clock()) + seconds
        self._reach("subscribes")

    @precondition(lambda self: self.is_blocked)
    @rule()
    def are_attached(self) -> None:
        """Administrators lift every block."""
        for agent in self.agents:
            id = str(agent.folder.license_id)
            if self._record(id).state is State.DETACHED:
                answer = self.world.act("attach", id, ADMINS[agent.organization_id])
                assert answer.status == 200, answer
                self.pairs = [pair for pair in self.pairs if pair.original.folder.license_id != id]
        self.is_blocked = False
        self._reach("are attached")


def _alter(said: dict[str, Any], what: str, other: Agent, *, nonce: str) -> None:
    """Put something else into a question."""
    match what:
        case "lease":
            said.pop("lease", None)
        case "another's lease":
            said["lease"] = other.folder.lease
        case "nonce":
            said["nonce"] = nonce
        case "machine":
            said["machine"] = other.machine
        case _:
            said["machine"] = {**said["machine"], "computer_name": "pc-altered"}
