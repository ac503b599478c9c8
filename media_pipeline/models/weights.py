"""Which weights are meant, where they lie, and their digest. Everything here is cheap, and nothing asks a network.

`MEDIA_MODEL_WEIGHTS` is one of

    openai                      a tag of open_clip: in the cache, or fetched into it (hub.py)
    file:PATH                   .safetensors or .pt
    openai@file:PATH            the same, and it is said that these are the weights of that tag
    hub:ORG/NAME                a model of the hub with an open_clip_config.json: in the cache, or fetched into it
    local-dir:PATH              a folder with an open_clip_config.json and weights

What is not here: fetching (hub.py), loading (towers.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from media_pipeline.errors import ConfigError, EmbeddingError
from media_pipeline.models.architectures import CONFIG_NAME, Architecture, architecture

Kind = Literal["tag", "file", "hub", "local-dir"]
DEFAULT_TAG: Final = "openai"
# In the order in which open_clip chooses among the files of a folder.
NAMES: Final = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
# Where open_clip finds these tags; all others are learnt from open_clip when they are fetched (TAGS).
REPOSITORIES: Final = {
    "ViT-B-32-quickgelu/openai": "timm/vit_base_patch32_clip_224.openai",
    "ViT-B-16-quickgelu/openai": "timm/vit_base_patch16_clip_224.openai",
    "ViT-L-14-quickgelu/openai": "timm/vit_large_patch14_clip_224.openai",
}
TAGS = "tags.json"
DIGESTS = "digests.json"
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")
REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
WAYS_OUT: Final = (
    "Ways out: name a file that is here (MEDIA_MODEL_WEIGHTS=file:PATH with its MEDIA_MODEL_ARCHITECTURE); run "
    "`media-pipeline model fetch` where there is a network, and mount its folder here (MEDIA_MODEL_CACHE); or set "
    "MEDIA_MODEL=descriptor-512, which needs none"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask for, whether or not it is there."""

    said: str
    kind: Kind
    place: str
    tag: str
    architecture: str
    cache: Path

    def unavailable(self, why: str) -> EmbeddingError:
        """The one sentence for whatever keeps these weights away, with what can be done."""
        return EmbeddingError(
            "model_unavailable",
            f"MEDIA_MODEL_WEIGHTS={self.said!r} (MEDIA_MODEL_ARCHITECTURE={self.architecture}): {why}. {WAYS_OUT}",
        )

    @property
    def memo(self) -> str:
        """One word for these settings: under it is remembered what they last came to."""
        return f"{self.architecture} {self.said}"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights that are there. `space` is what their vectors may be compared in."""

    wanted: Wanted
    architecture: Architecture
    file: Path
    digest: str
    space: str

    @property
    def id(self) -> str:
        """The part of a version that says which weights."""
        return f"{_safe(self.architecture.name)}-{self.digest[:12]}"


def wanted(said: str, *, architecture_name: str, cache: Path) -> Wanted:
    """The settings' words taken apart; ConfigError for what cannot be meant."""
    words = said or DEFAULT_TAG
    tag, at, rest = words.partition("@")
    if not at or not rest.startswith("file:"):
        tag, rest = "", words
    scheme, colon, place = rest.partition(":")
    if colon and scheme in ("file", "hub", "local-dir") and place:
        if scheme == "hub" and not REPOSITORY.fullmatch(place):
            raise ConfigError(f"MEDIA_MODEL_WEIGHTS={said!r}: a model of the hub is hub:ORG/NAME")
        kind: Kind = "file" if scheme == "file" else "hub" if scheme == "hub" else "local-dir"
        return Wanted(words, kind, place, tag, architecture_name, cache)
    if colon or not TAG.fullmatch(rest) or rest.endswith((".safetensors", ".pt", ".bin", ".pth")):
        raise ConfigError(
            f"MEDIA_MODEL_WEIGHTS={said!r}: must be a tag of open_clip (openai), file:PATH, hub:ORG/NAME or "
            "local-dir:PATH"
        )
    return Wanted(words, "tag", rest, rest, architecture_name, cache)


