"""Second looks: only what the library holds, a changed licence and a vanished photo with both dates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Connection, insert, select, text

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.orchestration.rechecks import _gone, recheck
from media_pipeline.orchestration.walks import Asking
from media_pipeline.orchestration.work import Report, Run
from media_pipeline.records import NAMESPACE, Listing, Rejection, Subject, listing_id
from media_pipeline.sources import SOURCES, WEB_SOURCES
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.stages.discover.assets import read_pages
from media_pipeline.stores.catalog import listings, tables
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = MONDAY + timedelta(days=40)
WALKED, PAGED = Output("source_walks", "1", of="walk"), Output("source_pages", "1", of="page")


class Village:
    """A source that tells the licences of the photos that it still has; it knows nothing of number 13."""

    name: ClassVar[str] = "village"
    parser_version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = Limits(priority=50, requests_per_s=1, fastest_per_s=1)
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 2

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        raise NotImplementedError

    def recheck(self, known: Sequence[Known]) -> Request | None:
        if any(one.source_key == "13" for one in known):
            return None
        return Request("http://village.example/photos", (("ids", ",".join(one.source_key for one in known)),))

    def parse(self, answer: Answer) -> Parsed:
        assert answer.cursor == RECHECK
        return Parsed(tuple(_photo(key, said) for key, said in json.loads(answer.body).items()))


def _photo(key: str, said: str) -> Listing:
    words, _, edition = said.partition("@")
    return Listing("village", key, edition, f"http://village.example/{key}.jpg", licence(words))


class Post:
    """The network: what the village says today, and which questions it got."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said
        self.asked: list[str] = []
        self.refuses: AnswerError | None = None

    def get(self, request: Request) -> Post.Page:
        ids = dict(request.params)["ids"]
        self.asked.append(ids)
        if self.refuses is not None:
            raise self.refuses
        return self.Page(json.dumps({key: self.said[key] for key in ids.split(",") if key in self.said}).encode())

    class Page:
        status, url = 200, "http://village.example/photos"

        def __init__(self, body: bytes) -> None:
            self.body = body


