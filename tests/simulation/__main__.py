"""Print the table of the page."""

import sys

from tests.simulation.figures import table

sys.stdout.write(table())
