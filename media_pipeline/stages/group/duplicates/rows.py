"""Groups and pairs as rows of the catalog: which tests a pair passed, and by how much. Pure.

What is not here: how groups are found (groups.py), how rows are written (stores/catalog/duplicates.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from media_pipeline.records import NAMESPACE
from media_pipeline.stages.group.duplicates.candidates import HASH_BITS, HASH_COSINE, Pairs
from media_pipeline.stages.group.duplicates.groups import Files, Group, Limits

Row = dict[str, Any]
BY_PERSON = {"test": "a person said so"}


def group_id(tenant: str, tier: str, keeper: UUID) -> UUID:
    """A group is its keeper's: it keeps its id for as long as its keeper remains."""
    return uuid5(NAMESPACE, f"group\0{tenant}\0{tier}\0{keeper}")


def exact_row(tenant: str, media_id: UUID, file_count: int) -> Row:
    return {
        "tenant": tenant,
        "group_id": group_id(tenant, "exact", media_id),
        "tier": "exact",
        "keeper_media_id": media_id,
        "keeper_reason": "the only file",
        "media_count": 1,
        "file_count": file_count,
    }


def near_row(tenant: str, group: Group, files: Files, file_counts: Sequence[int]) -> Row:
    keeper = files.ids[group.keeper]
    return {
        "tenant": tenant,
        "group_id": group_id(tenant, "near", keeper),
        "tier": "near",
        "keeper_media_id": keeper,
        "keeper_reason": group.keeper_reason,
        "media_count": 1 + len(group.others),
        "file_count": sum(file_counts[place] for place in group.places()),
    }


def pair_rows(tenant: str, group: Group, files: Files, limits: Limits | None, *, model_version: str) -> list[Row]:
    """Of each member how near it is to the file that it was compared with, not to each other."""
    rows = []
    for member in group.others:
        by_scores = member.by == "scores" and limits is not None
        tests = near_tests(member.bits, member.cosine, limits) if by_scores and limits else [BY_PERSON]
        ids = (files.ids[member.place], files.ids[member.of])
        tier = "near" if by_scores else "person"
        rows.append(_pair(tenant, ids, tier, member.bits, member.cosine, tests, model_version))
    return rows


def candidate_rows(
    tenant: str, pairs: Pairs, ids: Sequence[UUID], *, limits: Limits, cosine: float, model_version: str
) -> list[Row]:
    rows = []
    columns = (pairs.a.tolist(), pairs.b.tolist(), pairs.bits.tolist(), pairs.cosine.tolist())
    for a, b, bits, found in zip(*columns, strict=True):
        tests: list[Row] = []
        if found >= cosine:
            tests.append(_at_least("cosine", found, cosine))
        if bits <= HASH_BITS and found >= HASH_COSINE:
            tests += [_at_most("phash", bits, HASH_BITS), _at_least("cosine", found, HASH_COSINE)]
        if bits <= limits.bits and found >= limits.cosine:
            tests += near_tests(bits, found, limits)
        rows.append(_pair(tenant, (ids[a], ids[b]), "candidate", bits, found, tests, model_version))
    return rows


def near_tests(bits: int | None, cosine: float | None, limits: Limits) -> list[Row]:
    if bits is None or cosine is None:
        return []
    return [_at_most("phash", bits, limits.bits), _at_least("cosine", cosine, limits.cosine)]


def _at_most(what: str, found: int, limit: int) -> Row:
    return {"test": f"{what} <= {limit}", "by": limit - found}


def _at_least(what: str, found: float, limit: float) -> Row:
    return {"test": f"{what} >= {limit:g}", "by": round(found - limit, 6)}


def _pair(
    tenant: str,
    ids: tuple[UUID, UUID],
    tier: str,
    bits: int | None,
    cosine: float | None,
    tests: list[Row],
    model_version: str,
) -> Row:
    media_a, media_b = sorted(ids)
    return {
        "tenant": tenant,
        "media_a": media_a,
        "media_b": media_b,
        "tier": tier,
        "phash_distance": bits,
        "cosine": cosine,
        "model_version": model_version,
        "tests": tests,
    }
