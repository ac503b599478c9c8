"""Is a photo large enough, and if not, why is it taken all the same? Pure.

What is not here: how large it is (dimensions.py), how many photos its subject has (assets.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from media_pipeline.errors import FetchError

Exemption = Literal["upload", "rare_subject", "source_floor", "few_photos"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What HQ asks, and what speaks for a photo that is smaller. `floor_px`: its source serves nothing larger."""

    min_long_edge_px: int
    floor_px: int | None = None
    is_upload: bool = False
    is_rare: bool = False
    is_among_few: bool = False


def exemption(long_edge_px: int | None, claims: Claims) -> Exemption | None:
    """Why it is taken below HQ, or None where it need not be asked; FetchError `below_hq` where nothing speaks for it.

    A size that cannot be read is no small size: whether such a file is a picture at all, examine says.
    """
    if long_edge_px is None or long_edge_px >= claims.min_long_edge_px:
        return None
    if claims.is_upload:
        return "upload"
    if claims.is_rare:
        return "rare_subject"
    if claims.floor_px is not None and long_edge_px >= claims.floor_px:
        return "source_floor"
    if claims.is_among_few:
        return "few_photos"
    # The number goes first: the few best of a subject are chosen by it (stores/catalog/selections.py).
    asked = f"MEDIA_MIN_LONG_EDGE_PX asks for {claims.min_long_edge_px}"
    raise FetchError("below_hq", f"{long_edge_px} px on the long edge; {asked}")
