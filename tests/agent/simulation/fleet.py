"""A part of the fleet, driven through the story by one queue of events on the service's time.

The agents are the client's own code: its state machine, its requests, what it makes of answers, and
what it keeps, encoded and decoded at each start. What the client's threads, files and sockets do
around that is played here. An engine looks at its clocks each minute at least; here an agent looks
when it has something to do, when its clock is set and before it ends. Between two looks nothing but
time goes on, so that its state at any second follows from the last one.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing_agent import lifecycle, transitions, wire
from licensing_agent.core import NO_PROOF_TAKEN, PROOFS
from licensing_agent.lifecycle import (
    FetchKeys,
    LicenseState,
    Login,
    Moment,
    State,
    Step,
    Terms,
    Validate,
    Wait,
)
from licensing_agent.machine.identity import Machine
from licensing_agent.machine.sources import Component, Found
from licensing_agent.proof import ASKED_FOR, Occasion, prove
from licensing_agent.protocol.outcomes import Failed, NobodySignedIn, Outcome
from licensing_agent.storage.device_key import SoftwareKey
from licensing_agent.storage.state import NOTHING, Kept, decode, encode
from tests.agent.process import ISSUER
from tests.agent.simulation.figures import Figures
from tests.agent.simulation.service import URL, Service, Told, member_of
from tests.agent.simulation.story import BEGIN, DAY, HOUR, Life, Stop, Story
from tests.agent.simulation.truth import NEVER, Truth
from tests.world import AGENTS

VERSION: Final = "4.5.0.0"
TERMS: Final = Terms(issuer=ISSUER, environment="production")
SWEEP_EACH: Final = 12 * HOUR
_SHORTEST: Final = 0.001


class Client:
    """The client's rules as they are; a planted one changes some."""

    def chance(self, drawn: float) -> float:
        """What spreads requests, out of what has been drawn."""
        return drawn

    def outcome(self, outcome: Outcome) -> Outcome:
        """What came of a step."""
        return outcome

    def next_step(self, state: State) -> Step:
        """What to do."""
        return lifecycle.next_step(state)

    def usable_for(self, state: State) -> float:
        """For how many seconds more it works, if nothing happens."""
        shown = lifecycle.status(state)
        return shown.until - state.time.mark if shown.usable and shown.until else 0.0


class Agent:
    """One agent: its process, its disk and its clocks."""

    def __init__(self, life: Life, truth: Truth, client: Client, chance: random.Random) -> None:
        self.life = life
        self.truth = truth
        self.machine = _machine(life.number)
        self.client = client
        self.chance = chance
        self.ahead = life.ahead
        self.state: State | None = None
        self.turn = 0
        """What has been planned counts as long as this is the same."""
        self.asks = False
        """Whether it waits for an answer."""
        self.proof_nonce: str | None = None
        """The service's latest nonce for a proof."""
        self.wants_own_nonce = False
        """Whether the service has asked for that in the next proof."""
        self._device = _device(life.number) if life.proves else None
        self._booted = 0.0
        self._disk: bytes | None = None
        self._saved: Kept = NOTHING
        self._touched: float | None = None
        self._works_until = NEVER

    @property
    def kept(self) -> Kept:
        """What is on the disk."""
        return self._saved

    def moment(self, at: float) -> Moment:
        """What the machine shows."""
        return Moment(at + self.ahead, at - self._booted, self.client.chance(self.chance.random()))

    def settle(self, at: float) -> None:
        """Account for the time until now."""
        in_grace = (
            self.state is not None
            and lifecycle.status(self.state).license_state is LicenseState.GRACE
        )
        self.truth.passes(at, self._works_until, runs=self.state is not None, in_grace=in_grace)

    def start(self, at: float) -> None:
        """The process starts, from what is on the disk; its monotonic clock starts anew."""
        self._booted = at - 17
        found = NOTHING if self._disk is None else decode(self._disk)
        self._saved = found
        credentials, moment = self.machine.credentials(), self.moment(at)
        self._becomes(lifecycle.begin(TERMS, found, credentials, self._touched, moment), at)

    def look(self, at: float) -> State:
        """Look at the clocks."""
        assert self.state is not None
        return self._becomes(lifecycle.advanced(self.state, self.moment(at)), at)

    def take(self, outcome: Outcome, at: float) -> None:
        """Go on with what came of a step."""
        assert self.state is not None
        self._becomes(transitions.after(self.state, outcome, self.moment(at)), at)

    def end(self, at: float, *, killed: bool) -> None:
        """The process ends."""
        state = self.look(at)
        if not killed:
            self._becomes(lifecycle.ended(state), at)
        self.state, self._works_until = None, NEVER
        self.proof_nonce, self.wants_own_nonce = None, False

    def copy(self) -> Agent:
        """Another one, on a copy of the disk."""
        life = self.life.copy()
        other = Agent(life, self.truth.copy(life), self.client, self.chance)
        other.ahead, other._disk, other._touched = self.ahead, self._disk, self._touched
        return other

    def request(self, step: Login | Validate | FetchKeys, at: float) -> wire.Request:
        """The request of a step, with a proof where there is a device key."""
        asked = self._request(step, at)
        if self._device is None or not asked.credential:
            return asked
        occasion = Occasion(
            method=asked.method,
            url=URL + asked.path,
            body=asked.body or b"",
            credential=asked.credential,
            nonce=wire.freshness(asked, self.proof_nonce, is_wanted=self.wants_own_nonce),
            id=self._drawn(),
            at=int(at + self.ahead),
        )
        return wire.proved(asked, prove(self._device, occasion))

    def _request(self, step: Login | Validate | FetchKeys, at: float) -> wire.Request:
        if isinstance(step, FetchKeys):
            return wire.fetch_keys(step)
        # Time has passed since the last look when a request is repeated with a new proof.
        state = self.look(at)
        nonce = state.kept.asked or self._drawn()
        self._becomes(lifecycle.asking(state, nonce), at)
        sender = wire.Sender(
            machine=self.machine, environment=TERMS.environment, agent_version=VERSION
        )
        if isinstance(step, Login):
            token = member_of(self.life).token(AGENTS)
            return wire.login(step, sender, token=token, nonce=nonce)
        return wire.validate(step, sender, nonce=nonce)

    def _drawn(self) -> str:
        return f"{self.chance.getrandbits(128):032x}"

    def _becomes(self, state: State, at: float) -> State:
        self.state = state
        if state.kept is not self._saved and state.kept != self._saved:
            self._saved, self._touched = state.kept, at + self.ahead
            self._disk = encode(state.kept)
        self._works_until = at + self.client.usable_for(state)
        return state


