"""Why an agent would be refused: rules over what an administrator can read.

What this module guarantees:

* The codes of a validation are walked through in their order of precedence, then what refuses a
  login, then the traces that tell of trouble. Each finding says what to do next.
* What could not be looked at is said, and never taken for good.

The rules are pure: facts and the present time are handed in. What no administrator can read (the
key that the agent has, its clock, its network, whose token a person sends) is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from licensing_cli import json_types
from licensing_cli.people import person

Json = Mapping[str, object]

RECENT: Final = timedelta(days=1)
SOON: Final = timedelta(days=7)
_SILENT: Final = timedelta(days=1)
_EXCLUSIVE_FROM: Final = (4, 4)
_ANOTHER: Final = "A super-admin can generate a new one: licensing temporary generate"
_BOUND: Final = frozenset({"active", "detached", "expired", "suspended"})


class Level(StrEnum):
    """What a finding means for the agent."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNSEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; ``code`` is that of the answer which the agent would get."""

    level: Level
    code: str
    told: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be looked at, and why."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was read. ``None`` is what is not there, or, of holders, what was not asked for.

    ``license`` is that of the agent; ``holders`` hold the machine that was named; ``events`` are
    the licence's, newest first. ``logins`` are those that were refused on the agent's computer.
    """

    now: datetime
    organization_id: str
    environment: str | None
    organization: Json | None
    license: Json | None
    holders: Sequence[Json] | Unseen | None
    events: Sequence[Json]
    logins: Sequence[Json] = ()


def diagnose(facts: Facts) -> list[Finding]:
    """All findings, in the order in which the service would refuse."""
    return [finding for rule in RULES for finding in rule(facts)]


def is_same_environment(one: object, other: str) -> bool:
    """Whether two names are one environment's, as the service sees it."""

    def normal(name: str) -> str:
        return name.strip().rstrip(". \t").lower()

    return isinstance(one, str) and normal(one) == normal(other)


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing that was looked at stands in the way."""
    return all(finding.level is not Level.FAIL for finding in findings)


Found = Iterator[Finding]


# -- a validation ---------------------------------------------------------------------------------


def not_found(facts: Facts) -> Found:
    """There is a licence, of an organization that there is."""
    if facts.organization is None:
        yield Finding(
            Level.FAIL,
            "NOT_FOUND",
            f"There is no organization {facts.organization_id}, or it is not yours.",
            "Register it (licensing organizations create), or sign in as one of its "
            "administrators.",
        )
    if facts.license is None:
        yield Finding(
            Level.FAIL,
            "NOT_FOUND",
            f"{facts.organization_id} has no such licence, or you may not see it.",
            "Log in on the agent. If it already has a key, it is from another deployment, or the "
            "key of a temporary licence, which only super-admins can see.",
        )
    else:
        yield Finding(Level.OK, "NOT_FOUND", f"{facts.license.get('id')} exists.")


def organization_mismatch(facts: Facts) -> Found:
    """The licence is the organization's."""
    if facts.license is None:
        return
    owner = facts.license.get("organization_id")
    if owner != facts.organization_id:
        yield Finding(
            Level.FAIL,
            "ORGANIZATION_MISMATCH",
            f"The licence belongs to {owner}.",
            f"Configure the agent for {owner}, or log in on it for {facts.organization_id}.",
        )
    else:
        yield Finding(Level.OK, "ORGANIZATION_MISMATCH", f"It belongs to {owner}.")


def revoked(facts: Facts) -> Found:
    """The licence was not ended for good."""
    yield from _status(
        facts,
        "revoked",
        "REVOKED",
        _change(facts, "LicenseRevoked", "TemporaryLicenseRevoked"),
        _ANOTHER if _is_temporary(facts) else "Log in on the agent: it gets a new licence.",
    )


def dissociated(facts: Facts) -> Found:
    """The licence has a machine."""
    yield from _status(
        facts,
        "dissociated",
        "DISSOCIATED",
        _change(facts, "LicenseDissociated"),
        "Log in with the key on the machine that is to use it.",
    )