@pytest.fixture
def catalog(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """With photos 1 to 3 and 13 in the library, and photo 4 listed only."""
    for registry in (SOURCES, WEB_SOURCES):
        monkeypatch.setitem(registry, "village", Village())
    with library.engine.connect() as connection:
        catalog = connection.execution_options(isolation_level="AUTOCOMMIT")
        page = uuid5(NAMESPACE, "page")
        catalog.execute(
            insert(tables.source_pages).values(
                tenant="public",
                page_id=page,
                source="village",
                partition="village",
                blob_key="none",
                sha256="",
                entry_count=5,
                received_at=MONDAY,
            )
        )
        with library.engine.begin() as writing:
            rows = [
                listings.row_of(
                    _photo(key, "CC-BY-4.0"),
                    tenant="public",
                    partition="village",
                    page=page,
                    reported_by="village",
                    priority=50,
                    received_at=MONDAY,
                )
                for key in ("1", "2", "3", "4", "13")
            ]
            listings.merge(writing, rows)
        for key in ("1", "2", "3", "13"):
            _link(catalog, key)
        yield catalog


def _id(key: str) -> UUID:
    return listing_id("public", "village", key, "")


def _link(catalog: Connection, key: str) -> None:
    media = uuid5(NAMESPACE, key)
    catalog.execute(
        insert(tables.media).values(
            tenant="public",
            media_id=media,
            sha256=key,
            public_code=key,
            home_source="village",
            home_partition="village",
            kind="image",
            content_type="image/jpeg",
            extension="jpg",
            size_bytes=1,
            blob_key=key,
        )
    )
    catalog.execute(insert(tables.media_links).values(tenant="public", listing_id=_id(key), media_id=media))


def _recheck(library: Library, post: Post, *, now: datetime = LATER, most: int | None = None) -> Report:
    asking = Asking(Village(), Village.limits, post.get, WALKED, PAGED)
    run = Run(library, "test", "village", clock=lambda: now)
    report = recheck(asking, run, unseen_for=timedelta(days=30), most=most)
    read_pages(run)
    return report


def _changes(catalog: Connection) -> list[tuple[object, ...]]:
    changes, listed = tables.listing_changes, tables.source_listings
    query = (
        select(listed.c.source_key, changes.c.what, changes.c.former, changes.c.latter, changes.c.last_seen_at)
        .join(listed, listed.c.listing_id == changes.c.listing_id)
        .where(changes.c.noticed_at == LATER)
        .order_by(listed.c.source_key)
    )
    return [tuple(row) for row in catalog.execute(query)]


def test_a_changed_licence_and_a_vanished_photo_get_both_dates(library: Library, catalog: Connection) -> None:
    """Photo 2 is closed now, photo 3 is gone; 4 is not in the library, and 13 cannot be asked about."""
    post = Post({"1": "CC-BY-4.0", "2": "all rights reserved"})
    report = _recheck(library, post)
    assert sorted(key for ids in post.asked for key in ids.split(",")) == ["1", "2", "3"]
    assert dict(report.noted["source_pages"]) == {"rechecked": 3, "vanished": 1, "cannot be asked about": 1}
    assert _changes(catalog) == [
        ("2", "licence", "CC-BY-4.0", "LicenseRef-ARR", MONDAY),
        ("3", "vanished", "CC-BY-4.0", "not there", MONDAY),
    ]
    listed = tables.source_listings.c
    rows = catalog.execute(select(listed.source_key, listed.checked_at, listed.vanished_at).order_by("source_key"))
    assert [tuple(row) for row in rows] == [
        ("1", LATER, None),
        ("13", MONDAY, None),
        ("2", LATER, None),
        ("3", MONDAY, LATER),
        ("4", MONDAY, None),
    ]


def test_what_vanished_or_closed_is_open_in_no_training_view(library: Library, catalog: Connection) -> None:
    """Deny by default; the view says since when."""
    for key in ("1", "2", "3"):
        catalog.execute(
            insert(tables.media_metadata).values(
                tenant="public",
                media_id=uuid5(NAMESPACE, key),
                format="JPEG",
                width_px=1,
                height_px=1,
                orientation=1,
                color_mode="RGB",
                frame_count=1,
            )
        )
    view = text(
        "select sha256, license_ok, vanished_at, licence_changed_at from media.training_general order by sha256"
    )
    assert [row.license_ok for row in catalog.execute(view)] == [True, True, True]
    _recheck(library, Post({"1": "CC-BY-4.0", "2": "all rights reserved"}))
    assert [tuple(row) for row in catalog.execute(view)] == [
        ("1", True, None, None),
        ("2", False, None, LATER),
        ("3", False, LATER, None),
    ]


def test_what_was_seen_lately_is_not_asked_about(library: Library, catalog: Connection) -> None:
    """Nor what has vanished; both wait for a walk that meets them."""
    post = Post({"1": "CC-BY-4.0", "2": "CC-BY-4.0"})
    _recheck(library, post)
    post.asked.clear()
    _recheck(library, post, now=LATER + timedelta(days=1))
    assert post.asked == []


def test_only_so_many_questions_are_asked_in_a_run(library: Library, catalog: Connection) -> None:
    """The next run goes on with the others."""
    post = Post({"1": "CC-BY-4.0", "2": "CC-BY-4.0", "3": "CC-BY-4.0"})
    _recheck(library, post, most=1)
    assert len(post.asked) == 1
    _recheck(library, post, most=1)
    assert sorted(",".join(post.asked).split(",")) == ["1", "2", "3"]


def test_no_answer_is_no_sign_that_a_photo_is_gone(library: Library, catalog: Connection) -> None:
    """A source that is away, or refuses a question, changes nothing; what was asked waits for its next turn."""
    post = Post({})
    post.refuses = AnswerError("source_refuses", "HTTP 403", then="stop")
    assert _recheck(library, post).trouble is None
    assert len(post.asked) == 2
    post.refuses = None
    _recheck(library, post, now=LATER + timedelta(days=1))
    assert len(post.asked) == 2
    assert _changes(catalog) == []
    assert catalog.scalars(select(tables.source_listings.c.vanished_at)).all() == [None] * 5


def test_a_photo_that_nobody_answers_about_keeps_no_other_waiting(library: Library, catalog: Connection) -> None:
    """Its turn comes again after the others'."""
    post = Post({})
    post.refuses = AnswerError("source_unavailable", then="retry")
    for _ in range(3):
        _recheck(library, post, most=1)
    assert sorted(",".join(post.asked).split(",")) == ["1", "2", "3"]


def test_a_photo_that_cannot_be_read_is_not_gone(library: Library, catalog: Connection) -> None:
    """Only what the source calls hidden, unfree or not for export is closed."""
    gone = {_id("1"): ("", Known("1", None, ())), _id("2"): ("", Known("2", None, ()))}
    said = Parsed(rejections=(Rejection("1", "malformed"), Rejection("2", "hidden")))
    assert _gone(gone, said) == {_id("2"): "hidden"}


def test_another_edition_behind_the_same_key_is_another_photo(library: Library, catalog: Connection) -> None:
    """The bytes that the library holds are no longer shown."""
    _recheck(library, Post({"1": "CC-BY-4.0@b", "2": "CC-BY-4.0", "3": "CC-BY-4.0"}))
    assert _changes(catalog) == [("1", "vanished", "CC-BY-4.0", "replaced", MONDAY)]
