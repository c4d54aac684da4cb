"""Cases that only this client can run."""

from __future__ import annotations

from support.cases import Registry


def register(r: Registry) -> None:
    """Filled in as the client's own surface is covered."""
