"""training views know what has vanished, and which licence has changed

A file of which one listing has vanished from its source is not open any more: nobody can be asked under which licence
it stands. When a licence was seen to change, and why a file below HQ was taken, stand in the row.
"""

from __future__ import annotations

from importlib import import_module

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TRAINING_GENERAL = """
create view media.training_general as
with changes as (
    select tenant, listing_id, max(noticed_at) as noticed_at
    from media.listing_changes where what = 'licence' group by tenant, listing_id
),
offers as (
    select
        l.tenant,
        l.media_id,
        -- A photo that its source shows no more can be asked for no licence: deny by default.
        bool_and(s.licence_is_open and s.vanished_at is null) as license_ok,
        -- Of several listings the least open one speaks, so that its terms are seen.
        (array_agg(s.licence order by s.place))[1] as licence,
        (array_agg(s.licence_family order by s.place))[1] as licence_family,
        (array_agg(s.attribution order by s.place))[1] as attribution,
        (array_agg(s.page_url order by s.place))[1] as page_url,
        (array_agg(s.subject_id order by s.place))[1] as subject_id,
        (array_agg(s.licence_url order by s.place))[1] as licence_url,
        (array_agg(l.hq_exception order by l.hq_exception is null desc, l.listing_id))[1] as hq_exception,
        max(s.vanished_at) as vanished_at,
        max(c.noticed_at) as licence_changed_at,
        count(*) as listing_count
    from media.media_links l
    join (
        select *, row(licence_is_open, vanished_at is null, listing_id) as place from media.source_listings
    ) s using (tenant, listing_id)
    left join changes c using (tenant, listing_id)
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
    o.listing_count,
    o.licence_url,
    o.hq_exception,
    o.vanished_at,
    o.licence_changed_at
from media.media m
join offers o using (tenant, media_id)
join media.metadata d using (tenant, media_id)
left join media.hashes h using (tenant, media_id)
left join media.quality q using (tenant, media_id)
where m.kind = 'image'
  and not exists (select from lesser_copies c where c.tenant = m.tenant and c.media_id = m.media_id)
"""

FORMER = import_module("media_pipeline.stores.catalog.migrations.versions.0002_training_views")


def upgrade() -> None:
    _drop()
    op.execute(TRAINING_GENERAL)
    op.execute(FORMER.TRAINING_HQ)


def downgrade() -> None:
    _drop()
    op.execute(FORMER.TRAINING_GENERAL)
    op.execute(FORMER.TRAINING_HQ)


def _drop() -> None:
    op.execute("drop view media.training_hq")
    op.execute("drop view media.training_general")
