"""The groups of a whole library: what is written, that it is written once, and that a part of it is as good as all."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from media_pipeline.errors import CatalogError
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.duplicates.assets import DUE_AT_A_TIME, regroup
from media_pipeline.stores.catalog import duplicates, tables
from media_pipeline.stores.catalog.duplicates import changes
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.group.catalogs import fill, turned


def _id(number: int) -> UUID:
    return UUID(int=number)


def _rows(library: Library, *tiers: str) -> list[tuple[Any, ...]]:
    """(a, b, bits, cosine) of the pairs of these tiers."""
    similar = tables.similarities
    columns = (similar.c.media_a, similar.c.media_b, similar.c.phash_distance, similar.c.cosine)
    with library.engine.connect() as connection:
        rows = connection.execute(select(*columns).where(similar.c.tier.in_(tiers)).order_by(*columns[:2]))
        return [tuple(row) for row in rows]


def _groups(library: Library) -> dict[UUID, tuple[UUID, list[UUID]]]:
    """(keeper, members) by group."""
    groups, members = tables.duplicate_groups, tables.duplicate_members
    with library.engine.connect() as connection:
        found: dict[UUID, tuple[UUID, list[UUID]]] = {
            row.group_id: (row.keeper_media_id, [])
            for row in connection.execute(select(groups).where(groups.c.tier == "near"))
        }
        for row in connection.execute(select(members).order_by(members.c.media_id)):
            if row.group_id in found:
                found[row.group_id][1].append(row.media_id)
    return found


def _members(library: Library) -> list[list[UUID]]:
    return sorted(members for _, members in _groups(library).values())


def test_thousands_of_files_of_one_picture_are_one_group_of_as_many_rows(library: Library) -> None:
    """More than are read or written at a time; each member is compared with the keeper alone. A picture whose hash is
    alone is in no group, though its vector is that of the others."""
    # 64 hashes within 6 bits of each other, each of fewer files than are set apart.
    copies = DUE_AT_A_TIME + 100
    fill(library, [f"{number % 64:016x}" for number in range(copies)] + ["ffffffffffffffff"])
    report = regroup(Run(library, "test"))
    assert report.of("duplicate_groups") == {("done", ""): copies + 1}
    groups, similar = tables.duplicate_groups, tables.similarities
    with library.engine.connect() as connection:
        (group,) = connection.execute(select(groups)).all()
        assert (group.keeper_media_id, group.media_count, group.file_count) == (_id(1), copies, copies)
        counted = select(func.count(), func.min(similar.c.phash_distance), func.max(similar.c.phash_distance))
        near = similar.c.tier == "near"
        assert connection.execute(counted.where(near, similar.c.media_a == _id(1))).one() == (copies - 1, 0, 6)
        assert connection.scalar(select(func.count()).where(near)) == copies - 1
        assert connection.scalar(select(func.count()).select_from(tables.duplicate_members)) == copies
    assert regroup(Run(library, "again")).of("duplicate_groups") == {}


def test_a_chain_is_written_as_its_stars(library: Library) -> None:
    """The lower id first in each pair, with the bits between member and keeper and what it passed by. The one that is
    left is a pair to look at, for its vector is the same."""
    fill(library, ["0000000000000000", "000000000000003f", "0000000000000fff", "00000000ffff0000"])
    regroup(Run(library, "test"))
    assert _rows(library, "near") == [(_id(1), _id(2), 6, 1.0)]
    assert (_id(1), _id(3), 12, 1.0) in _rows(library, "candidate")
    with library.engine.connect() as connection:
        tests = connection.scalar(select(tables.similarities.c.tests).where(tables.similarities.c.tier == "near"))
    assert tests == [{"test": "phash <= 6", "by": 0}, {"test": "cosine >= 0.95", "by": 0.05}]


def test_fewer_bits_may_be_asked_for(library: Library) -> None:
    """Then 6 bits are too many, and what was done with 6 is due again."""
    fill(library, ["0000000000000000", "000000000000003f"])
    regroup(Run(library, "test"))
    stricter = library.settings.model_copy(update={"duplicate_bits": 5})
    object.__setattr__(library, "settings", stricter)
    assert regroup(Run(library, "stricter")).of("duplicate_groups") == {("done", ""): 2}
    assert _groups(library) == {}


def test_a_library_without_pictures_has_no_groups(library: Library) -> None:
    """Nothing is due, and nothing breaks."""
    assert regroup(Run(library, "test")).of("duplicate_groups") == {}


def test_a_hash_that_too_many_share_is_set_apart(library: Library) -> None:
    """201 files of one hash are no group; of another 200 are. When one of the 201 is gone, they are one again."""
    fill(library, ["0000000000000000"] * 201 + ["ffffffffffffffff"] * 200)
    regroup(Run(library, "test"))
    apart = tables.duplicates_set_apart
    with library.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(apart)) == 201
        assert set(connection.scalars(select(apart.c.reason))) == {"hash shared by more than 200 files"}
    assert [len(members) for members in _members(library)] == [200]
    with library.engine.begin() as connection:
        hashes, rows = tables.hashes, tables.ledger
        connection.execute(update(hashes).where(hashes.c.media_id == _id(1)).values(phash="0f0f0f0f0f0f0f0f"))
        due = (rows.c.output == "duplicate_groups", rows.c.item_id == _id(1))
        connection.execute(update(rows).where(*due).values(version=""))
    regroup(Run(library, "again"), whole=False)
    assert [len(members) for members in _members(library)] == [200, 200]
    with library.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(apart)) == 0


def test_who_was_in_a_group_with_a_changed_picture_is_looked_at_again(library: Library) -> None:
    """The keeper shows something else now: those that it leaves behind are still one picture."""
    fill(library, ["0000000000000000", "0000000000000001", "0000000000000003"], facts=[{"width_px": 99}])
    regroup(Run(library, "one"))
    assert _members(library) == [[_id(1), _id(2), _id(3)]]
    with library.engine.begin() as connection:
        hashes, rows = tables.hashes, tables.ledger
        connection.execute(update(hashes).where(hashes.c.media_id == _id(1)).values(phash="0f0f0f0f0f0f0f0f"))
        due = (rows.c.output == "duplicate_groups", rows.c.item_id == _id(1))
        connection.execute(update(rows).where(*due).values(version=""))
    regroup(Run(library, "two"), whole=False)
    assert _members(library) == [[_id(2), _id(3)]]


def test_a_group_keeps_its_id_while_its_keeper_remains(library: Library) -> None:
    """A smaller copy joins; a larger one takes over, and the event says from whom."""
    fill(library, ["0000000000000000", "0000000000000001"], first=10)
    regroup(Run(library, "one"))
    (before,) = _groups(library)
    fill(library, ["0000000000000003"], first=20, facts=[{"width_px": 4}])
    regroup(Run(library, "two"), whole=False)
    assert _groups(library) == {before: (_id(10), [_id(10), _id(11), _id(20)])}
    fill(library, ["0000000000000003"], first=30, facts=[{"width_px": 99}])
    regroup(Run(library, "three"), whole=False)
    ((after, (keeper, members)),) = _groups(library).items()
    assert (keeper, len(members)) == (_id(30), 4)
    events = tables.duplicate_events
    with library.engine.connect() as connection:
        rows = connection.execute(select(events.c.what, events.c.group_id, events.c.previous_group_ids)).all()
    assert [tuple(row) for row in rows] == [("new_keeper", after, [str(before)])]


def test_what_became_of_groups_is_told_by_their_members() -> None:
    """Growing and shrinking are no events."""
    a, b, c, d = map(_id, (101, 102, 103, 104))
    one, two, three, four = map(_id, (1, 2, 3, 4))
    assert list(changes({a: [one, two]}, {a: [one, two, three]})) == []
    assert list(changes({a: [one, two, three]}, {a: [one, two]})) == []
    assert list(changes({a: [one, two]}, {})) == [("dissolved", a, [a])]
    assert list(changes({a: [one, two]}, {b: [one, two]})) == [("new_keeper", b, [a])]
    assert list(changes({a: [one, two], b: [three, four]}, {a: [one, two, three, four]})) == [("merged", a, [a, b])]
    assert list(changes({a: [one, two, three, four]}, {c: [one, two], d: [three, four]})) == [
        ("split", c, [a]),
        ("split", d, [a]),
    ]


def test_a_run_that_fails_says_so(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the groups of before stay; the next run begins again."""
    fill(library, ["0000000000000000", "0000000000000001"])

    def broken(*_: object, **__: object) -> None:
        raise CatalogError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(duplicates, "read_hashes", broken)
        with pytest.raises(CatalogError):
            regroup(Run(library, "bad"))
    runs = tables.duplicate_runs
    with library.engine.connect() as connection:
        row = connection.execute(select(runs)).one()
        assert (row.run_id, row.status, row.detail) == ("bad", "failed", "CatalogError: the disk is full")
    regroup(Run(library, "good"))
    with library.engine.connect() as connection:
        assert connection.scalar(select(runs.c.status)) == "done"
    assert len(_groups(library)) == 1


