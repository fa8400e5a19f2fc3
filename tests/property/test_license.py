"""The life of a licence over random actions and clocks, and the end of a random subscription."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from licensing.adapters.dynamo import items
from licensing.adapters.dynamo.values import present
from licensing.domain.lease import LeaseRequest, LeaseTerms
from licensing.domain.lease_chain import Link
from licensing.domain.license import HOUR, SEEN_HOURS, TRANSITIONS, Action, License, State
from licensing.domain.organization import PolicyFloor, Subscription, SubscriptionStatus
from licensing.domain.refusal import Refused
from licensing.domain.validation import Code, PresentedAgent, check
from tests.unit.samples import NOW, credentials, license, machine, organization

moments = st.integers(0, 2**34)


@given(st.sampled_from(State), st.lists(st.tuples(st.sampled_from(Action), moments)))
def test_r21_whatever_is_done_every_change_is_counted_and_time_never_runs_backwards(
    start: State, actions: list[tuple[Action, int]]
) -> None:
    record = license(state=start)
    for action, now in actions:
        changed = record.after(action, now)
        target = TRANSITIONS.get((record.state, action))
        if target is None:
            assert isinstance(changed, Refused)
        elif target is record.state:
            assert changed is record
        else:
            assert isinstance(changed, License)
            assert (changed.state, changed.revision) == (target, record.revision + 1)
            assert changed.updated_at >= max(now, record.updated_at)
            assert changed.claims == (machine().pairs() if changed.is_bound else frozenset())
            assert changed.key(b"secret") == record.key(b"secret")
            record = changed


@given(st.sampled_from(State), st.lists(st.sampled_from(Action)))
def test_r18_r24_a_revoked_license_stays_revoked_whatever_is_done(
    start: State, actions: list[Action]
) -> None:
    record = license(state=start).after(Action.REVOKE, NOW)
    for action in actions:
        assert isinstance(record, License)
        changed = record.after(action, NOW)
        record = record if isinstance(changed, Refused) else changed
        assert record.state is State.REVOKED


@given(moments, st.integers(1, 2**33), moments, st.sampled_from(SubscriptionStatus))
def test_r14_r16_a_license_is_valid_before_the_end_alone_and_no_lease_outlives_it(
    now: int, seconds: int, valid_until: int, status: SubscriptionStatus
) -> None:
    customer = organization(subscription=Subscription(valid_until, status))
    code = check(
        license(),
        customer,
        PresentedAgent("acme", None, machine(), None),
        floor=PolicyFloor(),
        now=now,
    )
    assert (code is Code.VALID) == (status == "active" and now < valid_until)
    if code is Code.VALID:
        terms, asked = LeaseTerms("urn:licensing:test", seconds), LeaseRequest(credentials(), "x")
        link = Link("a", now, terms.end(license(), customer, now=now))
        granted = terms.grant(license(), customer, asked, link)
        assert now == granted.issued_at < granted.expires_at <= min(now + seconds, valid_until)
        assert granted.issued_at <= granted.renew_after < granted.expires_at


@given(st.integers(2**30, 2**31), st.lists(st.integers(-300 * HOUR, 300 * HOUR)), st.data())
def test_r17_a_sighting_knows_the_hours_of_the_week_in_which_an_agent_was_seen(
    start: int, steps: list[int], data: st.DataObject
) -> None:
    record, now, hours = license(), start, set[int]()
    for step in [0, *steps]:
        now = max(0, now + step)  # a clock that is set back forgets what is later
        record = replace(record, last_seen=record.sighted(now, "4.5", None))
        hours = {hour for hour in hours if hour < now // HOUR} | {now // HOUR}
        hours = {hour for hour in hours if hour > now // HOUR - SEEN_HOURS}
    seen = record.last_seen
    assert seen is not None
    assert items.read_last_seen(present(items.last_seen_attributes(seen))) == seen
    latest = now // HOUR + data.draw(st.integers(-SEEN_HOURS - 9, SEEN_HOURS + 9))
    bits = seen.hours_until(latest)
    assert {latest - back for back in range(bits.bit_length()) if bits >> back & 1} == {
        hour for hour in hours if latest - SEEN_HOURS < hour <= latest
    }
