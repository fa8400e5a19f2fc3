"""The service's side of a chain of leases, by its own rules (R36, R37).

:class:`Chain` says which link follows. :class:`ChainedService` answers agents at a socket by it,
reads their proofs, and can lose answers.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from licensing.domain import lease_chain
from licensing.domain.lease_chain import NO_CHAIN, Asked, Link, Question, Shown, shown, step
from licensing.domain.machine import Credentials
from tests.agent.samples import LICENSE_ID, lease_token
from tests.agent.service import Service, instant
from tests.agent.simulation.tokens import part
from tests.local.events import Request, Response
from tests.unit.domain.test_lease import b64
from tests.unit.samples import DAY


def link_of(token: str | None) -> Link | None:
    """What stands in a lease, if it is a link of the chain."""
    claims = part(token, 1) if token else {}
    if claims.get("jti") is None:
        return None
    return Link(claims["jti"], claims["iat"], claims["exp"])


def following(link: Link | None, nonce: str) -> str:
    """The id of the link that follows."""
    text = f"{link.id if link else ''} {nonce}"
    return b64(hashlib.sha256(text.encode()).digest()[:16])


@dataclass
class Chain:
    """A licence's chain, and what has been seen on it that one agent alone does not do.

    ``returns`` went on from a link that others have followed, ``forks`` show two agents; ``bare``
    came with no lease, though one had been presented before.
    """

    seconds: int = DAY
    chain: lease_chain.Chain = NO_CHAIN
    returns: int = 0
    forks: int = 0
    bare: int = 0

    def answer(
        self, presented: Link | None, nonce: str, *, now: float, is_login: bool = False
    ) -> Link:
        """The lease that a question gets."""
        question = Question(presented, following(presented, nonce), at_login=is_login)
        self.bare += shown(self.chain, question) is Shown.NOTHING
        taken = step(
            self.chain,
            question,
            Asked(int(now), int(now) + self.seconds, int(now) + 365 * DAY, None),
        )
        if presented is None and not is_login:
            return Link(None, int(now), int(now) + self.seconds)
        self.chain, self.forks = taken.chain, self.forks + taken.is_fork
        self.returns += bool(taken.returns) and not taken.is_fork
        assert taken.chain.link is not None
        return taken.chain.link

    @property
    def current(self) -> Link | None:
        """The current link."""
        return self.chain.link

    @property
    def suspicions(self) -> int:
        """How often it looked as if there were two agents."""
        return self.returns + self.forks + self.bare


def claims_of_proof(request: Request) -> dict[str, Any]:
    """What a request's proof claims."""
    token = request.header("dpop")
    assert token is not None
    return part(token, 1)


class ChainedService(Service):
    """Answers by a chain, and wants proofs that are fresh and of the body as it is sent.

    ``loses`` is how many answers are lost from now on, once what was asked has been done.
    """

    def __init__(self) -> None:
        self.chain = Chain()
        self.nonce = "nonce-1"
        self.loses = 0
        self.statuses: list[int] = []
        self.tells_nonce_in = {"header", "body"}
        super().__init__()

    def answer(self, request: Request) -> Response:
        """One request."""
        answer = self._answered(request)
        self.statuses.append(answer.status)
        return answer

    def _answered(self, request: Request) -> Response:
        if self.answers or not request.body:
            return super().answer(request)
        self.requests.append(request)
        asked, is_login = json.loads(request.body), request.path == "/v1/licenses"
        presented, now = link_of(asked["lease"]), self.now
        if request.header("dpop") is not None:
            claims = claims_of_proof(request)
            assert claims["htb"] == b64(hashlib.sha256(request.body).digest())
            nonces = {self.nonce}
            if presented and presented.issued_at <= now < presented.expires_at and not is_login:
                nonces.add(
                    f"{presented.id}.early"
                    if presented.is_early(int(now), presented.expires_at)
                    else str(presented.id)
                )
            if claims.get("nonce") not in nonces:
                return self.challenge()
        link = self.chain.answer(presented, asked["nonce"], now=now, is_login=is_login)
        if self.loses:
            self.loses -= 1
            return Response.of_json(502, {})
        told = {
            "token": self.token(link, asked),
            "expires_at": instant(link.expires_at),
            "renew_after": instant((link.issued_at + link.expires_at) // 2),
        }
        if is_login:
            return Response.of_json(200, self.login(asked) | {"lease": told})
        valid = {"valid": True, "code": "VALID", "message": "", "action": "continue"}
        return Response.of_json(200, valid | {"lease": told, "server_time": instant(int(now))})

    def token(self, link: Link, asked: dict[str, Any]) -> str:
        """A lease, signed."""
        return lease_token(
            now=link.issued_at,
            seconds=link.expires_at - link.issued_at,
            nonce=asked["nonce"],
            id=link.id,
            machine_thumbprint=Credentials.of(**asked["machine"]).thumbprint(),
            license_id=LICENSE_ID,
        )

    def challenge(self) -> Response:
        """The service wants a nonce of its own in the proof."""
        told = {"code": "use_dpop_nonce", "detail": "Once more.", "status": 401, "title": ""}
        if "body" in self.tells_nonce_in:
            told["dpop_nonce"] = self.nonce
        headers = [("dpop-nonce", self.nonce)] if "header" in self.tells_nonce_in else []
        return Response.of_json(401, told, *headers)

    def asked(self, path: str = "") -> list[dict[str, Any]]:
        """The bodies of what has been asked, on paths that end like this."""
        return [
            json.loads(one.body) for one in self.requests if one.body and one.path.endswith(path)
        ]
