"""Reviewing duplicates: what people decide holds, no licence is lost by it, and all of it can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text, update

from media_pipeline.errors import ConfigError
from media_pipeline.operations.duplicate_listing import candidates, groups, held
from media_pipeline.operations.duplicate_thresholds import calibrate
from media_pipeline.operations.duplicates import merge, reject, standing, undo
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.duplicates.assets import regroup
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.group.catalogs import fill, turned
from media_pipeline_tests.stages.vector_libraries import cut_frame

CLOSED = {"licence": "CC-BY-NC-4.0", "licence_family": "cc-by-nc", "licence_is_open": False}
SHARE_ALIKE = {"licence": "CC-BY-SA-4.0", "licence_family": "cc-by-sa"}
SOME = ["0000000000000000", "0000000000000001", "00000000ffffffff", "ffffffff00000000"]


def _id(number: int) -> UUID:
    return UUID(int=number)


def _members(library: Library) -> list[list[int]]:
    """The groups of tier near, by number."""
    return sorted(
        sorted(file.media_id.int for file in group.files)
        for group in groups(library, limit=100)
        if group.tier == "near"
    )


def _shown(library: Library) -> dict[int, tuple[bool, str, int]]:
    """(license_ok, licence, listings) of every row of the general training view."""
    with library.engine.connect() as connection:
        rows = connection.execute(text("select * from media.training_general")).all()
    return {row.media_id.int: (row.license_ok, row.licence, row.listing_count) for row in rows}


def _everything(library: Library) -> dict[str, Any]:
    """All that a run or a reader sees: groups, pairs, views; not the log of what was decided."""
    with library.engine.connect() as connection:
        return {
            name: list(map(tuple, connection.execute(text(f"select * from media.{name} order by 1, 2, 3"))))  # noqa: S608
            for name in (
                *("duplicate_groups", "duplicate_members", "similarities", "stands_for", "training_general"),
                *("media", "media_links", "metadata", "source_listings"),
            )
        }


def test_three_answers_are_never_mixed_up(library: Library) -> None:
    """Nobody has looked; somebody has, and there are none; some came since; there are some."""
    assert standing(library).state == "not run"
    fill(library, ["0000000000000000"])
    assert standing(library).state == "not run"
    regroup(Run(library, "test"))
    assert (standing(library).state, standing(library).detail) == ("none", "")
    fill(library, ["0000000000000001"], first=2)
    assert standing(library).detail == "1 media came or changed since: media-pipeline run"
    regroup(Run(library, "test"))
    found = standing(library)
    assert (found.state, found.groups, found.media, found.due) == ("found", 1, 2, 0)
    with library.engine.begin() as connection:
        connection.execute(update(tables.duplicate_runs).values(status="failed", detail="no disk"))
    assert (standing(library).state, standing(library).detail) == ("failed", "the last run failed: no disk")


def test_a_merge_keeps_one_with_what_is_known_of_all(library: Library) -> None:
    """A field that the kept file lacks comes from another, and says which; words, links and licences are united."""
    facts: list[dict[str, Any]] = [
        {"title": "A fly agaric", "keywords": ["red"], "latitude": 1.5, "width_px": 99},
        {"title": "agaric", "creator": "somebody", "keywords": ["red", "forest"]},
    ]
    fill(library, SOME, facts=facts, listing=[{}, {**CLOSED, "attribution": "(c) somebody"}])
    regroup(Run(library, "test"))
    (group,) = groups(library, limit=10)
    done = merge(library, [str(group.group_id)], by="a reviewer")
    assert (done.words, done.regrouped) == ("1 merged into CODE-1", True)
    fields = tables.merged_fields
    with library.engine.connect() as connection:
        rows = connection.execute(select(fields).order_by(fields.c.place)).all()
    told = [(row.field, row.value, [int(UUID(one)) for one in row.from_media_ids]) for row in rows]
    assert ("title", "A fly agaric", [1]) in told
    assert ("creator", "somebody", [2]) in told
    assert ("latitude", 1.5, [1]) in told
    assert [one for one in told if one[0] == "keyword"] == [("keyword", "red", [1, 2]), ("keyword", "forest", [2])]
    assert [one[2] for one in told if one[0] == "link"] == [[1], [2]]
    assert [(one[1]["licence"], one[1]["attribution"]) for one in told if one[0] == "licence"] == [
        ("CC-BY-4.0", None),
        ("CC-BY-NC-4.0", "(c) somebody"),
    ]


def test_a_merge_keeps_tags_and_the_licence_of_a_video_whose_frame_is_merged(library: Library) -> None:
    """Whose tags they are is told; a frame has no link of its own, and is under the terms of its video all the same."""
    video, frame, other = fill(library, SOME[:3], listing=[{**CLOSED, "attribution": "(c) a film"}])
    cut_frame(library, video=video, frame=frame)
    own = {"tenant": library.tenant, "score": None}
    said = [(frame, "cap", "manual"), (other, "cap", "manual"), (other, "cap", "auto"), (other, "gills", "manual")]
    with library.engine.begin() as connection:
        connection.execute(
            insert(tables.tags),
            [own | {"media_id": one, "tag": tag, "source": source} for one, tag, source in said],
        )
    merge(library, ["CODE-2", "CODE-3"], keeper="CODE-3")
    fields = tables.merged_fields
    with library.engine.connect() as connection:
        rows = connection.execute(select(fields).order_by(fields.c.place)).all()
    told = [(row.field, row.value, [int(UUID(one)) for one in row.from_media_ids]) for row in rows]
    assert [one[1:] for one in told if one[0] == "tag"] == [
        ({"tag": "cap", "source": "manual"}, [2, 3]),
        ({"tag": "gills", "source": "manual"}, [3]),
        ({"tag": "cap", "source": "auto"}, [3]),
    ]
    assert {(one[1]["licence"], one[1]["attribution"]) for one in told if one[0] == "licence"} == {
        ("CC-BY-4.0", None),
        ("CC-BY-NC-4.0", "(c) a film"),
    }
    assert _shown(library)[3][:2] == (False, "CC-BY-NC-4.0")


def test_no_place_is_told_by_a_merge_where_one_is_sensitive(library: Library) -> None:
    """The other's place would tell where the sensitive one is."""
    facts: list[dict[str, Any]] = [{"is_sensitive_place": True}, {"latitude": 47.1, "longitude": 8.2}]
    fill(library, SOME[:2], facts=facts)
    merge(library, ["CODE-1", "CODE-2"], keeper="CODE-1")
    with library.engine.connect() as connection:
        names = set(connection.scalars(select(tables.merged_fields.c.field)))
    assert not names & {"latitude", "longitude"}
    assert "is_sensitive_place" in names


