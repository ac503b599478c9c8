"""The registry of sources: adding one is its file, its line here, its test."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from media_pipeline.sources.gbif import Gbif
from media_pipeline.sources.inaturalist import INaturalist
from media_pipeline.sources.protocol import Source, WebSource
from media_pipeline.sources.uploads import Uploads
from media_pipeline.sources.wikimedia_commons import WikimediaCommons
from media_pipeline.sources.wikipedia import Wikipedia

_ASKED: Final[tuple[WebSource, ...]] = (INaturalist(), Gbif(), WikimediaCommons(), Wikipedia())
WEB_SOURCES: Final[Mapping[str, WebSource]] = {source.name: source for source in _ASKED}
SOURCES: Final[Mapping[str, Source]] = {Uploads.name: Uploads(), **WEB_SOURCES}


def about_sources() -> str:
    """What each source's file says of it, as Markdown: its terms, licence, limits, paging and quirks."""
    return "\n\n".join(_about(source) for source in SOURCES.values())


def _about(source: Source) -> str:
    title, _, fields = (sys.modules[type(source).__module__].__doc__ or "").partition("\n")
    return f"**{title}**\n```\n{fields.strip()}\n```"
