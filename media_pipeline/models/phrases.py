"""Vectors of texts that are asked for again and again, kept beside the weights: a vocabulary is the same in every run.

Each source's run would otherwise load the half that reads, some seconds and 250 MB, for four hundred texts. A file is
of one version of a model and of these very texts, and is only a memory: a broken one, or a folder that cannot be
written, costs the seconds again. What is not here: what the texts are for (stages/describe).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from media_pipeline.models.protocol import EmbeddingModel, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """One row for each text, and by what the model's cosines are multiplied before a softmax."""

    vectors: Vectors
    scale: float


def phrases(model: EmbeddingModel, texts: Sequence[str], *, cache: Path) -> Phrases:
    """Of these texts; EmbeddingError where the model cannot read, and nothing is kept of them."""
    told = json.dumps([model.version, list(texts)]).encode()
    path = cache / f"texts-{hashlib.sha256(told).hexdigest()[:24]}.npz"
    shape = (len(texts), model.dims)
    if (kept := _kept(path, shape)) is not None:
        return kept
    found = Phrases(model.embed_texts(texts), model.text_scale)
    if found.vectors.shape == shape:
        _keep(path, found)
    return found


def _kept(path: Path, shape: tuple[int, int]) -> Phrases | None:
    try:
        # Without pickles: nothing of a strange file is executed.
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            vectors, scale = np.asarray(stored["vectors"], np.float32), float(stored["scale"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None
    return Phrases(vectors, scale) if vectors.shape == shape and np.isfinite(vectors).all() else None


def _keep(path: Path, found: Phrases) -> None:
    written = BytesIO()
    np.savez(written, vectors=found.vectors, scale=np.float64(found.scale))
    own = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(written.getvalue())
        own.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            own.unlink()
