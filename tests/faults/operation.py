"""The operations that faults are put into, each with the scene that it plays in.

An operation is told apart from its disturbed runs by what its caller is told and by what the table
holds, random ids apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

from licensing.audit import Actor, ActorKind, Origin
from licensing.errors import Unavailable
from licensing.organization import DAY
from licensing.sweep import SETTLING_SECONDS, SweepExpiry
from tests.concurrency import canonical
from tests.world import ALICE, AMIR, BORIS, YEAR, Answer, World

INTERVAL = 900
"""How often a validation notes that it has seen the agent: the template's."""


@dataclass(frozen=True)
class Told:
    """What the caller is told, random values apart. An operation that is not done says so."""

    status: int
    body: str
    retry_after: str | None

    @property
    def is_unavailable(self) -> bool:
        return self.status == 503


@dataclass(frozen=True)
class Operation:
    """`prepare` sets the scene and returns what `act` needs to know about it.

    `defers` says that the right answer may come before everything is written: what is missing then
    is written the next time.
    """

    name: str
    function: str
    prepare: Callable[[World], Any]
    act: Callable[[World, Any], Told]
    defers: bool = False


def told(answer: Answer) -> Told:
    """What an HTTP answer tells."""
    body = answer.json
    if isinstance(body, Mapping):
        body = {name: _without_secrets(value) for name, value in body.items()}
        if "license_key" in body:
            body["license_key"] = "a key"
    return Told(answer.status, canonical.text(body), answer.headers.get("retry-after"))


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping) and "token" in value:
        return {**value, "token": "a lease"}
    return value


# -- agents -----------------------------------------------------------------------------------


def _registered(world: World) -> None:
    world.register("acme", max_agents=5)
    world.register("bolt")


def _licensed(world: World) -> dict[str, Any]:
    _registered(world)
    issued: dict[str, Any] = world.login(ALICE).json
    return issued


def _seen(world: World) -> dict[str, Any]:
    issued = _licensed(world)
    world.clock.advance(INTERVAL)
    return issued


def _revoked(world: World) -> dict[str, Any]:
    issued = _licensed(world)
    world.revoke(issued["license"]["id"])
    return issued


def _shared(world: World) -> dict[str, Any]:
    issued = _licensed(world)
    world.login(AMIR, environment="staging")
    return issued


def _login(world: World, _: object) -> Told:
    return told(world.login(AMIR))


def _login_to_staging(world: World, _: object) -> Told:
    return told(world.login(AMIR, environment="staging"))


def _login_on_foreign_machine(world: World, _: object) -> Told:
    return told(world.login(BORIS))


def _validate(world: World, issued: dict[str, Any]) -> Told:
    return told(world.validate(issued["license_key"]))


def _revoke(world: World, issued: dict[str, Any]) -> Told:
    return told(world.revoke(issued["license"]["id"]))


# -- organizations ----------------------------------------------------------------------------


def _create(world: World, _: object) -> Told:
    return told(world.put("cork", max_agents=3))


def _change(world: World, _: object) -> Told:
    return told(world.put("acme", version=1, seconds=2 * YEAR, name="Acme Ltd"))


# -- the sweep --------------------------------------------------------------------------------


def _about_to_end(world: World) -> None:
    world.register("acme", seconds=5 * DAY)
    world.login(ALICE)
    world.clock.advance(SETTLING_SECONDS)


def _ended(world: World) -> None:
    world.register("acme", seconds=100)
    for environment in ("production", "staging"):
        world.login(ALICE, environment=environment)
    world.clock.advance(100)


def _sweep(world: World, _: object) -> Told:
    """One worker, so that the calls come in the same order each time."""
    origin = Origin(actor=Actor(ActorKind.SCHEDULE, "expiry-sweep"), request_id="sweep")
    try:
        report = SweepExpiry(world.runtime.store, token_bytes, 1)(
            origin, now=world.runtime.now(), has_time=lambda: True
        )
    except Unavailable as error:
        return Told(503, str(error), str(error.retry_after))
    if report.unfinished:
        return Told(503, repr(report), "300")
    return Told(200, "swept", None)


OPERATIONS = (
    Operation("first login", "IssueFunction", _registered, _login),
    Operation("login to staging", "IssueFunction", _licensed, _login_to_staging),
    Operation("repeated login", "IssueFunction", _licensed, _login),
    Operation("refused login", "IssueFunction", _licensed, _login_on_foreign_machine),
    Operation("validation", "ValidateFunction", _licensed, _validate),
    Operation("first validation of an interval", "ValidateFunction", _seen, _validate, defers=True),
    Operation("validation of a revoked key", "ValidateFunction", _revoked, _validate),
    Operation("revocation", "RevokeFunction", _licensed, _revoke),
    Operation("revocation on a shared machine", "RevokeFunction", _shared, _revoke),
    Operation("registration", "OrganizationsFunction", _registered, _create),
    Operation("change", "OrganizationsFunction", _registered, _change),
    Operation("sweep that marks", "ExpirySweepFunction", _ended, _sweep),
    Operation("sweep that announces and settles", "ExpirySweepFunction", _about_to_end, _sweep),
)
