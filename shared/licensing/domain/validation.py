"""Whether a licence key is good here and now (R13, R14, R27).

What this module guarantees:

* :func:`check` derives validity from the licence, the organization's subscription and ``now``. The
  state ``EXPIRED`` that the sweep sets plays no part in it (R14).
* What all answers with one code have in common stands in the code's row of :class:`Code` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from licensing.domain.device_key import InvalidProof, Possession, Proof, possession
from licensing.domain.license import License, State
from licensing.domain.machine import Machine
from licensing.domain.organization import Organization, PolicyFloor, Standing


class NextStep(StrEnum):
    """What an agent does next: work on, log in again, or stop until somebody has acted."""

    CONTINUE = "continue"
    LOGIN = "login"
    LOGOUT = "logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an answer with a code says, and what it leads to.

    ``message`` is for the person at the agent; a partner reads ``message_to_partner`` instead,
    where there is one. ``misuse`` is there when the licence was used where it does not belong: the
    licence's history records that (R32), and calls it by these words. ``shows_license``: the key is
    this agent's own, so the answer shows the licence. ``partner_may_log_in``: a partner may log in
    again; after the other codes their temporary licence is over (R27).
    """

    message: str
    action: NextStep
    message_to_partner: str | None = None
    misuse: str | None = None
    shows_license: bool = False
    partner_may_log_in: bool = False

    def message_to(self, *, partner: bool) -> str:
        """What the person at the agent reads; ``partner`` says that the licence is temporary."""
        return (self.message_to_partner if partner else None) or self.message

    def action_for(self, *, partner: bool) -> NextStep:
        """What the agent does next; a partner's logs out instead of logging in again (R27).

        >>> Code.REVOKED.meaning.action_for(partner=False)
        <NextStep.LOGIN: 'login'>
        >>> Code.REVOKED.meaning.action_for(partner=True)
        <NextStep.LOGOUT: 'logout'>
        """
        is_over = partner and self.action is NextStep.LOGIN and not self.partner_may_log_in
        return NextStep.LOGOUT if is_over else self.action


class Code(StrEnum):
    """The codes of a validation's answers, in order of precedence (R13)."""

    meaning: Meaning
    """What an answer with this code says and leads to."""

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
            message="This license key belongs to another organization. Log in again.",
            message_to_partner="This temporary license is for another organization. Ask for one "
            "of this organization.",
            action=NextStep.LOGIN,
            misuse="Used for another organization",
        ),
    )
    REVOKED = (
        "REVOKED",
        Meaning(
            message="This license has been revoked. Log in again.",
            message_to_partner="The temporary license has been revoked. Ask for a new one.",
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
            message="This license key belongs to another machine or environment. Log in here.",
            message_to_partner="This temporary license is in use on another machine. Ask for a new "
            "one.",
            action=NextStep.LOGIN,
            misuse="Used on another machine",
        ),
    )
    PROOF_REQUIRED = (
        "PROOF_REQUIRED",
        Meaning(
            message="This agent has shown neither its device key nor its last lease. Log in again.",
            action=NextStep.LOGIN,
            misuse="Used without a proof of its device key, or without its last lease",
            partner_may_log_in=True,
        ),
    )
    PROOF_INVALID = (
        "PROOF_INVALID",
        Meaning(
            message="This agent has not proved the device key that its license is bound to. Log in "
            "again: that binds the key, or says who can help.",
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
            message="The subscription is paused or cancelled. Ask your administrator.",
            action=NextStep.LOGOUT,
            shows_license=True,
        ),
    )
    EXPIRED = (
        "EXPIRED",
        Meaning(
            message="The subscription has ended. Ask your administrator to renew it.",
            message_to_partner="The temporary license has ended. Ask for a new one.",
            action=NextStep.LOGOUT,
            shows_license=True,
        ),
    )
    VALID = (
        "VALID",
        Meaning(message="The license is valid.", action=NextStep.CONTINUE, shows_license=True),
    )

    def __new__(cls, word: str, *row: Meaning) -> Self:
        """Make a member from its word and its meaning; a lookup is typed by this, too."""
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

_CODE_BY_STATE: Final = MappingProxyType(
    {State.REVOKED: Code.REVOKED, State.DISSOCIATED: Code.DISSOCIATED}
)

_CODE_BY_POSSESSION: Final = MappingProxyType(
    {Possession.MISSING: Code.PROOF_REQUIRED, Possession.FAILED: Code.PROOF_INVALID}
)


