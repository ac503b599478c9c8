"""What PostgreSQL's planner knows of the tables, kept from falling behind while a library is filled.

Of a table that was never counted the planner believes that any lookup finds one row. The queries for what is due join
up to six such tables, and it then reads all of one for every row of another: a new library of 254 pictures took 2.8 s
for one query of the index stage, and the time grew with the third power of their number. Autovacuum counts too, but
looks once a minute and not into a query that has begun. What is not here: the queries (stores/ledger.py, stages/).
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from media_pipeline.stores.catalog.tables import SCHEMA

# Pages, not rows: how many there are is known without a scan. A fifth more of them is sooner than autovacuum's rule.
OUTGROWN = text(
    """
    select c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = :schema and c.relkind = 'r'
      and pg_relation_size(c.oid) > c.relpages * 1.2 * current_setting('block_size')::int
    order by c.relname
    """
)


def refresh(connection: Connection) -> list[str]:
    """Count the tables that have outgrown what is known of them; which they are. A millisecond when there are none.

    In a transaction of its own; one that another run is counting, or autovacuum is at work on, is not waited for.
    """
    with connection.begin():
        names = list(connection.scalars(OUTGROWN, {"schema": SCHEMA}))
        if names:
            tables = ", ".join(f'{SCHEMA}."{name}"' for name in names)
            connection.execute(text(f"analyze (skip_locked) {tables}"))
    return names
