"""Vectors as the catalog keeps them, made into arrays. For every stage that reads them.

What is not here: one vector by itself (models/stored.py), who writes them (stages/embed).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from media_pipeline.models.stored import DTYPE


def matrix_of(stored: Sequence[bytes], dims: int) -> NDArray[np.float32]:
    """One row for each. Bytes that are not of `dims` numbers are a row of NaN: near nothing, and no score."""
    whole = dims * DTYPE.itemsize
    missing = np.full(dims, np.nan, DTYPE).tobytes()
    rows = b"".join(vector if len(vector) == whole else missing for vector in stored)
    return np.frombuffer(rows, DTYPE).reshape(len(stored), dims)
