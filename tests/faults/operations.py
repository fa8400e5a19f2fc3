"""All operations of the service that faults are put into, and those whose faults are combined."""

import pytest

from tests.faults import agents, background, people, proving

OPERATIONS = (
    *agents.OPERATIONS,
    *proving.OPERATIONS,
    *people.OPERATIONS,
    *background.OPERATIONS,
    *agents.ACROSS,
)

SPINE = (*agents.SPINE, *people.SPINE, *background.SPINE)
"""The life of a licence: one of each kind of calls that the service makes."""

AT_LENGTH = (
    *SPINE,
    *(
        pytest.param(operation, marks=pytest.mark.only_proof)
        for operation in OPERATIONS
        if operation not in SPINE and operation.function != "PublishFunction"
    ),
)
"""The spine as usual, at full length all operations on the table."""
