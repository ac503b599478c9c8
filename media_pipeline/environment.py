"""The environment beside the settings: variables that are none though they look it, and what a child process is handed.

What is not here: the settings (config.py). Nothing else reads the environment.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

from media_pipeline.config import ENV_FILE, PREFIX, Settings

# What the tests are told about the machine they run on; no setting of the library.
TESTS_PREFIX: Final = "MEDIA_TEST_"


def unknown_settings() -> dict[str, str | None]:
    """The `MEDIA_*` variables of the environment and of `.env` that are no setting, each with the nearest that is.

    Settings leave them out without a word, because other programs may own such names: a misspelt one has no effect.
    """
    known = [name.upper() for name in Settings.model_fields]
    given = sorted({name.upper() for name in (*os.environ, *dotenv_values(ENV_FILE, encoding="utf-8-sig"))})
    unknown = [
        name.removeprefix(PREFIX)
        for name in given
        if name.startswith(PREFIX) and not name.startswith(TESTS_PREFIX) and name.removeprefix(PREFIX) not in known
    ]
    # Without the prefix: alike in six letters, any two names would be near.
    near = {name: difflib.get_close_matches(name, known, n=1) for name in unknown}
    return {PREFIX + name: PREFIX + found[0] if found else None for name, found in near.items()}


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment, with these settings in place of its own: for a child that opens the same library."""
    chosen = {name: _as_variable(value) for name, value in settings if value is not None}
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return others | {PREFIX + name.upper(): value for name, value in chosen.items()}


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Path):
        return str(value.expanduser().resolve())  # the child may work in another folder
    return value if isinstance(value, str) else json.dumps(value)
