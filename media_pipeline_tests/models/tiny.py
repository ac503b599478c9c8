"""A CLIP small enough for tests, with random weights that are saved as real ones are. It knows nothing."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from media_pipeline.config import Settings

DIMS = 32
CONFIG = {
    "embed_dim": DIMS,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@lru_cache(maxsize=1)
def tensors() -> dict[str, Any]:
    """The weights, the same in every test of a process."""
    import torch
    from open_clip.model import CLIP

    torch.manual_seed(5)
    model = CLIP(**CONFIG)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def architecture(folder: Path, name: str = "tiny", **changed: Any) -> Path:
    """Its JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(CONFIG | changed))
    return path


def safetensors(folder: Path) -> Path:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.safetensors"
    save_file(tensors(), path)
    return path


def checkpoint(folder: Path) -> Path:
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.pt"
    torch.save(tensors(), path)
    return path


def model_folder(folder: Path) -> Path:
    """As the hub and open_clip lay a model out."""
    safetensors(folder).rename(folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": {}}))
    return folder


def in_hub_cache(cache: Path, repo: str) -> Path:
    """A cache as huggingface_hub leaves it."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc123")
    return model_folder(folder / "snapshots" / "abc123")


def chosen(tmp_path: Path, weights: str = "", **more: Any) -> Settings:
    """Settings with the tiny model; unless said otherwise its weights are a file."""
    logging.getLogger().setLevel(logging.ERROR)
    file = weights or f"file:{safetensors(tmp_path / 'weights')}"
    return Settings.load(
        **{
            "home": tmp_path / "home",
            "model": "open_clip",
            "model_weights": file,
            "model_architecture": str(architecture(tmp_path)),
            "model_runtime": "torch-fp32",
            **more,
        }
    )
