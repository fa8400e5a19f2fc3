"""Where races are run: the real use cases over the real adapter, each thread with its own client.

A race is a function that takes an `Arena` and a seeded `Random`, sets a scene on an empty table,
lets tasks loose at the same instant and asserts what must be true afterwards. `Arena.rounds` runs
it again and again; a failure tells its round and seed.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Barrier
from typing import Any, TypeVar

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.license import Action, License
from licensing.domain.organization import Organization
from licensing.usecases.change_subscription import Registered
from licensing.usecases.generate_temporary import Generated
from licensing.usecases.login import Issued
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.concurrency.tasks import Tasks
from tests.world import NOON, YEAR, World

THREADS = 16

Result = TypeVar("Result")
Race = Callable[["Arena", random.Random], None]
Run = Callable[[Race], None]
"""Runs a race as often as fits the length of a run."""


@dataclass(frozen=True)
class Arena(Tasks):
    """One table and a store per thread; `stores[0]` sets scenes, too."""

    world: World
    stores: Sequence[DynamoStore]
    pool: ThreadPoolExecutor

    def rounds(self, race: Race, count: int) -> None:
        """Run a race so many times, each on an empty table, each with a seed of its own."""
        for number in range(count):
            seed = random.SystemRandom().getrandbits(32)
            restore(self.world)
            try:
                race(self, random.Random(seed))  # noqa: S311 - reproducible, not secret
            except AssertionError as error:
                error.add_note(f"in round {number + 1} of {count}, seed {seed}")
                raise

    def at_once(
        self, tasks: Sequence[Callable[[DynamoStore], Result]], chance: random.Random
    ) -> list[Result]:
        """Run up to 16 tasks at the same instant; their results, in the order of `tasks`."""
        start = Barrier(len(tasks))
        stores = chance.sample(self.stores, len(tasks))

        def run(task: Callable[[DynamoStore], Result], store: DynamoStore) -> Result:
            start.wait()
            return task(store)

        started = [
            self.pool.submit(run, task, store) for task, store in zip(tasks, stores, strict=True)
        ]
        return [future.result() for future in started]

    def checked(self) -> list[dict[str, Any]]:
        """Every item, after checking that they are consistent."""
        items = self.world.items()
        assert_consistent(items)
        return items

    def organization(self, organization_id: str) -> Organization:
        """An organization as it is now."""
        found = self.stores[0].organization(organization_id)
        assert found is not None
        return found

    def licenses(self, items: Sequence[Mapping[str, Any]]) -> list[License]:
        """The licences among items."""
        ids = [item["pk"]["S"].partition("#")[2] for item in items if item["sk"]["S"] == "LICENSE"]
        found = [self.stores[0].license(license_id) for license_id in ids]
        return [record for record in found if record is not None]

    # -- setting a scene -------------------------------------------------------------------------

    def register(
        self, organization_id: str, *, until: int = NOON + YEAR, max_agents: int | None = None
    ) -> Organization:
        """Register an organization."""
        answer = self.put(organization_id, until=until, max_agents=max_agents)(self.stores[0])
        assert isinstance(answer, Registered)
        return answer.organization

    def issued(self, *args: Any, **more: Any) -> Issued:
        """Log an agent in."""
        answer = self.login(*args, **more)(self.stores[0])
        assert isinstance(answer, Issued)
        return answer

    def generated(self, organization_id: str, **more: Any) -> Generated:
        """Generate a temporary licence."""
        answer = self.generate(organization_id, **more)(self.stores[0])
        assert isinstance(answer, Generated)
        return answer

    def revoke(self, license_id: str, *, now: int = NOON) -> Callable[[DynamoStore], License]:
        """Revoke a licence, which is never refused."""

        def task(store: DynamoStore) -> License:
            answer = self.act(Action.REVOKE, license_id, now=now)(store)
            assert isinstance(answer, License), answer
            return answer

        return task


def with_stores(arena: Arena, kind: Callable[..., DynamoStore]) -> Arena:
    """The same arena with another kind of store."""
    make = partial(_as, kind)
    return replace(arena, stores=[make(store) for store in arena.stores])


def _as(kind: Callable[..., DynamoStore], store: DynamoStore) -> DynamoStore:
    return kind(store.client, store.table, store.retry_policy)
