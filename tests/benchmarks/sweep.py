"""The sweep over a million licences of which ten thousand are due, against these alone.

What is due is the same in both tables: organizations of three sizes whose subscriptions have ended,
and temporary licences whose time is over. What one table has beside it lies where it could be in
the way: more licences of the same organizations, which were revoked long ago; temporary licences
that are not due yet, in the same partitions of the index; and, for the most part, other
organizations. The sweep runs as the schedule runs it, in a fresh process, until nothing is due.

Claims, and what the logins of licences that are not due have written to the history, are left out:
each run counts what the sweep touches, and fails if these were among it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from licensing.domain.license import State
from licensing.domain.organization import DAY
from licensing.domain.temporary_license import TimeToLive
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.population import Agents, Customer, Part, Temporaries, dealt, fill
from tests.benchmarks.schedule import Sweep, sweeping
from tests.concurrency.racers import Ground
from tests.engine import dynamodb_local
from tests.world import NOON, World, new_world

TITLE = "Sweep: 10,000 due among 1,000,000 licences, and alone"
MOST_REQUESTS = 1.1
MOST_MEMORY = 1.1
_SINCE = NOON - 400 * DAY
_IN_A_PIECE = 1_000


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: organizations as (how many, of how many agents), and temporary licences."""

    ended: tuple[tuple[int, int], ...]
    temporary: int

    @property
    def licenses(self) -> int:
        """How many licences that are."""
        return sum(count * agents for count, agents in self.ended) + self.temporary


@dataclass(frozen=True, slots=True)
class Beside:
    """What is not due, and stands beside it; `agents` are those of `organizations` together."""

    revoked: int = 0
    temporary: int = 0
    organizations: int = 0
    agents: int = 0

    @property
    def licenses(self) -> int:
        """How many licences that are."""
        return self.revoked + self.temporary + self.agents


FULL = Due(((1, 2_000), (20, 200), (100, 35)), 500)
SMALL = Due(((1, 60), (2, 10), (3, 4)), 5)
MANY = Beside(revoked=20_000, temporary=5_000, organizations=1_930, agents=965_000)
SOME = Beside(revoked=40, temporary=10, organizations=5, agents=300)


def measure(size: Size, tell: Tell) -> Outcome:
    """Sweep both tables, and compare."""
    due = FULL if size is Size.FULL else SMALL
    beside = MANY if size is Size.FULL else SOME
    with dynamodb_local(lasts=size is Size.FULL) as engine:
        few = swept(engine, due, Beside(), tell)
        many = swept(engine, due, beside, tell)
    names = (f"{due.licenses:,} licences", f"{due.licenses + beside.licenses:,} licences")
    return Outcome(
        figures=(
            Figure(
                "requests of the whole sweep, ratio",
                many.spent.total / few.spent.total,
                "x",
                MOST_REQUESTS,
                f"{many.spent.total:,} and {few.spent.total:,}",
            ),
            Figure(
                "requests when nothing is due, ratio",
                many.idle.total / few.idle.total,
                "x",
                MOST_REQUESTS,
                f"{many.idle.total} and {few.idle.total}: one for each shard",
            ),
            Figure(
                "read units of the whole sweep, ratio",
                many.spent.read_units / few.spent.read_units,
                "x",
                MOST_REQUESTS,
            ),
            Figure(
                "write units of single writes and actions in transactions, ratio",
                (many.spent.write_units + many.spent.actions)
                / (few.spent.write_units + few.spent.actions),
                "x",
                MOST_REQUESTS,
            ),
            Figure(
                "peak memory of the sweeping process, ratio",
                many.mib_at_most / few.mib_at_most,
                "x",
                MOST_MEMORY,
                f"{many.mib_at_most:.0f} and {few.mib_at_most:.0f} MiB",
            ),
            *(
                Figure(f"time per due licence, {name}", 1000 * one.seconds / one.marked, "ms")
                for name, one in zip(names, (few, many), strict=True)
            ),
            Figure(
                "requests per due licence",
                many.spent.total / many.marked,
                "requests",
                note=f"{len(many.runs) - 1} runs",
            ),
        ),
        tables=(_table((few, many), names),),
        plots=(
            Plot(
                "sweep",
                "Requests of the sweep",
                "licences in the table",
                "requests",
                (
                    (
                        f"{due.licenses:,} due",
                        (
                            (due.licenses, few.spent.total),
                            (due.licenses + beside.licenses, many.spent.total),
                        ),
                    ),
                    (
                        "nothing due",
                        (
                            (due.licenses, few.idle.total),
                            (due.licenses + beside.licenses, many.idle.total),
                        ),
                    ),
                ),
                is_logarithmic=True,
            ),
        ),
    )