def machine_mismatch(facts: Facts) -> Found:
    """The licence is bound to the machine and the environment that were named."""
    if facts.license is None:
        return
    code = "MACHINE_MISMATCH"
    id, environment = facts.license.get("id"), facts.license.get("environment")
    if _is_temporary(facts):
        yield _first_use(facts.license)
    elif facts.environment is not None and not is_same_environment(environment, facts.environment):
        yield Finding(
            Level.FAIL,
            code,
            f"The licence is for the environment {environment}, not {facts.environment}.",
            "Log in on the agent of that environment: each environment has its own licence.",
        )
    elif isinstance(facts.holders, Unseen):
        yield Finding(Level.UNSEEN, code, facts.holders.why, "A super-admin can look it up.")
    elif facts.holders is None:
        told = "Not checked: you named no machine."
        advice = "Use two of --machine-id, --mac and --name, or --this."
        yield Finding(Level.UNSEEN, code, told, advice)
    elif _is_bound(facts.license) and id not in {one.get("id") for one in _held(facts.holders)}:
        by_key = (
            " (one, for an agent that has kept its device key and its last lease)"
            if facts.license.get("device_key")
            else ""
        )
        yield Finding(
            Level.FAIL,
            code,
            f"The licence is bound to another machine: {facts.license.get('computer_name')}.",
            f"Two of machine id, MAC address and name have to agree{by_key}. To move it here: "
            f"licensing licenses dissociate {id}, then log in with the key.",
        )
    else:
        yield Finding(Level.OK, code, "The licence is bound to this machine.")


def proof_required(facts: Facts) -> Found:
    """The licence has a device key where its organization demands one."""
    if facts.license is None or facts.organization is None:
        return
    code, policy = "PROOF_REQUIRED", facts.organization.get("policy")
    if not isinstance(policy, Mapping) or "device_key" not in facts.license:
        yield Finding(Level.UNSEEN, code, "The service does not show its device key.")
    elif facts.license.get("device_key"):
        yield Finding(Level.OK, code, "The licence has a device key.")
    elif policy.get("require_device_key") is True and _is_demanded_of_all(facts.organization):
        yield Finding(
            Level.FAIL,
            code,
            "The operator of the service requires a device key of all, and the licence has none.",
            "Log in on an agent that supports device keys. No organization can do without them.",
        )
    elif policy.get("require_device_key") is True:
        yield Finding(
            Level.FAIL,
            code,
            "The organization requires a device key, and the licence has none.",
            "Log in on an agent that supports device keys; or, for older agents: licensing "
            f"organizations policy {facts.organization_id} --no-require-device-key",
        )
    else:
        yield Finding(Level.OK, code, "No device key is required.")
    yield from _refusal(facts, "proof_required", code, _proof_advice(facts))


def _proof_advice(facts: Facts) -> str:
    """What helps an agent that has shown neither its device key nor, where it has none, a lease."""
    if facts.license is not None and facts.license.get("device_key"):
        return (
            "The agent has to send proofs with its device key. If it has lost that key, log in on "
            "it as an administrator."
        )
    return (
        "The agent has to present its last lease, since the organization blocks clones, or a "
        "device key, where one is required. Log in on it. If it works, somebody else has its key: "
        "look at the address."
    )


def _is_demanded_of_all(organization: Mapping[str, object]) -> bool:
    floor = organization.get("policy_floor")
    return isinstance(floor, Mapping) and floor.get("require_device_key") is True


def proof_invalid(facts: Facts) -> Found:
    """The agent has not sent proofs of another key."""
    yield from _refusal(
        facts,
        "proof_invalid",
        "PROOF_INVALID",
        "Its device key is not the licence's: its state was lost, or it is a copy. Log in on the "
        "right machine: as an administrator, or after licensing licenses reset-device-key. If "
        "there is a proxy, check that it does not change the address (AgentUrl).",
    )


