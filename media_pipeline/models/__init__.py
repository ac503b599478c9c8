"""The embedding models, by the name that `MEDIA_MODEL` gives. To add one: its file, one line in MODELS, its test.

Neither torch nor scipy is imported here: a model that needs them imports them in its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.models import descriptor
from media_pipeline.models.protocol import EmbeddingModel, Thresholds, Vector, Vectors

__all__ = ["MODELS", "EmbeddingModel", "Thresholds", "Vector", "Vectors", "model_named", "model_of"]


def _descriptor(weights: str) -> EmbeddingModel:
    if weights:
        raise ConfigError(f"MEDIA_MODEL_WEIGHTS={weights!r}: {descriptor.NAME} has no weights; unset it")
    return descriptor.Descriptor()


MODELS: Mapping[str, Callable[[str], EmbeddingModel]] = {descriptor.NAME: _descriptor}
"""Each entry makes its model from the setting `MEDIA_MODEL_WEIGHTS` (empty: none given)."""


def model_named(name: str, *, weights: str = "") -> EmbeddingModel:
    """The model of the registry; a name that it does not have is a ConfigError with those it has."""
    make = MODELS.get(name)
    if make is None:
        raise ConfigError(f"MEDIA_MODEL={name!r}: no such model; there are: {', '.join(sorted(MODELS))}")
    return make(weights)


def model_of(settings: Settings) -> EmbeddingModel:
    """The model that these settings choose: the way in for everybody but tests."""
    return model_named(settings.model, weights=settings.model_weights)
