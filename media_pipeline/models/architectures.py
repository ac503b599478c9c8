"""What an architecture of open_clip is, read from its JSON: known without torch, which takes seconds to import.

What is not here: weights (weights.py), and the model itself (towers.py).
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from media_pipeline.errors import ConfigError

QUICK: Final = "-quickgelu"
"""What names an architecture with the activation that OpenAI's weights were trained with. With the other one they load
without a word, and see less."""
CONFIG_NAME: Final = "open_clip_config.json"


@dataclass(frozen=True, slots=True)
class Architecture:
    """Its name, and the JSON that says what it is."""

    name: str
    config: Path
    is_own: bool = False
    """A file of the person's, and none of open_clip's."""

    @property
    def space(self) -> str:
        """Its name, whatever its activation."""
        return self.name.removesuffix(QUICK)

    def dims(self) -> int:
        """How long its vectors are."""
        return int(facts(self.config)["embed_dim"])


def architecture(named: str, *, tag: str = "") -> Architecture:
    """The one that `MEDIA_MODEL_ARCHITECTURE` names: one of open_clip's, or a JSON file of one."""
    if named.endswith(".json"):
        path = Path(named).expanduser().resolve()
        if not path.is_file():
            raise ConfigError(f"MEDIA_MODEL_ARCHITECTURE={named!r}: no such file")
        return Architecture(path.stem, path, is_own=True)
    folder = _configs()
    clean = named.replace("/", "-")
    quick = clean if clean.endswith(QUICK) else clean + QUICK
    if tag == "openai" and (folder / f"{quick}.json").is_file():
        clean = quick
    config = folder / f"{clean}.json"
    if not config.is_file():
        known = sorted(path.stem for path in folder.glob("*.json"))
        near = difflib.get_close_matches(clean, known, n=3, cutoff=0.3)
        raise ConfigError(
            f"MEDIA_MODEL_ARCHITECTURE={named!r}: open_clip has no such architecture; near it: {', '.join(near)}"
        )
    return Architecture(clean, config)


def facts(config: Path) -> dict[str, Any]:
    """What the JSON says of the model; the one that lies beside weights holds more than that."""
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
        found: dict[str, Any] = told.get("model_cfg", told)
        if not {"embed_dim", "vision_cfg", "text_cfg"} <= found.keys():
            raise ValueError("it lacks embed_dim, vision_cfg or text_cfg")
    except (OSError, ValueError, AttributeError) as wrong:
        raise ConfigError(f"{config}: describes no architecture of open_clip: {wrong}") from wrong
    return found


def _configs() -> Path:
    # find_spec of a package without a dot in its name imports nothing.
    spec = find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("MEDIA_MODEL=open_clip: open-clip-torch is not installed: uv sync")
    return Path(next(iter(spec.submodule_search_locations))) / "model_configs"