def detached(facts: Facts) -> Found:
    """The agent is not blocked."""
    # A suspicion with a reason was told, and has blocked nothing.
    changes = [one for one in facts.events if not (_is_suspicion(one) and one.get("reason"))]
    facts = replace(facts, events=changes)
    last = _latest(facts, "LicenseDetached", "CloneSuspected")
    is_clone = last is not None and _is_suspicion(last)
    id = facts.license.get("id") if facts.license is not None else None
    first = (
        "Two agents were seen on this licence: find the copy and stop it. Then: "
        if is_clone
        else ""
    )
    yield from _status(
        facts,
        "detached",
        "DETACHED",
        _change(facts, "LicenseDetached", "CloneSuspected"),
        f"{first}licensing licenses attach {id}",
    )


def suspended(facts: Facts) -> Found:
    """The subscription is not paused or cancelled."""
    if facts.organization is None:
        return
    status = _subscription(facts.organization).get("status")
    if status == "active":
        yield Finding(Level.OK, "SUSPENDED", "The subscription is active.")
    else:
        yield Finding(
            Level.FAIL,
            "SUSPENDED",
            f"The subscription is {status}. A login is refused, too.",
            "Clear it with billing, or: licensing organizations update "
            f"{facts.organization_id} --status active",
        )


def expired(facts: Facts) -> Found:
    """Neither the subscription nor a temporary licence has ended."""
    if _is_temporary(facts):
        yield from _status(facts, "expired", "EXPIRED", "", _ANOTHER)
    if facts.organization is None:
        return
    until = _instant(_subscription(facts.organization).get("valid_until"))
    renew = f"licensing organizations update {facts.organization_id} --valid-until …"
    if facts.organization.get("standing") == "ended" or (until and until <= facts.now):
        told = f"The subscription ended at {_shown(until)}. A login is refused, too."
        yield Finding(Level.FAIL, "EXPIRED", told, f"Have billing renew it, or: {renew}")
    elif until and until - facts.now <= SOON:
        told = f"The subscription ends soon: {_shown(until)}."
        yield Finding(Level.WARN, "EXPIRED", told, f"Renew it in time: {renew}")
    else:
        yield Finding(Level.OK, "EXPIRED", f"The subscription lasts until {_shown(until)}.")


# -- a login --------------------------------------------------------------------------------------


def registered_elsewhere(facts: Facts) -> Found:
    """No other organization holds the machine."""
    code = "machine_registered_to_other_organization"
    if isinstance(facts.holders, Unseen):
        yield Finding(Level.UNSEEN, code, facts.holders.why, "A super-admin can look it up.")
    elif facts.holders is not None:
        others = [
            one for one in facts.holders if one.get("organization_id") != facts.organization_id
        ]
        has_own = (
            facts.license is not None and _is_bound(facts.license) and not _is_temporary(facts)
        )
        for other in others:
            told = f"The machine is registered with {other.get('name')}."
            advice = "Their administrator has to dissociate or revoke it there."
            yield Finding(Level.WARN if has_own else Level.FAIL, code, told, advice)
        if not others:
            yield Finding(Level.OK, code, "No other organization holds the machine.")


def no_free_seat(facts: Facts) -> Found:
    """There is a seat, where the agent needs one."""
    if facts.organization is None or _is_temporary(facts):
        return
    code = "seat_limit_reached"
    seats, limit = facts.organization.get("seats"), facts.organization.get("max_agents")
    if not isinstance(seats, int) or not isinstance(limit, int):
        yield Finding(Level.OK, code, "There is no seat limit.")
    elif facts.license is not None and _is_bound(facts.license):
        yield Finding(Level.OK, code, f"The agent has one of {limit} seats.")
    elif seats >= limit:
        yield Finding(
            Level.FAIL,
            code,
            f"All {limit} seats are taken, and this agent has none.",
            "Dissociate or revoke a licence, or: licensing organizations update "
            f"{facts.organization_id} --max-agents …",
        )
    else:
        yield Finding(Level.OK, code, f"{limit - seats} of {limit} seats are free.")


