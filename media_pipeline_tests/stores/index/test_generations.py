"""Generations: written once, read as copies, never lost to a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.filters import Eq
from media_pipeline.stores.index.folders import MIB, allocated_bytes, copy_folder
from media_pipeline.stores.index.generations import RESERVE_BYTES, EdgeGenerations
from media_pipeline.stores.index.interface import Manner, Quantisation, Tuning, VectorReader
from media_pipeline.stores.index.points import Point

# Appends points 11..15 to the generation named, says so, and waits to be killed.
KILLED_WRITER = """
import sys, time
from pathlib import Path
from uuid import UUID
import numpy as np
from media_pipeline.stores.index.generations import EdgeGenerations
from media_pipeline.stores.index.points import Point

with EdgeGenerations(Path(sys.argv[1])).append(sys.argv[2], dims=4) as writer:
    writer.upsert(Point(UUID(int=n), np.ones(4, np.float32), {}) for n in range(11, 16))
    writer.flush()
    print("written", flush=True)
    time.sleep(600)
"""

# Opens a copy of the generation named, says so, and waits to be killed.
KILLED_READER = """
import sys, time
from pathlib import Path
from media_pipeline.stores.index.generations import EdgeGenerations

reader = EdgeGenerations(Path(sys.argv[1])).open_copy(sys.argv[2])
print(reader.count(), flush=True)
time.sleep(600)
"""

# Appends to the generation named as many points as it takes until it is refused, and says with which words.
FILLING_WRITER = """
import sys
from pathlib import Path
from uuid import UUID
import numpy as np
from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.generations import EdgeGenerations
from media_pipeline.stores.index.points import Point

try:
    with EdgeGenerations(Path(sys.argv[1])).append(sys.argv[2] or None, dims=512, payload_indexes=()) as writer:
        writer.upsert(Point(UUID(int=n), np.ones(512, np.float32), {}) for n in range(1, 1_000_000))
except VectorIndexError as refused:
    print(refused)
"""

# Appends one point to the generation named, and says how many there are.
ONE_MORE = """
import sys
from pathlib import Path
from uuid import UUID
import numpy as np
from media_pipeline.stores.index.generations import EdgeGenerations
from media_pipeline.stores.index.points import Point

with EdgeGenerations(Path(sys.argv[1])).append(sys.argv[2], dims=4, payload_indexes=()) as writer:
    writer.upsert([Point(UUID(int=2), np.ones(4, np.float32), {})])
    print(writer.count())
"""

# Publishes generations of 1, 2, … 12 points in the file `pointer`, each sweeping the one before.
BUSY_WRITER = """
import sys
from pathlib import Path
from uuid import UUID
import numpy as np
from media_pipeline.stores.index.generations import EdgeGenerations
from media_pipeline.stores.index.points import Point

generations, pointer, live = EdgeGenerations(Path(sys.argv[1])), Path(sys.argv[2]), None
for number in range(1, 13):
    with generations.append(live, dims=4, payload_indexes=()) as writer:
        writer.upsert([Point(UUID(int=number), np.ones(4, np.float32), {})])
    live = writer.name
    pointer.with_suffix(".new").write_text(f"{number} {live}")
    pointer.with_suffix(".new").rename(pointer)
    generations.sweep([live])
