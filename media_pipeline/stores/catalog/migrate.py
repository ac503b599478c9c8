"""Bring a database to this version's schema, and say how far it is.

What is not here: the steps themselves (migrations/versions/).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from media_pipeline.errors import CatalogError
from media_pipeline.stores.catalog.tables import SCHEMA

# Any constant will do, as long as every process of every version uses the same one.
LOCK = 0x6D656469615F6D67


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def newest() -> str:
    """The revision that this version of the package needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise CatalogError("the package holds no migrations: it is installed incompletely, install it again")
    return head


def revisions() -> frozenset[str]:
    """Every revision that this version of the package knows."""
    return frozenset(revision.revision for revision in ScriptDirectory.from_config(_config()).walk_revisions())


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None when it was never migrated."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision()


def migrate(engine: Engine) -> str:
    """Apply what is missing, in one transaction; of two processes at once, the second waits and finds nothing to do."""
    needed = newest()
    try:
        with engine.begin() as connection:
            if current(connection) == needed:
                return needed
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            at = current(connection)
            if at is not None and at not in revisions():
                raise CatalogError(
                    f"the database is at revision {at}, which this version does not know: "
                    "it was migrated by a newer media-pipeline, so install that one"
                )
            connection.execute(text(f"create schema if not exists {SCHEMA}"))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as wrong:
        raise CatalogError(f"cannot migrate the database to revision {needed}: {wrong}") from wrong
    return needed
