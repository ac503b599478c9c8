"""One library, opened: its settings, catalog, blobs, uploads, index and HTTP client. Works without Dagster.

What is not here: how any of them works (the other modules of stores/), and what is done with them (stages/).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from media_pipeline.config import Settings
from media_pipeline.errors import BlobError, CatalogError
from media_pipeline.records import DERIVED_PREFIX
from media_pipeline.sources.chosen import check_limits
from media_pipeline.stores.blobs import Blobs, S3Options, open_blobs
from media_pipeline.stores.catalog import embedded
from media_pipeline.stores.catalog.migrate import current, migrate, newest
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.http import Http
from media_pipeline.stores.index.interface import IndexStore
from media_pipeline.stores.index.store import open_index_store

# One holds the lock of a step, the others claim media for its threads, a millisecond each. Not one for each thread: the
# embedded server has fifty for all processes together.
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that a stage may touch."""

    settings: Settings
    engine: Engine
    blobs: Blobs
    bucket: Blobs
    index: IndexStore
    http: Http

    @property
    def tenant(self) -> str:
        return self.settings.tenant


@contextmanager
def open_library(settings: Settings) -> Iterator[Library]:
    """The library of these settings, at this version's schema; closed, and the embedded database left, at the end."""
    check_limits(settings)
    with ExitStack() as stack:
        engine = stack.enter_context(open_catalog(settings))
        if settings.database_url is None:
            migrate(engine)
        else:
            _require_schema(engine)
        index = open_index(settings)
        stack.callback(index.close)
        http = Http(settings, engine)
        stack.callback(http.close)
        yield Library(settings, engine, open_library_blobs(settings), open_uploads(settings), index, http)


@contextmanager
def open_catalog(settings: Settings) -> Iterator[Engine]:
    """The database alone, as it is: not migrated."""
    if settings.database_url is None:
        with embedded.using(settings.home_path, options=embedded_options(settings)) as server:
            yield from _engine(server.url)
    else:
        yield from _engine(settings.database_url.get_secret_value())


def embedded_options(settings: Settings) -> embedded.Options:
    return embedded.Options(user=settings.embedded_user, durable=settings.embedded_fsync)


def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
    )
    try:
        yield engine
    finally:
        engine.dispose()


def _require_schema(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            at = current(connection)
    except SQLAlchemyError as error:
        raise CatalogError(f"MEDIA_DATABASE_URL: no connection to {engine.url!r}: {error}") from error
    if at != (needed := newest()):
        raise CatalogError(
            f"the database is at revision {at or 'none'}, this version needs {needed}: run `media-pipeline migrate`"
        )


def _s3(settings: Settings) -> S3Options:
    secret = settings.s3_secret_key
    return S3Options(
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=None if secret is None else secret.get_secret_value(),
    )


def open_library_blobs(settings: Settings) -> Blobs:
    """Where originals and derivatives are kept."""
    return open_blobs(settings.blobs, s3=replace(_s3(settings), immutable_below=DERIVED_PREFIX))


def public_url(settings: Settings, blob_key: str) -> str | None:
    """Where everybody may see a smaller picture; None where no address was set, or for what is not for everybody."""
    if settings.cdn_url is None or not blob_key.startswith(DERIVED_PREFIX):
        return None
    return f"{settings.cdn_url.rstrip('/')}/{quote(blob_key)}"


def open_uploads(settings: Settings) -> Blobs:
    """Where people put files; only read."""
    return open_blobs(settings.uploads, s3=_s3(settings))


def require_uploads(library: Library) -> None:
    """A folder that was named and is not there is a typo or an unmounted disk, and not an empty folder."""
    uploads = library.bucket
    if library.settings.uploads_url and isinstance(uploads, LocalBlobs) and not uploads.root.is_dir():
        raise BlobError(
            f"MEDIA_UPLOADS_URL={library.settings.uploads_url}: no such folder: mount it, or correct the name"
        )


def open_index(settings: Settings) -> IndexStore:
    """Qdrant: a server, or Edge in the home folder."""
    key = settings.qdrant_api_key
    return open_index_store(
        url=settings.qdrant_url,
        api_key=None if key is None else key.get_secret_value(),
        root=settings.home_path / "index" / settings.tenant,
    )
