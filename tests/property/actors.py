"""Who uses licences, honestly or not: what each keeps, and the requests that they make of it.

An agent keeps its folder: key, last lease, the question that nobody has answered yet. Who copies
that is an agent like it. What goes over the wire is kept as it was sent, byte by byte, for those
who listen.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from tests.devices import Device
from tests.world import AGENTS, Answer, Person, World

HOST: Final = "licensing.example"
LOGIN: Final = "/v1/licenses"
VALIDATE: Final = "/v1/licenses/validate"
PROOFS: Final = 3
"""How many proofs an agent makes for one question."""

NO_ANSWER: Final = Answer(0, {}, None)
"""To a request that was held back."""

NEWER, OLDER = "4.5.0.0", "4.3.0.12"


@dataclass(frozen=True)
class Question:
    """What an agent asks with, the same until it is answered."""

    lease: str | None
    nonce: str


@dataclass(frozen=True)
class Folder:
    """What an agent keeps on its disk, but for its device key."""

    key: str | None = None
    license_id: str | None = None
    lease: str | None = None
    asked: Question | None = None
    asked_at_login: Question | None = None


@dataclass(frozen=True)
class Sent:
    """A request as it went over the wire, and its answer; ``lease`` is what it presented."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    person: Person | None
    address: str
    at: float
    lease: str | None
    answer: Answer
    by: str = ""

    @property
    def granted(self) -> Mapping[str, Any] | None:
        """The claims of the lease in the answer."""
        return granted(self.answer)

    @property
    def is_proved(self) -> bool:
        """Whether it carries a proof of a device key."""
        return any(name == "dpop" for name, _ in self.headers)


