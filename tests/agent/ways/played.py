"""A cell of the matrix, played with the client as it is and the real service; what is wrong in it.

Whatever becomes of one part on the way, an agent works until its lease ends, keeps its license, its
key and its device key, says what the trouble is, and comes back by itself within the hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from licensing_agent import Status
from licensing_agent.lifecycle import Wait
from tests.agent.ways.cells import Cell, Duration
from tests.agent.ways.memory import SUSPECTED
from tests.agent.ways.scene import HOUR, Act, Scene
from tests.agent.ways.way import ALWAYS, Sent
from tests.world import AGENTS, ALICE

LEFT: Final = 9 * HOUR
"""Seconds that the lease has left when an act begins that needs one."""
KILLED: Final = HOUR // 2
"""When the process is killed and started again, if something is amiss for an hour."""
MOMENTS: Final = {
    Duration.ONCE: (0,),
    Duration.HOUR: (0, KILLED),
    Duration.GOOD: (0, LEFT - 60, LEFT + 60),
}
"""Seconds after which the agent is looked at."""
SHOWN: Final = 60
"""How many letters of what it says are shown."""


@dataclass
class Played:
    """What came of a cell.

    ``wrong`` is what is not as it should be. ``lost`` is what would not even be right where a
    request means something else by now, and a person has to help.
    """

    cell: Cell
    during: list[Status] = field(default_factory=list)
    back_after: float | None = None
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def is_without_effect(self) -> bool:
        """Whether nobody has noticed that anything was amiss."""
        return not self.wrong and all(one.license_state == "valid" for one in self.during)

    @property
    def row(self) -> str:
        """For the table."""
        states = ", ".join(dict.fromkeys(str(one.license_state) for one in self.during))
        said = next((one.message for one in self.during if one.message), None) or "-"
        back = "by a person" if self.back_after is None else f"{self.back_after:.0f} s"
        cell, second = self.cell, " (second)" if self.cell.skipped else ""
        return (
            f"{cell.act:9} {cell.fault.part + second:42} {cell.fault.manner:33} "
            f"{cell.duration:11} {states:24} {said[:SHOWN]:{SHOWN}} {back}"
        )

    def finds(self, fault: str) -> None:
        """Note what is wrong, once."""
        if fault not in self.wrong:
            self.wrong.append(fault)


def played_row(scene: Scene, row: Sequence[Cell]) -> Iterator[Played]:
    """Play the cells of a fault; what has no effect for good has none for less."""
    for cell in row:
        seen = played(scene, cell)
        yield seen
        if cell.duration is Duration.GOOD and seen.is_without_effect:
            return


def played(scene: Scene, cell: Cell) -> Played:
    """Play a cell."""
    seen, agent = Played(cell), scene.begin()
    has = _Has(scene, agent)
    _goes_through(scene, seen, has)
    seen.back_after = _back(scene, agent)
    if seen.back_after is None:
        seen.finds(f"it is not back within the hour: {_told(agent.engine.status())}")
        agent.signed_in = ALICE.token(AGENTS)
        if _back(scene, agent) is None:
            seen.lost.append("it is not back within another hour, in which a person signs in")
    if has.leased and cell.duration is not Duration.GOOD and agent.asked_to_log_in:
        seen.finds("a person is asked to sign in")
    seen.lost += has.given_up()
    if scene.record.seats != 1:
        seen.lost.append(f"{scene.record.seats} seats are used")
    on_record = [f"on record: {kind}" for kind in scene.record.suspicions]
    seen.lost += [one for one in on_record if SUSPECTED in one]
    for fault in (*seen.lost, *on_record):
        seen.finds(fault)
    return seen


def _goes_through(scene: Scene, seen: Played, has: _Has) -> None:
    """Let something be amiss, and look at the agent."""
    cell, way, clock = seen.cell, scene.way, scene.world.clock
    times = 1 if cell.duration is Duration.ONCE else ALWAYS
    way.troubles(cell.fault, scene.act.path, times=times, skipped=cell.skipped)
    begin = clock.time
    for moment in MOMENTS[cell.duration]:
        clock.time = begin + moment
        if moment == KILLED:
            scene.agent.killed()
        seen.during.append(scene.agent.check(at_once=moment == 0))
        for fault in has.faults(seen.during[-1]):
            seen.finds(fault)
    if cell.duration is Duration.HOUR:
        clock.time = begin + HOUR
    if not way.befallen:
        seen.finds("nothing has been amiss")
    scene.mend()


def _back(scene: Scene, agent: Sent) -> float | None:
    """After how many seconds it is valid, within an hour."""
    since = scene.world.clock.time
    while True:
        status = agent.check()
        waited = scene.world.clock.time - since
        if status.license_state == "valid":
            return waited
        step = agent.engine.step()
        assert isinstance(step, Wait)
        if waited + step.seconds > HOUR:
            scene.world.clock.time = since + HOUR
            return None
        scene.world.clock.advance(max(step.seconds, 1.0))


class _Has:
    """What an agent has when something begins to be amiss."""

    def __init__(self, scene: Scene, agent: Sent) -> None:
        self._scene = scene
        self._agent = agent
        self._kept = _kept(agent)
        self._device_key = scene.device_key()
        self.leased = scene.act.has_lease
        self._ends = scene.world.clock.time + LEFT

    def faults(self, status: Status) -> Iterator[str]:
        """What is wrong with how it stands."""
        holds = self.leased and self._scene.world.clock.time < self._ends
        if status.license_state == "refused" and self._is_refused(status):
            pass
        elif holds and not status.usable:
            yield f"its lease holds, and it does not work: {_told(status)}"
        elif self.leased and not (status.usable or status.license_state == "unreachable"):
            yield f"its lease is over, and it is not out of reach: {_told(status)}"
        elif status.license_state == "refused":
            yield f"it is refused, not by the service: {_told(status)}"
        if status.license_state != "valid" and not status.message:
            yield "it does not say what the trouble is"
        told = f"{status.message} {status.storage}"
        if "Traceback" in told or any(secret in told for secret in self._secrets()):
            yield f"it shows what nobody should see: {told}"
        if self.leased and self._agent.asked_to_log_in and holds:
            yield "a person is asked to sign in"
        yield from self.given_up()

    def given_up(self) -> Iterator[str]:
        """What it does not have any more."""
        kept, had = _kept(self._agent).license, self._kept.license
        if had is not None and (kept is None or kept.id != had.id):
            yield "its license is given up"
        elif had is not None and kept.key != had.key:
            yield "its key is another one"
        if self._scene.device_key() != self._device_key:
            yield "its device key is another one"

    def _is_refused(self, status: Status) -> bool:
        """Whether the service has said so of what it was asked for, or before it was."""
        if self._scene.act is Act.PAUSED and status.code == "SUSPENDED":
            return True
        is_asked_for = not self._scene.act.has_lease or self._scene.act is Act.PAUSED
        return is_asked_for and (self._scene.way.refused > 0 or status.code == "DISSOCIATED")

    def _secrets(self) -> Iterator[str]:
        kept = _kept(self._agent)
        key = kept.license.key if kept.license else None
        return (one for one in (key, kept.link, kept.asked, self._agent.signed_in) if one)


def _kept(agent: Sent) -> Any:
    return vars(agent.engine)["_state"].kept


def _told(status: Status) -> str:
    said = (status.license_state, status.code, status.message)
    return " ".join(str(one) for one in said if one)
