"""Pages and listings: everything listed, nothing twice, stored before it is read."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast
from uuid import uuid5

import pytest
from sqlalchemy import Connection, func, insert, select, text

from media_pipeline.errors import BlobError
from media_pipeline.licences import licence
from media_pipeline.orchestration.work import Run
from media_pipeline.records import NAMESPACE, Listing, Rejection
from media_pipeline.sources import SOURCES
from media_pipeline.sources.protocol import Answer, Limits, Parsed
from media_pipeline.stages.discover.assets import PAGES, read_pages, store_pages
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.ledger import Entry
from media_pipeline.stores.library import Library
from media_pipeline_tests.open_data_dumps import PHOTOS, write_dump


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _run(library: Library, partition: str = "uploads") -> Run:
    return Run(library, "test", partition)


def test_a_thousand_keys_make_a_page_and_the_rest_another(library: Library, bucket: Path, catalog: Connection) -> None:
    """In byte order, each file on one page."""
    for number in range(1003):
        (bucket / f"{number:04d}.jpg").write_bytes(b"x")
    store_pages(_run(library))
    assert catalog.scalars(select(tables.source_pages.c.entry_count).order_by("entry_count")).all() == [3, 1000]
    read_pages(_run(library))
    assert catalog.scalar(select(func.count()).select_from(tables.source_listings)) == 1003
    assert store_pages(_run(library)).of("source_pages") == {}


def test_a_page_is_stored_as_it_was_received(library: Library, bucket: Path, catalog: Connection) -> None:
    """So that a better parser needs no second request."""
    (bucket / "a «b».jpg").write_bytes(b"123")
    store_pages(_run(library))
    page = catalog.execute(select(tables.source_pages)).one()
    (entry,) = json.loads(gzip.decompress(library.blobs.get(page.blob_key, sha256=page.sha256)))
    assert (entry["key"], entry["size_bytes"]) == ("a «b».jpg", 3)


def test_a_run_that_died_between_page_and_listing_makes_the_same_page_again(
    library: Library, bucket: Path, catalog: Connection
) -> None:
    """The page's identity is its content."""
    (bucket / "a.jpg").write_bytes(b"1")
    store_pages(_run(library))
    store_pages(_run(library))
    assert catalog.scalar(select(func.count()).select_from(tables.source_pages)) == 1


def test_pages_are_read_again_by_another_parser(library: Library, bucket: Path, catalog: Connection) -> None:
    """Listings keep their identity and their place, whatever points to them."""
    (bucket / "a.jpg").write_bytes(b"1")
    store_pages(_run(library))
    read_pages(_run(library))
    catalog.execute(text("update media.ledger set version = 'old' where output = 'source_listings'"))
    catalog.execute(text("update media.source_listings set size_bytes = 99"))
    before = catalog.scalars(select(tables.source_listings.c.listing_id)).all()
    assert read_pages(_run(library)).of("source_listings") == {("done", ""): 1}
    after = catalog.execute(select(tables.source_listings)).all()
    assert [row.listing_id for row in after] == before
    assert [row.size_bytes for row in after] == [1]


def test_other_terms_reach_what_is_listed_already(library: Library, bucket: Path, catalog: Connection) -> None:
    """An operator who names a licence later means all files; nothing is listed or fetched again for it."""
    (bucket / "a.jpg").write_bytes(b"1")
    store_pages(_run(library))
    read_pages(_run(library))
    named = replace(library, settings=library.settings.model_copy(update={"uploads_licence": "CC-BY-4.0"}))
    assert read_pages(_run(named)).of("source_listings") == {("done", ""): 1}
    assert read_pages(_run(named)).of("source_listings") == {}
    rows = catalog.execute(select(tables.source_listings)).all()
    assert [(row.licence, row.licence_is_open) for row in rows] == [("CC-BY-4.0", True)]


def test_a_page_that_was_lost_is_a_row(library: Library, bucket: Path, catalog: Connection) -> None:
    """The run goes on; what stood on the page is found in the folder again."""
    (bucket / "a.jpg").write_bytes(b"1")
    store_pages(_run(library))
    library.blobs.delete(catalog.execute(select(tables.source_pages.c.blob_key)).scalar_one())
    assert read_pages(_run(library)).of("source_listings") == {("failed", "blob_lost"): 1}


def test_a_folder_that_was_named_must_be_there(library: Library, tmp_path: Path) -> None:
    """A typo or an unmounted disk is not an empty folder."""
    url = f"file:{tmp_path / 'nowhere'}"
    settings = library.settings.model_copy(update={"uploads_url": url})
    missing = replace(library, settings=settings, bucket=LocalBlobs(tmp_path / "nowhere"))
    with pytest.raises(BlobError, match=f"MEDIA_UPLOADS_URL={url}: no such folder"):
        store_pages(_run(missing))


