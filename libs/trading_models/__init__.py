"""Core trading logic: see docs/concepts."""

__version__ = "0.1.0"
