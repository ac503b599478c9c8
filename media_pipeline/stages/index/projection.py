"""What a media's point in the index says, beside its vector. Pure.

What is not here: the index (stores/index), and groups and clusters, which are joined from the catalog when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from media_pipeline.stores.index.points import Payload, Value

VERSION = "1"


def payload(row: Mapping[str, Any], *, tenant: str, model: str) -> Payload:
    """The fields that searches filter by; what is unknown is left out, because the engines disagree about nulls."""
    known: dict[str, Value | None] = {
        "tenant": tenant,
        "model": model,
        "source": row["home_source"],
        "kind": row["kind"],
        "sha256": row["sha256"],
        "public_code": row["public_code"],
        "width_px": row["width_px"],
        "height_px": row["height_px"],
        "phash": row["phash"],
        "place": None if row["latitude"] is None else {"lat": row["latitude"], "lon": row["longitude"]},
    }
    return {name: value for name, value in known.items() if value is not None}
