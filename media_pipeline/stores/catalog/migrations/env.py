"""What Alembic runs: the migrations in versions/, on the connection that migrate.py hands over."""

from __future__ import annotations

from alembic import context

from media_pipeline.stores.catalog.tables import SCHEMA, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
