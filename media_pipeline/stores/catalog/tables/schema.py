"""What all tables of schema `media` have in common: their names, their tenant, how one points to another.

What is not here: any table (the modules beside this one, one for each stage that owns some).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, Text, Uuid, func

SCHEMA = "media"

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)


def text_column(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def uuid_column(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Uuid, nullable=nullable)


def now_column(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def to_table(
    table: str, columns: Sequence[str], *, own: Sequence[str] | None = None, ondelete: str | None = None
) -> ForeignKeyConstraint:
    """A foreign key that names the tenant too."""
    return ForeignKeyConstraint(
        ["tenant", *(own or columns)],
        [f"{SCHEMA}.{table}.{column}" for column in ("tenant", *columns)],
        ondelete=ondelete,
    )


def facts_of_media(table: str, *columns: Column[Any], key: Sequence[str] = ()) -> Table:
    """A table of facts about media: gone with its media."""
    return Table(
        table,
        metadata,
        text_column("tenant"),
        uuid_column("media_id"),
        *columns,
        PrimaryKeyConstraint("tenant", "media_id", *key),
        ForeignKeyConstraint(
            ["tenant", "media_id"], [f"{SCHEMA}.media.tenant", f"{SCHEMA}.media.media_id"], ondelete="CASCADE"
        ),
    )
