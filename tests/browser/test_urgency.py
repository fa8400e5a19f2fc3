"""What is urgent in the portal, at its bounds, and what a renewal changes; without a browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.scripts import Evaluate, copied, evaluated

pytestmark = pytest.mark.needs("browser")

_NOW = 1_900_000_000_000  # milliseconds: 17:46:40 on 17 March 2030
_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluate]:
    """What an expression gives that uses scripts of the portal."""
    with evaluated(copied(tmp_path_factory.mktemp("urgency"))) as say:
        yield say


def test_a_subscription_is_as_urgent_as_the_days_that_are_told_of_it(say: Evaluate) -> None:
    bounds = {
        -1: "urgent",
        0: "urgent",
        5 * _DAY: "urgent",
        8 * _DAY - _MINUTE: "urgent",  # 7 days left
        8 * _DAY: "soon",
        31 * _DAY - _MINUTE: "soon",  # 30 days left
        31 * _DAY: "calm",
        365 * _DAY: "calm",
    }
    expression = f"""((now, at) => given.map((left) => urgency.endUrgency(at(left), now)))(
        {_NOW}, (left) => new Date({_NOW} + left).toISOString())"""
    assert say("urgency", expression, [*bounds]) == [*bounds.values()]


@pytest.mark.parametrize(
    ("standing", "left", "expected"),
    [
        ("current", 100 * _DAY, "calm"),
        ("current", 20 * _DAY, "soon"),
        ("current", 2 * _DAY, "urgent"),
        ("ended", -2 * _DAY, "urgent"),
        ("suspended", 100 * _DAY, "urgent"),
    ],
)
def test_a_subscription_that_does_not_count_is_urgent(
    say: Evaluate, standing: str, left: int, expected: str
) -> None:
    organization = f"""{{ standing: given, subscription: {{
        valid_until: new Date({_NOW + left}).toISOString() }} }}"""
    assert say("urgency", f"urgency.urgencyOf({organization}, {_NOW})", standing) == expected


def test_seats_are_as_urgent_as_those_that_are_left(say: Evaluate) -> None:
    bounds: dict[tuple[int, int | None], tuple[str, str]] = {
        (1980, None): ("calm", ""),
        (0, 10): ("calm", "10 left"),
        (8, 10): ("calm", "2 left"),
        (9, 10): ("soon", "1 left"),
        (1799, 2000): ("calm", "201 left"),
        (1800, 2000): ("soon", "200 left"),
        (1980, 2000): ("soon", "20 left"),
        (1999, 2000): ("soon", "1 left"),
        (2000, 2000): ("urgent", "none left"),
        (1980, 10): ("urgent", "1,970 too few"),
        (0, 0): ("urgent", "none left"),
        (0, 1): ("calm", "1 left"),
    }
    told = say(
        "urgency",
        "given.map((one) => [urgency.seatsUrgency(...one), urgency.seatsLeft(...one)])",
        [list(one) for one in bounds],
    )
    assert [tuple(one) for one in told] == [*bounds.values()]


@pytest.mark.parametrize(
    ("end", "later"),
    [
        ("2030-05-01T12:30:15Z", "2031-05-01T12:30:15"),
        ("2020-01-01T00:00:00Z", "2031-03-17T17:46:40"),  # it has ended: a year from now
        ("2031-12-31T23:59:59Z", "2032-12-31T23:59:59"),
        ("2032-02-29T00:00:00Z", "2033-03-01T00:00:00"),
        ("", "2031-03-17T17:46:40"),
    ],
)
def test_a_renewal_is_for_a_year_from_an_end_that_is_to_come(
    say: Evaluate, end: str, later: str
) -> None:
    expression = f"consequences.yearLater(new Date(given), {_NOW}).toISOString()"
    assert say("consequences", expression, end).startswith(later)


def _terms(days: int, status: str = "active") -> dict[str, Any]:
    return {"days": days, "status": status}


@pytest.mark.parametrize(
    ("before", "after", "stopped", "told"),
    [
        (_terms(5), _terms(370), 12, ""),
        (
            _terms(-5),
            _terms(365),
            12,
            "12 stopped agents work again, with the keys that they have.",
        ),
        (
            _terms(-5),
            _terms(365),
            1,
            "one stopped agent works again, with the key that it has.",
        ),
        (_terms(-5), _terms(365), None, "Its agents work again, with the keys that they have."),
        (_terms(-5), _terms(-1), 12, ""),
        (
            _terms(5, "paused"),
            _terms(5),
            3,
            "3 stopped agents work again, with the keys that they have.",
        ),
        (
            _terms(5, "cancelled"),
            _terms(370, "cancelled"),
            3,
            "It stays cancelled: agents are refused until it is active.",
        ),
        (_terms(5), _terms(5, "paused"), 3, ""),
    ],
)
def test_what_a_renewal_does_for_agents_is_told_before(
    say: Evaluate, before: dict[str, Any], after: dict[str, Any], stopped: int | None, told: str
) -> None:
    expression = f"""consequences.renewalTold(...given.terms.map(({{ days, status }}) => (
        {{ status, valid_until: new Date({_NOW} + days * {_DAY}).toISOString() }})),
        given.stopped, {_NOW})"""
    assert say("consequences", expression, {"terms": [before, after], "stopped": stopped}) == told


def test_who_stops_more_than_25_agents_types_a_name(say: Evaluate) -> None:
    expression = "given.map((seats) => consequences.nameToType({ name: 'Acme', seats }))"
    assert say("consequences", expression, [0, 25, 26]) == [None, None, "Acme"]


# -- what homes begin with -------------------------------------------------------------------------


def _entries(count: int, next_cursor: str | None = None) -> dict[str, Any]:
    return {"events": [{}] * count, "next_cursor": next_cursor}


def test_clones_and_refusals_are_counted_as_far_as_one_request_tells(say: Evaluate) -> None:
    expression = """given.map(([clones, refusals]) =>
        attention.recentMatters({ clones, refusals }, (type) => type)
          .map(({ value, words, urgency, href }) => [value, words, urgency, href]))"""
    none, some = say(
        "attention",
        expression,
        [[_entries(0), _entries(0)], [_entries(1), _entries(100, "more")]],
    )
    assert none == [
        ["0", "suspected clones in 7 days", "calm", "CloneSuspected"],
        ["0", "refusals in 7 days", "calm", "AccessRefused"],
    ]
    assert some == [
        ["1", "suspected clone in 7 days", "urgent", "CloneSuspected"],
        ["100+", "refusals in 7 days", "soon", "AccessRefused"],
    ]


@pytest.mark.parametrize(
    ("organization", "seats", "subscription"),
    [
        (
            {"seats": 1980, "max_agents": None},
            ["1,980", "seats used, without a limit", "calm"],
            ["300", "days until the subscription ends", "calm"],
        ),
        (
            {"seats": 1980, "max_agents": 10, "days": 1},
            ["1,970", "seats too few of 10", "urgent"],
            ["1", "day until the subscription ends", "urgent"],
        ),
        (
            {"seats": 1999, "max_agents": 2000, "days": 20},
            ["1", "seat left of 2,000", "soon"],
            ["20", "days until the subscription ends", "soon"],
        ),
        (
            {"seats": 3, "max_agents": 10, "standing": "suspended", "status": "paused"},
            ["7", "seats left of 10", "calm"],
            ["Paused", "subscription: agents are refused", "urgent"],
        ),
        (
            {"seats": 3, "max_agents": 10, "standing": "ended", "days": -1},
            ["7", "seats left of 10", "calm"],
            ["Ended", "subscription: agents are refused", "urgent"],
        ),
    ],
)
def test_seats_and_subscription_are_told_with_what_is_left(
    say: Evaluate, organization: dict[str, Any], seats: list[str], subscription: list[str]
) -> None:
    expression = f"""attention.organizationMatters({{
        id: "acme", standing: given.standing ?? "current", ...given, subscription: {{
          status: given.status ?? "active",
          valid_until: new Date(Date.now() + (given.days ?? 300) * {_DAY}).toISOString() }}
      }}, false).map(({{ value, words, urgency }}) => [value, words, urgency])"""
    assert say("attention", expression, organization) == [seats, subscription]


def test_a_subscription_leads_to_where_each_can_do_something_about_it(say: Evaluate) -> None:
    expression = """[true, false].map((isSuperAdmin) => attention.organizationMatters({
        id: "acme", standing: "ended", seats: 1, max_agents: null,
        subscription: { status: "active", valid_until: "2020-01-01T00:00:00Z" } }, isSuperAdmin)
      .map(({ href }) => href))"""
    assert say("attention", expression) == [
        ["#/organizations/acme/agents", "#/organizations/acme/edit"],
        ["#/organizations/acme/agents", "#/organizations/acme/feed?type=SubscriptionChanged"],
    ]


def test_silent_and_blocked_agents_lead_to_their_lists(say: Evaluate) -> None:
    expression = """given.map((found) => attention.agentMatters("acme", found)
        .map(({ value, words, urgency, href }) => [value, words, urgency, href.split("?")[1]]))"""
    unknown, none, some = say(
        "attention",
        expression,
        [
            {"blocked": 0},
            {"blocked": 0, "silent": {"days": 7, "licenses": 0}},
            {"blocked": 2, "silent": {"days": 7, "licenses": 1}},
        ],
    )
    quiet = "status=active&unseen=7"
    assert unknown == []
    assert none == [["0", "agents not seen for 7 days", "calm", quiet]]
    assert some == [
        ["1", "agent not seen for 7 days", "soon", quiet],
        ["2", "blocked agents", "soon", "status=detached"],
    ]


def test_customers_are_counted_as_their_lists_count_them(say: Evaluate) -> None:
    ends = [{"date": "", "organizations": int(day in {0, 30, 31, 89})} for day in range(90)]
    given = {
        "ends": ends,
        "recently_ended": {"days": 30, "organizations": 3},
        "seats": {"full": 1, "nearly": 0},
    }
    expression = """attention.customerMatters(given)
        .map(({ value, words, urgency, href }) => [value, words, urgency, href.split("?")[1]])"""
    assert say("attention", expression, given) == [
        ["2", "subscriptions end within 30 days", "soon", "standing=current&ends=30"],
        ["3", "subscriptions ended in the last 30 days", "urgent", "standing=ended&ends=-30"],
        ["1", "organization without a free seat", "urgent", "seats=full"],
        ["0", "organizations nearly full", "calm", "seats=nearly"],
    ]


def test_what_is_recent_begins_with_a_day_where_the_reader_is(say: Evaluate) -> None:
    assert say("attention", f"attention.recently({_NOW})") == {
        "day": "2030-03-10",
        "at": "2030-03-10T00:00:00.000Z",
    }
    abroad = """attention.localDay(Object.assign(new Date("2030-03-10T23:30:00Z"),
        { getTimezoneOffset: () => -60 }))"""
    assert say("attention", abroad) == "2030-03-11"
