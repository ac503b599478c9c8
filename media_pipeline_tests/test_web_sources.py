"""Web sources, from the question to the original: recorded answers, scripted trouble, kills; nothing is lost."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image
from sqlalchemy import func, select

from media_pipeline.config import Settings
from media_pipeline.orchestration.work import Report, Run
from media_pipeline.records import Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.gbif_questions import CATALOGUE_OF_LIFE
from media_pipeline.stages.discover.assets import Asked, ask, read_pages
from media_pipeline.stages.fetch.assets import fetch
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.subjects import add_all
from media_pipeline.stores.exchanges import Pace
from media_pipeline.stores.http import Clock, Http
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.replay_server import ReplayServer, Scripted, bomb, redirect

AGARIC: Final = Subject("amanita-muscaria", "taxon", "Amanita muscaria", rank="species", source_ids={"gbif": "V2"})
USUAL: Final = Asked(without_media_only=False, relist_days=None, recheck_days=None)
OCCURRENCES: Final = "/gbif/v1/occurrence/search"


def photo(width: int, height: int, *, shade: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 90, 30)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        yield running


@contextmanager
def asking(
    settings: Settings, server: ReplayServer, *others: ReplayServer, mirrors: Mapping[str, str] | None = None
) -> Iterator[Library]:
    """A library that finds GBIF and Commons on the loopback, in no mood to wait."""
    chosen = settings.model_copy(
        update={
            "contact": "curator@example.org",
            "allowed_private_hosts": ",".join(one.host for one in (server, *others)),
            "mirrors": {
                "https://api.gbif.org/": server.url("/gbif/"),
                "https://commons.wikimedia.org/": server.url("/commons/"),
                **(mirrors or {}),
            },
            "few_photos": 0,
            "retry_backoff_s": 60,
        }
    )
    with open_library(chosen) as library:
        clock = Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
        http = Http(chosen, library.engine, clock=clock, pace=Pace(while_s=0.5, silence_s=1.0))
        try:
            yield replace(library, http=http)
        finally:
            http.close()


def put(library: Library, *subjects: Subject) -> None:
    with library.engine.begin() as connection:
        add_all(connection, library.tenant, subjects)


def run_source(library: Library, source: str) -> tuple[Report, Report, Report]:
    run = Run(library, "test", source)
    return ask(run, WEB_SOURCES[source], USUAL), read_pages(run), fetch(run)


def reasons(report: Report, output: str) -> dict[str, int]:
    return {reason or status: count for (status, reason), count in report.of(output).items()}


def count(library: Library, table: str) -> int:
    with library.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.metadata.tables[f"media.{table}"])) or 0


def test_a_recorded_page_with_every_trouble_comes_to_an_end_and_every_photo_to_a_reason(
    settings: Settings, server: ReplayServer, shared: Path
) -> None:
    """300 occurrences with 487 photos: the report's counts add up, whatever the servers do."""
    page = (shared / "sources/recorded/gbif/occurrence_search_taxon_p300.json").read_bytes()
    media = [item for record in json.loads(page)["results"] for item in record["media"]]
    free = [item["identifier"] for item in media if item["license"].startswith("http")]
    good = Scripted(body=photo(2000, 1500), headers=(("Content-Type", "image/jpeg"),))
    trouble: dict[str, tuple[Scripted, ...]] = {
        "done": (good,),
        "done, the same file again": (good,),
        "done, after a wave of 503": (Scripted(503), Scripted(503), Scripted(body=photo(1600, 900, shade=1))),
        "done, after 429": (Scripted(429, headers=(("Retry-After", "1"),)), Scripted(body=photo(1700, 900, shade=2))),
        "private_address: another port": (redirect("http://127.0.0.1:9/secret"),),
        "private_address: the cloud's metadata": (redirect("http://169.254.169.254/latest/meta-data/"),),
        "html_instead": (Scripted(body=b"<!DOCTYPE html><p>log in", headers=(("Content-Type", "image/jpeg"),)),),
        "short_body": (Scripted(body=photo(2000, 1500, shade=3), cut_after=500),),
        "too_slow_host": (Scripted(body=photo(2000, 1500, shade=4), drip=(10, 0.2)),),
        "too_large": (replace(bomb(120_000_000), status=200),),
        "below_hq": (Scripted(body=photo(800, 600)),),
        "tiny": (Scripted(body=photo(1, 1)),),
        "not_a_photo": (Scripted(body=b'<svg xmlns="http://www.w3.org/2000/svg"/>'),),
        "empty": (Scripted(),),
        "opted_out": (replace(good, headers=(("X-Robots-Tag", "noai"),)),),
    }
    server.say(OCCURRENCES, Scripted(503), Scripted(429, headers=(("Retry-After", "1"),)), Scripted(body=page))
    # What breaks connections has a server of its own: the others must not suffer for it.
    with ReplayServer() as breaking, ReplayServer() as dripping:
        servers = {"short_body": breaking, "too_slow_host": dripping}
        mirrors = {"https://arter.dk/": server.url("/nothing/")}
        for place, (address, (what, answers)) in enumerate(zip(free, trouble.items(), strict=False)):
            serving = servers.get(what, server)
            serving.say(f"/photos/{place}", *answers)
            mirrors[address] = serving.url(f"/photos/{place}")
        quick = settings.model_copy(update={"limits": {"gbif": {"downloads": 8}}})
        with asking(quick, server, breaking, dripping, mirrors=mirrors) as library:
            put(library, AGARIC)
            walked, listed, fetched = run_source(library, "gbif")
            assert reasons(walked, "source_walks") == {"done": 1}
            assert listed.noted["source_listings"] == Counter(listings=487)
            told = reasons(fetched, "originals")
            assert sum(told.values()) == 487
            expected = Counter(what.partition(":")[0].partition(",")[0] for what in trouble)
            expected["licence_refused"] = 15
            expected["gone"] = 487 - sum(expected.values())
            assert told == dict(expected)
            # The two links to one file make one media.
            assert (count(library, "media"), count(library, "media_links")) == (3, 4)


