"""What a media's point in the index says, beside its vectors. Pure.

To show another field: one line in FIELDS, its column in the rows (assets.py), and, where searches filter by it, one
line in PAYLOAD_INDEXES (stores/index/interface.py). What is not here: the index (stores/index); groups and clusters,
which are joined from the catalog when asked for.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from media_pipeline.records import CROCKFORD
from media_pipeline.stores.index.filters import rfc3339
from media_pipeline.stores.index.hashes import bands
from media_pipeline.stores.index.points import Payload, Value

VERSION = "2"
BASE_32: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
UPLOADS: Final = "uploads"
# From the letters of RFC 4648.
TO_CROCKFORD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD.encode())

Row = Mapping[str, Any]
Shown = Callable[[Row], Value | None]


def payload(row: Row, *, tenant: str, model: str) -> Payload:
    """The fields that searches filter by and show. What is unknown, or not among the columns of the row, is left out:
    the engines disagree about nulls."""
    told = {name: shown(row) for name, shown in FIELDS.items()}
    return {
        "tenant": tenant,
        "model_version": model,
        **{name: value for name, value in told.items() if value is not None and value != []},
    }


def column(name: str) -> Shown:
    """A column as it is."""
    return lambda row: row.get(name)


def ulid(row: Row) -> str:
    """The media's id in the letters of a ULID: the same 128 bits, and so no moment in it."""
    return b32encode(row["item_id"].int.to_bytes(20, "big")).translate(TO_CROCKFORD)[-26:].decode()


def channel(row: Row) -> str:
    """How it came into the library."""
    return "upload" if row["home_source"] == UPLOADS else "batch"


def moment(name: str) -> Shown:
    return lambda row: None if row.get(name) is None else rfc3339(row[name])


def taken_at(row: Row) -> str | None:
    """When it was taken, where that is more than when a source listed it."""
    known = row.get("taken_at_utc") is not None and row.get("date_provenance") != "listed_at"
    return rfc3339(row["taken_at_utc"]) if known else None


def score(row: Row) -> float | None:
    """The points of 100 as a share of one."""
    points = row.get("quality_points")
    return None if points is None else round(points / 100, 4)


def place(row: Row) -> dict[str, float] | None:
    """Where it was taken. Of a sensitive place only the middle of a cell of 39 by 20 km is told."""
    if row.get("is_sensitive_place"):
        return cell_middle(row["geohash_4"]) if row.get("geohash_4") else None
    if row.get("latitude") is None or row.get("longitude") is None:
        return None
    return {"lat": row["latitude"], "lon": row["longitude"]}


def place_precision(row: Row) -> str | None:
    """Said where the place is not the exact one."""
    return "cell" if row.get("is_sensitive_place") and row.get("geohash_4") else None


def cell_middle(geohash: str) -> dict[str, float]:
    """The middle of a geohash's cell."""
    ends = {"lon": [-180.0, 180.0], "lat": [-90.0, 90.0]}
    for bit in range(5 * len(geohash)):
        letter, place_in_it = divmod(bit, 5)
        end = ends["lat" if bit % 2 else "lon"]
        is_above = BASE_32.index(geohash[letter]) >> (4 - place_in_it) & 1
        end[0 if is_above else 1] = sum(end) / 2
    return {name: sum(end) / 2 for name, end in ends.items()}


def words(name: str) -> Shown:
    """A list without repetitions, in one order."""
    return lambda row: sorted(set(row.get(name) or ()))


FIELDS: Final[Mapping[str, Shown]] = {
    "image_id": ulid,
    "public_code": column("public_code"),
    "key": column("blob_key"),
    "sha256": column("sha256"),
    "kind": column("kind"),
    "source": column("home_source"),
    "ingest_channel": channel,
    "created_at": moment("claimed_at"),
    "taken_at": taken_at,
    "width_px": column("width_px"),
    "height_px": column("height_px"),
    "phash": column("phash"),
    "phash_bands": lambda row: None if row.get("phash") is None else list(bands(row["phash"])),
    "quality_points": column("quality_points"),
    "quality_score": score,
    # Scores of two methods are of two scales.
    "aesthetic": column("aesthetic"),
    "aesthetic_method": column("aesthetic_method"),
    "tags": words("tags"),
    "nsfw_score": column("nsfw_score"),
    "licence": column("licence"),
    "licence_family": column("licence_family"),
    "subject": words("subject_ids"),
    "taxon": words("taxa"),
    "place": place,
    "place_precision": place_precision,
    "parent_media_id": lambda row: None if row.get("parent_media_id") is None else str(row["parent_media_id"]),
    "offset_s": column("offset_s"),
    "model_name": column("model_name"),
}
