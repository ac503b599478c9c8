"""Contact sheets small enough for the Dagster UI: one JPEG as a data URI in Markdown, at most about 20 KB.

The UI shows http(s) URLs and short data URIs inline and longer data URIs behind «Show Markdown»; files and raw HTML it
does not show. What is not here: the thumbnails (stages/examine).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from uuid import UUID

from PIL import Image
from sqlalchemy import or_, select

from media_pipeline.errors import BlobError
from media_pipeline.stores.catalog.tables import derivatives, media_links
from media_pipeline.stores.library import Library

TILE_PX = 96
COLUMNS = 6
MAX_TILES = 12
MAX_BYTES = 15_000


def contact_sheet(library: Library, items: Sequence[UUID]) -> str | None:
    """The thumbnails of up to twelve media (or of what these listings offer); None when there are none yet."""
    tiles = [_tile(data) for data in _thumbnails(library, items[:MAX_TILES])]
    if not tiles:
        return None
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (TILE_PX * min(len(tiles), COLUMNS), TILE_PX * rows), "white")
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (TILE_PX * (place % COLUMNS), TILE_PX * (place // COLUMNS)))
    for quality in (70, 50, 30, 10):
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=quality)
        if out.tell() <= MAX_BYTES:
            break
    return f"![contact sheet](data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()})"


def _tile(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as thumb:
        return thumb.convert("RGB").resize((TILE_PX, TILE_PX))


def _thumbnails(library: Library, items: Sequence[UUID]) -> list[bytes]:
    if not items:
        return []
    offered = select(media_links.c.media_id).where(
        media_links.c.tenant == library.tenant, media_links.c.listing_id.in_(items)
    )
    query = (
        select(derivatives.c.blob_key, derivatives.c.sha256)
        .where(
            derivatives.c.tenant == library.tenant,
            derivatives.c.name == "thumb",
            derivatives.c.content_type == "image/jpeg",
            or_(derivatives.c.media_id.in_(items), derivatives.c.media_id.in_(offered)),
        )
        .order_by(derivatives.c.media_id)
        .limit(MAX_TILES)
    )
    with library.engine.connect() as connection:
        rows = connection.execute(query).all()
    found = []
    for key, sha256 in rows:
        try:
            found.append(library.blobs.get(key, sha256=sha256))
        except BlobError:
            continue  # a preview must not fail the run that it illustrates; the damaged blob is found by its own stage
    return found
