"""The registry of sources: adding one is its file, its line here, its test."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from media_pipeline.sources.flickr import Flickr
from media_pipeline.sources.gbif import Gbif
from media_pipeline.sources.inaturalist import INaturalist
from media_pipeline.sources.inaturalist_open_data import INaturalistOpenData
from media_pipeline.sources.mushroom_observer import MushroomObserver
from media_pipeline.sources.openverse import Openverse
from media_pipeline.sources.protocol import Source, WebSource
from media_pipeline.sources.uploads import Uploads
from media_pipeline.sources.wikimedia_commons import WikimediaCommons
from media_pipeline.sources.wikipedia import Wikipedia

# In the order of their priorities.
_ASKED: Final[tuple[WebSource, ...]] = (
    INaturalist(),
    MushroomObserver(),
    Wikipedia(),
    WikimediaCommons(),
    Flickr(),
    Gbif(),
    Openverse(),
)
WEB_SOURCES: Final[Mapping[str, WebSource]] = {source.name: source for source in _ASKED}
SOURCES: Final[Mapping[str, Source]] = {
    Uploads.name: Uploads(),
    **WEB_SOURCES,
    INaturalistOpenData.name: INaturalistOpenData(),
}
# Names that people look for, and why there is no such source.
EXPLAINED: Final[Mapping[str, str]] = {
    "bing": "bing is no source: Microsoft switched its image search API off on 11 August 2025, and reading its pages "
    "instead is against its terms; use openverse, which tells the licence of each photo"
}


def about_sources() -> str:
    """What each source's file says of it, as Markdown: its terms, licence, limits, paging and quirks."""
    return "\n\n".join(_about(source) for source in SOURCES.values())


def _about(source: Source) -> str:
    title, _, fields = (sys.modules[type(source).__module__].__doc__ or "").partition("\n")
    return f"**{title}**\n```\n{fields.strip()}\n```"
