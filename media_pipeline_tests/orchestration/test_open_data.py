"""A dump as a source: asked once for each edition and set of subjects, listed whole, whatever ends a run."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from media_pipeline.errors import SourceError
from media_pipeline.licences import OPEN_FAMILIES, licence
from media_pipeline.orchestration import open_data
from media_pipeline.orchestration.open_data import SOURCE, Looking, ask_dump, read_dump
from media_pipeline.orchestration.work import Report, Run, Unwatched
from media_pipeline.records import Listing, Subject, listing_id
from media_pipeline.stores import open_data as tables_of_the_dump
from media_pipeline.stores.catalog import listings, tables
from media_pipeline.stores.ledger import Output, utc_now
from media_pipeline.stores.library import Library
from media_pipeline_tests.open_data_dumps import OBSERVATION, OBSERVATIONS, PHOTOS, TAXA, write_dump
from media_pipeline_tests.replay_server import ReplayServer, Scripted

WALKED = Output("source_walks", "1", own_input="asked", of="walk")
PAGED = Output("source_pages", "1", of="page")
LISTED = Output("source_listings", "1", ("source_pages",), of="page")
FAMILIES = frozenset({*OPEN_FAMILIES, "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd"})
MADE_AT = datetime(2026, 4, 27, tzinfo=UTC)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FUNGI = Subject("fungi", "taxon", "Fungi", "kingdom")
CEP = Subject("cep", "taxon", "Penny bun", source_ids={"inaturalist": "100"})


class Clock:
    """A second later each time it is looked at."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return _dated(write_dump(tmp_path / "dump"))


@pytest.fixture
def run(library: Library, dump: Path) -> Run:
    settings = library.settings.model_copy(update={"inaturalist_dump": str(dump)})
    return Run(replace(library, settings=settings), "test", SOURCE, clock=Clock())


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _dated(folder: Path, when: datetime = MADE_AT) -> Path:
    for path in folder.iterdir():
        os.utime(path, (when.timestamp(), when.timestamp()))
    return folder


def _wants(catalog: Connection, *subjects: Subject) -> None:
    for subject in subjects:
        row = {name: getattr(subject, name) for name in Subject.__dataclass_fields__}
        row |= {"tenant": "public", "origin": "file", "is_active": True}
        catalog.execute(insert(tables.subjects).values(row))


def _asked(run: Run, families: frozenset[str] = FAMILIES) -> Report:
    return ask_dump(Looking(families, WALKED, PAGED), run)


def _listed(catalog: Connection) -> dict[str, Any]:
    listed = tables.source_listings
    return {row.source_key: row for row in catalog.execute(select(listed).order_by(listed.c.source_key))}


def _dumped(catalog: Connection) -> list[Any]:
    """All rows, without the times at which they were written."""
    columns = [column for column in tables.source_listings.columns if column.name != "listed_at"]
    return [
        *catalog.execute(select(*columns).order_by("listing_id")),
        *catalog.execute(select(tables.source_observations).order_by("listing_id", "observation_id", "subject_id")),
        *catalog.execute(select(tables.listing_changes)),
    ]


def test_the_photos_of_a_subject_are_listed(run: Run, catalog: Connection) -> None:
    """They are iNaturalist's, told by the dump, at the time when it was made."""
    _wants(catalog, FUNGI)
    assert _asked(run).of("source_walks") == {("done", ""): 1}
    report = read_dump(LISTED, run)
    assert report.of("source_listings") == {("done", ""): 1}
    assert report.noted["source_listings"] == {"listings": 2}
    found = _listed(catalog)
    assert sorted(found) == ["11", "12"]
    row = found["11"]
    assert row.listing_id == listing_id("public", "inaturalist", "11", "")
    assert (row.source, row.partition, row.reported_by) == ("inaturalist", "inaturalist", SOURCE)
    assert (row.subject_id, row.taxon_name, row.priority) == ("fungi", "Boletus edulis", 100)
    assert (row.licence, row.licence_raw, row.licence_is_open) == ("CC-BY-NC-4.0", "CC-BY-NC", False)
    assert (row.checked_at, row.latitude, row.fallback_urls) == (
        MADE_AT,
        60.5,
        ["https://inaturalist-open-data.s3.amazonaws.com/photos/11/large.jpg"],
    )
    (seen,) = catalog.execute(
        select(tables.source_observations).where(tables.source_observations.c.listing_id == row.listing_id)
    )
    assert (seen.observation_id, seen.subject_id, seen.reported_by) == (OBSERVATION.format(1), "fungi", SOURCE)


