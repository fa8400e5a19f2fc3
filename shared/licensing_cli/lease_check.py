"""The steps of a lease's check, and what a question leaves open.

What this module guarantees: a lease is verified by :mod:`licensing_agent.protocol.lease`, as agents
do it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from licensing_agent.protocol.lease import Expected, Lease, Reason, Rejected
from licensing_cli import tokens
from licensing_cli.json_types import Json

STEPS: Final = MappingProxyType(
    {
        Reason.MALFORMED: "It has the form of a lease, a compact JWS.",
        Reason.WRONG_ALGORITHM: "It is signed with Ed25519.",
        Reason.WRONG_TYPE: "Its type is lease+jwt.",
        Reason.UNKNOWN_KEY: "Its key id is one of the service's.",
        Reason.WRONG_SIGNATURE: "It is signed with that key.",
        Reason.WRONG_ISSUER: "It is from the issuer.",
        Reason.WRONG_LICENSE: "It is for the licence.",
        Reason.WRONG_ORGANIZATION: "It is for the organization.",
        Reason.WRONG_ENVIRONMENT: "It is for the environment.",
        Reason.WRONG_MACHINE: "It is for the machine.",
        Reason.WRONG_NONCE: "It has the nonce of the request.",
        Reason.NOT_YET: "It is already valid.",
        Reason.OVER: "It has not expired.",
    }
)
"""The steps of a check, in order; each fails for one reason."""

WHERE_ASKED: Final = MappingProxyType(
    {
        Reason.WRONG_ISSUER: "issuer",
        Reason.WRONG_LICENSE: "license_id",
        Reason.WRONG_ORGANIZATION: "organization_id",
        Reason.WRONG_ENVIRONMENT: "environment",
        Reason.WRONG_MACHINE: "machine_thumbprint",
        Reason.WRONG_NONCE: "nonce",
    }
)
"""What a step compares only where somebody has asked for it: the claim of the question."""


def expected(token: str, asked: dict[str, str | None]) -> Expected:
    """What was asked for, and where nothing was, what the lease says."""
    names = {"issuer": "iss", "license_id": "sub"}
    claims = tokens.claims(token)
    said = {name: claims.get(names.get(name, name)) for name in asked}
    texts = {name: value if isinstance(value, str) else "" for name, value in said.items()}
    wanted = {name: value if value is not None else texts[name] for name, value in asked.items()}
    nonce = said["nonce"]
    return Expected(
        issuer=wanted["issuer"],
        license_id=wanted["license_id"],
        organization_id=wanted["organization_id"],
        environment=wanted["environment"],
        machine_thumbprint=wanted["machine_thumbprint"],
        nonce=nonce if isinstance(nonce, str) else None,
    )


def rows(found: Lease | Rejected, asked: set[str]) -> list[Json]:
    """Each step with its outcome, of a check in which these claims were asked for."""
    reason = found.reason if isinstance(found, Rejected) else None
    outcome = "ok"
    told: list[Json] = []
    for step, sentence in STEPS.items():
        if step is reason:
            outcome = "fail"
        unasked = step in WHERE_ASKED and WHERE_ASKED[step] not in asked
        told.append(
            {"outcome": "not asked" if unasked and outcome == "ok" else outcome, "step": sentence}
        )
        if step is reason:
            outcome = "not reached"
    return told