"""


def points(*numbers: int) -> list[Point]:
    return [Point(UUID(int=number), np.array([1, number, 0, 0], np.float32), {"n": number}) for number in numbers]


def numbers(index: VectorReader) -> list[int]:
    return [point.id.int for point in index.scroll(None, 10_000)]


def held(generations: EdgeGenerations, name: str) -> list[int]:
    reader = generations.open_copy(name)
    try:
        return numbers(reader)
    finally:
        reader.close()


def written(generations: EdgeGenerations, live: str | None, *new: int) -> str:
    with generations.append(live, dims=4, payload_indexes=()) as writer:
        writer.upsert(points(*new))
    return writer.name


@pytest.fixture
def generations(tmp_path: Path) -> EdgeGenerations:
    return EdgeGenerations(tmp_path / "model-1")


def test_a_generation_holds_the_former_points_and_the_new(generations: EdgeGenerations) -> None:
    """Names sort by age; the former generation stays as it was."""
    first = written(generations, None, 1, 2)
    second = written(generations, first, 3)
    assert generations.names() == [first, second]
    assert held(generations, first) == [1, 2]
    assert held(generations, second) == [1, 2, 3]


def test_an_error_leaves_no_generation(generations: EdgeGenerations) -> None:
    """Neither one of ours nor a stranger's; the next writer is not hindered."""
    first = written(generations, None, 1)
    appending = generations.append(first, dims=4, payload_indexes=())
    writer = appending.__enter__()
    writer.upsert(points(2))
    gone = RuntimeError("the catalog is gone")
    assert not appending.__exit__(RuntimeError, gone, None)
    with (
        pytest.raises(VectorIndexError, match="holds vectors of 4 numbers"),
        generations.append(first, dims=8, payload_indexes=()),
    ):
        pass
    assert generations.names() == [first]
    assert not list(generations.root.glob(".writing-*"))
    with pytest.raises(VectorIndexError, match="closed"):
        writer.count()
    assert held(generations, written(generations, first, 3)) == [1, 3]


def test_a_killed_writer_leaves_the_live_generation_and_a_free_lock(generations: EdgeGenerations) -> None:
    """`kill -9` after a flush: the live points are there and no others, the leftover goes, the next writer writes."""
    live = written(generations, None, 1, 2, 3)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(generations.root), live], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        with (
            pytest.raises(VectorIndexError, match=f"process {child.pid} is writing"),
            generations.append(live, dims=4, payload_indexes=()),
        ):
            pass
        assert generations.sweep([live]) == ()
        assert held(generations, live) == [1, 2, 3]
        os.kill(child.pid, signal.SIGKILL)
    assert held(generations, live) == [1, 2, 3]
    assert len(list(generations.root.glob(".writing-*"))) == 1
    assert generations.sweep([live]) == ()
    assert not list(generations.root.glob(".writing-*"))
    assert held(generations, live) == [1, 2, 3]
    assert held(generations, written(generations, live, 4)) == [1, 2, 3, 4]


def test_two_writers_at_once_are_refused(generations: EdgeGenerations) -> None:
    """The second learns who writes; the first is not disturbed."""
    live = written(generations, None, 1)
    with generations.append(live, dims=4, payload_indexes=()) as first:
        first.upsert(points(2))
        with (
            pytest.raises(VectorIndexError, match=f"process {os.getpid()} is writing"),
            generations.append(live, dims=4, payload_indexes=()),
        ):
            pass
        first.upsert(points(3))
    assert held(generations, first.name) == [1, 2, 3]


def test_a_reader_is_not_disturbed_by_a_writer_or_a_sweep(generations: EdgeGenerations) -> None:
    """It reads its own copy: the same answers while a writer appends, and after its generation is gone."""
    live = written(generations, None, 1, 2)
    reader = generations.open_copy(live)
    with generations.append(live, dims=4, payload_indexes=()) as writer:
        writer.upsert(points(3))
        writer.delete([UUID(int=1)])
        assert numbers(reader) == [1, 2]
        other = generations.open_copy(live)
        assert numbers(other) == [1, 2]
        other.close()
    assert generations.sweep([writer.name]) == (live,)
    assert numbers(reader) == [1, 2]
    reader.close()
    assert held(generations, writer.name) == [2, 3]


def test_a_generation_that_was_swept_is_superseded(generations: EdgeGenerations) -> None:
    """For readers and for writers; a name that is a path is no name."""
    former = written(generations, None, 1)
    live = written(generations, former, 2)
    generations.sweep([live])
    with pytest.raises(VectorIndexError, match=f"{former} is superseded: read the pointer again"):
        generations.open_copy(former)
    with pytest.raises(VectorIndexError, match="superseded"), generations.append(former, dims=4, payload_indexes=()):
        pass
    with pytest.raises(VectorIndexError, match="not the name of a generation"):
        generations.open_copy(f"../{live}")
    assert generations.names() == [live]
    with pytest.raises(VectorIndexError, match="superseded"):
        EdgeGenerations(generations.root / "nothing").open_copy(live)


