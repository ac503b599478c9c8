"""CLIP with a tiny random tower: every way of loading, every runtime, and what is said when it cannot be loaded."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media_pipeline.errors import ConfigError, EmbeddingError
from media_pipeline.models import OpenClip, Thresholds, model_of, open_clip
from media_pipeline.models.calibration import agreement
from media_pipeline.models.preparation import Pixels
from media_pipeline.models.protocol import Vectors
from media_pipeline.models.readiness import made_ready
from media_pipeline.models.runtimes import runner
from media_pipeline.samples.photographs import photograph
from media_pipeline_tests.models import tiny


def jpeg(name: str) -> bytes:
    out = BytesIO()
    photograph(name).save(out, "JPEG", quality=90)
    return out.getvalue()


PHOTOS = [jpeg(name) for name in ("coffee", "chelsea", "astronaut", "rocket", "page")]


def seen(model: OpenClip) -> Vectors:
    found = model.embed_many(PHOTOS)
    assert all(isinstance(one, np.ndarray) for one in found)
    return np.stack([one for one in found if isinstance(one, np.ndarray)])


WAYS: dict[str, Callable[[Path], str]] = {
    "safetensors": lambda folder: f"file:{tiny.safetensors(folder)}",
    "pt": lambda folder: f"file:{tiny.checkpoint(folder)}",
    "named as a tag's": lambda folder: f"openai@file:{tiny.safetensors(folder)}",
    "folder": lambda folder: f"local-dir:{tiny.model_folder(folder)}",
    "hub": lambda folder: "hub:of/tiny" if tiny.in_hub_cache(folder, "of/tiny") else "",
}


@pytest.mark.parametrize("way", WAYS)
def test_saved_weights_come_back_by_every_way(way: str, tmp_path: Path) -> None:
    """The vectors are those of the tensors that were saved, of unit length, and the same alone or among others."""
    model = open_clip(tiny.chosen(tmp_path, WAYS[way](tmp_path / "there"), model_cache=tmp_path / "there"))
    found = seen(model)
    first = seen(open_clip(tiny.chosen(tmp_path / "first")))
    assert found.shape == (len(PHOTOS), tiny.DIMS)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.allclose(found, first, atol=1e-6)
    assert np.allclose(model.embed(PHOTOS[2]), found[2], atol=1e-6)


@pytest.mark.parametrize("runtime", ["torch-bf16", "onnx-int8"])
def test_every_runtime_agrees_with_float32(runtime: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Measured once and kept beside the weights; the graph of int8 is made once, and its maker's advice is not told."""
    settings = tiny.chosen(tmp_path, model_runtime=runtime)
    caplog.set_level(logging.WARNING)
    model = made_ready(settings)
    assert isinstance(model, OpenClip)
    assert model.problem is None
    assert model.version.endswith(f"-{runtime}")
    assert [one.getMessage() for one in caplog.records if one.name == "root"] == []
    assert logging.getLogger().level == logging.WARNING
    met = agreement(seen(open_clip(tiny.chosen(tmp_path))), seen(model))
    assert met.cosine >= 0.999
    assert met.centred >= 0.99
    kept = sorted(path.name.partition("-")[0] for path in settings.model_folder.iterdir())
    assert kept == ["agreement", "digests.json", *(["tiny"] if runtime == "onnx-int8" else [])]


def test_a_runtime_that_does_not_agree_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vectors would be near what they should be, and nobody would see it."""
    settings = tiny.chosen(tmp_path, model_runtime="torch-bf16")
    monkeypatch.setattr("media_pipeline.models.calibration.MIN_CENTRED", 1.1)
    monkeypatch.setattr("media_pipeline.models.calibration._found", {})
    model = made_ready(settings)
    with pytest.raises(EmbeddingError, match=r"MEDIA_MODEL_RUNTIME=torch-bf16: .* set MEDIA_MODEL_RUNTIME=torch-fp32"):
        model.embed(PHOTOS[0])


def test_a_gpu_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And which runtime runs everywhere."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    model = open_clip(tiny.chosen(tmp_path, model_runtime="cuda-fp16"))
    with pytest.raises(EmbeddingError, match="MEDIA_MODEL_RUNTIME=cuda-fp16: torch sees no CUDA device here"):
        model.embed(PHOTOS[0])


def test_auto_takes_a_faster_runtime_once_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that it is float32: what nobody has measured is not used."""
    monkeypatch.setattr("media_pipeline.models.calibration.candidates", lambda: ("cuda-fp16", "torch-bf16"))
    monkeypatch.setattr("media_pipeline.models.calibration._found", {})
    settings = tiny.chosen(tmp_path, model_runtime="auto")
    assert model_of(settings).version.endswith("-torch-fp32")
    assert made_ready(settings).version.endswith("-torch-bf16")
    assert model_of(settings).version.endswith("-torch-bf16")


