"""The service's side of a chain of leases, as R36 and R37 have it, in a few lines of its own.

:class:`Chain` says which link follows. :class:`ChainedService` answers agents at a socket by it,
reads their proofs, and can lose answers.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from licensing.domain.machine import Credentials
from tests.agent.samples import LICENSE_ID, lease_token
from tests.agent.service import Service, instant
from tests.agent.simulation.tokens import part
from tests.local.events import Request, Response
from tests.unit.domain.test_lease import b64
from tests.unit.samples import DAY


@dataclass(frozen=True)
class Link:
    """A lease: its id, ``None`` outside the chain, and its time."""

    id: str | None
    issued_at: int
    expires_at: int

    def is_early(self, now: float) -> bool:
        """Whether it is in the first half of its time."""
        return now < (self.issued_at + self.expires_at) / 2


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

    ``returns`` went on from a link that others have followed, ``forks`` from one that was left so;
    ``bare`` came with no lease, though one had been presented before.
    """

    seconds: int = DAY
    current: Link | None = None
    returns: int = 0
    forks: int = 0
    bare: int = 0
    _is_used: bool = False
    _left: set[str | None] = field(default_factory=set)

    def answer(
        self, presented: Link | None, nonce: str, *, now: float, is_login: bool = False
    ) -> Link:
        """The lease that a question gets."""
        was_used, current, next_id = self._is_used, self.current, following(presented, nonce)
        self._is_used = was_used or presented is not None
        fresh = Link(next_id, int(now), int(now) + self.seconds)
        if current is None or next_id == current.id:
            self.current = current or fresh
        elif presented is not None and presented.id == current.id:
            self.current = current if current.is_early(now) else fresh
        elif presented is None and not is_login:
            self.bare += was_used
            return Link(None, fresh.issued_at, fresh.expires_at)
        elif {next_id, presented.id if presented else None} & self._left:
            self.forks += 1
            self.current = fresh
        else:
            self.returns += 1
            self._left.add(current.id)
            is_early = current.is_early(now)
            self.current = Link(next_id, current.issued_at, current.expires_at)
            self.current = self.current if is_early else fresh
        return self.current

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
                nonces.add(str(presented.id))
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
            return Response.of_json(200, self.login() | {"lease": told})
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
