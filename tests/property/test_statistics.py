"""Statistics over random histories: what a list showed at each midnight is what is told later."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.domain.license import Status
from licensing.domain.organization import DAY
from tests.concurrency.table import restore
from tests.integration import pages
from tests.integration.partner import generate
from tests.world import ADA, ALICE, MACHINE_A, MACHINE_B, NOON, YEAR, World, instant, new_world

TO_MIDNIGHT = DAY - NOON % DAY
AGENTS = [(machine, name) for machine in (MACHINE_A, MACHINE_B) for name in ("a", "b")]

agents = st.sampled_from(range(len(AGENTS)))
deeds = st.one_of(
    st.tuples(st.just("login"), agents),
    st.tuples(st.sampled_from(["detach", "attach", "dissociate", "reassign", "revoke"]), agents),
    st.tuples(st.sampled_from(["active", "paused"]), st.sampled_from([0, DAY, YEAR])),
    st.tuples(st.sampled_from(["sweep", "generate"]), st.none()),
)
histories = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 3600, TO_MIDNIGHT, DAY, 3 * DAY]), deeds),
    min_size=1,
    max_size=14,
)


@pytest.fixture(scope="module")
def only(engine: str) -> Iterator[World]:
    """One world for all histories."""
    with new_world(engine) as world:
        yield world


class History:
    """A history that is lived, and what a list has shown meanwhile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shown: dict[str, dict[str, int]] = {}
        self._issued: dict[int, Any] = {}

    def live_until(self, time: float) -> None:
        """Let time pass, and look at the list at each midnight."""
        clock = self.world.clock
        while (midnight := (clock() // DAY + 1) * DAY) <= time:
            clock.time = midnight
            self.look()
        clock.time = time

    def look(self) -> None:
        """What the list shows now; the last look within a second is the one that counts."""
        listed = pages.everything(self.world, "/v1/organizations/acme/licenses", ADA)
        counts = Counter(record["status"] for record in listed)
        self.shown[instant(self.world.clock())] = {status: counts[status] for status in Status}

    def do(self, deed: str, about: Any) -> None:
        """Do it, whatever the answer."""
        world = self.world
        if deed in {"active", "paused"}:
            world.change("acme", status=deed, seconds=about)
        elif deed == "sweep":
            world.sweep()
        elif deed == "generate":
            assert generate(world).status == 201
        else:
            self._do_to_agent(deed, about)
        self.look()

    def _do_to_agent(self, deed: str, number: int) -> None:
        machine, environment = AGENTS[number]
        known = self._issued.get(number)
        if deed == "login":
            answer = self.world.login(ALICE, machine, environment=environment)
            if answer.status in {200, 201}:
                self._issued[number] = answer.json
        elif known is not None and deed == "reassign":
            key = known["license_key"]
            self.world.login(ALICE, machine, environment=environment, license_key=key)
        elif known is not None:
            self.world.act(deed, known["license"]["id"])


@settings(max_examples=settings().max_examples // 4)
@given(history=histories, days=st.integers(1, 90), rest=st.sampled_from([0, 1, DAY, 5 * DAY]))
def test_r14_r33_the_licenses_at_each_midnight_are_told_as_a_list_has_shown_them(
    only: World, history: list[tuple[int, tuple[str, Any]]], days: int, rest: int
) -> None:
    restore(only)
    only.clock.time = NOON
    only.register("acme")
    lived = History(only)
    lived.look()
    for passed, (deed, about) in history:
        lived.live_until(only.clock() + passed)
        lived.do(deed, about)
    lived.live_until(only.clock() + rest)
    lived.look()

    target = f"/v1/organizations/acme/statistics?days={days}"
    told = only.request("GET", target, person=ADA).json
    assert told["complete_from"] == told["from"]
    points = {point.pop("at"): point for point in told["licenses"]}
    assert list(points) == sorted(points)
    assert list(points)[-1] == told["until"] == instant(only.clock())
    nothing = dict.fromkeys(Status, 0)
    for at, counts in points.items():
        # Before it was registered, there was nothing to list.
        assert counts == (nothing if at < instant(NOON) else lived.shown[at]), at
