"""Shelf of Python indicators: one file, one `Indicator`. Opened by `technical_indicators` only."""
