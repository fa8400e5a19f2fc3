"""Fixtures: an arena and processes for the races of one module, on AWS's own DynamoDB engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from licensing.dynamo import DynamoStore
from tests.concurrency.arena import THREADS, Arena
from tests.concurrency.racers import Racers, racers
from tests.extent import Extent, extent
from tests.world import new_world


@pytest.fixture(scope="module")
def arena(engine: str, pytestconfig: pytest.Config) -> Iterator[Arena]:
    """A world whose threads have a client each, as Lambda's execution environments have."""
    with new_world(engine) as world, ThreadPoolExecutor(THREADS) as pool:
        made = world.runtime
        session = boto3.session.Session()
        stores = [
            DynamoStore(
                session.client("dynamodb", endpoint_url=engine, config=made.dynamodb.meta.config),
                made.settings.table_name,
                made.store.pacing,
            )
            for _ in range(THREADS)
        ]
        made.keyrings.keyring()
        yield Arena(
            world,
            stores,
            pool,
            usual_rounds=2 if extent(pytestconfig) is Extent.TEST else 4,
            keyrings=made.keyrings,
            lease_terms=made.lease_terms,
            sighting_interval=made.settings.last_seen_seconds,
        )


@pytest.fixture(scope="module")
def racing(request: pytest.FixtureRequest) -> Iterator[Racers]:
    """The processes of one module: twice as many at full length."""
    with racers(16 if request.config.getoption("--prove") else 8) as pool:
        yield pool
