"""Where a cell of the matrix begins: a service, an agent about to ask, and what both have kept.

A scene is built once. Before each cell, the table, the agent's disk and the clock are put back.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from licensing.adapters import telemetry
from licensing_agent import Configuration
from licensing_agent.storage import folder_lock
from tests.agent.in_process import HOST
from tests.agent.process import ISSUER
from tests.agent.unit.test_machine import adapter, tree
from tests.agent.ways.memory import Memory, Record
from tests.agent.ways.parts import Delivery, Exchange, Fault
from tests.agent.ways.way import RememberedWay, Sent, TroubledWay
from tests.world import AGENTS, ALICE, BORIS, Person, World, new_world, rotate_secret

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
LATER: Final = 15 * HOUR
"""Seconds after which a lease of a day is renewed."""


class Act(StrEnum):
    """What an agent is about to do, and which requests that is about."""

    LOGIN = "login"
    """A person logs in on a new machine."""
    RETURN = "return"
    """A person logs in on a machine whose licence has been dissociated."""
    VALIDATE = "validate"
    """A lease is renewed while it holds."""
    KEYS = "keys"
    """The key is fetched that has signed the next lease, while the last one holds."""
    BARE = "bare"
    """A lease is renewed while it holds, by an agent that proves no device key."""
    OVER = "over"
    """A lease is asked for once the last one is over: the service wants another proof first."""
    PAUSED = "paused"
    """A lease is asked for while the subscription is paused; afterwards it is not any more."""

    @property
    def has_lease(self) -> bool:
        """Whether the agent has a lease that holds."""
        return self in {Act.VALIDATE, Act.KEYS, Act.BARE, Act.PAUSED}

    @property
    def logs_in(self) -> bool:
        """Whether a person is there, who logs in."""
        return self in {Act.LOGIN, Act.RETURN}

    @property
    def path(self) -> str:
        """Of the requests that something befalls."""
        return PATHS[self]


PATHS: Final[Mapping[Act, str]] = {
    Act.LOGIN: "/v1/licenses",
    Act.RETURN: "/v1/licenses",
    Act.VALIDATE: "/v1/licenses/validate",
    Act.KEYS: "/.well-known/jwks.json",
    Act.BARE: "/v1/licenses/validate",
    Act.OVER: "/v1/licenses/validate",
    Act.PAUSED: "/v1/licenses/validate",
}


class Scene:
    """The scene of an act.

    ``before`` is what the agent has asked and been told until then, ``elsewhere`` what another one
    has, of another organization; ``own`` is how the act goes where nothing is amiss.
    """

    def __init__(self, act: Act, world: World, place: Path) -> None:
        self.act = act
        self.world = world
        self._drawn, self._drawn_by_service = count(), count(1_000_000)
        self._place = place
        world.register("acme")
        world.register("bolt")
        self.elsewhere = self._of_another()
        self.way = TroubledWay(world)
        self.agent = self._agent(self.way, "acme", ALICE, 1)
        self._comes_to_act()
        self.before = list(self.way.exchanges)
        self.license = self._kept.license.id if self._kept.license else None
        self.close()
        self._files = self._read()
        self._memory = Memory(world, "acme")
        self.begin()
        status = self.agent.check(at_once=True)
        assert status.license_state == ("refused" if act is Act.PAUSED else "valid"), status
        self.own = [one for one in self.way.exchanges if one.request.target == act.path]

    def begin(self) -> Sent:
        """Everything is as it was, and the agent's process starts."""
        self.close()
        self._memory.begin()
        self._drawn = count()
        for file in self.folder.iterdir():
            if file.name not in {*self._files, folder_lock.NAME}:
                file.unlink()
        for name, content in self._files.items():
            (self.folder / name).write_bytes(content)
        self.way = RememberedWay(self.world, memory=self._memory)
        self.agent = self._agent(self.way, "acme", ALICE, 1)
        if not self.act.logs_in:
            self.agent.signed_in = None
        return self.agent

    def mend(self) -> None:
        """Nothing is amiss any more, and the subscription is good."""
        self.way.clear()
        if self.act is Act.PAUSED:
            self._memory.done("acme is resumed", self._subscribe)

    @property
    def record(self) -> Record:
        """What the service has on record."""
        return self._memory.record

    def draw(self, length: int | None = None) -> str:
        """In the place of chance: what the agent draws is the same in each cell."""
        drawn = self._drawn if not self._memory.is_at_work else self._drawn_by_service
        text = hashlib.sha256(f"{next(drawn)}".encode()).hexdigest()
        return text[: (length or 32) * 4 // 3]

    def close(self) -> None:
        """The agent ends as it is."""
        vars(self.agent.engine)["_is_closed"] = True
        self.agent.engine.close()

    def device_key(self) -> bytes | None:
        """The agent's, as it is kept; ``None`` if there is none."""
        file = self.folder / "device-key"
        return file.read_bytes() if file.exists() else None

    @property
    def folder(self) -> Path:
        """Where the agent keeps what it keeps."""
        return self._place / "folder-1"

    @property
    def _kept(self) -> Any:
        return vars(self.agent.engine)["_state"].kept

    def _read(self) -> dict[str, bytes]:
        return {
            one.name: one.read_bytes()
            for one in self.folder.iterdir()
            if one.name != folder_lock.NAME
        }

    def _agent(self, way: TroubledWay, name: str, person: Person, number: int) -> Sent:
        root = self._place / f"machine-{number}"
        if not root.exists():
            card = adapter("eth0", f"3c:52:82:0a:1b:{number:02x}")
            tree(root, {"etc/machine-id": f"{number:032x}\n", **card})
        agent = Sent(way)
        agent.name, agent.root = f"{name}-pc", root
        agent.signed_in = person.token(AGENTS)
        agent.start(
            Configuration(
                url=f"http://{HOST}",
                issuer=ISSUER,
                folder=self._place / f"folder-{number}",
                use_keyring=False,
                use_device_key=self.act is not Act.BARE,
                agent_version=f"4.5.0.{number}",
            )
        )
        return agent

    def _of_another(self) -> list[Exchange]:
        way = TroubledWay(self.world, person=BORIS)
        agent = self._agent(way, "bolt", BORIS, 2)
        agent.check()
        self.world.clock.advance(LATER)
        agent.check()
        agent.engine.close()
        return way.exchanges

    def _comes_to_act(self) -> None:
        if self.act is Act.LOGIN:
            # It has been tried before, and nobody was there: the device key has been made.
            lost = Fault("exchange", Delivery.LOST, delivery=Delivery.LOST)
            self.way.troubles(lost, self.act.path, times=1)
            self._goes_on()
            return
        self._goes_on()
        self._subscribe("paused")
        self._goes_on(LATER)
        self._subscribe()
        self._goes_on(LATER)
        assert self.world.act("dissociate", self._kept.license.id).status == 200
        self.agent.signed_in = None
        self._goes_on(LATER)
        if self.act is Act.RETURN:
            return
        self.agent.signed_in = ALICE.token(AGENTS)
        self._goes_on(60)
        if self.act is Act.KEYS:
            rotate_secret(self.world)
        if self.act is Act.PAUSED:
            self._subscribe("paused")
        self.world.clock.advance(LATER + DAY if self.act is Act.OVER else LATER)

    def _subscribe(self, status: str = "active") -> None:
        self.world.change("acme", status=status)

    def _goes_on(self, seconds: float = 0) -> None:
        self.world.clock.advance(seconds)
        self.agent.check(at_once=True)


def _not_needed(_: int) -> None:
    pass


@contextmanager
def _silence() -> Iterator[None]:
    level = telemetry.logger.log_level
    telemetry.logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        telemetry.logger.setLevel(level)


@contextmanager
def scene(act: Act, place: Path) -> Iterator[Scene]:
    """The scene of an act, in a world of its own that logs nothing and may lose its power."""
    with new_world() as world, patch.object(os, "fsync", _not_needed), _silence():
        made = Scene(act, world, place)
        try:
            with patch.object(secrets, "token_urlsafe", made.draw):
                yield made
        finally:
            made.close()
