"""The two halves of a CLIP model, each loaded by itself, lazily and once per process: open_clip and torch live here.

Random weights must be impossible to get by accident: open_clip only warns where it loads none, so it is told to
require them, and is handed nothing but a file that is there. A pickle is opened as plain tensors only, for it may hold
any program. What is not here: which file (weights.py), how the image half is run (runtimes.py).
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.architectures import facts
from media_pipeline.models.preparation import Preparation
from media_pipeline.models.protocol import Vectors
from media_pipeline.models.weights import Weights

if TYPE_CHECKING:
    import torch

MAX_TOLD = 200
# Of the tag's own settings those that say how its pictures are prepared.
PREPARED_BY: Final = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True, slots=True)
class ImageTower:
    """The half that sees, and how its pictures are prepared."""

    visual: torch.nn.Module
    preparation: Preparation


@dataclass(frozen=True, slots=True)
class TextTower:
    """The half that reads. `scale`: by what its cosines are multiplied before a softmax."""

    model: Any
    tokenizer: Any
    scale: float

    def vectors(self, texts: Sequence[str]) -> Vectors:
        import torch

        with torch.inference_mode():
            found = self.model.encode_text(self.tokenizer(list(texts)), normalize=True)
        rows: Vectors = found.float().numpy().astype(np.float32)
        return rows


# Of every model that was loaded: it outlives the tower, which is dropped once a faster runtime has its own copy.
_preparations: dict[Weights, Preparation] = {}


def preparation(weights: Weights) -> Preparation:
    """How its pictures are prepared; the first time that loads the model."""
    return _preparations[weights] if weights in _preparations else image_tower(weights).preparation


@lru_cache(maxsize=1)
def image_tower(weights: Weights) -> ImageTower:
    """In float32, without the half that reads."""
    model, how = _model(weights)
    return ImageTower(model.visual.requires_grad_(False), how)


@lru_cache(maxsize=1)
def text_tower(weights: Weights) -> TextTower:
    """In float32, without the half that sees."""
    import open_clip

    model, _ = _model(weights)
    model.visual = None
    try:
        tokenizer = open_clip.get_tokenizer(_name(weights))
    except (ImportError, OSError, ValueError) as wrong:
        raise _unavailable(weights, f"its tokenizer cannot be had: {wrong}") from wrong
    return TextTower(model.requires_grad_(False), tokenizer, float(model.logit_scale.exp()))


def _model(weights: Weights) -> tuple[Any, Preparation]:
    import open_clip
    from safetensors import SafetensorError

    shape = weights.architecture
    told = open_clip.get_pretrained_cfg(shape.name, weights.wanted.tag) if weights.wanted.tag else {}
    if told and bool(told.get("quick_gelu")) != bool(facts(shape.config).get("quick_gelu")):
        raise _unavailable(weights, "these weights were trained with the other activation: with or without -quickgelu")
    if shape.is_own and weights.wanted.kind == "file":
        open_clip.add_model_config(shape.config)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own storages
            model = open_clip.create_model(
                _name(weights),
                pretrained=str(weights.file) if weights.wanted.kind in ("file", "tag") else None,
                require_pretrained=True,
                weights_only=True,
                precision="fp32",
                device="cpu",
                force_preprocess_cfg={key: told[key] for key in PREPARED_BY if key in told},
            )
        how = _preparations[weights] = Preparation.of(model.visual.preprocess_cfg)
    except SafetensorError as wrong:
        raise _unavailable(weights, f"it is no whole .safetensors file: {wrong}") from wrong
    except pickle.UnpicklingError as wrong:
        why = "it is not a file of plain tensors, and nothing else in a pickle is opened: it may be a program"
        raise _unavailable(weights, why) from wrong
    except (RuntimeError, AssertionError) as wrong:
        raise _unavailable(weights, _why(wrong)) from wrong
    except (OSError, EOFError, LookupError, StopIteration, ValueError, TypeError, AttributeError, ImportError) as wrong:
        raise _unavailable(weights, f"it holds no weights that open_clip can read ({wrong!r})") from wrong
    return model.eval(), how


def _why(wrong: RuntimeError | AssertionError) -> str:
    told = " ".join(str(wrong).split())
    if "state_dict" in told or isinstance(wrong, AssertionError):
        return f"its weights are of another architecture: {told[:MAX_TOLD]}"
    if "PytorchStreamReader" in told or "TorchScript" in told:
        return "it is no file of plain tensors: a broken archive, or a TorchScript program"
    return told[:MAX_TOLD]


def _name(weights: Weights) -> str:
    """What open_clip calls the architecture."""
    if weights.wanted.kind in ("hub", "local-dir"):
        return f"local-dir:{weights.architecture.config.parent}"
    return weights.architecture.name


def _unavailable(weights: Weights, why: str) -> EmbeddingError:
    return weights.wanted.unavailable(f"{weights.file} cannot be loaded as {weights.architecture.name}: {why}")
