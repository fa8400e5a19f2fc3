"""An agent as the service sees it: a machine, a key, perhaps a device key, and its last lease.

It keeps to the protocol: it presents its last lease with each question, at logins, too, and makes
its proofs over that lease while it is in its time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any

from tests.devices import Device
from tests.integration.leases import read
from tests.world import AGENTS, ALICE, MACHINE_A, Answer, Person, World

HOST = "licensing.example"
LOGIN = f"http://{HOST}/v1/licenses"
VALIDATE = f"{LOGIN}/validate"
_QUESTIONS = count(1)


@dataclass
class Agent:
    """One agent; `presents` says whether it takes part in the chain of leases."""

    world: World
    device: Device | None = None
    machine: dict[str, Any] = field(default_factory=lambda: MACHINE_A)
    address: str = "203.0.113.7"
    presents: bool = True
    key: str = ""
    license_id: str = ""
    lease: str | None = None

    def login(self, person: Person = ALICE, **more: Any) -> Answer:
        """Log in, with a new proof where the service asks for one."""
        body = {
            "machine": self.machine,
            "agent_version": "4.5.0.0",
            "nonce": f"question-{next(_QUESTIONS)}",
            **({"lease": self.lease} if self.presents else {}),
            **more,
        }
        answer = self._sent("/v1/licenses", LOGIN, person.token(AGENTS), body, person)
        if answer.status in {200, 201}:
            self.key = answer.json["license_key"]
            self.license_id = answer.json["license"]["id"]
            self.lease = answer.json["lease"]["token"]
        return answer

    def validate(self, **more: Any) -> Answer:
        """Validate, and keep the lease; with a new proof where the service asks for one."""
        answer = self._sent(
            "/v1/licenses/validate",
            VALIDATE,
            self.key,
            {
                "license_key": self.key,
                "organization_id": "acme",
                "machine": self.machine,
                "nonce": f"question-{next(_QUESTIONS)}",
                **({"lease": self.lease} if self.presents else {}),
                **more,
            },
        )
        if answer.status == 200 and answer.json["valid"]:
            self.lease = answer.json["lease"]["token"]
        return answer

    def code(self, **more: Any) -> str:
        """The code that a validation answers."""
        answer = self.validate(**more)
        assert answer.status == 200, answer
        code: str = answer.json["code"]
        return code

    def fresh_proof(
        self, url: str = VALIDATE, credential: str | None = None, body: Any = b""
    ) -> str:
        """A proof of `body` with a nonce that the service has just made."""
        assert self.device is not None
        self.world.clock.advance(0.002)
        refused = self.send("/v1/licenses/validate", {}, "")
        self.device.nonce = refused.headers["dpop-nonce"]
        return self.device.proof(url, self.key if credential is None else credential, body)

    def login_after(
        self,
        old: Device,
        person: Person = ALICE,
        more: Mapping[str, Any] = MappingProxyType({}),
        **other: Any,
    ) -> Answer:
        """Log in with the device key and a proof of the old one, which names this one."""
        assert self.device is not None
        token = person.token(AGENTS)
        body = {"machine": self.machine, **more}
        proof = self.fresh_proof(LOGIN, token, body)
        claims = {"nonce": self.device.nonce, "cnf": {"jkt": self.device.thumbprint}, **other}
        previous = old.proof(LOGIN, token, body, **claims)
        return self.send("/v1/licenses", body, proof, person, previous)

    def send(
        self,
        path: str,
        body: Any,
        proof: str | None,
        person: Person | None = None,
        previous: str | None = None,
    ) -> Answer:
        """Send a request as it is, with proofs if there are some."""
        headers = [("host", HOST)]
        headers += [("dpop", proof)] if proof is not None else []
        headers += [("dpop-previous-key", previous)] if previous is not None else []
        return self.world.request(
            "POST", path, person=person, json=body, headers=headers, source_ip=self.address
        )

    def _sent(
        self, path: str, url: str, credential: str, body: Any, person: Person | None = None
    ) -> Answer:
        if self.device is None:
            return self.send(path, body, None, person)
        over = self._current_lease_id() if url == VALIDATE else None
        for _ in range(3):  # an answer that is lost within the service may cost a proof, too
            self.world.clock.advance(0.002)  # nonces count by the millisecond
            claims = {} if over is None else {"nonce": over}
            proof = self.device.proof(url, credential, body, **claims)
            answer, over = self.send(path, body, proof, person), None
            self.device.nonce = answer.headers["dpop-nonce"]
            if answer.status != 401:
                break
        return answer

    def _current_lease_id(self) -> str | None:
        """What a proof is over while the last lease is in its time."""
        if self.lease is None or not self.presents:
            return None
        claims = read(self.lease)
        in_time = claims["iat"] <= self.world.clock.time < claims["exp"]
        if not in_time or "jti" not in claims:
            return None
        is_early = self.world.clock.time < (claims["iat"] + claims["exp"]) // 2
        return f"{claims['jti']}.early" if is_early else str(claims["jti"])
