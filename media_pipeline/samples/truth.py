"""What was planted in the sample folder, and what must come of it: written down by who made the files.

Nothing here knows of a detector or a threshold. That today's detectors find exactly this is for tests to say; where
they do not, the sample is exchanged and never the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Relation = Literal[
    "original", "same_bytes", "same_picture", "slight_crop", "look_alike", "burst_frame", "video", "sound", "broken"
]
Fate = Literal["kept", "refused", "failed"]
"""kept: a media. refused: by fetch, never stored. failed: stored, and examine says why it is no picture."""
Reason = Literal["empty", "not_media", "truncated", "too_many_pixels"]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sample:
    """One file. `of` is the file that `relation` is about: the original of a copy, the other one of a pair.
    `parts` are the pictures that are unpacked from it: of a video one for each shot, of a sound the drawing of it."""

    name: str
    done: str
    relation: Relation
    of: str | None = None
    reason: Reason | None = None
    upright_size: Size | None = None
    parts: int = 0

    @property
    def fate(self) -> Fate:
        if self.reason is None:
            return "kept"
        return "refused" if self.reason in ("empty", "not_media") else "failed"


@dataclass(frozen=True, slots=True)
class Expectations:
    """What must come of the samples. Everything follows from what was done to each file."""

    samples: tuple[Sample, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Files that become media; those of `same_bytes` become one."""
        return tuple(sample.name for sample in self.samples if sample.fate == "kept")

    @property
    def pictures(self) -> tuple[str, ...]:
        """Those of them that are pictures themselves."""
        return tuple(sample.name for sample in self.samples if sample.fate == "kept" and not sample.parts)

    @property
    def parts(self) -> Mapping[str, int]:
        """How many pictures are made of each video and sound."""
        return {sample.name: sample.parts for sample in self.samples if sample.parts}

    @property
    def rejected(self) -> Mapping[str, Reason]:
        """Files that fetch refuses or examine fails, with the reason."""
        return {sample.name: sample.reason for sample in self.samples if sample.reason is not None}

    @property
    def same_bytes(self) -> tuple[frozenset[str], ...]:
        """Names that share one file."""
        return _families(self._related("same_bytes"))

    @property
    def same_picture(self) -> tuple[frozenset[str], ...]:
        """All names of one picture that is there in more than one file: copies, crops, twins and the original."""
        files = self._related("same_picture", "slight_crop")
        originals = {of for _, of in files}
        twins = [(name, of) for name, of in self._related("same_bytes") if of in originals]
        return _families([*files, *twins])

    @property
    def slight_crops(self) -> Mapping[str, str]:
        """Crop -> original; each is in `same_picture` too, but is the hardest of it to find."""
        return dict(self._related("slight_crop"))

    @property
    def look_alikes(self) -> tuple[frozenset[str], ...]:
        """Sets of which no two may be merged, however alike they look."""
        pairs = tuple(frozenset(pair) for pair in self._related("look_alike"))
        return (*pairs, frozenset(self.burst))

    @property
    def burst(self) -> tuple[str, ...]:
        """Frames of one scene, in the order in which they were taken."""
        return tuple(sample.name for sample in self.samples if sample.relation == "burst_frame")

    @property
    def upright_sizes(self) -> Mapping[str, Size]:
        """Width and height of each kept picture as a person sees it."""
        return {sample.name: sample.upright_size for sample in self.samples if sample.upright_size is not None}

    def _related(self, *relations: Relation) -> list[tuple[str, str]]:
        return [
            (sample.name, sample.of)
            for sample in self.samples
            if sample.relation in relations and sample.of is not None
        ]


def _families(pairs: list[tuple[str, str]]) -> tuple[frozenset[str], ...]:
    members: dict[str, set[str]] = {}
    for name, of in pairs:
        members.setdefault(of, {of}).add(name)
    return tuple(frozenset(members[of]) for of in sorted(members))
