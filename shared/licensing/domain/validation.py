"""Whether a licence key is good here and now (R13, R14, R27).

What this module guarantees: :func:`check` derives validity from the licence, the organization's
subscription and ``now``. The mark ``EXPIRED`` that the sweep leaves takes no part in it (R14).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from licensing.domain.device_key import InvalidProof, Possession, Proof, possession
from licensing.domain.license import License, State
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, Standing


class Code(StrEnum):
    """The answers of a validation, in order of precedence (R13)."""

    NOT_FOUND = "NOT_FOUND"
    ORGANIZATION_MISMATCH = "ORGANIZATION_MISMATCH"
    REVOKED = "REVOKED"
    DISSOCIATED = "DISSOCIATED"
    MACHINE_MISMATCH = "MACHINE_MISMATCH"
    PROOF_REQUIRED = "PROOF_REQUIRED"
    PROOF_INVALID = "PROOF_INVALID"
    DETACHED = "DETACHED"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"
    VALID = "VALID"


_CODE_BY_STANDING: Final = MappingProxyType(
    {
        Standing.CURRENT: Code.VALID,
        Standing.SUSPENDED: Code.SUSPENDED,
        Standing.ENDED: Code.EXPIRED,
    }
)

_CODE_BY_POSSESSION: Final = MappingProxyType(
    {Possession.MISSING: Code.PROOF_REQUIRED, Possession.FAILED: Code.PROOF_INVALID}
)


@dataclass(frozen=True, slots=True)
class PresentedAgent:
    """An agent as it presents itself with a licence key.

    An ``environment`` of ``None`` is not compared; another one than the licence's is another agent
    instance. ``proof`` is what was made of its proof of a device key, ``None`` where it sent none.
    """

    organization_id: str
    environment: str | None
    machine: Machine
    proof: Proof | InvalidProof | None = None


def check(
    record: License, organization: Organization | None, agent: PresentedAgent, *, now: int
) -> Code:
    """Whether a genuine key works here and now; the steps stand in order of precedence (R13).

    That the key is genuine (else ``NOT_FOUND``) has been established before. ``organization`` is
    the one that the agent names, ``None`` when there is none of that id.
    """
    # 1. The key is used for the organization that it was issued to.
    if organization is None or record.organization_id != agent.organization_id:
        return Code.ORGANIZATION_MISMATCH
    # 2. The licence has not ended for good, and is not waiting for another machine.
    if record.state is State.REVOKED:
        return Code.REVOKED
    if record.state is State.DISSOCIATED:
        return Code.DISSOCIATED
    # 3. The machine, and the agent on it, is the licence's.
    if not record.machine.is_same_as(agent.machine) or not _is_at(record, agent.environment):
        return Code.MACHINE_MISMATCH
    # 4. The agent holds the licence's device key, where there is one or has to be one.
    is_required = organization.policy.require_device_key
    held = possession(record.device_key, agent.proof, required=is_required)
    if held in _CODE_BY_POSSESSION:
        return _CODE_BY_POSSESSION[held]
    # 5. The agent is not blocked.
    if record.state is State.DETACHED:
        return Code.DETACHED
    # 6. The subscription is good, and so is the temporary licence's own term.
    code = _CODE_BY_STANDING[organization.subscription.standing(now)]
    if code is Code.VALID and record.term is not None and record.term.has_ended(now):
        return Code.EXPIRED
    return code


def _is_at(record: License, environment: str | None) -> bool:
    return environment in (None, record.environment) or record.term is not None
