"""What an embedding model is: pictures in, and texts where it knows any, vectors of unit length out, and the thresholds
that its vectors have.

What is not here: the models (one file each beside this one), their registry (`__init__.py`), and where vectors are
kept (the catalog; Qdrant is its projection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import EmbeddingError

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
"""One row is one vector."""

NEEDS_CLIP: Final = (
    "text search needs a CLIP model: set MEDIA_MODEL=open_clip, and MEDIA_MODEL_WEIGHTS to weights that can be had "
    "here (docs/models.md)"
)


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
    """Facts that are known before any weights are loaded, and functions that load them.

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
    def space(self) -> str:
        """Which space its vectors are in, whatever computed them: `ViT-B-32/openai` is one space for every runtime and
        precision. What fits one space (a scoring head, a text's vector) fits nothing in another."""
        ...

    @property
    def dims(self) -> int: ...

    @property
    def thresholds(self) -> Thresholds: ...

    @property
    def knows_text(self) -> bool:
        """Whether texts have vectors in the space of its pictures."""
        ...

    @property
    def text_scale(self) -> float:
        """By what the cosine of a picture and a text is multiplied before a softmax: 100 for CLIP, 0 without texts."""
        ...

    def embed(self, picture: bytes) -> Vector:
        """The vector of one encoded picture: `dims` float32 of length 1; EmbeddingError where none can be made."""
        ...

    def embed_many(self, pictures: Sequence[bytes]) -> list[Vector | EmbeddingError]:
        """Of each picture its vector, or why it has none. One that cannot be read harms no other; but a model whose
        weights cannot be had raises EmbeddingError(`model_unavailable`) for all of them."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 for each text; EmbeddingError(`needs_clip`) where the model has no texts."""
        ...


def no_texts() -> EmbeddingError:
    """What a model without texts raises when it is asked for one's vector."""
    return EmbeddingError("needs_clip", NEEDS_CLIP)


def one_by_one(model: EmbeddingModel, pictures: Sequence[bytes]) -> list[Vector | EmbeddingError]:
    """`embed_many` of a model that gains nothing by batches."""
    found: list[Vector | EmbeddingError] = []
    for picture in pictures:
        try:
            found.append(model.embed(picture))
        except EmbeddingError as error:
            found.append(error)
    return found
