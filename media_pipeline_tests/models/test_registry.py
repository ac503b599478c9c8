"""The registry of models."""

from __future__ import annotations

import subprocess
import sys

import pytest

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.models import AUTO, MODELS, model_named


def test_every_name_makes_a_model_of_that_name() -> None:
    """The registry's key, the model's own name and the start of its version are one word."""
    for name in MODELS:
        model = model_named(name)
        assert model.name == name
        assert model.version.startswith(f"{name}-")


def test_the_default_setting_is_a_model() -> None:
    """A first run finds its model: where no weights are, the one that needs none."""
    assert Settings.model_fields["model"].default == AUTO
    assert model_named(AUTO).name == "descriptor-512"


def test_an_unknown_name_is_told_which_there_are() -> None:
    """The message names the setting, the value and what is allowed."""
    with pytest.raises(ConfigError, match=r"MEDIA_MODEL='clip': .* descriptor-512"):
        model_named("clip")


def test_weights_for_a_model_without_any_are_refused() -> None:
    """A person who gives weights believes that they are used."""
    with pytest.raises(ConfigError, match="has no weights"):
        model_named("descriptor-512", weights="b32.safetensors")


def test_importing_the_registry_imports_nothing_heavy() -> None:
    """Definitions load the registry in every process."""
    code = (
        "import sys, media_pipeline.models;"
        "print([name for name in ('torch', 'scipy', 'skimage', 'open_clip') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
