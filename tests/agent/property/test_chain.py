"""One agent is never taken for two, whatever is lost, late or crashed; and two always are.

The agent is the client's own state machine, the service's side the rules of R37 in a few lines.
Between them, questions and answers are lost, and a question that was given up may still arrive
later on. Licences are refused and given up, and somebody logs in again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from licensing_agent import lifecycle, transitions
from licensing_agent.lifecycle import Login, Moment, State, Validate
from licensing_agent.protocol.outcomes import Failed, Refused
from licensing_agent.storage.state import NOTHING, decode, encode
from tests.agent.chained import Chain, link_of
from tests.agent.samples import LOGGED_IN, MACHINE, PINNED, lease_token, valid
from tests.unit.samples import DAY, NOW

HOUR = 3600
FOUND = settings(max_examples=100_000, phases=[Phase.generate])
"""To find what is planted; nobody needs its shortest form."""
SUSPENDED = Refused(code="SUSPENDED", message="Paused.", action="logout")
GIVEN_UP = Refused(code="REVOKED", message="Log in.", action="login")
NO_SEAT = Refused(code="seat_limit_reached", message="Full.", action="login", at_login=True)


@dataclass
class Service:
    """What the service keeps."""

    now: int = NOW
    chain: Chain = field(default_factory=Chain)
    proof_nonces: int = 0
    proved: int = 0

    def proof_nonce(self) -> int:
        """What the next proof has to carry: newer than all before."""
        self.proof_nonces += 1
        return self.proof_nonces

    def takes(self, proof: int | None) -> bool:
        """Whether a question counts; one without a proof always does, where there is no key."""
        if proof is None:
            return True
        is_newer = proof > self.proved
        self.proved = max(self.proved, proof)
        return is_newer

    def answer(self, question: "Question") -> str:
        """The lease that a question is answered with."""
        link = self.chain.answer(
            link_of(question.presented),
            question.nonce,
            now=self.now,
            is_login=question.is_login,
        )
        return lease_token(now=link.issued_at, nonce=question.nonce, id=link.id)


@dataclass(frozen=True)
class Question:
    """What an agent asks, and when it was sent; its proof, if there is one."""

    sent: int
    nonce: str
    presented: str | None
    is_login: bool
    proof: int | None


@dataclass
class Agent:
    """A client on a disk.

    `draws_anew` draws a nonce for each question, also for one that is asked again. `proves` has a
    device key: then a question may arrive as late as it will.
    """

    service: Service
    draws_anew: bool = False
    proves: bool = False
    patience: float = HOUR
    disk: bytes = b""
    state: State = field(init=False)
    turn: int = 0
    late: list[Question] = field(default_factory=list)
    proof: int | None = None
    name: str = "a"

    def __post_init__(self) -> None:
        self.state = lifecycle.begin(PINNED, NOTHING, MACHINE, None, self.moment())
        self.save()

    def moment(self) -> Moment:
        return Moment(self.service.now, self.service.now, 0.5)

    def save(self) -> None:
        self.disk = encode(self.state.kept)

    def crash(self) -> None:
        """The process is killed, and starts from its disk."""
        self.state = lifecycle.begin(PINNED, decode(self.disk), MACHINE, None, self.moment())

    def ask(self, fate: str) -> None:
        """One question, and what becomes of it."""
        step = lifecycle.next_step(lifecycle.hurried(self.state))
        assert isinstance(step, Validate | Login)
        self.turn += 1
        asked = None if self.draws_anew else self.state.kept.asked
        nonce = asked or f"{self.name}-{self.turn}"
        self.state = lifecycle.asking(self.state, nonce)
        self.save()
        if self.proves and (self.proof is None or self.proof <= self.service.proved):
            self.proof = self.service.proof_nonce()  # asked for, and the question asked again
        is_login = isinstance(step, Login)
        asked_now = Question(self.service.now, nonce, step.link, is_login, self.proof)
        if fate in {"lost", "late"}:
            self.late += [asked_now] * (fate == "late")
            self.fail()
            return
        if fate in {"refused", "given up"}:
            refusal = SUSPENDED if fate == "refused" else GIVEN_UP
            refusal = NO_SEAT if is_login else refusal
            self.state = transitions.after(self.state, refusal, self.moment())
            self.save()
            return
        assert self.service.takes(self.proof)
        token = self.service.answer(asked_now)
        if fate == "unanswered":
            self.fail()
            return
        now = self.service.now
        answer = (
            replace(LOGGED_IN, lease=token, nonce=nonce, server_time=now)
            if is_login
            else replace(valid(now=now), lease=token, nonce=nonce)
        )
        self.state = transitions.after(self.state, answer, self.moment())
        if fate != "crashed":
            self.save()
        else:
            self.crash()

    def fail(self) -> None:
        self.state = transitions.after(self.state, Failed(why="lost"), self.moment())
        self.save()

    def arrive(self) -> None:
        """What was given up arrives after all; nobody waits for the answer.

        Without a proof not later than in an hour: the gateway gives it up within half a minute.
        """
        for one in self.late:
            if self.service.now - one.sent < self.patience and self.service.takes(one.proof):
                self.service.answer(one)
        self.late.clear()


FATES = ["answered", "lost", "late", "unanswered", "crashed", "crash", "arrive"]
PAUSES = [0, 60, DAY // 4, DAY // 2, 3 * DAY]
DEEDS = st.lists(st.tuples(st.sampled_from(FATES), st.sampled_from(PAUSES)), max_size=30)
WORSE = st.lists(
    st.tuples(
        st.sampled_from([*FATES, "refused", "given up"]),
        st.sampled_from([*PAUSES, DAY // 2 - 60]),
    ),
    max_size=30,
)
"""Also across a block or another login, and from just before halfway to after it."""


def suspected(deeds: list[tuple[str, int]], make: Callable[[Service], Agent]) -> int:
    """How often one agent is taken for two.

    A refusal ends the question, so that no old answer is good afterwards. What the question has led
    to, if its answer was lost, costs one return, which is on record and blocks nobody.
    """
    service = Service()
    agent = make(service)
    for deed, seconds in deeds:
        service.now += seconds
        match deed:
            case "crash":
                agent.crash()
            case "arrive":
                agent.arrive()
            case fate:
                agent.ask(fate)
    ended = sum(deed in {"refused", "given up"} for deed, _ in deeds)
    chain = service.chain
    return chain.forks + chain.bare + max(0, chain.returns - ended)


@given(DEEDS)
def test_one_agent_is_never_taken_for_two(deeds: list[tuple[str, int]]) -> None:
    assert suspected(deeds, Agent) == 0


@given(WORSE)
def test_one_that_proves_its_key_never_is_however_late_its_questions_arrive(
    deeds: list[tuple[str, int]],
) -> None:
    assert suspected(deeds, lambda service: Agent(service, proves=True, patience=math.inf)) == 0


def test_a_service_to_which_old_proofs_are_as_good_as_new_ones_would_take_it_for_two() -> None:
    planted = find(
        WORSE,
        lambda deeds: suspected(deeds, lambda service: Agent(service, patience=math.inf)) > 0,
        settings=FOUND,
    )
    assert {"late", "arrive"} <= {deed for deed, _ in planted}


@pytest.mark.thorough
def test_an_agent_that_draws_a_nonce_for_each_question_would_be() -> None:
    planted = find(
        DEEDS,
        lambda deeds: suspected(deeds, lambda service: Agent(service, draws_anew=True)) > 0,
        settings=FOUND,
    )
    # It is asked once more after an answer was lost, or after it was given up.
    assert {"late", "unanswered"} & {deed for deed, _ in planted}


@pytest.mark.parametrize("lag", [0, DAY // 4])
@given(st.lists(st.booleans(), min_size=4, max_size=12))
def test_two_that_go_on_from_one_disk_are_found_within_two_renewals_of_each(
    lag: int, order: list[bool]
) -> None:
    service = Service()
    agent = Agent(service)
    agent.ask("answered")  # the login
    agent.ask("answered")
    service.now += lag
    clone = Agent(service, disk=agent.disk, name="b")
    clone.disk = agent.disk
    clone.crash()
    renewals = {True: 0, False: 0}
    for is_clone in order:
        service.now += DAY
        (clone if is_clone else agent).ask("answered")
        renewals[is_clone] += 1
        if min(renewals.values()) >= 2:
            assert service.chain.suspicions >= 1