def test_no_licence_is_lost_with_a_copy_that_is_not_shown(library: Library) -> None:
    """Of a group, and of what was merged: the least open one speaks for the keeper, and closes it."""
    fill(library, SOME, listing=[{}, CLOSED, {}, SHARE_ALIKE])
    assert _shown(library)[1] == (True, "CC-BY-4.0", 1)
    regroup(Run(library, "test"))
    assert _shown(library) == {
        1: (False, "CC-BY-NC-4.0", 2),
        3: (True, "CC-BY-4.0", 1),
        4: (True, "CC-BY-SA-4.0", 1),
    }
    merge(library, ["CODE-3", "CODE-4"], keeper="CODE-3")
    assert _shown(library)[3] == (True, "CC-BY-SA-4.0", 2)
    assert set(_shown(library)) == {1, 3}
    merge(library, ["CODE-1", "CODE-3"], keeper="CODE-3")
    assert _shown(library) == {3: (False, "CC-BY-NC-4.0", 4)}


def test_a_merge_that_turns_a_group_round_hides_nobody_for_good(library: Library) -> None:
    """The lesser copy is chosen: it is shown at once, and stays the keeper in every later run."""
    fill(library, SOME[:2], facts=[{"width_px": 99}, {}])
    regroup(Run(library, "test"))
    assert set(_shown(library)) == {1}
    merge(library, ["CODE-1", "CODE-2"], keeper="CODE-2")
    assert set(_shown(library)) == {2}
    with library.engine.begin() as connection:
        connection.execute(update(tables.ledger).where(tables.ledger.c.output == "duplicate_groups").values(version=""))
    regroup(Run(library, "again"), whole=True)
    (group,) = groups(library, limit=10)
    assert (group.files[0].code, group.reason) == ("CODE-2", "chosen by a person")


