"""The asset `subjects`: the file becomes the table, mistakes are told, and a file that is none changes nothing."""

from __future__ import annotations

import dagster as dg
import pytest
from sqlalchemy import text

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.errors import ConfigError
from media_pipeline.operations.running import QUIET
from media_pipeline.stages.discover.assets import load_subjects
from media_pipeline.stores.catalog.subjects import Written
from media_pipeline.stores.library import Library
from media_pipeline_tests.walking import metadata_of

TWO = "- {kind: taxon, name: Amanita muscaria}\n- {kind: place, name: Market, latitude: 4, longitude: 5}\n"
ONE_WRONG = "- {kind: taxon, name: Amanita muscaria}\n- {kind: place, name: Market, latitude: 94, longitude: 5}\n"


def write(library: Library, words: str) -> None:
    library.settings.home_path.mkdir(exist_ok=True)
    (library.settings.home_path / "subjects.yaml").write_text(words, encoding="utf-8")


def rows(library: Library) -> list[tuple[str, bool, float | None]]:
    query = text("select subject_id, is_active, latitude from media.subjects order by subject_id")
    with library.engine.connect() as catalog:
        return [(row.subject_id, row.is_active, row.latitude) for row in catalog.execute(query)]


def materialized(settings: Settings) -> tuple[dict[str, object], list[str]]:
    """The metadata of one run of the asset, and its warnings."""
    job = build_definitions(settings=settings).resolve_job_def("discover_stage")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, partition_key="uploads", run_config=QUIET, asset_selection=[dg.AssetKey("subjects")]
        )
        logged = [record.user_message for record in instance.all_logs(result.run_id) if record.level == 30]
    return metadata_of(result)["subjects"], logged


def test_the_file_becomes_the_table_and_a_second_run_finds_nothing_to_do(library: Library) -> None:
    """One row each; no partition needs to be chosen for it."""
    write(library, TWO)
    said, warned = materialized(library.settings)
    assert (said["outcome"], said["items"], said["added"], said["dagster/row_count"]) == ("worked", 2, 2, 2)
    assert rows(library) == [("amanita-muscaria", True, None), ("market", True, 4.0)]
    again, _warned = materialized(library.settings)
    assert (again["outcome"], again["items"], again["dagster/row_count"]) == ("nothing was due", 0, 2)
    assert (again["faults"], warned) == ("none", [])


def test_a_mistake_is_in_the_metadata_and_in_the_log(library: Library) -> None:
    """The other rows load, and what the row said before holds."""
    write(library, TWO)
    load_subjects(library)
    write(library, ONE_WRONG + "- {kind: taxon, name: Morchella}\n")
    said, warned = materialized(library.settings)
    told = "must be less than or equal to 90, not '94'"
    assert said["faults"] == f"| line | field | what |\n|---|---|---|\n| 2 | latitude | {told} |"
    assert (said["outcome"], said["fault_count"], said["added"]) == ("1 faults", 1, 1)
    assert warned == [f"the file of subjects, line 2: latitude: {told}"]
    assert rows(library) == [("amanita-muscaria", True, None), ("market", True, 4.0), ("morchella", True, None)]


def test_a_file_that_is_no_yaml_changes_nothing(library: Library) -> None:
    """It is told with its path and line."""
    write(library, TWO)
    load_subjects(library)
    write(library, TWO + "  - : [\n")
    with pytest.raises(ConfigError, match=r"home/subjects\.yaml: line 3: is no YAML"):
        load_subjects(library)
    assert len(rows(library)) == 2


def test_without_a_file_what_it_said_before_stays(library: Library) -> None:
    """A folder that is not mounted today is no wish to look for nothing; an empty list is."""
    assert load_subjects(library) == (Written(), [])
    write(library, TWO)
    load_subjects(library)
    (library.settings.home_path / "subjects.yaml").unlink()
    assert load_subjects(library) == (Written(), [])
    assert [active for _name, active, _latitude in rows(library)] == [True, True]
    write(library, "[]")
    assert load_subjects(library) == (Written(removed=2), [])
    assert [active for _name, active, _latitude in rows(library)] == [False, False]