def _junk(folder: Path) -> str:
    (folder / "junk.pt").write_bytes(b"no weights at all" * 100)
    return f"file:{folder}/junk.pt"


def _program(folder: Path) -> str:
    (folder / "program.pt").write_bytes(pickle.dumps({"state_dict": Path}))
    return f"file:{folder}/program.pt"


def _torn(folder: Path) -> str:
    whole = tiny.safetensors(folder)
    (folder / "torn.safetensors").write_bytes(whole.read_bytes()[:1000])
    return f"file:{folder}/torn.safetensors"


def _foreign(folder: Path) -> str:
    from safetensors.torch import save_file
    from torch import zeros

    save_file({"something.else": zeros(3)}, folder / "foreign.safetensors")
    return f"file:{folder}/foreign.safetensors"


def _empty(folder: Path) -> str:
    import torch

    torch.save({}, folder / "empty.pt")
    return f"file:{folder}/empty.pt"


def _no_config(folder: Path) -> str:
    tiny.safetensors(folder)
    return f"local-dir:{folder}"


WRONG: dict[str, tuple[Callable[[Path], str], str]] = {
    "junk": (_junk, "cannot be loaded as tiny: it is not a file of plain tensors"),
    "a program": (_program, "cannot be loaded as tiny: it is not a file of plain tensors"),
    "cut off": (_torn, r"cannot be loaded as tiny: it is no whole \.safetensors file"),
    "of something else": (_foreign, "cannot be loaded as tiny: its weights are of another architecture"),
    "nothing in it": (_empty, "cannot be loaded as tiny: it holds no weights"),
    "no file": (lambda folder: f"file:{folder}/none.pt", r"there is no file .*none\.pt"),
    "another kind of file": (lambda folder: f"file:{__file__}", r"neither \.safetensors nor \.pt"),
    "no folder": (lambda folder: f"local-dir:{folder}/none", "there is no folder"),
    "no description": (_no_config, r"holds no open_clip_config\.json"),
    "not in the cache": (lambda folder: "hub:of/nobody", "this model is not in "),
}


@pytest.mark.parametrize("what", WRONG)
def test_weights_that_cannot_be_loaded_are_one_sentence(what: str, tmp_path: Path) -> None:
    """It names the setting, what is wrong with which file, and the ways out; never are there random weights."""
    make, said = WRONG[what]
    (tmp_path / "there").mkdir()
    model = open_clip(tiny.chosen(tmp_path, make(tmp_path / "there")))
    with pytest.raises(EmbeddingError, match=said) as raised:
        model.embed(PHOTOS[0])
    assert raised.value.reason == "model_unavailable"
    assert raised.value.detail.startswith(f"MEDIA_MODEL_WEIGHTS='{model.want.said}'")
    for way in ("MEDIA_MODEL_WEIGHTS=file:PATH", "media-pipeline model fetch", "MEDIA_MODEL=descriptor-512"):
        assert way in raised.value.detail
    assert "\n" not in raised.value.detail


@pytest.mark.parametrize("half", ["vision_cfg", "text_cfg"])
def test_weights_of_another_architecture_are_refused(half: str, tmp_path: Path) -> None:
    """By their shapes, in either half: the other would load otherwise."""
    shape: dict[str, Any] = dict(tiny.CONFIG)
    wider = tiny.architecture(tmp_path, "wider", **{half: shape[half] | {"width": 96}})
    model = open_clip(tiny.chosen(tmp_path, model_architecture=str(wider)))
    with pytest.raises(EmbeddingError, match="cannot be loaded as wider: its weights are of another architecture"):
        model.embed(PHOTOS[0])


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("model_weights", "weights.safetensors", "must be a tag of open_clip"),
        ("model_weights", "hf-hub:a/b", "must be a tag of open_clip"),
        ("model_weights", "hub:nobody", "hub:ORG/NAME"),
        ("model_architecture", "ViT-B32", "no such architecture; near it: .*ViT-B-32"),
        ("model_architecture", "none.json", "no such file"),
    ],
)
def test_words_that_mean_nothing_are_told_at_once(setting: str, value: str, said: str, tmp_path: Path) -> None:
    """Before any run: they are a slip of the pen, and no trouble that passes."""
    with pytest.raises(ConfigError, match=said):
        model_of(tiny.chosen(tmp_path, **{setting: value}))