def test_readers_of_a_busy_index_see_a_whole_generation_or_are_told(
    generations: EdgeGenerations, tmp_path: Path
) -> None:
    """A reader that follows the pointer while generations come and go never sees a part of one."""
    pointer = tmp_path / "pointer"
    child = subprocess.Popen([sys.executable, "-c", BUSY_WRITER, str(generations.root), str(pointer)])
    seen: set[int] = set()
    with child:
        while child.poll() is None or 12 not in seen:
            assert child.poll() in (None, 0)
            if not pointer.exists():
                continue
            number, name = pointer.read_text().split()
            try:
                assert held(generations, name) == list(range(1, int(number) + 1))
                seen.add(int(number))
            except VectorIndexError as told:
                assert "superseded" in str(told)  # noqa: PT017
    assert generations.names() == [name]


def test_a_sweep_keeps_what_may_yet_be_published(generations: EdgeGenerations) -> None:
    """Of four generations with the second live, only the first goes; nothing to keep means that all may go."""
    first = written(generations, None, 1)
    second = written(generations, first, 2)
    third = written(generations, second, 3)
    fourth = written(generations, second, 4)
    assert generations.sweep([second]) == (first,)
    assert generations.sweep([second, fourth]) == (third,)
    assert generations.names() == [second, fourth]
    assert generations.sweep([]) == (second, fourth)
    assert EdgeGenerations(generations.root / "nothing").sweep([]) == ()


def test_the_copy_of_a_reader_goes_with_it(generations: EdgeGenerations) -> None:
    """Closed: at once. Killed: when the next reader comes, which leaves those of living readers alone."""
    live = written(generations, None, 1, 2)
    copies = generations.root / ".readers"
    mine = generations.open_copy(live)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_READER, str(generations.root), live], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "2\n"
        assert len(list(copies.iterdir())) == 2
        os.kill(child.pid, signal.SIGKILL)
    assert held(generations, live) == [1, 2]
    assert len(list(copies.iterdir())) == 1
    assert numbers(mine) == [1, 2]
    mine.close()
    mine.close()
    assert list(copies.iterdir()) == []


def test_a_damaged_generation_is_an_error_that_names_it(generations: EdgeGenerations) -> None:
    """And leaves no copy behind."""
    live = written(generations, None, 1)
    (generations.root / live / "shard" / "edge_config.json").write_text("{")
    with pytest.raises(VectorIndexError, match=live):
        generations.open_copy(live)
    assert list((generations.root / ".readers").iterdir()) == []


def test_a_generation_that_lost_points_is_refused(generations: EdgeGenerations) -> None:
    """The engine would open a shard without its segment as an empty one; to append to that would lose the rest."""
    live = written(generations, None, 1, 2, 3)
    (segment,) = (generations.root / live / "shard" / "segments").iterdir()
    (segment / "version.info").unlink()
    with pytest.raises(VectorIndexError, match=f"{live} was sealed with 3 points and has 0: write all points anew"):
        generations.open_copy(live)
    with (
        pytest.raises(VectorIndexError, match="sealed with 3 points and has 0"),
        generations.append(live, dims=4, payload_indexes=()),
    ):
        pass
    assert list((generations.root / ".readers").iterdir()) == []
    assert generations.names() == [live]


def test_a_graph_gives_the_neighbours_that_a_scan_gives(tmp_path: Path) -> None:
    """500 points: the best five of twenty queries before and after, and as counted by numpy; then more points."""
    generations = EdgeGenerations(tmp_path, tuning=Tuning(graph_from_kb=1, full_scan_kb=1))
    cloud = np.random.default_rng(7).normal(size=(520, 16)).astype(np.float32)
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    by_numpy = [(np.argsort(-(cloud[:500] @ query))[:5] + 1).tolist() for query in cloud[500:]]

    def nearest(index: VectorReader) -> list[list[int]]:
        return [[hit.id.int for hit in index.search(query, 5)] for query in cloud[500:]]

    with generations.append(None, dims=16) as writer:
        writer.upsert(Point(UUID(int=n + 1), cloud[n], {"kind": "a" if n < 50 else "b"}) for n in range(500))
        assert writer.indexed_points == 0
        assert nearest(writer) == by_numpy
        assert writer.optimize(120) == "built"
        assert writer.indexed_points == 500
        assert nearest(writer) == by_numpy
        assert writer.optimize(120) == "nothing to do"
    reader = generations.open_copy(writer.name)
    assert reader.indexed_points == 500
    assert nearest(reader) == by_numpy
    assert reader.count(Eq("kind", "a")) == 50
    reader.close()
    with generations.append(writer.name, dims=16) as more:
        more.upsert([Point(UUID(int=999), cloud[500], {})])
        assert nearest(more)[0] == [999, *by_numpy[0][:4]]


