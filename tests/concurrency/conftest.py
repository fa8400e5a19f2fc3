"""Fixtures: an arena and processes for the races of one module, on AWS's own DynamoDB engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from licensing.adapters.dynamo import DynamoStore
from tests.concurrency.arena import THREADS, Arena, Race, Run
from tests.concurrency.racers import Racers, racers
from tests.proof import Proof
from tests.world import new_world


@pytest.fixture(scope="module")
def arena(engine: str) -> Iterator[Arena]:
    """A world whose threads have a client each, as Lambda's execution environments have."""
    with new_world(engine) as world, ThreadPoolExecutor(THREADS) as pool:
        made = world.runtime
        session = boto3.session.Session()
        stores = [
            DynamoStore(
                session.client("dynamodb", endpoint_url=engine, config=made.dynamodb.meta.config),
                made.settings.table_name,
                made.store.retry_policy,
            )
            for _ in range(THREADS)
        ]
        made.keyrings.keyring()
        yield Arena(
            world,
            stores,
            pool,
            keyrings=made.keyrings,
            lease_terms=made.lease_terms,
            last_seen_seconds=made.settings.last_seen_seconds,
        )


@pytest.fixture
def run(arena: Arena, proof: Proof) -> Run:
    """Runs a race as often as fits this run, and tells how often."""

    def run(race: Race) -> None:
        rounds = proof.of(test=1, test_all=2, prove=100)
        arena.rounds(race, rounds)
        proof.found(f"{rounds} rounds of {THREADS} threads at once", is_random=False)

    return run


@pytest.fixture(scope="module")
def racing(request: pytest.FixtureRequest) -> Iterator[Racers]:
    """The processes of one module: twice as many at full length."""
    with racers(16 if request.config.getoption("--prove") else 8) as pool:
        yield pool
