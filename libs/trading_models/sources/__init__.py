"""Shelf of bar sources: files, sample packages, other exchanges. For `market_data` only."""