def test_every_key_belongs_to_one_shard(library: Library, bucket: Path, catalog: Connection) -> None:
    """Four partitions list everything between them, and nothing twice."""
    sharded = replace(library, settings=library.settings.model_copy(update={"shards": {"uploads": 4}}))
    for number in range(40):
        (bucket / f"{number}.jpg").write_bytes(b"x")
    for shard in range(4):
        store_pages(_run(sharded, f"uploads/0{shard}"))
        read_pages(_run(sharded, f"uploads/0{shard}"))
    rows = catalog.execute(
        select(tables.source_listings.c.partition, func.count()).group_by(tables.source_listings.c.partition)
    ).all()
    assert len(rows) == 4
    assert sum(count for _partition, count in rows) == 40


class _Unreadable(LocalBlobs):
    """A bucket that answers the first page and then breaks."""

    def list_after(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[BlobInfo]:
        if after:
            raise BlobError("the bucket went away")
        return super().list_after(prefix, after=after, limit=limit)


def test_a_bucket_that_breaks_ends_the_run_and_loses_nothing(
    library: Library, bucket: Path, catalog: Connection
) -> None:
    """What was stored stays; the next run goes on behind it."""
    for number in range(1001):
        (bucket / f"{number:04d}.jpg").write_bytes(b"x")
    broken = replace(library, bucket=_Unreadable(bucket))
    with pytest.raises(BlobError, match="went away"):
        store_pages(_run(broken))
    assert catalog.scalars(select(tables.source_pages.c.entry_count)).all() == [1000]
    read_pages(_run(library))
    store_pages(_run(library))
    read_pages(_run(library))
    assert catalog.scalar(select(func.count()).select_from(tables.source_listings)) == 1001


def test_the_partition_of_a_dump_reads_the_dump(library: Library, catalog: Connection, tmp_path: Path) -> None:
    """Its photos are listings of iNaturalist; of what may not be fetched there are none."""
    dump = write_dump(tmp_path / "dump", photos=(*PHOTOS, ("p", "14", PHOTOS[0][2], "7", "jpg", "", "9", "9", "0")))
    settings = library.settings.model_copy(update={"inaturalist_dump": str(dump)})
    subject: dict[str, object] = {
        "tenant": "public",
        "subject_id": "fungi",
        "kind": "taxon",
        "name": "Fungi",
        "synonyms": [],
    }
    subject |= {"lists": [], "is_rare": False, "source_ids": {}, "options": {}, "origin": "file", "is_active": True}
    catalog.execute(insert(tables.subjects).values(subject))
    run = _run(replace(library, settings=settings), "inaturalist_open_data")
    assert store_pages(run).of("source_walks") == {("done", ""): 1}
    assert read_pages(run).of("source_listings") == {("done", ""): 1}
    listed = tables.source_listings.c
    rows = catalog.execute(select(listed.source, listed.source_key, listed.partition).order_by(listed.source_key)).all()
    assert [tuple(row) for row in rows] == [("inaturalist", "11", "inaturalist"), ("inaturalist", "12", "inaturalist")]


@dataclass(frozen=True, slots=True)
class Told:
    """A parser for a page of GBIF, of another version: what it tells is written down."""

    parsed: Parsed
    name: ClassVar[str] = "gbif"
    limits: ClassVar[Limits] = Limits(priority=60, requests_per_s=1, fastest_per_s=1)
    parser_version: str = "1"

    def parse(self, _answer: Answer) -> Parsed:
        return self.parsed


def _listed(key: str) -> Listing:
    return Listing("gbif", key, "", f"https://museum.example/{key}.jpg", licence("CC-BY-4.0"))


def test_what_a_mended_parser_tells_no_more_is_withdrawn(
    library: Library, catalog: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a page calls hidden is closed, wherever it was listed; a parser that tells it again brings it back."""
    registry = cast(dict[str, Any], SOURCES)

    def read(version: str, parsed: Parsed) -> dict[str, bool]:
        monkeypatch.setitem(registry, "gbif", Told(parsed, parser_version=version))
        read_pages(_run(library, "gbif"))
        listed = tables.source_listings.c
        return {
            row.source_key: row.vanished_at is None
            for row in catalog.execute(select(listed.source_key, listed.vanished_at))
        }

    body = gzip.compress(b"{}")
    library.blobs.put("pages/gbif/one.gz", body, content_type="application/gzip")
    page = {
        "tenant": "public",
        "page_id": uuid5(NAMESPACE, "one"),
        "source": "gbif",
        "partition": "gbif",
        "blob_key": "pages/gbif/one.gz",
        "sha256": hashlib.sha256(body).hexdigest(),
        "entry_count": 2,
    }
    catalog.execute(insert(tables.source_pages).values(page))
    done = Entry(page["page_id"], PAGES, "gbif", "", "done")  # type: ignore[arg-type]
    with library.engine.begin() as connection:
        ledger.record(connection, [done], tenant="public", run_id="test", now=ledger.utc_now())

    both = Parsed((_listed("a"), _listed("b")))
    assert read("1", both) == {"a": True, "b": True}
    assert read("2", Parsed((_listed("a"),), (Rejection("b", "hidden"),))) == {"a": True, "b": False}
    assert read("3", Parsed((), (Rejection("b", "malformed"),))) == {"a": False, "b": False}
    changes = tables.listing_changes.c
    assert sorted(catalog.scalars(select(changes.latter))) == ["hidden", "told no more"]
    assert read("4", both) == {"a": True, "b": True}
