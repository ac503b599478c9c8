"""What tests share: a real database each, a library on it, the photographs, the shared test data where it is there."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from media_pipeline.config import PREFIX, Settings
from media_pipeline.stores.catalog import embedded
from media_pipeline.stores.catalog.embedded import Embedded
from media_pipeline.stores.catalog.migrate import migrate
from media_pipeline.stores.library import Library, open_catalog, open_library

TEMPLATE = "template_migrated"
# Those that take a minute and more: many starts of a process or a database each.
LONGEST = ("test_crashes.py", "test_cli.py", "test_embedded.py", "test_hashes.py")
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: whole files are handed out, and one that is begun last leaves the other cores idle."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's environment nor an `.env` reaches a test."""
    for name in [name for name in os.environ if name.startswith(PREFIX) and not name.startswith("MEDIA_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Embedded]:
    """One PostgreSQL for the whole run, with a migrated database to copy."""
    # Not tmp_path: pytest closes it to others, so that under root the data would go to /var/lib.
    ground = Path(tempfile.mkdtemp(prefix="mpt-", dir="/tmp")).resolve()
    ground.chmod(0o755)
    home, options = ground / "home", embedded.Options(durable=False, shared=ground / "shared")
    try:
        with embedded.using(home, options=options) as server:
            _execute(server, f"create database {TEMPLATE}")
            with open_catalog(Settings.load(database_url=server.url_to(TEMPLATE), home=home)) as engine:
                migrate(engine)
            yield server
    finally:
        embedded.stop(home, options=options)  # also where a test's child process is still a member
        shutil.rmtree(ground)


def _execute(server: Embedded, statement: str) -> None:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def open_ground() -> Iterator[Path]:
    """A folder for a home with an embedded database of its own.

    Not tmp_path: pytest closes that to others, so that under root the data would go to /var/lib, and stay there.
    """
    ground = Path(tempfile.mkdtemp(prefix="mpt-", dir="/tmp")).resolve()
    ground.chmod(0o755)
    yield ground
    shutil.rmtree(ground)


@contextmanager
def new_database(cluster: Embedded) -> Iterator[str]:
    """A migrated database that nobody else uses."""
    name = f"test_{next(_numbers)}"
    # By files and not by the log: half the time, and there are hundreds of them.
    _execute(cluster, f"create database {name} template {TEMPLATE} strategy file_copy")
    try:
        yield cluster.url_to(name)
    finally:
        _execute(cluster, f"drop database {name} with (force)")


@pytest.fixture
def database_url(cluster: Embedded) -> Iterator[str]:
    """A database of this test alone."""
    with new_database(cluster) as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A library in an empty home, whose failed items may be tried again at once."""
    return Settings.load(home=tmp_path / "home", database_url=database_url, workers=2, retry_backoff_s=0)


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with open_library(settings) as opened:
        yield opened


@pytest.fixture
def bucket(settings: Settings) -> Path:
    """The folder that people put files into."""
    folder = settings.home_path / "bucket"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real test data, where this machine has it."""
    named = os.environ.get("MEDIA_TEST_SHARED")
    if not named:
        pytest.skip("MEDIA_TEST_SHARED names no folder with testdata/ and sources/recorded/")
    return Path(named)
