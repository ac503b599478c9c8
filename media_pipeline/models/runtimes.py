"""Ways to run the image half of a model: which there are, which this machine takes by itself, and the running.

Measured on one core, ViT-B/32, images a second: torch float32 10.4, bfloat16 19.5 (the model cast once; autocast casts
every time, and is six times slower), int8 by onnxruntime 27.5 one picture at a time. In a batch int8 would be
faster still, but a picture's vector would depend on its neighbours in it.

What is not here: whether a runtime agrees with float32 (calibration.py), batches (clip.py).
"""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.preparation import Pixels, Preparation
from media_pipeline.models.protocol import Vectors
from media_pipeline.models.towers import ImageTower, image_tower
from media_pipeline.models.weights import Weights

if TYPE_CHECKING:
    import torch

Runtime = Literal["torch-fp32", "torch-bf16", "onnx-int8", "cuda-fp16"]
RUNTIMES: Final = get_args(Runtime)
REFERENCE: Final[Runtime] = "torch-fp32"
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
CPU_FACTS = Path("/proc/cpuinfo")
CUDA_DEVICE = Path("/dev/nvidiactl")
OPSET = 17


class Runner(Protocol):
    """Prepared pictures in, vectors of any length out."""

    def __call__(self, pictures: Pixels) -> Vectors: ...


def candidates() -> tuple[Runtime, ...]:
    """What `auto` would take here before float32, best first, seen without torch."""
    found: list[Runtime] = []
    if CUDA_DEVICE.exists():
        found.append("cuda-fp16")
    if BFLOAT16_FLAGS & _cpu_flags():
        found.append("torch-bf16")
    return tuple(found)


@lru_cache(maxsize=2)
def runner(weights: Weights, runtime: Runtime) -> Runner:
    """Loaded once per process; EmbeddingError where it cannot run here."""
    if runtime == "onnx-int8":
        return _onnx(weights)
    import torch

    tower = image_tower(weights)
    if runtime == "torch-fp32":
        return _Torch(tower.visual, tower.preparation, torch.float32, "cpu")
    if runtime == "cuda-fp16" and not torch.cuda.is_available():
        raise _cannot(runtime, "torch sees no CUDA device here")
    # The cast is in place, and the cached tower stays the reference: its other users want float32.
    own = _copy(tower)
    if runtime == "torch-bf16":
        return _Torch(own.bfloat16(), tower.preparation, torch.bfloat16, "cpu")
    return _Torch(own.half().to("cuda"), tower.preparation, torch.float16, "cuda")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may help. torch says it in words only, where no GPU is concerned."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(
        words in told for words in ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")
    )


class _Torch:
    """torch, in one kind of number on one device."""

    def __init__(self, visual: torch.nn.Module, how: Preparation, kind: torch.dtype, device: str) -> None:
        import torch

        self._visual, self._kind, self._device = visual, kind, device
        self._mean = torch.tensor(how.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(how.std, device=device).view(1, 3, 1, 1)

    def __call__(self, pictures: Pixels) -> Vectors:
        import torch

        with torch.inference_mode():
            shown = torch.from_numpy(pictures).to(self._device).permute(0, 3, 1, 2).float().div(255)
            found = self._visual(shown.sub(self._mean).div(self._std).to(self._kind))
            vectors: Vectors = found.float().cpu().numpy()
        return vectors


class _Onnx:
    """onnxruntime, one picture on one core. Its own threads would share one picture, and spin: on a busy core that
    doubles the price."""

    def __init__(self, session: Any, how: Preparation) -> None:
        self._session = session
        self._cores = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="int8")
        self._mean = np.array(how.mean, np.float32).reshape(3, 1, 1)
        self._std = np.array(how.std, np.float32).reshape(3, 1, 1)

    def __call__(self, pictures: Pixels) -> Vectors:
        return np.concatenate(list(self._cores.map(self._one, pictures)))

    def _one(self, picture: Pixels) -> Vectors:
        shown: NDArray[np.float32] = picture.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        vectors: Vectors = self._session.run(None, {"pixels": ((shown - self._mean) / self._std)[None]})[0]
        return vectors


def _onnx(weights: Weights) -> Runner:
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        raise _cannot("onnx-int8", "onnxruntime is not installed: install media-pipeline[onnx]")
    import onnxruntime

    # The preparation is known only to the loaded tower; it is read before the graph, which needs it in float32.
    tower = image_tower(weights)
    graph = weights.wanted.cache / f"{weights.id}-int8.onnx"
    if not graph.is_file():
        _export(tower, graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except (RuntimeError, onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf) as wrong:
        raise _cannot("onnx-int8", f"{graph} cannot be loaded; delete it, and it is made anew ({wrong})") from wrong
    return _Onnx(session, tower.preparation)


def _export(tower: ImageTower, graph: Path) -> None:
    """Once per weights, into the cache: whole or not at all."""
    import logging
    import tempfile

    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    side = tower.preparation.side_px
    was_fast, root = torch.backends.mha.get_fastpath_enabled(), logging.getLogger()
    level = root.level
    try:
        graph.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=graph.parent, prefix="export-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about an exporter whose successor needs a package more
            # One operator for all of attention is fast, and unknown to ONNX.
            torch.backends.mha.set_fastpath_enabled(False)
            whole, small = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
            with torch.no_grad():
                torch.onnx.export(
                    tower.visual,
                    (torch.zeros(1, 3, side, side),),
                    str(whole),
                    input_names=["pixels"],
                    output_names=["vectors"],
                    opset_version=OPSET,
                    dynamo=False,
                )
            root.setLevel(logging.ERROR)  # it advises a step that a tower of open_clip does not need
            quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
            small.replace(graph)
    except OSError as wrong:
        raise _cannot(
            "onnx-int8", f"its graph cannot be written to {graph.parent}: {wrong.strerror or wrong}"
        ) from wrong
    finally:
        root.setLevel(level)
        torch.backends.mha.set_fastpath_enabled(was_fast)


def _copy(tower: ImageTower) -> torch.nn.Module:
    import copy

    return copy.deepcopy(tower.visual)


def _cpu_flags() -> set[str]:
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def _cannot(runtime: str, why: str) -> EmbeddingError:
    return EmbeddingError(
        "model_unavailable", f"MEDIA_MODEL_RUNTIME={runtime}: {why}. MEDIA_MODEL_RUNTIME=torch-fp32 runs everywhere"
    )
