"""Fetch from the web: what is asked for, in which order, what is refused and why, what a kill leaves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from media_pipeline.errors import BlobError, FetchError
from media_pipeline.orchestration.work import Report, Run
from media_pipeline.sources import SOURCES
from media_pipeline.sources.protocol import Limits, Source
from media_pipeline.stages.fetch.assets import fetch
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import TEMP_FOLDER
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.http import Download
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import Clock
from media_pipeline_tests.stages.fetch.web import (
    HOST,
    SOURCE,
    Client,
    Web,
    add_listing,
    add_observation,
    add_rows,
    add_subject,
    blocked,
    listing_row,
    photo,
    run_of,
    states,
    told,
    with_client,
)

LARGE = photo(1600)


@pytest.fixture(autouse=True)
def registry() -> Iterator[dict[str, Source]]:
    """The registry, in which the test may change the source; afterwards it is as it was."""
    sources = cast(dict[str, Source], SOURCES)
    former = dict(sources)
    sources[SOURCE] = Web()
    yield sources
    sources.clear()
    sources.update(former)


def worked(library: Library, client: Client, **settings: object) -> dict[str, str]:
    """What the ledger says after one run."""
    fetch(run_of(with_client(library, client, **settings)))
    return told(library)


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!doctype html><title>Sorry</title>", "html_instead"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_photo"),
        (b"%PDF-1.7", "not_a_photo"),
        (b"OggS\0\2", "not_a_photo"),
        (b"neither", "not_media"),
        (photo(1, 1), "tiny"),
        (photo(1599), "below_hq"),
    ],
)
def test_what_is_no_good_photo_is_refused_with_its_reason(library: Library, data: bytes, reason: str) -> None:
    """Its neighbour is fetched; nothing of it is stored, and nothing left on the way."""
    add_listing(library, "bad")
    add_listing(library, "good")
    client = Client({f"{HOST}/bad": data, f"{HOST}/good": LARGE})
    assert worked(library, client) == {"bad": f"failed: {reason}", "good": "done"}
    assert len(library.blobs.list_after()) == 1
    assert list((library.settings.home_path / "blobs" / TEMP_FOLDER / "scratch").iterdir()) == []


def test_a_placeholder_is_refused_by_its_sum(library: Library) -> None:
    """As the setting names it."""
    add_listing(library, "gone")
    settings = {"placeholders": (hashlib.sha256(LARGE).hexdigest(),)}
    assert worked(library, Client({f"{HOST}/gone": LARGE}), **settings) == {"gone": "failed: placeholder"}


def test_what_the_listing_says_is_judged_before_anything_is_asked(library: Library) -> None:
    """Its licence, that it has vanished, its size in pixels and in bytes."""
    add_listing(library, "reserved", licence="LicenseRef-ARR", licence_family="all-rights-reserved")
    add_listing(library, "no derivatives", licence="CC-BY-ND-4.0", licence_family="cc-by-nd")
    add_listing(library, "vanished", vanished_at=datetime(2024, 5, 4, tzinfo=UTC))
    add_listing(library, "small", width_px=1200, height_px=1599)
    add_listing(library, "heavy", size_bytes=200_000_000)
    client = Client()
    assert worked(library, client) == {
        "reserved": "failed: licence_refused",
        "no derivatives": "failed: licence_refused",
        "vanished": "failed: gone",
        "small": "failed: below_hq",
        "heavy": "failed: too_large",
    }
    assert client.asked == {}
    details = {key: state.detail for key, state in states(library).items()}
    assert details["reserved"] == "LicenseRef-ARR is none of MEDIA_FETCH_LICENCES"
    assert details["vanished"] == "its source has not listed it since 2024-05-04"
    assert details["small"] == "1599 px on the long edge; MEDIA_MIN_LONG_EDGE_PX asks for 1600"


def test_a_licence_that_the_settings_name_is_fetched(library: Library) -> None:
    """Revived, what was refused before is fetched too."""
    add_listing(library, "a", licence="CC-BY-ND-4.0", licence_family="cc-by-nd")
    client = Client({f"{HOST}/a": LARGE})
    assert worked(library, client) == {"a": "failed: licence_refused"}
    with library.engine.begin() as connection:
        ledger.revive(connection, library.tenant, outputs=None, reason="licence_refused", now=ledger.utc_now())
    assert worked(library, client, fetch_licences=("cc-by-nd",)) == {"a": "done"}


def test_a_file_that_changed_since_it_was_listed_is_replaced(library: Library) -> None:
    """By the source's own sum, which is of the original and not of its smaller copies."""
    sha1 = hashlib.sha1(LARGE).hexdigest()  # noqa: S324
    add_listing(library, "same", sha1=sha1)
    add_listing(library, "other", sha1=sha1, fallback_urls=[f"{HOST}/smaller"])
    add_listing(library, "copy", sha1="0" * 40, original_url=f"{HOST}/none", fallback_urls=[f"{HOST}/smaller"])
    client = Client({f"{HOST}/same": LARGE, f"{HOST}/other": photo(1700), f"{HOST}/smaller": photo(1800)})
    assert worked(library, client) == {"same": "done", "other": "failed: replaced", "copy": "done"}


