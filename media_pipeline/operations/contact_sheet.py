"""A contact sheet as one HTML file that needs nothing else: thumbnails inside it, duplicates beside their keeper.

What is not here: the thumbnails (stages/examine), and pages that a server shows.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from sqlalchemy import Row, and_, func, select

from media_pipeline.errors import BlobError
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import media_offers, same_media
from media_pipeline.stores.library import Library

MAX_PICTURES = 500

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fafafa; }}
ul {{ display: flex; flex-wrap: wrap; gap: 12px; list-style: none; padding: 0; }}
li {{ width: 150px; overflow-wrap: anywhere; }}
li.lesser {{ opacity: .55; }}
img {{ width: 150px; height: 150px; display: block; background: #ddd; border-radius: 4px; }}
small {{ color: #666; }}
</style>
<h1>{title}</h1>
<p>{about}</p>
<ul>
{figures}
</ul>
</html>
"""


def write_contact_sheet(library: Library) -> Path:
    """HOME/contact_sheet.html; the first 500 media in order of the names under which they were found."""
    rows = _pictures(library)
    total = _count(library)
    figures = [_figure(library, row) for row in rows]
    shown = f"the first {len(rows)} of {total}" if total > len(rows) else f"all {total}"
    about = f"Pictures of the tenant «{library.tenant}», {shown}. Lesser copies are pale."
    path = library.settings.home_path / "contact_sheet.html"
    page = PAGE.format(title="Contact sheet", about=escape(about), figures="\n".join(figures))
    # Whole or not at all: a browser may have it open.
    temporary = path.with_suffix(".tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
    return path


def _figure(library: Library, row: Row[Any]) -> str:
    lesser = row.keeper is not None and row.keeper != row.media_id
    said = f"{row.public_code}, {row.width_px} x {row.height_px}" + (", a lesser copy" if lesser else "")
    opening = '<li class="lesser">' if lesser else "<li>"
    return (
        f"{opening}{_image(library, row.blob_key, row.sha256)}"
        f"<div>{escape(row.name)}</div><small>{escape(said)}</small></li>"
    )


def _image(library: Library, blob_key: str, sha256: str) -> str:
    try:
        data = base64.b64encode(library.blobs.get(blob_key, sha256=sha256)).decode()
    except BlobError as error:
        return f"<div>{escape(str(error))}</div>"
    return f'<img alt="" loading="lazy" src="data:image/jpeg;base64,{data}">'


def _pictures(library: Library) -> Sequence[Any]:
    media, facts, thumbs = tables.media, tables.media_metadata, tables.derivatives
    links, listings = media_offers, tables.source_listings
    members, groups = tables.duplicate_members, tables.duplicate_groups
    names = (
        select(links.c.tenant, links.c.media_id, func.min(listings.c.source_key).label("name"))
        .join(listings, and_(listings.c.tenant == links.c.tenant, listings.c.listing_id == links.c.listing_id))
        .group_by(links.c.tenant, links.c.media_id)
        .subquery("names")
    )
    keepers = (
        select(members.c.tenant, members.c.media_id, groups.c.keeper_media_id.label("keeper"))
        .join(groups, and_(groups.c.tenant == members.c.tenant, groups.c.group_id == members.c.group_id))
        .where(groups.c.tier == "near")
        .subquery("keepers")
    )

    columns = (media.c.media_id, media.c.public_code, facts.c.width_px, facts.c.height_px, thumbs.c.blob_key)
    query = (
        select(*columns, thumbs.c.sha256, names.c.name, keepers.c.keeper)
        .select_from(
            media.join(facts, same_media(facts))
            .join(thumbs, and_(same_media(thumbs), thumbs.c.name == "thumb", thumbs.c.content_type == "image/jpeg"))
            .join(names, same_media(names))
            .outerjoin(keepers, same_media(keepers))
        )
        .where(media.c.tenant == library.tenant)
        .order_by(names.c.name)
        .limit(MAX_PICTURES)
    )
    with library.engine.connect() as connection:
        return connection.execute(query).all()


def _count(library: Library) -> int:
    facts = tables.media_metadata
    with library.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(facts.c.tenant == library.tenant)) or 0
