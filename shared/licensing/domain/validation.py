"""Whether a licence key is good here and now (R13, R14, R27).

What this module guarantees:

* :func:`check` derives validity from the licence, the organization's subscription and ``now``. The
  mark ``EXPIRED`` that the sweep leaves takes no part in it (R14).
* Whatever is the same for each answer with a code stands in the code's own row, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from licensing.domain.device_key import InvalidProof, Possession, Proof, possession
from licensing.domain.license import License, State
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, Standing


class NextStep(StrEnum):
    """What an agent does next: work, log in, or stop until somebody acts elsewhere."""

    CONTINUE = "continue"
    LOGIN = "login"
    LOGOUT = "logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an answer with a code says, and what it leads to.

    ``message`` is for the person at the agent; a partner reads ``message_to_partner``, where there
    is one. ``misuse`` is there when the licence is in use where it does not belong: its history
    keeps that (R32), and people read these words for it. ``shows_license``: the key has proved to
    be this agent's own, which may see its licence. ``partner_may_log_in``: a partner's time, once
    over, is over (R27), but this has not ended it.
    """

    message: str
    action: NextStep
    message_to_partner: str | None = None
    misuse: str | None = None
    shows_license: bool = False
    partner_may_log_in: bool = False

    def message_to(self, *, partner: bool) -> str:
        """What the person at the agent reads."""
        return (self.message_to_partner if partner else None) or self.message

    def action_for(self, *, partner: bool) -> NextStep:
        """What the agent should do. A partner's time, once over, is over (R27)."""
        is_over = partner and self.action is NextStep.LOGIN and not self.partner_may_log_in
        return NextStep.LOGOUT if is_over else self.action


class Code(StrEnum):
    """The answers of a validation, in order of precedence (R13)."""

    meaning: Meaning
    """The rest of its row."""

    NOT_FOUND = (
        "NOT_FOUND",
        Meaning(
            message="This license key is not known. Log in again.",
            action=NextStep.LOGIN,
        ),
    )
    ORGANIZATION_MISMATCH = (
        "ORGANIZATION_MISMATCH",
        Meaning(
            message="This license key belongs to another organization.",
            action=NextStep.LOGIN,
            misuse="Used for another organization",
        ),
    )
    REVOKED = (
        "REVOKED",
        Meaning(
            message="This license has been revoked. Log in again.",
            message_to_partner="The temporary license has been revoked.",
            action=NextStep.LOGIN,
            misuse="Used after it was revoked",
        ),
    )
    DISSOCIATED = (
        "DISSOCIATED",
        Meaning(
            message="This license has been separated from its machine. Log in again.",
            action=NextStep.LOGIN,
            misuse="Used after it was dissociated",
        ),
    )
    MACHINE_MISMATCH = (
        "MACHINE_MISMATCH",
        Meaning(
            message="This license key belongs to another agent. Log in on this one.",
            action=NextStep.LOGIN,
            misuse="Used on another machine",
        ),
    )
    PROOF_REQUIRED = (
        "PROOF_REQUIRED",
        Meaning(
            message="This agent has to prove that it holds its device key. Log in again.",
            action=NextStep.LOGIN,
            misuse="Used without a proof of its device key",
            partner_may_log_in=True,
        ),
    )
    PROOF_INVALID = (
        "PROOF_INVALID",
        Meaning(
            message="The proof of this agent's device key does not hold. Log in again.",
            action=NextStep.LOGIN,
            misuse="Used with a proof that is not its device key's",
            partner_may_log_in=True,
        ),
    )
    DETACHED = (
        "DETACHED",
        Meaning(message="Agent is Blocked.", action=NextStep.LOGOUT, shows_license=True),
    )
    SUSPENDED = (
        "SUSPENDED",
        Meaning(
            message="The subscription is paused or cancelled.",
            action=NextStep.LOGOUT,
            shows_license=True,
        ),
    )
    EXPIRED = (
        "EXPIRED",
        Meaning(
            message="The subscription has ended.",
            message_to_partner="The temporary license has ended.",
            action=NextStep.LOGOUT,
            shows_license=True,
        ),
    )
    VALID = (
        "VALID",
        Meaning(message="The license is valid.", action=NextStep.CONTINUE, shows_license=True),
    )

    def __new__(cls, word: str, *row: Meaning) -> Self:
        """A member, of its word and its one meaning; whoever looks one up has the word alone."""
        code = str.__new__(cls, word)
        code._value_ = word
        (code.meaning,) = row
        return code


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
