"""The sample files are what their maker says, and what it says is true for today's detectors."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
import sys
import zlib
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import GPS, IFD, Base

from media_pipeline.config import Settings
from media_pipeline.models.descriptor import Descriptor
from media_pipeline.models.protocol import Vector
from media_pipeline.samples import Expectations, make_samples
from media_pipeline_tests.benchmarks.calibrate_descriptor import bits, derivative

HASH_BITS = 6
MODEL = Descriptor()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bucket")


@pytest.fixture(scope="module")
def expected(folder: Path) -> Expectations:
    return make_samples(folder)


class Seen:
    """Every kept file as a detector sees it: the hash of the upright picture at 640 px and the descriptor."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.hashes: dict[str, NDArray[np.bool_]] = {}
        self.vectors: dict[str, Vector] = {}
        for name in names:
            picture = upright(folder / name)
            self.vectors[name] = MODEL.embed(derivative(picture))
            picture.thumbnail((640, 640), Image.Resampling.LANCZOS)
            self.hashes[name] = bits(picture)

    def distance(self, one: str, other: str) -> int:
        return int((self.hashes[one] != self.hashes[other]).sum())

    def cosine(self, one: str, other: str) -> float:
        return float(self.vectors[one] @ self.vectors[other])

    def near(self, one: str, other: str) -> bool:
        return self.distance(one, other) <= HASH_BITS and self.cosine(one, other) >= (MODEL.thresholds.near or 2)


@pytest.fixture(scope="module")
def seen(folder: Path, expected: Expectations) -> Seen:
    return Seen(folder, expected.pictures)


def upright(path: Path) -> Image.Image:
    with Image.open(path) as stored:
        return ImageOps.exif_transpose(stored).convert("RGB")


