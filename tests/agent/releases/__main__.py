"""Freeze the client as it is."""

import sys

from tests.agent.releases import freeze

if __name__ == "__main__":
    sys.stdout.write(f"{freeze()}\n")
