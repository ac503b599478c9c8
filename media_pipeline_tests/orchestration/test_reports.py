"""What a materialization shows in the UI: counts by outcome and reason, speed, a small contact sheet."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from media_pipeline.config import Settings
from media_pipeline.samples.photographs import photograph
from media_pipeline_tests.walking import materialize, metadata_of


def test_a_materialization_counts_by_outcome_and_reason(settings: Settings, bucket: Path) -> None:
    """Good, refused and repeated items; then nothing was due."""
    photograph("coffee").save(bucket / "a.jpg")
    (bucket / "b.jpg").write_text("text")
    (bucket / "c.jpg").write_bytes(b"")
    said = metadata_of(materialize(settings))["originals"]
    assert said["outcome"] == "worked"
    assert (said["items"], said["done"], said["failed/not_media"], said["failed/empty"]) == (3, 1, 1, 1)
    assert float(str(said["items_per_s"])) > 0
    assert (said["dagster/row_count"], said["done_percent"]) == (1, 33.33)

    again = metadata_of(materialize(settings))["originals"]
    assert (again["outcome"], again["items"]) == ("nothing was due", 0)
    assert (again["dagster/row_count"], again["done_percent"]) == (1, 33.33)


def test_contact_sheets_fit_into_the_ui(settings: Settings, bucket: Path) -> None:
    """A JPEG as data URI in Markdown, at most 20 KB, a tile for each of at most twelve media."""
    for number in range(14):
        photograph("astronaut").rotate(25 * number).save(bucket / f"{number:02d}.jpg")
    said = metadata_of(materialize(settings))
    sheet = str(said["derivatives"]["contact_sheet"])
    assert len(sheet) <= 21_000
    head, _, encoded = sheet.partition("base64,")
    assert head == "![contact sheet](data:image/jpeg;"
    with Image.open(io.BytesIO(base64.b64decode(encoded.rstrip(")")))) as image:
        assert image.size == (6 * 96, 2 * 96)
    assert "contact_sheet" not in said["source_pages"]
