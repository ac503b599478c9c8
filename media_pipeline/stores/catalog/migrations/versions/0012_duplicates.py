"""duplicates: tests of each pair, events, set apart, the last run, what people decide and merge; views that know it

One row of `training_general` is one picture: the keeper of a group, or the file that others were merged into. It stands
under the licences of all its files, so that none is lost with a copy that is not shown: the least open one speaks, and
`licences` has all of them.
"""

from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FIRST = import_module("media_pipeline.stores.catalog.migrations.versions.0002_training_views")
FORMER = import_module("media_pipeline.stores.catalog.migrations.versions.0010_describe")

STANDS_FOR = """
create view media.stands_for as
with merged as (
    select distinct on (m.tenant, m.media_id) m.tenant, m.media_id, m.merged_into
    from media.merged_media m
    join media.media_merges g using (tenant, merge_id)
    where g.undone_at is null
    order by m.tenant, m.media_id, g.number desc
),
lesser as (
    select m.tenant, m.media_id, g.keeper_media_id
    from media.duplicate_members m
    join media.duplicate_groups g using (tenant, group_id)
    where m.media_id <> g.keeper_media_id
      -- A keeper that was merged since into one of these: the group is of before.
      and not exists (select from merged x where x.tenant = g.tenant and x.media_id = g.keeper_media_id)
)
select x.tenant, x.media_id, coalesce(l.keeper_media_id, x.merged_into) as keeper_media_id
from merged x
left join lesser l on l.tenant = x.tenant and l.media_id = x.merged_into
union all
select l.tenant, l.media_id, l.keeper_media_id
from lesser l
where not exists (select from merged x where x.tenant = l.tenant and x.media_id = l.media_id)
"""

TRAINING_GENERAL = """
create view media.training_general as
with changes as (
    select tenant, listing_id, max(noticed_at) as noticed_at
    from media.listing_changes where what = 'licence' group by tenant, listing_id
),
offers as (
    select
        l.tenant,
        coalesce(f.keeper_media_id, l.media_id) as media_id,
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
        count(*) as listing_count,
        jsonb_agg(
            jsonb_build_object(
                'licence', s.licence, 'attribution', s.attribution, 'page_url', s.page_url, 'media_id', l.media_id
            )
            order by s.place
        ) as licences
    from media.media_offers l
    left join media.stands_for f using (tenant, media_id)
    join (
        select *, row(
            licence_is_open, vanished_at is null, allows_commercial, allows_derivatives,
            licence_family <> 'cc-by-sa', not needs_attribution, listing_id
        ) as place
        from media.source_listings
    ) s using (tenant, listing_id)
    left join changes c using (tenant, listing_id)
    group by l.tenant, coalesce(f.keeper_media_id, l.media_id)
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
    o.licence_changed_at,
    m.parent_media_id,
    m.offset_s,
    o.licences
from media.media m
join offers o using (tenant, media_id)
join media.metadata d using (tenant, media_id)
left join media.hashes h using (tenant, media_id)
left join media.quality q using (tenant, media_id)
where m.kind = 'image'
  and not exists (
    select from media.audio_waveforms w where w.tenant = m.tenant and w.waveform_media_id = m.media_id
  )
  and not exists (select from media.stands_for c where c.tenant = m.tenant and c.media_id = m.media_id)
"""


def upgrade() -> None:
    op.execute("drop view media.training_hq")
    op.execute("drop view media.training_general")
    _similarities()
    _facts()
    _of_people()
    op.execute(STANDS_FOR)
    op.execute(TRAINING_GENERAL + FORMER.NOT_ABOVE)
    op.execute(FIRST.TRAINING_HQ)


