"""The command line as people type it: what it prints, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from media_pipeline import __version__
from media_pipeline.config import Settings
from media_pipeline.samples.files import jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog import embedded, tables
from media_pipeline.stores.library import open_library
from media_pipeline_tests.replay_server import ReplayServer, Scripted

Typed = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def typed(settings: Settings, tmp_path: Path) -> Typed:
    """`media-pipeline WORDS` in an empty folder, on this test's database."""
    assert settings.database_url is not None
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MEDIA_HOME": str(settings.home_path),
        "MEDIA_DATABASE_URL": settings.database_url.get_secret_value(),
        "MEDIA_RETRY_BACKOFF_S": "0",
    }

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "media_pipeline", *words],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_run_status_and_retry_tell_one_story(typed: Typed, settings: Settings, bucket: Path) -> None:
    """A good and a bad file: run says what came of them, status too, retry makes the bad one due again."""
    photograph("coffee").save(bucket / "good.jpg")
    (bucket / "bad.jpg").write_text("I am no picture")

    ran = typed("run")
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"fetch +originals +1 +0 +1 +0 +[\d.]+ +not_media 1", ran.stdout)

    told = typed("status")
    assert told.returncode == 0
    assert re.search(r"fetch +originals +uploads +1 +0 +1 +0 +not_media 1", told.stdout)
    assert re.search(r"embed +embeddings +uploads +1 +0 +0", told.stdout)

    revived = typed("retry", "--stage", "fetch", "--reason", "not_media")
    assert revived.stdout.startswith("1 items will be tried again")
    assert "Nothing was due" not in typed("run", "--source", "uploads").stdout
    with open_library(settings) as library, library.engine.connect() as catalog:
        rows = tables.ledger
        attempts = catalog.scalars(select(rows.c.attempts).where(rows.c.reason == "not_media")).all()
    assert attempts == [1]


def test_a_first_run_without_files_says_where_to_put_them(typed: Typed, settings: Settings) -> None:
    """And makes the folder, so that a copy lands in it."""
    ran = typed("run")
    assert f"put photos into {settings.home_path / 'bucket'}" in ran.stdout
    assert (settings.home_path / "bucket").is_dir()


def test_a_web_source_is_run_asked_again_looked_up_and_read_again(typed: Typed, settings: Settings) -> None:
    """By typing alone: a photo of GBIF comes, its licence closes, and its stored answers are read again."""

    def occurrence(licence: str) -> dict[str, object]:
        media = {"type": "StillImage", "license": licence, "identifier": "https://museum.example/agaric.jpg"}
        return {"key": 7, "media": [media]}

    def page(licence: str) -> Scripted:
        said = {"offset": 0, "limit": 300, "endOfRecords": True, "results": [occurrence(licence)]}
        return Scripted(body=json.dumps(said).encode())

    by, nc = (f"http://creativecommons.org/licenses/{kind}/4.0/" for kind in ("by", "by-nc"))
    search, one = "/gbif/v1/occurrence/search", "/gbif/v1/occurrence/7"
    with ReplayServer({search: page(by), one: Scripted(body=json.dumps(occurrence(by)).encode())}) as server:
        server.say("/agaric.jpg", Scripted(body=jpeg(photograph("coffee").resize((1600, 1200)), 80)))
        web = {
            "MEDIA_CONTACT": "curator@example.org",
            "MEDIA_ALLOWED_PRIVATE_HOSTS": server.host,
            "MEDIA_MIRRORS": json.dumps(
                {"https://api.gbif.org/": server.url("/gbif/"), "https://museum.example/": server.url("/")}
            ),
        }
        added = typed("subjects", "add", "Amanita muscaria", "--kind", "taxon", "--gbif", "V2")
        assert (added.returncode, added.stdout.strip()) == (0, "amanita-muscaria: added")
        assert "not asked until MEDIA_CONTACT is set: inaturalist," in typed("run").stdout

        ran = typed("run", "--source", "gbif", **web)
        assert ran.returncode == 0, ran.stderr
        assert re.search(r"fetch +originals +1 +0 +0 +0 ", ran.stdout)
        asked = len(server.seen)
        assert typed("run", "--source", "gbif", **web).returncode == 0
        assert len(server.seen) == asked

        assert typed("relist", "--source", "gbif", **web).returncode == 0
        assert server.paths()[asked:] == [path for path in server.paths()[:asked] if path.startswith(search)]

        server.say(one, Scripted(body=json.dumps(occurrence(nc)).encode()))
        checked = typed("relist", "--check-licences", "--source", "gbif", **web)
        assert re.search(r"licence +gbif \w+ +CC-BY-4.0 -> CC-BY-NC-4.0", checked.stdout), checked.stdout

        asked = len(server.seen)
        read = typed("reparse", "--source", "gbif")
        assert "3 stored answers are read again" in read.stdout
        assert len(server.seen) == asked
    with open_library(settings) as library, library.engine.connect() as connection:
        licences = connection.scalars(select(tables.source_listings.c.licence)).all()
    assert licences == ["CC-BY-NC-4.0"]


