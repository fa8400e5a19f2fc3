"""Agents among attackers: whatever those do at random, rules that nobody should break hold.

Honest agents of two organizations go about their work, on AWS's own engine: they ask, lose answers,
are restored from a backup once, are switched off, are logged in on. Beside them act thieves of a
key, of a key and a lease, of a whole folder; a squatter from the other organization; a member of
the same one with a device key of their own; somebody on the way who repeats, holds back and alters
requests. A model knows who is who.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from licensing.domain.license import State
from tests.devices import Device
from tests.property.actors import LOGIN, NEWER, OLDER, VALIDATE, Agent, Folder, read
from tests.property.watched import ADMINS, DAY, HOUR, REACHED, Pair, Watched, word_of
from tests.world import YEAR, Person, World

MALLORY = Person("mallory", "acme")
BASIL = Person("basil", "bolt")
who = st.sampled_from([0, 0, 0, 1, 2, 3])
numbers = st.integers(0, 30)
rarely = st.sampled_from([False, False, False, True])
spans = st.sampled_from([60, HOUR, 6 * HOUR, 12 * HOUR, 13 * HOUR, DAY, 3 * DAY, 8 * DAY])
FORGED = "eyJhbGciOiJFZDI1NTE5In0.e30.AAAA"


class Among(Watched):
    """Agents among attackers."""

    @initialize(
        devices=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        blocks=st.booleans(),
        requires=rarely,
    )
    def begin(self, devices: tuple[bool, bool, bool], *, blocks: bool, requires: bool) -> None:
        """Two organizations with four agents; what the first of them decides."""
        self._set_up(devices)
        self.backups: dict[str, Folder] = {}
        self.restored: set[str] = set()
        self.stolen: list[tuple[Agent, str]] = []
        self.hostile: list[Agent] = []
        if blocks or requires:
            self.decides("acme", blocks=blocks, requires=requires)

    # -- agents ------------------------------------------------------------------------------------

    @rule(number=who, is_heard=st.sampled_from([True, True, True, False]))
    def asks(self, number: int, *, is_heard: bool) -> None:
        agent = self.agents[number]
        self._hears(agent, agent.asks(is_heard=is_heard), is_heard=is_heard)
        self._reach("asks")

    @rule(number=who, is_heard=st.sampled_from([True, True, True, False]))
    def logs_in(self, number: int, *, is_heard: bool) -> None:
        agent = self.agents[number]
        self._hears(agent, agent.logs_in(is_heard=is_heard), is_heard=is_heard)
        self._reach("logs in")

    @rule(number=who)
    def backs_up(self, number: int) -> None:
        agent = self.agents[number]
        self.backups.setdefault(agent.name, agent.folder)
        self._reach("backs up")

    @precondition(lambda self: self.backups)
    @rule(number=numbers)
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

    @rule(seconds=spans)
    def passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        self._reach("time")

    # -- thieves -----------------------------------------------------------------------------------

    @precondition(lambda self: len(self.pairs) < 2)
    @rule(number=who, with_device=st.booleans())
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
    @rule(number=numbers, is_heard=st.sampled_from([True, True, True, False]))
    def copy_asks(self, number: int, *, is_heard: bool) -> None:
        copied = self.pairs[number % len(self.pairs)].copied
        self._exposes(copied, "copied")
        self._counts(copied, copied.asks(is_heard=is_heard), is_heard=is_heard)
        self._reach("copy asks")

    @rule(number=who)
    def lease_is_stolen(self, number: int) -> None:
        agent = self.agents[number]
        if agent.folder.lease is not None:
            self.stolen.append((replace(agent, device=None), agent.folder.lease))
            self._reach("lease is stolen")

    @precondition(lambda self: self.stolen)
    @rule(number=numbers, own=st.booleans())
    def lease_thief_asks(self, number: int, *, own: bool) -> None:
        victim, lease = self.stolen[number % len(self.stolen)]
        thief = replace(victim, address="192.0.2.3", name="thief", device=Device() if own else None)
        self._exposes(thief, "lease")
        self._granted(thief.validate(lease, thief.nonce()))
        self._reach("lease thief asks")

    @rule(
        number=who,
        lease=st.sampled_from([None, None, FORGED, "another's"]),
        version=st.sampled_from([NEWER, NEWER, OLDER]),
        environment=st.sampled_from([None, "production", "staging"]),
        organization=st.sampled_from(["acme", "acme", "bolt"]),
        own=rarely,
    )
    def key_thief_asks(
        self,
        number: int,
        lease: str | None,
        version: str,
        environment: str | None,
        organization: str,
        *,
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
            environment=environment,
            device=Device() if own else None,
        )
        if victim.folder.key is None:
            return
        answer = thief.validate(lease, thief.nonce(), {"organization_id": organization})
        if organization != victim.organization_id and version == NEWER:
            self._shows_nothing(answer, "acme", "bolt")
        self._granted(answer)
        self._reach("key thief asks")

    @rule(
        number=who,
        environment=st.sampled_from(["production", "staging", "other"]),
        version=st.sampled_from([NEWER, OLDER]),
        with_key=rarely,
        own=st.booleans(),
        lease=st.booleans(),
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
        number=who,
        is_elsewhere=rarely,
        own=st.booleans(),
        with_key=rarely,
        version=st.sampled_from([NEWER, NEWER, OLDER]),
    )
    def member_logs_in(
        self, number: int, version: str, *, is_elsewhere: bool, own: bool, with_key: bool
    ) -> None:
        """A member of the same organization, with what the machine is known by."""
        victim = self.agents[number]
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
    @rule(number=numbers)
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

    @rule(number=who, at_login=rarely)
    def is_held_back(self, number: int, *, at_login: bool) -> None:
        """What the agent sends now may arrive later."""
        agent = self.agents[number]
        with self.wire.holding():
            agent.logs_in() if at_login else agent.asks()
        self._reach("is held back")

    @rule(number=numbers, is_last=st.booleans())
    def is_replayed(self, number: int, *, is_last: bool) -> None:
        heard = self._heard()
        if not heard:
            return
        one = heard[-1 - number % (3 if is_last else len(heard)) % len(heard)]
        before = self._license_of(one)
        is_proved = any(name == "dpop" for name, _ in one.headers)
        if one.path == LOGIN and not is_proved:
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
        number=numbers,
        what=st.sampled_from(["lease", "another's lease", "nonce", "machine", "component"]),
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
        match what:
            case "lease":
                said.pop("lease", None)
            case "another's lease":
                said["lease"] = other.folder.lease
            case "nonce":
                said["nonce"] = f"altered {self.steps}".replace(" ", "-")
            case "machine":
                said["machine"] = other.machine
            case "component":
                said["machine"] = {**said["machine"], "computer_name": "pc-altered"}
        has_proof = any(name == "dpop" for name, _ in one.headers)
        if what in {"nonce", "component"} and not has_proof and said.get("lease"):
            self._exposes(replace(agent, device=None), "altered")
        before = self._license_of(one)
        answer = self.wire.again(one, json.dumps(said).encode())
        self._granted(answer)
        if has_proof and before is not None and before.device_key is not None:
            assert word_of(answer) != "VALID", f"altered, and answered: {answer.text}"
            assert before == self._license_of(one), "altered, refused, and written"
        self._reach("is altered")

    # -- administrators ----------------------------------------------------------------------------

    @rule(name=st.sampled_from(["acme", "acme", "bolt"]), blocks=st.booleans(), requires=rarely)
    def decides(self, name: str, *, blocks: bool, requires: bool) -> None:
        answer = self.world.request(
            "PATCH",
            f"/v1/organizations/{name}",
            person=ADMINS[name],
            json={"block_clones": blocks, "require_device_key": requires},
        )
        assert answer.status == 200, answer
        self._reach("decides")

    @rule(name=st.sampled_from(["acme", "bolt"]), seconds=st.sampled_from([HOUR, 10 * HOUR, YEAR]))
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


def run(
    world: World,
    examples: int,
    steps: int,
    seed: int,
    kind: type[Among] = Among,
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
) -> None:
    """Play so many examples of so many steps."""
    machine = hypothesis.seed(seed)(type("Among", (kind,), {"world": world}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
