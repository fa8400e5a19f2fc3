"""An organization with fifty thousand agents: listed, paused, ended and renewed.

Everything goes through the real handlers. What concerns all agents at once must cost as if there
were one: a page of the list, wherever it lies; a pause; a validation while the sweep is at work.
What has to be done agent by agent, the marks for people to read, is told per licence, and how long
it takes with the schedule and the time limit of the template.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlencode

from tests.benchmarks.invoked import silence
from tests.benchmarks.meter import Spent, metered
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.population import Agents, Customer, Part, dealt, fill
from tests.benchmarks.schedule import Sweep, sweeping
from tests.concurrency.racers import Ground
from tests.engine import dynamodb_local
from tests.world import ADA, ALICE, NOON, YEAR, Answer, World, new_world

TITLE = "An organization with 50,000 agents"
PAGE = 100
OF_SAMPLE = 5
MOST_PAGE_REQUESTS = 3
MOST_LAST_PAGE_REQUESTS = 7
"""The last page looks for the other four states, too, before it knows that it is the last."""

MOST_PAGE_RATIO = 1.5
"""What times may differ by that are those of a few milliseconds each."""

UNITS_PER_MARK = 7
"""AWS: two for the licence, two for its event, three for the index entries that come and go."""

INDEX_UNITS_PER_MARK = 2
PARTITION_WRITE_UNITS = 1_000
"""AWS: write units per second that one partition takes, of an index as of a table.

A mark moves a licence within its organization's list: one entry less and one more, both in the one
partition that the list is.
"""

_IN_A_PIECE = 1_000
_LISTED = "/v1/organizations/acme/licenses"


@dataclass(frozen=True, slots=True)
class Step:
    """One request, or one kind of request: what it took."""

    name: str
    spent: Spent
    milliseconds: float


def measure(size: Size, tell: Tell) -> Outcome:
    """Live an organization's life."""
    agents = size.of(50_000, 210)
    with (
        silence(),
        dynamodb_local(lasts=size is Size.FULL) as engine,
        new_world(engine) as world,
    ):
        filled(world, agents, tell)
        keys = sample(world, agents)
        pages = listed(world, agents, tell)
        steps = [*_filters(world, keys), *_pause(world, keys)]
        tell("paused, and on again: at once for all")
        ended, while_ended = _turn(world, keys, "EXPIRED", tell, seconds=0)
        renewed, while_renewed = _turn(world, keys, "VALID", tell, seconds=YEAR)
        if (ended.marked, renewed.marked) != (agents - 1, agents - 1):
            raise ValueError(f"{ended.marked} are marked and {renewed.marked} are back")
    return Outcome(
        figures=(
            *_page_figures(pages),
            *_pause_figures(steps),
            *_sweep_figures("ended", ended, while_ended),
            *_sweep_figures("renewed", renewed, while_renewed),
            Figure(
                "most marks of one organization on AWS",
                PARTITION_WRITE_UNITS / INDEX_UNITS_PER_MARK,
                "licences/s",
                note="its list is one partition of an index: "
                f"{agents * INDEX_UNITS_PER_MARK / PARTITION_WRITE_UNITS:.0f} s for all",
            ),
        ),
        tables=(
            _steps_table(pages, steps),
            _sweeps_table({"ended": ended, "renewed": renewed}),
        ),
        plots=(
            Plot(
                "large_organization",
                f"Pages of a list of {agents:,} licences",
                "page",
                "ms",
                (
                    (
                        f"{PAGE} licences",
                        tuple((at, page.milliseconds) for at, page in enumerate(pages, 1)),
                    ),
                ),
            ),
        ),
    )


def filled(world: World, agents: int, tell: Tell) -> None:
    """Acme with so many agents, all of them there since `NOON`."""
    hashing_key = world.runtime.keyrings.keyring().hashing_key
    pieces = dealt(range(agents), _IN_A_PIECE)
    parts: list[Part] = [
        Customer("acme", NOON, NOON + YEAR, seats=agents, now=NOON),
        *(Agents("acme", numbers, NOON, hashing_key) for numbers in pieces),
    ]
    fill(Ground.of(world), parts, tell, f"{agents:,} agents")


def described(number: int) -> dict[str, object]:
    """The machine of one of them, as its agent tells it."""
    digits = f"3c5282{number:06x}"
    return {
        "machine_id": f"machine-{number:04d}",
        "mac_addresses": [":".join(digits[at : at + 2] for at in range(0, 12, 2))],
        "computer_name": f"pc-{number:04d}",
    }


