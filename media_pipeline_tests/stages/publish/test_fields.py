"""Each gap names the command that closes it."""

from __future__ import annotations

import pytest

from media_pipeline.pipeline import OUTPUTS
from media_pipeline.stages.publish.fields import FIELDS, NO_STEP, Field, closed_by
from media_pipeline.stores.reasons import REASONS, Reason

HASH = Field("perceptual_hash", "media", "hashes")
ORIGINAL = Field("original", "listing", "originals")
ASKED = Field("asked", "walk", "source_walks")
BURST = Field("burst", "media", None)


@pytest.mark.parametrize(
    ("field", "status", "reason", "command"),
    [
        (HASH, "done", "", ""),
        (HASH, "not_applicable", "flat_picture", ""),
        (HASH, "never_ran", "", "media-pipeline run"),
        (HASH, "stale", "", "media-pipeline run"),
        (HASH, "failed", "truncated", "put a whole file in its place, or leave it, then media-pipeline run"),
        (
            HASH,
            "dead",
            "too_slow",
            (
                "raise MEDIA_ITEM_SECONDS, then "
                "media-pipeline retry --stage hashes --reason too_slow && media-pipeline run"
            ),
        ),
        (ORIGINAL, "failed", "gone", "no command: it is tried again when it is seen again"),
        (ORIGINAL, "failed", "forbidden", "no command: a later listing with another address is tried by itself"),
        (ORIGINAL, "failed", "bad_url", "no command: a later listing with another address is tried by itself"),
        (ORIGINAL, "failed", "placeholder", "no command: a later listing with another address is tried by itself"),
        (ORIGINAL, "failed", "replaced", "no command: its new edition has a row of its own"),
        (
            ORIGINAL,
            "failed",
            "private_address",
            (
                "name its host in MEDIA_ALLOWED_PRIVATE_HOSTS if it is yours, then "
                "media-pipeline retry --stage originals --reason private_address && media-pipeline run"
            ),
        ),
        (
            ORIGINAL,
            "failed",
            "opted_out",
            (
                "set MEDIA_HONOUR_NOAI=false if you may, then "
                "media-pipeline retry --stage originals --reason opted_out && media-pipeline run"
            ),
        ),
        (
            ASKED,
            "failed",
            "unknown_subject",
            "give the subject its id there, or a synonym, then media-pipeline run",
        ),
        (ASKED, "failed", "question_refused", "mend the subject's options as the detail says, then media-pipeline run"),
        (HASH, "failed", "upstream_failed", "closes with the field it waits for"),
        (BURST, "never_ran", "", NO_STEP),
    ],
)
def test_a_gap_names_what_closes_it(field: Field, status: str, reason: str, command: str) -> None:
    """And what is no gap names nothing."""
    known = REASONS.get(reason, Reason(""))
    assert closed_by(field, status, reason, first=known.first, by=known.closed_by) == command


def test_every_field_is_answered_by_an_output_that_there_is() -> None:
    """Or by none in this version, said openly."""
    named = {field.output for field in FIELDS if field.output is not None}
    assert named <= set(OUTPUTS)
    assert [field.name for field in FIELDS if field.output is None] == []


def test_a_reason_without_a_command_says_what_happens_instead() -> None:
    """All but those that are no gap."""
    silent = [name for name, reason in REASONS.items() if reason.closed_by == "nothing" and not reason.first]
    assert silent == ["superseded"]