def located(want: Wanted) -> Weights:
    """The weights, where they are on this machine; EmbeddingError(`model_unavailable`) where they are not."""
    if want.kind in ("file", "tag"):
        shape = architecture(want.architecture, tag=want.tag)
        file = _file(want) if want.kind == "file" else _of_tag(want, shape)
    else:
        folder = _folder(want)
        config = folder / CONFIG_NAME
        if not config.is_file():
            raise want.unavailable(f"{folder} holds no {CONFIG_NAME}")
        shape = Architecture(_safe(want.place.rstrip("/").rpartition("/")[2]), config, is_own=True)
        file = _in_folder(want, folder)
    digest = _digest(want, shape, file)
    space = f"{shape.space}/{want.tag or digest[:12]}"
    return Weights(want, shape, file, digest, space)


def repository(want: Wanted, shape: Architecture) -> str | None:
    """Where on the hub a tag lies, as far as it is known without open_clip."""
    if want.kind == "hub":
        return want.place
    name = f"{shape.name}/{want.tag}"
    return read_json(want.cache / TAGS).get(name) or REPOSITORIES.get(name)


def snapshot(cache: Path, repo: str) -> Path | None:
    """The folder of a model of the hub in the cache, as huggingface_hub lays it out."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    found = folder / "snapshots" / commit
    return found if found.is_dir() else None


def read_json(path: Path) -> dict[str, str]:
    """What was written there; nothing where there is none, or it is broken: it can be made anew."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def write_json(path: Path, told: dict[str, str]) -> bool:
    """Whole or not at all. A folder that cannot be written (mounted read-only, full) is no failure: whether it was."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")
        own.replace(path)
    except OSError:
        own.unlink(missing_ok=True) if path.parent.is_dir() and os.access(path.parent, os.W_OK) else None
        return False
    return True


def _file(want: Wanted) -> Path:
    file = Path(want.place).expanduser().resolve()
    if not file.is_file():
        raise want.unavailable(f"there is no file {file}")
    if file.suffix not in (".safetensors", ".pt", ".pth", ".bin"):
        raise want.unavailable(f"{file.name} is neither .safetensors nor .pt")
    return file


def _of_tag(want: Wanted, shape: Architecture) -> Path:
    repo = repository(want, shape)
    folder = None if repo is None else snapshot(want.cache, repo)
    if folder is None:
        raise want.unavailable(f"these weights are not in {want.cache}")
    return _in_folder(want, folder)


def _folder(want: Wanted) -> Path:
    if want.kind == "hub":
        folder = snapshot(want.cache, want.place)
        if folder is None:
            raise want.unavailable(f"this model is not in {want.cache}")
        return folder
    folder = Path(want.place).expanduser().resolve()
    if not folder.is_dir():
        raise want.unavailable(f"there is no folder {folder}")
    return folder


def _in_folder(want: Wanted, folder: Path) -> Path:
    others = (path for kind in ("*.safetensors", "*.pt", "*.bin", "*.pth") for path in sorted(folder.glob(kind)))
    found = next((path for path in (*(folder / name for name in NAMES), *others) if path.is_file()), None)
    if found is None:
        raise want.unavailable(f"{folder} holds no weights: none of {', '.join(NAMES)}")
    return found


def _digest(want: Wanted, shape: Architecture, file: Path) -> str:
    """sha256 of the weights, and of the architecture where that is not open_clip's own."""
    try:
        found = file.stat()
        key = f"{file.resolve()} {found.st_size} {found.st_mtime_ns}"
        weights = _sha256(key, file, want.cache)
        if not shape.is_own:
            return weights
        return hashlib.sha256(weights.encode() + shape.config.read_bytes()).hexdigest()
    except OSError as error:
        raise want.unavailable(f"{file} cannot be read ({error.strerror})") from error


@lru_cache(maxsize=16)
def _sha256(key: str, file: Path, cache: Path) -> str:
    """Kept under the file's name, size and time: 600 MB take a second, and every command asks."""
    known = read_json(cache / DIGESTS)
    if key not in known:
        with file.open("rb") as stream:
            known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        write_json(cache / DIGESTS, known)
    return known[key]


def _safe(name: str) -> str:
    """As part of a version, which names folders and collections."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)[:60]