def sample(world: World, agents: int) -> dict[int, str]:
    """The keys of some agents; each has just been seen, so that a validation notes nothing more."""
    keys = {}
    for number in range(0, agents, agents // OF_SAMPLE):
        answer = world.login(ALICE, described(number))
        if answer.status != 200 or answer.json["created"]:
            raise ValueError(f"agent {number} is not known: {answer}")
        keys[number] = answer.json["license_key"]
    validated(world, keys, "VALID")
    return keys


def validated(world: World, keys: dict[int, str], code: str) -> list[Step]:
    """What each validation of a sample took; all have to be answered by `code`."""
    steps: list[Step] = []
    for number, key in keys.items():
        with _stepping(world, "validate", steps):
            found = world.code(key, described(number))
        if found != code:
            raise ValueError(f"agent {number} is {found}, not {code}")
    return steps


def listed(world: World, agents: int, tell: Tell) -> list[Step]:
    """What each page of the whole list took."""
    steps: list[Step] = []
    seen: set[str] = set()
    cursor: str | None = None
    told = time.monotonic()
    while cursor is not None or not steps:
        query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        with _stepping(world, f"page {len(steps) + 1}", steps):
            answer = _list(world, **query)
        seen |= {one["id"] for one in answer.json["licenses"]}
        cursor = answer.json["next_cursor"]
        if time.monotonic() - told > 5:
            told = time.monotonic()
            tell(f"listed {len(seen):,} of {agents:,} agents, page {len(steps)}")
    if len(seen) != agents:
        raise ValueError(f"{len(seen)} of {agents} agents are listed")
    tell(f"listed {agents:,} agents on {len(steps)} pages")
    return steps


def _filters(world: World, keys: dict[int, str]) -> Iterator[Step]:
    """Pages that show a part of the list: what is looked for is rare, or not there at all."""
    number = next(iter(keys))
    license_id = world.login(ALICE, described(number)).json["license"]["id"]
    if world.act("detach", license_id).status != 200:
        raise ValueError("an agent cannot be detached")
    keys.pop(number)
    for name, query, count in (
        ("list, status active", {"status": "active"}, PAGE),
        ("list, status detached: one", {"status": "detached"}, 1),
        ("list, status suspended: none", {"status": "suspended"}, 0),
        ("list, environment production: all", {"environment": "production"}, PAGE),
        ("list, environment staging: none", {"environment": "staging"}, 0),
    ):
        steps: list[Step] = []
        with _stepping(world, name, steps):
            answer = _list(world, limit=str(PAGE), **query)
        if len(answer.json["licenses"]) != count:
            raise ValueError(f"{name}: {len(answer.json['licenses'])} are listed")
        yield from steps


def _pause(world: World, keys: dict[int, str]) -> Iterator[Step]:
    """Pause and go on: it holds for all agents at once, and marks none."""
    for name, status, code in (("pause", "paused", "SUSPENDED"), ("go on", "active", "VALID")):
        steps: list[Step] = []
        version = _version(world)
        with _stepping(world, name, steps):
            answer = world.put("acme", seconds=YEAR, status=status, version=version)
        if answer.status != 200:
            raise ValueError(f"{name}: {answer}")
        yield from steps
        yield _typical(f"validate, once {status}", validated(world, keys, code))
    steps = []
    world.clock.advance(1)
    with _stepping(world, "sweep after a pause", steps):
        report = world.sweep()
    if report["expired"] or report["reinstated"]:
        raise ValueError(f"a pause leaves marks: {report}")
    yield from steps


def _turn(
    world: World, keys: dict[int, str], code: str, tell: Tell, *, seconds: int
) -> tuple[Sweep, Step]:
    """Change the end of the subscription: at once for all; validate beside the sweep's marks."""
    answer = world.put("acme", seconds=seconds, version=_version(world))
    if answer.status != 200:
        raise ValueError(f"the subscription cannot be changed: {answer}")
    validated(world, keys, code)  # seen by now: the next ones note nothing
    steps = validated(world, keys, code)
    began = told = time.monotonic()
    with sweeping(world) as runs:
        while not runs.done():
            steps += validated(world, keys, code)
            if time.monotonic() - told > 5:
                told = time.monotonic()
                tell(f"the sweep is at work for {told - began:.0f} s, and validations say {code}")
        sweep = runs.result()
    world.clock.advance(sweep.every * len(sweep.runs))
    world.runtime.keyrings.keyring()  # which is fetched anew by now
    tell(f"{sweep.marked:,} marks in {sweep.marking_runs} runs, {sweep.seconds:.0f} s")
    return sweep, _typical(f"validate, {code}, beside the sweep", steps)


def _list(world: World, **query: str) -> Answer:
    answer = world.request("GET", f"{_LISTED}?{urlencode(query)}", person=ADA)
    if answer.status != 200:
        raise ValueError(f"not listed: {answer}")
    return answer


def _version(world: World) -> int:
    answer = world.request("GET", "/v1/organizations/acme", person=ADA)
    version: int = answer.json["organization"]["version"]
    return version


@contextmanager
def _stepping(world: World, name: str, steps: list[Step]) -> Iterator[None]:
    """Note what a block takes."""
    with metered(world.runtime.dynamodb) as spent:
        began = time.perf_counter()
        yield
        milliseconds = 1000 * (time.perf_counter() - began)
    steps.append(Step(name, spent, milliseconds))


def _typical(name: str, steps: Sequence[Step]) -> Step:
    """The dearest of some requests of one kind, at their median time."""
    dearest = max(steps, key=lambda step: step.spent.total)
    return Step(name, dearest.spent, median(step.milliseconds for step in steps))


# -- what is told ------------------------------------------------------------------------------


def _stretch(pages: Sequence[Step], place: float) -> Step:
    """Pages around a place in the list, but for the last one, which has an end to find."""
    whole = pages[:-1] or pages
    width = max(1, len(whole) // 10)
    start = round(place * (len(whole) - width))
    return _typical(f"list, {place:.0%}", whole[start : start + width])


def _page_figures(pages: Sequence[Step]) -> Iterator[Figure]:
    first = _stretch(pages, 0.0)
    for name, place in (("in the middle", 0.5), ("at the end", 1.0)):
        there = _stretch(pages, place)
        yield Figure(
            f"time of a page {name}, against the first ones",
            there.milliseconds / first.milliseconds,
            "x",
            MOST_PAGE_RATIO,
            f"{there.milliseconds:.1f} and {first.milliseconds:.1f} ms",
        )
    yield Figure(
        f"requests per page of {PAGE}, at most",
        max(page.spent.total for page in pages[:-1]),
        "requests",
        MOST_PAGE_REQUESTS,
        f"on {len(pages) - 1} pages",
    )
    yield Figure(
        "requests of the last page",
        pages[-1].spent.total,
        "requests",
        MOST_LAST_PAGE_REQUESTS,
        pages[-1].spent.by_operation(),
    )


def _pause_figures(steps: Sequence[Step]) -> Iterator[Figure]:
    by_name = {step.name: step for step in steps}
    pause = by_name["pause"]
    yield Figure(
        "requests of a pause", pause.spent.total, "requests", 2, pause.spent.by_operation()
    )
    after = by_name["validate, once paused"]
    yield Figure(
        "requests of a validation after it",
        after.spent.total,
        "requests",
        1,
        f"SUSPENDED at once; {after.milliseconds:.1f} ms",
    )
    rare = by_name["list, status detached: one"]
    yield Figure(
        "requests to list the one agent in another state",
        rare.spent.total,
        "requests",
        MOST_PAGE_REQUESTS,
    )
    none = by_name["list, environment staging: none"]
    yield Figure(
        "requests to list an environment that nobody has",
        none.spent.total,
        "requests",
        note=f"{none.spent.read_units:,.0f} read units: a filter that no index helps",
    )


def _sweep_figures(name: str, sweep: Sweep, beside: Step) -> Iterator[Figure]:
    yield Figure(
        f"{name}: requests per licence",
        sweep.spent.total / sweep.marked,
        "requests",
        note=f"{sweep.spent.total:,} for {sweep.marked:,}",
    )
    yield Figure(f"{name}: read units per licence", sweep.spent.read_units / sweep.marked, "units")
    yield Figure(
        f"{name}: write units per licence on AWS",
        UNITS_PER_MARK + 2 * (sweep.spent.actions / sweep.marked - 2),
        "units",
        note="the check of the organization is shared by up to 49",
    )
    yield Figure(f"{name}: time per licence", 1000 * sweep.seconds / sweep.marked, "ms")
    yield Figure(
        f"{name}: until all marks are there",
        sweep.seconds_to_last_mark,
        "s",
        note=f"{sweep.marking_runs} runs, one every {sweep.every} s",
    )
    yield Figure(
        f"{name}: requests of a validation beside the sweep, at most",
        beside.spent.total,
        "requests",
        1,
        f"{beside.milliseconds:.1f} ms",
    )


def _steps_table(pages: Sequence[Step], steps: Sequence[Step]) -> Table:
    shown = [
        *(_stretch(pages, place) for place in (0.0, 0.5, 1.0)),
        Step("list, the last page", pages[-1].spent, pages[-1].milliseconds),
        *steps,
    ]
    return Table(
        "What concerns all agents at once",
        ("", "requests", "read units", "actions in transactions", "ms"),
        tuple(
            (
                step.name,
                step.spent.by_operation(),
                f"{step.spent.read_units:,.1f}",
                f"{step.spent.actions:,}",
                f"{step.milliseconds:,.1f}",
            )
            for step in shown
        ),
    )


def _sweeps_table(sweeps: dict[str, Sweep]) -> Table:
    cells: dict[str, Callable[[Sweep], str]] = {
        "marks": lambda one: f"{one.marked:,}",
        "runs until all are there": lambda one: f"{one.marking_runs}",
        "runs until nothing is due": lambda one: f"{len(one.runs) - 1}",
        "requests": lambda one: one.spent.by_operation(),
        "sent again by the client": lambda one: f"{one.spent.repeated:,}",
        "read units": lambda one: f"{one.spent.read_units:,.1f}",
        "actions in transactions": lambda one: f"{one.spent.actions:,}",
        "s altogether": lambda one: f"{one.seconds:.1f}",
        "MiB at most": lambda one: f"{one.mib_at_most:.0f}",
    }
    return Table(
        "The marks, agent by agent",
        ("", *sweeps),
        tuple((name, *(cell(one) for one in sweeps.values())) for name, cell in cells.items()),
    )
