"""`kill -9` anywhere: what is left is gone on with, and ends as if nothing had happened.

Each case is a run that is killed at a point chosen by its seed, and a second run that is let be. CI runs two seeds
of each kind; all sixty: `pytest -m sweep media_pipeline_tests/sweep`.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import psutil
import pytest

from media_pipeline.stores.catalog import embedded
from media_pipeline.stores.library import open_library
from media_pipeline_tests.sweep import crashing
from media_pipeline_tests.sweep.canonical import Dump, differences, dump
from media_pipeline_tests.sweep.crashing import BATCH_SIZE, Plan, Trap, Victim, counts, settings_of, walk, watched
from media_pipeline_tests.sweep.uploads import make_uploads

KINDS: tuple[Victim, ...] = ("worker", "step", "group")
IN_CI = 2

# Where a run is killed. Each is reached many times, and the seed says which of them it is; the seeds of a kind take
# every point once. «statement»: between two of the statements that write a batch. «commit sent»: some moment after a
# batch's COMMIT has gone out. «time»: some moment of the clock.
POINTS = (
    "batch commit",
    "blob written",
    "index sealed",
    "statement",
    "commit sent",
    "point",
    "batch commit",
    "statement",
    "commit sent",
    "time",
    "claimed",
    "blob put",
    "page put",
    "page written",
    "read upload",
    "read original",
    "read large",
    "index append",
    "index flushed",
    "index published",
)
# Where one is killed that has videos and sounds to unpack: too few of all files for the points above to hit.
WHILE_UNPACKING = (
    "unpacked claimed",
    "unpacked written",
    "unpacked commit",
    "unpacked put",
    "unpacked statement",
    "unpacked commit sent",
)
# What happens once for each item that a stage works on.
WORKED = ("read upload", "read original", "read large")

# 110 pictures, 40 copies in another size or brightness, 30 files with the same bytes, 15 of one colour, 9 cut off,
# 8 texts, 8 empty ones. 3 videos of two shots with a frame each, 2 sounds with a waveform each.
LISTINGS = 110 + 40 + 30 + 15 + 9 + 8 + 8 + 3 + 2
FRAMES, WAVEFORMS = 3 * 2, 2
FILES = 110 + 40 + 15 + 9 + 3 + 2
MEDIA = FILES + FRAMES + WAVEFORMS
PHOTOS = 110 + 40 + 15 + FRAMES
READABLE = PHOTOS + WAVEFORMS
SIZES = {
    "table source_pages": 1,
    "table source_listings": LISTINGS,
    "table media": MEDIA,
    "table media_links": FILES + 30,
    "table videos": 3,
    "table shots": FRAMES,
    "table video_frames": FRAMES,
    "table sounds": WAVEFORMS,
    "table audio_waveforms": WAVEFORMS,
    "table metadata": READABLE,
    "table hashes": PHOTOS - 15,
    "table quality": PHOTOS,
    # four sizes in two formats, and the one for places
    "table derivatives": 9 * READABLE,
    "table embeddings": READABLE,
    "table aesthetics": PHOTOS,
    "table index_generations": 1,
    "table similarities": 40,
    "table duplicate_groups": 30 + 40,
    "table duplicate_members": 30 + 2 * 40,
    "table duplicate_runs": 1,
    # a page, its listings, an original for each; for each media: facts and describe four each, embed two, point, group
    # three, anomaly; three for each video, two for each sound
    "table ledger": 1 + 1 + LISTINGS + 15 * MEDIA + 3 * 3 + 2 * 2,
    "table bursts": 0,
    "table cluster_members": PHOTOS,
    "table anomalies": PHOTOS,
    "blobs": 1 + MEDIA + 9 * READABLE,
    "points": READABLE,
}


@dataclass(frozen=True, slots=True)
class Arena:
    """What all runs share: the files they work on, and what an uninterrupted run made of them.

    Killed runs are forked from a process that has imported all of it, which takes seconds, and opened nothing.
    """

    uploads: Path
    processes: ForkServerContext
    wanted: Dump
    counts: Counter[str]
    seconds: float


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder that the database's account may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="mp-sweep-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def arena(ground: Path) -> Arena:
    uploads, home = ground / "uploads", ground / "reference"
    make_uploads(uploads)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([crashing.__name__])
    begun = time.monotonic()
    wanted = _undisturbed(home, uploads)
    return Arena(uploads, processes, wanted, counts(home / "diary"), time.monotonic() - begun)


@pytest.fixture
def home(ground: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="home-", dir=ground))
    folder.chmod(0o755)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


def _undisturbed(home: Path, uploads: Path) -> Dump:
    """Run to the end, and say what is there then."""
    home.mkdir(exist_ok=True)
    with open_library(settings_of(home, uploads)) as library:
        walk(watched(library, Trap(Plan("nobody"), diary=home / "diary", home=home)))
        return dump(library)


def _plan(kind: Victim, seed: int, arena: Arena) -> Plan:
    """The same seed gives the same plan; only a moment of the clock depends on the machine."""
    fate = random.Random(f"{kind}/{seed}")
    if kind == "worker":
        # Workers live from the first original that is examined to the last picture that is embedded.
        point = ("read original", "blob put", "read large")[seed % 3]
        first = arena.counts["read upload"] if point == "blob put" else 1
        return Plan(kind, point, tuple(sorted(fate.sample(range(first, arena.counts[point] - 10), 2))))
    victim: Victim = "house" if kind == "group" and seed % 2 else kind
    point = POINTS[(seed + (IN_CI if kind == "group" else 0)) % len(POINTS)]
    if point == "time":
        return Plan(victim, point, delay_s=fate.uniform(0.1, arena.seconds))
    return _plan_at(point, victim, fate, arena)


def _plan_at(point: str, victim: Victim, fate: random.Random, arena: Arena) -> Plan:
    commit, is_sent, _ = point.partition(" sent")
    if is_sent:
        commit = commit if " " in commit else f"batch {commit}"
        return Plan(victim, commit, (fate.randint(1, arena.counts[commit]),), fate.uniform(0, 0.003))
    return Plan(victim, point, (fate.randint(1, arena.counts[point]),))


def _survives(plan: Plan, home: Path, arena: Arena) -> None:
    run = arena.processes.Process(target=crashing.main, args=(home, arena.uploads, plan))
    run.start()
    run.join(120)
    assert run.pid is not None
    _no_workers_left(run.pid)
    left = _undisturbed(home, arena.uploads)

    happened = counts(home / "diary")
    again = {point: happened[point] - arena.counts[point] for point in (*WORKED, "point")}
    if plan.victim == "worker":
        # The run itself goes on, and each item whose worker was killed is tried once more.
        assert (run.exitcode, happened["worker killed"]) == (0, 2), plan
        assert 0 <= sum(again[point] for point in WORKED) <= 2, (plan, again)
    else:
        # A kill by the clock may come after the end.
        assert run.exitcode == -signal.SIGKILL or (run.exitcode == 0 and plan.delay_s), plan
        assert 0 <= sum(again[point] for point in WORKED) <= BATCH_SIZE, (plan, again)
    # The index is one batch: all of it or nothing.
    assert again["point"] <= arena.counts["point"], (plan, again)
    assert differences(left, arena.wanted) == [], plan


def _no_workers_left(parent: int) -> None:
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if f'"parent": {parent},' in " ".join(process.cmdline()):
                left.append(process)
    _gone, alive = psutil.wait_procs(left, timeout=10)
    assert alive == []


def test_an_undisturbed_run_leaves_what_it_should(arena: Arena) -> None:
    """The measure of all others: what becomes of each kind of file."""
    assert {part: len(rows) for part, rows in arena.wanted.items() if part in SIZES} == SIZES
    assert arena.counts["read upload"] == LISTINGS
    assert arena.counts["claimed"] == FILES + 30
    assert arena.counts["unpacked claimed"] == FRAMES + WAVEFORMS


@pytest.mark.parametrize("part", ["table ledger", "table embeddings", "blobs", "points"])
def test_a_difference_is_seen(arena: Arena, part: str) -> None:
    """Something missing, something more and something else; a comparison that could not fail would prove nothing."""
    whole = arena.wanted[part]
    first = min(whole)
    for other in ({key: whole[key] for key in whole if key != first}, {**whole, "x": 1}, {**whole, first: "other"}):
        assert len(differences({**arena.wanted, part: other}, arena.wanted)) == 1


@pytest.mark.parametrize("seed", range(IN_CI))
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_is_gone_on_with(kind: Victim, seed: int, home: Path, arena: Arena) -> None:
    """The same rows, blobs and points as of a run that nothing happened to, and at most one batch is done again."""
    _survives(_plan(kind, seed, arena), home, arena)


@pytest.mark.parametrize("point", WHILE_UNPACKING[:2])
def test_a_run_that_is_killed_while_it_unpacks_is_gone_on_with(point: str, home: Path, arena: Arena) -> None:
    """No frame of a video, no waveform is lost, there twice, or left without its file."""
    _survives(_plan_at(point, "group", random.Random(point), arena), home, arena)


@pytest.mark.sweep
@pytest.mark.parametrize("victim", ["step", "group", "house"])
@pytest.mark.parametrize("point", WHILE_UNPACKING)
def test_a_run_that_is_killed_anywhere_while_it_unpacks_is_gone_on_with(
    point: str, victim: Victim, home: Path, arena: Arena
) -> None:
    """All points."""
    _survives(_plan_at(point, victim, random.Random(f"{victim}/{point}"), arena), home, arena)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(len(POINTS)))
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_is_gone_on_with_wherever_it_is_killed(kind: Victim, seed: int, home: Path, arena: Arena) -> None:
    """All seeds."""
    _survives(_plan(kind, seed, arena), home, arena)
