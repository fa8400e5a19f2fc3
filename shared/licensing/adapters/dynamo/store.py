"""The licence table, as the use cases ask for it (:mod:`licensing.usecases.ports`)."""

from __future__ import annotations

from licensing.adapters.dynamo.histories import Histories
from licensing.adapters.dynamo.machines import Machines
from licensing.adapters.dynamo.statistics import Counts
from licensing.adapters.dynamo.sweep import DueForSweep


class DynamoStore(DueForSweep, Counts, Histories, Machines):
    """All of it, of one table: each use case knows of it what its port names."""

    __slots__ = ()
