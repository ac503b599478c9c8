"""Fetch over the real client, from a server on the loopback: what servers do, and what a kill leaves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import cast

import pytest
from sqlalchemy import func, select

from media_pipeline.config import Settings
from media_pipeline.sources import SOURCES
from media_pipeline.sources.protocol import Source
from media_pipeline.stages.fetch.assets import fetch
from media_pipeline.stores.blobs import TEMP_FOLDER
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.replay_server import ReplayServer, Scripted, redirect
from media_pipeline_tests.stages.fetch.web import SOURCE, Web, add_listing, photo, run_of, states, told

LARGE = photo(1600)


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(dict[str, Source], SOURCES), SOURCE, Web())


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, server: ReplayServer) -> Settings:
    return settings.model_copy(update={"allowed_private_hosts": server.host})


def test_what_servers_do_wrong_has_a_reason_each(library: Library, server: ReplayServer) -> None:
    """By status, by header, by length and by what comes."""
    answers = {
        "photo": Scripted(body=LARGE),
        "moved": redirect("/photo"),
        "without-length": Scripted(body=LARGE, is_chunked=True),
        "missing": Scripted(404),
        "private": Scripted(403),
        "page": Scripted(body=b"<!doctype html>", headers=(("Content-Type", "image/jpeg"),)),
        "words": Scripted(body=b"Sorry", headers=(("Content-Type", "text/html"),)),
        "no-ai": Scripted(body=LARGE, headers=(("X-Robots-Tag", "noai"),)),
        "heavy": Scripted(body=LARGE + bytes(200_000)),
        "heavy-without-length": Scripted(body=LARGE + bytes(200_000), is_chunked=True),
        "inside": redirect("http://127.0.0.2/secret"),
    }
    for name, answer in answers.items():
        server.say(f"/{name}", answer)
        add_listing(library, name, original_url=server.url(f"/{name}"))
    library.settings.__dict__["max_bytes"] = 200_000
    fetch(run_of(library))
    assert told(library) == {
        "photo": "done",
        "moved": "done",
        "without-length": "done",
        "missing": "failed: gone",
        "private": "failed: forbidden",
        "page": "failed: html_instead",
        "words": "failed: html_instead",
        "no-ai": "failed: opted_out",
        "heavy": "failed: too_large",
        "heavy-without-length": "failed: too_large",
        "inside": "failed: private_address",
    }
    assert len(library.blobs.list_after()) == 1
    assert list((library.settings.home_path / "blobs" / TEMP_FOLDER / "scratch").iterdir()) == []


def test_a_download_that_breaks_off_is_gone_on_with(library: Library, server: ReplayServer) -> None:
    """Where the server names its version of the file, from where it broke off; else from the start."""
    half, etag = len(LARGE) // 2, ("ETag", '"1"')
    add_listing(library, "ranged", original_url=server.url("/ranged"))
    add_listing(library, "plain", original_url=server.url("/plain"))
    server.say(
        "/ranged",
        Scripted(body=LARGE, headers=(etag,), is_ranged=True, cut_after=half),
        Scripted(body=LARGE, headers=(etag,), is_ranged=True),
    )
    server.say("/plain", Scripted(body=LARGE, cut_after=half), Scripted(body=LARGE))
    fetch(run_of(library))
    assert told(library) == {"ranged": "done", "plain": "done"}
    asked = [seen.headers.get("range") for seen in server.seen if seen.path == "/ranged"]
    assert asked == [None, f"bytes={half}-"]


KILLED = """
import sys, os, signal
from media_pipeline.config import Settings
from media_pipeline.sources import SOURCES
from media_pipeline.stages.fetch import assets
from media_pipeline.stores.library import open_library
from media_pipeline_tests.stages.fetch.web import SOURCE, Web, run_of

class Watch:
    done = 0
    def begin(self, step, total): print("begun", flush=True)
    def end(self, step): pass
    def advance(self, step, done):
        self.done += done
        if self.done >= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

SOURCES[SOURCE] = Web()
chosen = Settings.load(home=sys.argv[1], database_url=sys.argv[2], batch_size=10, allowed_private_hosts=sys.argv[4])
with open_library(chosen) as library:
    assets.fetch(run_of(library, "run-1", progress=Watch()))
"""


def test_after_kill_9_no_file_is_lost_and_none_there_twice(settings: Settings, server: ReplayServer) -> None:
    """At most one batch, and what was under way, is asked for again; what was on its way is swept."""
    names = [f"p{number}" for number in range(60)]
    assert settings.database_url is not None
    with open_library(settings) as library:
        for number, name in enumerate(names):
            server.say(f"/{name}", Scripted(body=photo(1600, shade=number)))
            add_listing(library, name, original_url=server.url(f"/{name}"))
        arguments = [str(settings.home), settings.database_url.get_secret_value(), "30", server.host]
        killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, timeout=120)
        assert killed.returncode == -9, killed.stderr
        scratch = settings.home_path / "blobs" / TEMP_FOLDER / "scratch"
        assert len(list(scratch.iterdir())) == 2
        before = Counter(told(library).values())
        assert before == {"done": 30, "due": 30}

        until = time.monotonic() + 30
        while (report := fetch(run_of(library, "run-2"))).held_by is not None:
            assert time.monotonic() < until
        assert report.of("originals") == {("done", ""): 30}
        with library.engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(tables.media)) == 60
        assert len(library.blobs.list_after()) == 60
        assert {state.attempts for state in states(library).values()} == {1}
        assert list(scratch.iterdir()) == []
    asked = Counter(server.paths())
    assert set(asked) == {f"/{name}" for name in names}
    # A batch that was about to be committed, and four that were under way.
    assert sum(asked.values()) - 60 <= 10 + 4
