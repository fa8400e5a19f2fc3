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
from tests.agent.simulation.proxies import Proxies
from tests.agent.simulation.story import Life, Organization, Story, Way
from tests.agent.simulation.tokens import part
from tests.world import Answer, Person, World, rotate_secret

URL: Final = "http://api.example"
TIMEOUT: Final = 10.0
"""How many seconds an agent waits for an answer."""
RETRY_AFTER: Final = 60
SUSPECTED: Final = "CloneSuspected"
RETURNED: Final = "AgentReturned"
ABOUT_PROOFS: Final = frozenset({"PROOF_REQUIRED", "PROOF_INVALID", "proof_required"})
"""What is said of a request that has lost its proof: that is no answer to what was asked."""
_DAY: Final = 86_400
_PAGE: Final = b"<!doctype html><title>Welcome</title>"
_IN_ITS_PLACE: Final = {
    Way.BUSY: wire.Answer(status=503, headers={"retry-after": str(RETRY_AFTER)}, body=b"{}"),
    Way.THROTTLED: wire.Answer(status=429, headers={}, body=b"{}"),
    Way.MAINTENANCE: wire.Answer(status=503, headers={"retry-after": str(_DAY)}, body=_PAGE),
    Way.PAGE: wire.Answer(status=200, headers={"content-type": "text/html"}, body=_PAGE),
}
"""What is answered while the service is out of reach."""
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
        self._proxies = Proxies(story.seed)
        self._licenses: dict[int, tuple[str, float]] = {}
        self._lost: set[int] = set()
        """Agents that have not got the answer with their last lease."""
        self._excused: set[int] = set()
        """Those that have been refused then, and ask another question afterwards."""
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
            told = _IN_ITS_PLACE[outage.way]
            self._figures.failures[f"status {told.status}"] += 1
            return Told(way, told)
        replayed = self._proxies.replayed(life, request)
        if replayed is not None:
            self._figures.failures["answer replayed"] += 1
            return Told(way, replayed)
        request = self._proxies.passed(life, request, at)
        answer = self._handled(life, request, at)
        self._note(life, request, answer, at)
        is_lost = self._chance.random() < self._story.lost
        self._excuses(life, answer, is_lost=is_lost)
        if is_lost:
            return self._fails("answer lost", TIMEOUT)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        told = wire.Answer(status=answer.status, headers=headers, body=answer.text.encode())
        is_about_proof = answer.json is not None and answer.json.get("code") in ABOUT_PROOFS
        json = None if is_about_proof else answer.json
        return Told(way, self._proxies.returned(life, request, told), json)

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
            case _ if life.proxy and answer.json.get("code") in ABOUT_PROOFS:
                told = wanted = str(answer.json["code"])
                self._figures.requests["proof lost"] += 1
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
                        self._figures.second_licenses += self._has_license(life, at)
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

    def _has_license(self, life: Life, at: float) -> bool:
        """Whether an agent has one already that nobody has revoked."""
        if life.number not in self._licenses:
            return False
        since = self._licenses[life.number][1]
        return life.revoked_at is None or not since < life.revoked_at <= at

    def _fails(self, why: str, seconds: float) -> Told:
        self._figures.failures[why] += 1
        return Told(seconds, Failed(why=why))

    def _excuses(self, life: Life, answer: Answer, *, is_lost: bool) -> None:
        """Note who has not got the last lease before a refusal: it comes back from an older one."""
        is_valid = answer.status == 200 and answer.json.get("valid")
        if is_valid is False and life.number in self._lost:
            self._excused.add(life.number)
        if is_lost and is_valid:
            self._lost.add(life.number)
        elif not is_lost:
            self._lost.discard(life.number)

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
        told: dict[str, set[str]] = {SUSPECTED: set(), RETURNED: set()}
        for item in self._world.items():
            told.get(item.get("type", {}).get("S"), set()).add(item.get("license_id", {}).get("S"))
        copied, excused = (
            {self._licenses[number][0] for number in numbers}
            for numbers in (self._copied, self._excused)
        )
        # Nobody's machine is restored in a story: whoever has come back was taken for another.
        self._figures.false_alarms += len((told[SUSPECTED] | told[RETURNED] - excused) - copied)

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
