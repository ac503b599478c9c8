"""What of CLIP can be proved without its weights: the recorded vectors of one picture and three texts."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from media_pipeline.models import model_of
from media_pipeline.models.clip import _unit
from media_pipeline_tests.models import tiny


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "testdata" / "clip-golden"


def test_golden_vectors_come_to_the_published_probabilities(golden: Path) -> None:
    """Unit length, times the scale of 100, softmax: .9928 .0042 .0030 for «a diagram», «a dog», «a cat»."""
    image = np.load(golden / "image_features.npy").astype(np.float32)
    texts = np.load(golden / "text_features.npy").astype(np.float32)
    (picture,) = [_unit(row) for row in image]
    rows = np.stack([row / np.linalg.norm(row) for row in texts])
    assert isinstance(picture, np.ndarray)
    logits = 100 * rows @ picture
    shares = np.exp(logits - logits.max())
    assert (shares / shares.sum()).round(4).tolist() == pytest.approx([0.9928, 0.0042, 0.0030], abs=1e-6)


def test_the_tokenizer_reads_with_the_vocabulary_of_openai(golden: Path) -> None:
    """Each text as its tokens between start and end, in the numbers that the vocabulary's order gives."""
    import open_clip

    with gzip.open(golden / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        merges = [tuple(line.split()) for line in file.read().split("\n")[1 : 49152 - 256 - 2 + 1]]
    whole = 256 * 2 + np.array([merges.index(pair) for pair in (("di", "agram</w>"), ("do", "g</w>"), ("c", "at</w>"))])
    tokens = open_clip.get_tokenizer("ViT-B-32-quickgelu")(["a diagram", "a dog", "a cat"]).numpy()
    assert tokens.shape == (3, 77)
    # «a» is the 65th of the printable bytes, and its end of a word the same in the second 256.
    assert [row[:4].tolist() for row in tokens] == [[49406, 256 + 64, int(number), 49407] for number in whole]
    assert not tokens[:, 4:].any()


def test_the_scale_is_read_from_the_weights(tmp_path: Path) -> None:
    """exp(4.6052) of OpenAI's file is 100; here a file that says so."""
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "scaled.safetensors"
    save_file(tiny.tensors() | {"logit_scale": torch.tensor(4.6052)}, path)
    assert model_of(tiny.chosen(tmp_path, f"file:{path}")).text_scale == pytest.approx(100, abs=0.01)
