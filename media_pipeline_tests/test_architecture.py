"""The rules of the house that import contracts cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import media_pipeline
from media_pipeline.errors import ItemError
from media_pipeline.stores.reasons import REASONS

PACKAGE = Path(media_pipeline.__file__).parent
STAGES = PACKAGE / "stages"
# What a stage noun may not know: it is values in, values out.
IMPURE = {
    "dagster",
    "sqlalchemy",
    "psycopg",
    "httpx",
    "boto3",
    "os",
    "subprocess",
    "socket",
    "time",
    "random",
    "pathlib",
}
HEAVY = [
    "torch",
    "open_clip",
    "av",
    "pandas",
    "pyarrow",
    "scipy",
    "dagster_aws",
    "boto3",
    "qdrant_client",
    "qdrant_edge",
    "duckdb",
    "httpx",
]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _nouns() -> list[Path]:
    return [path for path in sorted(STAGES.rglob("*.py")) if path.name not in ("__init__.py", "assets.py", "checks.py")]


@pytest.mark.parametrize("path", _nouns(), ids=lambda path: str(path.relative_to(STAGES)))
def test_a_stage_noun_is_pure(path: Path) -> None:
    """Only assets.py and checks.py know Dagster, the database, the disk, the clock."""
    roots = {name.partition(".")[0] for name in _imports(path)}
    assert not roots & IMPURE
    stores = {name for name in _imports(path) if name.startswith("media_pipeline.stores")}
    # The words that an index point is made of are values too.
    assert stores <= {f"media_pipeline.stores.index.{name}" for name in ("points", "filters", "hashes")}


def test_stage_folders_hold_nothing_in_their_init() -> None:
    """A pool worker that imports a noun imports the folder's __init__ too."""
    assert [path for path in STAGES.rglob("__init__.py") if path.read_text()] == []


def test_only_the_settings_read_the_environment() -> None:
    """What a person may choose is in one place, config.py, by pydantic; and what else is there in another."""
    readers = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "getenv("))
    ]
    assert readers == ["environment.py"]


def test_definitions_load_without_what_is_heavy() -> None:
    """Dagster loads the definitions in every process: what takes seconds is imported where it is used."""
    script = (
        "import sys, media_pipeline.definitions as d; d.build_definitions().get_repository_def();"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_no_module_has_grown_past_its_noun() -> None:
    """Past 400 lines there is a second noun in it."""
    long = {path.name: count for path in PACKAGE.rglob("*.py") if (count := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_every_reason_that_is_raised_is_in_the_table() -> None:
    """A reason that the ledger does not know has no meaning and cannot be retried by name."""
    kinds = {"ItemError", *(kind.__name__ for kind in ItemError.__subclasses__()), "NotApplicable"}
    raised = {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in kinds
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(raised) > 10
    assert raised <= set(REASONS)