def test_a_version_says_which_weights_and_the_space_only_what_fits_them(tmp_path: Path) -> None:
    """The same weights in another runtime are another version in the same space."""
    plain = open_clip(tiny.chosen(tmp_path))
    other = open_clip(tiny.chosen(tmp_path, model_runtime="torch-bf16"))
    assert plain.weights is not None
    assert plain.version == f"open_clip-tiny-{plain.weights.digest[:12]}-p1-torch-fp32"
    assert other.version != plain.version
    assert other.space == plain.space == f"tiny/{plain.weights.digest[:12]}"
    named = open_clip(tiny.chosen(tmp_path, f"openai@file:{tiny.safetensors(tmp_path / 'again')}"))
    assert (named.space, named.dims) == ("tiny/openai", tiny.DIMS)
    assert plain.thresholds == Thresholds()


def test_openai_weights_mean_the_activation_they_were_trained_with(tmp_path: Path) -> None:
    """ViT-B/32 without QuickGELU takes these weights without a word, and sees less."""
    (tmp_path / "openai.safetensors").write_bytes(b"\0")
    model = open_clip(
        tiny.chosen(tmp_path, f"openai@file:{tmp_path}/openai.safetensors", model_architecture="ViT-B-32")
    )
    assert model.weights is not None
    assert model.weights.architecture.name == "ViT-B-32-quickgelu"
    assert (model.space, model.dims) == ("ViT-B-32/openai", 512)
    assert model.thresholds.near == 0.95


def test_texts_have_vectors_in_the_same_space(tmp_path: Path) -> None:
    """Unit length, one row each, none for none; the text half is loaded without the other."""
    model = open_clip(tiny.chosen(tmp_path))
    found = model.embed_texts(["a photo of a cat", "a photo of a rocket"])
    assert found.shape == (2, tiny.DIMS)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert model.embed_texts([]).shape == (0, tiny.DIMS)
    assert model.knows_text
    assert model.text_scale == pytest.approx(1 / 0.07, rel=1e-4)


def test_out_of_memory_halves_the_batch_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture gets the vector that it would have had; one that fits not even alone is an error of its own."""
    model = replace(open_clip(tiny.chosen(tmp_path)), batch=4)
    wanted = seen(model)
    tried: list[int] = []

    def narrow(_weights: object, _runtime: object) -> Callable[[Pixels], Vectors]:
        run = runner(model.here(), "torch-fp32")

        def at_most_two(pictures: Pixels) -> Vectors:
            tried.append(len(pictures))
            if len(pictures) > 2:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return run(pictures)

        return at_most_two

    monkeypatch.setattr("media_pipeline.models.clip.calibrated", narrow)
    assert np.allclose(seen(model), wanted, atol=1e-6)
    assert tried == [4, 2, 2, 1]


def test_a_graph_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The cache is a file here; a full or read-only disk ends the same way. Nothing half-written stays."""
    (tmp_path / "cache").write_text("")
    model = open_clip(tiny.chosen(tmp_path, model_runtime="onnx-int8", model_cache=tmp_path / "cache"))
    with pytest.raises(EmbeddingError, match=r"MEDIA_MODEL_RUNTIME=onnx-int8: its graph cannot be written to .*cache"):
        model.embed(PHOTOS[0])


def test_weights_that_went_away_leave_the_version_as_it_was(tmp_path: Path) -> None:
    """A forgotten mount makes nothing stale, under `auto` too: the library would be made anew with another model."""
    settings = tiny.chosen(tmp_path)
    ready = made_ready(settings)
    (tmp_path / "weights" / "tiny.safetensors").rename(tmp_path / "away")
    for name in ("open_clip", "auto"):
        model = model_of(settings.model_copy(update={"model": name}))
        assert (model.version, model.space, model.dims) == (ready.version, ready.space, ready.dims)
        with pytest.raises(EmbeddingError, match="there is no file"):
            model.embed(PHOTOS[0])
