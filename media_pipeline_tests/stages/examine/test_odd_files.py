"""Every odd and hostile file of the shared test data, through real workers: each has an outcome, none ends the run."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from media_pipeline.config import Settings
from media_pipeline.errors import ItemError
from media_pipeline.orchestration.pool import Workers
from media_pipeline.samples.files import jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.pictures import opened

ITEM_SECONDS = 10.0

# Decoded by Pillow 13.0 and libheif 1.23. Another number after an upgrade is to be looked at, then written here.
OUTCOMES: Final[Mapping[str, Mapping[str, int]]] = {
    "avif": {"opened": 20},
    "burst-berlin": {"opened": 3},
    "exif-orientation": {"opened": 9},
    "exif-samples": {"opened": 93, "undecodable": 7},
    "heif-fuzz": {"opened": 8, "truncated": 16, "undecodable": 110},
    "imagededup-fixtures": {"opened": 28, "undecodable": 2},
    "nature-photos": {"opened": 21},
    "pillow-tests": {
        "opened": 577,
        "opened, with notes": 6,
        "too_many_pixels": 4,
        "truncated": 27,
        "undecodable": 89,
    },
}


def outcome_of(data: bytes) -> str:
    """What a worker does; at the top of the module, so that it finds it."""
    picture = opened(data, max_pixels=Settings.model_fields["max_pixels"].default)
    assert picture.patch is not None
    assert picture.upright.mode == picture.patch.mode == "RGB"
    assert max(picture.upright.size) >= min(1280, picture.width_px, picture.height_px)
    return "opened, with notes" if picture.notes else "opened"


def test_every_odd_file_has_an_outcome(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No file ends a worker, needs 10 s or 4 GB, or prints anything; how many fail for which reason is known."""
    root = shared / "testdata"
    files = sorted(path for name in OUTCOMES for path in (root / name).rglob("*") if path.is_file())
    assert len(files) >= 900
    memory_mb = Settings.model_fields["item_memory_mb"].default
    with Workers(2, memory_mb=memory_mb, item_seconds=ITEM_SECONDS) as workers, ThreadPoolExecutor(2) as threads:

        def asked(path: Path) -> str:
            try:
                return str(workers.run(outcome_of, path.read_bytes()))
            except ItemError as error:
                return error.reason

        outcomes = list(threads.map(asked, files))
    said = capfd.readouterr()
    counted = Counter((path.relative_to(root).parts[0], outcome) for path, outcome in zip(files, outcomes, strict=True))
    for (folder, outcome), count in sorted(counted.items()):
        print(f"{folder:20} {outcome:20} {count:5}")
    assert (said.out, said.err) == ("", "")
    assert {
        folder: {outcome: count for (place, outcome), count in sorted(counted.items()) if place == folder}
        for folder in OUTCOMES
    } == OUTCOMES


@pytest.mark.parametrize(("width", "height", "most_mb"), [(4000, 3000, 160), (8000, 6000, 350)])
def test_a_large_photo_needs_little_memory(tmp_path: Path, width: int, height: int, most_mb: int) -> None:
    """12 and 48 megapixels: the peak of a process that opens it, with Python and the libraries, and prints it."""
    path = tmp_path / "large.jpg"
    path.write_bytes(jpeg(photograph("retina").resize((width, height), Image.Resampling.NEAREST), 90))
    program = (
        "import resource, sys; from pathlib import Path;"
        "from media_pipeline.stages.examine.pictures import opened;"
        "picture = opened(Path(sys.argv[1]).read_bytes(), max_pixels=200_000_000);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, picture.patch.size)"
    )
    # A shell in between: what this process holds would count as the peak of its own child before it becomes Python.
    answer = subprocess.run([sys.executable, "-c", _THROUGH, program, str(path)], capture_output=True, check=True)
    peak, patch = answer.stdout.decode().split(" ", 1)
    peak_mb = int(peak) / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(f"{width} x {height}: {peak_mb:.0f} MB")
    assert patch.strip() == "(512, 512)"
    assert peak_mb <= most_mb


_THROUGH: Final = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', *sys.argv[1:]]).returncode)"
