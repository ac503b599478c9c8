"""Preparation: the pixels of open_clip's own preprocessing, for less."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.preparation import Pixels, Preparation, prepared, upright
from media_pipeline.models.runtimes import runner
from media_pipeline.models.weights import Weights
from media_pipeline.samples.photographs import PHOTOGRAPHS, photograph
from media_pipeline_tests.models import tiny


def reference(picture: Image.Image, how: Preparation) -> Pixels:
    """What open_clip shows its model, before mean and deviation."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = PreprocessCfg(
        size=how.side_px, mean=(0, 0, 0), std=(1, 1, 1), resize_mode=how.resize_mode, interpolation=how.interpolation
    )
    shown = image_transform_v2(config, is_train=False)(picture)
    return np.asarray((shown.numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0))


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(640, 427), (301, 640), (224, 224), (97, 60)])
def test_a_picture_comes_to_the_pixels_of_open_clip(mode: str, size: tuple[int, int]) -> None:
    """Of any shape, smaller ones too; rounding may move a value by one."""
    how = Preparation(resize_mode=mode)  # type: ignore[arg-type]
    picture = photograph("coffee").resize(size)
    ours, theirs = prepared(picture, how), reference(picture, how)
    assert ours.shape == theirs.shape == (224, 224, 3)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_embeddings_are_those_of_open_clips_own_preprocessing(tmp_path: Path) -> None:
    """Over photographs as JPEGs, decoded small: cosine of .999 at least."""
    from media_pipeline.models import open_clip

    weights = open_clip(tiny.chosen(tmp_path)).here()
    how = Preparation(side_px=32)
    ours, theirs = [], []
    for name in PHOTOGRAPHS:
        out = BytesIO()
        photograph(name).save(out, "JPEG", quality=90)
        ours.append(prepared(upright(out.getvalue(), short_edge_px=32), how))
        theirs.append(reference(Image.open(out).convert("RGB"), how))
    assert _cosines(weights, np.stack(ours), np.stack(theirs)).min() >= 0.999


def _cosines(weights: Weights, one: Pixels, other: Pixels) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    run = runner(weights, "torch-fp32")
    first, second = run(one), run(other)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / lengths)


def test_a_turned_picture_is_seen_upright_and_a_hole_is_white() -> None:
    """As a person sees it."""
    turned, out = Image.new("RGB", (40, 20), "black"), BytesIO()
    turned.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(out, "PNG", exif=exif)
    seen = upright(out.getvalue(), short_edge_px=8)
    assert seen.size == (20, 40)
    assert seen.getpixel((10, 5)) == (255, 255, 255)
    hole = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(hole, "PNG")
    assert upright(hole.getvalue(), short_edge_px=8).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_picture_has_a_reason(data: bytes) -> None:
    """The same as every other model gives."""
    with pytest.raises(EmbeddingError, match="unreadable_picture"):
        upright(data, short_edge_px=224)


def test_a_model_that_wants_no_square_is_told() -> None:
    """Nothing here would fit it."""
    with pytest.raises(ValueError, match="only squares"):
        Preparation.of({"size": (224, 336)})
