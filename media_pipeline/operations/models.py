"""What a person may ask of the embedding model: which it is, to fetch its weights, to prove them.

What is not here: the models (models/), and what the doctor tries (needs.py).
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError, EmbeddingError
from media_pipeline.models import AUTO, OpenClip, Vector, model_of, notice, open_clip
from media_pipeline.models.calibration import MIN_CENTRED, MIN_COSINE, agreement, vectors
from media_pipeline.models.hub import fetch as fetch_weights
from media_pipeline.models.memory import remember
from media_pipeline.models.runtimes import REFERENCE, RUNTIMES, runner
from media_pipeline.models.weights import Weights
from media_pipeline.samples.photographs import photograph

# What each photograph shows, as one would say it. A model that knows meaning gives each its own words.
SAID: Final = {
    "astronaut": "a photo of an astronaut in an orange suit",
    "chelsea": "a photo of a cat",
    "coffee": "a photo of a cup of coffee",
    "coins": "a photo of ancient coins",
    "rocket": "a photo of a rocket launch",
    "motorcycle-left": "a photo of a motorcycle",
    "moon": "a photo of the surface of the moon",
    "page": "a scanned page of text",
    "brick": "a photo of a brick wall",
    "grass": "a photo of grass",
}
MAY_MISS = 1


def show(settings: Settings) -> str:
    """A line for each fact."""
    model = model_of(settings)
    told = {"model": model.version, "space": model.space, "dimensions": model.dims}
    told["texts"] = "yes" if model.knows_text else "no: it knows looks, not meaning"
    told["thresholds"] = (
        ", ".join(
            f"{name} {value}"
            for name in ("near", "candidate", "burst", "cluster")
            if (value := getattr(model.thresholds, name)) is not None
        )
        or "none: no near tier"
    )
    if isinstance(model, OpenClip) and model.weights is not None:
        told |= {"weights": model.weights.file, "sha256": model.weights.digest, "runtime": model.runtime}
    lines = [f"{name:<10}  {value}" for name, value in told.items()]
    return "\n".join([*lines, *filter(None, [notice(settings)])])


def fetch(settings: Settings) -> str:
    """Where the weights are now. ConfigError with the way out where they cannot be had."""
    model = _clip(settings)
    if model.weights is None:
        try:
            fetch_weights(model.want)
        except EmbeddingError as error:
            raise ConfigError(error.detail) from error
        model = _clip(settings)
    weights = _weights(model)
    return f"{weights.file}\nsha256 {weights.digest}, space {weights.space}; `media-pipeline model prove` tries them"


def prove(settings: Settings) -> tuple[list[str], bool]:
    """What was tried, a line each, and whether all of it is as it must be."""
    model = _clip(settings)
    weights = _weights(model)
    lines = [f"{model.version}, space {model.space}"]
    pictures = np.stack([_embedded(model, name) for name in SAID])
    logits = model.text_scale * pictures @ model.embed_texts(list(SAID.values())).T
    best = logits.argmax(axis=1)
    missed = [name for place, name in enumerate(SAID) if best[place] != place]
    lines.append(f"words: {len(SAID) - len(missed)} of {len(SAID)} photographs have their own as the nearest")
    lines += [f"  {name}: «{list(SAID.values())[best[list(SAID).index(name)]]}»" for name in missed]
    is_good = len(missed) <= MAY_MISS
    wanted = vectors(runner(weights, REFERENCE), model.preparation())
    for runtime in RUNTIMES[1:]:
        try:
            found = agreement(wanted, vectors(runner(weights, runtime), model.preparation()))
        except EmbeddingError as error:
            lines.append(f"{runtime}: not here ({error.detail})")
            continue
        agrees = "agrees" if found.is_enough else "REFUSED"
        lines.append(f"{runtime}: {agrees}, cosine {found.cosine:.5f}, without the mean {found.centred:.5f}")
    lines.append(
        f"asked for: cosine {MIN_COSINE}, without the mean {MIN_CENTRED}; at most {MAY_MISS} photograph missed"
    )
    remember(settings.home_path, model)
    return lines, is_good


def _clip(settings: Settings) -> OpenClip:
    if settings.model not in (AUTO, "open_clip"):
        raise ConfigError(f"MEDIA_MODEL={settings.model!r} has no weights; set MEDIA_MODEL=open_clip")
    return open_clip(settings)


def _weights(model: OpenClip) -> Weights:
    try:
        return model.here()
    except EmbeddingError as error:
        raise ConfigError(error.detail) from error


def _embedded(model: OpenClip, name: str) -> Vector:
    stored = BytesIO()
    photograph(name).save(stored, "JPEG", quality=90)
    return model.embed(stored.getvalue())