# -------------------------------------------------------------------------------------------------------- fallbacks


def test_fallbacks_are_tried_in_order(library: Library) -> None:
    """The first that is a photo is taken, and no other asked for."""
    names = ["a", "b", "c", "d"]
    add_listing(library, "a", fallback_urls=[f"{HOST}/{name}" for name in names[1:]])
    client = Client({f"{HOST}/b": b"<html>", f"{HOST}/c": LARGE, f"{HOST}/d": photo(2000)})
    assert worked(library, client) == {"a": "done"}
    assert client.asked == {f"{HOST}/{name}": 1 for name in names[:3]}


def test_where_no_way_leads_to_a_photo_all_of_them_are_told(library: Library) -> None:
    """The size of what was too small goes first."""
    add_listing(library, "a", fallback_urls=[f"{HOST}/b", f"{HOST}/c", f"{HOST}/d"])
    client = Client({f"{HOST}/b": FetchError("forbidden", "403"), f"{HOST}/c": photo(640), f"{HOST}/d": LARGE})
    assert worked(library, client) == {"a": "failed: below_hq"}
    assert states(library)["a"].detail == (
        "640 px on the long edge; MEDIA_MIN_LONG_EDGE_PX asks for 1600; "
        f"tried {HOST}/a (gone), {HOST}/b (forbidden), {HOST}/c (below_hq)"
    )


def test_a_server_that_may_recover_is_waited_for_before_less_is_taken(library: Library) -> None:
    """Only at the last try: a smaller file would stay in place of the original for ever."""
    add_listing(library, "a", fallback_urls=[f"{HOST}/b"])
    client = Client({f"{HOST}/a": FetchError("server_error", "500"), f"{HOST}/b": LARGE})
    clock = Clock()
    library = with_client(library, client, retry_backoff_s=60)
    for wait, asked in ((0, (1, 0)), (60, (2, 0)), (240, (3, 1))):
        clock.forward(wait)
        fetch(run_of(library, clock=clock))
        assert (client.asked[f"{HOST}/a"], client.asked[f"{HOST}/b"]) == asked
    assert told(library) == {"a": "done"}


@pytest.mark.parametrize("reason", ["host_down", "unreachable"])
def test_where_a_host_is_away_another_is_asked_at_once(library: Library, reason: str) -> None:
    """A host that is down says when to come again, which is no try: it could be waited for without end."""
    later = datetime(2100, 1, 1, tzinfo=UTC) if reason == "host_down" else None
    add_listing(library, "a", fallback_urls=[f"{HOST}/small", "http://rescue.example/a"])
    client = Client({f"{HOST}/a": FetchError(reason, "x", until=later), "http://rescue.example/a": LARGE})
    library = with_client(library, client, retry_backoff_s=60)
    fetch(run_of(library))
    assert told(library) == {"a": "done"}
    assert client.asked == {f"{HOST}/a": 1, "http://rescue.example/a": 1}


def test_who_opts_out_is_not_asked_by_another_way(library: Library) -> None:
    """A smaller copy is the same photo."""
    add_listing(library, "a", fallback_urls=[f"{HOST}/b"])
    client = Client({f"{HOST}/a": FetchError("opted_out", "noai"), f"{HOST}/b": LARGE})
    assert worked(library, client) == {"a": "failed: opted_out"}
    assert client.asked == {f"{HOST}/a": 1}


# ------------------------------------------------------------------------------------------------------- exceptions