def test_a_rejected_pair_is_never_grouped_again(library: Library) -> None:
    """Nor shown for review, whatever it scores; taken back, it is as before."""
    fill(library, SOME[:2])
    regroup(Run(library, "test"))
    (decision,) = reject(library, ["CODE-1", "CODE-2"])
    assert (decision.words, _members(library), candidates(library, limit=9)) == ("CODE-1 is not CODE-2", [], [])
    assert reject(library, ["CODE-2", "CODE-1"]) == []
    with library.engine.begin() as connection:
        connection.execute(update(tables.ledger).where(tables.ledger.c.output == "duplicate_groups").values(version=""))
    regroup(Run(library, "again"), whole=True)
    assert (_members(library), candidates(library, limit=9)) == ([], [])
    undo(library, str(decision.decision_id))
    assert _members(library) == [[1, 2]]


def test_decisions_that_contradict_are_refused_by_name(library: Library) -> None:
    """Both ways round, and through a third."""
    fill(library, SOME)
    regroup(Run(library, "test"))
    (decision,) = reject(library, ["CODE-1", "CODE-3"])
    with pytest.raises(ConfigError, match=f"different: media-pipeline duplicates undo {decision.decision_id}"):
        merge(library, ["CODE-1", "CODE-3"], keeper="CODE-1")
    merge(library, ["CODE-1", "CODE-2"], keeper="CODE-2")
    with pytest.raises(ConfigError, match="CODE-1 and CODE-2 are one picture"):
        reject(library, ["CODE-1", "CODE-2"])
    with pytest.raises(ConfigError, match="CODE-1 and CODE-3"):
        merge(library, ["CODE-2", "CODE-3"], keeper="CODE-3")


def test_what_is_typed_wrongly_is_told(library: Library) -> None:
    """Which name, and what would do."""
    fill(library, SOME, listing=[{"source_key": "same"}, {"source_key": "same", "edition": "2"}])
    for call, words in (
        (lambda: merge(library, ["CODE-1"], keeper="CODE-1"), "two files or more"),
        (lambda: merge(library, ["CODE-1", "CODE-2"]), "--keeper"),
        (lambda: merge(library, ["CODE-1", "CODE-2"], keeper="CODE-3"), "none of the files"),
        (lambda: merge(library, ["CODE-1", "CODE-9"], keeper="CODE-1"), "'CODE-9' is no group, code, id or file name"),
        (lambda: reject(library, ["CODE-1"]), "name both"),
        (lambda: reject(library, ["same"]), "names 2 files"),
        (lambda: undo(library, "0123456789"), "no merge or decision"),
        (lambda: undo(library, "%"), "no merge or decision"),
    ):
        with pytest.raises(ConfigError, match=words):
            call()
    assert held(library) == []


def test_merges_are_undone_from_the_latest(library: Library) -> None:
    """The first is built upon; a merge is undone whole, and once."""
    fill(library, SOME)
    regroup(Run(library, "test"))
    before = _everything(library)
    first = merge(library, ["CODE-1", "CODE-2"], keeper="CODE-2")
    second = merge(library, ["CODE-2", "CODE-3"], keeper="CODE-3")
    with pytest.raises(ConfigError, match="merged already"):
        merge(library, ["CODE-2", "CODE-3"], keeper="CODE-3")
    assert [one.what for one in held(library)] == ["merge", "merge"]
    assert set(_shown(library)) == {3, 4}
    with pytest.raises(ConfigError, match=f"undo {second.decision_id} first"):
        undo(library, str(first.decision_id))
    decisions = tables.duplicate_decisions
    with library.engine.connect() as connection:
        part = connection.scalar(select(decisions.c.decision_id).where(decisions.c.merge_id == first.decision_id))
    with pytest.raises(ConfigError, match="part of a merge"):
        undo(library, str(part))
    undo(library, str(second.decision_id))
    undo(library, str(first.decision_id)[:13])
    assert _everything(library) == before
    with pytest.raises(ConfigError, match="undone already"):
        undo(library, str(first.decision_id))


