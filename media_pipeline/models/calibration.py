"""Whether a runtime may be used: its vectors must be those of float32, on the sample photographs, once per weights.

The plain cosine forgives too much: all vectors of one model point somewhat the same way, so that a runtime which lost
everything but that would still reach .6. So their mean is taken away, and what is left must agree too. What is found is
kept beside the cache, and read by every process that must know which runtime `auto` means.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.preparation import REVISION, Pixels, Preparation, prepared, upright
from media_pipeline.models.protocol import Vectors
from media_pipeline.models.runtimes import REFERENCE, Runner, Runtime, candidates, runner
from media_pipeline.models.towers import preparation
from media_pipeline.models.weights import Weights, read_json, write_json
from media_pipeline.samples.photographs import PHOTOGRAPHS, photograph

MIN_COSINE: Final = 0.999
MIN_CENTRED: Final = 0.99
AT_A_TIME = 8
# What a folder that cannot be written would have kept.
_found: dict[tuple[str, str], Agreement] = {}


@dataclass(frozen=True, slots=True)
class Agreement:
    """The lowest cosine to float32 of any photograph, plain and without the mean of all."""

    cosine: float
    centred: float

    @property
    def is_enough(self) -> bool:
        return self.cosine >= MIN_COSINE and self.centred >= MIN_CENTRED


def resolved(setting: str, weights: Weights) -> Runtime:
    """The runtime that the setting means here today: `auto` takes none that nobody has measured."""
    if setting != "auto":
        return setting  # type: ignore[return-value]  # one of Runtime: config.py allows no other
    for candidate in candidates():
        known = _known(weights, candidate)
        if known is not None and known.is_enough:
            return candidate
    return REFERENCE


def calibrated(weights: Weights, runtime: Runtime) -> Runner:
    """The runtime, loaded; EmbeddingError where it does not agree with float32, or cannot run here."""
    run = runner(weights, runtime)
    if runtime == REFERENCE:
        return run
    found = _known(weights, runtime)
    if found is None:
        how = preparation(weights)
        found = agreement(vectors(runner(weights, REFERENCE), how), vectors(run, how))
        _keep(weights, runtime, found)
        runner.cache_clear()  # of the reference; ours is held here
        run = runner(weights, runtime)
    if not found.is_enough:
        raise EmbeddingError(
            "model_unavailable",
            f"MEDIA_MODEL_RUNTIME={runtime}: with these weights its vectors are not those of torch-fp32 (cosine "
            f"{found.cosine:.4f}, {found.centred:.4f} without the mean; at least {MIN_COSINE} and {MIN_CENTRED}): "
            "set MEDIA_MODEL_RUNTIME=torch-fp32",
        )
    return run


def calibrate_candidates(weights: Weights) -> None:
    """Measure what `auto` might take, where that was not done yet; what does not run here is left out."""
    for candidate in candidates():
        if _known(weights, candidate) is None:
            try:
                calibrated(weights, candidate)
            except EmbeddingError:
                _found.setdefault((weights.id, candidate), Agreement(0, 0))


def agreement(wanted: Vectors, found: Vectors) -> Agreement:
    """How well the second are the first."""
    mean = wanted.mean(axis=0, keepdims=True)
    return Agreement(_lowest(wanted, found), _lowest(wanted - mean, found - mean))


def vectors(run: Runner, how: Preparation) -> Vectors:
    """Of the sample photographs, of length 1."""
    pictures = _pictures(how)
    rows = np.concatenate([run(pictures[at : at + AT_A_TIME]) for at in range(0, len(pictures), AT_A_TIME)])
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@cache
def _pictures(how: Preparation) -> Pixels:
    shown = []
    for name in PHOTOGRAPHS:
        stored = BytesIO()
        photograph(name).save(stored, "JPEG", quality=90)
        shown.append(prepared(upright(stored.getvalue(), short_edge_px=how.side_px), how))
    return np.stack(shown)


def _lowest(wanted: Vectors, found: Vectors) -> float:
    lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(found, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nan_to_num((wanted * found).sum(axis=1) / lengths).min())


def _file(weights: Weights) -> str:
    return f"agreement-{weights.id}-p{REVISION}.json"


def _known(weights: Weights, runtime: Runtime) -> Agreement | None:
    if kept := _found.get((weights.id, runtime)):
        return kept
    told = read_json(weights.wanted.cache / _file(weights)).get(runtime)
    try:
        return None if told is None else Agreement(*map(float, json.loads(told)))
    except (ValueError, TypeError):
        return None


def _keep(weights: Weights, runtime: Runtime, found: Agreement) -> None:
    _found[weights.id, runtime] = found
    path = weights.wanted.cache / _file(weights)
    write_json(path, read_json(path) | {runtime: json.dumps([found.cosine, found.centred])})
