"""The folder: what only files can get wrong. The contract of all blobs is in test_blobs.py."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from media_pipeline.errors import BadKey, BlobError, BlobMissing
from media_pipeline.stores.blobs import TEMP_FOLDER
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline_tests.stores.blob_stores import HELLO, TEXT, keys
from media_pipeline_tests.stores.blob_writers import (
    RACE_KEYS,
    RACE_REPEATS,
    race,
    write_large,
    write_many,
    write_past_the_limit,
)


def test_the_temporary_folder_is_hidden_and_left_empty(tmp_path: Path) -> None:
    """Writes in progress are never listed; after a put nothing of it is left."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_if_absent("a", HELLO, content_type=TEXT)
    blobs.put("b", HELLO, content_type=TEXT)
    blobs.put_if_absent("b", HELLO, content_type=TEXT)
    assert list((tmp_path / TEMP_FOLDER).iterdir()) == []
    (tmp_path / TEMP_FOLDER / "half").write_bytes(b"x")
    assert keys(blobs.list_after()) == ["a", "b"]


def test_a_days_old_leftover_is_swept(tmp_path: Path) -> None:
    """The first put of a process removes what killed writers left, but not what may still be written."""
    temp = tmp_path / TEMP_FOLDER
    temp.mkdir()
    for name, age_s in (("old", 90_000), ("young", 80_000)):
        (temp / name).write_bytes(b"x")
        os.utime(temp / name, times=(time.time() - age_s,) * 2)
    LocalBlobs(tmp_path).put_if_absent("a", HELLO, content_type=TEXT)
    assert [left.name for left in temp.iterdir()] == ["young"]


