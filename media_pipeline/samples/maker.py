"""Makes the demo's sample files in a plain folder that plays the bucket, and says what must come of each.

What is not here: the photographs (photographs.py), the video and the sound (moving.py), how a file is encoded or broken
(files.py), and the words of what must come of it (truth.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from media_pipeline.samples.files import STORED_AS, bomb, camera_words, in_format, jpeg, turned_jpeg
from media_pipeline.samples.moving import SCENES, tone, two_scenes
from media_pipeline.samples.photographs import photograph
from media_pipeline.samples.truth import Expectations, Relation, Sample

MADE_AT_NS = int(datetime(2024, 5, 4, 10, 30, tzinfo=UTC).timestamp()) * 10**9
"""Modification time of every sample, and the mark of a whole one: it is set when all bytes are written."""

ORIGINALS = (
    "astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "grass",
    "gravel", "hubble", "moon", "page", "retina", "rocket", "text", "tissue",
)  # fmt: skip
HALF_SIZE = ("astronaut", "chelsea", "coffee", "hubble", "retina")
ENCODED_AGAIN = (("coffee", 50), ("hubble", 50), ("tissue", 50), ("astronaut", 75), ("camera", 75), ("moon", 75))
TWINS = (("clock", "same-bytes"), ("coffee", "same-bytes"), ("rocket", "same-bytes"), ("rocket", "same-bytes-again"))
# 2 % are 2 bits of pHash here; of page they are 8 and of brick 12, which is what a repeated pattern does to it.
CROPPED = ("astronaut", "camera", "chelsea", "hubble")
CROP_SHARE = 0.02
MIRRORED = ("chelsea", "coffee")
FORMATS = (("moon", "png"), ("tissue", "webp"), ("cell", "tiff"), ("camera", "gif"), ("astronaut", "avif"))
TURNED = "rocket"
# A table of coins, 6 % further to the right in each frame: one scene to the cosine, five pictures to the hash.
BURST_OF, BURST_FRAMES, BURST_STEP = "coins", 5, 0.06


@dataclass(frozen=True, slots=True)
class _Piece:
    sample: Sample
    content: Callable[[], bytes]


def make_samples(folder: Path) -> Expectations:
    """Write the samples that `folder` has not whole yet. The same library versions make the same bytes.

    A sample that somebody changed is made again; files of other names are left alone.
    """
    pieces = tuple(_pieces())
    for piece in pieces:
        path = folder / piece.sample.name
        if not path.is_file() or path.stat().st_mtime_ns != MADE_AT_NS:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(piece.content())
            os.utime(path, ns=(MADE_AT_NS, MADE_AT_NS))
    return Expectations(tuple(piece.sample for piece in pieces))


def _pieces() -> Iterator[_Piece]:
    photos = {name: photograph(name) for name in ORIGINALS}
    for name, photo in photos.items():
        yield _kept(photo, _original(name), "the photograph as JPEG", relation="original", quality=92)
    yield from _copies(photos)
    yield from _formats(photos)
    yield from _turned(photos[TURNED])
    yield from _look_alikes(photos)
    yield from _burst(photograph(BURST_OF))
    yield from _moving()
    yield from _broken()


def _copies(photos: dict[str, Image.Image]) -> Iterator[_Piece]:
    for name in HALF_SIZE:
        width, height = photos[name].size
        half = photos[name].resize((width // 2, height // 2), Image.Resampling.LANCZOS)
        title = f"copies/{name}-half-size.jpg"
        yield _kept(half, title, "scaled to half its size", relation="same_picture", of=_original(name))
    for name, quality in ENCODED_AGAIN:
        title, done = f"copies/{name}-quality-{quality}.jpg", f"encoded again with quality {quality}"
        yield _kept(photos[name], title, done, relation="same_picture", of=_original(name), quality=quality)
    for name in CROPPED:
        cut = _without_edges(photos[name])
        title = f"copies/{name}-crop.jpg"
        yield _kept(
            cut, title, f"{CROP_SHARE:.0%} of its width and height cut off", relation="slight_crop", of=_original(name)
        )
    for name, what in TWINS:
        title = f"copies/{name}-{what}.jpg"
        yield _kept(photos[name], title, "the same bytes", relation="same_bytes", of=_original(name), quality=92)


def _formats(photos: dict[str, Image.Image]) -> Iterator[_Piece]:
    for name, extension in FORMATS:
        form = extension.upper()
        sample = Sample(
            name=f"formats/{name}.{extension}",
            done=f"the photograph as {form}",
            relation="same_picture",
            of=_original(name),
            upright_size=photos[name].size,
        )
        yield _Piece(sample, partial(in_format, photos[name], form))


def _turned(photo: Image.Image) -> Iterator[_Piece]:
    for orientation in STORED_AS:
        sample = Sample(
            name=f"orientations/{TURNED}-{orientation}.jpg",
            done=f"stored in EXIF orientation {orientation}",
            relation="same_picture",
            of=_original(TURNED),
            upright_size=photo.size,
        )
        yield _Piece(sample, partial(turned_jpeg, photo, orientation))


def _look_alikes(photos: dict[str, Image.Image]) -> Iterator[_Piece]:
    left, right = "look-alikes/motorcycle-left.jpg", "look-alikes/motorcycle-right.jpg"
    yield _kept(photograph("motorcycle-left"), left, "the left one of a stereo pair", relation="original")
    yield _kept(photograph("motorcycle-right"), right, "the right one of that pair", relation="look_alike", of=left)
    for name in MIRRORED:
        title = f"look-alikes/{name}-mirrored.jpg"
        mirrored = ImageOps.mirror(photos[name])
        yield _kept(mirrored, title, "left and right exchanged", relation="look_alike", of=_original(name))


def _burst(photo: Image.Image) -> Iterator[_Piece]:
    width, height = photo.size
    step = round(width * BURST_STEP)
    seen = width - step * (BURST_FRAMES - 1)
    for frame in range(BURST_FRAMES):
        view = photo.crop((frame * step, 0, frame * step + seen, height))
        sample = Sample(
            name=f"burst/{BURST_OF}-{frame + 1}.jpg",
            done=f"frame {frame + 1} of {BURST_FRAMES}, the camera moving to the right",
            relation="burst_frame",
            upright_size=view.size,
        )
        yield _Piece(sample, partial(jpeg, view, 90, camera_words(frame)))


def _moving() -> Iterator[_Piece]:
    yield _Piece(
        Sample("moving/two-scenes.mp4", "a video that is cut once", "video", parts=len(SCENES)),
        two_scenes,
    )
    yield _Piece(Sample("moving/tone.wav", "a tone that swells and fades", "sound", parts=1), tone)


def _broken() -> Iterator[_Piece]:
    whole = partial(jpeg, photograph("brick"), 90)
    yield _Piece(
        Sample("broken/cut-off.jpg", "a JPEG without its second half", "broken", reason="truncated"),
        lambda: whole()[: len(whole()) // 2],
    )
    yield _Piece(
        Sample("broken/bomb.png", "900 million pixels in a small file", "broken", reason="too_many_pixels"), bomb
    )
    yield _Piece(
        Sample("broken/text.jpg", "a text that calls itself a JPEG", "broken", reason="not_media"),
        lambda: b"This is a text, whatever its name says.\n",
    )
    yield _Piece(Sample("broken/nothing.jpg", "a file without any bytes", "broken", reason="empty"), bytes)


def _kept(
    picture: Image.Image, name: str, done: str, *, relation: Relation, of: str | None = None, quality: int = 90
) -> _Piece:
    sample = Sample(name, done, relation, of=of, upright_size=picture.size)
    return _Piece(sample, partial(jpeg, picture, quality))


def _original(name: str) -> str:
    return f"originals/{name}.jpg"


def _without_edges(photo: Image.Image) -> Image.Image:
    """Without CROP_SHARE of its width and height, half of that at each side."""
    width, height = photo.size
    left, top = round(width * CROP_SHARE / 2), round(height * CROP_SHARE / 2)
    return photo.crop((left, top, width - left, height - top))
