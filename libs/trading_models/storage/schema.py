"""Brings a database to the schema of this program, or refuses to touch a newer one."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from trading_models.base import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"
# Revision names are ascending numbers, so that "newer" is a comparison.
HEAD = "0001"
BASE = "base"


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def run_migrations(connection: sa.Connection, revision: str = HEAD) -> None:
    """Upgrade (or downgrade) the database behind `connection` to `revision`."""
    # Importing Alembic takes longer than opening a current database.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    current = _current(connection)
    if revision == BASE or (current is not None and current > revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def migrate(connection: sa.Connection) -> None:
    """Bring the database to HEAD; StorageError, with nothing changed, when it is newer."""
    current = _current(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise StorageError(
            f"database schema {current} is newer than {HEAD}, the newest this program knows; "
            "nothing was changed",
            next_step="start the program version that wrote it, or a fresh run with `./ats up`",
        )
    run_migrations(connection)