PICTURES = st.lists(st.tuples(st.integers(0, 2**11 - 1), st.sampled_from([0.0, 0.2, 0.4, 1.5])), max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PICTURES, PICTURES, st.lists(st.integers(0, 15), max_size=3))
def test_what_new_pictures_meet_is_all_that_a_whole_run_would_change(
    library: Library, first: list[tuple[int, float]], later: list[tuple[int, float]], altered: list[int]
) -> None:
    """Near groups and their pairs: run by run over what is new or changed, and all at once, end alike; to the row."""
    with library.engine.begin() as connection:
        names = ", ".join(f"media.{table.name}" for table in tables.metadata.tables.values())
        connection.execute(text(f"truncate {names} cascade"))
    for number, pictures in ((1, first), (100, later)):
        hashes = [f"{one:016x}" for one, _ in pictures]
        sizes = [{"width_px": 1 + one % 3} for one, _ in pictures]
        if pictures:
            vectors = turned(library, [angle for _, angle in pictures])
            fill(library, hashes, first=number, vectors=vectors, facts=sizes)
        regroup(Run(library, "part"), whole=False)
    rows, table = tables.ledger, tables.hashes
    with library.engine.begin() as connection:
        for place in altered:
            media = _id(1 + place)
            connection.execute(update(table).where(table.c.media_id == media).values(phash=f"{place * 37:016x}"))
            due = (rows.c.output == "duplicate_groups", rows.c.item_id == media)
            connection.execute(update(rows).where(*due).values(version=""))
    regroup(Run(library, "part"), whole=False)
    in_parts = (_groups(library), _rows(library, "near"), _rows(library, "candidate"))
    with library.engine.begin() as connection:
        connection.execute(update(rows).where(rows.c.output == "duplicate_groups").values(version=""))
    regroup(Run(library, "whole"), whole=True)
    assert in_parts == (_groups(library), _rows(library, "near"), _rows(library, "candidate"))


def test_vectors_in_one_plane_have_the_cosine_of_their_angle(library: Library) -> None:
    """What the tests above rely on."""
    one, other = turned(library, [0.0, 0.4])
    assert float(np.dot(one, other)) == pytest.approx(math.cos(0.4), abs=1e-6)