@dataclass(frozen=True, slots=True)
class PresentedAgent:
    """What an agent says of itself when it presents a licence key.

    ``environment`` of ``None`` fits every licence: agents up to 4.3 know none (R30). ``proof`` is
    its verified proof of a device key, or why that is invalid; ``None`` where it sent none.
    ``is_at_head``: it has presented the current link of the licence's chain of leases.
    """

    organization_id: str
    environment: str | None
    machine: Machine
    proof: Proof | InvalidProof | None = None
    is_at_head: bool = False

    def may_be_on(self, record: License) -> bool:
        """Whether its machine is the licence's, if it presents the current link as well (R9).

        The bound device key and that link count as one component more, unless both machines have
        addresses of makers and share none: then a folder was copied to another computer.
        """
        by_key = record.is_bound_to(self.proof) and not record.machine.contradicts(self.machine)
        return record.is_on(self.machine, by_key=by_key)

    def is_on(self, record: License) -> bool:
        """Whether its machine is the licence's (R9)."""
        return record.is_on(self.machine) or (self.is_at_head and self.may_be_on(record))


def check(
    record: License,
    organization: Organization | None,
    agent: PresentedAgent,
    *,
    floor: PolicyFloor,
    now: int,
) -> Code:
    """Whether a licence is valid for this agent at ``now``: the first code that applies (R13).

    ``record`` is the licence of a key that has been found genuine; another key is ``NOT_FOUND``.
    ``organization`` is the one that the agent names, ``None`` when there is none of that id. Its
    policy counts where it is stricter than the vendor's ``floor`` (R38).

    >>> from licensing.domain.machine import Credentials
    >>> from licensing.domain.organization import Subscription, SubscriptionStatus
    >>> now = 1_900_000_000
    >>> credentials = Credentials.of(
    ...     machine_id=None, mac_addresses=["3c:52:82:0a:1b:2c"], computer_name="acme-pc-01"
    ... )
    >>> machine = Machine.of(credentials, hashing_key=b"a key of the server")
    >>> record = License(
    ...     id="lic_0123456789abcdef",
    ...     organization_id="acme",
    ...     environment="production",
    ...     state=State.ACTIVE,
    ...     machine=machine,
    ...     computer_name="acme-pc-01",
    ...     identity=machine.identity(),
    ...     secret_version=1,
    ...     issued_at=now,
    ...     issued_by="alice",
    ...     agent_version="4.5.0.0",
    ...     updated_at=now,
    ... )
    >>> acme = Organization(
    ...     id="acme",
    ...     name="Acme",
    ...     subscription=Subscription(now + 60, SubscriptionStatus.ACTIVE),
    ...     max_agents=None,
    ...     updated_at=now,
    ... )
    >>> agent = PresentedAgent("acme", "production", machine)
    >>> check(record, acme, agent, floor=PolicyFloor(), now=now)
    <Code.VALID: 'VALID'>
    >>> check(record, acme, agent, floor=PolicyFloor(), now=now + 60)
    <Code.EXPIRED: 'EXPIRED'>
    """
    # 0. The request is as its agent has signed it. If not, nothing that it says is believed:
    #    something on the way has changed it, and the agent keeps what it has (R36).
    if record.device_key is not None and isinstance(agent.proof, InvalidProof):
        return Code.PROOF_INVALID
    # 1. The key is used for the organization that it was issued to.
    if organization is None or record.organization_id != agent.organization_id:
        return Code.ORGANIZATION_MISMATCH
    # 2. The licence has not ended for good, and is not waiting for another machine.
    if record.state in _CODE_BY_STATE:
        return _CODE_BY_STATE[record.state]
    # 3. The machine, and the agent on it, is the licence's. A temporary one that ended unused never
    #    had any, and says that it has ended (R27).
    if record.waits_for_partner and record.term is not None and record.term.has_ended(now):
        return Code.EXPIRED
    if not agent.is_on(record) or not _is_at(record, agent.environment):
        return Code.MACHINE_MISMATCH
    # 4. The agent holds the licence's device key, where there is one or has to be one.
    policy = organization.policy.at_least(floor)
    device_key = record.key_to_prove(agent.proof, now, locked=policy.lock_device_keys)
    held = possession(device_key, agent.proof, required=policy.require_device_key)
    if held in _CODE_BY_POSSESSION:
        return _CODE_BY_POSSESSION[held]
    # 5. The agent is not blocked.
    if record.state is State.DETACHED:
        return Code.DETACHED
    # 6. The subscription is good, and so is the temporary licence's own term.
    code = _CODE_BY_STANDING[organization.subscription.standing(now)]
    has_ended = record.term is not None and record.term.has_ended(now)
    return Code.EXPIRED if code is Code.VALID and has_ended else code


def _is_at(record: License, environment: str | None) -> bool:
    # A temporary licence is tied to a machine, but to no environment on it (R26).
    return environment is None or record.is_for(environment) or record.term is not None
