"""What the portal says of states, actions, events, refusals, times and errors, without a browser.

The words of events and refusals are those of the service; all others are the portal's own.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from licensing.domain.audit import EventType
from licensing.domain.license import ADMINISTERED, Status
from licensing.domain.temporary_license import TimeToLive
from licensing_build import words
from tests.browser.scripts import Evaluate, copied, evaluated

pytestmark = pytest.mark.needs("browser")

NOW = 1_900_000_000_000  # milliseconds: 17:46:40 on 17 March 2030
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LEADS_THERE = "it leads there"
ADVICE = f"""(entry) => {{
  try {{
    return advice.adviceOn(entry, true)?.[0] ?? null;
  }} catch (error) {{
    if (!(error instanceof ReferenceError)) throw error;
    return "{LEADS_THERE}"; // by a link, which needs a page
  }}
}}"""


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluate]:
    """What an expression gives that uses scripts of the portal."""
    with evaluated(copied(tmp_path_factory.mktemp("words"))) as say:
        yield say


def event(**told: Any) -> dict[str, Any]:
    """An event as the API shows it, of which only this is told."""
    nothing: dict[str, Any] = {
        "before": None,
        "after": None,
        "reason": None,
        "times": None,
        "components": [],
    }
    return {"type": "LicenseUpdated", **nothing, **told}


# -- events and refusals ---------------------------------------------------------------------------


def test_events_and_reasons_are_called_what_the_service_calls_them(say: Evaluate) -> None:
    events = {kind.value: kind.label for kind in EventType}
    reasons = words.reasons()
    assert say("labels", "given.map((type) => labels.eventOf({ type }))", [*events]) == [
        *events.values()
    ]
    assert say("labels", "given.map(labels.reasonOf)", [*reasons]) == [*reasons.values()]


def test_what_a_newer_service_says_is_shown_as_it_came(say: Evaluate) -> None:
    assert say(
        "labels",
        """[labels.eventOf({ type: "LicenseLent" }), labels.reasonOf("lent_too_long"),
            labels.lasting("30m"), labels.actorOf({ kind: "robot", subject: "r2" }),
            labels.named("half_gone")]""",
    ) == ["LicenseLent", "Lent too long", "30m", "r2", "Half gone"]


def test_advice_is_given_for_what_a_history_tells_of_a_second_agent_or_a_change(
    say: Evaluate,
) -> None:
    reasons = list(words.reasons())
    advice = say(
        "advice",
        f"given.map({ADVICE})",
        [event(reason=one, times=1, license_id="lic_1", organization_id="a") for one in reasons],
    )
    first_words = {
        reason: text.partition(". ")[0].partition(",")[0]
        for reason, text in zip(reasons, advice, strict=True)
        if text not in {None, LEADS_THERE}
    }
    assert first_words == {
        "older_lease": "The agent goes on",
        "newer_lease": "The agent goes on",
        "without_lease": "The agent goes on",
        "device_key_came_back": "The agent goes on",
        "clone_suspected": "Both go on",
        "returned_often": "The agent goes on",
        "device_keys_alternate": "Both go on",
        "machine_came_back": "If there are two machines",
        "device_key_elsewhere": "It was refused there",
        "drift_refused": "The agent goes on",
        "drift_withheld": "The agent goes on",
        "organization_mismatch": "The agent names another organization than its license's",
        "revoked": "The license has ended for good",
        "dissociated": "To go on with this license there",
    }
    # None is given for another, and what leads somewhere is asked for in a browser.
    assert len(set(advice) - {None, LEADS_THERE}) == len(first_words)


def test_a_license_that_was_blocked_as_a_clone_has_an_advice_of_its_own(say: Evaluate) -> None:
    blocked = event(type="CloneSuspected", after={"state": "detached"}, reason="clone_suspected")
    suspected = event(type="CloneSuspected", reason="clone_suspected", times=1)
    by_hand = event(type="LicenseDetached", after={"state": "detached"}, reason="clone_suspected")
    told = say("advice", f"given.map({ADVICE})", [blocked, suspected, by_hand])
    assert told[0].startswith("Blocked until somebody has looked.")
    assert told[1].startswith("Both go on.")
    assert told[2] is None  # what a person gives as a reason is no refusal


def test_it_is_said_who_acted(say: Evaluate) -> None:
    actors = {
        ("user", "ada"): "ada",
        ("user", "hidden"): "Somebody else's user",
        ("agent", "lic_1"): "The agent",
        ("schedule", "sweep"): "The service",
        ("billing", "stripe"): "Billing",
    }
    asked = [{"kind": kind, "subject": subject, "roles": []} for kind, subject in actors]
    assert say("labels", "given.map(labels.actorOf)", asked) == [*actors.values()]


def test_a_change_is_told_by_what_is_different_before_and_after(say: Evaluate) -> None:
    key = "0123456789abcdefghij"
    before = {
        "state": "active",
        "label": None,
        "primary": False,
        "environment": "production",
        "device_key": None,
        "pending_device_key": key,
        "machine": "1f",
        "exclusive": True,
        "valid_until": "2030-01-31T12:00:00Z",
        "max_agents": 3,
        "colour": "red",
    }
    after = {
        "state": "detached",
        "label": "Press hall",
        "primary": True,
        "environment": "production",
        "device_key": key,
        "pending_device_key": "",
        "machine": "2e",
        "exclusive": False,
        "valid_until": "2031-01-31T12:00:00Z",
        "max_agents": None,
        "colour": "blue",
    }
    told = event(before=before, after=after, components=["mac_addresses", "shoe_size"])
    assert say("labels", "labels.changesOf(given)", told) == [
        "state: Active → Blocked",
        "label: none → Press hall",
        "primary: no → yes",
        "device key: none → 0123456789ab…",
        "device key that waits: 0123456789ab… → none",
        "closed to newcomers: yes → no",
        "valid until: 31 Jan 2030, 12:00 → 31 Jan 2031, 12:00",
        "seats: 3 → none",
        "colour: red → blue",
        "changed: network cards, shoe_size",
    ]
    assert say("labels", "labels.changesOf(given)", event(after=after)) == []


# -- states and actions ----------------------------------------------------------------------------


def test_states_are_called_what_people_call_them(say: Evaluate) -> None:
    called = {
        "active": "Active",
        "suspended": "Suspended",
        "expired": "Expired",
        "detached": "Blocked",
        "dissociated": "Dissociated",
        "revoked": "Revoked",
        "current": "Current",
        "ended": "Ended",
        "paused": "Paused",
        "cancelled": "Cancelled",
    }
    assert say("labels", "labels.choices(given)", [*called]) == [
        list(one) for one in called.items()
    ]
    meanings = say("labels", "labels.STATUS_MEANINGS")
    assert {status: text.rstrip(".").split()[-1] for status, text in meanings.items()} == {
        Status.ACTIVE: "runs",
        Status.SUSPENDED: "cancelled",
        Status.EXPIRED: "itself",
        Status.DETACHED: "seat",
        Status.DISSOCIATED: "free",
        Status.REVOKED: "good",
    }


def test_actions_are_called_what_they_do_and_only_the_last_is_for_good(say: Evaluate) -> None:
    told = say(
        "labels",
        """Object.entries({ ...labels.ACTIONS, reset: labels.RESET_DEVICE_KEY }).map(
            ([name, { verb, done, title, grave, effects }]) =>
                [name, verb, done, title("PC-01"), grave, effects.length > 0])""",
    )
    assert told == [
        ["detach", "Block", "is blocked", "Block PC-01?", False, True],
        ["attach", "Unblock", "is not blocked any more", "Unblock PC-01?", False, True],
        [
            *("dissociate", "Dissociate", "is dissociated from its machine"),
            *("Dissociate PC-01 from its machine?", False, True),
        ],
        [
            *("revoke", "Revoke", "is revoked"),
            *("Revoke the license of PC-01 for good?", True, True),
        ],
        [
            *("reset", "Reset device key", "has no device key any more"),
            *("Reset the device key of PC-01?", False, True),
        ],
    ]
    assert [name for name, *_ in told[:-1]] == [*ADMINISTERED]


def test_each_decision_has_one_that_undoes_it(say: Evaluate) -> None:
    told = say(
        "labels",
        """Object.values(labels.DECISIONS).map(({ member, value, verb, done, title, refuses }) =>
            [member, value, verb, done, title("Acme"), refuses])""",
    )
    assert told == [
        [
            *("require_device_key", True, "Require device keys", "Device keys are required."),
            *("Require a device key of each agent of Acme?", True),
        ],
        [
            *("require_device_key", False, "Do without device keys"),
            "Device keys are not required any more.",
            *("Let agents of Acme do without a device key?", False),
        ],
        [
            *("block_clones", True, "Block clones", "Clones are blocked at once."),
            *("Block clones among the agents of Acme?", True),
        ],
        [
            *("block_clones", False, "Only report clones"),
            "Clones are reported, and not blocked any more.",
            *("Only report clones among the agents of Acme?", False),
        ],
        [
            *("lock_device_keys", True, "Lock device keys", "Device keys are locked."),
            *("Lock the device keys of Acme?", False),
        ],
        [
            *("lock_device_keys", False, "Let logins replace keys"),
            "Logins replace lost device keys again.",
            *("Let logins replace the device keys of Acme?", False),
        ],
    ]


# -- times, numbers and names ----------------------------------------------------------------------


def test_times_are_told_in_words_that_fit_how_far_they_are(say: Evaluate) -> None:
    told = {
        -400 * DAY: "400 days ago",
        -DAY: "1 day ago",
        1 - DAY: "23 hours ago",
        -HOUR: "1 hour ago",
        -2 * MINUTE: "2 minutes ago",
        -MINUTE + 1: "just now",
        0: "just now",
        MINUTE - 1: "just now",
        MINUTE: "in 1 min",
        2 * HOUR - 1: "in 2 h",
        3 * DAY + 5: "in 3 days",
    }
    expression = f"given.map((passed) => labels.fromNow(new Date({NOW} + passed), {NOW}))"
    assert say("labels", expression, [*told]) == [*told.values()]


def test_a_moment_is_to_come_until_it_has(say: Evaluate) -> None:
    at = ["2030-03-17T17:46:41Z", "2030-03-17T17:46:40Z", "2030-03-17T17:46:39Z", None]
    expression = f"given.map((at) => labels.isToCome(at, {NOW}))"
    assert say("labels", expression, at) == [True, False, False, False]


def test_days_and_instants_are_told_as_in_the_readers_calendar(say: Evaluate) -> None:
    expression = "[labels.day(given), labels.instant(given), labels.number(1234567)]"
    assert say("labels", expression, "2030-03-17T17:46:40Z") == [
        *("17 Mar 2030", "17 Mar 2030, 17:46", "1,234,567"),
    ]


def test_of_when_something_was_so_the_day_is_told_unless_it_is_today(say: Evaluate) -> None:
    today, another = say("labels", f"[labels.asOf(Date.now()), labels.asOf({NOW})]")
    assert re.fullmatch(r"\d\d:\d\d", today)
    assert another == "17 Mar 2030, 17:46"


def test_what_runs_from_right_to_left_is_kept_apart_in_whatever_script(say: Evaluate) -> None:
    hebrew, arabic, phoenician, adlam = "\u05d0", "\u0627", "\U00010900", "\U0001e900"
    written = [hebrew, arabic, phoenician, adlam, "PC-01", "Küstenwerft"]
    told = [f"\u2068{text}\u2069" for text in written[:4]] + written[4:]
    assert say("labels", "given.map(labels.isolated)", written) == told


def test_how_long_something_lasts_is_told_in_two_units_at_most(say: Evaluate) -> None:
    told = {
        59: "less than a minute",
        60: "1 min",
        3600: "1 h",
        3 * 3600 + 5 * 60 + 1: "3 h 6 min",  # a minute that has begun counts
        86_400 + 60: "1 d",
        2 * 86_400 + 3 * 3600 + 4 * 60: "2 d 3 h",
        7 * 86_400: "7 d",
    }
    assert say("labels", "given.map(labels.duration)", [*told]) == [*told.values()]
    assert say("labels", "given.map(labels.lasting)", [*TimeToLive]) == [
        *("1 hour", "3 hours", "6 hours", "12 hours", "1 day", "3 days", "7 days"),
    ]


def test_days_that_are_left_are_whole_ones(say: Evaluate) -> None:
    told = {
        -1000: "ended",
        MINUTE: "ends within a day",
        DAY + MINUTE: "1 day left",
        2 * DAY + MINUTE: "2 days left",
        1234 * DAY + MINUTE: "1,234 days left",
    }
    expression = "given.map((left) => facts.daysLeft(new Date(Date.now() + left).toISOString()))"
    assert say("facts", expression, [*told]) == [*told.values()]


def test_counts_agree_with_what_is_counted(say: Evaluate) -> None:
    expression = """[labels.counted(0, "agent"), labels.counted(1, "agent"),
        labels.counted(2000, "agent"), labels.counted(2, "entry", "entries")]"""
    assert say("labels", expression) == ["0 agents", "one agent", "2,000 agents", "2 entries"]


def test_an_agent_is_called_by_its_label_its_computer_or_its_id(say: Evaluate) -> None:
    agents = [
        {"label": "Press hall", "computer_name": "PC-01", "id": "lic_1"},
        {"label": "", "computer_name": "PC-01", "id": "lic_1"},
        {"label": None, "computer_name": None, "id": "lic_1"},
    ]
    assert say("labels", "given.map(labels.nameOf)", agents) == ["Press hall", "PC-01", "lic_1"]


def test_r37_until_when_a_computer_can_go_on_is_said_while_that_is_to_come(say: Evaluate) -> None:
    ends = ["2030-03-17T19:46:40Z", "2030-03-17T17:46:40Z", None]
    expression = f"given.map((leased_until) => labels.leaseNote({{ leased_until }}, {NOW}))"
    to_come, past, unknown = say("labels", expression, ends)
    assert to_come.endswith("at the latest 17 Mar 2030, 19:46 (in 2 h).")
    assert past is None
    assert unknown.startswith("An agent that cannot reach the service runs on")


# -- places, drafts and errors ---------------------------------------------------------------------


def test_a_link_has_its_parts_encoded_and_nothing_empty(say: Evaluate) -> None:
    expression = """[router.link([]), router.link(["organizations", "a/b ?#ü", "agents"]),
        router.link(["a"], { search: "x&y=z", cursor: "", status: null, sort: undefined })]"""
    assert say("router", expression) == [
        *("#/", "#/organizations/a%2Fb%20%3F%23%C3%BC/agents", "#/a?search=x%26y%3Dz"),
    ]


def test_of_a_place_only_what_is_asked_for_and_there_is_given_to_the_api(say: Evaluate) -> None:
    expression = 'filters.given(new URLSearchParams(given), ["search", "status", "sort"])'
    assert say("filters", expression, "search=a%26b&status=&other=1") == {"search": "a&b"}


def test_a_draft_is_there_until_it_is_forgotten(say: Evaluate) -> None:
    storage = """(globalThis.sessionStorage = {
        all: {}, getItem(name) { return this.all[name] ?? null; },
        setItem(name, text) { this.all[name] = text; },
        removeItem(name) { delete this.all[name]; },
    })"""
    expression = f"""{storage} && [
        drafts.put("one", {{ ttl: "1h" }}), drafts.put("two", {{ ttl: "3h" }}),
        drafts.draft("one"), drafts.forget("one"), drafts.draft("one"), drafts.draft("two"),
    ].filter(Boolean)"""
    told = say("form-drafts", expression.replace("drafts.", "form_drafts."))
    assert told == [{"ttl": "1h"}, {}, {"ttl": "3h"}]


def test_each_error_says_what_to_do_and_whether_to_try_again(say: Evaluate) -> None:
    expression = """[
        new session.SessionEnded(), new fetching.Unreachable("No way."),
        new session.SignInFailed("Not you."),
        ...given.map(([status, code]) => new api.Problem(status, { code, detail: "Because." })),
        new api.Problem(413, { message: "Request Too Long" }), new api.Problem(418, {}),
    ].map((error) => Object.values(errors.explain(error)))"""
    problems = [[429, ""], [403, "forbidden"], [404, "not_found"], [503, "unavailable"]]
    told = say("errors api fetching session", expression, [*problems, [500, ""], [409, "other"]])
    assert told == [
        [
            "Your session has ended",
            "Sign in again to go on. What you have typed is kept.",
            False,
        ],
        ["No connection", "No way.", True],
        ["Signing in did not work", "Not you.", True],
        ["Too many requests", "Wait a moment, then try again.", True],
        [
            "You may not do this",
            "Your account lacks the role for it. Ask whoever manages users.",
            False,
        ],
        [
            "There is no such thing",
            "It does not exist, or it belongs to another organization.",
            False,
        ],
        [
            "The service is busy",
            "Nothing was done, or doing it again is safe. Try again in a few seconds.",
            True,
        ],
        ["The service has failed", "Try again in a while.", True],
        ["That was refused", "Because.", False],
        ["That was refused", "Request Too Long", False],
        ["That was refused", "The service answered with 418.", False],
    ]
