"""What decoders assume and say for a whole process, held within one picture: limits, warnings, words on stderr.

For worker processes, which have one thread.

What is not here: the decode (pictures.py).
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image

_MOST_NOTES: Final = 5
_LONGEST_NOTE: Final = 200
_STDERR: Final = 2


@contextmanager
def hushed(max_pixels: int) -> Iterator[list[warnings.WarningMessage]]:
    """Gives the warnings that come up. Afterwards everything is as it was."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings(record=True) as said, _no_words():
            warnings.simplefilter("always")
            # Between one and two times its limit Pillow only warns; the size in the header is checked by us.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", ResourceWarning)
            yield said
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def as_notes(said: list[warnings.WarningMessage]) -> list[str]:
    """Each once, not too long, not too many."""
    words = dict.fromkeys(" ".join(str(warning.message).split())[:_LONGEST_NOTE] for warning in said)
    return list(words)[:_MOST_NOTES]


@contextmanager
def _no_words() -> Iterator[None]:
    """libtiff prints what it then returns as an error, past Python."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, _STDERR)
        os.close(nothing)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, _STDERR)
        os.close(kept)
