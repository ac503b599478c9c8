"""Text files that people write. What is not here: what is in them (stages/discover/subjects.py)."""

from __future__ import annotations

from pathlib import Path

from media_pipeline.errors import ConfigError

# UTF-8 has at most four bytes for a sign; whoever reads the text counts these.
MAX_BYTES = 80_000_000


def text_of_file(path: Path) -> str:
    """The file as text; a ConfigError that names it where it is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: has more than {MAX_BYTES:,} bytes: that is no file that a person wrote")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not text in UTF-8: save the file as UTF-8") from error
