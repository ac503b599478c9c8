"""A scoring head: dense layers that make one number of a vector, and whether it is made for these vectors.

What is not here: how a head is read from a file (heads_files.py), what its number is called (stages/describe).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from media_pipeline.records import NotApplicable

Numbers = NDArray[np.float64]
Input = Literal["unit", "root"]
Activation = Literal["none", "relu"]
Last = Literal["none", "sigmoid"]

# No layer of a head makes more of a picture than this: beyond it, it is a model of another kind.
MAX_WIDTH = 8192
FLAT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """`layers`: weight (out, in) and bias (out,) of each. `input`: vectors of length 1 (`unit`), or of length √dims
    (`root`), which is what SAC's heads were trained on. `activation` between layers and `output` behind the last are
    None where the file does not say. `space`: the model whose vectors it was trained on, None where nothing says."""

    layers: tuple[tuple[Numbers, Numbers], ...]
    digest: str
    space: str | None = None
    input: Input = "unit"
    activation: Activation | None = None
    output: Last | None = None

    @property
    def dims(self) -> int:
        return int(self.layers[0][0].shape[1])

    def raw(self, vectors: NDArray[np.floating]) -> Numbers:
        """One number for each row of `vectors`, before `output`.

        In float64, so that how many rows come at once does not show in any digit that is kept.
        """
        found = _unit(vectors)
        if self.input == "root":
            found = found * math.sqrt(self.dims)
        for place, (weight, bias) in enumerate(self.layers):
            found = found @ weight.T + bias
            if self.activation == "relu" and place < len(self.layers) - 1:
                found = np.maximum(found, 0)
        last: Numbers = found[:, 0]
        return last


def sigmoid(values: Numbers) -> Numbers:
    """0 to 1; of very large and very small numbers too."""
    small = np.exp(-np.abs(values))
    found: Numbers = np.where(values >= 0, 1 / (1 + small), small / (1 + small))
    return found


def unfit(head: Head, *, space: str, dims: int) -> NotApplicable | None:
    """Why this head says nothing about these vectors; None where it does.

    Vectors of two models may have as many numbers and nothing else in common: ViT-B/32 and ViT-B/16 have 512 each.
    """
    if head.dims != dims:
        return NotApplicable("head_unfit", f"it takes {head.dims} numbers, and {space} makes {dims}")
    if head.space is None:
        return NotApplicable(
            "head_unfit",
            "it does not say for which model it was made: a part of its name must be vit_b_32, vit_b_16 or vit_l_14, "
            "or the file must hold the word `space`",
        )
    if head.space != space:
        return NotApplicable("head_unfit", f"it was made for vectors of {head.space}, and these are of {space}")
    return None


def _unit(vectors: NDArray[np.floating]) -> Numbers:
    wide = vectors.astype(np.float64)
    found: Numbers = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), FLAT)
    return found
