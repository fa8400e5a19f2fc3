"""What fields mean, for the OpenAPI document, where neither a model nor a type says so already.

They stand here and not at the models, which functions import: texts would make every cold start
longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_FORM_OF_TIMES: Final = "RFC 3339"
EVERYWHERE: Final = MappingProxyType(
    {
        "agent_version": "The agent's version, as the agent tells it.",
        "computer_name": "The name of the computer, as the agent has sent it.",
        "environment": "The name of the agent's installation on its machine.",
        "expires_at": "When it ends.",
        "holder": "The subject of the person who has used the temporary license.",
        "issued_at": "When it was issued.",
        "issued_by": "The subject of the person who has caused it.",
        "label": "What administrators call the agent.",
        "license_id": "The id of a license.",
        "license_key": "The key to keep, nine groups of five letters and digits. It is a secret.",
        "licenses": "The licenses, in the order of the list.",
        "max_agents": "How many licenses may be bound; null sets no limit.",
        "name": "The organization's name, as people read it.",
        "next_cursor": "Send it as `cursor` to get the next page; null on the last one.",
        "organization_id": "The id of an organization.",
        "primary": "Whether administrators have marked the agent as primary.",
        "reason": "Why, in the words of whoever did it.",
        "roles": "The roles of the person.",
        "server_time": "The service's time.",
        "source_address": "The IP address that the request came from.",
        "subject": "The claim `sub` of the person's token.",
        "until": "When it ends.",
        "valid_until": "When the subscription ends.",
    }
)
"""By the names of fields, whatever schema has them."""
_STATUSES: Final = ("active", "suspended", "detached", "dissociated", "expired", "revoked")
HERE: Final = MappingProxyType(
    {
        "ActiveHour": {
            "at": "When the hour begins.",
            "licenses": "How many licenses had an agent that was seen.",
        },
        "Actor": {
            "name": "What the token called the person then, unverified; null for agents and "
            "systems, for who is hidden, and in what is published.",
            "subject": "Who: the claim `sub` of a token, a license's id, or `hidden`.",
        },
        "AdministeredLicense": {
            "actions": "What would change it now; each is an operation of its own.",
            "id": "The id of the license.",
            "issued_by_name": "What the token called that person then, unverified; null where it "
            "told no name.",
            "valid_until": "When the license ends; null while it is not in force.",
        },
        "AgentActivityReply": {
            "counted": "How many licenses this page is about.",
            "hours": "The 168 hours of the week, the oldest first.",
            "not_seen": "Of how many active licenses the agent was not seen for how long.",
        },
        "AuditEvent": {
            "at": "When it happened; of folded refusals, when their hour began.",
            "components": "What has changed of the machine.",
            "computer_name": "The computer that tried: in refusals, and where an agent has come "
            "back or a clone is suspected.",
            "confidential": "Whether super-admins alone see it.",
            "id": "The id of the event: consumers deduplicate by it.",
            "last_at": "When the latest of the folded refusals happened; null for a change.",
            "license_computer_name": "The computer of the license that it is about, as of then.",
            "license_id": "The license that it is about; null for the organization's own events.",
            "other_address": "Where a second agent, if there is one, has got the last lease from.",
            "readings": "What a super-admin has read.",
            "reason": "Why: what a person wrote, or the code of a refusal.",
            "request_id": "The id of the request, as in the service's log.",
            "revision": "The number of the change of this license or organization.",
            "times": "How many refusals of the hour are in it; null for a change.",
        },
        "Capabilities": {
            "save_configuration": "Whether the agent may offer to save configuration data."
        },
        "CurrentUserReply": {
            "organization_id": "The person's organization; null if the token names none.",
            "roles": "Those of the person's roles that this service knows.",
        },
        "DeviceKeyCounts": {
            "bound": "How many have a device key.",
            "none": "How many have none.",
        },
        "EndCount": {
            "date": "The day, in UTC.",
            "organizations": "How many current subscriptions end on it.",
        },
        "EnvironmentCount": {
            "licenses": "How many licenses are in it.",
            "name": "The environment, as most of them spell it.",
        },
        "EventFacts": {
            "agents_per_member": "How many agents a member may add; null for any number.",
            "announced_days": "How many days before the end it was announced.",
            "billing_version": "The version of billing's last event.",
            "block_clones": "Whether suspected clones are blocked.",
            "device_key": "The thumbprint of the bound device key.",
            "exclusive": "Whether no other organization gets on the machine.",
            "lock_device_keys": "Whether only administrators replace a lost device key.",
            "machine": "A digest that stands for the machine.",
            "note": "What who generated the temporary license has written about it.",
            "pending_device_key": "The thumbprint of the device key that waits.",
            "require_device_key": "Whether agents need a device key.",
        },
        "EventsReply": {"events": "The events, the newest first."},
        "GatewayMessage": {"message": "What is the matter, in a few words."},
        "Jwk": {
            "alg": "The algorithm of the signature.",
            "crv": "The curve.",
            "kid": "The key's id, as in the header of a lease.",
            "kty": "The type of the key: an octet key pair.",
            "use": "What the key is for: signatures.",
            "x": "The public key, in base64url without padding.",
        },
        "JwksReply": {"keys": "The keys, the newest first."},
        "LastSeen": {"at": "When it was."},
        "Lease": {"renew_after": "From when on the agent asks for the next one."},
        "License": {
            "id": "The id of the license.",
            "valid_until": "When the license ends; null while it is not in force.",
        },
        "LicenseCounts": {"at": "The instant that the counts are of."}
        | {status: f"How many were {status}." for status in _STATUSES},
        "LicenseStatisticsReply": {
            "complete_from": "From when on the figures are complete.",
            "from": "When the first of the days begins.",
            "licenses": "The licenses by status, at each midnight and now.",
            "refusals": "The refusals by reason, the most frequent first.",
            "until": "When it was counted.",
        },
        "LoginReply": {"created": "Whether this login has issued the license."},
        "MachineHolder": {"licenses": "The organization's licenses on the machine."},
        "MachineComparison": {
            "components": "The two components that were compared.",
            "organization_ids": "The organizations with an agent that has both.",
        },
        "MachineLookupReply": {
            "compared": "What was compared, pair by pair.",
            "holders": "The organizations that hold the machine.",
            "not_counted": "The components of which something was sent that many computers have in "
            "common.",
        },
        "OlderLoginRequest": {
            "AgentVersion": "The agent's version, as the agent tells it.",
            "ComputerName": "The name of the computer.",
        },
        "OlderValidateRequest": {
            "AgentVersion": "The agent's version, as the agent tells it.",
            "ComputerName": "The name of the computer.",
        },
        "Organization": {
            "id": "The id of the organization.",
            "version": "The number of the last change; its ETag begins with it.",
        },
        "OrganizationSummaryReply": {
            "device_keys": "The licenses that hold a seat, by whether they have a device key.",
            "environments": "Those by environment, the largest first: a hundred at most.",
            "licenses": "All licenses, by status.",
        },
        "OrganizationsReply": {"organizations": "The organizations, in the order of the list."},
        "PendingDeviceKey": {"since": "When the member has logged in with it."},
        "Problem": {
            "code": "What it is, for programs: see the examples of the operation.",
            "detail": "What it is and what to do, for people.",
            "errors": "The wrong fields of the request.",
            "status": "The status of the answer.",
            "title": "What answers with this status have in common.",
            "type": "The code as a URN.",
        },
        "ProblemError": {"detail": "What is wrong with the field."},
        "RefusalCount": {
            "licenses": "Of how many licenses.",
            "reason": "Why they were refused.",
            "times": "How often.",
        },
        "SeatCounts": {
            "full": "How many have no free seat.",
            "nearly": "How many have used nine tenths of theirs or more, and have a free one.",
        },
        "RecentlyEnded": {
            "days": "Days before today.",
            "organizations": "How many subscriptions have ended since, and are over.",
        },
        "SilentCount": {
            "days": "Days before `until`.",
            "licenses": "How many active licenses have an agent that was not seen since.",
        },
        "StandingCounts": {
            "current": "How many are in force.",
            "ended": "How many are over.",
            "suspended": "How many are paused or cancelled.",
        },
        "StatusCounts": {status: f"How many are {status}." for status in _STATUSES},
        "SummaryReply": {
            "ends": "When current subscriptions end: each of 90 days, today first.",
            "organizations": "How many organizations there are.",
            "recently_ended": "How many subscriptions have ended lately.",
            "seats": "How many organizations have no seat left, or few.",
            "standings": "All organizations, by what their subscriptions mean now.",
        },
        "TemporaryLicense": {
            "id": "The id of the temporary license.",
            "computer_name": "The computer on which it is used; null before its first use.",
            "holder": "Who uses it: the claim `sub` of a token; null before its first use.",
            "holder_name": "What the token called that person then, unverified.",
            "issued_by": "Who has generated it: the claim `sub` of a token.",
            "issued_by_name": "What the token called that person then, unverified.",
            "note": "For whom and why, in the words of who has generated it.",
            "seconds_left": "How long it is still valid, in seconds.",
            "status": "Whether it is valid, has ended, or was ended early.",
        },
        "ValidateReply": {
            "message": "What the person at the agent reads.",
            "valid": "Whether the agent may work.",
        },
    }
)
"""By the names that schemas have in the document."""


def described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of this name with a text at each of its fields; what has one keeps it."""
    if "properties" not in schema:
        return schema
    texts = {**EVERYWHERE, **HERE.get(name, {})}
    fields = {}
    for field, form in schema["properties"].items():
        if is_described(form):
            fields[field] = form
        elif field in texts:
            # Of a time its type tells the form.
            said = f"{texts[field]} {form.get('description', '')}".rstrip()
            fields[field] = {**form, "description": said}
        else:
            raise LookupError(f"nobody says what {field} of {name} means")
    return {**schema, "properties": fields}


def is_described(form: Mapping[str, Any]) -> bool:
    """Whether a field says more than its form, by itself or by the schema that it refers to."""
    said = str(form.get("description", ""))
    refers = any("$ref" in one for one in (form, *form.get("anyOf", [])))
    return refers or (bool(said) and not said.startswith(_FORM_OF_TIMES))
