"""Dumps: found, unpacked once, and refused in one sentence that names the file."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from media_pipeline.errors import ConfigError, MediaPipelineError, SourceError
from media_pipeline.sources.inaturalist_open_data import FILES
from media_pipeline.stores import dumps
from media_pipeline.stores.dumps import Dump
from media_pipeline_tests.open_data_dumps import HEADERS, write_dump, write_table

MAY = int(datetime(2026, 5, 27, tzinfo=UTC).timestamp())


def _opened(place: Path | str, tmp_path: Path) -> Dump:
    return dumps.opened(str(place), FILES, home=tmp_path / "home")


def _packed(folder: Path, archive: Path, *, inside: str = "inaturalist-open-data-20260527/") -> Path:
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(folder.iterdir()):
            member = tarfile.TarInfo(f"{inside}{path.name}")
            member.size, member.mtime = path.stat().st_size, MAY
            packed.addfile(member, io.BytesIO(path.read_bytes()))
    return archive


def test_a_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    """Packed or not; its time is that of its latest file."""
    folder = write_dump(tmp_path / "dump")
    plain = folder / "taxa.csv"
    plain.write_bytes(gzip.decompress((folder / "taxa.csv.gz").read_bytes()))
    (folder / "taxa.csv.gz").unlink()
    for path in folder.iterdir():
        os.utime(path, (MAY - 60, MAY - 60))
    os.utime(plain, (MAY, MAY))
    dump = _opened(folder, tmp_path)
    assert dump.files["photos"] == folder / "photos.csv.gz"
    assert dump.files["taxa"] == plain
    assert dump.columns["observers"] == ("observer_id", "login", "name")
    assert dump.made_at == datetime(2026, 5, 27, tzinfo=UTC)


def test_an_edition_is_known_by_its_files(tmp_path: Path) -> None:
    """Looked at again it is the same; another size or time makes another."""
    folder = write_dump(tmp_path / "dump")
    first = _opened(folder, tmp_path).edition
    assert _opened(folder, tmp_path).edition == first
    os.utime(folder / "photos.csv.gz", (MAY, MAY))
    assert _opened(folder, tmp_path).edition != first


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    """With the times of its files, so that it is the same edition wherever it is unpacked."""
    archive = _packed(write_dump(tmp_path / "dump"), tmp_path / "latest.tar.gz")
    dump = _opened(archive, tmp_path)
    assert dump.made_at == datetime(2026, 5, 27, tzinfo=UTC)
    inode = dump.files["photos"].stat().st_ino
    again = _opened(archive, tmp_path)
    assert (again.edition, again.files["photos"].stat().st_ino) == (dump.edition, inode)
    os.utime(archive, (MAY + 9, MAY + 9))
    assert _opened(archive, tmp_path).edition == dump.edition
    assert len(list((tmp_path / "home" / "dumps").glob("*/*"))) == 1


def test_several_at_once_unpack_an_archive_once(tmp_path: Path) -> None:
    """Whoever comes second waits, and finds the same files."""
    folder = write_dump(tmp_path / "dump")
    (folder / "photos.csv.gz").write_bytes(
        (folder / "photos.csv.gz").read_bytes() + gzip.compress(os.urandom(9_000_000))
    )
    archive = _packed(folder, tmp_path / "latest.tar.gz")
    together = Barrier(4)

    def opened() -> Dump:
        together.wait()
        return _opened(archive, tmp_path)

    with ThreadPoolExecutor(4) as others:
        found = [task.result() for task in [others.submit(opened) for _ in range(4)]]
    assert {(dump.edition, dump.files["photos"].stat().st_ino) for dump in found} == {
        (found[0].edition, found[0].files["photos"].stat().st_ino)
    }


def test_another_that_never_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is suspended holds its lock; the next one does not wait for ever."""
    monkeypatch.setattr(dumps, "LONGEST_WAIT_S", 0.01)
    with (
        dumps.alone(tmp_path / "x", what="this"),
        pytest.raises(SourceError, match=r"that: another process has held .*x\.lock"),
        dumps.alone(tmp_path / "x", what="that"),
    ):
        pass


@pytest.mark.parametrize("inside", ["../../", "/tmp/", "a/../../b/"])  # noqa: S108
def test_nothing_of_an_archive_leaves_its_folder(tmp_path: Path, inside: str) -> None:
    """A member's own path is never used."""
    archive = _packed(write_dump(tmp_path / "dump"), tmp_path / "latest.tar.gz", inside=inside)
    files = _opened(archive, tmp_path).files.values()
    assert all(path.is_relative_to(tmp_path / "home" / "dumps") for path in files)


def test_a_link_in_an_archive_is_no_file(tmp_path: Path) -> None:
    """It could lead anywhere."""
    archive = tmp_path / "latest.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        member = tarfile.TarInfo("photos.csv.gz")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(member)
    with pytest.raises(ConfigError, match=r"no photos\.csv\.gz in it"):
        _opened(archive, tmp_path)


def test_an_archive_that_is_cut_off_is_told_and_read_once_it_is_whole(tmp_path: Path) -> None:
    """What was unpacked of it is not taken for a dump."""
    folder = write_dump(tmp_path / "dump")
    (folder / "photos.csv.gz").write_bytes(os.urandom(200_000))
    whole = _packed(folder, tmp_path / "latest.tar.gz").read_bytes()
    archive = tmp_path / "latest.tar.gz"
    archive.write_bytes(whole[:100_000])
    for _ in range(2):
        with pytest.raises(SourceError, match="damaged or cut off: download the dump again"):
            _opened(archive, tmp_path)
    archive = _packed(write_dump(tmp_path / "dump"), archive)
    assert _opened(archive, tmp_path).files["photos"].is_file()


def test_what_is_no_dump_is_told(tmp_path: Path) -> None:
    """The sentence names the setting or file, and what to do."""
    folder = write_dump(tmp_path / "dump")
    (folder / "observers.csv.gz").unlink()
    page = tmp_path / "page.tar.gz"
    page.write_text("<html>")
    for place, told in [
        (str(tmp_path / "nowhere"), r"MEDIA_INATURALIST_DUMP=.*nowhere: there is no such folder"),
        (str(folder), r"no observers\.csv\.gz in it"),
        (str(page), r"page\.tar\.gz: .*download the dump again"),
    ]:
        with pytest.raises(MediaPipelineError, match=told):
            _opened(place, tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            gzip.compress(b"id\tname\n1\tx\n"),
            r"taxa\.csv\.gz: no column taxon_id, ancestry, rank, active, but id, name",
        ),
        (gzip.compress(b"taxon_id,ancestry,rank,name,active\n"), "no column taxon_id, ancestry"),
        (gzip.compress(b""), "no column taxon_id"),
        (b"", "no column taxon_id"),
        (b"<html>", "no column taxon_id"),
        (gzip.compress(b"taxon_id\tancestry\trank\tname\tactive\n")[:20], "download the dump again"),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """Before anything of it is read."""
    folder = write_dump(tmp_path / "dump")
    (folder / "taxa.csv.gz").write_bytes(content)
    with pytest.raises(SourceError, match=told):
        _opened(folder, tmp_path)


def test_more_columns_and_another_order_are_no_matter(tmp_path: Path) -> None:
    """The dump got a column `anomaly_score` one day."""
    folder = write_dump(tmp_path / "dump")
    write_table(folder / "observations.csv.gz", f"anomaly_score {HEADERS['observations']}", [])
    assert _opened(folder, tmp_path).columns["observations"][:2] == ("anomaly_score", "observation_uuid")
