"""Migrations: safe side by side, all or nothing, the same as the tables of the code, and undone without a trace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url

from media_pipeline.config import Settings
from media_pipeline.errors import CatalogError
from media_pipeline.stores.catalog import migrate as migrations
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.embedded import Embedded
from media_pipeline.stores.catalog.migrate import current, migrate, newest
from media_pipeline.stores.library import Library, open_library

FRESH = "fresh"


@pytest.fixture
def fresh_url(cluster: Embedded) -> Iterator[str]:
    """A database in which nothing ever was."""
    with psycopg.connect(cluster.conninfo, autocommit=True) as connection:
        connection.execute(f"create database {FRESH}".encode())
        yield cluster.url_to(FRESH)
        connection.execute(f"drop database {FRESH} with (force)".encode())


@pytest.fixture
def fresh(fresh_url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(fresh_url).set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()


def things(engine: Engine) -> set[str]:
    """Everything that schema `media` holds, if it is there: tables, views, indexes, sequences, types, functions."""
    query = """
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'media'
        union all
        select t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
        where n.nspname = 'media' and t.typrelid = 0 and t.typelem = 0
        union all
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'media'
    """
    with engine.connect() as connection:
        return set(connection.scalars(text(query)))


def test_a_fresh_database_comes_to_the_newest_revision(fresh: Engine) -> None:
    """And a second call finds nothing to do."""
    with fresh.connect() as connection:
        assert current(connection) is None
    assert migrate(fresh) == newest()
    before = things(fresh)
    assert migrate(fresh) == newest()

    assert things(fresh) == before
    with fresh.connect() as connection:
        assert current(connection) == newest()


def test_the_migrated_schema_is_that_of_the_tables(fresh: Engine, fresh_url: str) -> None:
    """Columns, types, defaults, keys, indexes: whoever changes tables/ without a migration is told here."""

    def of_schema(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "schema" or name == tables.SCHEMA

    migrate(fresh)
    # The embedded server's account has the schema's name, which makes it the default one, and Alembic blind for it.
    url = make_url(fresh_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, connect_args={"options": "-c search_path=public"})
    with engine.connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": of_schema,
            "version_table_schema": tables.SCHEMA,
            "compare_server_default": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_the_checks_of_the_tables_are_in_the_database(library: Library) -> None:
    """Alembic does not compare check constraints."""
    seen = inspect(library.engine)
    for table in tables.metadata.sorted_tables:
        wanted = {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        found = {str(c["name"]) for c in seen.get_check_constraints(table.name, schema=tables.SCHEMA)}
        assert found == wanted, table.name


def test_two_processes_may_migrate_one_database_at_once(fresh: Engine, fresh_url: str) -> None:
    """The second waits for the first and then has nothing to do; nothing is there twice."""
    script = f"""
import sys
from sqlalchemy import create_engine
from media_pipeline.stores.catalog.migrate import migrate
engine = create_engine({fresh_url.replace("postgresql", "postgresql+psycopg", 1)!r})
print("ready", flush=True)
sys.stdin.readline()
print(migrate(engine), flush=True)
"""
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in both]

    assert said == [newest(), newest()]
    with fresh.connect() as connection:
        assert connection.scalars(text("select version_num from media.alembic_version")).all() == [newest()]


def test_a_database_of_a_newer_version_is_refused_in_words(fresh: Engine, fresh_url: str, tmp_path: Path) -> None:
    """Neither is it changed, nor does a library open on it."""
    migrate(fresh)
    with fresh.begin() as connection:
        connection.execute(text("update media.alembic_version set version_num = '9999'"))
    before = things(fresh)

    with pytest.raises(CatalogError, match=r"revision 9999, which this version does not know: .*newer media-pipeline"):
        migrate(fresh)
    settings = Settings.load(home=tmp_path / "home", database_url=fresh_url)
    with pytest.raises(CatalogError, match=f"at revision 9999, this version needs {newest()}"), open_library(settings):
        pass
    assert things(fresh) == before


def test_a_server_that_was_never_migrated_is_refused_with_the_command(fresh_url: str, tmp_path: Path) -> None:
    """On somebody's server, tables are made when they say so."""
    settings = Settings.load(home=tmp_path / "home", database_url=fresh_url)
    with (
        pytest.raises(CatalogError, match=r"at revision none, .*: run `media-pipeline migrate`"),
        open_library(settings),
    ):
        pass


def test_a_migration_that_fails_leaves_nothing(fresh: Engine) -> None:
    """All of it is one transaction: a table that stands in the way is named, and no other is there."""
    with fresh.begin() as connection:
        connection.execute(text("create schema media"))
        connection.execute(text("create table media.media ()"))

    with pytest.raises(CatalogError, match=f"cannot migrate the database to revision {newest()}: .*media"):
        migrate(fresh)
    assert things(fresh) == {"media"}


def test_facts_made_before_there_were_more_of_them_are_kept(fresh: Engine) -> None:
    """Up and down again: a rendition keeps one row of its name, and hashes their first."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))

    def go(step: Any, revision: str) -> None:
        with fresh.begin() as connection:
            config.attributes["connection"] = connection
            step(config, revision)

    with fresh.begin() as connection:
        connection.execute(text("create schema media"))
    go(command.upgrade, "0006")
    one = "'t', '00000000-0000-0000-0000-000000000001'"
    with fresh.begin() as connection:
        for row in (
            f"media values ({one}, 's', 'c', 'uploads', 'uploads', 'image', 'image/jpeg', 'jpg', 1, 'k')",
            f"hashes values ({one}, 'bb8320376c0f3637')",
            f"derivatives values ({one}, 'thumb', 'k1', 'image/jpeg', 150, 150, 9, 's')",
            f"quality values ({one}, 50, '{{}}')",
            f"metadata values ({one}, 'JPEG', 600, 400, 1, 'RGB', 1, '2020-02-03 04:05:06')",
        ):
            connection.execute(text(f"insert into media.{row}"))
    go(command.upgrade, "head")
    with fresh.begin() as connection:
        hashes = connection.execute(text("select phash, dhash, ahash, whash from media.hashes")).one()
        assert tuple(hashes) == ("bb8320376c0f3637", "", "", "")
        told = "select taken_at::text, date_confidence_percent, date_candidates, is_sensitive_place from media.metadata"
        assert tuple(connection.execute(text(told)).one()) == ("2020-02-03 04:05:06", 0, [], False)
        assert connection.scalar(text("select quality_points from media.quality")) == 50
        columns = "tenant, media_id, name, content_type, blob_key, width_px, height_px, size_bytes, sha256"
        row = f"({columns}) values ({one}, 'thumb', 'image/webp', 'k2', 150, 150, 8, 's')"
        connection.execute(text(f"insert into media.derivatives {row}"))
    go(command.downgrade, "0006")
    with fresh.begin() as connection:
        assert connection.scalars(text("select blob_key from media.derivatives")).all() == ["k1"]
        assert connection.scalars(text("select phash from media.hashes")).all() == ["bb8320376c0f3637"]


def test_undoing_every_migration_leaves_nothing(fresh: Engine) -> None:
    """But the empty table of revisions; and everything can be made again."""
    migrate(fresh)
    before = things(fresh)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    with fresh.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    assert things(fresh) == {"alembic_version", "alembic_version_pkc"}
    migrate(fresh)
    assert things(fresh) == before
