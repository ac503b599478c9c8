"""A head as a file: `.npz`, `.safetensors`, or a `.pth` of torch.save, read without torch. Nothing in it is executed.

Tensors are called `weight` and `bias`, with a layer's name before it where there are several: `layers.0.weight`. They
are taken in the order of the numbers in their names. Words that tensors do not tell are arrays of an .npz, or metadata
of a .safetensors: `space`, `input` (unit, root), `activation` (none, relu), `output` (none, sigmoid).
What is not here: what a head computes (heads.py), where its file is (stages/describe/assets.py).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from media_pipeline.models.heads import MAX_WIDTH, Activation, Head, Input, Last
from media_pipeline.records import NotApplicable

MAX_BYTES: Final = 64_000_000
MAX_PICKLE: Final = 100_000
MAX_LAYERS: Final = 32
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "space": (),
    "input": get_args(Input),
    "activation": get_args(Activation),
    "output": get_args(Last),
}
# The published aesthetic heads name the architecture in their files' names; all were trained on OpenAI's weights.
ARCHITECTURE: Final = re.compile(r"(?<![a-z])(?:vit[-_]?)?([bl])[-_]?(32|16|14)(?!\d)", re.IGNORECASE)
TENSOR: Final = re.compile(r"(?:(.+)\.)?(weight|bias)")
# SAC's module is called `linear`, and scales the vectors before it.
SAC: Final = "linear"
STORAGES: Final = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8"}
SAFETENSORS: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}

Tensors = dict[str, NDArray[Any]]


class _Wrong(Exception):
    """Why it is no head."""


def read_head(data: bytes, name: str) -> Head | NotApplicable:
    """The head in these bytes, or in one sentence why there is none. `name`: of the file."""
    try:
        if len(data) > MAX_BYTES:
            raise _Wrong(f"has {len(data):,} bytes, more than any head")
        tensors, words = _contents(data)
        return _head(tensors, words, name=name, digest=hashlib.sha256(data).hexdigest())
    except _Wrong as wrong:
        return NotApplicable("head_unreadable", f"{name}: {wrong}")


def _contents(data: bytes) -> tuple[Tensors, dict[str, str]]:
    if data[:2] != b"PK":
        return _safetensors(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise _Wrong(f"unpacks to more than {MAX_BYTES:,} bytes")
            pickled = [entry for entry in archive.namelist() if entry.rpartition("/")[2] == "data.pkl"]
            return (_torch(archive, pickled[0]), {}) if pickled else _npz(data)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, KeyError, OSError) as error:
        raise _Wrong(f"is a damaged archive: {error}") from error


def _npz(data: bytes) -> tuple[Tensors, dict[str, str]]:
    tensors: Tensors = {}
    words: dict[str, str] = {}
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            for key in stored.files:
                if key in WORDS:
                    words[key] = str(stored[key])
                else:
                    tensors[key] = stored[key]
    except ValueError as error:
        raise _Wrong(f"is no .npz of numbers and words: {error}") from error
    return tensors, words


def _safetensors(data: bytes) -> tuple[Tensors, dict[str, str]]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > len(data) - 8 or data[8:9] != b"{":
        raise _Wrong("is no .npz, .safetensors or .pth (as torch.save has written since its version 1.6)")
    try:
        header = json.loads(data[8 : 8 + length])
        words = {key: str(word) for key, word in header.pop("__metadata__", {}).items() if key in WORDS}
        body = data[8 + length :]
        tensors: Tensors = {}
        for key, told in header.items():
            start, end = told["data_offsets"]
            flat = np.frombuffer(body[start:end], SAFETENSORS[told["dtype"]])
            tensors[key] = flat.reshape(told["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _Wrong(f"is a damaged .safetensors: {type(error).__name__}: {error}") from error
    return tensors, words


class _Storage:
    """Only a name: that of a type of numbers."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Unpickler(pickle.Unpickler):  # it knows five names, none of which does anything but hold numbers
    def __init__(self, archive: zipfile.ZipFile, entry: str) -> None:
        super().__init__(io.BytesIO(archive.read(entry)))
        self._archive, self._folder = archive, entry.removesuffix("data.pkl")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in STORAGES:
            return _Storage(STORAGES[name])
        raise _Wrong(f"holds {module}.{name}, and not tensors alone")

    def persistent_load(self, pid: Any) -> Any:
        kind, storage, key = pid[:3]
        if kind != "storage" or not isinstance(storage, _Storage):
            raise _Wrong("holds something that is no tensor")
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), storage.dtype)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> NDArray[Any]:
    """As torch rebuilds one, of rows that follow each other."""
    rows = tuple(int(math.prod(size[place + 1 :])) for place in range(len(size)))
    if rows != tuple(stride):
        raise _Wrong("holds a tensor that was turned: save it as it is, by .contiguous()")
    found: NDArray[Any] = storage[offset : offset + math.prod(size)].reshape(size)
    return found


