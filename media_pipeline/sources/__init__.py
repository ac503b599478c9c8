"""The registry of sources: adding one is its file, its line here, its test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from media_pipeline.sources.mushroom_observer import MushroomObserver
from media_pipeline.sources.openverse import Openverse
from media_pipeline.sources.protocol import Source, WebSource
from media_pipeline.sources.uploads import Uploads

_ASKED: Final[tuple[WebSource, ...]] = (MushroomObserver(), Openverse())
WEB_SOURCES: Final[Mapping[str, WebSource]] = {source.name: source for source in _ASKED}
SOURCES: Final[Mapping[str, Source]] = {Uploads.name: Uploads(), **WEB_SOURCES}
