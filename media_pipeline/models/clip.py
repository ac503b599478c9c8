"""`open_clip`: any CLIP model that open_clip knows. It knows meaning: what is on a picture, and which text says it.

Its thresholds are those that are usual for ViT-B/32 with OpenAI's weights, and nobody has measured them on such weights
here: docs/models.md says so, and how to. Other weights have none, and so give no near tier.

What is not here: which weights (weights.py), loading (towers.py), running (runtimes.py, calibration.py), how a picture
is prepared (preparation.py). None of these modules imports torch before a function needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.architectures import architecture
from media_pipeline.models.calibration import calibrated
from media_pipeline.models.preparation import REVISION, Pixels, Preparation, prepared, upright
from media_pipeline.models.protocol import Thresholds, Vector, Vectors
from media_pipeline.models.runtimes import REFERENCE, Runtime, is_out_of_memory
from media_pipeline.models.towers import image_tower, preparation, text_tower
from media_pipeline.models.weights import Wanted, Weights

NAME: Final = "open_clip"
UNCALIBRATED: Final = {
    "ViT-B-32/openai": Thresholds(near=0.95, candidate=0.98, burst=0.90, cluster=0.72),
}
"""By space. Usual values, unproved on real weights."""
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model without its weights: from the last time that they were here."""

    version: str
    space: str
    dims: int


@dataclass(frozen=True, slots=True)
class OpenClip:
    """The EmbeddingModel `open_clip`. It holds no torch, and is as cheap to make as its weights' digest is to read."""

    want: Wanted
    weights: Weights | None
    runtime: Runtime = REFERENCE
    batch: int = 16
    problem: EmbeddingError | None = None
    known: Known | None = None

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        if self.weights is not None:
            return f"{NAME}-{self.weights.id}-p{REVISION}-{self.runtime}"
        # While weights are away nothing must become stale: the vectors that they made are as good as before.
        return self.known.version if self.known else f"{NAME}-unavailable"

    @property
    def space(self) -> str:
        if self.weights is not None:
            return self.weights.space
        return self.known.space if self.known else "unavailable"

    @property
    def dims(self) -> int:
        if self.weights is not None:
            return self.weights.architecture.dims()
        if self.known is not None:
            return self.known.dims
        own_config = self.want.kind in ("hub", "local-dir")
        return 0 if own_config else architecture(self.want.architecture, tag=self.want.tag).dims()

    @property
    def thresholds(self) -> Thresholds:
        return UNCALIBRATED.get(self.space, Thresholds())

    @property
    def knows_text(self) -> bool:
        return True

    @property
    def text_scale(self) -> float:
        return text_tower(self.here()).scale

    def here(self) -> Weights:
        """The weights; the error that says what keeps them away."""
        if self.weights is None:
            raise self.problem or self.want.unavailable("these weights are not here")
        return self.weights

    def preparation(self) -> Preparation:
        """How its pictures are prepared; loads the model."""
        return preparation(self.here())

    def load(self) -> None:
        """All that the first picture would wait for."""
        calibrated(self.here(), self.runtime)
        if self.runtime != REFERENCE:
            image_tower.cache_clear()  # 350 MB that only the reference needs

    def embed(self, picture: bytes) -> Vector:
        (found,) = self.embed_many([picture])
        if isinstance(found, EmbeddingError):
            raise found
        return found

    def embed_many(self, pictures: Sequence[bytes]) -> list[Vector | EmbeddingError]:
        how = self.preparation()
        shown: list[Pixels | EmbeddingError] = []
        for picture in pictures:
            try:
                shown.append(prepared(upright(picture, short_edge_px=how.side_px), how))
            except EmbeddingError as error:
                shown.append(error)
        found = iter(self.embed_prepared([one for one in shown if not isinstance(one, EmbeddingError)]))
        return [one if isinstance(one, EmbeddingError) else next(found) for one in shown]

    def embed_prepared(self, pictures: Sequence[Pixels]) -> list[Vector | EmbeddingError]:
        """Of each prepared picture its vector, `batch` of them at a time. Out of memory, a batch is halved."""
        run = calibrated(self.here(), self.runtime)
        found: list[Vector | EmbeddingError] = []
        size, at = self.batch, 0
        while at < len(pictures):
            try:
                rows = run(np.stack(pictures[at : at + size]))
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    found.append(EmbeddingError("out_of_memory", f"for one picture alone: {error}"))
                    at += 1
                size = max(1, size // 2)
                continue
            found += [_unit(row) for row in rows]
            at += len(rows)
        return found

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dims), np.float32)
        return text_tower(self.here()).vectors(texts)


def _unit(row: Vector) -> Vector | EmbeddingError:
    length = float(np.linalg.norm(row.astype(np.float64)))
    if not np.isfinite(length) or length < TINY:
        return EmbeddingError("unexpected", f"the model made a vector of length {length}")
    return (row / np.float32(length)).astype(np.float32)
