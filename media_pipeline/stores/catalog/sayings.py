"""What is said of media: by people, whose tags and sentences no step touches, and what a sentence is made of.

What is not here: what models say (stages/describe), how a person's word is written (operations/sayings.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, and_, case, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.stores import ledger
from media_pipeline.stores.catalog.tables import descriptions, media, media_links, source_listings, subjects, tags

AUTO: Final = "auto"
MANUAL: Final = "manual"
# What holds a copy of a media's tags: a word of a person makes it anew.
COPIES: Final = ("descriptions", "vector_index")


@dataclass(frozen=True, slots=True)
class Known:
    """What a sentence about a media may hold: its tags, those of people first, and what was looked for."""

    tags: tuple[str, ...] = ()
    taxon: str | None = None
    place: str | None = None
    city: str | None = None


def known_of(connection: Connection, tenant: str, items: Collection[UUID]) -> dict[UUID, Known]:
    """Of each of these media. Where several listings differ, the one with the first id speaks."""
    by_people = case((tags.c.source == MANUAL, 0), else_=1)
    tagged = (
        select(tags.c.media_id, tags.c.tag)
        .where(tags.c.tenant == tenant, tags.c.media_id.in_(items))
        .order_by(tags.c.media_id, by_people, tags.c.score.desc(), tags.c.tag)
    )
    words: dict[UUID, list[str]] = {}
    for media_id, tag in connection.execute(tagged):
        words.setdefault(media_id, []).append(tag)
    listed = source_listings.c
    about = (
        select(media_links.c.media_id, listed.taxon_name, subjects.c.kind, subjects.c.name, subjects.c.city)
        .join(
            source_listings,
            and_(listed.tenant == media_links.c.tenant, listed.listing_id == media_links.c.listing_id),
        )
        .outerjoin(subjects, and_(subjects.c.tenant == listed.tenant, subjects.c.subject_id == listed.subject_id))
        .where(media_links.c.tenant == tenant, media_links.c.media_id.in_(items))
        .where(or_(listed.taxon_name.is_not(None), subjects.c.name.is_not(None)))
        .order_by(media_links.c.media_id, listed.listing_id)
    )
    taxa: dict[UUID, str] = {}
    places: dict[UUID, tuple[str, str | None]] = {}
    for row in connection.execute(about):
        if row.kind == "place":
            places.setdefault(row.media_id, (row.name, row.city))
        elif taxon := (row.name if row.kind == "taxon" else row.taxon_name):
            taxa.setdefault(row.media_id, taxon)
    return {
        item: Known(tuple(dict.fromkeys(words.get(item, ()))), taxa.get(item), *places.get(item, (None, None)))
        for item in items
    }


def find_media(connection: Connection, tenant: str, word: str) -> UUID | None:
    """By its public code, or its id."""
    try:
        is_it = media.c.media_id == UUID(word)
    except ValueError:
        is_it = func.upper(media.c.public_code) == word.upper()
    return connection.scalar(select(media.c.media_id).where(media.c.tenant == tenant, is_it))


def add_tags(connection: Connection, tenant: str, item: UUID, words: Sequence[str]) -> int:
    """A person says so; how many are new."""
    rows = [{"tenant": tenant, "media_id": item, "tag": word, "source": MANUAL} for word in dict.fromkeys(words)]
    added = connection.execute(insert(tags).values(rows).on_conflict_do_nothing().returning(tags.c.tag)).all()
    if added:
        ledger.outdate_items(connection, tenant, COPIES, [item])
    return len(added)


def remove_tags(connection: Connection, tenant: str, item: UUID, words: Sequence[str]) -> int:
    """A person takes it back; how many there were. What a model said stays."""
    removed = connection.execute(
        delete(tags).where(
            tags.c.tenant == tenant, tags.c.media_id == item, tags.c.source == MANUAL, tags.c.tag.in_(words)
        )
    ).rowcount
    if removed:
        ledger.outdate_items(connection, tenant, COPIES, [item])
    return removed


def write_description(connection: Connection, tenant: str, item: UUID, text: str) -> None:
    """A person's sentence, in place of the one before it; none where it is empty, and the made one speaks again."""
    mine = and_(descriptions.c.tenant == tenant, descriptions.c.media_id == item, descriptions.c.source == MANUAL)
    connection.execute(delete(descriptions).where(mine))
    if text:
        row = {"tenant": tenant, "media_id": item, "text": text, "source": MANUAL}
        connection.execute(insert(descriptions).values(row))


def tags_of(connection: Connection, tenant: str, item: UUID) -> Sequence[Any]:
    """(tag, source, score, model_version), those of people first."""
    query = (
        select(tags.c.tag, tags.c.source, tags.c.score, tags.c.model_version)
        .where(tags.c.tenant == tenant, tags.c.media_id == item)
        .order_by(tags.c.source.desc(), tags.c.score.desc(), tags.c.tag)
    )
    return connection.execute(query).all()


def description_of(connection: Connection, tenant: str, item: UUID) -> str | None:
    """A person's, else the made one."""
    query = (
        select(descriptions.c.text)
        .where(descriptions.c.tenant == tenant, descriptions.c.media_id == item)
        .order_by(descriptions.c.source.desc())
        .limit(1)
    )
    return connection.scalar(query)
