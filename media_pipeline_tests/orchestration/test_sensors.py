"""The sensor of uploads: nothing lost, nothing asked for twice."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from media_pipeline.config import Settings
from media_pipeline.definitions import all_outputs, build_definitions
from media_pipeline.operations.running import QUIET
from media_pipeline.orchestration.sensors import uploads_sensor
from media_pipeline.pipeline import EVERYTHING
from media_pipeline.samples.photographs import photograph
from media_pipeline_tests.walking import materialize


def _tick(
    settings: Settings, instance: dg.DagsterInstance, *, cursor: str | None = None, keys_a_tick: int = 1000
) -> SensorExecutionData:
    repository = build_definitions(settings=settings).get_repository_def()
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
    return uploads_sensor(EVERYTHING, settings, outputs=all_outputs(settings), keys_a_tick=keys_a_tick).evaluate_tick(
        context
    )


def test_a_new_file_starts_a_run_of_its_partition(settings: Settings, bucket: Path) -> None:
    """And once it is listed, no more: also after a file with the same name got other bytes."""
    photograph("coffee").save(bucket / "a.jpg")
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = _tick(settings, instance).run_requests or []
        assert (request.partition_key, request.run_key) == ("uploads", None)
        materialize(settings)
        assert not _tick(settings, instance).run_requests
        photograph("astronaut").save(bucket / "a.jpg")
        assert len(_tick(settings, instance).run_requests or []) == 1


def test_while_a_run_is_under_way_none_is_asked_for(settings: Settings, bucket: Path) -> None:
    """A failed run, on the other hand, is asked for again, after a while: its files are still in no listing."""
    photograph("coffee").save(bucket / "a.jpg")
    job = build_definitions(settings=settings).resolve_job_def(EVERYTHING)
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "uploads"}
        )
        tick = _tick(settings, instance)
        assert not tick.run_requests
        assert tick.skip_message == "uploads: a run is under way"
        instance.report_run_failed(run)
        waiting = _tick(settings, instance)
        assert not waiting.run_requests
        assert str(waiting.skip_message).startswith("uploads: 1 runs failed in a row; the next is asked for in ")
        instance.report_run_canceled(instance.create_run_for_job(job, tags={"dagster/partition": "uploads"}))
        assert len(_tick(settings, instance).run_requests or []) == 1


def test_what_a_run_left_behind_its_listing_is_asked_for(settings: Settings, bucket: Path) -> None:
    """Files that are listed but not fetched are in no news; the ledger knows that they are due."""
    photograph("coffee").save(bucket / "a.jpg")
    discover = build_definitions(settings=settings).resolve_job_def("discover_stage")
    with dg.DagsterInstance.ephemeral() as instance:
        discover.execute_in_process(instance=instance, partition_key="uploads", run_config=QUIET)
        assert len(_tick(settings, instance).run_requests or []) == 1
        materialize(settings)
        assert not _tick(settings, instance).run_requests


def test_keys_are_looked_at_in_turn(settings: Settings, bucket: Path) -> None:
    """A tick reads the next keys behind its cursor and starts over at the end, so that each is seen again and again."""
    for name in "abc":
        photograph("coffee").save(bucket / f"{name}.jpg")
    materialize(settings)
    photograph("astronaut").save(bucket / "d.jpg")
    with dg.DagsterInstance.ephemeral() as instance:
        first = _tick(settings, instance, keys_a_tick=2)
        assert (first.run_requests, first.cursor) == ([], "after:b.jpg")
        second = _tick(settings, instance, cursor=first.cursor, keys_a_tick=2)
        assert [request.partition_key for request in second.run_requests or []] == ["uploads"]
        assert second.cursor == "after:d.jpg"
        third = _tick(settings, instance, cursor=second.cursor, keys_a_tick=2)
        assert third.cursor == "after:"
        assert _tick(settings, instance, cursor=third.cursor, keys_a_tick=2).cursor == "after:b.jpg"


def test_an_empty_or_missing_folder_is_no_error(settings: Settings) -> None:
    """There is nothing new in it."""
    with dg.DagsterInstance.ephemeral() as instance:
        tick = _tick(settings, instance)
    assert not tick.run_requests
    assert tick.skip_message == "nothing new among 0 keys"


def test_each_shard_is_asked_for_alone(settings: Settings, bucket: Path) -> None:
    """With four shards, only those that have news."""
    sharded = settings.model_copy(update={"shards": {"uploads": 4}})
    photograph("coffee").save(bucket / "a.jpg")
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = _tick(sharded, instance).run_requests or []
    assert request.partition_key in {f"uploads/0{shard}" for shard in range(4)}
    assert materialize(sharded, partition=str(request.partition_key)).success
    with dg.DagsterInstance.ephemeral() as instance:
        assert not _tick(sharded, instance).run_requests
