"""How fast the index is filled from the catalog and searched, and how much memory that takes.

`python -m media_pipeline_tests.benchmarks.bench_vectors [POINTS]` (100,000 unless told; the graph of these takes
minutes) makes an embedded catalog of drawn media, each with a listing, facts and a vector of 512 numbers, and prints a
table. Each step is a process of its own, so that one peak does not hide the next. Beside it stand the engine alone and
qdrant-client's local mode. It is no test: nothing here depends on the clock of a shared machine.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from media_pipeline.config import Settings
from media_pipeline.models import model_of
from media_pipeline.orchestration import indexing
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.index.assets import project
from media_pipeline.stores.catalog import index_pointers
from media_pipeline.stores.index.edge import EdgeIndex
from media_pipeline.stores.index.interface import GLOBAL, Manner, VectorReader
from media_pipeline.stores.index.nearest import Asking, nearest, recall
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.index.server import ServerIndex
from media_pipeline.stores.library import open_catalog, open_library

DIMS, LATENT, SCENES = 512, 48, 2000
MORE = 5000
SMALL = 2000
QUERIES = 500
Vectors = NDArray[np.float32]
Figures = dict[str, float | str]

# One page, and a listing, a media, facts and ledger rows for each number.
ROWS = """
insert into media.source_pages (tenant, page_id, source, partition, blob_key, sha256, entry_count)
select 'public', md5('page')::uuid, 'inaturalist', 'inaturalist', 'page', 'page', 0
on conflict do nothing;
insert into media.source_listings (tenant, listing_id, page_id, source, partition, source_key, edition, original_url,
    fallback_urls, reported_by, licence, licence_family, licence_is_open, allows_commercial, allows_derivatives,
    needs_attribution, is_obscured, priority, taxon_name)
select 'public', md5('listing' || n)::uuid, md5('page')::uuid, 'inaturalist', 'inaturalist', n::text, '', 'https://x.org',
    '[]', 'inaturalist', 'CC-BY-4.0', 'cc-by', true, true, true, true, false, 0, 'Taxon ' || n %% 500
from generate_series(%(first)s::int, %(last)s::int) n;
insert into media.media (tenant, media_id, sha256, public_code, home_source, home_partition, kind, content_type,
    extension, size_bytes, blob_key)
select 'public', md5('media' || n)::uuid, md5('sha' || n), 'CODE-' || n, 'inaturalist', 'inaturalist', 'image',
    'image/jpeg', 'jpg', 1000, 'media/inaturalist/' || n
from generate_series(%(first)s::int, %(last)s::int) n;
insert into media.media_links (tenant, listing_id, media_id)
select 'public', md5('listing' || n)::uuid, md5('media' || n)::uuid
from generate_series(%(first)s::int, %(last)s::int) n;
insert into media.metadata (tenant, media_id, format, width_px, height_px, orientation, color_mode, frame_count,
    latitude, longitude)
select 'public', md5('media' || n)::uuid, 'JPEG', 2048, 1536, 1, 'RGB', 1, (n %% 170) - 85, (n %% 350) - 175
from generate_series(%(first)s::int, %(last)s::int) n;
insert into media.hashes (tenant, media_id, phash, dhash, ahash, whash)
select 'public', md5('media' || n)::uuid, left(md5('hash' || n), 16), '0', '0', '0'
from generate_series(%(first)s::int, %(last)s::int) n;
insert into media.ledger (tenant, output, item_id, partition, version, inputs, status, attempts, run_id, finished_at)
select 'public', output, md5('media' || n)::uuid, 'inaturalist', '1', '', 'done', 1, 'drawn', now()
from generate_series(%(first)s::int, %(last)s::int) n, (values ('embeddings'), ('metadata')) o (output);
"""


def drawn(first: int, last: int) -> Vectors:
    """Vectors as models make them: many scenes, of far fewer dimensions than numbers."""
    fixed, own = np.random.default_rng(1), np.random.default_rng(first)
    scenes, spread = fixed.normal(size=(SCENES, LATENT)), fixed.normal(size=(LATENT, DIMS))
    latent = scenes[own.integers(0, SCENES, last - first + 1)] + 0.7 * own.normal(size=(last - first + 1, LATENT))
    vectors = latent @ spread + 0.5 * own.normal(size=(len(latent), DIMS))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fill(settings: Settings, first: int, last: int) -> None:
    """The catalog's rows of media `first` to `last`."""
    with open_catalog(settings) as engine:
        url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    version = model_of(settings).version
    with psycopg.connect(url) as connection:
        for statement in filter(str.strip, ROWS.split(";")):
            connection.execute(statement.encode(), {"first": first, "last": last})
        ids = [
            row[0]
            for row in connection.execute(
                b"select md5('media' || n)::uuid from generate_series(%s::int, %s::int) n order by n", (first, last)
            )
        ]
        into = b"copy media.embeddings (tenant, media_id, model_version, vector) from stdin"
        with connection.cursor() as cursor, cursor.copy(into) as copy:
            for media_id, vector in zip(ids, drawn(first, last), strict=True):
                copy.write_row(("public", media_id, version, vector.tobytes()))
        connection.commit()
        connection.autocommit = True
        connection.execute(b"analyze")


def reader_of(settings: Settings, use: Callable[[VectorReader], Figures]) -> Figures:
    with open_library(settings) as library:
        with library.engine.connect() as connection:
            pointer = index_pointers.live_pointer(connection, library.tenant)
        if pointer is None:
            raise SystemExit("nothing was indexed")
        reader = library.index.open(pointer.model_version, pointer.name)
        try:
            return use(reader)
        finally:
            reader.close()


