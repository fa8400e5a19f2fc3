"""R25–R27: how long a temporary licence may live, when it ends, what it holds and what names it."""

import pytest

from licensing.domain.license import Kind, State
from licensing.domain.machine import NO_MACHINE, Credentials, Machine
from licensing.domain.organization import (
    Organization,
    PolicyFloor,
    Subscription,
    SubscriptionStatus,
)
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.domain.validation import Code, PresentedAgent, check
from tests.unit.samples import NOW, YEAR, license, machine, organization, subscription

HOUR = 3600
END = NOW + HOUR


def test_r25_there_are_exactly_seven_times_to_live() -> None:
    assert {ttl.value: ttl.seconds for ttl in TimeToLive} == {
        "1h": 3_600,
        "3h": 3 * 3_600,
        "6h": 6 * 3_600,
        "12h": 12 * 3_600,
        "1d": 86_400,
        "3d": 3 * 86_400,
        "7d": 7 * 86_400,
    }
    assert len(TimeToLive) == 7


@pytest.mark.parametrize("other", ["2h", "1H", "60m", "8d", "7 d", "3600", "", "ONE_HOUR"])
def test_r25_any_other_time_to_live_is_none(other: str) -> None:
    with pytest.raises(ValueError, match="is not a valid TimeToLive"):
        TimeToLive(other)


@pytest.mark.parametrize(("now", "ended"), [(NOW, False), (END - 1, False), (END, True)])
def test_r27_a_term_is_good_up_to_and_excluding_its_end(now: int, *, ended: bool) -> None:
    assert Term(TimeToLive.ONE_HOUR, END).has_ended(now) is ended


# -- R26: what it holds ----------------------------------------------------------------------------

TERM = Term(TimeToLive.ONE_HOUR, END, holder="pavel")


@pytest.mark.parametrize("state", State)
def test_r26_it_holds_neither_a_machine_nor_a_seat(state: State) -> None:
    record = license(state=state, term=TERM)
    assert record.kind is Kind.TEMPORARY
    assert not record.is_bound
    assert record.claims == frozenset()


@pytest.mark.parametrize("state", State)
def test_r22_the_sweep_looks_at_it_at_its_end_while_it_is_active(state: State) -> None:
    assert license(state=state, term=TERM).due_at == (END if state is State.ACTIVE else None)
    assert license(state=state).due_at is None, "a standard one is its organization's affair"


@pytest.mark.parametrize(
    ("subscription_seconds", "end"), [(YEAR, END), (HOUR, END), (HOUR - 1, END - 1)]
)
def test_r27_it_ends_with_its_term_or_the_subscription(subscription_seconds: int, end: int) -> None:
    assert license(term=TERM).valid_until(subscription(subscription_seconds)) == end


@pytest.mark.parametrize(
    ("now", "subscribed", "code"),
    [
        (END - 1, subscription(), Code.VALID),
        (END, subscription(), Code.EXPIRED),
        (END + YEAR - HOUR, subscription(), Code.EXPIRED),
        (END - 2, subscription(HOUR - 1), Code.VALID),
        (END - 1, subscription(HOUR - 1), Code.EXPIRED),
        (END - 1, subscription(status=SubscriptionStatus.PAUSED), Code.SUSPENDED),
        (END, subscription(status=SubscriptionStatus.CANCELLED), Code.SUSPENDED),
    ],
)
@pytest.mark.parametrize("state", [State.ACTIVE, State.EXPIRED])
def test_r27_its_validity_is_derived_from_term_and_subscription_not_from_the_mark(
    state: State, now: int, subscribed: Subscription, code: Code
) -> None:
    assert _code(organization(subscription=subscribed), machine(), state=state, now=now) is code


def test_r26_it_works_in_any_environment_but_on_its_own_machine_only() -> None:
    assert _code(organization(), machine(), environment="staging") is Code.VALID
    renamed = machine(computer_name="ACME-PC-02")
    assert _code(organization(), renamed) is Code.VALID, "two of three agree"
    for other in (machine("another", computer_name="ACME-PC-02"), NO_MACHINE):
        assert _code(organization(), other) is Code.MACHINE_MISMATCH


def test_r26_one_that_nobody_has_used_yet_is_on_no_machine() -> None:
    unused = license(machine=NO_MACHINE, term=Term(TimeToLive.ONE_HOUR, END))
    machines = [machine(), NO_MACHINE, Machine.of(_credentials(), b"another server's key")]
    for found in machines:
        code = check(
            unused,
            organization(),
            PresentedAgent("acme", None, found, None),
            floor=PolicyFloor(),
            now=NOW,
        )
        assert code is Code.MACHINE_MISMATCH


def _credentials() -> Credentials:
    return Credentials.of(machine_id="m-1", mac_addresses=(), computer_name="pc-1")


def _code(
    owner: Organization,
    seen: Machine,
    *,
    state: State = State.ACTIVE,
    environment: str | None = None,
    now: int = NOW,
) -> Code:
    return check(
        license(state=state, term=TERM),
        owner,
        PresentedAgent("acme", environment, seen, None),
        floor=PolicyFloor(),
        now=now,
    )
