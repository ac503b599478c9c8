"""Clusters of a whole library: joined, made anew, named; ids and names that stay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from rich.console import Console
from sqlalchemy import insert, select

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.clusters import cluster_selection, list_clusters, recluster, rename
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.clusters.assets import update_clusters
from media_pipeline.stages.group.clusters.centroids import summands
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.vector_libraries import cut_frame, directions, draw_sound, embed, fill, near


def groups(library: Library) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    members = tables.cluster_members
    with library.engine.connect() as connection:
        for row in connection.execute(select(members.c.cluster_id, members.c.media_id)):
            found.setdefault(row.cluster_id, set()).add(row.media_id)
    return found


def rows(library: Library) -> dict[UUID, Any]:
    with library.engine.connect() as connection:
        return {row.cluster_id: row for row in connection.execute(select(tables.clusters))}


def events(library: Library) -> list[tuple[str, UUID, UUID | None, int]]:
    told = tables.cluster_events
    with library.engine.connect() as connection:
        query = select(told.c.kind, told.c.cluster_id, told.c.other_id, told.c.media_count).order_by(told.c.kind)
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


def of(library: Library, media: UUID) -> UUID:
    (found,) = (one for one, members in groups(library).items() if media in members)
    return found


def test_kinds_are_clusters_and_a_second_run_changes_nothing(library: Library) -> None:
    """Two crowds and a loner; sums are exact, nothing is due twice."""
    a, b, c = directions(1, 3)
    crowd, other, lone = (
        fill(library, near(a, 2, 8)),
        fill(library, near(b, 3, 5), first=8),
        fill(library, [c], first=13),
    )
    report = update_clusters(Run(library, "first"))
    assert report.of("clusters") == {("done", ""): 14}
    assert sorted(map(sorted, groups(library).values())) == sorted(map(sorted, (crowd, other, lone)))
    row = rows(library)[of(library, lone[0])]
    assert np.frombuffer(row.vector_sum, "<i8").tolist() == summands(c[None])[0].tolist()
    assert (row.media_count, row.named_by, row.name) == (1, "number", f"Cluster {row.cluster_id.hex[:8]}")
    assert row.representatives == [str(lone[0])]
    assert len(rows(library)[of(library, crowd[0])].representatives) == 8
    before = rows(library)
    assert update_clusters(Run(library, "again")).of("clusters") == {}
    assert rows(library) == before


def test_new_media_join_or_found_a_provisional_cluster(library: Library) -> None:
    """And everything anew afterwards keeps the ids, tells the drift, and calls nothing provisional."""
    a, b = directions(1, 2)
    crowd = fill(library, near(a, 2, 6))
    update_clusters(Run(library, "first"))
    first = of(library, crowd[0])
    more, stranger = fill(library, near(a, 4, 3), first=6), fill(library, [b], first=9)
    update_clusters(Run(library, "second"))
    assert groups(library)[first] == {*crowd, *more}
    assert of(library, stranger[0]) != first
    found = rows(library)
    assert (found[first].media_count, found[first].is_provisional) == (9, False)
    assert found[of(library, stranger[0])].is_provisional
    summed = np.frombuffer(found[first].vector_sum, "<i8")

    report = update_clusters(Run(library, "anew"), anew=True)
    assert report.of("clusters") == {}
    again = rows(library)
    assert again.keys() == found.keys()
    assert (np.frombuffer(again[first].vector_sum, "<i8") == summed).all()
    assert [row.is_provisional for row in again.values()] == [False, False]
    assert again[first].drift == pytest.approx(0, abs=1e-6)
    assert events(library) == []


def test_a_media_with_another_vector_leaves_its_cluster_and_the_sum(library: Library) -> None:
    """The sum is made anew of those that stay; a cluster that nobody is left of has ended."""
    a, b, c = directions(1, 3)
    crowd, lone = fill(library, near(a, 2, 4)), fill(library, [b], first=4)
    update_clusters(Run(library, "first"))
    first, ended = of(library, crowd[0]), of(library, lone[0])
    embed(library, [crowd[3], lone[0]], np.stack([c, c]), inputs="another")
    update_clusters(Run(library, "second"))
    assert groups(library)[first] == set(crowd[:3])
    assert of(library, lone[0]) == of(library, crowd[3])
    assert events(library) == [("ended", ended, None, 0)]
    kept = near(a, 2, 4)[:3]
    assert np.frombuffer(rows(library)[first].vector_sum, "<i8").tolist() == summands(kept).sum(axis=0).tolist()


def test_another_threshold_clusters_everything_anew_and_tells_of_merges(library: Library, settings: Settings) -> None:
    """The smaller cluster is merged into the larger, whose id stays; a name that a person gave it goes with it."""
    (a,) = directions(1, 1)
    (b,) = near(a, 5, 1, far=1.0)
    crowd, other = fill(library, near(a, 2, 5)), fill(library, near(b, 3, 3), first=5)
    update_clusters(Run(library, "first"))
    first, second = of(library, crowd[0]), of(library, other[0])
    assert first != second
    assert rename(settings, str(second), "  my   cats ") == f"{second}: is called my cats"
    # A library is opened with its settings: another process has another threshold.
    looser = Library(
        settings.model_copy(update={"cluster_cosine": 0.4}),
        library.engine,
        library.blobs,
        library.bucket,
        library.index,
        library.http,
    )
    report = update_clusters(Run(looser, "second"))
    assert report.of("clusters") == {("done", ""): 8}
    assert events(library) == [("merged", second, first, 3)]
    (row,) = rows(library).values()
    assert (row.cluster_id, row.name, row.named_by) == (first, "my cats", "human")

    update_clusters(Run(library, "third"))
    ((kind, group, split, count),) = (event for event in events(library) if event[0] == "split")
    assert (kind, group, count) == ("split", first, 3)
    assert split == of(library, other[0])
    assert rows(library)[first].name == "my cats"


def test_clusters_are_called_by_their_subjects_and_people_go_before(library: Library, settings: Settings) -> None:
    """A human name stays over every clustering, can be taken back, and is nobody else's."""
    a, b = directions(1, 2)
    crowd = fill(library, near(a, 2, 6), subject="Amanita muscaria")
    other = fill(library, near(b, 3, 4), first=6, subject="Boletus edulis")
    update_clusters(Run(library, "first"))
    first, second = of(library, crowd[0]), of(library, other[0])
    assert {one: (row.name, row.named_by) for one, row in rows(library).items()} == {
        first: ("Amanita muscaria", "words"),
        second: ("Boletus edulis", "words"),
    }
    with pytest.raises(ConfigError, match=f"is the name of cluster {second}"):
        rename(settings, str(first), "Boletus edulis")
    with pytest.raises(ConfigError, match="no cluster 'Boletus'"):
        rename(settings, "Boletus", "x")
    with pytest.raises(ConfigError, match="at most 200 characters"):
        rename(settings, str(first), "x" * 201)
    rename(settings, "Amanita muscaria", "Fly agarics")
    console = Console(width=160, record=True)
    list_clusters(settings, console, limit=1)
    recluster(settings, console)
    assert rows(library)[first].name == "Fly agarics"
    told = console.export_text()
    assert "Fly agarics" in told
    assert "2 clusters; --limit shows more" in told
    assert "greatest drift of a centroid 0.000" in told
    rename(settings, str(first), "")
    recluster(settings, Console(quiet=True))
    # What it was called last is no longer anybody's word.
    assert rows(library)[first].name == "Amanita muscaria"


