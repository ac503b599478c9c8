"""training views

`training_general`: every image that is not a lesser copy of another, with its licence beside it.
`training_hq`: of these the ones with quality_points >= 70 whose every listing is under an open licence.
A file that one listing calls open and another does not is not open: deny by default.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TRAINING_GENERAL = """
create view media.training_general as
with offers as (
    select
        l.tenant,
        l.media_id,
        bool_and(s.licence_is_open) as license_ok,
        -- Of several listings the least open one speaks, so that its terms are seen.
        (array_agg(s.licence order by s.licence_is_open, s.listing_id))[1] as licence,
        (array_agg(s.licence_family order by s.licence_is_open, s.listing_id))[1] as licence_family,
        (array_agg(s.attribution order by s.licence_is_open, s.listing_id))[1] as attribution,
        (array_agg(s.page_url order by s.licence_is_open, s.listing_id))[1] as page_url,
        (array_agg(s.subject_id order by s.licence_is_open, s.listing_id))[1] as subject_id,
        count(*) as listing_count
    from media.media_links l
    join media.source_listings s using (tenant, listing_id)
    group by l.tenant, l.media_id
),
lesser_copies as (
    select m.tenant, m.media_id
    from media.duplicate_members m
    join media.duplicate_groups g using (tenant, group_id)
    where m.media_id <> g.keeper_media_id
)
select
    m.tenant,
    m.media_id,
    m.public_code,
    m.sha256,
    m.blob_key,
    m.content_type,
    m.size_bytes,
    m.home_source as source,
    d.width_px,
    d.height_px,
    d.taken_at,
    h.phash,
    q.quality_points,
    o.licence,
    o.licence_family,
    o.license_ok,
    o.attribution,
    o.page_url,
    o.subject_id,
    o.listing_count
from media.media m
join offers o using (tenant, media_id)
join media.metadata d using (tenant, media_id)
left join media.hashes h using (tenant, media_id)
left join media.quality q using (tenant, media_id)
where m.kind = 'image'
  and not exists (select from lesser_copies c where c.tenant = m.tenant and c.media_id = m.media_id)
"""

TRAINING_HQ = """
create view media.training_hq as
select * from media.training_general where quality_points >= 70 and license_ok
"""


def upgrade() -> None:
    op.execute(TRAINING_GENERAL)
    op.execute(TRAINING_HQ)


def downgrade() -> None:
    op.execute("drop view media.training_hq")
    op.execute("drop view media.training_general")
