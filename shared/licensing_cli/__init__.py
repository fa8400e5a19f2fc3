"""The licence service from a terminal, for the people who operate it.

What this package guarantees stands in its ``README.md``. It speaks the public API and nothing else.
"""

__version__ = "0.1.0a2"
