"""The version of this package: in its wheel, and in the ``User-Agent`` of what it sends."""

__version__ = "0.1.0a2"