def _torch(archive: zipfile.ZipFile, entry: str) -> Tensors:
    if archive.getinfo(entry).file_size > MAX_PICKLE:
        raise _Wrong("is more than a head: its list of tensors is too long")
    try:
        found = _Unpickler(archive, entry).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise _Wrong(f"is a damaged .pth: {type(error).__name__}: {error}") from error
    except (MemoryError, RecursionError, OverflowError) as error:
        raise _Wrong(f"is a .pth that cannot be read: {type(error).__name__}") from error
    if not isinstance(found, dict) or not all(isinstance(value, np.ndarray) for value in found.values()):
        raise _Wrong("is no state dict: tensors by their names")
    return {str(key): value for key, value in found.items()}


def _head(tensors: Tensors, words: Mapping[str, str], *, name: str, digest: str) -> Head:
    for word, allowed in WORDS.items():
        if allowed and word in words and words[word] not in allowed:
            raise _Wrong(f"{word}: is {words[word]!r}, and must be {' or '.join(allowed)}")
    layers: dict[str, dict[str, NDArray[np.float64]]] = {}
    for key, tensor in tensors.items():
        found = TENSOR.fullmatch(key)
        if found is None:
            raise _Wrong(f"holds {key!r}: a head has tensors called weight and bias")
        if not np.issubdtype(tensor.dtype, np.floating):
            raise _Wrong(f"{key}: is of {tensor.dtype}, and must be of floating-point numbers")
        layers.setdefault(found[1] or "", {})[found[2]] = tensor.astype(np.float64)
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise _Wrong(f"has {len(layers)} layers: a head has 1 to {MAX_LAYERS}")
    ordered = sorted(layers, key=_place)
    told: Any = {word: words[word] for word in WORDS if word in words}
    told.setdefault("input", "root" if ordered == [SAC] and "input" not in words else "unit")
    told.setdefault("space", _space_of(name))
    return Head(tuple(_layers(ordered, layers)), digest=digest, **told)


def _layers(ordered: list[str], layers: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> Any:
    width = None
    for layer in ordered:
        parts = layers[layer]
        if parts.keys() != {"weight", "bias"}:
            raise _Wrong(f"{layer or 'the layer'}: must have a weight and a bias")
        weight, bias = parts["weight"], parts["bias"]
        if weight.ndim != 2 or bias.shape != (weight.shape[0],) or not 1 <= min(weight.shape) <= max(weight.shape):
            raise _Wrong(f"{layer or 'the layer'}: weight {weight.shape} and bias {bias.shape} are no layer")
        if max(weight.shape) > MAX_WIDTH or width not in (None, weight.shape[1]):
            raise _Wrong(f"{layer}: takes {weight.shape[1]} numbers, and the layer before it makes {width}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise _Wrong(f"{layer or 'the layer'}: holds numbers that are none")
        width = weight.shape[0]
        yield weight, bias
    if width != 1:
        raise _Wrong(f"makes {width} numbers of a picture, and a head makes one")


def _place(layer: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", layer)], layer


def _space_of(name: str) -> str | None:
    found = {(letter.upper(), size) for letter, size in ARCHITECTURE.findall(name)}
    if len(found) != 1:
        return None
    letter, size = found.pop()
    return f"ViT-{letter}-{size}/openai"
