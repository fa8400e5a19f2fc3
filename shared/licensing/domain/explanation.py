"""What the person at an agent is told, where a code has more than one cause (R13).

What this module guarantees:

* A sentence that differs from the code's own says which cause it is, and ends in what to do; the
  action agrees with it. The code is the one that agents of every version know.
* Whoever has not shown that the key and the machine are the licence's learns nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.key_change import told_time
from licensing.domain.license import License
from licensing.domain.validation import Code, NextStep, PresentedAgent


@dataclass(frozen=True, slots=True)
class Told:
    """What a person reads, and what their agent does next."""

    message: str
    action: NextStep


def told(code: Code, record: License | None = None, agent: PresentedAgent | None = None) -> Told:
    """What to say to an agent that gets ``code``.

    ``record`` is the licence whose genuine key it presents.

    >>> told(Code.DETACHED).message
    'Agent is Blocked.'
    """
    is_temporary = record is not None and record.term is not None
    action = code.meaning.action_for(partner=is_temporary)
    if record is not None and agent is not None:
        if code is Code.MACHINE_MISMATCH and record.waits_for_partner:
            return Told(_UNUSED, NextStep.LOGIN)
        cause = _cause(code, record, agent)
        if cause is not None:
            return Told(cause, action)
    return Told(code.meaning.message_to(partner=is_temporary), action)


_UNUSED = (
    "This temporary license has not been used yet: a partner has to log in with it on this "
    "machine first. Log in."
)
_NO_PROOF = (
    "No proof of this agent's device key has arrived. If the agent sends one, in the header DPoP, "
    "something on the way removes it: have that let it pass. Else log in again."
)


def _cause(code: Code, record: License, agent: PresentedAgent) -> str | None:
    if code is Code.MACHINE_MISMATCH and record.term is None and agent.is_on(record):
        return (
            f"This license key is for the environment {record.environment} of this machine, and "
            f"this agent is in {agent.environment}. Set its environment to {record.environment}, "
            "or log in here without the key, which takes a license of its own."
        )
    if code is Code.PROOF_REQUIRED and record.device_key is not None and agent.proof is None:
        return _NO_PROOF
    if code is Code.PROOF_INVALID and isinstance(agent.proof, InvalidProof):
        return (
            f"The proof of this agent's device key is not valid: {agent.proof.reason}. "
            f"{agent.proof.advice} If that does not help, log in again."
        )
    is_waiting = isinstance(agent.proof, Proof) and agent.proof.thumbprint == record.pending_key
    if code is Code.PROOF_INVALID and is_waiting:
        return (
            f"This agent's new device key takes over at {told_time(record.leased_until)} UTC, when "
            "the last lease of the old one is over. Until then the agent works on the lease of its "
            "login; if that is lost, log in again."
        )
    return None
