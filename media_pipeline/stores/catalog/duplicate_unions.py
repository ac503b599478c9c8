"""What is known of several files of one picture, put together: each field with the files that said so.

A fact that the kept file has is its own; what it lacks comes from the others, in the order given. Words, tags, links
and licences are all kept. Where the place of one file is sensitive, no place of another is added: it would tell what
must not be told. What is not here: the merge that keeps the result (duplicate_decisions.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, literal_column, select

from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.cluster_rows import subject_listings
from media_pipeline.stores.catalog.selections import media_offers

# What is a property of the file and not of the picture, is a list of its own, or is no fact but what led to one.
OF_THE_FILE = {
    *("tenant", "media_id", "format", "width_px", "height_px", "orientation", "color_mode", "frame_count"),
    *("keywords", "notes", "date_candidates", "is_sensitive_place"),
}
PLACES = {"latitude", "longitude", "altitude_m", "geohash", "geohash_8", "geohash_6", "geohash_4"}
DATES = (
    *("taken_at", "taken_at_utc", "taken_at_offset_min"),
    *("date_confidence_percent", "date_provenance", "date_suspicion"),
)

Field = tuple[str, Any, list[UUID]]


def union(connection: Connection, tenant: str, keeper: UUID, others: Sequence[UUID]) -> list[Field]:
    """Fields, keywords, tags, links, subjects and licences, in this order."""
    media = [keeper, *others]
    facts = tables.media_metadata
    # As JSON: the database writes times and numbers as they are to be kept.
    query = select(facts.c.media_id, func.to_jsonb(literal_column(facts.name)).label("told")).where(
        facts.c.tenant == tenant, facts.c.media_id.in_(media)
    )
    told: dict[UUID, dict[str, Any]] = {row.media_id: row.told for row in connection.execute(query)}
    return [
        *_facts(media, told),
        *_words(media, told),
        *_tags(connection, tenant, media),
        *_offers(connection, tenant, media),
    ]


def _facts(media: Sequence[UUID], told: dict[UUID, dict[str, Any]]) -> list[Field]:
    is_sensitive = any(row["is_sensitive_place"] for row in told.values())
    names = sorted({name for row in told.values() for name in row} - OF_THE_FILE - set(DATES))
    found: list[Field] = []
    for name in names:
        said_by = [one for one in media if told.get(one, {}).get(name) is not None]
        if is_sensitive and name in PLACES:
            said_by = [one for one in said_by if one == media[0]]
        if said_by:
            value = told[said_by[0]][name]
            found.append((name, value, [one for one in said_by if told[one][name] == value]))
    found += _date(media, told)
    sensitive_by = [one for one in media if told.get(one, {}).get("is_sensitive_place")]
    return [*found, ("is_sensitive_place", True, sensitive_by)] if sensitive_by else found


def _date(media: Sequence[UUID], told: dict[UUID, dict[str, Any]]) -> list[Field]:
    """One file's date whole, the most certain one: halves of two would be none."""
    dated = [one for one in media if told.get(one, {}).get("taken_at") is not None]
    if not dated:
        return []
    best = max(dated, key=lambda one: int(told[one]["date_confidence_percent"]))
    return [(name, told[best][name], [best]) for name in DATES if told[best][name] is not None]


def _words(media: Sequence[UUID], told: dict[UUID, dict[str, Any]]) -> list[Field]:
    said: dict[str, list[UUID]] = {}
    for one in media:
        for word in told.get(one, {}).get("keywords", []):
            said.setdefault(str(word), []).append(one)
    return [("keyword", word, by) for word, by in said.items()]


def _tags(connection: Connection, tenant: str, media: Sequence[UUID]) -> list[Field]:
    """A person's and a model's are told apart: what both said is two."""
    own = tables.tags
    query = select(own.c.media_id, own.c.tag, own.c.source).where(own.c.tenant == tenant, own.c.media_id.in_(media))
    said: dict[tuple[str, str], list[UUID]] = {}
    for row in sorted(connection.execute(query), key=lambda row: (row.source == "auto", row.tag, row.media_id)):
        said.setdefault((row.tag, row.source), []).append(row.media_id)
    return [("tag", {"tag": tag, "source": source}, by) for (tag, source), by in said.items()]


def _offers(connection: Connection, tenant: str, media: Sequence[UUID]) -> list[Field]:
    # Not the links alone: a frame is offered under the licence of its video.
    links, listings = media_offers, tables.source_listings
    same = and_(listings.c.tenant == links.c.tenant, listings.c.listing_id == links.c.listing_id)
    query = (
        select(
            links.c.media_id,
            listings.c.listing_id,
            listings.c.source,
            listings.c.page_url,
            listings.c.licence,
            listings.c.licence_url,
            listings.c.attribution,
        )
        .join(listings, same)
        .where(links.c.tenant == tenant, links.c.media_id.in_(media))
        .order_by(listings.c.listing_id)
    )
    found: list[Field] = []
    licences: dict[tuple[str, str | None, str | None], list[UUID]] = {}
    for row in connection.execute(query):
        link = {"listing_id": str(row.listing_id), "source": row.source, "page_url": row.page_url}
        found.append(("link", link, [row.media_id]))
        licences.setdefault((row.licence, row.licence_url, row.attribution), []).append(row.media_id)
    named = and_(subject_listings.c.tenant == links.c.tenant, subject_listings.c.listing_id == links.c.listing_id)
    shown = (
        select(subject_listings.c.subject_id, links.c.media_id)
        .join(links, named)
        .where(links.c.tenant == tenant, links.c.media_id.in_(media))
        .order_by(subject_listings.c.subject_id)
    )
    subjects: dict[str, list[UUID]] = {}
    for subject, media_id in connection.execute(shown):
        subjects.setdefault(subject, []).append(media_id)
    found += [("subject", subject, sorted(set(by))) for subject, by in subjects.items()]
    found += [
        ("licence", {"licence": name, "url": url, "attribution": credit}, sorted(set(by)))
        for (name, url, credit), by in licences.items()
    ]
    return found
