"""Organizations: when a subscription is good, when its end is announced, and who has a seat."""

import pytest

from licensing.domain.organization import (
    Organization,
    Policy,
    PolicyFloor,
    Standing,
    Subscription,
    SubscriptionStatus,
    is_organization_id,
)
from tests.unit.samples import DAY, NOW, YEAR, organization, subscription

ACTIVE, PAUSED, CANCELLED = SubscriptionStatus


# -- R14: standing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "seconds_left", "standing"),
    [
        (ACTIVE, 1, Standing.CURRENT),
        (ACTIVE, 0, Standing.ENDED),
        (ACTIVE, -1, Standing.ENDED),
        (PAUSED, 1, Standing.SUSPENDED),
        (PAUSED, 0, Standing.SUSPENDED),
        (PAUSED, -1, Standing.SUSPENDED),
        (CANCELLED, 1, Standing.SUSPENDED),
        (CANCELLED, 0, Standing.SUSPENDED),
        (CANCELLED, -1, Standing.SUSPENDED),
    ],
)
def test_r14_a_subscription_is_good_up_to_and_excluding_its_end_and_suspended_before_ended(
    status: SubscriptionStatus, seconds_left: int, standing: Standing
) -> None:
    assert subscription(seconds_left, status).standing(NOW) is standing


@pytest.mark.parametrize("status", SubscriptionStatus)
@pytest.mark.parametrize(("seconds_left", "ended"), [(1, False), (0, True), (-1, True)])
def test_r22_a_subscriptions_time_is_over_from_its_end_on_paused_or_not(
    status: SubscriptionStatus, seconds_left: int, *, ended: bool
) -> None:
    assert subscription(seconds_left, status).has_ended(NOW) is ended


# -- R22: announcements ----------------------------------------------------------------------------


def announcements(customer: Organization, *moments: int) -> list[int | None]:
    """What a sweep that runs at these moments announces, one run after the other."""
    made = []
    for now in moments:
        days = customer.due_announcement(now)
        if days is not None:
            customer = announced(customer, days)
        made.append(days)
    return made


def announced(customer: Organization, days: int) -> Organization:
    return organization(
        subscription=customer.subscription, announced_days=days, version=customer.version
    )


def before_the_end(seconds: int) -> int:
    return NOW + YEAR - seconds


def test_r22_an_end_is_announced_30_7_and_1_days_ahead_each_once() -> None:
    hours = [before_the_end(40 * DAY - hour * 3600) for hour in range(41 * 24)]
    made = announcements(organization(), *hours)
    assert [days for days in made if days is not None] == [30, 7, 1]
    assert [made.index(days) / 24 for days in (30, 7, 1)] == [10, 33, 39]


@pytest.mark.parametrize("days", [30, 7, 1])
def test_r22_an_announcement_is_due_to_the_second(days: int) -> None:
    customer = organization()
    early = customer.due_announcement(before_the_end(days * DAY + 1))
    assert early is None or early > days
    assert customer.due_announcement(before_the_end(days * DAY)) == days


@pytest.mark.parametrize(
    ("days_left", "announced_at_once"),
    [(31, None), (30, 30), (8, 30), (7, 7), (5, 7), (1, 1), (0.5, 1), (0, None), (-1, None)],
)
def test_r22_a_short_subscription_is_announced_by_the_closest_number_of_days_only(
    days_left: float, announced_at_once: int | None
) -> None:
    now = before_the_end(int(days_left * DAY))
    assert announcements(organization(), now, now + 1) == [announced_at_once, None]


@pytest.mark.parametrize("status", [PAUSED, CANCELLED])
@pytest.mark.parametrize("days_left", [30, 7, 1, 0])
def test_r22_the_end_of_a_paused_or_cancelled_subscription_is_not_announced(
    status: SubscriptionStatus, days_left: int
) -> None:
    customer = organization(subscription=subscription(days_left * DAY, status))
    assert customer.due_announcement(NOW) is None


def test_r22_r24_a_new_end_is_announced_anew_and_the_same_end_is_not() -> None:
    ending = organization(subscription=subscription(DAY), announced_days=1)

    def put(end: Subscription, name: str = "Acme") -> Organization:
        return ending.changed(name=name, subscription=end, max_agents=None, now=NOW)

    assert put(subscription(DAY), "Acme Ltd").due_announcement(NOW) is None
    assert put(subscription(5 * DAY)).due_announcement(NOW) == 7
    assert put(subscription(DAY - 60)).due_announcement(NOW) == 1


