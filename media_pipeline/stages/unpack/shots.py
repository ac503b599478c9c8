"""Where a video is cut: by pictures that were looked at, and by how many bytes those between them have. Pure.

Only some pictures are looked at, so a cut lies between two of them that differ. Encoders either begin anew at a cut (a
keyframe, which was looked at), or in a fixed rhythm; then the picture behind the cut, made of nothing that was there
before, has many times the bytes of its neighbours, and says where the cut is. A shot that begins and ends between two
pictures that were looked at is not seen.

What is not here: which pictures are looked at (frames.py), and which are kept (keyframes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.unpack.videos import Packet, Track

VERSION = "1"

# A glimpse is so many pixels wide and high: colours and rough shapes are all that a cut needs.
EDGE_PX = 32
# The share of pixels whose colour is another, place left aside, from which on it is another scene. Real clips without a
# cut, of fast motion too, stay below .39; of pairs of unrelated photographs 86 % are above.
OTHER_SCENE = 0.45
# A picture made of nothing before has so many times its neighbours' bytes, and so large a share of a keyframe's.
PEAK_TIMES = 4.0
PEAK_SHARE = 0.4
# Where there is a cut, its picture has at least this share of the largest.
CUT_SHARE = 0.2
# Fewer grey levels than this apart from their mean: nothing is on it.
EMPTY = 4.0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One picture that was looked at: when it is shown, and its pixels (EDGE_PX x EDGE_PX x 3)."""

    pts: int
    pixels: NDArray[np.uint8]

    @property
    def contrast(self) -> float:
        return float(self.pixels.mean(axis=2).std())

    @property
    def is_empty(self) -> bool:
        return self.contrast < EMPTY


@dataclass(frozen=True, slots=True)
class Shot:
    """From its first picture to that of the next shot."""

    start_pts: int
    end_pts: int


def shots(along: Track, seen: Sequence[Glimpse]) -> tuple[Shot, ...]:
    """The shots of the whole video, without gaps."""
    starts = [along.packets[0].pts]
    for former, latter in pairwise(seen):
        if unlikeness(former, latter) >= OTHER_SCENE:
            starts.append(_cut(along, former.pts, latter.pts))
    ends = [*starts[1:], along.end_pts]
    return tuple(Shot(start, end) for start, end in zip(starts, ends, strict=True) if end > start)


def unlikeness(one: Glimpse, other: Glimpse) -> float:
    """0 for the same colours wherever they are, 1 for none in common."""
    return float(np.abs(_colours(one) - _colours(other)).sum() / 2)


def peaks(along: Track) -> tuple[int, ...]:
    """Pictures that look as if they were behind a cut, by their bytes alone."""
    sizes = [packet.size_bytes for packet in along.packets if packet.is_key]
    return tuple(packet.pts for packet in _others(along.packets, least=PEAK_SHARE * median(sizes) if sizes else 0))


def _others(packets: Sequence[Packet], *, least: float) -> list[Packet]:
    others = [packet for packet in packets if not packet.is_key]
    if not others:
        return []
    usual = median(packet.size_bytes for packet in others)
    return [packet for packet in others if packet.size_bytes >= max(PEAK_TIMES * usual, least, 1)]


def _cut(along: Track, after: int, until: int) -> int:
    """Where between two pictures the cut is: at the first that is large among them. Some encoders make it twice, small
    at first."""
    between = [packet for packet in along.packets if after < packet.pts <= until]
    largest = max((packet.size_bytes for packet in between), default=0)
    return min((packet.pts for packet in _others(between, least=CUT_SHARE * largest)), default=until)


def _colours(glimpse: Glimpse) -> NDArray[np.float64]:
    """Shares of 4 x 4 x 4 colours. Each pixel is shared among neighbours: a shade more is no other colour."""
    pixels = glimpse.pixels.reshape(-1, 3).astype(np.float64) / 256 * 4 - 0.5
    low = np.floor(pixels).astype(int)
    part = pixels - low
    found = np.zeros((4, 4, 4))
    for corner in np.ndindex(2, 2, 2):
        place = np.clip(low + corner, 0, 3)
        weight = np.where(np.array(corner) == 1, part, 1 - part).prod(axis=1)
        np.add.at(found, (place[:, 0], place[:, 1], place[:, 2]), weight)
    return found / len(pixels)
