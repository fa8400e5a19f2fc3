"""What an agent keeps and sends next, whatever comes of its questions: one story for each case.

The client's own rules play them, against the rules of the chain as `tests.agent.chained` has them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from licensing_agent import lifecycle, transitions
from licensing_agent.lifecycle import Login, Moment, State, Validate
from licensing_agent.protocol.outcomes import Failed, Refused
from licensing_agent.storage.state import NOTHING, Kept, decode, encode
from tests.agent.chained import Chain, link_of
from tests.agent.samples import LOGGED_IN, MACHINE, PINNED, lease_token, valid
from tests.unit.samples import DAY, NOW

LOST = "the answer is lost"
ANSWERED = "answered"
UNSENT = "it cannot be stored"
KILLED = "killed, and started anew"
BLOCKED = "refused with action logout"
GIVEN_UP = "refused with action login"
NO_SEAT = "the login is refused"

LICENSED = ((0, ANSWERED), (5, ANSWERED))
HALFWAY = DAY * 5 // 8

STORIES: dict[str, tuple[tuple[int, str], ...]] = {
    "a login, a validation, a renewal": (*LICENSED, (HALFWAY, ANSWERED)),
    "a renewal whose answer is lost": (*LICENSED, (HALFWAY, LOST), (60, ANSWERED)),
    "and the agent is killed": (*LICENSED, (HALFWAY, LOST), (0, KILLED), (60, ANSWERED)),
    "and it is off until the lease is over": (
        *LICENSED,
        *((HALFWAY, LOST), (0, KILLED), (3 * DAY, ANSWERED), (0, ANSWERED)),
    ),
    "a lease that has lapsed": (*LICENSED, (3 * DAY, ANSWERED)),
    "a login whose answer is lost": ((0, LOST), (0, KILLED), (60, ANSWERED), (5, ANSWERED)),
    "a licence that is given up, and another login": (
        *LICENSED,
        *((60, GIVEN_UP), (5, LOST), (5, NO_SEAT), (0, KILLED), (60, ANSWERED), (5, ANSWERED)),
    ),
    "a block": (*LICENSED, (HALFWAY, LOST), (60, BLOCKED), (900, ANSWERED)),
    "a disk that is full": (*LICENSED, (HALFWAY, UNSENT), (60, ANSWERED)),
    "a disk that is full, and the agent is killed": (
        *LICENSED,
        *((HALFWAY, UNSENT), (0, KILLED), (60, ANSWERED)),
    ),
}


def questions() -> list[dict[str, Any]]:
    """The stories; `n-1` is the first nonce that is drawn in one, `n-2` the next."""
    return [{"name": name, "steps": list(_told(deeds))} for name, deeds in STORIES.items()]


@dataclass
class _Agent:
    """The agent, its disk, and the service's chain."""

    now: int = NOW
    chain: Chain = field(default_factory=Chain)
    disk: Kept = NOTHING
    drawn: int = 0
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def moment(self) -> Moment:
        return Moment(self.now, self.now, 0.5)

    def start(self) -> None:
        kept = decode(encode(self.disk))
        self.state = lifecycle.begin(PINNED, kept, MACHINE, None, self.moment())

    def asks(self, *, is_stored: bool) -> dict[str, Any] | None:
        """The next question, if it may be sent."""
        self.state = lifecycle.advanced(self.state, self.moment())
        step = lifecycle.next_step(lifecycle.hurried(self.state))
        assert isinstance(step, Login | Validate)
        nonce = self.state.kept.asked
        if nonce is None:
            self.drawn += 1
            nonce = f"n-{self.drawn}"
        self.state = lifecycle.asking(self.state, nonce)
        if is_stored:
            self.disk = self.state.kept
        if not lifecycle.may_ask(self.state, self.disk):
            return None
        link = link_of(step.link)
        is_login = isinstance(step, Login)
        return {
            "route": "/v1/licenses" if is_login else "/v1/licenses/validate",
            "lease": link and link.id,
            "nonce": nonce,
            "proof_nonce": step.fresh_by if isinstance(step, Validate) else None,
        }

    def hears(self, deed: str, sent: dict[str, Any]) -> dict[str, Any] | None:
        """What comes of it; the lease that was granted, whether or not it arrives."""
        if deed in {BLOCKED, GIVEN_UP, NO_SEAT}:
            action = "logout" if deed == BLOCKED else "login"
            self.becomes(Refused(code="refused", message="No.", action=action))  # type: ignore[arg-type]
            return None
        presented, is_login = link_of(self.state.kept.link), sent["route"] == "/v1/licenses"
        link = self.chain.answer(presented, sent["nonce"], now=self.now, is_login=is_login)
        token = lease_token(
            now=link.issued_at,
            seconds=link.expires_at - link.issued_at,
            id=link.id,
            nonce=sent["nonce"],
        )
        if deed == LOST:
            self.becomes(Failed(why="lost"))
        elif is_login:
            self.becomes(replace(LOGGED_IN, lease=token, nonce=sent["nonce"], server_time=self.now))
        else:
            self.becomes(replace(valid(now=self.now), lease=token, nonce=sent["nonce"]))
        return {"jti": link.id, "iat": link.issued_at, "exp": link.expires_at}

    def becomes(self, outcome: Any) -> None:
        self.state = transitions.after(self.state, outcome, self.moment())
        self.disk = self.state.kept

    def kept(self) -> dict[str, Any]:
        link = link_of(self.disk.link)
        return {
            "has_license": self.disk.license is not None,
            "lease": link and link.id,
            "nonce": self.disk.asked,
        }


def _told(deeds: tuple[tuple[int, str], ...]) -> Iterator[dict[str, Any]]:
    agent = _Agent()
    for seconds, deed in deeds:
        agent.now += seconds
        sent, granted = None, None
        if deed == KILLED:
            agent.start()
        else:
            sent = agent.asks(is_stored=deed != UNSENT)
            if sent is not None:
                granted = agent.hears(deed, sent)
        yield {
            "now": agent.now,
            "happens": deed,
            "sends": sent,
            "granted": granted,
            "keeps": agent.kept(),
        }