def test_files_have_ordinary_modes(tmp_path: Path) -> None:
    """A blob can be read by whom the umask lets read, also when another account runs the rest."""
    script = "import sys, os, pathlib\nfrom media_pipeline.stores.folder import LocalBlobs\nos.umask(0o022)\n"
    script += "LocalBlobs(pathlib.Path(sys.argv[1])).put_if_absent('a/b', b'x', content_type='text/plain')"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "new")], check=True)
    assert stat.S_IMODE((tmp_path / "new/a/b").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "new/a").stat().st_mode) == 0o755


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link below the root, to a file or a folder, is neither listed nor read nor written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root = tmp_path / "blobs"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "loop").symlink_to(root)
    (root / "nowhere").symlink_to(outside / "new")
    blobs = LocalBlobs(root)
    assert blobs.list_after() == []
    assert blobs.list_after("folder/") == []
    for key in ("folder/secret", "file", "loop/x", "nowhere"):
        for ask in (blobs.get, blobs.head, blobs.delete):
            with pytest.raises(BadKey, match="link"):
                ask(key)
        with pytest.raises(BadKey, match="link"):
            blobs.put_if_absent(key, HELLO, content_type=TEXT)
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    """Where the store lies is the owner's business."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "blobs").symlink_to(tmp_path / "disk")
    LocalBlobs(tmp_path / "blobs").put("a", HELLO, content_type=TEXT)
    assert (tmp_path / "disk/a").read_bytes() == HELLO


def test_names_that_no_catalog_holds_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file name that is not UTF-8 is left out and said in the log; pipes and sockets just are no blobs."""
    try:
        (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    except OSError as error:
        pytest.skip(f"this file system refuses the name: {error}")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "good").write_bytes(b"x")
    blobs = LocalBlobs(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert keys(blobs.list_after()) == ["good"]
    assert [record.getMessage() for record in caplog.records] == [
        f"left out of the listing, rename it: {os.fsencode(tmp_path) + b'/' + bytes([255]) + b'.jpg'!r}"
    ]
    assert blobs.head("pipe") is None
    with pytest.raises(BlobMissing):
        blobs.get("pipe")


def test_a_blob_and_a_folder_exclude_each_other(tmp_path: Path) -> None:
    """Where a file system cannot hold what a bucket could, the key is refused and nothing is lost."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_if_absent("a", HELLO, content_type=TEXT)
    blobs.put_if_absent("b/c", HELLO, content_type=TEXT)
    for put in (blobs.put_if_absent, blobs.put):
        for key in ("a/x", "a/x/y", "b"):
            with pytest.raises(BadKey, match="lies where"):
                put(key, HELLO, content_type=TEXT)
    blobs.delete("b")
    assert keys(blobs.list_after()) == ["a", "b/c"]
    assert list((tmp_path / TEMP_FOLDER).iterdir()) == []


def test_a_listing_opens_only_the_folders_that_it_needs(tmp_path: Path) -> None:
    """The next page after a key reads neither the folders before it nor those behind the page."""
    for folder in ("a", "b", "c", "d"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1").write_bytes(b"x")
    opened: list[bytes] = []
    listening = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "os.scandir" and isinstance(arguments[0], bytes):
            opened.append(arguments[0].removeprefix(os.fsencode(tmp_path) + b"/"))

    sys.addaudithook(note)
    try:
        assert keys(LocalBlobs(tmp_path).list_after(after="a/1", limit=2)) == ["b/1", "c/1"]
        assert keys(LocalBlobs(tmp_path).list_after("d/")) == ["d/1"]
    finally:
        listening = False
    assert opened == [b"", b"a/", b"b/", b"c/", b"d/"]


def test_eight_processes_one_winner_each(tmp_path: Path) -> None:
    """Processes that race for 25 keys win 25 times in all, and each blob is of one piece."""
    context = multiprocessing.get_context("spawn")
    meet, wins = context.Barrier(8), context.SimpleQueue()
    racers = [context.Process(target=race, args=(str(tmp_path), meet, wins)) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * 8
    won = []
    while not wins.empty():
        won.append(wins.get())
    assert sorted(won) == list(range(RACE_KEYS))
    for info in LocalBlobs(tmp_path).list_after():
        data = LocalBlobs(tmp_path).get(info.key)
        assert data == data[:4] * RACE_REPEATS


def test_a_writer_killed_halfway_leaves_nothing_to_see(tmp_path: Path) -> None:
    """kill -9 in the middle of a write leaves no blob, only a hidden leftover, and the next writer succeeds."""
    writer = multiprocessing.get_context("spawn").Process(target=write_large, args=(str(tmp_path), "large"))
    writer.start()
    temp = tmp_path / TEMP_FOLDER
    while writer.is_alive() and not _sizes(temp):
        time.sleep(0.001)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    blobs = LocalBlobs(tmp_path)
    assert len(_sizes(temp)) == 1
    assert blobs.list_after() == []
    assert blobs.head("large") is None
    assert blobs.put_if_absent("large", HELLO, content_type=TEXT) is True
    assert blobs.get("large") == HELLO


def _sizes(folder: Path) -> list[int]:
    return [size for path in (folder.iterdir() if folder.is_dir() else ()) if (size := path.stat().st_size)]


def test_whatever_a_killed_writer_shows_is_whole(tmp_path: Path) -> None:
    """A process that writes without a pause, killed five times, never shows a blob whose sum is wrong."""
    shown = 0
    for already in range(5):
        writer = multiprocessing.get_context("spawn").Process(target=write_many, args=(str(tmp_path),))
        writer.start()
        # Past what the former ones wrote, so that it is killed while it writes.
        while len(LocalBlobs(tmp_path).list_after()) < 20 * (already + 1):
            time.sleep(0.003)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        listed = LocalBlobs(tmp_path).list_after()
        for info in listed[shown:] + listed[:shown]:
            LocalBlobs(tmp_path).get(info.key, sha256=info.key.rpartition("/")[2])
        shown = len(listed)
    assert shown >= 100


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"needs the command mount: {error}")
    if mounted.returncode:
        pytest.skip(f"needs root to mount a small file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """Without room the error says so, the half-written file is removed, and a smaller blob still fits."""
    with _mounted(tmp_path / "small", "size=256k") as small:
        blobs = LocalBlobs(small)
        for put in (blobs.put_if_absent, blobs.put):
            with pytest.raises(BlobError, match=r"cannot write .*no room left") as told:
                put("a/large", bytes(1_000_000), content_type=TEXT)
            assert isinstance(told.value.__cause__, OSError)
            assert told.value.__cause__.errno == errno.ENOSPC
        assert list((small / TEMP_FOLDER).iterdir()) == []
        assert blobs.list_after() == []
        assert blobs.put_if_absent("a/small", HELLO, content_type=TEXT) is True


def test_a_write_that_is_cut_short_leaves_nothing(tmp_path: Path) -> None:
    """A limit of the process ends a put like a full disk does; this needs no rights to try."""
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    writer = context.Process(target=write_past_the_limit, args=(str(tmp_path), told))
    writer.start()
    writer.join()
    assert "no room left" in told.get()
    assert LocalBlobs(tmp_path).list_after() == []
    assert list((tmp_path / TEMP_FOLDER).iterdir()) == []


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    """Nothing can be written, and the error says where and why; reading and listing go on."""
    with _mounted(tmp_path / "fixed", "size=256k") as fixed:
        (fixed / "a").write_bytes(HELLO)
        subprocess.run(["mount", "-o", "remount,ro", str(fixed)], check=True)
        blobs = LocalBlobs(fixed)
        for put in (blobs.put_if_absent, blobs.put):
            with pytest.raises(BlobError, match=f"cannot write {fixed}/b: the file system is read-only"):
                put("b", HELLO, content_type=TEXT)
        with pytest.raises(BlobError, match="cannot delete"):
            blobs.delete("a")
        assert keys(blobs.list_after()) == ["a"]
        assert blobs.get("a") == HELLO


def test_a_folder_signs_reading_only(tmp_path: Path) -> None:
    """A local blob has a file: URL; an upload cannot be signed, and the error says what can."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_if_absent("a b", HELLO, content_type=TEXT)
    url = blobs.presigned_get("a b", seconds=60)
    assert url == f"file://{tmp_path}/a%20b"
    with pytest.raises(BlobError, match="use a bucket"):
        blobs.presigned_put("a b", seconds=60, content_type=TEXT)


def test_a_file_becomes_the_blob_itself_in_one_file_system(tmp_path: Path) -> None:
    """No byte of it is copied."""
    given = tmp_path / "given"
    given.write_bytes(HELLO)
    LocalBlobs(tmp_path / "blobs").put_file_if_absent("a/b", given, content_type=TEXT)
    assert (tmp_path / "blobs/a/b").samefile(given)


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    """Whole or not at all, as all puts are; nothing is left in the hidden folder."""
    shm = Path("/dev/shm")  # noqa: S108
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    with tempfile.NamedTemporaryFile(dir=shm) as given:
        given.write(HELLO)
        given.flush()
        blobs = LocalBlobs(tmp_path / "blobs")
        assert blobs.put_file_if_absent("a/b", Path(given.name), content_type=TEXT) is True
        assert blobs.put_file_if_absent("a/b", Path(given.name), content_type=TEXT) is False
    assert blobs.get("a/b") == HELLO
    assert list((tmp_path / "blobs" / TEMP_FOLDER).iterdir()) == []


def test_the_folder_of_a_copy_says_nothing_of_the_blob(tmp_path: Path) -> None:
    """A copy that cannot be written is a broken store and ends the run; the blob's own fault is another error."""
    blobs = LocalBlobs(tmp_path / "blobs")
    blobs.put("a", HELLO, content_type=TEXT)
    with pytest.raises(BlobError, match="cannot copy") as told:
        blobs.get_to_file("a", tmp_path / "no folder" / "copy")
    assert type(told.value) is BlobError