@pytest.mark.parametrize("quantisation", ["scalar", "pq", "binary"])
def test_quantised_vectors_come_and_go_with_optimising(tmp_path: Path, quantisation: Quantisation) -> None:
    """Beside the originals, which an exact search is answered from; kept by what is appended; readers see them."""
    generations = EdgeGenerations(tmp_path, tuning=Tuning(graph_from_kb=1, full_scan_kb=1))
    cloud = np.random.default_rng(7).normal(size=(520, 16)).astype(np.float32)
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    by_numpy = [(np.argsort(-(cloud[:500] @ query))[:5] + 1).tolist() for query in cloud[500:]]

    def exactly(index: VectorReader) -> list[list[int]]:
        return [[hit.id.int for hit in index.search(query, 5, manner=Manner(exact=True))] for query in cloud[500:]]

    with generations.append(None, dims=16) as writer:
        writer.upsert(Point(UUID(int=n + 1), cloud[n], {"n": n}) for n in range(500))
        assert writer.quantisation == "none"
        assert writer.optimize(120, quantisation=quantisation) == "built"
        assert writer.quantisation == quantisation
        assert exactly(writer) == by_numpy
        assert writer.get([UUID(int=3)])[0].vector.tolist() == pytest.approx(cloud[2].tolist(), abs=1e-6)
    with generations.append(writer.name, dims=16) as more:
        more.upsert([Point(UUID(int=999), cloud[500], {})])
        assert more.quantisation == quantisation
    reader = generations.open_copy(more.name)
    assert reader.quantisation == quantisation
    assert [hit.id.int for hit in reader.search(cloud[500], 1)] == [999]
    reader.close()
    with generations.append(more.name, dims=16) as without:
        assert without.optimize(120, quantisation="none") == "built"
        assert without.quantisation == "none"
        assert without.count() == 501


def test_a_generation_of_an_earlier_version_says_so(generations: EdgeGenerations) -> None:
    """Its one vector had no name."""
    with generations.append(None, dims=4, payload_indexes=()) as writer:
        writer.upsert(points(1, 2))
    config = generations.root / writer.name / "shard" / "edge_config.json"
    config.write_text('{"vectors": {"": {"size": 4, "distance": "Cosine"}}}', encoding="utf-8")
    with pytest.raises(VectorIndexError, match="earlier version: write all points anew"):
        generations.open_copy(writer.name)


def test_removing_leaves_nothing(generations: EdgeGenerations) -> None:
    """But what a reader holds; and while another process writes, it is refused."""
    with generations.append(None, dims=4, payload_indexes=()) as writer:
        writer.upsert(points(1, 2))
        with pytest.raises(VectorIndexError, match="is writing"):
            generations.remove()
    reader = generations.open_copy(writer.name)
    generations.remove()
    generations.remove()
    assert generations.names() == []
    assert reader.count() == 2
    reader.close()


def test_a_graph_that_takes_too_long_is_given_up(generations: EdgeGenerations) -> None:
    """The index is as before, can be written, and is sealed."""
    with generations.append(None, dims=4, payload_indexes=()) as writer:
        writer.upsert(points(1, 2))
        assert writer.optimize(0.01) == "timed out"
        writer.upsert(points(3))
    assert held(generations, writer.name) == [1, 2, 3]
    assert [entry.name for entry in sorted((generations.root / writer.name).iterdir())] == ["seal.json", "shard"]


