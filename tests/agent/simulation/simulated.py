"""Simulations: one in this process, or parts of a fleet in several, each on its own engine."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from tests.agent.simulation.figures import Figures
from tests.agent.simulation.fleet import Client, Fleet
from tests.agent.simulation.service import Service, metered
from tests.agent.simulation.story import Extent, Story, told
from tests.engine import dynamodb_local
from tests.world import new_world

PROCESSES: Final = 2
AS_IT_IS: Final = Client()


def played(
    story: Story, endpoint: str, client: Client = AS_IT_IS, kind: type[Service] = Service
) -> Figures:
    """Play a story on the engine at an endpoint; what came of it."""
    figures = Figures()
    with new_world(endpoint) as world, metered(world, figures):
        Fleet(story, kind(world, story, figures), figures, client).run()
    return figures


def played_by_processes(extents: list[Extent], seed: int) -> Figures:
    """Play the stories of all parts of a fleet."""
    context = get_context("forkserver")  # a process that has no thread and no client to inherit
    with ProcessPoolExecutor(PROCESSES, context, _begin, max_tasks_per_child=1) as pool:
        parts = [pool.submit(_part, extent, seed) for extent in extents]
        return sum((part.result() for part in parts), Figures())


def _begin() -> None:
    """What the functions log, CloudWatch would keep; here it is too much for anybody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _part(extent: Extent, seed: int) -> Figures:
    with dynamodb_local(lasts=True) as endpoint:
        return played(told(extent, seed), endpoint)
