"""A video or sound file opened as what it is, and nothing else. Pure: bytes in; the file names nothing that is read.

A playlist or a subtitle inside a film may name other files and addresses, and FFmpeg would follow them: so the reader
is chosen by the type that fetch found, no other reader may begin inside it, and no protocol is allowed.

What is not here: what is read from it (videos.py, frames.py, sounds.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from media_pipeline.errors import MediaProcessingError
from media_pipeline.orchestration.hush import hushed

if TYPE_CHECKING:
    from av.container import InputContainer

# content type: FFmpeg's reader and all its names
_READERS: Final[Mapping[str, tuple[str, str]]] = {
    "video/mp4": ("mov", "mov,mp4,m4a,3gp,3g2,mj2"),
    "video/quicktime": ("mov", "mov,mp4,m4a,3gp,3g2,mj2"),
    "audio/mp4": ("mov", "mov,mp4,m4a,3gp,3g2,mj2"),
    "video/webm": ("matroska", "matroska,webm"),
    "video/x-msvideo": ("avi", "avi"),
    "audio/wav": ("wav", "wav"),
    "audio/flac": ("flac", "flac"),
    "audio/ogg": ("ogg", "ogg"),
    "audio/mpeg": ("mp3", "mp3"),
}


@contextmanager
def opened(data: bytes, content_type: str, *, max_pixels: int) -> Iterator[InputContainer]:
    """The container; MediaProcessingError where it is none. What FFmpeg says meanwhile is not heard."""
    import av

    reader, names = _READERS[content_type]
    av.logging.set_level(av.logging.PANIC)
    with hushed(max_pixels):
        try:
            container = av.open(
                io.BytesIO(data),
                "r",
                format=reader,
                options={"format_whitelist": names, "protocol_whitelist": "none"},
                metadata_errors="replace",
            )
        except (av.FFmpegError, ValueError, EOFError, UnicodeDecodeError) as error:
            raise MediaProcessingError(
                "undecodable", f"no reader of {content_type} can begin: {told(error)}"
            ) from error
        with container:
            yield container


def told(error: Exception) -> str:
    """What FFmpeg says of an error, without the number."""
    return str(getattr(error, "strerror", None) or error)
