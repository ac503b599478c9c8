"""The embedding models, by the name that `MEDIA_MODEL` gives. To add one: its file, one line in MODELS, its test.

Neither torch nor scipy is imported here: a model that needs them imports them in its functions. What is not here:
fetching weights and choosing a runtime before a run (readiness.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from media_pipeline.errors import ConfigError, EmbeddingError
from media_pipeline.models import clip, descriptor
from media_pipeline.models.calibration import resolved
from media_pipeline.models.clip import OpenClip
from media_pipeline.models.memory import recalled
from media_pipeline.models.protocol import EmbeddingModel, Thresholds, Vector, Vectors
from media_pipeline.models.stored import packed, unpacked
from media_pipeline.models.weights import located, wanted

if TYPE_CHECKING:
    from media_pipeline.config import Settings

__all__ = [
    "AUTO",
    "MODELS",
    "EmbeddingModel",
    "OpenClip",
    "Thresholds",
    "Vector",
    "Vectors",
    "model_named",
    "model_of",
    "notice",
    "open_clip",
    "packed",
    "unpacked",
]

AUTO: Final = "auto"


def _descriptor(settings: Settings) -> EmbeddingModel:
    if settings.model_weights:
        raise ConfigError(f"MEDIA_MODEL_WEIGHTS={settings.model_weights!r}: {descriptor.NAME} has no weights; unset it")
    return descriptor.Descriptor()


def open_clip(settings: Settings) -> OpenClip:
    """CLIP, whether or not its weights are here."""
    want = wanted(settings.model_weights, architecture_name=settings.model_architecture, cache=settings.model_folder)
    known = recalled(settings.home_path, want)
    try:
        weights = located(want)
    except EmbeddingError as problem:
        return OpenClip(want, None, batch=settings.embed_batch, problem=problem, known=known)
    return OpenClip(want, weights, resolved(settings.model_runtime, weights), batch=settings.embed_batch)


def _auto(settings: Settings) -> EmbeddingModel:
    model = open_clip(settings)
    # Weights that were here once and are away make the next items fail, and not a library of two kinds of vectors.
    if model.weights is not None or model.known is not None or settings.model_weights:
        return model
    return descriptor.Descriptor()


MODELS: Final[Mapping[str, Callable[[Settings], EmbeddingModel]]] = {
    descriptor.NAME: _descriptor,
    clip.NAME: open_clip,
}


def model_of(settings: Settings) -> EmbeddingModel:
    """The model that these settings choose; a name that there is not is a ConfigError with those there are."""
    make = _auto if settings.model == AUTO else MODELS.get(settings.model)
    if make is None:
        names = ", ".join((AUTO, *sorted(MODELS)))
        raise ConfigError(f"MEDIA_MODEL={settings.model!r}: no such model; there are: {names}")
    return make(settings)


def model_named(name: str, *, weights: str = "") -> EmbeddingModel:
    """The model of that name with every other setting as it is by default."""
    from media_pipeline.config import Settings  # not above: worker processes import this module, and need no settings

    return model_of(Settings.load(model=name, model_weights=weights))


def notice(settings: Settings) -> str | None:
    """What a person should know of the model in use, before it surprises: that it knows looks only, or cannot see."""
    model = model_of(settings)
    if isinstance(model, OpenClip):
        return str(model.problem.detail) if model.problem is not None else None
    if settings.model == AUTO:
        return (
            f"{model.name} is in use, which knows looks and not meaning: no CLIP weights are in "
            f"{settings.model_folder}. `media-pipeline model fetch` fetches them (docs/models.md)"
        )
    return None
