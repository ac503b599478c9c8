"""Vectors of texts are made once, and a memory that cannot be trusted is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.phrases import phrases


@dataclass
class Reading:
    """What the function needs of a model; it counts what it is asked."""

    version: str = "reading-1"
    dims: int = 4
    text_scale: float = 100.0
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def embed_texts(self, texts: Any) -> Any:
        self.asked.append(tuple(texts))
        return np.eye(4, dtype=np.float32)[[len(text) % 4 for text in texts]]


def read(model: Any, texts: list[str], cache: Path) -> tuple[list[list[float]], float]:
    found = phrases(model, texts, cache=cache)
    return found.vectors.tolist(), found.scale


def test_texts_are_embedded_once(tmp_path: Path) -> None:
    """The same rows and scale from memory; other texts, another order and another model are embedded."""
    model = Reading()
    expected = [[0, 1, 0, 0], [0, 0, 1, 0]], 100.0
    assert read(model, ["a", "bb"], tmp_path / "new") == expected
    assert read(model, ["a", "bb"], tmp_path / "new") == expected
    assert model.asked == [("a", "bb")]
    read(model, ["bb", "a"], tmp_path / "new")
    assert len(model.asked) == 2
    other = Reading(version="reading-2")
    read(other, ["a", "bb"], tmp_path / "new")
    assert len(other.asked) == 1


@pytest.mark.parametrize("junk", [b"", b"junk", b"PK\x03\x04" + b"\0" * 40], ids=("empty", "junk", "cut off"))
def test_a_broken_memory_is_made_anew(tmp_path: Path, junk: bytes) -> None:
    """So is one of another shape; the next time it is whole."""
    model = Reading()
    expected = read(model, ["a"], tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(junk)
    assert read(model, ["a"], tmp_path) == expected
    assert (len(model.asked), file.read_bytes()) == (2, whole)
    np.savez(file, vectors=np.zeros((1, 9)), scale=1.0)
    assert read(model, ["a"], tmp_path) == expected
    assert len(model.asked) == 3


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    """Here a file stands in its place."""
    (tmp_path / "models").write_text("a file")
    assert read(Reading(), ["a"], tmp_path / "models") == ([[0, 1, 0, 0]], 100.0)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_nothing_is_kept_of_a_model_that_cannot_read(tmp_path: Path) -> None:
    """Its reason is passed on."""

    class Away(Reading):
        def embed_texts(self, texts: Any) -> Any:
            raise EmbeddingError("model_unavailable", f"no weights for {len(texts)}")

    with pytest.raises(EmbeddingError, match="no weights for 1"):
        read(Away(), ["a"], tmp_path)
    assert list(tmp_path.iterdir()) == []