def test_a_copy_keeps_the_holes_of_a_file(tmp_path: Path) -> None:
    """Two bytes at both ends of 64 MB and a hole of 1 MB alone: equal bytes, under 1 MB on disk."""
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    with (source / "inner" / "sparse").open("wb") as sparse:
        sparse.write(b"ab")
        sparse.seek((64 << 20) - 2)
        sparse.write(b"yz")
    with (source / "hole").open("wb") as hole:
        hole.truncate(1 << 20)
    (source / "empty").touch()
    copy_folder(source, tmp_path / "copy")
    copied = tmp_path / "copy" / "inner" / "sparse"
    assert copied.read_bytes() == (source / "inner" / "sparse").read_bytes()
    assert copied.stat().st_blocks * 512 < 1 << 20
    assert (tmp_path / "copy" / "hole").read_bytes() == bytes(1 << 20)
    assert (tmp_path / "copy" / "empty").read_bytes() == b""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many MiB. Of memory: there a page that is read is a page taken, the hardest case."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mounted(mib: int) -> Path:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            pytest.skip("mounting a small disk needs root")
        return folder

    yield mounted
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_an_append_without_room_is_refused_before_it_begins(small_disk: Callable[[int], Path]) -> None:
    """How much is free and needed, where, and what to do; the live generation is whole, and nothing is left over."""
    generations = EdgeGenerations(small_disk(256) / "model-1")
    live = written(generations, None, 1)
    ballast = generations.root / "ballast"
    free = shutil.disk_usage(generations.root).free
    ballast.write_bytes(bytes(free - 100 * MIB))
    needed = -(-(RESERVE_BYTES + allocated_bytes(generations.root / live)) // MIB)
    assert needed > 128
    with (
        pytest.raises(VectorIndexError) as refused,
        generations.append(live, dims=4, payload_indexes=()),
    ):
        pass
    told = str(refused.value)
    assert told.startswith(f"{generations.root}: 100 MiB free on its file system, writing the index needs {needed} MiB")
    assert "free some room there" in told
    assert "MEDIA_HOME" in told
    assert not list(generations.root.glob(".writing-*"))
    ballast.unlink()
    assert held(generations, live) == [1]


def test_room_that_just_suffices_does(small_disk: Callable[[int], Path]) -> None:
    """With exactly what is asked for, the engine opens the copy and writes to it, and its process lives."""
    generations = EdgeGenerations(small_disk(320) / "model-1")
    live = written(generations, None, 1)
    needed = RESERVE_BYTES + allocated_bytes(generations.root / live)
    # A page for the name of the ballast itself.
    free = shutil.disk_usage(generations.root).free
    (generations.root / "ballast").write_bytes(bytes(free - needed - 64 * 1024))
    appended = subprocess.run(
        [sys.executable, "-c", ONE_MORE, str(generations.root), live], capture_output=True, text=True, check=False
    )
    assert (appended.returncode, appended.stdout) == (0, "2\n")


def test_a_disk_that_fills_while_it_is_written_refuses_and_kills_nobody(small_disk: Callable[[int], Path]) -> None:
    """The points may be many: each batch asks for room again."""
    root = small_disk(256) / "model-1"
    filled = subprocess.run(
        [sys.executable, "-c", FILLING_WRITER, str(root), ""], capture_output=True, text=True, check=False
    )
    assert filled.returncode == 0
    assert "MiB free on its file system, writing the index needs 32 MiB" in filled.stdout
    assert EdgeGenerations(root).names() == []
    assert shutil.disk_usage(root).used < MIB


def test_what_a_folder_takes_is_counted_without_its_holes(tmp_path: Path) -> None:
    """A sparse file of a gibibyte with one page in it takes a page or a few."""
    (tmp_path / "deep").mkdir()
    with (tmp_path / "deep" / "sparse").open("wb") as file:
        file.truncate(1024 * MIB)
        file.write(bytes([1]) * 4096)
    assert 4096 <= allocated_bytes(tmp_path) <= 64 * 1024
    assert allocated_bytes(tmp_path / "absent") == 0
