"""Why an agent would be refused: each code, each cause of a refused login, each trace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code
from licensing_cli import doctor
from licensing_cli.doctor import Facts, Finding, Level, Unseen, diagnose, is_healthy

NOW = datetime(2030, 3, 17, 18, 0, tzinfo=UTC)
ID = "lic_0123456789abcdef"


def at(**ago: float) -> str:
    """An instant before now, as the service writes it."""
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


LICENSE: Mapping[str, Any] = {
    "id": ID,
    "kind": "standard",
    "status": "active",
    "organization_id": "acme",
    "environment": "production",
    "computer_name": "FACTORY-PC-01",
    "agent_version": "4.5.0.0",
    "device_key": None,
    "last_seen": {"at": at(hours=1), "agent_version": "4.5.0.0", "source_address": "203.0.113.7"},
}
ORGANIZATION: Mapping[str, Any] = {
    "id": "acme",
    "name": "Acme",
    "subscription": {"valid_until": at(days=-365), "status": "active"},
    "standing": "current",
    "max_agents": None,
    "seats": 1,
    "policy": {"require_device_key": False, "block_clones": False},
}
HOLDER: Mapping[str, Any] = {"organization_id": "acme", "name": "Acme", "licenses": [LICENSE]}
WELL = Facts(
    now=NOW,
    organization_id="acme",
    environment="production",
    organization=ORGANIZATION,
    license=LICENSE,
    holders=[HOLDER],
    events=[],
)


def with_license(**changed: Any) -> Facts:
    return replace(WELL, license={**LICENSE, **changed})


def with_organization(**changed: Any) -> Facts:
    return replace(WELL, organization={**ORGANIZATION, **changed})


def event(kind: str, **facts: Any) -> Mapping[str, Any]:
    actor = {"kind": "user", "subject": "ada", "name": "Ada Novak", "roles": ["org-admin"]}
    return {"type": kind, "at": at(hours=2), "last_at": None, "actor": actor, **facts}


def refused(reason: str, **facts: Any) -> Facts:
    """The licence was refused for a reason, an hour ago."""
    told = {"reason": reason, "times": 3, "last_at": at(hours=1), "source_address": "198.51.100.9"}
    return replace(WELL, events=[event("AccessRefused", **{**told, **facts})])


def bad(facts: Facts) -> list[Finding]:
    """What is not well."""
    return [found for found in diagnose(facts) if found.level is not Level.OK]


def only(facts: Facts) -> Finding:
    """The one thing that is not well."""
    (found,) = bad(facts)
    return found


def test_an_agent_that_is_well_has_nothing_in_its_way() -> None:
    assert bad(WELL) == []
    assert is_healthy(diagnose(WELL))


SUSPENDED = {"valid_until": at(days=-365), "status": "paused"}
REQUIRED = {"require_device_key": True, "block_clones": False}
ELSEWHERE = {**LICENSE, "id": "lic_ffffffffffffffff"}
OTHER: Mapping[str, Any] = {"organization_id": "bolt", "name": "Bolt", "licenses": []}
TEMPORARY: Mapping[str, Any] = {
    "id": ID,
    "kind": "temporary",
    "organization_id": "acme",
    "status": "active",
    "ttl": "3h",
    "holder": None,
    "computer_name": None,
}
"""As the service shows it, and the kind."""
PARTNERS = replace(WELL, license=TEMPORARY, environment="staging")

REFUSED: Sequence[tuple[str, Facts, str]] = [
    ("NOT_FOUND", replace(WELL, license=None, holders=None), "Log in on the agent"),
    ("NOT_FOUND", replace(WELL, organization=None), "Register it"),
    ("ORGANIZATION_MISMATCH", with_license(organization_id="bolt"), "Configure the agent for bolt"),
    ("REVOKED", with_license(status="revoked"), "a new licence"),
    ("DISSOCIATED", with_license(status="dissociated"), "Log in with the key"),
    ("MACHINE_MISMATCH", replace(WELL, holders=[]), "licensing licenses dissociate"),
    (
        "MACHINE_MISMATCH",
        replace(WELL, holders=[{**HOLDER, "licenses": [ELSEWHERE]}]),
        "Two of machine id",
    ),
    (
        "MACHINE_MISMATCH",
        replace(WELL, environment="staging"),
        "each environment has its own licence",
    ),
    ("PROOF_REQUIRED", with_organization(policy=REQUIRED), "--no-require-device-key"),
    (
        "PROOF_REQUIRED",
        with_organization(policy=REQUIRED, policy_floor=REQUIRED),
        "No organization can do without them",
    ),
    ("DETACHED", with_license(status="detached"), f"licensing licenses attach {ID}"),
    ("SUSPENDED", with_organization(subscription=SUSPENDED), "--status active"),
    ("EXPIRED", with_organization(standing="ended"), "--valid-until"),
    (
        "EXPIRED",
        with_organization(subscription={"valid_until": at(seconds=0), "status": "active"}),
        "--valid-until",
    ),
    ("EXPIRED", replace(PARTNERS, license={**TEMPORARY, "status": "expired"}), "generate"),
    ("REVOKED", replace(PARTNERS, license={**TEMPORARY, "status": "revoked"}), "generate"),
    (
        "machine_registered_to_other_organization",
        replace(WELL, license=None, holders=[OTHER]),
        "Their administrator",
    ),
    (
        "machine_registered_to_other_organization",
        replace(PARTNERS, holders=[OTHER]),
        "Their administrator",
    ),
]


@pytest.mark.parametrize(
    ("code", "facts", "advice"), REFUSED, ids=[f"{code} {advice}" for code, _, advice in REFUSED]
)
def test_what_refuses_an_agent_is_named_with_what_to_do(
    code: str, facts: Facts, advice: str
) -> None:
    failed = [found for found in diagnose(facts) if found.level is Level.FAIL]
    assert [found for found in failed if found.code == code and advice in str(found.advice)]
    assert not is_healthy(diagnose(facts))


def test_every_code_of_a_validation_is_looked_at_in_its_order() -> None:
    order = list(dict.fromkeys(found.code for found in diagnose(refused("proof_invalid"))))
    codes = [code for code in order if code.isupper()]
    known = [*(code for code in Code if code is not Code.VALID)]
    assert [code for code in codes if code in set(known)] == known
    at_proofs = codes.index("MACHINE_MISMATCH") + 1
    assert codes[at_proofs : at_proofs + 3] == ["PROOF_REQUIRED", "PROOF_INVALID", "DETACHED"]


@pytest.mark.parametrize(
    "code", [RefusalCode.MACHINE_REGISTERED, RefusalCode.SEAT_LIMIT_REACHED], ids=str
)
def test_a_refused_login_is_looked_at_by_the_services_own_codes(code: RefusalCode) -> None:
    assert code in {found.code for found in diagnose(WELL)}


@pytest.mark.parametrize(
    ("seats", "limit", "status", "level"),
    [
        (5, 5, "revoked", Level.FAIL),
        (6, 5, "dissociated", Level.FAIL),
        (4, 5, "revoked", Level.OK),
        (5, 5, "active", Level.OK),
        (5, 5, "detached", Level.OK),
        (9, None, "revoked", Level.OK),
        (0, 0, "revoked", Level.FAIL),
    ],
)
def test_a_seat_is_missing_only_for_an_agent_that_has_none(
    seats: int, limit: int | None, status: str, level: Level
) -> None:
    facts = replace(
        with_license(status=status),
        organization={**ORGANIZATION, "seats": seats, "max_agents": limit},
    )
    (found,) = [one for one in diagnose(facts) if one.code == "seat_limit_reached"]
    assert found.level is level


def test_an_agent_without_a_licence_needs_a_seat_too() -> None:
    facts = replace(
        WELL, license=None, holders=[], organization={**ORGANIZATION, "seats": 1, "max_agents": 1}
    )
    assert [found.code for found in bad(facts)] == ["NOT_FOUND", "seat_limit_reached"]


def test_a_machine_that_older_agents_share_is_no_obstacle_to_the_licence_on_it() -> None:
    found = only(replace(WELL, holders=[HOLDER, OTHER]))
    assert (found.level, found.code) == (Level.WARN, "machine_registered_to_other_organization")


def test_who_did_it_and_why_is_told_from_the_history() -> None:
    revoked = event("LicenseRevoked", reason="sold")
    facts = replace(with_license(status="revoked"), events=[revoked, event("LicenseIssued")])
    assert "since 2030-03-17 16:00:00Z, by Ada Novak (ada) (sold)" in bad(facts)[0].told


def test_a_device_key_is_enough_where_one_is_required() -> None:
    facts = replace(with_organization(policy=REQUIRED), license={**LICENSE, "device_key": "x"})
    assert bad(facts) == []


@pytest.mark.parametrize(
    "facts",
    [
        with_organization(policy=None),
        replace(WELL, license={k: v for k, v in LICENSE.items() if k != "device_key"}),
    ],
)
def test_a_service_that_does_not_know_device_keys_is_no_obstacle(facts: Facts) -> None:
    found = only(facts)
    assert (found.level, found.code) == (Level.UNSEEN, "PROOF_REQUIRED")


@pytest.mark.parametrize(
    ("facts", "code", "told"),
    [
        (refused("proof_invalid"), "PROOF_INVALID", "3 times, last at 2030-03-17 17:00:00Z"),
        (refused("proof_required"), "PROOF_REQUIRED", "3 times"),
        (refused("machine_mismatch"), "AccessRefused", "198.51.100.9: machine_mismatch"),
        (refused("revoked", source_address=None, times=None), "AccessRefused", "1 times"),
        (with_license(last_seen=None), "last_seen", "never"),
        (with_license(last_seen={"at": at(hours=25)}), "last_seen", "2030-03-16 17:00:00Z"),
        (with_license(agent_version="4.3.0.12"), "agent_version", "4.3.0.12"),
        (with_license(agent_version="3.9"), "agent_version", "before 4.4"),
        (
            with_organization(subscription={"valid_until": at(days=-6), "status": "active"}),
            "EXPIRED",
            "ends soon",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_trace_of_trouble_is_a_warning_and_stands_in_nobodys_way(
    facts: Facts, code: str, told: str
) -> None:
    found = only(facts)
    assert (found.level, found.code) == (Level.WARN, code)
    assert told in found.told
    assert found.advice
    assert is_healthy(diagnose(facts))


def test_two_agents_on_one_licence_are_told_with_both_addresses() -> None:
    clone = event(
        "CloneSuspected",
        source_address="203.0.113.7",
        other_address="198.51.100.9",
    )
    found = only(replace(WELL, events=[clone]))
    assert (found.level, found.code) == (Level.WARN, "CloneSuspected")
    assert "203.0.113.7 and 198.51.100.9" in found.told
    blocked = replace(with_license(status="detached"), events=[clone])
    assert "find the copy" in str(bad(blocked)[0].advice)
    by_hand = replace(blocked, events=[event("LicenseDetached"), clone])
    assert "find the copy" not in str(bad(by_hand)[0].advice)
    # What was told since has blocked nothing.
    told = event("CloneSuspected", reason="device_key_elsewhere", times=1)
    for_another_reason = replace(blocked, events=[told, event("LicenseDetached", reason="sold")])
    found = bad(for_another_reason)[0]
    assert "by Ada Novak (ada) (sold)" in found.told
    assert "find the copy" not in str(found.advice)


@pytest.mark.parametrize(
    ("reason", "told", "advice"),
    [
        ("clone_suspected", "Two agents were seen", "switch it off"),
        ("machine_came_back", "A machine that this licence has left", "log in on the right one"),
        ("device_key_elsewhere", "was refused there", "log in there with the licence's key"),
        ("returned_often", "as often as copies do", "keep the agent's folder out of that"),
        ("device_keys_alternate", "take turns", "made from one image"),
    ],
)
def test_each_sign_of_a_second_agent_is_told_with_what_helps_against_it(
    reason: str, told: str, advice: str
) -> None:
    told_of = {"source_address": "203.0.113.7", "other_address": "198.51.100.9"}
    found = only(replace(WELL, events=[event("CloneSuspected", reason=reason, **told_of)]))
    assert (found.level, found.code) == (Level.WARN, "CloneSuspected")
    assert told in found.told
    assert "203.0.113.7" in found.told
    assert advice in str(found.advice)


@pytest.mark.parametrize(
    ("reason", "told", "advice"),
    [
        ("older_lease", "went on from an older lease", "was restored"),
        ("newer_lease", "the service has forgotten", "the table was restored"),
        ("without_lease", "Its key was used alone", "somebody else has the key"),
        ("device_key_came_back", "is bound again", "two machines of one image"),
    ],
)
def test_r37_each_sign_of_an_agent_that_has_come_back_is_told_with_what_helps(
    reason: str, told: str, advice: str
) -> None:
    told_of = {"source_address": "203.0.113.7", "other_address": "198.51.100.9", "times": 1}
    facts = replace(WELL, events=[event("AgentReturned", reason=reason, **told_of)])
    found = only(facts)
    assert (found.level, found.code) == (Level.WARN, "AgentReturned")
    assert told in found.told
    assert "203.0.113.7 and 198.51.100.9" in found.told
    assert advice in str(found.advice)
    assert is_healthy(diagnose(facts))


@pytest.mark.parametrize(
    ("device_key", "advice"), [("kPrK…", "proofs with its device key"), (None, "its last lease")]
)
def test_r37_who_was_refused_for_want_of_a_proof_is_told_which_one_was_meant(
    device_key: str | None, advice: str
) -> None:
    facts = replace(with_license(device_key=device_key), events=refused("proof_required").events)
    assert advice in str(only(facts).advice)


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("drift_withheld", "log in on it: the licence follows at once"),
        ("drift_refused", "licensing machines lookup"),
    ],
)
def test_r11_a_change_that_was_not_followed_is_no_refusal_of_the_agent(
    reason: str, advice: str
) -> None:
    found = only(refused(reason))
    assert (found.level, found.code) == (Level.WARN, "AccessRefused")
    assert "Refused" not in found.told
    assert "goes on" in found.told
    assert advice in str(found.advice)
    assert "It was not refused in the last day." in {one.told for one in diagnose(refused(reason))}


def test_r09_an_agent_with_a_device_key_is_told_that_one_component_may_do() -> None:
    (found,) = (one for one in bad(replace(with_license(device_key="kPrK"), holders=[])))
    assert (found.level, found.code) == (Level.FAIL, "MACHINE_MISMATCH")
    assert "its last lease" in str(found.advice)
    assert "its last lease" not in str(bad(replace(WELL, holders=[]))[0].advice)


LOGIN: Mapping[str, Any] = {
    "license_id": None,
    "computer_name": "FACTORY-PC-01",
    "reason": "seat_limit_reached",
    "times": 2,
}


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("seat_limit_reached", "--max-agents"),
        ("member_limit_reached", "--agents-per-member"),
        ("subscription_ended", "--valid-until"),
        ("proof_required", "supports device keys"),
        ("machine_registered_to_other_organization", "licensing machines lookup"),
        ("of_a_newer_service", "licensing events list"),
    ],
)
def test_r32_a_refused_login_is_told_with_who_tried_and_what_helps(
    reason: str, advice: str
) -> None:
    tried = event("AccessRefused", **{**LOGIN, "reason": reason})
    found = next(
        one for one in bad(replace(WELL, license=None, logins=[tried])) if "ada" in one.told
    )
    assert (found.level, found.code) == (Level.WARN, reason)
    assert "2 times" in found.told
    assert advice in str(found.advice)


def test_r32_a_login_that_was_refused_long_ago_is_no_warning() -> None:
    tried = event("AccessRefused", **LOGIN, last_at=None)
    assert bad(replace(WELL, logins=[{**tried, "at": at(hours=25)}])) == []


@pytest.mark.parametrize(
    "facts",
    [
        refused("machine_mismatch", last_at=at(hours=25)),
        replace(WELL, events=[event("CloneSuspected", at=at(days=2))]),
        replace(WELL, events=[event("AccessRefused", reason="x", at=None)]),
        with_license(agent_version=None),
        with_license(agent_version="4.4.0.0"),
        with_license(agent_version="4.10.0.0"),
        with_license(agent_version="nightly"),
        replace(WELL, environment=None),
    ],
)
def test_what_is_long_past_or_unknown_is_no_warning(facts: Facts) -> None:
    assert bad(facts) == []


def test_what_could_not_be_looked_at_is_said_and_never_taken_for_good() -> None:
    unseen = replace(WELL, holders=Unseen("not for you"))
    assert [(found.level, found.code) for found in bad(unseen)] == [
        (Level.UNSEEN, "MACHINE_MISMATCH"),
        (Level.UNSEEN, "machine_registered_to_other_organization"),
    ]
    assert is_healthy(diagnose(unseen))
    unnamed = only(replace(WELL, holders=None))
    assert (unnamed.level, unnamed.code) == (Level.UNSEEN, "MACHINE_MISMATCH")


def test_a_temporary_licence_is_of_no_environment_and_takes_no_seat() -> None:
    organization = {**ORGANIZATION, "max_agents": 1, "seats": 1}
    facts = replace(PARTNERS, organization=organization, holders=[])
    assert [(one.level, one.code) for one in bad(facts)] == [(Level.UNSEEN, "PROOF_REQUIRED")]
    assert "seat_limit_reached" not in {one.code for one in diagnose(facts)}


def test_whom_a_temporary_licence_was_first_used_by_is_told() -> None:
    binding = {**TEMPORARY, "holder": "pia", "computer_name": "FACTORY-PC-01"}
    used = replace(PARTNERS, license=binding)
    (found,) = [one for one in diagnose(used) if one.code == "MACHINE_MISMATCH"]
    assert found.level is Level.UNSEEN
    assert found.told == "It was first used by pia on FACTORY-PC-01."
    known = replace(PARTNERS, license={**binding, "holder_name": "Pia Kern"})
    (found,) = [one for one in diagnose(known) if one.code == "MACHINE_MISMATCH"]
    assert found.told == "It was first used by Pia Kern (pia) on FACTORY-PC-01."
    assert is_healthy(diagnose(used))


@pytest.mark.parametrize("rule", doctor.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_bears_with_an_answer_that_has_nothing_in_it(
    rule: Callable[[Facts], Any],
) -> None:
    empty = replace(WELL, organization={}, license={}, holders=[{}], events=[{}])
    assert all(isinstance(found, Finding) for found in rule(empty))
