"""What nobody asks for: the sweep and the way of events to the bus."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.errors import Unavailable
from licensing.domain.organization import DAY
from licensing.usecases.sweep_expired import SETTLING_SECONDS, SweepExpired
from tests.concurrency import canonical
from tests.faults.agents import shared
from tests.faults.operation import Operation, Told
from tests.integration.partner import generated
from tests.local.bus import EventBus
from tests.world import ALICE, BORIS, YEAR, World

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


def _renewed(world: World) -> None:
    _ended(world)
    world.sweep()
    world.clock.advance(10)
    world.change("acme", seconds=YEAR)


def _over(world: World) -> None:
    world.register("acme")
    world.clock.advance(SETTLING_SECONDS)
    world.sweep()
    generated(world)
    world.clock.advance(3600)


def _nothing_due(world: World) -> None:
    world.register("acme")
    world.clock.advance(SETTLING_SECONDS)
    world.sweep()


def _sweep(world: World, _: object) -> Told:
    """One worker, so that the calls come in the same order each time."""
    origin = Origin(actor=Actor(ActorKind.SCHEDULE, "expiry-sweep"), request_id="sweep")
    try:
        report = world.runtime.use_case(SweepExpired)(
            world.runtime.context(origin), workers=1, has_time=lambda: True
        )
    except Unavailable as error:
        return Told(503, str(error), str(error.retry_after))
    report.raise_faults()
    if report.unfinished:
        return Told(503, repr(report), "300")
    return Told(200, "swept", None)


# -- the way to the bus -----------------------------------------------------------------------


@dataclass
class Offer:
    """A batch of the stream, offered again from its first failure on until all of it is taken.

    What has been on the `bus` is behind the `last` event of an earlier offer, if there was one.
    """

    records: Sequence[Mapping[str, Any]]
    bus: EventBus
    first: int = 0
    last: Mapping[str, Any] | None = None

    def begin(self) -> None:
        """Offer all of it, and forget what has arrived."""
        self.first = 0
        self.bus.deliver()
        self.last = next(reversed(self.bus.events()), None)

    def arrived(self) -> list[str]:
        """Each event once, by licence in the order in which it first came."""
        self.bus.deliver()
        new = takewhile(lambda event: event is not self.last, reversed(self.bus.events()))
        arrived: dict[str, list[str]] = {}
        for event in reversed([*new]):
            detail = event["detail"]
            line = json.dumps(detail, sort_keys=True)
            came = arrived.setdefault(detail["license_id"] or detail["organization_id"], [])
            if line not in came:
                came.append(line)
        return sorted(
            f"{place} {canonical.text(line)}"
            for came in arrived.values()
            for place, line in enumerate(came)
        )


def _offered(world: World) -> Offer:
    """What has happened to three licences and an organization, one after the other."""
    issued = shared(world)
    world.login(BORIS, {"machine_id": "bolt-1", "computer_name": "bolt-pc"})
    for action in ("detach", "attach", "dissociate"):
        world.clock.advance(1)
        world.act(action, issued["license"]["id"])
    changes = [item for item in world.items() if item["sk"]["S"].startswith("EVENT#")]
    changes.sort(key=lambda item: item["sk"]["S"])
    return Offer(
        [
            {"eventName": "INSERT", "dynamodb": {"SequenceNumber": f"{at:06d}", "NewImage": item}}
            for at, item in enumerate(changes)
        ],
        EventBus(world.runtime.settings.event_bus, (), lambda *_: None),
    )


def _publish(world: World, offer: Offer) -> Told:
    result = world.invoke("PublishFunction", {"Records": offer.records[offer.first :]})
    failures = [failure["itemIdentifier"] for failure in result["batchItemFailures"]]
    if failures:
        (number,) = failures
        offer.first = int(number)
        return Told(503, "offered again", "1")
    return Told(200, "published", None)


SWEEP = "ExpirySweepFunction"
SPINE = (
    Operation("sweep that marks", SWEEP, _ended, _sweep),
    Operation("sweep that announces and settles", SWEEP, _about_to_end, _sweep),
)
OPERATIONS = (
    *SPINE,
    Operation("sweep that reinstates", SWEEP, _renewed, _sweep),
    Operation("sweep that ends a temporary license", SWEEP, _over, _sweep),
    Operation("sweep with nothing to do", SWEEP, _nothing_due, _sweep),
    Operation(
        "publication",
        "PublishFunction",
        _offered,
        _publish,
        leaves=Offer.arrived,
        rewind=Offer.begin,
    ),
)