def downgrade() -> None:
    for view in ("training_hq", "training_general", "stands_for"):
        op.execute(f"drop view media.{view}")
    for table in (
        *("duplicate_decisions", "merged_fields", "merged_media", "media_merges"),
        *("duplicate_runs", "duplicate_events", "duplicates_set_apart"),
    ):
        op.drop_table(table, schema="media")
    op.drop_index("duplicate_members_by_media", "duplicate_members", schema="media")
    op.drop_index("similarities_by_second", "similarities", schema="media")
    op.drop_column("similarities", "tests", schema="media")
    # Of what people joined no distance may be known, and candidates were not kept: the next run finds the others again.
    op.execute("delete from media.similarities where tier <> 'near' or phash_distance is null or cosine is null")
    for name in ("phash_distance", "cosine"):
        op.alter_column("similarities", name, nullable=False, schema="media")
    op.execute(FORMER.TRAINING_GENERAL)
    op.execute(FIRST.TRAINING_HQ)


def _similarities() -> None:
    for name in ("phash_distance", "cosine"):
        op.alter_column("similarities", name, nullable=True, schema="media")
    tests = sa.Column("tests", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))
    op.add_column("similarities", tests, schema="media")
    op.alter_column("similarities", "tests", server_default=None, schema="media")
    op.create_index("similarities_by_second", "similarities", ["tenant", "media_b"], schema="media")
    op.create_index("duplicate_members_by_media", "duplicate_members", ["tenant", "media_id"], schema="media")


def _facts() -> None:
    op.create_table(
        "duplicates_set_apart",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("phash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "media_id", name="duplicates_set_apart_pkey"),
        _to_media("duplicates_set_apart", "media_id"),
        schema="media",
    )
    op.create_table(
        "duplicate_events",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("previous_group_ids", JSONB(), nullable=False),
        _now("happened_at"),
        sa.PrimaryKeyConstraint("tenant", "event_id", name="duplicate_events_pkey"),
        sa.CheckConstraint(
            "what in ('merged', 'split', 'new_keeper', 'dissolved')", name=op.f("duplicate_events_what")
        ),
        schema="media",
    )
    op.create_table(
        "duplicate_runs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _now("began_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", name="duplicate_runs_pkey"),
        sa.CheckConstraint("status in ('running', 'done', 'failed')", name=op.f("duplicate_runs_status")),
        schema="media",
    )


def _of_people() -> None:
    op.create_table(
        "media_merges",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("keeper_media_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        _now("decided_at"),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "merge_id", name="media_merges_pkey"),
        _to_media("media_merges", "keeper_media_id"),
        schema="media",
    )
    op.create_table(
        "merged_media",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "merge_id", "media_id", name="merged_media_pkey"),
        _to_merge("merged_media"),
        _to_media("merged_media", "media_id"),
        _to_media("merged_media", "merged_into"),
        schema="media",
    )
    op.create_index("merged_media_by_media", "merged_media", ["tenant", "media_id"], schema="media")
    op.create_table(
        "merged_fields",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("from_media_ids", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "merge_id", "field", "place", name="merged_fields_pkey"),
        _to_merge("merged_fields"),
        schema="media",
    )
    op.create_table(
        "duplicate_decisions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("media_a", sa.Uuid(), nullable=False),
        sa.Column("media_b", sa.Uuid()),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("merge_id", sa.Uuid()),
        _now("decided_at"),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant", "decision_id", name="duplicate_decisions_pkey"),
        sa.CheckConstraint("what in ('duplicate', 'not_duplicate', 'keeper')", name=op.f("duplicate_decisions_what")),
        sa.CheckConstraint(
            "(what = 'keeper') = (media_b is null) and media_a is distinct from media_b",
            name=op.f("duplicate_decisions_pair"),
        ),
        _to_media("duplicate_decisions", "media_a"),
        _to_media("duplicate_decisions", "media_b"),
        _to_merge("duplicate_decisions"),
        schema="media",
    )


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _to_media(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", column],
        ["media.media.tenant", "media.media.media_id"],
        name=op.f(f"{table}_tenant_{column}_fkey"),
        ondelete="CASCADE",
    )


def _to_merge(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", "merge_id"],
        ["media.media_merges.tenant", "media.media_merges.merge_id"],
        name=op.f(f"{table}_tenant_merge_id_fkey"),
        ondelete="CASCADE",
    )
