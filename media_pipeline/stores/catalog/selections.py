"""Questions that several stages ask of the catalog, asked in one way.

What is not here: what is due (stores/ledger.py), and questions of one stage alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    Text,
    Uuid,
    and_,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    tuple_,
    union,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by

from media_pipeline.records import ItemKind
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog.tables import (
    SCHEMA,
    audio_waveforms,
    ledger,
    media,
    media_links,
    source_listings,
    source_observations,
    source_pages,
    source_walks,
    subjects,
)

# Subjects on this list are nobody's business where they grow: their places are told as a cell of 39 x 20 km.
SENSITIVE = "sensitive"

# A view: a frame of a video is offered by the listings of its video (migrations/versions/0009_unpack.py says more).
media_offers = table(
    "media_offers", column("tenant", Text), column("media_id", Uuid), column("listing_id", Uuid), schema=SCHEMA
)


def same_media(facts: FromClause, other: FromClause = media) -> ColumnElement[bool]:
    """The join of facts about media: of one tenant, always."""
    return and_(facts.c.tenant == other.c.tenant, facts.c.media_id == other.c.media_id)


def linked_media(tenant: str) -> Select[Any]:
    """(item_id, partition, link_count) of media that some listing offers: by itself, or what it was made of.

    The others are claims: of a run that was killed before it put their blob, or is about to.
    """
    return (
        select(
            media.c.media_id.label("item_id"),
            media.c.home_partition.label("partition"),
            func.count(media_offers.c.listing_id).label("link_count"),
        )
        .join(media_offers, same_media(media_offers))
        .where(media.c.tenant == tenant)
        .group_by(media.c.tenant, media.c.media_id)
    )


def drawn_sounds(connection: Connection, tenant: str) -> set[UUID]:
    """Media that are the drawing of a sound: pictures to look at, and of nothing that was seen."""
    rows = select(audio_waveforms.c.waveform_media_id).where(audio_waveforms.c.tenant == tenant)
    return set(connection.scalars(rows))


def told_of_media(tenant: str) -> Select[Any]:
    """(media_id, licence, licence_family, subject_ids, taxa) by what the listings that offer a media say, and a digest,
    `told`. Of several licences the least open one speaks, as in the views (migrations/versions/0002)."""
    listed, also = source_listings.c, source_observations.c
    strictest = (listed.licence_is_open, listed.listing_id)
    every = func.array_agg(func.coalesce(also.subject_id, listed.subject_id).distinct())
    own = func.array_agg(listed.subject_id.distinct())
    columns = {
        "licence": func.array_agg(aggregate_order_by(listed.licence, *strictest))[1],
        "licence_family": func.array_agg(aggregate_order_by(listed.licence_family, *strictest))[1],
        "subject_ids": func.array_remove(func.array_cat(own, every), None),
        "taxa": func.array_remove(func.array_agg(listed.taxon_name.distinct()), None),
    }
    digest = func.md5(func.concat_ws("|", *(func.coalesce(sql_cast(each, Text), "") for each in columns.values())))
    return (
        select(media_offers.c.media_id, *(each.label(name) for name, each in columns.items()), digest.label("told"))
        .join(
            source_listings,
            and_(listed.tenant == media_offers.c.tenant, listed.listing_id == media_offers.c.listing_id),
        )
        .outerjoin(source_observations, and_(also.tenant == listed.tenant, also.listing_id == listed.listing_id))
        .where(media_offers.c.tenant == tenant)
        .group_by(media_offers.c.media_id)
    )


def facts_told_of_media(tenant: str) -> Select[Any]:
    """(media_id, facts_told): a digest of what the listings that offer a media say of its facts: how it is called, when
    and where it was taken, and whether its place is nobody's business. What one says anew makes the facts stale."""
    listed = source_listings.c
    # Times as numbers: as text they would be in the zone of whoever asks.
    when = (func.extract("epoch", listed.observed_at), func.extract("epoch", listed.observed_on))
    where = (listed.latitude, listed.longitude, listed.is_obscured, shows_sensitive_subject())
    said = sql_cast(func.jsonb_build_array(listed.source, listed.source_key, listed.title, *when, *where), Text)
    every = func.string_agg(said, aggregate_order_by(literal_column("','"), listed.listing_id))
    return (
        select(media_offers.c.media_id, func.md5(every).label("facts_told"))
        .join(
            source_listings,
            and_(listed.tenant == media_offers.c.tenant, listed.listing_id == media_offers.c.listing_id),
        )
        .where(media_offers.c.tenant == tenant)
        .group_by(media_offers.c.media_id)
    )


def walks_of(tenant: str) -> Select[Any]:
    """(item_id, partition, asked) of the walks of active subjects. Another question, round or share makes it due."""
    walks = source_walks
    return (
        select(
            walks.c.walk_id.label("item_id"),
            walks.c.partition,
            func.concat(walks.c.question, "/", walks.c.round, "/", walks.c.share).label("asked"),
        )
        .join(subjects, and_(subjects.c.tenant == walks.c.tenant, subjects.c.subject_id == walks.c.subject_id))
        .where(walks.c.tenant == tenant, subjects.c.is_active)
    )