def test_r22_a_pause_does_not_make_an_announcement_come_twice() -> None:
    ending = organization(subscription=subscription(7 * DAY), announced_days=7)
    paused = ending.changed(
        name="Acme", subscription=subscription(7 * DAY, PAUSED), max_agents=None, now=NOW
    )
    resumed = paused.changed(
        name="Acme", subscription=subscription(7 * DAY), max_agents=None, now=NOW
    )
    assert resumed.due_announcement(NOW) is None


# -- R23: when the sweep has to look ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (before_the_end(40 * DAY), before_the_end(30 * DAY)),
        (before_the_end(30 * DAY + 1), before_the_end(30 * DAY)),
        (before_the_end(30 * DAY), before_the_end(7 * DAY)),
        (before_the_end(7 * DAY), before_the_end(DAY)),
        (before_the_end(DAY), before_the_end(0)),
        (before_the_end(1), before_the_end(0)),
        (before_the_end(0), None),
        (before_the_end(-DAY), None),
    ],
)
def test_r23_an_organization_is_due_at_its_next_announcement_or_its_end(
    now: int, due: int | None
) -> None:
    assert organization().next_due(now) == due


def test_r23_the_last_turn_is_the_last_change_or_the_end_if_that_came_later() -> None:
    customer = organization(updated_at=NOW, subscription=subscription(100))
    assert customer.last_turn(NOW + 99) == NOW
    assert customer.last_turn(NOW + 100) == NOW + 100
    late = organization(updated_at=NOW + 500, subscription=subscription(100))
    assert late.last_turn(NOW + 600) == NOW + 500


# -- R6: seats -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_agents", "seats", "free"),
    [
        (None, 0, True),
        (None, 10**6, True),
        (0, 0, False),
        (3, 2, True),
        (3, 3, False),
        (3, 4, False),  # the limit was lowered
    ],
)
def test_r06_a_seat_is_free_below_the_limit(
    max_agents: int | None, seats: int, *, free: bool
) -> None:
    assert organization(max_agents=max_agents, seats=seats).has_free_seat() is free


def test_r06_a_new_organization_has_all_seats_free_and_nothing_announced() -> None:
    new = organization()
    assert (new.seats, new.version, new.announced_days) == (0, 1, None)


# -- changes ---------------------------------------------------------------------------------------


def test_r24_a_change_counts_the_version_and_leaves_the_seats_alone() -> None:
    before = organization(version=4, seats=9, max_agents=10)
    assert before.changed(
        name="Acme Ltd", subscription=subscription(5), max_agents=12, now=NOW + 60
    ) == organization(
        name="Acme Ltd",
        subscription=subscription(5),
        max_agents=12,
        version=5,
        seats=9,
        updated_at=NOW + 60,
    )


@pytest.mark.parametrize(("now", "at"), [(NOW + 60, NOW + 60), (NOW - 60, NOW)])
def test_a_decision_counts_the_version_and_leaves_the_subscription_alone(now: int, at: int) -> None:
    before = organization(version=4, seats=9, max_agents=10)
    assert before.changed(policy=Policy(block_clones=True), now=now) == organization(
        version=5, seats=9, max_agents=10, policy=Policy(block_clones=True), updated_at=at
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("acme", True),
        ("a1", True),
        ("0-0", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("a", False),
        ("", False),
        ("-acme", False),
        ("Acme", False),
        ("acme_1", False),
        ("acme corp", False),
        ("acme\n", False),
        ("ACME#1", False),
        ("büro", False),
        ("acme\N{ARABIC-INDIC DIGIT ONE}", False),
    ],
)
def test_the_form_of_an_organization_id_is_exact(text: str, *, is_one: bool) -> None:
    assert is_organization_id(text) is is_one


# -- R38: the floor --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["require_device_key", "block_clones", "lock_device_keys"])
@pytest.mark.parametrize(
    ("chosen", "least", "counts"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_r38_each_switch_counts_when_either_sets_it(
    name: str, *, chosen: bool, least: bool, counts: bool
) -> None:
    policy, floor = Policy(**{name: chosen}), PolicyFloor(**{name: least})
    assert policy.at_least(floor) == Policy(**{name: counts})


@pytest.mark.parametrize(
    ("chosen", "least", "counts"),
    [(None, None, None), (5, None, 5), (None, 2, 2), (5, 2, 2), (1, 2, 1), (0, 2, 0), (5, 0, 0)],
)
def test_r38_of_two_limits_the_lower_one_counts(
    chosen: int | None, least: int | None, counts: int | None
) -> None:
    counting = Policy(agents_per_member=chosen).at_least(PolicyFloor(agents_per_member=least))
    assert counting == Policy(agents_per_member=counts)