# -- traces ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sign:
    """What is said of a kind of entry in the history, and what helps."""

    told: str
    advice: str


_NOT_FOLLOWED: Final[Mapping[str, _Sign]] = MappingProxyType(
    {
        "drift_withheld": _Sign(
            "Its machine has changed once more, and the licence does not follow",
            "If the machine is like that now, log in on it: the licence follows at once. If "
            "nobody has changed it, somebody else uses the key.",
        ),
        "drift_refused": _Sign(
            "Its machine has changed into one that another licence holds",
            "If it is that machine, dissociate or revoke the licence that it does not need any "
            "more: licensing machines lookup tells who holds it.",
        ),
    }
)
"""Changes that a licence has not followed, by reason."""


def not_followed(facts: Facts) -> Found:
    """The licence has followed its machine wherever that has changed."""
    for event, at in _recent(facts, "AccessRefused"):
        if event.get("reason") in _NOT_FOLLOWED:
            sign = _NOT_FOLLOWED[str(event.get("reason"))]
            told = f"{sign.told}: last at {_shown(at)}, from {_address(event)}. The agent goes on."
            yield Finding(Level.WARN, "AccessRefused", told, sign.advice)


_OF_A_RULE: Final = frozenset({"proof_required", "proof_invalid", *_NOT_FOLLOWED})


def refused_lately(facts: Facts) -> Found:
    """The licence was not refused within a day."""
    found = [
        Finding(
            Level.WARN,
            "AccessRefused",
            f"Refused {event.get('times') or 1} times, last at {_shown(at)} from "
            f"{_address(event)}: {event.get('reason')}.",
            "If it was this agent, see above. If not, somebody else uses its key or its machine.",
        )
        for event, at in _recent(facts, "AccessRefused")
        if event.get("reason") not in _OF_A_RULE
    ]
    yield from found
    if not found and facts.license is not None:
        yield Finding(Level.OK, "AccessRefused", "It was not refused in the last day.")


_COPIED: Final = _Sign(
    "Two agents were seen on this licence",
    "Find the copy and switch it off. Or delete its agent's folder, change two of its machine id, "
    "MAC address and name, then log in on it: until then it counts as the same machine.",
)
_SUSPICIONS: Final[Mapping[str, _Sign]] = MappingProxyType(
    {
        "machine_came_back": _Sign(
            "A machine that this licence has left was seen again",
            "If there are two machines, one is a copy: switch it off, and log in on the right "
            "one. If there is one alone, which was changed back, log in on it. The licence "
            "follows no change before that.",
        ),
        "device_key_elsewhere": _Sign(
            "The device key was proved on another machine, and was refused there",
            "If the agent has moved there, log in there with the licence's key. If not, its "
            "folder was copied: delete the copy. Another device key is made where the agent's own "
            "folder is deleted, too, and an administrator logs in on it.",
        ),
        "returned_often": _Sign(
            "Its agent has come back from older leases as often as copies do",
            "If its machine is put back regularly, keep the agent's folder out of that, or log in "
            "at each start. If several machines are started from one image, each needs an id, a "
            "name and a licence of its own. If neither is so, find the copy.",
        ),
        "device_keys_alternate": _Sign(
            "Two device keys take turns on this licence",
            "If there are two machines, they were made from one image: on one, change two of its "
            "machine id, MAC address and name, then log in on it. If there is one, its agent works "
            "with two folders, each with a device key: delete one of them.",
        ),
    }
)
"""Signs of a second agent, by reason; any other is :data:`_COPIED`."""