STEPS = st.lists(
    st.tuples(st.sampled_from(["merge", "reject"]), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_was_decided_undone_it_is_as_before(library: Library, steps: list[tuple[str, int, int]]) -> None:
    """And while it holds, each decision is seen in the groups of a whole run."""
    with library.engine.begin() as connection:
        names = ", ".join(f"media.{table.name}" for table in tables.metadata.tables.values())
        connection.execute(text(f"truncate {names} cascade"))
    fill(library, [*SOME, "0000000000000003"], vectors=turned(library, [0.0, 0.0, 0.1, 0.5, 0.1]))
    regroup(Run(library, "test"))
    before = _everything(library)
    done, same, different = [], set[frozenset[int]](), set[frozenset[int]]()
    for what, a, b in steps:
        names_of_both = [f"CODE-{a}", f"CODE-{b}"]
        try:
            if what == "merge":
                done.append(merge(library, names_of_both, keeper=f"CODE-{a}"))
                same.add(frozenset((a, b)))
            else:
                done += reject(library, names_of_both)
                different.add(frozenset((a, b)))
        except ConfigError:
            continue
    with library.engine.begin() as connection:
        connection.execute(update(tables.ledger).where(tables.ledger.c.output == "duplicate_groups").values(version=""))
    regroup(Run(library, "whole"), whole=True)
    found = [set(members) for members in _members(library)]
    assert all(any(pair <= group for group in found) for pair in same)
    assert not any(pair <= group for pair in different for group in found if len(pair) == 2)
    for decision in reversed(done):
        undo(library, str(decision.decision_id))
    assert _everything(library) == before


def test_thresholds_are_judged_by_what_people_decided(library: Library) -> None:
    """One merged pair 1 bit apart, one rejected pair 1 bit apart with another vector."""
    hashes = ["0000000000000000", "0000000000000001", "00000000ffffffff", "00000000fffffffe"]
    fill(library, hashes, vectors=turned(library, [0.0, 0.1, 1.0, 1.5]))
    regroup(Run(library, "test"))
    with pytest.raises(ConfigError, match="no labelled pair"):
        calibrate(library)
    merge(library, ["CODE-1", "CODE-2"], keeper="CODE-1")
    reject(library, ["CODE-3", "CODE-4"])
    scores, able, unable = calibrate(library)
    assert (able, unable) == (2, 0)
    by = {(score.bits, score.cosine): (score.precision, score.recall) for score in scores}
    assert by[6, 0.0] == (0.5, 1.0)
    assert by[6, 0.95] == (1.0, 1.0)
    assert by[6, 0.99] == (1.0, 1.0)
    assert by[6, 0.85] == (0.5, 1.0)


def test_labelled_pairs_may_come_from_a_table(library: Library, tmp_path: Path) -> None:
    """A line that is wrong is told with its number."""
    fill(library, SOME[:3])
    path = tmp_path / "pairs.csv"
    path.write_text("a,b,same\nCODE-1,2.jpg,yes\nCODE-1,CODE-3,no\n")
    _, able, _ = calibrate(library, path)
    assert able == 2
    path.write_text("a,b,same\nCODE-1,CODE-2,perhaps\nCODE-1,CODE-7,no\n")
    with pytest.raises(ConfigError, match=r"pairs.csv:2: same: 'perhaps'.*\n.*pairs.csv:3: 'CODE-7'"):
        calibrate(library, path)
    path.write_text("one,two\n")
    with pytest.raises(ConfigError, match="columns a, b and same"):
        calibrate(library, path)


def test_a_merge_deletes_nothing(library: Library) -> None:
    """Every media, link and fact is there as it was."""
    fill(library, SOME)
    before = {name: rows for name, rows in _everything(library).items() if name in ("media", "media_links", "metadata")}
    merge(library, ["CODE-1", "CODE-4"], keeper="CODE-1")
    after = _everything(library)
    assert {name: after[name] for name in before} == before
    with library.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.media)) == 4


def test_media_of_another_tenant_are_not_found(library: Library) -> None:
    """Nor does the refusal tell that they exist."""
    fill(library, SOME[:2])
    row = {"tenant": "other", "media_id": _id(77), "sha256": "x", "public_code": "CODE-77", "home_source": "uploads"}
    row |= {"home_partition": "uploads", "kind": "image", "content_type": "image/jpeg", "extension": "jpg"}
    with library.engine.begin() as connection:
        connection.execute(insert(tables.media).values(**row, size_bytes=1, blob_key="k"))
    with pytest.raises(ConfigError, match="'CODE-77' is no group, code, id or file name"):
        merge(library, ["CODE-1", "CODE-77"], keeper="CODE-1")
