"""Before a run that has pictures to embed: weights fetched, a runtime chosen, and what came of it remembered.

All of it takes seconds to minutes, so that nothing else asks for it. What is not here: the models (`__init__.py`).
"""

from __future__ import annotations

from dataclasses import replace

from media_pipeline.config import Settings
from media_pipeline.errors import EmbeddingError
from media_pipeline.models import AUTO, OpenClip, model_of, open_clip
from media_pipeline.models.calibration import calibrate_candidates
from media_pipeline.models.clip import NAME, Known
from media_pipeline.models.hub import fetch
from media_pipeline.models.memory import remember
from media_pipeline.models.protocol import EmbeddingModel


def made_ready(settings: Settings) -> EmbeddingModel:
    """The model as it will be used in this run. `auto` asks no network: it takes what is here.

    A model that cannot be made ready is handed back all the same, with the reason, for its items to carry.
    """
    model = model_of(settings)
    if not isinstance(model, OpenClip):
        return model
    try:
        if model.weights is None and settings.model == NAME:
            fetch(model.want)
            model = open_clip(settings)
        weights = model.here()
        if settings.model_runtime == AUTO:
            calibrate_candidates(weights)
            model = open_clip(settings)
        model.load()
    except EmbeddingError as problem:
        return replace(model, problem=problem, weights=None, known=model.known or _known(model))
    remember(settings.home_path, model)
    return model


def _known(model: OpenClip) -> Known | None:
    return None if model.weights is None else Known(model.version, model.space, model.dims)