def projected(settings: Settings) -> Figures:
    """One run of the stage: read, append, flush, swap, ledger."""
    with open_library(settings) as library:
        begun, cpu = time.perf_counter(), time.process_time()
        report = project(Run(library, "benchmark"))
        return {"items": sum(report.of("vector_index").values()), **_times(begun, cpu)}


def optimised(settings: Settings) -> Figures:
    with open_library(settings) as library:
        begun, cpu = time.perf_counter(), time.process_time()
        built = indexing.optimise(Run(library, "benchmark"), quantisation=settings.quantisation)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = {"items": built.now.point_count, **_times(begun, cpu), "recall": built.recall or 0.0}
        return {**found, "child CPU s": used.ru_utime + used.ru_stime, "child MB": used.ru_maxrss / 1024}


def searched(settings: Settings) -> Figures:
    """The core with its tenant filter, by whole pictures, against an exact search; queries are new pictures."""
    queries = drawn(10**7, 10**7 + QUERIES - 1)

    def use(reader: VectorReader) -> Figures:
        asking = Asking(limit=10, vectors=(GLOBAL,))
        nearest(reader, queries[0], tenant="public", asking=asking)
        spent = []
        for query in queries:
            begun = time.perf_counter()
            nearest(reader, query, tenant="public", asking=asking)
            spent.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        for query in queries[:50]:
            reader.search(query, 10, manner=Manner(exact=True))
        exact = (time.perf_counter() - begun) / 50
        held_out = [(UUID(int=0), query) for query in queries]
        p50, p95 = np.percentile(spent, [50, 95]) * 1e3
        found = recall(reader, held_out, tenant="public") or 0.0
        return {"items": reader.count(), "p50 ms": p50, "p95 ms": p95, "exact ms": exact * 1e3, "recall": found}

    return reader_of(settings, use)


def points(count: int) -> list[Point]:
    return [Point(UUID(int=place), vector, {"tenant": "public"}) for place, vector in enumerate(drawn(1, count))]


def alone(folder: str, count: int) -> Figures:
    """The engine's floor: numbers in, flushed; without catalog, payload indexes, copy, seal or ledger."""
    some = points(count)
    index = EdgeIndex(Path(folder) / f"alone-{count}", name="alone")
    index.ensure(DIMS, ())
    begun, cpu = time.perf_counter(), time.process_time()
    index.upsert(some)
    index.flush()
    found = {"items": count, **_times(begun, cpu)}
    asked = time.perf_counter()
    for query in drawn(10**7, 10**7 + 99):
        index.search(query, 10)
    index.close()
    return {**found, "p50 ms": (time.perf_counter() - asked) * 10}


def local_mode(count: int) -> Figures:
    """qdrant-client without a server."""
    from qdrant_client import QdrantClient

    warnings.simplefilter("ignore")
    some, client = points(count), QdrantClient(":memory:")
    index = ServerIndex(client, "local")
    index.ensure(DIMS)
    begun, cpu = time.perf_counter(), time.process_time()
    index.upsert(some)
    found = {"items": count, **_times(begun, cpu)}
    asked = time.perf_counter()
    for query in drawn(10**7, 10**7 + 99):
        index.search(query, 10)
    client.close()
    return {**found, "p50 ms": (time.perf_counter() - asked) * 10}


def _times(begun: float, cpu: float) -> Figures:
    return {"wall s": time.perf_counter() - begun, "CPU s": time.process_time() - cpu}


def apart(step: Callable[..., Figures], *arguments: Any) -> Figures:
    """What a step says, run in a process of its own, and that one's peak of memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_weighed, (step, arguments))


def _weighed(step: Callable[..., Figures], arguments: tuple[Any, ...]) -> Figures:
    found = step(*arguments)
    # Not `ru_maxrss`: that of a new process begins with what its parent had.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return {**found, "peak MB": int(status["VmHWM"].split()[0]) / 1024}


def tell(name: str, found: Figures) -> None:
    if (
        isinstance(items := found.get("items"), int | float)
        and isinstance(wall := found.get("wall s"), float)
        and items
    ):
        found = {**found, "items/s": items / wall, "us/item CPU": 1e6 * float(found["CPU s"]) / items}
    told = ", ".join(
        f"{key} {value:,.4g}" if value < 1000 else f"{key} {value:,.0f}"
        for key, value in found.items()
        if isinstance(value, int | float)
    )
    print(f"| {name} | {told} |", flush=True)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-vectors-") as folder:
        Path(folder).chmod(0o755)
        settings = Settings.load(home=Path(folder) / "home")
        # Held open here, so that the processes of the steps join a running database.
        with open_library(settings):
            fill(settings, 1, count)
            tell("projection into a new generation", apart(projected, settings))
            tell("again, nothing due", apart(projected, settings))
            tell("search without a graph", apart(searched, settings))
            fill(settings, count + 1, count + MORE)
            tell(f"{MORE} more", apart(projected, settings))
            tell("graph", apart(optimised, settings))
            tell("search by the graph", apart(searched, settings))
            tell("the engine alone", apart(alone, folder, count))
            tell("the engine alone", apart(alone, folder, SMALL))
            tell("qdrant-client's local mode", apart(local_mode, SMALL))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