def test_what_was_asked_is_not_asked_again(run: Run, catalog: Connection) -> None:
    """Neither the dump nor the catalog is touched by a second run."""
    _wants(catalog, FUNGI)
    _asked(run)
    read_dump(LISTED, run)
    before = _dumped(catalog)
    again = _asked(run)
    assert (again.of("source_walks"), again.of("source_pages")) == ({}, {})
    assert read_dump(LISTED, run).of("source_listings") == {}
    assert _dumped(catalog) == before


def test_what_becomes_of_each_subject_is_told(run: Run, catalog: Connection) -> None:
    """Unknown here is not unknown elsewhere: it is a row, and the others go on."""
    place = Subject("pond", "place", "Pond", latitude=1.0, longitude=2.0)
    _wants(
        catalog,
        CEP,
        place,
        Subject("nix", "taxon", "Nothing"),
        replace(CEP, subject_id="x", source_ids={"inaturalist": "9"}),
    )
    assert _asked(run).of("source_walks") == {
        ("done", ""): 1,
        ("not_applicable", "not_of_this_kind"): 1,
        ("failed", "unknown_subject"): 2,
    }
    details = catalog.scalars(select(tables.ledger.c.detail).where(tables.ledger.c.reason == "unknown_subject")).all()
    assert sorted(details) == ["no taxon of the dump is 9", "no taxon of the dump is Nothing"]
    read_dump(LISTED, run)
    assert list(_listed(catalog)) == ["11"]


def test_a_name_of_several_taxa_is_none(run: Run, catalog: Connection, dump: Path) -> None:
    """A person must say which."""
    write_dump(dump, taxa=(*TAXA, ("20", "48460/9", "20", "genus", "Boletus", "true")))
    _wants(catalog, Subject("b", "taxon", "Boletus"))
    assert _asked(run).of("source_walks") == {("failed", "unknown_subject"): 1}
    (detail,) = catalog.scalars(select(tables.ledger.c.detail).where(tables.ledger.c.reason == "unknown_subject"))
    assert detail == "'Boletus' is the name of several in the dump: 10, 20"


def test_another_subject_asks_the_dump_again(run: Run, catalog: Connection) -> None:
    """In one page with the former ones; the former page is not read again."""
    _wants(catalog, CEP)
    _asked(run)
    _wants(catalog, replace(FUNGI, source_ids={"inaturalist": "3"}))
    _asked(run)
    assert read_dump(LISTED, run).of("source_listings") == {("done", ""): 1, ("not_applicable", "superseded"): 1}
    assert {key: row.subject_id for key, row in _listed(catalog).items()} == {"11": "cep", "13": "fungi"}


def test_what_was_asked_before_something_else_may_be_asked_again(run: Run, catalog: Connection) -> None:
    """A, B, A are three pages: B took the place of the first."""
    _wants(catalog, CEP)
    for families in (FAMILIES, frozenset({"cc0"}), FAMILIES):
        _asked(run, families)
    assert len(catalog.execute(select(tables.source_pages)).all()) == 3
    assert read_dump(LISTED, run).of("source_listings") == {("done", ""): 1, ("not_applicable", "superseded"): 2}
    assert list(_listed(catalog)) == ["11"]


def test_only_licences_that_are_wanted_are_listed(run: Run, catalog: Connection, dump: Path) -> None:
    """Nothing that is no known code either, unless the unknown is wanted."""
    more = [
        ("p", str(20 + n), OBSERVATION.format(1), "7", "jpg", code, "1", "1", "0") for n, code in enumerate(("", "X"))
    ]
    write_dump(dump, photos=(*PHOTOS, *more))
    _wants(catalog, FUNGI)
    _asked(run, frozenset({"cc0"}))
    read_dump(LISTED, run)
    assert list(_listed(catalog)) == ["12"]
    _asked(run, frozenset({"cc0", "unknown"}))
    read_dump(LISTED, run)
    assert list(_listed(catalog)) == ["12", "20", "21"]