@dataclass
class Wire:
    """The way to the service, and all that has gone over it."""

    world: World
    sent: list[Sent] = field(default_factory=list)
    is_held: bool = False
    """Whether what is sent is held back on the way."""

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold back what is sent in this block: nobody answers it."""
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False

    def send(
        self,
        path: str,
        body: bytes,
        *,
        proof: str | None,
        agent: Agent,
        person: Person | None,
        lease: str | None,
    ) -> Answer:
        """Send a request as it is, and keep it."""
        headers = [("host", HOST), ("content-type", "application/json")]
        headers += [("dpop", proof)] if proof is not None else []
        at, address = self.world.clock(), agent.address
        sent = Sent(path, body, tuple(headers), person, address, at, lease, NO_ANSWER, agent.name)
        if not self.is_held:
            sent = replace(sent, answer=self.again(sent))
        self.sent.append(sent)
        return sent.answer

    def again(self, one: Sent, body: bytes | None = None) -> Answer:
        """Send what was overheard once more, or with another body."""
        return self.world.request(
            "POST",
            one.path,
            body=one.body if body is None else body,
            headers=one.headers,
            person=one.person,
            source_ip=one.address,
        )


@dataclass
class Agent:
    """An agent, or somebody who makes requests like one.

    ``version`` says in which form it asks. ``person`` logs in on it.
    """

    wire: Wire
    name: str
    person: Person
    machine: Mapping[str, Any]
    address: str
    environment: str | None = "production"
    version: str = NEWER
    device: Device | None = None
    folder: Folder = Folder()
    turns: count[int] = field(default_factory=lambda: count(1))

    @property
    def organization_id(self) -> str:
        """Whose agent it is."""
        return str(self.person.organization_id)

    @property
    def is_older(self) -> bool:
        """Whether it knows neither leases nor nonces."""
        return self.version == OLDER

    def nonce(self) -> str:
        """A nonce for another question."""
        return f"{self.name}-{next(self.turns)}"

    def copy(self, name: str, address: str, *, with_device: bool) -> Agent:
        """Its folder in another place."""
        return replace(
            self,
            name=name,
            address=address,
            device=Device(self.device.key) if self.device and with_device else None,
            turns=count(1),
        )

    # -- its own questions -------------------------------------------------------------------------

    def asks(self, *, is_heard: bool = True) -> Answer:
        """Validate, and keep what is answered, if that `is_heard`."""
        if self.folder.asked is None:
            self.folder = replace(self.folder, asked=Question(self.folder.lease, self.nonce()))
        asked = self.folder.asked
        assert asked is not None
        answer = self.validate(asked.lease, asked.nonce)
        if is_heard and answer.status == 200:
            # No question outlives an answer; what is presented outlives a block.
            lease = answer.json["lease"]["token"] if answer.json["valid"] else self.folder.lease
            self.folder = replace(self.folder, lease=lease, asked=None, asked_at_login=None)
        return answer

    def logs_in(self, *, is_heard: bool = True, with_key: bool = True) -> Answer:
        """Log in, and keep what is answered, if that `is_heard`."""
        if self.folder.asked_at_login is None:
            question = Question(self.folder.lease, self.nonce())
            self.folder = replace(self.folder, asked_at_login=question)
        asked = self.folder.asked_at_login
        assert asked is not None
        key = self.folder.key if with_key else None
        answer = self.login(asked.lease, asked.nonce, key)
        if is_heard and answer.status in {200, 201}:
            self.folder = Folder(
                answer.json["license_key"],
                answer.json["license"]["id"],
                answer.json["lease"]["token"],
            )
        return answer

    # -- requests ----------------------------------------------------------------------------------

    def validate(
        self, lease: str | None, nonce: str | None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask with this; `body` is what else is said, or said otherwise."""
        said: dict[str, Any]
        if self.is_older:
            said = {**self._older(), "LicenseKey": self.folder.key}
        else:
            said = {
                "license_key": self.folder.key,
                "organization_id": self.organization_id,
                "environment": self.environment,
                "machine": dict(self.machine),
                "agent_version": self.version,
                "nonce": nonce,
                "lease": lease,
            }
        said = {name: value for name, value in (said | dict(body or {})).items() if value}
        return self._sent(VALIDATE, said, str(self.folder.key), lease)

    def login(self, lease: str | None, nonce: str, key: str | None) -> Answer:
        """Let the person log in."""
        said: dict[str, Any]
        if self.is_older:
            said = {**self._older(), "AgentVersion": self.version, "LicenseKey": key}
        else:
            said = {
                "machine": dict(self.machine),
                "environment": self.environment,
                "agent_version": self.version,
                "license_key": key,
                "nonce": nonce,
                "lease": lease,
            }
        said = {name: value for name, value in said.items() if value}
        return self._sent(LOGIN, said, self.person.token(AGENTS), lease, self.person)

    def _older(self) -> dict[str, Any]:
        return {
            "MacId": self.machine["mac_addresses"][0],
            "ComputerName": self.machine["computer_name"],
        }

    def _sent(
        self,
        path: str,
        said: Mapping[str, Any],
        credential: str,
        lease: str | None,
        person: Person | None = None,
    ) -> Answer:
        body = json.dumps(said).encode()
        device, proof = self.device, None
        claims = read(lease) if lease is not None and path == VALIDATE else {}
        nonce = device.nonce if device else None
        if claims.get("exp", 0) > self.wire.world.clock() and "jti" in claims:
            is_early = self.wire.world.clock() < (claims["iat"] + claims["exp"]) // 2
            nonce = f"{claims['jti']}.early" if is_early else claims["jti"]
        for _ in range(PROOFS):
            if device is not None:
                proof = device.proof(f"http://{HOST}{path}", credential, body, nonce=nonce)
            self.wire.world.clock.advance(0.002)  # nonces count by the millisecond
            answer = self.wire.send(path, body, proof=proof, agent=self, person=person, lease=lease)
            if device is not None:
                device.nonce = nonce = answer.headers.get("dpop-nonce", device.nonce)
            if answer.status != 401:
                break
        return answer


def read(token: str) -> dict[str, Any]:
    """What a lease claims; nobody checks its signature here. Nothing of what is none."""
    try:
        part = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims


def granted(answer: Answer) -> Mapping[str, Any] | None:
    """The claims of the lease that an answer brings."""
    lease = answer.json.get("lease") if isinstance(answer.json, Mapping) else None
    return read(lease["token"]) if lease else None
