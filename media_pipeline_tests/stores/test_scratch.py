"""Folders of runs: whose they are, and when they go."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from media_pipeline.stores.blobs import TEMP_FOLDER, S3Options, open_blobs
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.scratch import scratch

HOLD = """
import sys, time
from pathlib import Path
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.scratch import scratch
with scratch(LocalBlobs(Path(sys.argv[1])), Path("unused")) as folder:
    (folder / "half a photo").write_bytes(b"half")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_run_has_a_folder_of_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    """Two at once in one process have two; no blob is listed because of them."""
    blobs = LocalBlobs(tmp_path / "blobs")
    with scratch(blobs, tmp_path) as mine, scratch(blobs, tmp_path) as yours:
        assert mine != yours
        (mine / "photo").write_bytes(b"x")
        assert blobs.put_file_if_absent("a", mine / "photo", content_type="text/plain") is True
        assert [info.key for info in blobs.list_after()] == ["a"]
    assert list((tmp_path / "blobs" / TEMP_FOLDER / "scratch").iterdir()) == []
    assert blobs.get("a") == b"x"


def test_the_folder_is_in_the_home_where_blobs_are_in_a_bucket(tmp_path: Path) -> None:
    """Nothing is asked of the bucket for it."""
    blobs = open_blobs("s3://bucket", s3=S3Options(endpoint_url="http://127.0.0.1:1", access_key="a", secret_key="b"))  # noqa: S106
    with scratch(blobs, tmp_path) as folder:
        assert folder.parent == tmp_path / "scratch"


def test_what_a_killed_run_left_is_swept_and_a_live_runs_is_not(tmp_path: Path) -> None:
    """By whichever run comes next."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "blobs")]
    holders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = []
    for holder in holders:
        assert holder.stdout is not None
        folders.append(Path(holder.stdout.readline().strip()))
    try:
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait()
        with scratch(LocalBlobs(tmp_path / "blobs"), tmp_path) as mine:
            left = {path.name for path in mine.parent.iterdir()}
        assert left == {path.name + end for path in (mine, folders[1]) for end in ("", ".lock")}
        assert (folders[1] / "half a photo").read_bytes() == b"half"
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
            assert holder.stdout is not None
            holder.stdout.close()
