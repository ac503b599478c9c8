"""What an embedding model is: one picture in, one vector of unit length out, and the thresholds that its vectors have.

What is not here: the models (one file each beside this one), their registry (`__init__.py`), and where vectors are
kept (the catalog; Qdrant is its projection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The cosines at which two pictures of this model are alike. None: not calibrated, so that tier is not given.

    They belong to the model and not to the settings, because a cosine means nothing by itself: what is a copy for one
    model is any two photographs for another.
    """

    near: float | None = None
    """The same picture, together with a perceptual hash that says so too."""
    candidate: float | None = None
    """Worth a person's look, never merged without one."""
    burst: float | None = None
    """The same scene, among pictures that one camera took within seconds."""
    cluster: float | None = None
    """The same kind of picture."""


class EmbeddingModel(Protocol):
    """Four facts that are known before any weights are loaded, and one function.

    The facts must be cheap: `version` decides in every process which vectors are stale, also where nothing is ever
    embedded. So a model with weights loads them at its first `embed`, and digests them when it is made.
    """

    @property
    def name(self) -> str:
        """What the registry and the setting `MEDIA_MODEL` call it."""
        ...

    @property
    def version(self) -> str:
        """The name and a digest of everything that changes a vector: code constants, weights, preparation."""
        ...

    @property
    def dims(self) -> int: ...

    @property
    def thresholds(self) -> Thresholds: ...

    def embed(self, picture: bytes) -> Vector:
        """The vector of one encoded picture: `dims` float32 of length 1; EmbeddingError where none can be made."""
        ...