def swept(engine: str, due: Due, beside: Beside, tell: Tell, *, traces: bool = False) -> Sweep:
    """Fill a table and sweep it; `traces` are left of what is not due, too, if wanted."""
    total = due.licenses + beside.licenses
    with new_world(engine) as world:
        fill(
            Ground.of(world),
            [*parts(world, due, beside, traces=traces)],
            tell,
            f"{total:,} licences",
        )
        with sweeping(world) as runs:
            sweep = runs.result()
    if sweep.marked != due.licenses:
        raise ValueError(f"{due.licenses} licences were due, and {sweep.marked} are marked")
    if touched := [kind for kind in sweep.spent.touched if "PAIR" in kind or "EVENTS" in kind]:
        raise ValueError(f"the sweep touches what was left out: {touched}")
    tell(
        f"{total:,} licences: {sweep.marked:,} marked in {len(sweep.runs) - 1} runs and "
        f"{sweep.seconds:.0f} s by {sweep.spent.by_operation()}"
    )
    return sweep


def parts(world: World, due: Due, beside: Beside, *, traces: bool) -> Iterator[Part]:
    """A population, such that all that is due is so at `NOON`."""
    hashing_key = world.runtime.keyrings.keyring().hashing_key
    used = 0

    def agents(name: str, count: int, state: State = State.ACTIVE) -> Iterator[Part]:
        nonlocal used
        for numbers in dealt(range(used, used + count), _IN_A_PIECE):
            yield Agents(name, numbers, _SINCE, hashing_key, state, traces=traces)
        used += count

    ended = [f"ended-{count}-{n}" for count, _ in due.ended for n in range(count)]
    for count, size in due.ended:
        for n in range(count):
            name = f"ended-{count}-{n}"
            yield Customer(name, _SINCE, NOON, size, now=NOON - 1)
            yield from agents(name, size)
    for at, name in enumerate(ended):
        share = beside.revoked * (at + 1) // len(ended) - beside.revoked * at // len(ended)
        yield from agents(name, share, State.REVOKED)
    for n in range(beside.organizations):
        name, size = f"current-{n}", beside.agents // beside.organizations
        yield Customer(name, _SINCE, NOON + (31 + n % 300) * DAY, size, now=NOON - 1)
        yield from agents(name, size)
    yield Customer("hosts", _SINCE, NOON + 100 * DAY, 0, now=NOON - 1)
    yield Temporaries("hosts", range(due.temporary), NOON - 3_600, TimeToLive.ONE_HOUR)
    later = range(due.temporary, due.temporary + beside.temporary)
    yield Temporaries("hosts", later, NOON - 3_600, TimeToLive.SEVEN_DAYS)


def counted(sweep: Sweep) -> dict[str, str]:
    """What a sweep took, apart from time and memory."""
    return {
        "runs until nothing is due": f"{len(sweep.runs) - 1}",
        "licences marked": f"{sweep.marked:,}",
        **{name: f"{count:,}" for name, count in sorted(sweep.spent.requests.items())},
        "read units": f"{sweep.spent.read_units:,.1f}",
        "write units of single writes": f"{sweep.spent.write_units:,.1f}",
        "actions in transactions": f"{sweep.spent.actions:,}",
        "requests when nothing is due": sweep.idle.by_operation(),
    }


def _table(sweeps: tuple[Sweep, Sweep], names: tuple[str, str]) -> Table:
    columns = [
        {
            **counted(sweep),
            "sent again by the client": f"{sweep.spent.repeated:,}",
            "ms per due licence": f"{1000 * sweep.seconds / sweep.marked:.1f}",
            "MiB before the first run": f"{sweep.mib_before:.0f}",
            "MiB at most": f"{sweep.mib_at_most:.0f}",
        }
        for sweep in sweeps
    ]
    return Table(
        "The sweep, request by request",
        ("", *names),
        tuple((name, *(column[name] for column in columns)) for name in columns[0]),
    )