def test_a_model_without_a_threshold_has_no_clusters_and_says_so(library: Library, monkeypatch: Any) -> None:
    """Its cosines mean nothing yet."""
    from media_pipeline.models import Thresholds
    from media_pipeline.models.descriptor import Descriptor

    fill(library, directions(1, 2))
    update_clusters(Run(library, "first"))
    monkeypatch.setattr(Descriptor, "thresholds", Thresholds())
    report = update_clusters(Run(library, "second"))
    assert report.of("clusters") == {("not_applicable", "not_calibrated"): 2}
    assert rows(library) == {}


def test_a_selection_is_clustered_without_being_written(library: Library) -> None:
    """By any linkage, bounded; media without a vector are left out."""
    a, b = directions(1, 2)
    crowd, other = fill(library, near(a, 2, 4)), fill(library, near(b, 3, 2), first=4)
    found = cluster_selection(library, [*other, *crowd, UUID(int=5)])
    assert found == [sorted(crowd), sorted(other)]
    assert cluster_selection(library, [*other, *crowd], min_cosine=-0.9, linkage="single") == [sorted(crowd + other)]
    assert cluster_selection(library, []) == []
    assert rows(library) == {}
    with pytest.raises(ConfigError, match="10001 media are too many"):
        cluster_selection(library, [UUID(int=number) for number in range(10_001)])
    with pytest.raises(ConfigError, match="there are average, complete, single"):
        cluster_selection(library, crowd, linkage="ward")  # type: ignore[arg-type]


