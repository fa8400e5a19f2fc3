"""Announcements over random sweeps: each at most once, none early, and none left out."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.organization import DAY, Organization, Subscription, SubscriptionStatus
from tests.unit.samples import organization

END = 1_900_000_000
moments = st.integers(END - 40 * DAY, END + 2 * DAY)
near = st.sampled_from([30, 7, 1, 0]).flatmap(
    lambda days: st.integers(-2, 2).map(lambda seconds: END - days * DAY + seconds)
)


def customer() -> Organization:
    return organization(subscription=Subscription(END, SubscriptionStatus.ACTIVE))


@given(st.lists(st.one_of(moments, near)).map(sorted))
def test_r22_each_end_is_announced_at_most_once_per_number_of_days_and_never_early(
    sweeps: list[int],
) -> None:
    announcing, made = customer(), []
    for now in sweeps:
        days = announcing.due_announcement(now)
        if days is not None:
            assert END - days * DAY <= now < END
            made.append(days)
            announcing = replace(announcing, announced_days=days)
        assert announcing.due_announcement(now) is None
    assert made == sorted(set(made), reverse=True)


@given(st.one_of(moments, near), st.integers(0, 600))
def test_r22_r23_a_sweep_that_only_comes_when_due_leaves_no_announcement_out(
    start: int, delay: int
) -> None:
    announcing, made, now = customer(), [], start
    while True:
        days = announcing.due_announcement(now)
        if days is not None:
            made.append(days)
            announcing = replace(announcing, announced_days=days)
        due = announcing.next_due(now)
        if due is None:
            break
        assert due > now
        now = due + delay
    assert now >= END or start >= END
    closest = [days for days in (30, 7, 1) if start < END - days * DAY]
    reached_before = [days for days in (30, 7, 1) if END - days * DAY <= start < END][-1:]
    assert made == reached_before + closest
