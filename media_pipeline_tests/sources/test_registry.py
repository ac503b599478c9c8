"""What is said of each source where people read it: its docstring in the UI, its row in docs/sources.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from media_pipeline.sources import SOURCES, WEB_SOURCES, about_sources
from media_pipeline.sources.protocol import REJECTIONS, Source

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
FIELDS = ("What it is", "Terms", "Licence", "Limits", "Paging", "Quirks")


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_a_source_says_what_it_is_in_the_same_words(source: Source) -> None:
    """Its docstring is the asset's description."""
    told = sys.modules[type(source).__module__].__doc__ or ""
    found = [field for field in FIELDS if re.search(rf"^{field} {{2,}}\S", told, re.MULTILINE)]
    assert found == list(FIELDS)
    assert told.partition("\n")[0] in about_sources()


def test_the_page_has_a_row_for_each_source_with_its_priority_and_share() -> None:
    """As the code has them."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| [^|]* \| ([\d,]+|all) \|", PAGE, re.MULTILINE)
    assert {name: (int(priority), share) for name, priority, share in rows} == {
        name: (source.limits.priority, str(source.limits.per_subject) if name in WEB_SOURCES else "all")
        for name, source in SOURCES.items()
        if name != "uploads"
    }


def test_priorities_are_those_that_candidates_are_ranked_by() -> None:
    """iNaturalist first, the web last."""
    ranked = sorted(WEB_SOURCES.values(), key=lambda source: -source.limits.priority)
    assert [source.limits.priority for source in ranked] == [100, 90, 85, 85, 70, 60, 40]
    assert [source.name for source in ranked][-1] == "openverse"


def test_every_word_of_a_rejection_has_a_meaning() -> None:
    """Adapters use no other; the report counts by them."""
    folder = Path(sys.modules["media_pipeline.sources"].__file__ or "").parent
    used = {
        word
        for path in folder.glob("*.py")
        for word in re.findall(r'Rejection\([^()]*?,\s*"([a-z_]+)"', path.read_text(), re.DOTALL)
    }
    assert used
    assert used <= set(REJECTIONS)


def test_no_public_source_is_asked_without_a_contact() -> None:
    """Whether it demands one or not: whoever is disturbed can write to somebody. The documents say the same."""
    assert all(source.limits.needs_contact for source in WEB_SOURCES.values())
    assert "not a rule" not in about_sources()
