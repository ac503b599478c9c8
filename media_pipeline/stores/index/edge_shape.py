"""How a shard of Qdrant Edge is laid out: its vectors, its graph, its payload indexes, what it is quantised by.

Not here: reading and writing one (edge.py). As tried with 0.9: a shard that is loaded with another quantisation than
it was written with takes the new one at its next `optimize`, in either direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from media_pipeline.stores.index.interface import CROPS, GLOBAL, PayloadKind, Quantisation, Tuning

if TYPE_CHECKING:
    import qdrant_edge

# What the engine calls them, in its own file beside a shard.
ENGINES_WORDS: Mapping[str, Quantisation] = {"scalar": "scalar", "product": "pq", "binary": "binary"}


def shard_config(dims: int, tuning: Tuning, quantisation: Quantisation) -> qdrant_edge.EdgeConfig:
    import qdrant_edge as edge

    return edge.EdgeConfig(
        vectors=shard_vectors(dims, quantisation),
        hnsw_config=edge.HnswIndexConfig(tuning.m, tuning.ef_construct, tuning.full_scan_kb),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=tuning.graph_from_kb),
        # A generation is whole or thrown away, so a log could only be replayed into what no one will read; without
        # it a copy is 64 MB of files smaller, and opens four times as fast.
        wal_enabled=False,
    )


def shard_vectors(dims: int, quantisation: Quantisation) -> dict[str, qdrant_edge.EdgeVectorParams]:
    import qdrant_edge as edge

    cosine = edge.Distance.Cosine
    return {
        GLOBAL: edge.EdgeVectorParams(size=dims, distance=cosine, quantization_config=_quantised(quantisation)),
        # Without a graph (m = 0): one over lists costs the square of their length, and a search by crops is narrowed
        # by filters. A shard none of whose points has crops is 8 KB larger for having them here.
        CROPS: edge.EdgeVectorParams(
            size=dims,
            distance=cosine,
            on_disk=True,
            multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
            hnsw_config=edge.HnswIndexConfig(0, 100, 10_000),
        ),
    }


def quantisation_of(vector: Mapping[str, Any]) -> Quantisation:
    """What the engine's file says of one vector."""
    told = vector.get("quantization_config") or {}
    return next((ours for word, ours in ENGINES_WORDS.items() if word in told), "none")


def field_schema(kind: PayloadKind) -> Any:
    import qdrant_edge as edge

    types = edge.PayloadSchemaType
    return {
        "tenant": edge.KeywordIndexParams(is_tenant=True),
        "keyword": types.Keyword,
        "integer": types.Integer,
        "float": types.Float,
        "datetime": types.Datetime,
        "geo": types.Geo,
    }[kind]


def _quantised(quantisation: Quantisation) -> Any:
    import qdrant_edge as edge

    match quantisation:
        case "none":
            return None
        case "scalar":
            return edge.ScalarQuantizationConfig(edge.ScalarType.Int8, quantile=0.99, always_ram=True)
        case "pq":
            return edge.ProductQuantizationConfig(edge.CompressionRatio.X8, always_ram=True)
        case "binary":
            return edge.BinaryQuantizationConfig(always_ram=True)
