"""The peer: one route, `POST /v1/licenses/validate`, as people write it who like FastAPI.

It takes the service's request and gives its answer: the key's form and MAC, licence, organization
and subscription, machine by two of three keyed hashes, environment, proof of the device key with
its freshness, chain of leases, one write for a new link, the time of the last use once in an
interval, and one line of log for each answer.

Shared with the service are forms alone, which a second author would have to write alike: licence
keys, normal form and hashes of credentials, proofs, leases, the keys of the server's secret, and
the words of the answers. Decisions, data and HTTP are its own.

Left out, since nothing that is measured comes to it: temporary licences, agents up to 4.3, machines
that have changed or are known by their device key, device keys that wait, and the record of uses
that were refused. Who presents another lease than the chain's last is refused; the service lets an
agent return to an older one, and counts.
"""

import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import asyncpg
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from licensing.domain import dpop, environment, license_key
from licensing.domain.device_key import InvalidProof, Proof, is_over, needs_nonce
from licensing.domain.errors import ForgedLease, InvalidInput, StaleProof
from licensing.domain.keyring import Keyring
from licensing.domain.lease import Lease, genuine
from licensing.domain.license_key import KeySubject, LicenseKey
from licensing.domain.machine import Credentials, Machine
from licensing.domain.validation import Code

