"""All operations of the service that faults are put into, and those whose faults are combined."""

from tests.faults import agents, background, people

OPERATIONS = (*agents.OPERATIONS, *people.OPERATIONS, *background.OPERATIONS)

SPINE = (*agents.SPINE, *people.SPINE, *background.SPINE)
"""The life of a licence: one of each kind of calls that the service makes."""
