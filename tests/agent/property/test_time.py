"""After a contact, a lease is used for its length and no longer, whatever becomes of the clock.

The true time runs in the test alone. An agent runs, is killed, is stopped, is off; its clock is set
to anything, in both directions, for years. What is counted is the seconds in which it would work.
"""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from licensing_agent import lifecycle, transitions
from licensing_agent.lifecycle import Moment, State
from licensing_agent.protocol.outcomes import Failed
from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage.state import NOTHING, decode, encode
from tests.agent.samples import LOGGED_IN, MACHINE, PINNED, valid
from tests.proof import Proof
from tests.unit.samples import DAY, NOW

YEAR = 365 * DAY
LOOK = 150
"""Seconds between two looks at the clocks: more than a client ever leaves."""


@dataclass
class World:
    """An agent, its disk, its clock, and the time that it really is."""

    true: float = NOW
    ahead: float = 0.0
    """How far the machine's clock is ahead of the time that it is."""
    boot: float = 0.0
    disk: bytes = field(default=b"")
    touched: float | None = None
    worked: float = 0.0
    state: State | None = None

    def moment(self) -> Moment:
        """What the machine shows."""
        return Moment(self.true + self.ahead, self.true - self.boot, 0.5)

    def save(self) -> None:
        """What the engine does before it tells anything."""
        assert self.state is not None
        data = encode(self.state.kept)
        if data != self.disk:
            self.disk, self.touched = data, self.moment().wall

    def start(self) -> State:
        """The process starts, from what is on the disk; its monotonic clock starts anew."""
        self.boot = self.true - 17
        self.state = lifecycle.begin(
            PINNED, decode(self.disk), MACHINE, self.touched, self.moment()
        )
        self.save()
        return self.state

    def kill(self) -> None:
        """Nothing is saved."""
        self.state = None

    def stop(self) -> None:
        """In good order."""
        if self.state is not None:
            self.state = lifecycle.ended(lifecycle.advanced(self.state, self.moment()))
            self.save()
            self.state = None

    def contact(self) -> None:
        """The service says that the licence is valid, at the time that it is."""
        state = self.state or self.start()
        self.state = transitions.after(self.asked(state), valid(now=int(self.true)), self.moment())
        self.save()
        assert lifecycle.status(self.state).license_state == "valid"
        self.worked = 0.0

    def asked(self, state: State) -> State:
        """A question is asked."""
        state = replace(state, kept=replace(state.kept, asked=None))
        return lifecycle.asking(lifecycle.advanced(state, self.moment()), "n-1")

    def run(self, seconds: float) -> None:
        """The agent looks again and again whether it may work, and the service does not answer."""
        self.state = self.state or self.start()
        self.state = transitions.after(self.state, Failed(why="out of reach"), self.moment())
        until = self.true + seconds
        while self.true < until:
            self.state = lifecycle.advanced(self.state, self.moment())
            self.save()
            may_work = lifecycle.status(self.state).usable
            step = min(LOOK, until - self.true)
            lease = self.state.lease
            if may_work and lease is not None:
                # It works until the next look, or until its lease's end, which it was told.
                self.worked += min(step, lease.expires_at - self.state.time.mark)
            self.true += step


def fresh() -> World:
    """An agent that has logged in."""
    world = World()
    state = lifecycle.begin(PINNED, decode(encode(NOTHING)), MACHINE, None, world.moment())
    world.state = transitions.after(world.asked(state), LOGGED_IN, world.moment())
    world.contact()
    return world


SECONDS = st.integers(0, 2 * DAY)
MOVES = st.one_of(
    st.tuples(st.just("run"), SECONDS),
    st.tuples(st.just("kill"), st.just(0)),
    st.tuples(st.just("stop"), st.just(0)),
    st.tuples(st.just("off"), st.integers(0, YEAR)),
    st.tuples(st.just("set"), st.integers(-5 * YEAR, 5 * YEAR)),
    st.tuples(st.just("back"), st.integers(0, 2 * DAY)),
    st.tuples(st.just("contact"), st.just(0)),
)


