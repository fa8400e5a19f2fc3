"""The service that a part of the fleet speaks to: the real handlers, and the way to them.

The handlers are called in this process with API Gateway's events, over AWS's own DynamoDB engine.
What stands between is not real: the network, and a gateway that is busy or throttles.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from licensing_agent import wire
from licensing_agent.lifecycle import FetchKeys, Login, Validate
from licensing_agent.proof import ASKED_FOR
from licensing_agent.protocol.outcomes import Failed
from tests.agent.simulation.figures import Figures
from tests.agent.simulation.story import Life, Organization, Story, Way
from tests.agent.simulation.tokens import part
from tests.world import Answer, Person, World, rotate_secret

URL: Final = "http://api.example"
TIMEOUT: Final = 10.0
"""How many seconds an agent waits for an answer."""
RETRY_AFTER: Final = 60
SUSPECTED: Final = "CloneSuspected"
_ASKS: Final = "ReturnConsumedCapacity"
_LOGINS: Final[Mapping[str, str]] = {"DETACHED": "409", "SUSPENDED": "409", "EXPIRED": "409"}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Told:
    """What comes back to an agent, and after how many seconds; ``json`` is the service's own."""

    seconds: float
    answer: wire.Answer | Failed
    json: Any = None


def member_of(life: Life) -> Person:
    """Who logs in on an agent."""
    return Person(f"member-of-{life.organization.id}", life.organization.id)


