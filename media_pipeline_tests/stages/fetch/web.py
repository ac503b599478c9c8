"""A source on the web for tests of fetch: listings put into the catalog, and a client that serves what a test says.

Not here: the real client, whose own tests are in stores/, and which test_over_http.py puts in its place.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from PIL import Image
from sqlalchemy import insert, select

from media_pipeline.errors import FetchError
from media_pipeline.orchestration.work import Run
from media_pipeline.records import listing_id
from media_pipeline.sources.protocol import Answer, Limits, Parsed
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.http import Download, Http
from media_pipeline.stores.library import Library

SOURCE = "web"
HOST = "http://photos.example"
PAGE = UUID(int=7)
LIMITS = Limits(5, requests_per_s=1, fastest_per_s=1, downloads=4, needs_contact=False)


@dataclass(frozen=True, slots=True)
class Web:
    """The source; it is never asked here."""

    name: str = SOURCE
    parser_version: str = "1"
    limits: Limits = LIMITS

    def parse(self, answer: Answer) -> Parsed:
        raise NotImplementedError


Served = bytes | FetchError | Callable[[], bytes]


@dataclass(slots=True)
class Client:
    """Stands where the client stands: what each URL gives, and how often it was asked."""

    files: dict[str, Served] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def download(
        self, url: str, *, to: Path, source: str, limits: Limits, max_bytes: int, honour_noai: bool = True
    ) -> Download:
        with self._lock:
            self.asked[url] += 1
        found = self.files.get(url, FetchError("gone", "the answer is 404"))
        data = found() if callable(found) else found
        if isinstance(data, FetchError):
            raise data
        to.write_bytes(data)
        return Download(to, len(data), hashlib.sha256(data).hexdigest(), "image/jpeg", url, None, 200)


def photo(width: int, height: int = 10, *, shade: int = 0) -> bytes:
    """A JPEG of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (shade % 256, shade // 256 % 256, 9)).save(out, "JPEG", comment=str(shade))
    return out.getvalue()


def with_client(library: Library, client: Client, **settings: Any) -> Library:
    return replace(library, http=cast(Http, client), settings=library.settings.model_copy(update=settings))


def run_of(library: Library, run_id: str = "run-1", **more: Any) -> Run:
    return Run(library, run_id, SOURCE, **more)


def add_subject(library: Library, subject: str, *, is_rare: bool = False) -> None:
    row = {
        "tenant": library.tenant,
        "subject_id": subject,
        "kind": "taxon",
        "name": subject,
        "synonyms": [],
        "lists": [],
        "is_rare": is_rare,
        "source_ids": {},
        "options": {},
        "origin": "file",
        "is_active": True,
    }
    with library.engine.begin() as connection:
        connection.execute(insert(tables.subjects).values(row))


def add_observation(library: Library, listing: UUID, *, subject: str, observation: str = "9") -> None:
    """The photo shows this subject, too."""
    row = {
        "tenant": library.tenant,
        "listing_id": listing,
        "observation_id": observation,
        "subject_id": subject,
        "reported_by": SOURCE,
        "page_id": PAGE,
    }
    with library.engine.begin() as connection:
        connection.execute(insert(tables.source_observations).values(row))


def listing_row(library: Library, key: str, **chosen: Any) -> dict[str, Any]:
    """One listing of an open licence, at `HOST/key`, unless `chosen` says otherwise."""
    row = {
        "tenant": library.tenant,
        "page_id": PAGE,
        "source": SOURCE,
        "partition": SOURCE,
        "source_key": key,
        "edition": "1",
        "original_url": f"{HOST}/{key}",
        "fallback_urls": [],
        "reported_by": SOURCE,
        "licence": "CC-BY-4.0",
        "licence_family": "cc-by",
        "licence_is_open": True,
        "allows_commercial": True,
        "allows_derivatives": True,
        "needs_attribution": True,
        "is_obscured": False,
        "priority": 5,
        **chosen,
    }
    return {**row, "listing_id": listing_id(library.tenant, row["source"], key, row["edition"])}


def add_rows(library: Library, rows: Sequence[Mapping[str, Any]]) -> None:
    """Listings, and the page that they were read from."""
    page = {
        "tenant": library.tenant,
        "page_id": PAGE,
        "source": SOURCE,
        "partition": SOURCE,
        "blob_key": "pages/x",
        "sha256": "0" * 64,
        "entry_count": 0,
    }
    with library.engine.begin() as connection:
        if connection.scalar(select(tables.source_pages.c.page_id)) is None:
            connection.execute(insert(tables.source_pages).values(page))
        connection.execute(insert(tables.source_listings), rows)


def add_listing(library: Library, key: str, **chosen: Any) -> UUID:
    row = listing_row(library, key, **chosen)
    add_rows(library, [row])
    return cast(UUID, row["listing_id"])


@dataclass(frozen=True, slots=True)
class State:
    """What the ledger and the links say of one listing."""

    status: str
    reason: str | None = None
    detail: str | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    exemption: str | None = None

    @property
    def told(self) -> str:
        """`done`, `done as few_photos`, `failed: gone`."""
        if self.reason:
            return f"{self.status}: {self.reason}"
        return f"{self.status} as {self.exemption}" if self.exemption else self.status


def states(library: Library) -> dict[str, State]:
    """By key; listings without a row are `due`."""
    listings, ledger, links = tables.source_listings, tables.ledger, tables.media_links
    query = (
        select(listings.c.source_key, ledger, links.c.hq_exception)
        .outerjoin(ledger, ledger.c.item_id == listings.c.listing_id)
        .outerjoin(links, links.c.listing_id == listings.c.listing_id)
    )
    with library.engine.connect() as connection:
        return {
            row.source_key: State(
                row.status or "due", row.reason, row.detail, row.attempts or 0, row.retry_at, row.hq_exception
            )
            for row in connection.execute(query)
        }


def told(library: Library) -> dict[str, str]:
    return {key: state.told for key, state in states(library).items()}


@contextmanager
def blocked(event: threading.Event) -> Iterator[None]:
    """Whatever a test asserts, its threads go on."""
    try:
        yield
    finally:
        event.set()