def test_a_newer_dump_tells_what_changed(run: Run, catalog: Connection, dump: Path) -> None:
    """Another licence is a change between the two days; a new photo is a listing."""
    _wants(catalog, FUNGI)
    _asked(run)
    read_dump(LISTED, run)
    changed = ("p", "11", OBSERVATION.format(1), "7", "jpg", "CC-BY", "1536", "2048", "0")
    new = ("p", "15", OBSERVATION.format(2), "7", "jpg", "CC-BY", "1", "1", "0")
    later = MADE_AT + timedelta(days=3)
    _dated(write_dump(dump, photos=(changed, PHOTOS[1], new)), later)
    assert _asked(run).of("source_walks") == {("done", ""): 1}
    read_dump(LISTED, run)
    assert sorted(_listed(catalog)) == ["11", "12", "15"]
    (change,) = catalog.execute(select(tables.listing_changes))
    assert (change.what, change.former, change.latter) == ("licence", "CC-BY-NC-4.0", "CC-BY-4.0")
    assert (change.last_seen_at, change.noticed_at) == (MADE_AT, later)


def _photo(key: str, code: str, *, seen: int = 1, extension: str = "jpg") -> tuple[str, ...]:
    return ("p", key, OBSERVATION.format(seen), "7", extension, code, "1536", "2048", "0")


def _next_edition(run: Run, dump: Path, *photos: tuple[str, ...], days: int = 3, **more: Any) -> Report:
    _dated(write_dump(dump, photos=photos, **more), MADE_AT + timedelta(days=days))
    _asked(run, frozenset(OPEN_FAMILIES))
    return read_dump(LISTED, run)


def _changes(catalog: Connection) -> list[Any]:
    changes, listed = tables.listing_changes.c, tables.source_listings.c
    query = (
        select(
            listed.source_key, changes.what, changes.former, changes.latter, changes.last_seen_at, changes.noticed_at
        )
        .join_from(tables.listing_changes, tables.source_listings)
        .order_by(changes.noticed_at, listed.source_key)
    )
    return [tuple(row) for row in catalog.execute(query)]


@pytest.mark.parametrize(
    ("code", "name"), [("CC-BY-ND", "CC-BY-ND-4.0"), ("", "LicenseRef-unknown"), ("CC-BY-NC", "CC-BY-NC-4.0")]
)
def test_a_licence_that_closed_is_told_though_nobody_wants_it(
    run: Run, catalog: Connection, dump: Path, code: str, name: str
) -> None:
    """Of a photo that is known; others under it are not listed, and what was known of the observation stays."""
    _wants(catalog, FUNGI)
    _next_edition(run, dump, _photo("11", "CC-BY"), _photo("12", "CC0"), days=0)
    report = _next_edition(run, dump, _photo("11", code), _photo("12", "CC0"), _photo("14", code))
    assert report.noted["source_listings"] == {"listings": 2}
    found = _listed(catalog)
    assert {key: row.licence for key, row in found.items()} == {"11": name, "12": "CC0-1.0"}
    assert (found["11"].subject_id, found["11"].taxon_name, found["11"].latitude) == ("fungi", "Boletus edulis", 60.5)
    assert _changes(catalog) == [("11", "licence", "CC-BY-4.0", name, MADE_AT, MADE_AT + timedelta(days=3))]


def test_a_photo_that_an_edition_does_not_hold_has_vanished(run: Run, catalog: Connection, dump: Path) -> None:
    """Between the days of the two; a later edition brings it back, and an earlier one says nothing."""
    _wants(catalog, FUNGI)
    _next_edition(run, dump, _photo("11", "CC-BY"), _photo("12", "CC0"), days=0)
    report = _next_edition(run, dump, _photo("12", "CC0"))
    assert report.noted["source_listings"] == {"listings": 1, "vanished": 1}
    third = MADE_AT + timedelta(days=3)
    assert {key: row.vanished_at for key, row in _listed(catalog).items()} == {"11": third, "12": None}
    told = [("11", "vanished", "CC-BY-4.0", "not in the dump", MADE_AT, third)]
    assert _changes(catalog) == told
    _next_edition(run, dump, _photo("11", "CC-BY"), days=2)
    assert {key: row.vanished_at for key, row in _listed(catalog).items()} == {"11": third, "12": None}
    assert "vanished" not in _next_edition(run, dump, _photo("11", "CC0"), _photo("12", "CC0"), days=5).noted
    assert [row.vanished_at for row in _listed(catalog).values()] == [None, None]
    assert [change[:2] for change in _changes(catalog)] == [("11", "vanished"), ("11", "licence"), ("11", "returned")]