def test_each_exception_is_recorded(library: Library, registry: dict[str, Source]) -> None:
    """A rare subject, and a source that serves nothing larger; by the listing and by the file."""
    registry[SOURCE] = Web(limits=replace(Web().limits, floor_px=1280))
    add_subject(library, "rare", is_rare=True)
    add_subject(library, "common")
    add_listing(library, "rare listed", subject_id="rare", width_px=100, height_px=90)
    add_listing(library, "rare", subject_id="rare")
    add_listing(library, "floor listed", subject_id="common", width_px=1280, height_px=900)
    add_listing(library, "floor", subject_id="common")
    add_listing(library, "below the floor", subject_id="common")
    add_listing(library, "more than listed", subject_id="rare", width_px=100, height_px=90)
    files = {
        "rare listed": photo(100),
        "rare": photo(101),
        "floor listed": photo(1280),
        "floor": photo(1281),
        "below the floor": photo(1279),
        "more than listed": LARGE,
    }
    client = Client({f"{HOST}/{name}": data for name, data in files.items()})
    assert worked(library, client, few_photos=0) == {
        "rare listed": "done as rare_subject",
        "rare": "done as rare_subject",
        "floor listed": "done as source_floor",
        "floor": "done as source_floor",
        "below the floor": "failed: below_hq",
        "more than listed": "done",
    }


def _few(library: Library) -> Client:
    """A subject with two HQ photos, one of which is gone, and five small ones."""
    add_subject(library, "fox")
    files = {}
    for key, edge in (("hq 1", 1600), ("hq 2", 1700), ("s300", 300), ("s400", 400), ("s500", 500)):
        add_listing(library, key, subject_id="fox", width_px=edge, height_px=10)
        files[f"{HOST}/{key}"] = photo(edge)
    add_listing(library, "s450", subject_id="fox")
    files[f"{HOST}/s450"] = photo(450)
    add_listing(library, "s600", subject_id="fox", width_px=600, height_px=10)
    add_listing(library, "nobody's", width_px=900, height_px=10)
    del files[f"{HOST}/hq 2"]
    return Client({**files, f"{HOST}/nobody's": photo(900)})


FEW = {
    "hq 1": "done",
    "hq 2": "failed: gone",
    "s300": "failed: below_hq",
    "s400": "done as few_photos",
    "s450": "done as few_photos",
    "s500": "done as few_photos",
    "s600": "failed: gone",
    "nobody's": "failed: below_hq",
}


def test_of_a_subject_with_few_photos_the_best_small_ones_are_taken(library: Library) -> None:
    """As many as it lacks of four, the largest first, by the file where the listing says nothing; one that is gone
    leaves its place to the next."""
    client = _few(library)
    assert worked(library, client, few_photos=4) == FEW
    assert client.asked[f"{HOST}/s300"] == 0
    assert client.asked[f"{HOST}/nobody's"] == 0
    # Another run finds nothing to do.
    before = dict(client.asked)
    assert worked(library, client, few_photos=4) == FEW
    assert client.asked == before
    # With more wanted, the rest is let in.
    assert worked(library, client, few_photos=5)["s300"] == "done as few_photos"


def test_a_photo_of_several_subjects_is_taken_for_each_of_them(library: Library) -> None:
    """Its listing names the first alone; that one has photos enough, and is not rare."""
    for subject in ("common", "few"):
        add_subject(library, subject)
    add_subject(library, "rare", is_rare=True)
    client = Client()
    for number, key in enumerate(("large-1", "large-2", "few-1", "few-2", "few-3", "rare-1")):
        edge = 1600 if key.startswith("large") else 700 + number
        client.files[f"{HOST}/{key}"] = photo(edge, shade=number)
        listing = add_listing(library, key, subject_id="common")
        if not key.startswith("large"):
            # In two observations of one subject it is one photo of it.
            for observation in ("1", "2"):
                add_observation(library, listing, subject=key.partition("-")[0], observation=observation)
    assert worked(library, client, few_photos=2) == {
        "large-1": "done",
        "large-2": "done",
        "few-1": "failed: below_hq",
        "few-2": "done as few_photos",
        "few-3": "done as few_photos",
        "rare-1": "done as rare_subject",
    }


def test_a_subject_with_enough_photos_of_another_source_needs_no_small_ones(library: Library) -> None:
    """Photos are counted over all sources; two listings of one file are one photo."""
    add_subject(library, "fox")
    for key in ("a", "b"):
        add_listing(library, key, subject_id="fox", partition="elsewhere")
    for key in ("c", "d"):
        add_listing(library, key, subject_id="fox", width_px=700, height_px=10)
    files = {"a": LARGE, "b": LARGE, "c": photo(700, shade=1), "d": photo(700, shade=2)}
    client = Client({f"{HOST}/{key}": data for key, data in files.items()})
    fetch(Run(with_client(library, client), "run-0", "elsewhere"))
    worked(library, client, few_photos=1)
    assert [state for key, state in told(library).items() if key in "cd"] == ["failed: below_hq"] * 2
    worked(library, client, few_photos=2)
    assert sorted(state for key, state in told(library).items() if key in "cd") == [
        "done as few_photos",
        "failed: below_hq",
    ]


