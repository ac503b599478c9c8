"""Each gap names the command that closes it."""

from __future__ import annotations

import pytest

from media_pipeline.pipeline import OUTPUTS
from media_pipeline.stages.publish.fields import FIELDS, NO_STEP, Field, closed_by

HASH = Field("perceptual_hash", "media", "hashes")
BURST = Field("burst", "media", None)


@pytest.mark.parametrize(
    ("field", "status", "reason", "command"),
    [
        (HASH, "done", "", ""),
        (HASH, "not_applicable", "flat_picture", ""),
        (HASH, "never_ran", "", "media-pipeline run"),
        (HASH, "stale", "", "media-pipeline run"),
        (HASH, "failed", "truncated", "media-pipeline retry --stage hashes --reason truncated"),
        (HASH, "dead", "too_slow", "media-pipeline retry --stage hashes --reason too_slow"),
        (HASH, "failed", "upstream_failed", "closes with the field it waits for"),
        (BURST, "never_ran", "", NO_STEP),
    ],
)
def test_a_gap_names_what_closes_it(field: Field, status: str, reason: str, command: str) -> None:
    """And what is no gap names nothing."""
    assert closed_by(field, status, reason) == command


def test_every_field_is_answered_by_an_output_that_there_is() -> None:
    """Or by none in this version, said openly."""
    named = {field.output for field in FIELDS if field.output is not None}
    assert named <= set(OUTPUTS)
    assert [field.name for field in FIELDS if field.output is None] == ["quality", "burst", "cluster"]