def test_a_known_photo_of_no_subject_any_more_is_still_there(run: Run, catalog: Connection, dump: Path) -> None:
    """Another taxon, no taxon, a row that cannot be read: its licence is told where it can be, and it has not gone."""
    _wants(catalog, FUNGI)
    keys = ("11", "12", "14", "15")
    _next_edition(run, dump, *(_photo(key, "CC-BY") for key in keys), days=0)
    photos = (
        _photo("11", "CC-BY-ND", seen=3),
        _photo("12", "CC-BY-NC", seen=9),
        _photo("14", "CC-BY", extension="a/b"),
        (*_photo("15", "CC-BY"), "more"),
    )
    assert _next_edition(run, dump, *photos).noted["source_listings"] == {
        "listings": 2,
        "rejected/malformed": 1,
        "rejected/broken lines of photos": 1,
    }
    found = _listed(catalog)
    assert {key: row.licence_raw for key, row in found.items()} == {
        "11": "CC-BY-ND",
        "12": "CC-BY-NC",
        "14": "CC-BY",
        "15": "CC-BY",
    }
    assert {row.vanished_at for row in found.values()} == {None}
    assert {(row.subject_id, row.taxon_name, row.latitude) for row in found.values()} == {
        ("fungi", "Boletus edulis", 60.5)
    }


def test_what_another_told_of_since_has_not_vanished(run: Run, catalog: Connection, dump: Path) -> None:
    """Neither what the API itself tells of, nor what somebody saw after the dump was made."""
    _wants(catalog, FUNGI)
    _next_edition(run, dump, *(_photo(key, "CC-BY") for key in ("11", "12", "14")), days=0)
    catalog.execute(text("update media.source_listings set reported_by = 'inaturalist' where source_key = '11'"))
    catalog.execute(text("update media.source_listings set reported_by = 'gbif' where source_key = '12'"))
    catalog.execute(text("update media.source_listings set checked_at = '2026-04-30' where source_key = '14'"))
    _next_edition(run, dump, _photo("16", "CC-BY"))
    assert {row.vanished_at for row in _listed(catalog).values()} == {None}