def test_a_source_whose_pages_go_round_is_left_and_what_it_said_is_kept(
    settings: Settings, server: ReplayServer
) -> None:
    """Commons gives the same continuation for ever."""
    said: dict[str, Any] = {"continue": {"gcmcontinue": "file|1", "continue": "-||"}, "query": {"pages": []}}
    server.say("/commons/w/api.php", Scripted(body=json.dumps({**said, "batchcomplete": True}).encode()))
    with asking(settings, server) as library:
        put(library, replace(AGARIC, source_ids={}))
        walked, listed, _ = run_source(library, "wikimedia_commons")
        assert reasons(walked, "source_walks") == {"cursor_repeats": 1}
        assert reasons(listed, "source_listings") == {"done": 1, "cursor_repeats": 1}
        assert len(server.seen) == 2
        assert reasons(run_source(library, "wikimedia_commons")[0], "source_walks") == {}


def test_stored_pages_are_read_again_without_the_network(
    settings: Settings, server: ReplayServer, shared: Path
) -> None:
    """A parser of another version; nothing is asked."""
    page = (shared / "sources/recorded/gbif/occurrence_search_taxon_p300.json").read_bytes()
    server.say(OCCURRENCES, Scripted(body=page))
    with asking(settings, server) as library:
        put(library, AGARIC)
        run = Run(library, "test", "gbif")
        ask(run, WEB_SOURCES["gbif"], USUAL)
        read_pages(run)
        with library.engine.begin() as connection:
            connection.execute(tables.ledger.update().values(version="former"))
        asked = len(server.seen)
        assert reasons(read_pages(run), "source_listings") == {"done": 1}
        assert (len(server.seen), count(library, "source_listings")) == (asked, 487)


def list_everything(settings: Settings, server: str) -> None:
    """What the child process does until it is killed."""
    with open_library(settings) as library:
        run = Run(library, "child", "gbif")
        ask(run, WEB_SOURCES["gbif"], USUAL)
        read_pages(run)


@pytest.mark.parametrize("asked_before", [1, 4, 9])
def test_a_kill_while_listing_asks_for_no_stored_page_again(
    settings: Settings, server: ReplayServer, asked_before: int
) -> None:
    """Twelve pages; after `kill -9` at most the page that was under way is asked for once more, and none is missing."""
    pages = 12
    for number in range(pages):
        record = {
            "key": number,
            "media": [
                {
                    "type": "StillImage",
                    "license": "http://creativecommons.org/licenses/by/4.0/",
                    "identifier": f"https://museum.example/{number}.jpg",
                }
            ],
        }
        body = {"offset": number, "limit": 300, "endOfRecords": number == pages - 1, "results": [record]}
        query = f"mediaType=StillImage&taxonKey=V2&checklistKey={CATALOGUE_OF_LIFE}&limit=300&offset={number}"
        server.say(f"{OCCURRENCES}?{query}", Scripted(body=json.dumps(body).encode(), wait_s=0.05))
    quick = settings.model_copy(update={"limits": {"gbif": {"requests_per_s": 4}}})
    with asking(quick, server) as library:
        put(library, AGARIC)
        chosen = library.settings
        child = multiprocessing.get_context("spawn").Process(target=list_everything, args=(chosen, server.host))
        child.start()

        while len(server.seen) < asked_before and child.is_alive():
            time.sleep(0.01)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL
        run = Run(library, "test", "gbif")
        assert reasons(ask(run, WEB_SOURCES["gbif"], USUAL), "source_walks") == {"done": 1}
        read_pages(run)
        assert count(library, "source_listings") == pages
    often = Counter(server.paths())
    assert len(often) == pages
    assert sum(often.values()) - pages <= 1