_BACK: Final = _Sign(
    "Its agent went on from an older lease, or logged in without its last one",
    "If its machine was restored, or its folder was lost, that is all: the agent goes on. If not, "
    "somebody else has a copy: where two go on, a clone is reported at their next renewals.",
)
_RETURNS: Final[Mapping[str, _Sign]] = MappingProxyType(
    {
        "newer_lease": _Sign(
            "Its agent has a lease that the service has forgotten",
            "If the table was restored from a backup, that is all: the agent goes on.",
        ),
        "without_lease": _Sign(
            "Its key was used alone, though its agent presents leases",
            "If it was this agent, it has lost its last lease: log in on it. If not, somebody else "
            "has the key: have it bound to a device key. Where the organization blocks clones, the "
            "key alone is refused: licensing organizations policy --block-clones.",
        ),
        "device_key_came_back": _Sign(
            "A device key that was replaced is bound again",
            "If somebody has put back a backup or the wrong folder, that is all. If there are two "
            "machines of one image, each needs an id and a name of its own.",
        ),
    }
)
"""Signs of an agent that has come back, by reason; any other is :data:`_BACK`."""


def cloned(facts: Facts) -> Found:
    """No second agent was seen on the licence."""
    yield from _signs(facts, "CloneSuspected", _SUSPICIONS, _COPIED)


def returned(facts: Facts) -> Found:
    """The licence's agent has not come back, as after a restore."""
    yield from _signs(facts, "AgentReturned", _RETURNS, _BACK)


def _signs(facts: Facts, type: str, signs: Mapping[str, _Sign], other: _Sign) -> Found:  # noqa: A002 - as the service
    for event, at in _recent(facts, type):
        sign = signs.get(str(event.get("reason")), other)
        told = f"{sign.told} at {_shown(at)}, from {_addresses(event)}."
        yield Finding(Level.WARN, type, told, sign.advice)


def login_refused(facts: Facts) -> Found:
    """No person was refused a login on the agent's computer."""
    id = facts.organization_id
    helps = {
        "seat_limit_reached": "Dissociate or revoke a licence, or: licensing organizations update "
        f"{id} --max-agents …",
        "member_limit_reached": "Log in as an administrator of the organization, or: licensing "
        f"organizations policy {id} --agents-per-member …",
        "subscription_ended": "Have billing renew it, or: licensing organizations update "
        f"{id} --valid-until …",
        "proof_required": "Log in on an agent that supports device keys.",
        "machine_registered_to_other_organization": "A super-admin can find out whose it is: "
        "licensing machines lookup. They have to dissociate or revoke it there.",
    }
    for event, at in _dated(facts, facts.logins):
        told = (
            f"{_actor(event) or 'Somebody'} could not log in on {event.get('computer_name')}, "
            f"{event.get('times') or 1} times, last at {_shown(at)}, from {_address(event)}."
        )
        reason = str(event.get("reason"))
        advice = helps.get(reason, f"See licensing events list --organization {id}.")
        yield Finding(Level.WARN, reason, told, advice)


def seen(facts: Facts) -> Found:
    """The agent was seen within a day, which is how long a lease is usually good for."""
    if facts.license is None or _is_temporary(facts):  # of which the service does not tell it
        return
    last = facts.license.get("last_seen")
    at = _instant(last.get("at")) if isinstance(last, Mapping) else None
    advice = "Check that the agent can reach the service: network, proxy, its clock."
    if at is None:
        yield Finding(Level.WARN, "last_seen", "The agent has never validated.", advice)
    elif facts.now - at > _SILENT:
        yield Finding(Level.WARN, "last_seen", f"Last seen at {_shown(at)}.", advice)
    else:
        yield Finding(Level.OK, "last_seen", f"Last seen at {_shown(at)}.")


def old_version(facts: Facts) -> Found:
    """The agent is none of those that a deployment can switch off."""
    version = facts.license.get("agent_version") if facts.license is not None else None
    if not isinstance(version, str):
        return
    numbers = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    if len(numbers) == 2 and tuple(numbers) < _EXCLUSIVE_FROM:
        told = (
            f"The agent has version {version}. Agents before 4.4 can be switched off (OlderAgents)."
        )
        yield Finding(Level.WARN, "agent_version", told, "Update the agent.")
    else:
        yield Finding(Level.OK, "agent_version", f"The agent has version {version}.")