def test_a_library_without_pictures_has_no_clusters(library: Library, settings: Settings) -> None:
    """Neither due nor anew; the list says what to do."""
    assert update_clusters(Run(library, "test")).of("clusters") == {}
    assert update_clusters(Run(library, "test"), anew=True).of("clusters") == {}
    console = Console(record=True)
    list_clusters(settings, console, limit=5)
    assert "no clusters yet: media-pipeline run" in console.export_text()


def test_drawings_of_sounds_are_in_no_cluster(library: Library) -> None:
    """Neither when they come, nor when everything is clustered anew; the ledger says why."""
    a, b = directions(1, 2)
    crowd = fill(library, near(a, 2, 6))
    update_clusters(Run(library, "first"))
    sounds, drawn = fill(library, near(a, 3, 2), first=6), fill(library, near(b, 4, 2), first=8)
    for sound, waveform in zip(sounds, drawn, strict=True):
        draw_sound(library, sound=sound, waveform=waveform)
    report = update_clusters(Run(library, "second"))
    assert report.of("clusters") == {("done", ""): 2, ("not_applicable", "sound_has_no_look"): 2}
    assert {one for members in groups(library).values() for one in members} == {*crowd, *sounds}
    update_clusters(Run(library, "third"), anew=True)
    assert {one for members in groups(library).values() for one in members} == {*crowd, *sounds}


def test_frames_and_tags_give_names(library: Library) -> None:
    """Frames bear the subject of their video; a tag counts once for each media, whoever gave it; a person's name of the
    cluster goes before all words."""
    a, b, c = directions(1, 3)
    video, *frames = fill(library, np.concatenate([c[None], near(a, 2, 4)]), subject="Boletus edulis")
    for place, frame in enumerate(frames):
        cut_frame(library, video=video, frame=frame, place=place)
    tagged = fill(library, near(b, 3, 4), first=5)
    tag(library, tagged, "forest floor", source="auto")
    tag(library, tagged[:2], "forest floor", source="manual")
    tag(library, tagged[:1], "rare word", source="manual")
    update_clusters(Run(library, "first"))
    named = rows(library)
    assert named[of(library, frames[0])].name == "Boletus edulis"
    assert (named[of(library, tagged[0])].name, named[of(library, tagged[0])].named_by) == ("forest floor", "words")

    rename(library.settings, str(of(library, tagged[0])), "Under the beeches")
    update_clusters(Run(library, "second"), anew=True)
    assert rows(library)[of(library, tagged[0])].name == "Under the beeches"


def tag(library: Library, ids: list[UUID], word: str, *, source: str) -> None:
    own = {"tenant": library.tenant, "tag": word, "source": source, "score": 0.5 if source == "auto" else None}
    with library.engine.begin() as connection:
        connection.execute(insert(tables.tags), [own | {"media_id": one} for one in ids])
