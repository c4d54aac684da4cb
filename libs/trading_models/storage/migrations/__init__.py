"""Alembic migrations; run by the program at `Store.open`, never by hand."""