def test_a_large_photo_that_may_still_come_keeps_its_place(library: Library) -> None:
    """Until it is dead: only then is a small one let in."""
    add_subject(library, "fox")
    add_listing(library, "large", subject_id="fox")
    add_listing(library, "small", subject_id="fox", width_px=700, height_px=10)
    client = Client({f"{HOST}/large": FetchError("unreachable", "x"), f"{HOST}/small": photo(700)})
    clock = Clock()
    library = with_client(library, client, few_photos=1, retry_backoff_s=60, max_attempts=2)
    fetch(run_of(library, clock=clock))
    assert told(library) == {"large": "failed: unreachable", "small": "failed: below_hq"}
    clock.forward(60)
    fetch(run_of(library, clock=clock))
    assert told(library) == {"large": "dead: unreachable", "small": "done as few_photos"}


@pytest.mark.parametrize("break_at", range(1, 9))
def test_whenever_a_run_breaks_the_next_ends_with_the_same_choice(library: Library, break_at: int) -> None:
    """Whatever was committed before: the same photos, none of them twice."""
    client = _few(library)
    library = with_client(library, client, few_photos=4, batch_size=1)
    seen = 0

    class Breaking(Client):
        def download(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
            nonlocal seen
            seen += 1
            if seen == break_at:
                raise BlobError("the disk is gone")
            return client.download(*arguments, **named)  # type: ignore[arg-type]

    try:
        fetch(run_of(with_client(library, Breaking())))
    except BlobError:
        assert break_at <= 7
    fetch(run_of(library, "run-2"))
    assert told(library) == FEW
    with library.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.media)) == 4
    assert len(library.blobs.list_after()) == 4


# --------------------------------------------------------------------------------------------------- tries and turns


def test_the_failed_are_tried_again_in_a_later_pass_and_the_done_are_not_touched(library: Library) -> None:
    """Not even their rows are written anew."""
    for number in range(6):
        add_listing(library, f"{number}")
    client = Client({f"{HOST}/{number}": photo(1600, shade=number) for number in range(6)})
    client.files[f"{HOST}/3"] = FetchError("unreachable", "x")
    clock = Clock()
    library = with_client(library, client, retry_backoff_s=60)
    fetch(run_of(library, clock=clock))
    before = _rows(library)
    client.files[f"{HOST}/3"] = photo(1600, shade=3)
    clock.forward(60)
    report = fetch(run_of(library, "run-2", clock=clock))
    after = _rows(library)
    assert report.of("originals") == {("done", ""): 1}
    assert client.asked == {f"{HOST}/{number}": 2 if number == 3 else 1 for number in range(6)}
    assert len(before - after) == 1
    assert states(library)["3"].attempts == 2


def _rows(library: Library) -> set[tuple[str, str]]:
    with library.engine.connect() as connection:
        return {
            (row.ctid, row.xmin) for row in connection.execute(text("select ctid::text, xmin::text from media.ledger"))
        }


def test_a_wait_that_is_asked_for_is_no_try(library: Library) -> None:
    """However often: the item is due again when the time has come, and never dies of it."""
    add_listing(library, "a")
    clock = Clock()
    client = Client()
    library = with_client(library, client, max_attempts=2)
    for _ in range(5):
        until = clock.now + timedelta(hours=1)
        client.files[f"{HOST}/a"] = FetchError("host_down", "x", until=until)
        fetch(run_of(library, clock=clock))
        assert (states(library)["a"].attempts, states(library)["a"].retry_at) == (0, until)
        clock.forward(1800)
        assert fetch(run_of(library, clock=clock)).of("originals") == {}
        clock.forward(1800)
    client.files[f"{HOST}/a"] = LARGE
    fetch(run_of(library, clock=clock))
    assert told(library) == {"a": "done"}


@pytest.mark.parametrize("is_told", [True, False])
def test_a_used_up_budget_ends_the_work_of_that_source_and_of_no_other(library: Library, is_told: bool) -> None:
    """The rest stays due without a row; nobody dies, and when the budget is whole again all are fetched."""
    clock = Clock()
    for number in range(300):
        add_listing(library, f"{number}", source="poor" if number % 3 else SOURCE)
    until = clock.now + timedelta(hours=1) if is_told else None
    budget = FetchError("budget_used_up", "bytes_per_day", until=until)
    client = Client({f"{HOST}/{number}": budget if number % 3 else photo(1600, shade=number) for number in range(300)})
    library = with_client(library, client, batch_size=20, max_attempts=1)
    report = fetch(run_of(library, clock=clock))
    assert report.of("originals")["done", ""] == 100
    told_of = report.of("originals")["failed", "budget_used_up"]
    assert 0 < told_of <= 4 if is_told else told_of == 0
    assert sum(client.asked[f"{HOST}/{number}"] for number in range(300) if number % 3) <= 4
    assert set(told(library).values()) == {
        "done",
        "due",
        *(["failed: budget_used_up"] if is_told else []),
    }

    client.files = {f"{HOST}/{number}": photo(1600, shade=number) for number in range(300)}
    clock.forward(3600)
    assert fetch(run_of(library, clock=clock)).of("originals") == {("done", ""): 200}


