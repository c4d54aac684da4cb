"""Shelf of analysts: one file, one `Analyst`. Opened by `llm_integration` only."""