def test_a_part_of_a_dump_takes_nothing_away(
    run: Run, catalog: Connection, dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where most of what is known would be gone, the files are more likely not all of it."""
    monkeypatch.setattr(tables_of_the_dump, "MISSING_UNASKED", 1)
    _wants(catalog, FUNGI)
    _next_edition(run, dump, *(_photo(key, "CC-BY") for key in ("11", "12", "14")), days=0)
    report = _next_edition(run, dump, _photo("12", "CC-BY"))
    assert report.noted["source_listings"] == {"listings": 1, "missing, but most are: a part of a dump?": 1}
    assert {row.vanished_at for row in _listed(catalog).values()} == {None}


def test_what_the_api_says_goes_before_the_dump(run: Run, catalog: Connection) -> None:
    """Also where it was said long before; the dump's subject and observation are kept."""
    page_id, long_ago = UUID(int=1), NOW - timedelta(days=90)
    page = {"tenant": "public", "page_id": page_id, "source": "inaturalist", "partition": "inaturalist"}
    page |= {"blob_key": "", "sha256": "", "entry_count": 1, "received_at": long_ago}
    catalog.execute(insert(tables.source_pages).values(page))
    told = Listing("inaturalist", "11", "", "https://x.example/11.jpg", licence("cc-by"), observation_ids=("77",))
    row = listings.row_of(
        told,
        tenant="public",
        partition="inaturalist",
        page=page_id,
        reported_by="inaturalist",
        priority=100,
        received_at=long_ago,
    )
    with run.library.engine.begin() as connection:
        listings.merge(connection, [row])
    _wants(catalog, FUNGI)
    _asked(run)
    read_dump(LISTED, run)
    found = _listed(catalog)["11"]
    assert (found.reported_by, found.original_url, found.licence) == (
        "inaturalist",
        "https://x.example/11.jpg",
        "CC-BY",
    )
    seen = catalog.scalars(
        select(tables.source_observations.c.observation_id).where(
            tables.source_observations.c.listing_id == found.listing_id
        )
    )
    assert set(seen) == {"77", OBSERVATION.format(1)}


def test_a_run_that_ends_in_the_middle_is_mended_by_the_next(
    run: Run, catalog: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was merged before is merged again, to the same rows."""
    monkeypatch.setattr(open_data, "MERGED_AT_A_TIME", 1)
    _wants(catalog, FUNGI, CEP)
    _asked(run)

    class Killed(BaseException):
        pass

    class Killing(Unwatched):
        def advance(self, step: str, done: int) -> None:
            raise Killed

    with pytest.raises(Killed):
        read_dump(LISTED, replace(run, progress=Killing()))
    assert len(_listed(catalog)) == 1
    assert read_dump(LISTED, run).of("source_listings") == {("done", ""): 1}
    mended = _dumped(catalog)
    catalog.execute(delete(tables.source_observations))
    catalog.execute(delete(tables.source_listings))
    catalog.execute(update(tables.ledger).where(tables.ledger.c.output == "source_listings").values(version="0"))
    read_dump(LISTED, run)
    assert _dumped(catalog) == mended


def test_a_dump_that_is_cut_off_lists_nothing(run: Run, catalog: Connection, dump: Path) -> None:
    """The run fails and says which file; a whole one in its place is read by the next."""
    photos = [("p", str(n), OBSERVATION.format(1), "7", "jpg", "CC0", "1", "1", "0") for n in range(1, 9999)]
    whole = (write_dump(dump, photos=photos) / "photos.csv.gz").read_bytes()
    (dump / "photos.csv.gz").write_bytes(whole[:-20])
    _wants(catalog, FUNGI)
    _asked(run)
    with pytest.raises(SourceError, match=r"photos\.csv\.gz"):
        read_dump(LISTED, run)
    assert _listed(catalog) == {}
    (dump / "photos.csv.gz").write_bytes(whole)
    _asked(run)
    assert read_dump(LISTED, run).of("source_listings") == {("done", ""): 1, ("not_applicable", "superseded"): 1}
    assert len(_listed(catalog)) == 9998


def test_broken_rows_are_told(run: Run, catalog: Connection, dump: Path) -> None:
    """Lines are counted; a row that is no photo is a rejection of the page."""
    photos = (*PHOTOS, ("p",), ("p", "16", OBSERVATION.format(1), "7", "a/b", "CC0", "1", "1", "0"))
    write_dump(dump, photos=photos, observations=(*OBSERVATIONS, ("x", "y")))
    _wants(catalog, FUNGI)
    _asked(run)
    assert read_dump(LISTED, run).noted["source_listings"] == {
        "listings": 2,
        "rejected/malformed": 1,
        "rejected/broken lines of photos": 1,
        "rejected/broken lines of observations": 1,
    }
    (rejection,) = catalog.execute(select(tables.source_rejections))
    assert (rejection.source_key, rejection.reason) == ("16", "malformed")


def test_another_parser_reads_the_dump_again_while_it_is_there(run: Run, catalog: Connection, dump: Path) -> None:
    """Where it is not, what was listed stays."""
    _wants(catalog, FUNGI)
    _asked(run)
    read_dump(LISTED, run)
    catalog.execute(text("update media.source_listings set taxon_name = 'old'"))
    assert read_dump(replace(LISTED, version="2"), run).of("source_listings") == {("done", ""): 1}
    assert {row.taxon_name for row in _listed(catalog).values()} == {"Boletus edulis", "Boletus aereus"}
    _dated(dump, MADE_AT + timedelta(days=1))
    assert read_dump(replace(LISTED, version="3"), run).of("source_listings") == {("not_applicable", "superseded"): 1}
    assert len(_listed(catalog)) == 2


def test_without_a_dump_there_is_nothing_to_do(library: Library, catalog: Connection) -> None:
    """And the report says why."""
    _wants(catalog, FUNGI)
    run = Run(library, "test", SOURCE)
    report = _asked(run)
    assert report.of("source_pages") == {}
    assert report.noted["source_pages"] == {"no dump: MEDIA_INATURALIST_DUMP is not set": 1}
    assert read_dump(LISTED, run).of("source_listings") == {}


def test_the_recorded_dump(run: Run, catalog: Connection, dump: Path, shared: Path) -> None:
    """Ids, addresses, licences and taxa of real rows, as a person reads them in the four files."""
    recorded = shared / "sources" / "recorded" / "inaturalist"
    for table in ("photos", "observations", "taxa", "observers"):
        shutil.copy(recorded / f"opendata_{table}.csv.gz", dump / f"{table}.csv.gz")
    mallard = Subject("mallard", "taxon", "Anas platyrhynchos", "species")
    frogs = Subject("frogs", "taxon", "Amphibia", "class")
    clover = Subject("clover", "taxon", "Alsike", source_ids={"inaturalist": "61824"})
    beetle = Subject("senecio", "taxon", "Senecio vernalis")
    _wants(catalog, mallard, frogs, clover, beetle)
    assert _asked(run).of("source_walks") == {("done", ""): 4}
    read_dump(LISTED, run)
    files = "https://inaturalist-open-data.s3.amazonaws.com/photos"
    assert {
        key: (row.subject_id, row.taxon_name, row.original_url, row.licence, row.width_px, row.height_px)
        for key, row in _listed(catalog).items()
    } == {
        "10314159": ("clover", "Trifolium hybridum", f"{files}/10314159/original.jpg", "CC-BY-NC-4.0", 1530, 2048),
        "130314159": ("senecio", "Senecio vernalis", f"{files}/130314159/original.jpeg", "CC-BY-4.0", 1024, 2048),
        "191012628": ("frogs", "Pseudacris crucifer", f"{files}/191012628/original.jpg", "CC-BY-NC-4.0", 1152, 2048),
        "191019692": ("mallard", "Anas platyrhynchos", f"{files}/191019692/original.png", "CC-BY-NC-4.0", 1800, 1200),
    }
    both = catalog.scalars(
        select(tables.source_observations.c.observation_id).where(
            tables.source_observations.c.listing_id == listing_id("public", "inaturalist", "191012628", "")
        )
    )
    assert sorted(both) == ["2e6c2833-3d28-4f6b-be18-a06bef560d05", "c9b1bda4-2f48-4c56-8860-b241e7d280cc"]


def test_a_page_tells_what_was_looked_for(run: Run, catalog: Connection) -> None:
    """In which edition, for which taxa, under which licences: so that it can be looked for again."""
    _wants(catalog, CEP, FUNGI)
    _asked(run)
    page = catalog.execute(select(tables.source_pages)).one()
    body = json.loads(gzip.decompress(run.library.blobs.get(page.blob_key, sha256=page.sha256)))
    assert body["taxa"] == {"cep": 100, "fungi": 1}
    assert body["families"] == sorted(FAMILIES)
    assert page.entry_count == 2


def test_a_dump_is_read_from_a_url(run: Run, catalog: Connection, dump: Path) -> None:
    """Over HTTP, once for both steps."""
    with ReplayServer() as server:
        for path in dump.iterdir():
            server.say(f"/d/{path.name}", Scripted(body=path.read_bytes()))
        chosen = {"inaturalist_dump": server.url("/d/"), "allowed_private_hosts": server.host, "contact": "a@b.example"}
        settings = run.library.settings.model_copy(update=chosen)
        run = replace(run, library=replace(run.library, settings=settings), clock=utc_now)
        _wants(catalog, FUNGI)
        _asked(run)
        assert read_dump(LISTED, run).noted["source_listings"] == {"listings": 2}
        assert sorted(server.paths()) == sorted(f"/d/{path.name}" for path in dump.iterdir())
