"""The doctor: each thing that a library needs is broken for real, and its line says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from media_pipeline.config import Settings, unknown_settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.doctor import Finding, as_text, doctor, exit_code
from media_pipeline.operations.needs import NEEDS, Subject
from media_pipeline.samples.photographs import photograph
from media_pipeline.sources import SOURCES
from media_pipeline.stores.catalog import embedded, tables
from media_pipeline.stores.catalog.embedded import Embedded
from media_pipeline.stores.library import Library, embedded_options
from media_pipeline_tests.walking import materialize

NOWHERE = "postgresql://media:not-told@127.0.0.1:1/media"


def changed(settings: Settings, **to: object) -> Settings:
    return Settings.load(**{**settings.model_dump(exclude_unset=True), **to})


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


@pytest.fixture
def whole(settings: Settings, bucket: Path) -> Settings:
    """Settings of a library that lacks nothing."""
    return changed(settings, contact="pictures@example.org")


@pytest.fixture
def walked(whole: Settings, bucket: Path) -> Settings:
    """The same with one photo, which has walked through every stage."""
    photograph("coffee").save(bucket / "coffee.jpg")
    materialize(whole)
    return whole


def test_a_whole_library_is_ok_in_every_line(walked: Settings) -> None:
    """Everything is named once, in order, is ok and needs no remedy."""
    before = {path for path in walked.home_path.rglob("*") if path.is_file()}
    findings = doctor(walked)
    assert [finding.name for finding in findings] == ["settings", "database", *NEEDS]
    # The disk belongs to whoever runs the tests.
    assert {name for name, state in states(findings).items() if state != "ok"} <= {"disk room"}
    said = {finding.name: finding.said for finding in findings}
    assert said["partitions"] == f"1 in the catalog, {len(SOURCES)} configured"
    assert said["generation"].endswith(": 1 points, as the catalog says")
    assert "knows looks and not meaning: no CLIP weights are in" in said["model"]
    assert exit_code(findings) == 0
    # What was tried is gone: no blob and no index stays.
    assert {path for path in walked.home_path.rglob("*") if path.is_file()} == before
    assert list((walked.home_path / "index").glob(".doctor-*")) == []


def test_an_empty_home_needs_nothing_but_a_contact(open_ground: Path) -> None:
    """The embedded PostgreSQL is made, started, asked and stopped again; no tables are no fault."""
    settings = Settings.load(home=open_ground / "new", embedded_fsync=False, workers=1)
    found = by_name(doctor(settings))
    assert found["database"].state == "ok"
    assert "embedded" in found["database"].said
    assert found["migrations"].said.startswith("at revision none; the next run brings it to")
    assert (found["partitions"].state, found["generation"].state) == ("ok", "ok")
    assert found["uploads"].state == "warning"
    assert found["uploads"].remedy == f"mkdir -p {open_ground}/new/bucket"
    assert not embedded.alive(settings.home_path, options=embedded_options(settings))


def test_an_account_that_does_not_exist_is_named_with_its_setting(tmp_path: Path) -> None:
    """Root must run PostgreSQL as somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root chooses the account")
    found = by_name(doctor(Settings.load(home=tmp_path / "new", embedded_user="nobody-of-this-name", workers=1)))
    assert found["database"].state == "blocked"
    assert "nobody-of-this-name" in found["database"].said
    assert found["database"].remedy.startswith("set MEDIA_EMBEDDED_USER")


def test_a_wrong_setting_is_named_and_nothing_else_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings' own error is the finding; all others say why they are not there."""
    monkeypatch.setenv("MEDIA_BATCH_SIZE", "many")
    findings = doctor()
    assert states(findings) == {"settings": "blocked", "database": "warning", **dict.fromkeys(NEEDS, "warning")}
    assert findings[0].said.startswith("MEDIA_BATCH_SIZE='many': Input should be a valid integer")
    assert {finding.said for finding in findings[1:]} == {"not tried: no settings"}
    assert exit_code(findings) == 1