class Fleet:
    """All agents of a story, and all that happens to them."""

    def __init__(self, story: Story, service: Service, figures: Figures, client: Client) -> None:
        self._story = story
        self._service = service
        self._figures = figures
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        chance = random.Random(story.seed + 1)  # noqa: S311 - reproducible, not secret
        figures.agents += len(story.lives)
        figures.days = (story.end - BEGIN) / DAY
        self._agents = [
            Agent(life, Truth(life, story, figures), client, chance) for life in story.lives
        ]

    def run(self) -> None:
        """Play the story to its end."""
        self._plan_all()
        while self._queue:
            at, _, happen = heapq.heappop(self._queue)
            if at >= self._story.end:
                break
            happen(at)
        for agent in self._agents:
            agent.settle(self._story.end)
            if agent.life.proxy is not None:
                self._figures.proxied += 1
                self._figures.given_up += not self._has_its_license(agent)
        self._service.looks_for_false_alarms()

    def _has_its_license(self, agent: Agent) -> bool:
        """Whether an agent keeps its licence, unless nobody has logged in again that could."""
        life, end = agent.life, self._story.end
        is_lost = life.revoked_at is not None and not life.has_person(end)
        return is_lost or agent.kept.license is not None

    def _plan(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (at, next(self._order), happen))

    def _plan_all(self) -> None:
        for organization in self._story.organizations:
            for change in organization.changes:
                self._plan(change.at, partial(self._service.subscribe, organization))
        for at in self._story.rotations:
            self._plan(at, self._service.rotate)
        for sweep in range(int((self._story.end - BEGIN) / SWEEP_EACH)):
            self._plan(BEGIN + sweep * SWEEP_EACH, self._service.sweep)
        for agent in self._agents:
            self._plan_life(agent)

    def _plan_life(self, agent: Agent) -> None:
        life = agent.life
        agent.truth.since = life.first_login
        self._plan(life.first_login, partial(self._start, agent))
        for at, by in life.jumps:
            self._plan(at, partial(self._set_clock, agent, by))
        for stop in life.stops:
            self._plan(stop.at, partial(self._stop, agent, stop))
        if life.copied_at is not None:
            self._plan(life.copied_at, partial(self._copy, agent))
        if life.revoked_at is not None:
            self._plan(life.revoked_at, partial(self._service.administer, "revoke", life))
        if life.blocked is not None:
            for at, action in zip(life.blocked, ("detach", "attach"), strict=True):
                self._plan(at, partial(self._service.administer, action, life))
        self._plan_turns(agent, life.first_login)

    def _plan_turns(self, agent: Agent, since: float) -> None:
        """What an agent may do changes at these moments, or what can be told to it."""
        every = (*self._story.outages, *agent.life.outages)
        outages = (at for one in every for at in (one.since, one.until))
        for at in {*agent.life.turns(), *outages}:
            if at > since:
                self._plan(at, agent.settle)

    # -- what happens to an agent ------------------------------------------------------------------

    def _start(self, agent: Agent, at: float) -> None:
        agent.settle(at)
        agent.start(at)
        self._figures.starts += 1
        self._go_on(agent, at)

    def _stop(self, agent: Agent, stop: Stop, at: float) -> None:
        agent.settle(at)
        agent.end(at, killed=stop.killed)
        agent.asks = False
        agent.turn += 1

        def again(then: float) -> None:
            agent.settle(then)
            agent.truth.was_off(stop.seconds, killed=stop.killed)
            self._start(agent, then)

        self._plan(at + stop.seconds, again)

    def _copy(self, agent: Agent, at: float) -> None:
        if agent.state is None:
            self._plan(at + HOUR, partial(self._copy, agent))
            return
        agent.settle(at)
        link = agent.look(at).kept.link
        other = agent.copy()
        self._agents.append(other)
        self._service.watch(agent.life, link)
        self._plan_turns(other, at)
        self._start(other, at)

    def _set_clock(self, agent: Agent, by: float, at: float) -> None:
        agent.settle(at)
        if agent.state is not None:
            agent.look(at)
        agent.ahead += by
        agent.truth.clock_is_set(by, agent.ahead)
        if agent.state is not None:
            agent.look(at)
            if not agent.asks:
                self._go_on(agent, at)

    def _go_on(self, agent: Agent, at: float) -> None:
        """Do what is to be done, or plan when to."""
        agent.turn += 1
        step = agent.client.next_step(agent.look(at))
        if isinstance(step, Login) and not agent.life.has_person(at):
            agent.take(NobodySignedIn(), at)
            step = agent.client.next_step(agent.look(at))
        match step:
            case Wait(seconds):
                self._plan(at + max(seconds, _SHORTEST), partial(self._wake, agent, agent.turn))
            case _:
                self._ask(agent, step, at)

    def _wake(self, agent: Agent, turn: int, at: float) -> None:
        if turn == agent.turn:
            agent.settle(at)
            self._go_on(agent, at)

    def _ask(
        self, agent: Agent, step: Login | Validate | FetchKeys, at: float, proofs: int = PROOFS
    ) -> None:
        request = agent.request(step, at)
        told = self._service.ask(agent.life, request, at)
        agent.asks = True
        hear = partial(self._hear, agent, agent.turn, request, told, proofs - 1)
        self._plan(at + told.seconds, hear)

    def _hear(
        self, agent: Agent, turn: int, request: wire.Request, told: Told, proofs: int, at: float
    ) -> None:
        if turn != agent.turn:
            return  # it has been stopped
        agent.settle(at)
        answer = told.answer
        if isinstance(answer, wire.Answer):
            agent.proof_nonce = wire.proof_nonce(answer) or agent.proof_nonce
            agent.wants_own_nonce = wire.asks_for_proof(answer)
            if agent.wants_own_nonce and proofs:
                self._ask(agent, request.step, at, proofs)
                return
        agent.asks = agent.wants_own_nonce = False
        self._tell_truth(agent, request, told, at)
        if isinstance(answer, Failed):
            outcome: Outcome = answer
        else:
            is_proved = not wire.asks_for_proof(answer)
            outcome = wire.outcome(request, answer) if is_proved else NO_PROOF_TAKEN
        agent.take(agent.client.outcome(outcome), at)
        self._go_on(agent, at)

    def _tell_truth(self, agent: Agent, request: wire.Request, told: Told, at: float) -> None:
        truth = agent.truth
        match request.step:
            case _ if told.json is None or told.json.get("code") == ASKED_FOR:
                truth.is_told_nothing()
            case Validate() if told.json["valid"]:
                truth.is_told_valid(at, told.json)
            case FetchKeys():
                truth.is_told_keys(at, told.json)
            case Login() if "license" in told.json:
                truth.logged_in = self._service.logged_in(agent.life)
                truth.is_told_valid(at, told.json)
            case _:
                truth.is_refused()


def _device(number: int) -> SoftwareKey:
    secret = hashlib.sha256(f"agent {number}".encode()).digest()
    return SoftwareKey(Ed25519PrivateKey.from_private_bytes(secret))


def _machine(number: int) -> Machine:
    mac = ":".join(f"{number >> bits & 255:02x}" for bits in (16, 8, 0))
    marks: tuple[tuple[Component, str], ...] = (
        ("machine_id", f"5c0e3a1e-6f0b-4a5f-9a37-{number:012x}"),
        ("mac_address", f"3c:52:82:{mac}"),
        ("computer_name", f"AGENT-{number}"),
    )
    found = tuple(Found(name, value, "the story", "") for name, value in marks)
    return Machine(found=found, left_out=(), surroundings=(), secret=b"")