class Service:
    """A deployment of its own, whose clock is the simulation's."""

    def __init__(self, world: World, story: Story, figures: Figures) -> None:
        self._world = world
        self._story = story
        self._figures = figures
        self._chance = random.Random(story.seed)  # noqa: S311 - reproducible, not secret
        self._licenses: dict[int, tuple[str, float]] = {}
        self._watched: dict[int, set[tuple[bool, str | None]]] = {}
        """The renewals of each agent that has been copied, and of the copy, until it is found."""
        self._copied: dict[int, str | None] = {}
        """Agents that have been copied, and the links that they and their copies begin with."""

    # -- agents ------------------------------------------------------------------------------------

    def ask(self, life: Life, request: wire.Request, at: float) -> Told:
        """Send an agent's request."""
        outage = self._story.outage(life, at)
        if outage is not None and outage.way is Way.CUT:
            return self._fails("no connection", self._chance.choice((0.01, TIMEOUT)))
        if self._chance.random() < self._story.lost:
            return self._fails("request lost", TIMEOUT)
        self._figures.minutes[self._story.time(life, at), int(at // 60)] += 1
        way = self._chance.uniform(0.02, 2.0)
        if outage is not None:
            status = 503 if outage.way is Way.BUSY else 429
            headers = {"retry-after": str(RETRY_AFTER)} if outage.way is Way.BUSY else {}
            self._figures.failures[f"status {status}"] += 1
            return Told(way, wire.Answer(status=status, headers=headers, body=b"{}"))
        answer = self._handled(life, request, at)
        self._note(life, request, answer, at)
        if self._chance.random() < self._story.lost:
            return self._fails("answer lost", TIMEOUT)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        told = wire.Answer(status=answer.status, headers=headers, body=answer.text.encode())
        return Told(way, told, answer.json)

    def logged_in(self, life: Life) -> float:
        """When the licence that an agent has now was given to it."""
        return self._licenses[life.number][1]

    def _handled(self, life: Life, request: wire.Request, at: float) -> Answer:
        member = member_of(life)
        return self._at(
            at,
            lambda: self._world.request(
                request.method,
                request.path,
                person=member,
                body=request.body,
                headers=[("host", URL.partition("//")[2]), *request.headers.items()],
            ),
        )

    def _note(self, life: Life, request: wire.Request, answer: Answer, at: float) -> None:
        """Count what has been answered, and compare it with the story."""
        if answer.status == 401 and answer.json["code"] == ASKED_FOR:
            self._figures.requests["proof made anew"] += 1
            return
        match request.step:
            case Validate():
                told, wanted = answer.json.get("code"), life.code(at, self.logged_in(life))
                self._figures.requests[f"validate {told}"] += 1
                if life.number in self._watched and told == "VALID":
                    self._look_for_copy(life, answer.json["lease"]["token"])
            case Login():
                code = life.code(at, at)
                told, wanted = str(answer.status), _LOGINS.get(code, "200")
                if answer.status in {200, 201}:
                    id = answer.json["license"]["id"]
                    if answer.status == 201:
                        self._licenses[life.number] = (id, at)
                        wanted = "201"
                    is_its = self._licenses[life.number][0] == id
                    told = told if is_its else "another licence"
                self._figures.requests[f"login {told}"] += 1
            case FetchKeys():
                told, wanted = str(answer.status), "200"
                self._figures.requests["keys"] += 1
        if told != wanted:
            self._figures.differences[f"{told} instead of {wanted}"] += 1

    def _fails(self, why: str, seconds: float) -> Told:
        self._figures.failures[why] += 1
        return Told(seconds, Failed(why=why))

    # -- copies ------------------------------------------------------------------------------------

    def watch(self, life: Life, lease: str | None) -> None:
        """An agent has been copied, with the lease that it has."""
        self._watched[life.number] = set()
        self._copied[life.number] = part(lease, 1).get("jti") if lease else None
        self._figures.copies += 1

    def _look_for_copy(self, life: Life, token: str) -> None:
        """Look into the history of a licence, as an administrator would."""
        renewals, link = self._watched[life.number], part(token, 1).get("jti")
        if link != self._copied[life.number]:
            renewals.add((life.is_copy, link))
        path = f"/v1/licenses/{self._licenses[life.number][0]}/events?limit=10"
        history = self._world.request("GET", path, person=_admin(life.organization))
        if any(event["type"] == SUSPECTED for event in history.json["events"]):
            # A question under way when it was copied is the same one of both: they part after it.
            apart = [who for who, link in renewals if (not who, link) not in renewals]
            each = min(apart.count(True), apart.count(False))
            self._figures.longest_unnoticed = max(self._figures.longest_unnoticed, each)
            self._figures.copies_found += 1
            del self._watched[life.number]

    def looks_for_false_alarms(self) -> None:
        """Look through the whole table for agents that are taken for copied."""
        suspected = {
            item["license_id"]["S"]
            for item in self._world.items()
            # Nobody's machine is restored in a story: whoever has come back was taken for another.
            if item.get("type", {}).get("S") in {SUSPECTED, "AgentReturned"}
        }
        copied = {self._licenses[number][0] for number in self._copied}
        self._figures.false_alarms += len(suspected - copied)

    # -- people and schedules ----------------------------------------------------------------------

    def subscribe(self, organization: Organization, at: float) -> None:
        """An operator registers an organization, or changes its subscription."""
        wanted = organization.subscribed(at)
        seconds = int(wanted.valid_until - at)
        if wanted is organization.changes[0]:
            self._at(at, lambda: self._world.register(organization.id, seconds=seconds))
        else:
            change = self._world.change
            self._at(at, lambda: change(organization.id, seconds=seconds, status=wanted.status))

    def administer(self, action: str, life: Life, at: float) -> None:
        """An administrator does something about an agent's licence."""
        id = self._licenses[life.number][0]
        answer = self._at(at, lambda: self._world.act(action, id, _admin(life.organization)))
        assert answer.status == 200, answer

    def rotate(self, at: float) -> None:
        """An operator rotates the server secret."""
        self._at(at, lambda: rotate_secret(self._world))

    def sweep(self, at: float) -> None:
        """The schedule runs the sweep."""
        self._at(at, self._world.sweep)

    def _at(self, at: float, act: Callable[[], Result]) -> Result:
        """Act at a time of the service's, and keep of it what is counted alone."""
        self._world.clock.time = at
        done = act()
        self._figures.calls.update(operation for operation, _ in self._world.calls)
        self._world.calls.clear()
        self._world.exchanges.clear()
        self._world.work.clear()
        return done


def _admin(organization: Organization) -> Person:
    return Person(f"admin-of-{organization.id}", organization.id, ("org-admin",))


@contextmanager
def metered(world: World, figures: Figures) -> Iterator[None]:
    """Add up the units that the engine reports; of transactions it reports half."""

    def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
        if _ASKS in model.input_shape.members:
            params[_ASKS] = "TOTAL"

    def note(parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        units = sum(
            one["CapacityUnits"] for one in (consumed if isinstance(consumed, list) else [consumed])
        )
        if model.name in {"BatchGetItem", "GetItem", "Query"}:
            figures.read_units += units
        else:
            figures.write_units += units * (2 if model.name == "TransactWriteItems" else 1)

    events = world.runtime.dynamodb.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)