def items_of(kind: ItemKind, tenant: str) -> Select[Any]:
    """(item_id, partition) of all items of a kind; link_count, `told` and `facts_told` of media, and what is asked on a
    walk: what an output may have a row for."""
    if kind == "media":
        linked, told = linked_media(tenant).subquery("linked"), told_of_media(tenant).subquery("told_of_media")
        facts = facts_told_of_media(tenant).subquery("facts_told_of_media")
        # Each is left out by the planner where nobody asks for it.
        return (
            select(linked, told.c.told, facts.c.facts_told)
            .outerjoin(told, told.c.media_id == linked.c.item_id)
            .outerjoin(facts, facts.c.media_id == linked.c.item_id)
        )
    if kind in ("video", "audio"):
        return linked_media(tenant).where(media.c.kind == kind)
    if kind == "walk":
        return walks_of(tenant)
    rows, key = {
        "page": (source_pages, source_pages.c.page_id),
        "listing": (source_listings, source_listings.c.listing_id),
    }[kind]
    return select(key.label("item_id"), rows.c.partition).where(rows.c.tenant == tenant)


def unlisted(engine: Engine, tenant: str, *, source: str, seen: Sequence[BlobInfo]) -> list[BlobInfo]:
    """Those of the files that are in no listing of the source, in this edition."""
    columns = (source_listings.c.source_key, source_listings.c.edition)
    known = select(*columns).where(
        source_listings.c.tenant == tenant,
        source_listings.c.source == source,
        tuple_(*columns).in_([(entry.key, entry.etag) for entry in seen]),
    )
    with engine.connect() as connection:
        listed = {tuple(row) for row in connection.execute(known)}
    return [entry for entry in seen if (entry.key, entry.etag) not in listed]


def best_of_few(
    connection: Connection, tenant: str, *, partition: str, few: int, without: Collection[str]
) -> list[UUID]:
    """The largest of the listings below HQ of this partition, for each subject as many as it lacks of `few` photos.

    A listing of the partition that is still to be fetched keeps its place free: it may be HQ, and comes first. Which is
    larger goes by what was measured, else by what the source says; then by id, so that a repeated run chooses the same.
    A photo that shows several subjects is one of each: it comes where one of them lacks it, and may be one too many of
    another.
    """
    listed, told = source_listings.c, source_observations.c
    row = and_(ledger.c.tenant == listed.tenant, ledger.c.output == "originals", ledger.c.item_id == listed.listing_id)
    link = and_(media_links.c.tenant == listed.tenant, media_links.c.listing_id == listed.listing_id)
    also = and_(told.tenant == listed.tenant, told.listing_id == listed.listing_id)
    ours = and_(listed.tenant == tenant, listed.partition == partition)
    # As stages/fetch/admission.py begins it.
    measured = sql_cast(func.substring(ledger.c.detail, r"^(\d+) px"), BigInteger)
    edge = func.coalesce(measured, func.greatest(listed.width_px, listed.height_px), 0).label("edge")

    def shown(
        *columns: ColumnElement[Any], joined: Callable[[FromClause], FromClause], where: Any, among: CTE | None = None
    ) -> CTE:
        """These columns of listings, once for each subject: the one that the listing names, and all that it shows."""
        # Not the view `subject_listings`: that is made of the whole library before anything is left out of it.
        named = select(listed.subject_id, *columns).select_from(joined(source_listings))
        others = select(told.subject_id, *columns).select_from(joined(source_listings.join(source_observations, also)))
        named, others = named.where(where, listed.subject_id.is_not(None)), others.where(where)
        if among is not None:
            subjects_of = select(among.c.subject_id)
            named, others = (
                named.where(listed.subject_id.in_(subjects_of)),
                others.where(told.subject_id.in_(subjects_of)),
            )
        return union(named, others).cte()

    small = shown(
        listed.listing_id,
        edge,
        joined=lambda listings: listings.join(ledger, row),
        where=and_(ours, ledger.c.reason == "below_hq", listed.source.not_in(without)),
    )
    place = func.row_number().over(partition_by=small.c.subject_id, order_by=(small.c.edge.desc(), small.c.listing_id))
    below = select(small.c.listing_id, small.c.subject_id, place.label("place")).subquery("below")
    photos = shown(
        media_links.c.media_id,
        joined=lambda listings: listings.join(media_links, link),
        where=listed.tenant == tenant,
        among=small,
    )
    awaiting = shown(
        listed.listing_id,
        joined=lambda listings: listings.outerjoin(ledger, row),
        where=and_(ours, or_(ledger.c.item_id.is_(None), ledger.c.retry_at.is_not(None))),
        among=small,
    )
    taken, awaited = (
        select(some.c.subject_id, func.count().label("photos")).group_by(some.c.subject_id).subquery(name)
        for some, name in ((photos, "taken"), (awaiting, "awaited"))
    )
    free = few - func.coalesce(taken.c.photos, 0) - func.coalesce(awaited.c.photos, 0)
    chosen = (
        select(below.c.listing_id)
        .outerjoin(taken, taken.c.subject_id == below.c.subject_id)
        .outerjoin(awaited, awaited.c.subject_id == below.c.subject_id)
        .where(below.c.place <= free)
        .order_by(below.c.listing_id)
        .distinct()
    )
    return list(connection.scalars(chosen))


def shows_rare_subject() -> ColumnElement[bool]:
    """Whether a listing is of a subject that is rare: the one that it names, or another that it shows, too."""
    return _shows(lambda about: about.c.is_rare)


def shows_sensitive_subject() -> ColumnElement[bool]:
    """The same for a subject on the list `sensitive`."""
    return _shows(lambda about: about.c.lists.contains([SENSITIVE]))


def _shows(what: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    listed, told, others = source_listings.c, source_observations.c, subjects.alias("others")
    named = exists().where(
        subjects.c.tenant == listed.tenant, subjects.c.subject_id == listed.subject_id, what(subjects)
    )
    also = exists().where(
        told.tenant == listed.tenant,
        told.listing_id == listed.listing_id,
        others.c.tenant == told.tenant,
        others.c.subject_id == told.subject_id,
        what(others),
    )
    return or_(named, also)