PATH = "/v1/licenses/validate"
LOG = logging.getLogger("peer")
READ = """
SELECT l.*, o.id AS named, o.valid_until, o.status, o.require_device_key
FROM licenses l LEFT JOIN organizations o ON o.id = $2 WHERE l.id = $1
"""
WRITE = """
UPDATE licenses SET seen_at = $4, agent_version = $5, source_address = $6, leased_until = $7,
    link = $8, link_issued_at = $9, link_expires_at = $10, is_presented = $11, proved_ms = $12
WHERE id = $1 AND link IS NOT DISTINCT FROM $2 AND proved_ms = $3 AND state IN ('active', 'expired')
RETURNING id
"""
Row = Mapping[str, Any]
Address = Annotated[str, Field(max_length=64)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AgentMachine(Strict):
    machine_id: Annotated[str, Field(max_length=256)] | None = None
    mac_addresses: Annotated[list[Address], Field(max_length=1024)] = []
    computer_name: Annotated[str, Field(max_length=255)] | None = None


class Question(Strict):
    license_key: Annotated[str, Field(max_length=128)]
    organization_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
    machine: AgentMachine
    environment: Annotated[str, Field(max_length=64, pattern=r"^\s*\w[\w. -]*$")] | None = None
    agent_version: Annotated[str, Field(max_length=32, pattern=r"^[\w.+-]+$")] | None = None
    nonce: Annotated[str, Field(max_length=128, pattern=r"^[\x21-\x7e]+$")] | None = None
    lease: Annotated[str, Field(max_length=4096)] | None = None


class Link(NamedTuple):
    id: str | None
    issued_at: int
    expires_at: int


@dataclass
class Service:
    pool: asyncpg.Pool
    keyring: Keyring
    address: str
    issuer: str
    lease_seconds: int
    seen_seconds: int

    def next_nonce(self) -> str:
        return dpop.new_nonce(self.keyring.nonce_key, int(time.time() * 1000))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    said = json.loads(os.environ["PEER"])
    database, keyring = said.pop("database"), Keyring.from_secret(said.pop("secret"))
    async with asyncpg.create_pool(host=database, user="peer", database="postgres") as pool:
        app.state.service = Service(pool, keyring, **said)
        yield


async def validate(
    question: Question, request: Request, dpop_header: Annotated[str, Header(alias="dpop")] = ""
) -> JSONResponse:
    service: Service = request.app.state.service
    now, proof, headers = time.time(), None, {"cache-control": "no-store"}
    try:
        key = license_key.parse(question.license_key)
        credentials = Credentials.of(**question.machine.model_dump())
        if dpop_header:
            headers["dpop-nonce"] = service.next_nonce()
            urls, body = frozenset({service.address + PATH}), await request.body()
            made_for = dpop.ProvedRequest(request.method, urls, question.license_key, body)
            nonce_key, now_ms = service.keyring.nonce_key, int(now * 1000)
            proof = dpop.verify(dpop_header, made_for, nonce_key=nonce_key, now_ms=now_ms)
        asked = Asked(service, question, key, credentials, proof, int(now), request.client.host)
        for _ in range(3):
            if (answer := await asked.answer()) is not None:
                LOG.info(json.dumps({"license": key.license_id, "code": answer["code"]}))
                return JSONResponse(answer, headers=headers)
    except InvalidInput as error:
        raise HTTPException(400, error.message) from error
    except StaleProof as error:
        raise HTTPException(401, str(error), {"dpop-nonce": service.next_nonce()}) from error
    raise HTTPException(503, "This license is in use. Try again.")


app = FastAPI(lifespan=lifespan, openapi_url=None)
app.add_api_route(PATH, validate, methods=["POST"])


@dataclass
class Asked:
    """One question and its decision. Each method says what follows from the row as it was read."""

    service: Service
    question: Question
    key: LicenseKey
    credentials: Credentials
    proof: Proof | InvalidProof | None
    now: int
    address: str

    async def answer(self) -> dict[str, Any] | None:
        """The answer; None when another use of the licence came first."""
        key, named, keyring = self.key, self.question.organization_id, self.service.keyring
        row: Row | None = await self.service.pool.fetchrow(READ, key.license_id, named)
        secret = keyring.license_key_secrets.get(key.secret_version)
        if row is None or secret is None:
            return self.shown(Code.NOT_FOUND)
        subject = (row["id"], row["organization_id"], row["identity"], row["environment"])
        derived = license_key.derive(secret, row["secret_version"], KeySubject(*subject))
        code = self.code(row) if license_key.is_genuine(key, derived) else Code.NOT_FOUND
        if not code.meaning.shows_license:
            return self.shown(code)
        last, nonce = self.last_lease(row), self.question.nonce or os.urandom(16).hex()
        following = keyring.next_link(row["id"], (last and last.id) or "", nonce)
        is_at_head = last is not None and row["link"] in {last.id, following}
        self.demand_freshness(row, last if is_at_head else None)
        if code is not Code.VALID:
            return self.shown(code, row)
        if not is_at_head and (last or row["is_presented"] or row["device_key"]):
            return self.shown(Code.PROOF_REQUIRED)
        return await self.granted(row, following if is_at_head else None)

    def code(self, row: Row) -> Code:
        """The first code that applies."""
        proof, bound, asked = self.proof, row["device_key"], self.question.environment
        if bound is not None and isinstance(proof, InvalidProof):
            return Code.PROOF_INVALID
        if row["named"] != row["organization_id"]:
            return Code.ORGANIZATION_MISMATCH
        if row["state"] in {"revoked", "dissociated"}:
            return Code(row["state"].upper())
        is_elsewhere = asked is not None and not environment.is_same(row["environment"], asked)
        if is_elsewhere or not self.is_same_machine(row):
            return Code.MACHINE_MISMATCH
        if (bound is not None or row["require_device_key"]) and (proof is None or bound is None):
            return Code.PROOF_REQUIRED
        if bound is not None and isinstance(proof, Proof) and proof.thumbprint != bound:
            return Code.PROOF_INVALID
        if row["state"] == "detached":
            return Code.DETACHED
        standing = Code.VALID if self.now < row["valid_until"] else Code.EXPIRED
        return standing if row["status"] == "active" else Code.SUSPENDED

    def is_same_machine(self, row: Row) -> bool:
        """Whether two of three agree; of addresses, one in common is enough."""
        seen = Machine.of(self.credentials, self.service.keyring.hashing_key)
        has_id = seen.machine_id is not None and seen.machine_id == row["machine_id"]
        has_name = seen.computer_name is not None and seen.computer_name == row["computer_name"]
        shared = set(seen.mac_addresses if has_id else seen.named_addresses)
        return has_id + has_name + (not shared.isdisjoint(row["mac_addresses"])) >= 2

    def last_lease(self, row: Row) -> Lease | None:
        """The lease that was presented, if the service has signed it for this licence."""
        token, keys = self.question.lease or "", self.service.keyring.lease_keys
        try:
            lease = genuine(token, keys, issuer=self.service.issuer)
        except ForgedLease:
            return None
        return lease if lease.license_id == row["id"] and lease.id else None

    def demand_freshness(self, row: Row, last: Lease | None) -> None:
        """Check that a proof is over a nonce and newer than what has counted, or over `last`."""
        proof, now = self.proof, self.now
        if row["device_key"] is None or not isinstance(proof, Proof):
            return
        if proof.made_ms is not None and proof.made_ms > row["proved_ms"]:
            return
        if proof.made_ms is not None or last is None or not last.issued_at <= now < last.expires_at:
            raise needs_nonce()
        if not is_over(proof.nonce, last.id, is_early=now < last.renew_after):
            raise needs_nonce()

    async def granted(self, row: Row, following: str | None) -> dict[str, Any] | None:
        """The answer with a lease, once what that changes is written.

        Who asks the same question again gets the same link, and so does who has the last one in its
        first half. Without a place in the chain, the lease is outside; its end is written ahead.
        """
        now, service, limit, proof = self.now, self.service, row["valid_until"], self.proof
        head = after = Link(row["link"], row["link_issued_at"], row["link_expires_at"])
        end, proved_ms = min(now + service.lease_seconds, limit), row["proved_ms"]
        is_due = now >= row["seen_at"] + service.seen_seconds
        if following is None:
            link = Link(None, now, end)
            ahead = is_due or end > row["leased_until"]
            until = min(end + service.seen_seconds, limit) if ahead else end
        else:
            half = (min(head.expires_at, limit) - head.issued_at) // 2
            if following != head.id and now >= head.issued_at + half:
                made_ms = isinstance(proof, Proof) and proof.made_ms
                after, proved_ms = Link(following, now, end), max(made_ms or 0, now * 1000)
            link, until, ahead = after, after.expires_at, not row["is_presented"]
        until = max(until, row["leased_until"])
        if is_due or ahead or after != head:
            seen = (now, self.question.agent_version, self.address, until)
            kept = (*seen, *after, following is not None, proved_ms)
            before = (row["id"], head.id, row["proved_ms"])
            if await service.pool.fetchval(WRITE, *before, *kept) is None:
                return None
        return self.shown(Code.VALID, row, link, until)

    def shown(
        self, code: Code, row: Row | None = None, link: Link | None = None, until: int = 0
    ) -> dict[str, Any]:
        """The answer's body; the licence is shown to its own agent, with a lease where granted."""
        license, lease, question = None, None, self.question
        if row is not None:
            license = {
                "id": row["id"],
                "kind": "standard",
                "status": "active" if code is Code.VALID else code.lower(),
                "organization_id": row["organization_id"],
                "environment": row["environment"],
                "primary": row["is_primary"],
                "issued_at": instant(row["issued_at"]),
                "valid_until": None if code is Code.DETACHED else instant(row["valid_until"]),
                "leased_until": instant(until or row["leased_until"]),
            }
        if row is not None and link is not None:
            said = {name: row[name] for name in ("organization_id", "environment")}
            said |= {"environment": question.environment} if question.environment else {}
            thumbprint, issuer = self.credentials.thumbprint(), self.service.issuer
            said |= {"issuer": issuer, "license_id": row["id"], "machine_thumbprint": thumbprint}
            said |= {"kind": "standard", "primary": row["is_primary"], "nonce": question.nonce}
            statement = Lease(**said, **link._asdict())
            lease = {
                "token": self.service.keyring.sign(statement),
                "expires_at": instant(link.expires_at),
                "renew_after": instant(statement.renew_after),
            }
        told = {"code": code, "message": code.meaning.message, "action": code.meaning.action}
        answer = {"valid": code is Code.VALID, **told, "license": license, "lease": lease}
        return {**answer, "nonce": question.nonce, "server_time": instant(self.now)}


def instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
