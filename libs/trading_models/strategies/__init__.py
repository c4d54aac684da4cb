"""Shelf of strategies: one file, one `Strategy`. Opened by `signals` only."""
