"""A cell of the matrix, played with the client as it is and the real service; what is wrong in it.

Whatever happens to one part on the way, an agent works until its lease ends, keeps its license, its
key and its device key, says what the trouble is, and comes back by itself within the hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from licensing_agent import Status
from licensing_agent.lifecycle import Wait
from tests.agent.ways.cells import Cell, Duration
from tests.agent.ways.scene import HOUR, Act, Scene
from tests.agent.ways.way import ALWAYS, Sent

MOMENTS: Final = {
    Duration.ONCE: (0.0,),
    Duration.HOUR: (0.0, 900.0, 1_800.0, 3_500.0),
    Duration.GOOD: (0.0, 3 * HOUR, 9 * HOUR - 60, 9 * HOUR + 60),
}
"""Seconds after which the agent is looked at. A lease of a day has nine hours left at first."""
SUSPICIOUS: Final = frozenset({"CloneSuspected", "AgentReturned"})
SHOWN: Final = 60


@dataclass
class Played:
    """What came of a cell: the states and what was said, when it was back, and what is wrong."""

    cell: Cell
    during: list[Status] = field(default_factory=list)
    back_after: float | None = None
    befallen: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """For the table."""
        states = ", ".join(dict.fromkeys(str(one.license_state) for one in self.during))
        said = next((one.message for one in self.during if one.message), None) or "-"
        back = "never" if self.back_after is None else f"{self.back_after:.0f} s"
        cell = self.cell
        return (
            f"{cell.act:9}{cell.fault.part:38}{cell.fault.manner:34}{cell.duration:12}"
            f"{states:28}{said[:SHOWN]:{SHOWN + 2}}{back}"
        )


def played(scene: Scene, cell: Cell) -> Played:
    """Play a cell."""
    seen = Played(cell)
    agent = scene.begin()
    before = _Holding(scene, agent)
    way = scene.way
    times = 1 if cell.duration is Duration.ONCE else ALWAYS
    way.troubles(cell.fault, scene.act.path, times=times, skipped=cell.skipped)
    begin = scene.world.clock.time
    for moment in MOMENTS[cell.duration]:
        scene.world.clock.time = max(begin + moment, scene.world.clock.time)
        if moment == 1_800.0:
            agent.killed()
        status = agent.check(at_once=moment == 0)
        seen.during.append(status)
        before.looks(status, seen)
    if cell.duration is Duration.HOUR:
        scene.world.clock.time = begin + HOUR
    way.clear()
    seen.befallen = way.befallen
    asked = agent.asked_to_log_in
    seen.back_after = _back(scene, agent)
    if seen.befallen == 0:
        seen.wrong.append("nothing has been amiss")
    if seen.back_after is None:
        seen.wrong.append(f"it does not come back: {agent.engine.status()}")
    if cell.act in {Act.VALIDATE, Act.KEYS}:
        if cell.duration is not Duration.GOOD and agent.asked_to_log_in:
            seen.wrong.append("a person is asked to sign in")
        elif agent.asked_to_log_in > asked + 60:
            seen.wrong.append("a person is asked to sign in, again and again")
    seen.wrong += before.differs(scene)
    seen.wrong += _on_record(scene)
    scene.forget()
    return seen


def _back(scene: Scene, agent: Sent) -> float | None:
    """After how many seconds it is valid."""
    since = scene.world.clock.time
    while True:
        status = agent.check()
        waited = scene.world.clock.time - since
        if status.license_state == "valid":
            return waited
        step = agent.engine.step()
        assert isinstance(step, Wait)
        if waited + step.seconds > HOUR:
            return None
        scene.world.clock.advance(max(step.seconds, 1.0))


class _Holding:
    """What an agent has and keeps."""

    def __init__(self, scene: Scene, agent: Sent) -> None:
        self._scene = scene
        self._agent = agent
        self._kept = _kept(agent)
        self._key = scene.device_key()
        lease = self._kept.lease
        status = agent.engine.status()
        self._until = status.until if lease is not None else None

    def looks(self, status: Status, seen: Played) -> None:
        """Note what is wrong with how it stands."""
        seen.wrong += [f"{fault}: {_told(status)}" for fault in self._faults(status)]

    def _faults(self, status: Status) -> Iterator[str]:
        now, is_lasting = self._scene.world.clock.time, self._scene.license is not None
        has_leased = self._until is not None
        if has_leased and self._until is not None and now < self._until and not status.usable:
            yield "its lease holds, and it does not work"
        if has_leased and status.license_state == "refused":
            yield "it is refused"
        if not has_leased and status.license_state == "refused" and not self._scene.way.refused:
            if status.code != "DISSOCIATED":
                yield "it is refused by what is no service"
        if is_lasting and status.license_id != self._scene.license:
            yield "it has another license, or none"
        if has_leased and (_kept(self._agent).license is None):
            yield "its key is gone"
        elif has_leased and _kept(self._agent).license.key != self._kept.license.key:
            yield "its key is another one"
        if self._key is not None and self._scene.device_key() != self._key:
            yield "its device key is another one"
        if status.license_state != "valid" and not status.message:
            yield "it does not say what the trouble is"
        told = f"{status.message} {status.storage}"
        if "Traceback" in told:
            yield "a traceback is shown"
        if any(secret in told for secret in self._secrets()):
            yield "a secret is shown"

    def _secrets(self) -> Iterator[str]:
        kept = _kept(self._agent)
        texts = [kept.license and kept.license.key, kept.link, self._agent.signed_in, kept.asked]
        return (one for one in texts if one)

    def differs(self, scene: Scene) -> Iterator[str]:
        """What of it is another at the end."""
        kept = _kept(self._agent)
        if self._scene.license is None:
            return
        if kept.license is None or kept.license.id != self._scene.license:
            yield "in the end it has another license, or none"
        if self._key is not None and scene.device_key() != self._key:
            yield "in the end its device key is another one"


def _kept(agent: Sent) -> Any:
    return vars(agent.engine)["_state"].kept


def _told(status: Status) -> str:
    return f"{status.license_state} {status.code or ''} {status.message or ''}"


def _on_record(scene: Scene) -> Iterator[str]:
    """What the service has on record that should not be there."""
    seats = scene.world.seats("acme")
    if seats != 1:
        yield f"{seats} seats are used"
    items = scene.items()
    for kind in sorted(SUSPICIOUS & {item["type"] for item in items if "type" in item}):
        yield f"on record: {kind}"