RULES: Final[Sequence[Callable[[Facts], Found]]] = (
    not_found,
    organization_mismatch,
    revoked,
    dissociated,
    machine_mismatch,
    proof_required,
    proof_invalid,
    detached,
    suspended,
    expired,
    registered_elsewhere,
    no_free_seat,
    refused_lately,
    not_followed,
    cloned,
    returned,
    login_refused,
    seen,
    old_version,
)
"""In the order of precedence of a validation; then of a login; then traces."""


# -- what the rules have in common ----------------------------------------------------------------


def _status(facts: Facts, status: str, code: str, why: str, advice: str) -> Found:
    if facts.license is None:
        return
    if facts.license.get("status") == status:
        yield Finding(Level.FAIL, code, f"The licence is {status}{why}.", advice)
    else:
        yield Finding(Level.OK, code, f"It is not {status}.")


def _refusal(facts: Facts, reason: str, code: str, advice: str) -> Found:
    for event, at in _recent(facts, "AccessRefused"):
        if event.get("reason") == reason:
            told = f"Refused for this reason {event.get('times') or 1} times, last at {_shown(at)}."
            yield Finding(Level.WARN, code, told, advice)


def _change(facts: Facts, *types: str) -> str:
    """Who brought the licence into its state, as far as the history tells."""
    event = _latest(facts, *types)
    if event is None:
        return ""
    reason = f" ({event.get('reason')})" if event.get("reason") else ""
    return f", since {_shown(_instant(event.get('at')))}, by {_actor(event)}{reason}"


def _latest(facts: Facts, *types: str) -> Json | None:
    return next((event for event in facts.events if event.get("type") in types), None)


def _recent(facts: Facts, type: str) -> list[tuple[Json, datetime]]:  # noqa: A002 - as the service
    return _dated(facts, [event for event in facts.events if event.get("type") == type])


def _dated(facts: Facts, events: Sequence[Json]) -> list[tuple[Json, datetime]]:
    """Those of a day, each with when it was last so."""
    dated = [(event, _instant(event.get("last_at") or event.get("at"))) for event in events]
    return [(event, at) for event, at in dated if at is not None and facts.now - at <= RECENT]


def _is_suspicion(event: Json) -> bool:
    return event.get("type") == "CloneSuspected"


def _actor(event: Json) -> object:
    actor = event.get("actor")
    if not isinstance(actor, Mapping):
        return None
    return person(actor.get("subject"), actor.get("name"))


def _held(holders: Sequence[Json]) -> list[json_types.Json]:
    return [one for holder in holders for one in json_types.objects(holder, "licenses")]


def _address(event: Json, name: str = "source_address") -> str:
    return str(event.get(name) or "an unknown address")


def _addresses(event: Json) -> str:
    return f"{_address(event)} and {_address(event, 'other_address')}"


def _is_temporary(facts: Facts) -> bool:
    return facts.license is not None and facts.license.get("kind") == "temporary"


def _first_use(license: Json) -> Finding:
    """What a temporary licence is bound to, if it has been used."""
    if license.get("holder") is None:
        told = "Nobody has used it yet. The first use binds it to that person and machine."
        return Finding(Level.OK, "MACHINE_MISMATCH", told)
    holder = person(license.get("holder"), license.get("holder_name"))
    told = f"It was first used by {holder} on {license.get('computer_name')}."
    advice = f"It works only for that person on that computer. For others: {_ANOTHER}"
    return Finding(Level.UNSEEN, "MACHINE_MISMATCH", told, advice)


def _is_bound(license: Json) -> bool:
    return license.get("status") in _BOUND


def _subscription(organization: Json) -> Json:
    subscription = organization.get("subscription")
    return subscription if isinstance(subscription, Mapping) else {}


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}" if moment else "an unknown time"