def test_a_photo_told_by_another_source_needs_no_key_of_its_own(typed: Typed) -> None:
    """One command asks Openverse and downloads what it tells of Flickr; Flickr itself is not asked."""
    told = {
        "id": "8f1c1c1e-0000-4000-8000-000000000001",
        "url": "https://live.staticflickr.com/65535/52000000001_0123456789_b.jpg",
        "foreign_landing_url": "https://www.flickr.com/photos/somebody/52000000001",
        "provider": "flickr",
        "license": "by",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/",
    }
    page = json.dumps({"result_count": 1, "page_count": 1, "results": [told]}).encode()
    with ReplayServer({"/openverse/v1/images/": Scripted(body=page)}) as server:
        server.say("/65535/52000000001_0123456789_b.jpg", Scripted(body=jpeg(photograph("coffee"), 80)))
        mirrors = {"https://api.openverse.org/": "/openverse/", "https://live.staticflickr.com/": "/"}
        web = {
            "MEDIA_CONTACT": "curator@example.org",
            "MEDIA_ALLOWED_PRIVATE_HOSTS": server.host,
            "MEDIA_MIRRORS": json.dumps({where: server.url(path) for where, path in mirrors.items()}),
            "MEDIA_MIN_LONG_EDGE_PX": "100",
        }
        assert typed("subjects", "add", "Amanita muscaria", "--kind", "taxon").returncode == 0
        refused = typed("run", "--source", "flickr", **web)
        assert (refused.returncode, "MEDIA_FLICKR_KEY: flickr answers nobody" in refused.stderr) == (2, True)
        ran = typed("run", "--source", "openverse", "--source", "flickr", **web)
    assert ran.returncode == 0, ran.stderr
    assert "not asked until MEDIA_FLICKR_KEY is set: flickr" in ran.stdout
    assert re.search(r"fetch +originals +1 +0 +0 +0 ", ran.stdout)
    assert re.search(r"embed +embeddings +1 +0 +0 +0 ", ran.stdout)


def test_the_index_can_be_made_anew(typed: Typed, settings: Settings, bucket: Path) -> None:
    """After its folder is gone, from the catalog alone."""
    photograph("coffee").save(bucket / "good.jpg")
    typed("run")
    subprocess.run(["rm", "-r", str(settings.home_path / "index")], check=True)
    assert typed("index", "rebuild").stdout.startswith("1 media will be indexed anew")
    ran = typed("run")
    assert re.search(r"vector_index +1 +0 +0", ran.stdout)
    with open_library(settings) as library, library.engine.connect() as catalog:
        pointer = catalog.execute(select(tables.index_generations)).one()
        reader = library.index.open(pointer.model_version, pointer.name)
        assert reader.count() == 1
        reader.close()


def test_ctrl_c_in_the_middle_is_a_sentence(settings: Settings, bucket: Path, tmp_path: Path) -> None:
    """No traceback, no process left, and the next run goes on."""
    assert settings.database_url is not None
    for number in range(60):
        photograph("retina").rotate(number).save(bucket / f"{number}.jpg")
    environment = {
        **os.environ,
        "MEDIA_HOME": str(settings.home_path),
        "MEDIA_DATABASE_URL": settings.database_url.get_secret_value(),
        "MEDIA_BATCH_SIZE": "5",
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "media_pipeline", "run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        restore_signals=True,
    )
    with open_library(settings) as library:
        deadline = time.monotonic() + 90
        while running.poll() is None and time.monotonic() < deadline:
            with library.engine.connect() as catalog:
                if catalog.execute(select(tables.hashes).limit(1)).first():
                    break
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        told, complained = running.communicate(timeout=60)
    assert running.returncode == 130, complained
    assert "stopped: what was done is kept" in complained
    assert "Traceback" not in told + complained


def test_the_embedded_database_can_be_stopped(typed: Typed, open_ground: Path) -> None:
    """Whoever uses it; a second time there is none to stop."""
    home = open_ground / "own home"
    embedded.start(home, options=embedded.Options(durable=False))
    stop = ("db", "stop", "--home", str(home))
    assert typed(*stop, MEDIA_DATABASE_URL="").stdout.strip() == "stopped"
    assert not embedded.alive(home)
    assert typed(*stop, MEDIA_DATABASE_URL="").stdout.strip() == "it was not running"


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (["run"], {"MEDIA_MAX_BYTES": "many"}, "MEDIA_MAX_BYTES='many'"),
        (["run", "--source", "photobucket"], {}, "no source photobucket: there are "),
        (["run", "--source", "bing"], {}, "against its terms; use openverse"),
        (["retry", "--stage", "cook"], {}, "--stage cook: no such stage or output; there are discover"),
        (["retry", "--reason", "bored"], {}, "--reason bored: no such reason; there are"),
        (["status"], {"MEDIA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "no connection"),
        (["db", "stop"], {}, "MEDIA_DATABASE_URL names a server"),
        (["run"], {"MEDIA_MODEL": "clip"}, "MEDIA_MODEL='clip': no such model; there are: auto, descriptor-512"),
    ],
)
def test_an_error_is_a_sentence(typed: Typed, words: list[str], more: dict[str, str], said: str) -> None:
    """What is wrong and what is allowed, exit status 2, no traceback."""
    ended = typed(*words, **more)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr + ended.stdout


def test_the_demo_asks_before_it_writes_elsewhere(typed: Typed, settings: Settings) -> None:
    """Settings that name a server are not a laptop's to play with."""
    ended = typed("demo")
    assert ended.returncode == 1
    assert "MEDIA_DATABASE_URL" in ended.stdout
    assert not (settings.home_path / "bucket").exists()


def test_help_and_version_do_not_wait_for_dagster(typed: Typed) -> None:
    """A second of imports is too much for a line of text."""
    script = "import sys, media_pipeline.cli; print([m for m in ('dagster', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert typed("version").stdout.strip() == f"media-pipeline {__version__}"
    shown = typed("--help").stdout
    assert all(command in shown for command in ("demo", "run", "dev", "doctor", "status", "retry", "migrate"))
