"""statistics views

`subject_listings`: what was listed for which subject. One photo may show several: its listing names the first alone.
`accepted_media`: files that some listing offers. The others are claims of runs that were killed, and frames of videos.
    What one listing calls open and another does not is not open, as in the training views.
`subjects_without_media`: active subjects for which no file was accepted yet.
`candidates`: the listings of each subject that have not vanished, best source first, then by their points.
`image_stats`, `image_by_source`, `image_by_type`: what there is, per tenant, source and type.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

SUBJECT_LISTINGS = """
create view media.subject_listings as
select tenant, subject_id, listing_id from media.source_listings where subject_id is not null
union
select tenant, subject_id, listing_id from media.source_observations
"""

ACCEPTED_MEDIA = """
create view media.accepted_media as
select m.tenant, m.media_id, m.home_source as source, m.kind, m.content_type, m.size_bytes, o.is_open
from media.media m
join (
    select l.tenant, l.media_id, bool_and(s.licence_is_open) as is_open
    from media.media_links l
    join media.source_listings s using (tenant, listing_id)
    group by l.tenant, l.media_id
) o using (tenant, media_id)
"""

SUBJECTS_WITHOUT_MEDIA = """
create view media.subjects_without_media as
with offered as (
    select s.tenant, s.subject_id, count(*) as listing_count, count(l.media_id) as link_count
    from media.subject_listings s
    left join media.media_links l using (tenant, listing_id)
    group by s.tenant, s.subject_id
)
select
    u.tenant,
    u.subject_id,
    u.kind,
    u.name,
    u.rank,
    u.category,
    u.city,
    u.lists,
    u.is_rare,
    coalesce(o.listing_count, 0) as listing_count
from media.subjects u
left join offered o using (tenant, subject_id)
where u.is_active and coalesce(o.link_count, 0) = 0
"""

CANDIDATES = """
create view media.candidates as
select
    s.tenant,
    s.subject_id,
    row_number() over (
        partition by s.tenant, s.subject_id
        order by l.priority desc, l.prior_points desc nulls last, l.listing_id
    ) as rank,
    s.listing_id,
    l.source,
    l.priority,
    l.prior_points,
    l.original_url,
    l.page_url,
    l.licence,
    l.licence_is_open,
    m.media_id
from media.subject_listings s
join media.source_listings l using (tenant, listing_id)
left join media.media_links m using (tenant, listing_id)
where l.vanished_at is null
"""

IMAGE_STATS = """
create view media.image_stats as
with files as (
    select
        tenant,
        count(*) as media_count,
        count(*) filter (where kind = 'image') as image_count,
        sum(size_bytes) as size_bytes,
        count(*) filter (where kind = 'image' and is_open) as open_image_count
    from media.accepted_media
    group by tenant
),
listings as (select tenant, count(*) as listing_count from media.source_listings group by tenant),
wanted as (select tenant, count(*) as subject_count from media.subjects where is_active group by tenant),
lacking as (select tenant, count(*) as subject_count from media.subjects_without_media group by tenant)
select
    tenant,
    coalesce(f.media_count, 0) as media_count,
    coalesce(f.image_count, 0) as image_count,
    coalesce(f.size_bytes, 0)::bigint as size_bytes,
    coalesce(l.listing_count, 0) as listing_count,
    coalesce(f.open_image_count, 0) as open_image_count,
    f.open_image_count::float / nullif(f.image_count, 0) as open_share,
    coalesce(w.subject_count, 0) as subject_count,
    coalesce(w.subject_count, 0) - coalesce(x.subject_count, 0) as subjects_with_media_count,
    coalesce(x.subject_count, 0) as subjects_without_media_count
from files f
full join listings l using (tenant)
full join wanted w using (tenant)
left join lacking x using (tenant)
"""

IMAGE_BY_SOURCE = """
create view media.image_by_source as
with images as (
    select
        tenant,
        source,
        count(*) as image_count,
        sum(size_bytes) as size_bytes,
        count(*) filter (where is_open) as open_image_count
    from media.accepted_media
    where kind = 'image'
    group by tenant, source
),
listings as (select tenant, source, count(*) as listing_count from media.source_listings group by tenant, source)
select
    tenant,
    source,
    coalesce(i.image_count, 0) as image_count,
    coalesce(i.size_bytes, 0)::bigint as size_bytes,
    coalesce(i.open_image_count, 0) as open_image_count,
    coalesce(l.listing_count, 0) as listing_count
from images i
full join listings l using (tenant, source)
"""

IMAGE_BY_TYPE = """
create view media.image_by_type as
select tenant, content_type, count(*) as image_count, sum(size_bytes)::bigint as size_bytes
from media.accepted_media
where kind = 'image'
group by tenant, content_type
"""

# In the order in which they are made: some read others.
VIEWS = {
    "subject_listings": SUBJECT_LISTINGS,
    "accepted_media": ACCEPTED_MEDIA,
    "subjects_without_media": SUBJECTS_WITHOUT_MEDIA,
    "candidates": CANDIDATES,
    "image_stats": IMAGE_STATS,
    "image_by_source": IMAGE_BY_SOURCE,
    "image_by_type": IMAGE_BY_TYPE,
}


def upgrade() -> None:
    for view in VIEWS.values():
        op.execute(view)


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"drop view media.{name}")
