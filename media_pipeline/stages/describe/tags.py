"""Which tags of a vocabulary a picture gets: zero-shot, by its vector and those of the prompts. Pure.

Cosines of pictures and texts lie in a narrow band, and some words lie higher in it for every picture. So a tag is not
judged by its cosine, but by how far it stands out from its group's background: from the mean of the group's other
tags, and from what a picture of none of them is told as, whichever is nearer to the picture. `score` is that margin as
a share of 0 to 1, by the model's own scale: .5 is no margin at all.
What is not here: the vocabulary's file (vocabulary.py), tags that people give (stores/catalog/sayings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import MediaProcessingError
from media_pipeline.models.heads import sigmoid
from media_pipeline.records import Made, Result
from media_pipeline.stages.describe.vocabulary import Tag, Vocabulary

VERSION: Final = "1"
FLAT: Final = 1e-12

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Where its tags stand among all of them, and the directions of its background, which may be none."""

    places: NDArray[np.intp]
    background: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Meanings:
    """A vocabulary in the space of one model."""

    tags: tuple[Tag, ...]
    directions: Numbers
    groups: tuple[Group, ...]
    scale: float


@dataclass(frozen=True, slots=True)
class Found:
    """A tag of a picture."""

    tag: str
    group: str
    score: float


def meanings(
    vocabulary: Vocabulary, embed_texts: Callable[[Sequence[str]], NDArray[np.float32]], *, scale: float
) -> Meanings:
    """Each prompt is embedded once; several prompts of a tag are one direction, their mean."""
    texts = vocabulary.texts
    vectors = dict(zip(texts, _unit(np.asarray(embed_texts(texts), np.float64)), strict=True))
    directions = _unit(np.stack([np.mean([vectors[text] for text in tag.prompts], axis=0) for tag in vocabulary.tags]))
    dims = directions.shape[1]
    groups = []
    for name in sorted({tag.group for tag in vocabulary.tags}):
        places = np.array([place for place, tag in enumerate(vocabulary.tags) if tag.group == name], np.intp)
        background = [vectors[text] for text in vocabulary.backgrounds.get(name, ())]
        groups.append(Group(places, np.array(background, np.float64).reshape(-1, dims)))
    return Meanings(vocabulary.tags, directions, tuple(groups), scale)


def tagged(vectors: NDArray[np.floating], known: Meanings, *, most: int, model_version: str) -> Sequence[Result]:
    """The rows of each vector: as many as it has tags, which may be none."""
    results: list[Result] = []
    for found, is_whole in zip(
        tags_of(vectors, known, most=most), np.isfinite(vectors).all(axis=1).tolist(), strict=True
    ):
        if not is_whole:
            results.append(MediaProcessingError("bad_vector", "its vector holds numbers that are none"))
            continue
        rows = tuple(
            {
                "tag": one.tag,
                "source": "auto",
                "tag_group": one.group,
                "score": one.score,
                "model_version": model_version,
            }
            for one in found
        )
        results.append(Made(rows=rows))
    return results


def tags_of(vectors: NDArray[np.floating], known: Meanings, *, most: int) -> list[tuple[Found, ...]]:
    """The tags of each picture, the one that stands out farthest first; none where nothing does."""
    margins = margins_of(vectors, known)
    needed = np.array([tag.margin for tag in known.tags])
    scores = sigmoid(known.scale * margins)
    found = []
    for row, score in zip(margins, scores, strict=True):
        holds = np.flatnonzero(row >= needed).tolist()
        ordered = sorted(holds, key=lambda place: (-row[place], known.tags[place].id))[:most]
        found.append(
            tuple(
                Found(known.tags[place].id, known.tags[place].group, round(float(score[place]), 4)) for place in ordered
            )
        )
    return found


def margins_of(vectors: NDArray[np.floating], known: Meanings) -> Numbers:
    """(pictures, tags): how far each tag stands out. Rounded, so that how many pictures come at once does not show."""
    pictures = _unit(vectors.astype(np.float64))
    cosines = pictures @ known.directions.T
    margins = np.empty_like(cosines)
    for group in known.groups:
        own = cosines[:, group.places]
        behind = np.full_like(own, -1.0)
        if len(group.places) > 1:
            behind = (own.sum(axis=1, keepdims=True) - own) / (len(group.places) - 1)
        if len(group.background):
            behind = np.maximum(behind, (pictures @ group.background.T).max(axis=1, keepdims=True))
        margins[:, group.places] = own - behind
    return margins.round(6)


def _unit(rows: Numbers) -> Numbers:
    found: Numbers = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), FLAT)
    return found