def test_a_few_photos_of_another_host_do_not_wait_for_thousands(library: Library, registry: dict[str, Source]) -> None:
    """However many ids of the slow host are before theirs: they come while it is at its first."""
    registry[SOURCE] = Web(limits=replace(Web().limits, downloads=1))
    slow = [listing_row(library, f"s{n}", original_url=f"http://slow.example:8080/{n}") for n in range(1500)]
    fast = [listing_row(library, f"f{n}", original_url=f"http://fast.example/{n}") for n in range(5)]
    add_rows(library, [*slow, *fast])
    asked: list[str] = []
    fast_done, lock = threading.Event(), threading.Lock()

    class Slow(Client):
        def download(self, url: str, **named: object) -> Download:
            with lock:
                asked.append(url)
                if sum("fast" in one for one in asked) == len(fast):
                    fast_done.set()
            if "slow" in url:
                assert fast_done.wait(60)
            raise FetchError("gone", "404")

    report = fetch(run_of(with_client(library, Slow(), batch_size=100)))
    assert report.of("originals") == {("failed", "gone"): 1505}
    assert len([url for url in asked[: asked.index(next(u for u in asked[::-1] if "fast" in u))] if "slow" in url]) == 1


def test_a_slow_host_holds_up_no_other(library: Library, registry: dict[str, Source]) -> None:
    """Its files have so many places as its source's row says; the others are done and committed meanwhile."""
    registry[SOURCE] = Web(limits=replace(Web().limits, downloads=2))
    go_on = threading.Event()
    client = Client()
    at_once, most, lock = 0, 0, threading.Lock()

    def slow(number: int) -> Callable[[], bytes]:
        def wait() -> bytes:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            assert go_on.wait(60)
            with lock:
                at_once -= 1
            return photo(1600, shade=number)

        return wait

    for number in range(100):
        host = "http://slow.example" if number < 50 else f"http://fast-{number % 10}.example"
        add_listing(library, f"{number}", original_url=f"{host}/{number}")
        client.files[f"{host}/{number}"] = slow(number) if number < 50 else photo(1600, shade=number)
    library = with_client(library, client, batch_size=10)
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(fetch(run_of(library))))
    with blocked(go_on):
        thread.start()
        for _ in range(600):
            done = sum(state == "done" for state in told(library).values())
            if done == 50:
                break
            thread.join(0.1)
        assert done == 50
    thread.join()
    assert reports[0].of("originals") == {("done", ""): 100}
    assert most == 2


# ------------------------------------------------------------------------------------------------------ what is kept


def test_the_same_file_of_two_sources_is_one_blob_and_two_links(library: Library, registry: dict[str, Source]) -> None:
    """Under the key of the source that stored it first."""
    registry["second"] = Web("second")
    mine = add_listing(library, "a")
    yours = add_listing(library, "b", source="second", partition="second")
    client = Client({f"{HOST}/a": LARGE, f"{HOST}/b": LARGE})
    library = with_client(library, client)
    fetch(run_of(library))
    fetch(Run(library, "run-2", "second"))
    with library.engine.connect() as connection:
        (media,) = connection.execute(select(tables.media)).all()
        links: dict[UUID, UUID] = {
            row.listing_id: row.media_id for row in connection.execute(select(tables.media_links))
        }
    assert media.home_source == SOURCE
    assert links == {mine: media.media_id, yours: media.media_id}
    assert [info.key for info in library.blobs.list_after()] == [media.blob_key]


def test_limits_of_a_photo_are_those_of_the_source_where_it_lives(
    library: Library, registry: dict[str, Source]
) -> None:
    """An answer of one source may tell of photos of another, and of one that is none of ours."""
    registry["museum"] = Web("museum", limits=Limits(1, requests_per_s=1, fastest_per_s=1, floor_px=800))
    add_listing(library, "theirs", source="museum")
    add_listing(library, "nobody's", source="unheard of")
    client = Client({f"{HOST}/theirs": photo(800), f"{HOST}/nobody's": photo(800, shade=1)})
    assert worked(library, client) == {"theirs": "done as source_floor", "nobody's": "failed: below_hq"}
