"""docs/adding-a-source.md, followed word for word: its adapter, its test, and a run of the whole pipeline over it."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from sqlalchemy import select

from media_pipeline.config import Settings
from media_pipeline.licences import licence
from media_pipeline.records import Subject
from media_pipeline.samples.files import jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.sources import SOURCES, WEB_SOURCES
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.subjects import add
from media_pipeline.stores.library import open_library
from media_pipeline_tests.replay_server import ReplayServer, Scripted
from media_pipeline_tests.walking import materialize

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-source.md"
ADAPTER, TEST = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def _loaded(name: str, code: str, folder: Path) -> ModuleType:
    path = folder / f"{name.rpartition('.')[2]}.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def herbarium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The page's adapter, where the page puts it, with its line in the registry."""
    name = "media_pipeline.sources.herbarium"
    module = _loaded(name, ADAPTER, tmp_path)
    for registry in (SOURCES, WEB_SOURCES):
        monkeypatch.setitem(cast(dict[str, Any], registry), "herbarium", module.Herbarium())
    yield module
    del sys.modules[name]


def test_its_own_tests_pass(herbarium: ModuleType, tmp_path: Path) -> None:
    """Every one on the page, with each of its cases."""
    tests = [value for name, value in vars(_loaded("test_herbarium", TEST, tmp_path)).items() if name[:5] == "test_"]
    assert len(tests) == 3
    for test in tests:
        marks = getattr(test, "pytestmark", [])
        (argument,) = inspect.signature(test).parameters or [None]
        for case in marks[0].args[1] if marks else [None]:
            test(**{argument: case} if argument else {})


def test_it_is_listed_fetched_and_told_of_like_any_other(herbarium: ModuleType, settings: Settings) -> None:
    """Two pages of sheets: one photo, one without a licence, one that has no scan."""
    first = {
        "more": True,
        "sheets": [
            {
                "number": "B-17",
                "collector": "A. Collector",
                "rights": "https://creativecommons.org/licenses/by/4.0/",
                "scan": {"url": "https://scans.herbarium.example/B-17.jpg", "width": 2000, "height": 1500},
            },
            {"number": "B-18", "scan": None},
        ],
    }
    second = {"more": False, "sheets": [{"number": "B-19", "scan": {"url": "https://scans.herbarium.example/19.jpg"}}]}
    scan = jpeg(photograph("coffee").resize((2000, 1500)), 90)
    with ReplayServer(
        {
            "/api/sheets?name=Bellis+perennis&page=1": Scripted(body=json.dumps(first).encode()),
            "/api/sheets?name=Bellis+perennis&page=2": Scripted(body=json.dumps(second).encode()),
            "/scans/B-17.jpg": Scripted(body=scan, headers=(("Content-Type", "image/jpeg"),)),
        }
    ) as server:
        chosen = settings.model_copy(
            update={
                "contact": "curator@example.org",
                "allowed_private_hosts": server.host,
                "mirrors": {
                    "https://api.herbarium.example/": server.url("/api/"),
                    "https://scans.herbarium.example/": server.url("/scans/"),
                },
                "limits": {"herbarium": {}},
            }
        )
        with open_library(chosen) as library:
            with library.engine.begin() as connection:
                add(connection, "public", Subject("bellis-perennis", "taxon", "Bellis perennis"))
            assert materialize(chosen, partition="herbarium").success
            with library.engine.connect() as connection:
                rows = connection.execute(
                    select(tables.ledger.c.output, tables.ledger.c.status, tables.ledger.c.reason)
                    .where(tables.ledger.c.output.in_(["source_walks", "originals", "metadata"]))
                    .order_by("output", "reason")
                ).all()
                rejected = connection.execute(select(tables.source_rejections.c.reason)).scalars().all()
                link = connection.execute(
                    select(tables.source_listings).join(
                        tables.media_links, tables.media_links.c.listing_id == tables.source_listings.c.listing_id
                    )
                ).one()
    assert [tuple(row) for row in rows] == [
        ("metadata", "done", None),
        ("originals", "failed", "licence_refused"),
        ("originals", "done", None),
        ("source_walks", "done", None),
    ]
    assert rejected == ["no_url"]
    assert (link.source_key, link.licence, link.subject_id) == ("B-17", "CC-BY-4.0", "bellis-perennis")
    assert link.attribution == (
        "By A. Collector, https://herbarium.example/sheets/B-17, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
    )
    assert link.licence_raw == licence("https://creativecommons.org/licenses/by/4.0/").raw