def played(moves: list[tuple[str, int]]) -> float:
    """The longest that the agent has worked after a contact."""
    world = fresh()
    longest = 0.0
    for move, amount in moves:
        match move:
            case "run":
                world.run(amount)
            case "kill":
                world.kill()
            case "stop":
                world.stop()
            case "off":
                world.stop()
                world.true += amount
            case "set":
                world.ahead = amount
            case "back":
                world.ahead -= amount
            case "contact":
                world.contact()
        longest = max(longest, world.worked)
    return longest


@given(moves=st.lists(MOVES, max_size=40))
def test_r16_a_lease_is_used_for_its_length_and_no_longer_through_years_of_clock_moves(
    moves: list[tuple[str, int]],
) -> None:
    assert played(moves) <= DAY


@pytest.mark.thorough
def test_r16_the_moves_find_a_time_that_stands_still_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Planted: only the clock on the wall counts.
    monkeypatch.setattr(Timekeeping, "passed", lambda self, _: self)
    assert find(
        st.lists(MOVES, max_size=40),
        lambda moves: played(moves) > DAY,
        # Nobody needs its shortest form, for which the search would go on.
        settings=settings(max_examples=100_000, phases=[Phase.generate]),
    )


def killed_and_set_back(rounds: int, seconds: int) -> float:
    """What somebody does who wants a lease for ever."""
    return played([("run", seconds), ("kill", 0), ("back", seconds)] * rounds)


@pytest.mark.proof
def test_r16_killed_and_set_back_again_and_again_a_lease_still_ends(
    proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = proof.of(test=1_000, test_all=1_000, prove=10_000)
    assert max(killed_and_set_back(rounds, seconds) for seconds in (60, 149, 599)) <= DAY
    # Planted: time that is noted only after it has been used, and not before.
    monkeypatch.setattr(lifecycle, "LARGEST_RESERVE", 0.0)
    planted = killed_and_set_back(1_000, 149)
    assert planted > DAY
    proof.found(
        f"killed {3 * rounds:,} times with the clock set back, never used beyond its day",
        planted=f"time noted after its use: used for {planted / DAY:.1f} days",
        is_random=False,
    )


def test_r16_a_clock_that_is_wrong_all_along_does_no_harm() -> None:
    for years in (-20, -1, 1, 20):
        world = World(ahead=years * YEAR)
        state = lifecycle.begin(PINNED, NOTHING, MACHINE, None, world.moment())
        world.state = transitions.after(world.asked(state), LOGGED_IN, world.moment())
        world.contact()
        world.stop()
        world.run(2 * DAY)
        assert world.worked > 0.98 * DAY


def test_r16_a_clock_that_is_put_right_after_the_contact_counts_as_it_is() -> None:
    for years in (-1, 1):
        world = World(ahead=years * YEAR)
        state = lifecycle.begin(PINNED, NOTHING, MACHINE, None, world.moment())
        world.state = transitions.after(world.asked(state), LOGGED_IN, world.moment())
        world.contact()
        world.stop()
        world.ahead = 0
        world.true += 30 * DAY
        world.run(DAY)
        assert world.worked == 0


def test_r16_after_a_clock_has_run_ahead_a_contact_puts_all_right() -> None:
    world = fresh()
    world.ahead = 3 * YEAR
    world.run(DAY)
    assert world.worked == 0
    world.ahead = 0
    world.contact()
    world.run(2 * DAY)
    assert world.worked > 0.98 * DAY


def test_r16_a_file_from_the_future_shows_that_the_clock_was_set_back() -> None:
    world = fresh()
    world.stop()
    assert world.touched is not None
    world.touched += 2 * DAY
    world.run(DAY)
    assert world.worked == 0


def test_the_clocks_of_one_process_are_looked_at_together() -> None:
    world = fresh()
    state = world.state
    assert state is not None
    later = lifecycle.advanced(state, Moment(0.0, world.moment().monotonic + DAY, 0.5))
    assert not lifecycle.status(later).usable