def written(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Name -> digest of the bytes, modification time, inode."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_ino,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }  # fmt: skip


def test_the_folder_holds_what_is_expected_and_nothing_else(folder: Path, expected: Expectations) -> None:
    """63 files in under 15 MB, each either kept or rejected with its reason."""
    assert set(written(folder)) == {sample.name for sample in expected.samples}
    assert len(expected.samples) == 63
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 15_000_000
    assert len(expected.kept) == 59
    assert len(expected.pictures) == 57
    assert expected.parts == {"moving/two-scenes.mp4": 2, "moving/tone.wav": 1}
    assert expected.rejected == {
        "broken/cut-off.jpg": "truncated",
        "broken/bomb.png": "too_many_pixels",
        "broken/text.jpg": "not_media",
        "broken/nothing.jpg": "empty",
    }
    assert {sample.name: sample.fate for sample in expected.samples if sample.fate != "kept"} == {
        "broken/cut-off.jpg": "failed",
        "broken/bomb.png": "failed",
        "broken/text.jpg": "refused",
        "broken/nothing.jpg": "refused",
    }


def test_what_was_planted(expected: Expectations) -> None:
    """The groups by hand: whoever adds a sample says here what it is."""
    assert set(expected.same_bytes) == {
        frozenset({"originals/clock.jpg", "copies/clock-same-bytes.jpg"}),
        frozenset({"originals/coffee.jpg", "copies/coffee-same-bytes.jpg"}),
        frozenset({"originals/rocket.jpg", "copies/rocket-same-bytes.jpg", "copies/rocket-same-bytes-again.jpg"}),
    }
    groups = {min(name for name in group if name.startswith("originals/")): group for group in expected.same_picture}
    assert {name: len(group) for name, group in groups.items()} == {
        "originals/astronaut.jpg": 5,
        "originals/camera.jpg": 4,
        "originals/cell.jpg": 2,
        "originals/chelsea.jpg": 3,
        "originals/coffee.jpg": 4,
        "originals/hubble.jpg": 4,
        "originals/moon.jpg": 3,
        "originals/retina.jpg": 2,
        "originals/rocket.jpg": 11,
        "originals/tissue.jpg": 3,
    }
    assert groups["originals/chelsea.jpg"] == {
        "originals/chelsea.jpg", "copies/chelsea-half-size.jpg", "copies/chelsea-crop.jpg",
    }  # fmt: skip
    assert sorted(expected.slight_crops.values()) == [
        "originals/astronaut.jpg", "originals/camera.jpg", "originals/chelsea.jpg", "originals/hubble.jpg",
    ]  # fmt: skip
    assert expected.burst == tuple(f"burst/coins-{frame}.jpg" for frame in (1, 2, 3, 4, 5))
    assert set(expected.look_alikes) == {
        frozenset({"look-alikes/motorcycle-left.jpg", "look-alikes/motorcycle-right.jpg"}),
        frozenset({"originals/chelsea.jpg", "look-alikes/chelsea-mirrored.jpg"}),
        frozenset({"originals/coffee.jpg", "look-alikes/coffee-mirrored.jpg"}),
        frozenset(expected.burst),
    }


def test_a_second_call_writes_nothing(folder: Path, expected: Expectations) -> None:
    """Same files, same times, same answer."""
    before = written(folder)
    assert make_samples(folder) == expected
    assert written(folder) == before


def test_another_process_makes_the_same_bytes(folder: Path, expected: Expectations, tmp_path: Path) -> None:
    """Names, bytes and times do not depend on the process, the folder or the order in which things are hashed."""
    code = (
        "import sys, pathlib; from media_pipeline.samples import make_samples; make_samples(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "new" / "bucket")], check=True)
    there = {name: facts[:2] for name, facts in written(tmp_path / "new" / "bucket").items()}
    assert there == {name: facts[:2] for name, facts in written(folder).items()}
    assert len(there) == len(expected.samples)


def test_a_call_that_was_cut_off_is_completed(folder: Path, expected: Expectations, tmp_path: Path) -> None:
    """A missing file and a half-written one are made again; a file of another name is left alone."""
    bucket = tmp_path / "bucket"
    shutil.copytree(folder, bucket)
    (bucket / "originals/coffee.jpg").unlink()
    (bucket / "originals/moon.jpg").write_bytes(b"half")
    (bucket / "mine.txt").write_text("kept")
    assert make_samples(bucket) == expected
    assert (bucket / "mine.txt").read_text() == "kept"
    (bucket / "mine.txt").unlink()
    assert {name: facts[:2] for name, facts in written(bucket).items()} == {
        name: facts[:2] for name, facts in written(folder).items()
    }


def test_importing_the_maker_imports_nothing_heavy() -> None:
    """The photographs of scikit-image are read as files; importing it would bring in scipy."""
    code = (
        "import sys, media_pipeline.samples, media_pipeline.samples.photographs as p; p.photograph('moon');"
        "print([name for name in ('torch', 'scipy', 'skimage', 'imagehash') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_twins_share_their_bytes(folder: Path, expected: Expectations) -> None:
    """The sets of names with one digest are exactly `same_bytes`."""
    names: dict[str, set[str]] = {}
    for name, (digest, _, _) in written(folder).items():
        names.setdefault(digest, set()).add(name)
    assert {frozenset(group) for group in names.values() if len(group) > 1} == set(expected.same_bytes)


def test_every_kept_file_is_a_picture_of_the_size_that_was_made(folder: Path, expected: Expectations) -> None:
    """Decoded whole and turned upright it has the size of `upright_sizes`."""
    assert set(expected.upright_sizes) == set(expected.pictures)
    assert {name: upright(folder / name).size for name in expected.pictures} == dict(expected.upright_sizes)
    assert expected.upright_sizes["copies/chelsea-half-size.jpg"] == (225, 150)
    assert expected.upright_sizes["orientations/rocket-6.jpg"] == (640, 427)


def test_the_formats_are_what_their_names_say(folder: Path, expected: Expectations) -> None:
    """One file of each format beside JPEG, told by its content."""
    forms: dict[str | None, list[str]] = {}
    for name in expected.pictures:
        with Image.open(folder / name) as stored:
            forms.setdefault(stored.format, []).append(name)
    assert len(forms.pop("JPEG")) == 52
    assert forms == {
        "PNG": ["formats/moon.png"],
        "WEBP": ["formats/tissue.webp"],
        "TIFF": ["formats/cell.tiff"],
        "GIF": ["formats/camera.gif"],
        "AVIF": ["formats/astronaut.avif"],
    }


def test_the_eight_orientations_are_one_picture(folder: Path) -> None:
    """Stored in eight ways, tagged 1 to 8, upright all the same but for JPEG's rounding."""
    first = np.asarray(upright(folder / "orientations/rocket-1.jpg"), np.int16)
    for orientation in range(1, 9):
        path = folder / f"orientations/rocket-{orientation}.jpg"
        with Image.open(path) as stored:
            assert stored.getexif()[Base.Orientation] == orientation
            assert stored.size == ((427, 640) if orientation >= 5 else (640, 427))
            if orientation > 1:
                plain = stored.convert("RGB").resize((640, 427))
                assert np.abs(np.asarray(plain, np.int16) - first).mean() > 10
        assert np.abs(np.asarray(upright(path), np.int16) - first).mean() < 2


def test_the_burst_says_one_camera_one_place_and_two_seconds(folder: Path, expected: Expectations) -> None:
    """Five frames 0.4 s apart, in order, of one make, model and place."""
    moments, cameras, places = [], set(), set()
    for name in expected.burst:
        with Image.open(folder / name) as stored:
            exif = stored.getexif()
        moment, place = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
        text = f"{moment[Base.DateTimeOriginal]}.{moment[Base.SubsecTimeOriginal]}{moment[Base.OffsetTimeOriginal]}"
        moments.append(datetime.strptime(text, "%Y:%m:%d %H:%M:%S.%f%z"))
        cameras.add((exif[Base.Make], exif[Base.Model]))
        north, east = (tuple(map(float, place[key])) for key in (GPS.GPSLatitude, GPS.GPSLongitude))
        places.add((place[GPS.GPSLatitudeRef], north, place[GPS.GPSLongitudeRef], east))
    steps = {later - earlier for earlier, later in pairwise(moments)}
    assert steps == {timedelta(milliseconds=400)}
    assert moments[-1] - moments[0] < timedelta(seconds=2)
    assert cameras == {("Sample", "Pocket 1")}
    assert places == {("N", (52.0, 31.0, 15.0), "E", (13.0, 23.0, 45.0))}


def test_a_cut_off_jpeg_is_recognised_by_its_pixels_only(folder: Path) -> None:
    """Its header is whole, so only a full decode finds out."""
    with Image.open(folder / "broken/cut-off.jpg") as stored:
        assert stored.size == (512, 512)
        with pytest.raises(OSError, match="truncated"):
            stored.load()


def test_the_bomb_is_a_valid_png_of_too_many_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small, whole, and larger than the setting allows; its pixel data has the length that the header promises."""
    data = (folder / "broken/bomb.png").read_bytes()
    assert len(data) < 300_000
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth, colour) == (30_000, 30_000, 1, 0)
    assert width * height > Settings.model_fields["max_pixels"].default
    length = struct.unpack(">I", data[33:37])[0]
    body, unpacker, total = data[41 : 41 + length], zlib.decompressobj(), 0
    while body:
        total += len(unpacker.decompress(body, 1 << 20))
        body = unpacker.unconsumed_tail
    total += len(unpacker.flush())
    assert unpacker.eof
    assert total == 30_000 * (1 + 3_750)
    # Pillow's own limit: stages/examine, where it is imported, puts the setting in its place for the whole process.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478_485)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(folder / "broken/bomb.png")


def test_the_rest_is_no_picture_at_all(folder: Path) -> None:
    """A text and nothing."""
    assert (folder / "broken/text.jpg").read_text().startswith("This is a text")
    assert (folder / "broken/nothing.jpg").read_bytes() == b""


def test_every_copy_is_near_its_original(expected: Expectations, seen: Seen) -> None:
    """Each group is a star: pHash within 6 bits of the original and the cosine above near, for crops too."""
    missed = []
    for sample in expected.samples:
        if sample.relation in ("same_bytes", "same_picture", "slight_crop"):
            assert sample.of is not None
            if not seen.near(sample.name, sample.of):
                missed.append((sample.name, seen.distance(sample.name, sample.of), seen.cosine(sample.name, sample.of)))
    assert missed == []


def test_no_two_pictures_are_near_that_are_not_one(expected: Expectations, seen: Seen) -> None:
    """Of all pairs outside `same_picture` and `same_bytes` none passes both tests, look-alikes included."""
    group_of = {name: group for group in (*expected.same_bytes, *expected.same_picture) for name in group}
    wrong = [
        (one, other)
        for one, other in combinations(expected.pictures, 2)
        if other not in group_of.get(one, ()) and seen.near(one, other)
    ]
    assert wrong == []
    for group in expected.look_alikes:
        assert all(other not in group_of.get(one, ()) for one, other in combinations(sorted(group), 2))


def test_the_burst_is_one_scene_to_the_model(expected: Expectations, seen: Seen) -> None:
    """Every two frames pass the burst threshold, and no other file is as close to a frame."""
    burst = MODEL.thresholds.burst
    assert burst is not None
    assert min(seen.cosine(one, other) for one, other in combinations(expected.burst, 2)) >= burst
    others = [name for name in expected.pictures if name not in expected.burst]
    assert max(seen.cosine(frame, name) for frame in expected.burst for name in others) < burst
