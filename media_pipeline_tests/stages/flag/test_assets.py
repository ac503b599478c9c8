"""Anomalies of a whole library: scored, shown with their reason, and what people said of them kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from rich.console import Console
from sqlalchemy import delete, insert, select, update

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.anomalies import list_anomalies, mark
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.flag import assets
from media_pipeline.stages.flag.assets import flag
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import hashes_row
from media_pipeline_tests.stages.vector_libraries import cut_frame, directions, draw_sound, embed, fill, near


def rows(library: Library) -> dict[UUID, Any]:
    with library.engine.connect() as connection:
        return {row.media_id: row for row in connection.execute(select(tables.anomalies))}


def shown(settings: Settings, *, state: str = "open", limit: int = 20) -> str:
    console = Console(width=200, record=True)
    list_anomalies(settings, console, state=state, limit=limit)
    return console.export_text()


def test_the_stranger_of_a_subject_is_shown_first_and_why(library: Library, settings: Settings) -> None:
    """With its nearest beside it; a review stays over every scoring."""
    a, b = directions(1, 2)
    fill(library, near(a, 2, 30), subject="Amanita muscaria")
    (stranger,) = fill(library, [b], first=30, subject="Amanita muscaria")
    assert "nothing was scored yet: media-pipeline run" in shown(settings)
    assert flag(Run(library, "first")).of("anomalies") == {("done", ""): 31}
    row = rows(library)[stranger]
    assert (row.kind, row.reason) == ("subject", "far from every other Amanita muscaria")
    assert row.score == max(one.score for one in rows(library).values())
    assert len(row.neighbours) == 6
    told = shown(settings)
    assert "far from every other Amanita muscaria" in told

    with library.engine.connect() as connection:
        code = str(connection.scalar(select(tables.media.c.public_code).where(tables.media.c.media_id == stranger)))
    assert code in told
    assert mark(settings, code, state="dismissed", note="a spore print") == f"{code}: dismissed"
    assert code not in shown(settings)
    flag(Run(library, "again"), everything=True)
    assert code not in shown(settings)
    assert code in shown(settings, state="dismissed")
    mark(settings, str(stranger), state="reviewed", note=None)
    assert code in shown(settings, state="reviewed")
    embed(library, [stranger], a[None], inputs="another file")
    flag(Run(library, "no stranger any more"))
    assert rows(library)[stranger].kind == "ordinary"
    assert code in shown(settings, state="reviewed")
    mark(settings, code, state="open", note=None)
    assert code not in shown(settings) + shown(settings, state="reviewed")
    with pytest.raises(ConfigError, match="no media 'X'"):
        mark(settings, "X", state="reviewed", note=None)
    with pytest.raises(ConfigError, match="there are open, reviewed, dismissed"):
        shown(settings, state="seen")


def test_scoring_again_changes_nothing_and_nothing_is_due_twice(library: Library) -> None:
    """The same rows, to the last digit."""
    fill(library, near(directions(1, 1)[0], 2, 20))
    flag(Run(library, "first"))
    before = rows(library)
    assert flag(Run(library, "second")).of("anomalies") == {}
    flag(Run(library, "third"), everything=True)
    assert rows(library) == before


def test_a_large_library_scores_what_is_new_and_all_of_it_in_the_night(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against what was measured of the others; afterwards it is as if all had come at once."""
    monkeypatch.setattr(assets, "MOST_SCORED_AT_ONCE", 10)
    crowd = fill(library, near(directions(1, 1)[0], 2, 30))
    flag(Run(library, "first"))
    before = rows(library)
    (stranger,) = fill(library, directions(9, 1), first=30)
    report = flag(Run(library, "second"))
    assert report.noted["anomalies"]["media whose score is of before: the nightly run scores all"] == 30
    after = rows(library)
    assert {one: after[one] for one in crowd} == before
    assert after[stranger].kind == "library"
    flag(Run(library, "night"), everything=True)
    assert rows(library)[stranger].density == pytest.approx(after[stranger].density, abs=1e-5)


def test_many_listings_of_one_picture_are_a_placeholder(library: Library, settings: Settings) -> None:
    """The same hashes in more files than the setting allows, and no others."""
    ids = fill(library, np.concatenate([near(directions(1, 1)[0], 2, 21, far=0.01), directions(5, 3)]))
    with library.engine.begin() as connection:
        connection.execute(
            insert(tables.hashes),
            [{"tenant": library.tenant, "media_id": one} | hashes_row("00ff00ff00ff00ff") for one in ids[:21]],
        )
    flag(Run(library, "test"))
    found = rows(library)
    assert {found[one].reason for one in ids[:21]} == {"one of 21 copies of one picture: a placeholder?"}
    assert {found[one].kind for one in ids[21:]} & {"placeholder"} == set()
    assert "a placeholder?" in shown(settings, limit=1)


def test_the_drawing_of_a_sound_is_not_scored_and_moves_no_score(library: Library) -> None:
    """It looks like no photograph: as one it would be the first of all. In the night neither."""
    crowd = fill(library, near(directions(1, 1)[0], 2, 20))
    sound, waveform = fill(library, directions(9, 2), first=20)
    flag(Run(library, "before"))
    draw_sound(library, sound=sound, waveform=waveform)
    with library.engine.begin() as connection:
        connection.execute(delete(tables.embeddings).where(tables.embeddings.c.media_id == sound))
        connection.execute(update(tables.ledger).where(tables.ledger.c.output == "anomalies").values(version=""))
    report = flag(Run(library, "test"))
    assert report.of("anomalies") == {("done", ""): 21, ("not_applicable", "sound_has_no_look"): 1}
    flag(Run(library, "night"), everything=True)
    assert rows(library).keys() == set(crowd)


def test_a_frame_is_of_the_subject_of_its_video(library: Library) -> None:
    """A stranger among the subject's photographs, although nothing lists the frame itself."""
    a, b = directions(1, 2)
    fill(library, near(a, 2, 30), subject="Amanita muscaria")
    video, frame = fill(library, np.stack([a, b]), first=30, subject="Amanita muscaria")
    cut_frame(library, video=video, frame=frame)
    flag(Run(library, "test"))
    assert rows(library)[frame].reason == "far from every other Amanita muscaria"


def test_an_empty_library_has_none(library: Library, settings: Settings) -> None:
    """Neither due nor in the night."""
    assert flag(Run(library, "test"), everything=True).of("anomalies") == {}
    assert "nothing was scored yet" in shown(settings)
