"""Shelf of Python patterns: one file, one `Pattern`. Opened by `pattern_recognition` only."""