def test_a_name_that_is_no_setting_is_shown_with_the_nearest_that_is(
    whole: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment as from `.env`, whatever its case."""
    monkeypatch.setenv("MEDIA_BLOBS_URL", "file:elsewhere")
    monkeypatch.setenv("MEDIA_TEST_SHARED", "what tests are told")
    Path(".env").write_text("media_contcat=me\nMEDIA_WORKERS=2\nMEDIA_ZZZZ=1\nOTHER=1\n")
    assert unknown_settings() == {
        "MEDIA_BLOBS_URL": "MEDIA_BLOB_URL",
        "MEDIA_CONTCAT": "MEDIA_CONTACT",
        "MEDIA_ZZZZ": None,
    }
    found = by_name(doctor(whole))["settings"]
    assert found.state == "warning"
    assert "MEDIA_BLOBS_URL is no setting; MEDIA_BLOB_URL is" in found.said
    assert "rename MEDIA_BLOBS_URL to MEDIA_BLOB_URL" in found.remedy
    assert "unset MEDIA_ZZZZ" in found.remedy


def test_what_is_broken_hides_nothing_else(whole: Settings, tmp_path: Path) -> None:
    """Database, both blob stores, index and model at once: each line names its own setting, no password is shown."""
    file = tmp_path / "file"
    file.write_text("no folder")
    findings = doctor(
        changed(
            whole,
            database_url=NOWHERE,
            blob_url=f"file:{file}",
            uploads_url=f"file:{file}",
            qdrant_url="http://127.0.0.1:1",
            model="clip-of-nobody",
        ).model_copy(update={"item_memory_mb": 64})
    )
    found = by_name(findings)
    assert found["database"].remedy.startswith("set MEDIA_DATABASE_URL")
    for name in ("migrations", "partitions", "generation"):
        assert found[name] == Finding(name, "warning", "not tried: no database", "mend «database» first")
    assert "MEDIA_BLOB_URL" in found["blobs"].remedy
    assert "MEDIA_UPLOADS_URL" in found["uploads"].remedy
    assert "http://127.0.0.1:1 does not answer" in found["index"].said
    assert "MEDIA_QDRANT_URL" in found["index"].remedy
    assert "there are: auto, descriptor-512" in found["model"].said
    # 64 MB do not even hold the libraries; whether that is a MemoryError or a death depends on which import it hits.
    assert found["workers"].said.startswith(("out_of_memory: ", "worker_died: ", "unexpected: "))
    assert found["workers"].remedy == "raise MEDIA_ITEM_MEMORY_MB or MEDIA_ITEM_SECONDS"
    blocked = {name for name, state in states(findings).items() if state == "blocked"}
    assert blocked - {"disk room"} == {"database", "blobs", "uploads", "index", "model", "workers"}
    assert found["contact"].state == "ok"
    assert "not-told" not in as_text(findings)
    assert exit_code(findings) == 1


def test_a_database_without_tables_is_to_be_migrated(whole: Settings, cluster: Embedded) -> None:
    """A server is not migrated by a run: somebody has to say so."""
    found = by_name(doctor(changed(whole, database_url=cluster.url_to("template1"))))
    assert found["database"].state == "ok"
    assert found["migrations"].state == "blocked"
    assert found["migrations"].remedy == "media-pipeline migrate"
    assert found["partitions"] == Finding("partitions", "warning", "not tried: no tables", "media-pipeline migrate")


def test_what_the_catalog_says_is_compared_with_what_there_is(walked: Settings, library: Library) -> None:
    """Shards changed afterwards, a count that is not the pointer's, then no generation at all."""
    with library.engine.begin() as connection:
        connection.execute(update(tables.index_generations).values(point_count=2))
    found = by_name(doctor(changed(walked, shards={"uploads": 4})))
    assert found["partitions"].state == "blocked"
    assert "items of uploads, which no run would reach" in found["partitions"].said
    assert "MEDIA_SHARDS" in found["partitions"].remedy
    generation = found["generation"]
    assert (generation.state, generation.remedy) == ("blocked", "media-pipeline index rebuild")
    assert generation.said.endswith("holds 1 points, the catalog says 2")

    for folder in (walked.home_path / "index" / "public").glob("*/0*"):
        shutil.rmtree(folder)
    generation = by_name(doctor(walked))["generation"]
    assert (generation.state, generation.remedy) == ("blocked", "media-pipeline index rebuild")


def test_partitions_of_another_tenant_are_not_ours_to_judge(whole: Settings, library: Library) -> None:
    """Each tenant has settings of its own."""
    row = {
        "tenant": "other",
        "page_id": "00000000-0000-0000-0000-000000000001",
        "source": "uploads",
        "partition": "uploads/07",
        "blob_key": "k",
        "sha256": "s",
        "entry_count": 1,
    }
    with library.engine.begin() as connection:
        connection.execute(insert(tables.source_pages).values(row))
    assert by_name(doctor(whole))["partitions"].state == "ok"
    assert by_name(doctor(changed(whole, tenant="other")))["partitions"].state == "blocked"


class _Qdrant(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"title": "qdrant", "version": "1.16.2"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class calls it so
        """Tests are quiet."""


@pytest.fixture
def qdrant_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Qdrant)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_qdrant_server_says_its_version(whole: Settings, qdrant_url: str) -> None:
    """That it answers is what a server is asked."""
    found = by_name(doctor(changed(whole, qdrant_url=qdrant_url)))["index"]
    assert (found.state, found.said) == ("ok", f"Qdrant 1.16.2 at {qdrant_url}")


def test_a_licence_that_nobody_knows_is_a_warning(whole: Settings) -> None:
    """A misspelt one makes a whole library not open; none, and one that is not open, are somebody's choice."""

    def found(words: str) -> Finding:
        return by_name(doctor(changed(whole, uploads_licence=words)))["licence"]

    unknown = found("CC-BI-4.0")
    assert unknown.state == "warning"
    assert unknown.said == "'CC-BI-4.0' is no licence known here: everything uploaded counts as not open"
    assert "MEDIA_UPLOADS_LICENCE" in unknown.remedy
    assert found("cc by-nc 4.0") == Finding("licence", "ok", "CC-BY-NC-4.0, which is not open")
    assert found("CC-BY-4.0") == Finding("licence", "ok", "CC-BY-4.0, which is open")
    assert found("").state == "ok"


def test_an_uploads_folder_that_was_named_must_be_there(whole: Settings, tmp_path: Path) -> None:
    """A misspelt path would look like a bucket that is empty."""
    found = by_name(doctor(changed(whole, uploads_url=f"file:{tmp_path}/misspelt")))["uploads"]
    assert (found.state, found.said) == ("blocked", f"{tmp_path}/misspelt is missing")
    assert found.remedy == f"correct MEDIA_UPLOADS_URL, or mkdir -p {tmp_path}/misspelt"


def test_weights_that_the_model_does_not_have_are_no_fault_of_the_index(walked: Settings) -> None:
    """Rebuilding would not mend a setting."""
    found = by_name(doctor(changed(walked, model_weights="some.pt")))
    for name in ("generation", "model"):
        assert found[name].state == "blocked"
        assert "MEDIA_MODEL_WEIGHTS='some.pt'" in found[name].said
        assert found[name].remedy.startswith("set MEDIA_MODEL to")
        assert "MEDIA_MODEL_WEIGHTS" in found[name].remedy


def test_no_contact_is_a_warning(settings: Settings) -> None:
    """Uploads work without; public sources do not."""
    found = by_name(doctor(settings))["contact"]
    assert (found.state, found.remedy.split("=")[0]) == ("warning", "MEDIA_CONTACT")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_blocks(whole: Settings, small_disk: Path) -> None:
    """64 MB are less than 1 GiB; a home that is not there yet is judged by the folder it will be in.

    The index engine would not survive it, so it is not even tried.
    """
    found = by_name(doctor(changed(whole, home=small_disk / "a" / "home")))
    assert found["disk room"].state == "blocked"
    assert found["disk room"].said == f"0.1 GiB free for {small_disk}/a/home"
    assert found["index"].state == "blocked"
    assert "MiB free on its file system, writing the index needs 128 MiB" in found["index"].said
    assert found["index"].remedy == (
        f"free room on the disk of {small_disk}/a/home, or set MEDIA_QDRANT_URL to a Qdrant server that answers"
    )


def test_the_text_is_aligned_and_shows_remedies() -> None:
    """One line each; a remedy stands below what it mends."""
    findings = [
        Finding("database", "ok", "PostgreSQL 18.4, embedded, 0.3 s"),
        Finding("blobs", "blocked", "line one\nline two", "set MEDIA_BLOB_URL"),
    ]
    assert as_text(findings).splitlines() == [
        "ok       database    PostgreSQL 18.4, embedded, 0.3 s",
        "blocked  blobs       line one",
        "                     line two",
        "                     -> set MEDIA_BLOB_URL",
    ]
    assert exit_code(findings) == 1
    assert exit_code(findings[:1]) == 0


def test_a_file_of_subjects_with_mistakes_is_a_warning_and_one_that_is_none_blocks(
    settings: Settings, tmp_path: Path
) -> None:
    """The first mistake is named with its line and field."""
    path = tmp_path / "subjects.yaml"
    chosen = Subject(changed(settings, subjects_path=path))
    look = NEEDS["subjects"].look
    path.write_text("- {kind: taxon, name: A}\n- {kind: taxn, name: B}\n", encoding="utf-8")
    answer = look(chosen)
    assert answer.state == "warning"
    assert answer.said == (
        f"{path}: 1 can be read; 1 faults, the first: line 2: kind: must be 'taxon' or 'place', not 'taxn'"
    )
    path.write_text("kind: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"subjects\.yaml"):
        look(chosen)
    path.write_text("- {kind: taxon, name: A}\n", encoding="utf-8")
    assert look(chosen).said == f"{path}: 1"
