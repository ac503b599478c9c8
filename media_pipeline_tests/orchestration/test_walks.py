"""Walks: every page once, from where it stood, whatever the source says and whenever the run ends."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from sqlalchemy import Connection, insert, select, text

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.orchestration.walks import AWAY_AFTER, Asking, walk_all
from media_pipeline.orchestration.work import Report, Run
from media_pipeline.records import Listing, Subject
from media_pipeline.sources.protocol import Answer, Known, Limits, Parsed, Request
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library

WALKED = Output("source_walks", "1", own_input="asked", of="walk")
PAGED = Output("source_pages", "1", of="page")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Village:
    """A source whose answers are JSON: its photos, where it goes on, or what is wrong."""

    name: ClassVar[str] = "village"
    parser_version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = Limits(priority=50, requests_per_s=1, fastest_per_s=1, per_subject=100)
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 0

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        if subject.kind == "place":
            return None
        if "village" in subject.options:
            raise AnswerError("question_refused", "no such option")
        return Request("http://village.example/photos", (("of", subject.name), ("page", cursor)))

    def recheck(self, known: Sequence[Known]) -> Request:
        raise NotImplementedError

    def parse(self, answer: Answer) -> Parsed:
        said = json.loads(answer.body)
        if "error" in said:
            raise AnswerError(said["error"], "said the village", then=said["then"])
        return Parsed(tuple(_listing(key) for key in said["photos"]), next_cursor=said.get("next"))


def _listing(key: str) -> Listing:
    return Listing("village", key, "", f"http://village.example/{key}.jpg", licence("CC0-1.0"))


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    url: str
    status: int = 200


@dataclass(slots=True)
class Post:
    """The network: answers by subject and cursor, and what was asked."""

    answers: dict[tuple[str, str], object]
    asked: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[int], None] = lambda _number: None

    def get(self, request: Request) -> Page:
        named = dict(request.params)
        key = (named["of"], named["page"])
        self.asked.append(key)
        self.before(len(self.asked))
        answer = self.answers[key]
        if isinstance(answer, AnswerError):
            raise answer
        return Page(json.dumps(answer).encode(), request.url)


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _put(catalog: Connection, *names: str, kind: str = "taxon", active: bool = True) -> None:
    rows = [
        {
            "tenant": "public",
            "subject_id": name,
            "kind": kind,
            "name": name,
            "synonyms": [],
            "lists": [],
            "is_rare": False,
            "source_ids": {},
            "options": {},
            "origin": "command",
            "is_active": active,
        }
        for name in names
    ]
    catalog.execute(insert(tables.subjects), rows)


def _walk(
    library: Library,
    post: Post,
    *,
    now: datetime = NOW,
    per_subject: int = 100,
    relist_after: timedelta | None = timedelta(days=7),
    only: frozenset[str] | None = None,
) -> Report:
    limits = replace(Village.limits, per_subject=per_subject)
    asking = Asking(Village(), limits, post.get, WALKED, PAGED, relist_after=relist_after, only=only)
    return walk_all(asking, Run(library, "test", "village", clock=lambda: now))


def _pages(catalog: Connection) -> list[tuple[str, str]]:
    pages = tables.source_pages
    rows = catalog.execute(select(pages.c.subject_id, pages.c.cursor).order_by(pages.c.round, "subject_id", "cursor"))
    return [(row.subject_id, row.cursor) for row in rows]


def test_a_walk_reads_page_after_page_and_is_not_asked_again(library: Library, catalog: Connection) -> None:
    """Every answer is stored as it came, with what was asked; a second run has nothing to ask."""
    _put(catalog, "fly agaric")
    post = Post({("fly agaric", ""): {"photos": ["1", "2"], "next": "b"}, ("fly agaric", "b"): {"photos": ["3"]}})
    report = _walk(library, post)
    assert report.of("source_walks") == {("done", ""): 1}
    assert report.of("source_pages") == {("done", ""): 2}
    assert _pages(catalog) == [("fly agaric", ""), ("fly agaric", "b")]
    page = catalog.execute(select(tables.source_pages).where(tables.source_pages.c.cursor == "b")).one()
    assert json.loads(gzip.decompress(library.blobs.get(page.blob_key, sha256=page.sha256))) == {"photos": ["3"]}
    assert (page.request_url, page.status_code, page.entry_count) == ("http://village.example/photos", 200, 1)
    walk = catalog.execute(select(tables.source_walks)).one()
    assert (walk.page_count, walk.listing_count, walk.cursor, walk.finished_at) == (2, 3, None, NOW)
    assert _walk(library, post).of("source_walks") == {}
    assert len(post.asked) == 2


def test_a_run_that_is_killed_goes_on_at_its_cursor(library: Library, catalog: Connection) -> None:
    """No page that was stored is asked for twice."""
    _put(catalog, "morel")
    answers: dict[tuple[str, str], object] = {
        ("morel", cursor): {"photos": [cursor or "a"], "next": behind}
        for cursor, behind in (("", "b"), ("b", "c"), ("c", "d"))
    }
    answers["morel", "d"] = {"photos": ["d"]}

    def die(number: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    post = Post(answers, before=die)
    with pytest.raises(KeyboardInterrupt):
        _walk(library, post)
    post.before = lambda _number: None
    assert _walk(library, post).of("source_walks") == {("done", ""): 1}
    assert [cursor for _, cursor in post.asked] == ["", "b", "c", "c", "d"]
    assert _pages(catalog) == [("morel", ""), ("morel", "b"), ("morel", "c"), ("morel", "d")]


def test_a_source_that_goes_round_in_a_circle_is_left(library: Library, catalog: Connection) -> None:
    """What it said is kept, and the ledger says where it turned."""
    _put(catalog, "morel")
    post = Post({("morel", ""): {"photos": ["1"], "next": "b"}, ("morel", "b"): {"photos": ["2"], "next": "b"}})
    assert _walk(library, post).of("source_walks") == {("failed", "cursor_repeats"): 1}
    assert len(_pages(catalog)) == 2
    assert _walk(library, post).of("source_walks") == {}
    # A person may have it tried again, once the source is mended.
    catalog.execute(text("update media.ledger set retry_at = now() where output = 'source_walks'"))
    post.answers["morel", "b"] = {"photos": ["2"]}
    assert _walk(library, post, now=datetime.now(UTC)).of("source_walks") == {("done", ""): 1}


def test_a_walk_ends_with_its_share_and_a_greater_share_goes_on(library: Library, catalog: Connection) -> None:
    """`per_subject` bounds what one subject may cost. A greater share goes on where the walk stands."""
    _put(catalog, "morel")
    post = Post({("morel", ""): {"photos": ["1", "2"], "next": "b"}, ("morel", "b"): {"photos": ["3"]}})
    assert _walk(library, post, per_subject=2).of("source_walks") == {("done", ""): 1}
    assert post.asked == [("morel", "")]
    assert _walk(library, post, per_subject=1).of("source_walks") == {("done", ""): 1}
    assert _walk(library, post, per_subject=3).of("source_walks") == {("done", ""): 1}
    assert post.asked == [("morel", ""), ("morel", "b")]
    assert _walk(library, post, per_subject=9).of("source_walks") == {("done", ""): 1}
    assert len(post.asked) == 2


def test_what_the_source_does_not_know_is_a_row_and_the_others_go_on(library: Library, catalog: Connection) -> None:
    """Neither a place at a source of taxa nor an unknown name stops anything."""
    _put(catalog, "basilisk", "morel")
    _put(catalog, "market", kind="place")
    _put(catalog, "former", active=False)
    post = Post({("basilisk", ""): {"error": "unknown_subject", "then": "skip"}, ("morel", ""): {"photos": ["1"]}})
    assert _walk(library, post).of("source_walks") == {
        ("done", ""): 1,
        ("failed", "unknown_subject"): 1,
        ("not_applicable", "not_of_this_kind"): 1,
    }
    # Its answer is kept as well: another parser may understand it.
    assert _pages(catalog) == [("basilisk", ""), ("morel", "")]
    assert _walk(library, post).of("source_walks") == {}


def test_an_option_that_the_source_does_not_know_is_a_row(library: Library, catalog: Connection) -> None:
    """Nothing is asked with it; mended, it is another question."""
    _put(catalog, "morel")
    catalog.execute(text("""update media.subjects set options = '{"village": {"colour": "red"}}'"""))
    post = Post({("morel", ""): {"photos": ["1"]}})
    assert _walk(library, post).of("source_walks") == {("failed", "question_refused"): 1}
    assert post.asked == []
    catalog.execute(text("update media.subjects set options = '{}'"))
    assert _walk(library, post).of("source_walks") == {("done", ""): 1}


def test_a_question_that_is_refused_while_others_are_answered_is_a_row_and_tried_later(
    library: Library, catalog: Connection
) -> None:
    """In whatever order they come."""
    _put(catalog, "bolete", "morel", "truffle")
    refused = {"error": "source_refuses", "then": "stop"}
    post = Post({("bolete", ""): refused, ("morel", ""): {"photos": ["1"]}, ("truffle", ""): refused})
    report = _walk(library, post)
    assert report.of("source_walks") == {("done", ""): 1, ("failed", "source_refuses"): 2}
    assert report.trouble is None
    post.answers = {key: {"photos": []} for key in post.answers}
    assert _walk(library, post).of("source_walks") == {("done", ""): 2}


def test_a_source_that_refuses_us_ends_the_run_and_costs_no_subject_anything(
    library: Library, catalog: Connection
) -> None:
    """A wrong key is mended by a person; then every subject is still due."""
    _put(catalog, "bolete", "morel")
    post = Post({key: {"error": "source_refuses", "then": "stop"} for key in [("bolete", ""), ("morel", "")]})
    assert _walk(library, post).trouble == "village: source_refuses: said the village"
    assert catalog.execute(select(tables.ledger)).all() == []
    post.answers = {key: {"photos": []} for key in post.answers}
    assert _walk(library, post).of("source_walks") == {("done", ""): 2}


def test_a_source_that_answers_nobody_is_asked_about_a_few_subjects_only(library: Library, catalog: Connection) -> None:
    """The others are not made to fail for it."""
    names = [f"subject {number}" for number in range(AWAY_AFTER + 4)]
    _put(catalog, *names)
    away = AnswerError("source_unavailable", "HTTP 503", then="retry")
    post = Post({(name, ""): away for name in names})
    told = _walk(library, post).trouble
    assert told == f"village: source_unavailable: {AWAY_AFTER} subjects in a row: HTTP 503"
    assert len(post.asked) == AWAY_AFTER
    rows = catalog.execute(select(tables.ledger.c.status, tables.ledger.c.reason)).all()
    assert [tuple(row) for row in rows] == [("failed", "source_unavailable")] * AWAY_AFTER
    post.answers = {(name, ""): {"photos": []} for name in names}
    assert _walk(library, post).of("source_walks") == {("done", ""): len(names)}


def test_a_used_up_budget_ends_the_run_in_peace_until_it_is_full_again(library: Library, catalog: Connection) -> None:
    """No try is counted, and nothing is asked before its time."""
    _put(catalog, "bolete", "morel")
    tomorrow = NOW + timedelta(hours=12)
    post = Post(
        dict.fromkeys([("bolete", ""), ("morel", "")], AnswerError("budget_used_up", then="stop", until=tomorrow))
    )
    assert _walk(library, post).of("source_walks") == {("failed", "budget_used_up"): 1}
    row = catalog.execute(select(tables.ledger)).one()
    assert (row.attempts, row.retry_at) == (0, tomorrow)
    post.answers = {key: {"photos": ["1"]} for key in post.answers}
    assert _walk(library, post, now=NOW + timedelta(hours=1)).of("source_walks") == {("done", ""): 1}
    assert _walk(library, post, now=tomorrow).of("source_walks") == {("done", ""): 1}


def test_after_the_days_of_relisting_a_new_round_begins(library: Library, catalog: Connection) -> None:
    """The same questions, answered anew; the former answers stay."""
    _put(catalog, "morel")
    post = Post({("morel", ""): {"photos": ["1"]}})
    _walk(library, post)
    assert _walk(library, post, now=NOW + timedelta(days=6)).of("source_walks") == {}
    post.answers = {("morel", ""): {"photos": ["1", "2"]}}
    assert _walk(library, post, now=NOW + timedelta(days=8)).of("source_walks") == {("done", ""): 1}
    assert _pages(catalog) == [("morel", ""), ("morel", "")]


def test_a_subject_that_is_described_otherwise_is_asked_about_again(library: Library, catalog: Connection) -> None:
    """Another name, id or option is another question; another list is not."""
    _put(catalog, "morel")
    post = Post({("morel", ""): {"photos": ["1"]}})
    _walk(library, post)
    catalog.execute(text("""update media.subjects set lists = '["spring"]'"""))
    assert _walk(library, post).of("source_walks") == {}
    catalog.execute(text("""update media.subjects set source_ids = '{"village": "7"}'"""))
    assert _walk(library, post).of("source_walks") == {("done", ""): 1}


def test_a_backfill_asks_about_the_named_subjects_alone_and_once_more(library: Library, catalog: Connection) -> None:
    """Whatever they said before."""
    _put(catalog, "bolete", "morel")
    post = Post({("bolete", ""): {"photos": []}, ("morel", ""): {"photos": ["1"]}})
    _walk(library, post)
    again = _walk(library, post, only=frozenset({"bolete"}), relist_after=timedelta(0))
    assert again.of("source_walks") == {("done", ""): 1}
    assert [name for name, _ in post.asked].count("bolete") == 2
