"""The graph that Dagster shows, held still: every asset, edge, group and partition is here on purpose."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from media_pipeline.config import Settings
from media_pipeline.definitions import STAGES, all_outputs, build_definitions
from media_pipeline.errors import ConfigError
from media_pipeline.orchestration.jobs import JOBS
from media_pipeline.pipeline import BACKFILL, EVERYTHING, SUMMARIES
from media_pipeline.pipeline import STAGES as WORDS
from media_pipeline.sources import SOURCES, WEB_SOURCES

ROOT = Path(__file__).parent.parent

# asset: (group, partitioned, upstream)
GRAPH = {
    "subjects": ("discover", False, []),
    "source_walks": ("discover", True, ["subjects"]),
    "source_pages": ("discover", True, ["subjects"]),
    "source_listings": ("discover", True, ["source_pages"]),
    "originals": ("fetch", True, ["source_listings"]),
    **dict.fromkeys(("videos", "shots", "video_frames", "sounds", "audio_waveforms"), ("unpack", True, ["originals"])),
    **dict.fromkeys(
        ("metadata", "hashes", "quality", "derivatives"),
        ("examine", True, ["audio_waveforms", "originals", "video_frames"]),
    ),
    "embeddings": ("embed", True, ["derivatives"]),
    "crop_embeddings": ("embed", True, ["derivatives"]),
    "aesthetics": ("describe", True, ["derivatives", "embeddings", "quality"]),
    "tags": ("describe", True, ["embeddings"]),
    "moderation": ("describe", True, ["embeddings"]),
    "descriptions": ("describe", True, ["metadata", "tags"]),
    "vector_index": (
        "index",
        False,
        ["aesthetics", "crop_embeddings", "embeddings", "hashes", "metadata", "moderation", "quality", "tags"],
    ),
    "duplicate_groups": ("group", False, ["embeddings", "hashes", "quality"]),
    "training_views": (
        "publish",
        False,
        ["duplicate_groups", "hashes", "metadata", "moderation", "originals", "quality"],
    ),
    "bursts": ("group", False, ["duplicate_groups", "embeddings", "hashes", "metadata", "quality"]),
    "clusters": ("group", False, ["embeddings"]),
    "anomalies": ("flag", False, ["bursts", "clusters", "duplicate_groups", "embeddings"]),
    "coverage": (
        "publish",
        False,
        [
            "aesthetics",
            "anomalies",
            "audio_waveforms",
            "bursts",
            "clusters",
            "crop_embeddings",
            "derivatives",
            "descriptions",
            "duplicate_groups",
            "embeddings",
            "hashes",
            "metadata",
            "moderation",
            "originals",
            "quality",
            "shots",
            "sounds",
            "tags",
            "vector_index",
            "video_frames",
            "videos",
        ],
    ),
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(settings=Settings.load())


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_graph_is_the_one_on_the_page(specs: dict[str, dg.AssetSpec]) -> None:
    """Assets, groups, partitions and edges."""
    found = {
        name: (
            spec.group_name,
            spec.partitions_def is not None,
            sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        )
        for name, spec in specs.items()
    }
    assert found == GRAPH


def test_no_edge_points_to_an_earlier_stage(specs: dict[str, dg.AssetSpec]) -> None:
    """The order of the pipeline is code."""
    order = {name: place for place, name in enumerate(STAGES)}
    for spec in specs.values():
        for dep in spec.deps:
            above = specs[dep.asset_key.to_user_string()]
            assert order[str(above.group_name)] <= order[str(spec.group_name)], (above.key, spec.key)


def test_every_asset_says_what_it_is(specs: dict[str, dg.AssetSpec]) -> None:
    """Description, kinds, owner and code version are on every page of the UI."""
    for name, spec in specs.items():
        assert spec.description, name
        assert spec.kinds, name
        assert spec.owners == ["team:media-pipeline"], name
        assert spec.code_version, name


def test_the_words_name_the_stages_and_outputs_that_there_are(specs: dict[str, dg.AssetSpec]) -> None:
    """pipeline.py is what the command line knows of the graph without loading Dagster."""
    found = {
        name: tuple(dict.fromkeys(output.name for output in stage.outputs(Settings.load())))
        if hasattr(stage, "outputs")
        else ()
        for name, stage in STAGES.items()
    }
    assert found == dict(WORDS)
    outputs = {output for named in WORDS.values() for output in named}
    assert {name: str(spec.group_name) for name, spec in specs.items() if name not in outputs} == dict(SUMMARIES)


def test_every_output_names_upstream_outputs_that_come_before_it() -> None:
    """An output that waits for itself or for a later one would never be due."""
    seen: set[str] = set()
    for output in all_outputs(Settings.load()):
        assert {*output.upstream, *output.watches} <= seen, output
        seen.add(output.name)


def test_what_the_ledger_waits_for_dagster_orders_first(specs: dict[str, dg.AssetSpec]) -> None:
    """An upstream output that is no edge of the graph could be made after what waits for it."""
    for output in all_outputs(Settings.load()):
        edges = {dep.asset_key.to_user_string() for dep in specs[output.name].deps}
        assert {*output.upstream, *output.watches} <= edges, output


def test_there_is_a_job_for_each_group_and_for_what_people_ask_for(definitions: dg.Definitions) -> None:
    """A stage can be run alone."""
    names = {job.name for job in definitions.resolve_all_job_defs()} - {"__ASSET_JOB"}
    assert names == {*JOBS, *(f"{stage}_stage" for stage in STAGES)}


def test_sources_have_their_partition_or_a_fixed_number_of_shards() -> None:
    """One key per source, or uploads/00 … uploads/03."""
    plain = build_definitions(settings=Settings.load()).resolve_job_def(EVERYTHING)
    sharded = build_definitions(settings=Settings.load(shards={"uploads": 4})).resolve_job_def(EVERYTHING)
    assert plain.partitions_def is not None
    assert sharded.partitions_def is not None
    assert plain.partitions_def.get_partition_keys() == list(SOURCES)
    assert sharded.partitions_def.get_partition_keys() == [
        *(f"uploads/0{shard}" for shard in range(4)),
        *WEB_SOURCES,
        "inaturalist_open_data",
    ]


def test_shards_of_an_unknown_source_are_refused() -> None:
    """A misspelt name would otherwise be a setting without effect."""
    with pytest.raises(ConfigError, match="MEDIA_SHARDS names upload: there is no such source, only uploads"):
        build_definitions(settings=Settings.load(shards={"upload": 4}))


def test_every_source_has_a_daily_schedule_and_uploads_a_sensor(definitions: dg.Definitions) -> None:
    """Both start stopped: they may cost somebody's quota."""
    repository = definitions.get_repository_def()
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "weekly_backfill",
        "weekly_recluster",
        "nightly_anomalies",
        "weekly_optimise_index",
        *(f"daily_{source}" for source in SOURCES),
    }
    assert [sensor.name for sensor in repository.sensor_defs] == ["uploads_sensor"]


def test_the_weekly_backfill_asks_at_every_web_source(definitions: dg.Definitions) -> None:
    """For what no photo was accepted of."""
    repository = definitions.get_repository_def()
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 5, 3, 1, tzinfo=UTC), repository_def=repository
    )
    schedule = repository.get_schedule_def("weekly_backfill")
    assert schedule.job_name == BACKFILL
    requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == list(WEB_SOURCES)


def test_a_schedule_asks_for_its_partition_once_a_day(definitions: dg.Definitions) -> None:
    """A tick that is evaluated twice gives the same run key."""
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("daily_uploads")
    when = datetime(2026, 5, 17, 2, 0, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=when, repository_def=repository)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert (request.run_key, request.partition_key) == ("uploads/2026-05-17", "uploads")


def test_the_code_location_has_one_name() -> None:
    """`dg dev`, `dagster dev` and the workspace file load the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["location_name"] == project["code_location_name"] == "media-pipeline"
    assert location["python_module"]["module_name"] == project["code_location_target_module"]
