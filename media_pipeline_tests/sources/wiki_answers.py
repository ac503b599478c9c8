"""Answers of wikis, made by hand, and ways to spoil them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from media_pipeline.records import Subject
from media_pipeline.sources.protocol import Answer

SHA1 = "0123456789abcdef0123456789abcdef01234567"


def said(**words: str) -> dict[str, Any]:
    return {name: {"value": value, "source": "x"} for name, value in words.items()}


def page(number: int = 7, *, told: dict[str, Any] | None = None, **info: Any) -> dict[str, Any]:
    """One file as the API tells of it; `info` changes its imageinfo."""
    return {
        "pageid": number,
        "ns": 6,
        "title": f"File:Cep {number}.jpg",
        "imagerepository": "local",
        "imageinfo": [
            {
                "timestamp": "2020-01-02T03:04:05Z",
                "size": 1000,
                "width": 4000,
                "height": 3000,
                "thumburl": f"https://upload.wikimedia.org/commons/thumb/a/ab/Cep_{number}.jpg/330px-Cep_{number}.jpg",
                "thumbwidth": 330,
                "url": f"https://upload.wikimedia.org/commons/a/ab/Cep_{number}.jpg",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Cep_{number}.jpg",
                "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={number}",
                "sha1": SHA1,
                "mime": "image/jpeg",
                "mediatype": "BITMAP",
                "extmetadata": said(LicenseUrl="https://creativecommons.org/licenses/by/4.0", Artist="A. Tester")
                if told is None
                else told,
                **info,
            }
        ],
    }


def answer_of(
    *pages: dict[str, Any], cursor: str = "", subject: Subject | None, part: Mapping[str, str] | None = None
) -> Answer:
    """A whole batch; with `part`, its continuation, one that is not yet at its end."""
    end: dict[str, Any] = {"batchcomplete": True} if part is None else {"continue": part}
    return Answer(json.dumps(end | {"query": {"pages": list(pages)}}).encode(), subject=subject, cursor=cursor)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, item in inside for path in paths(item, (*here, key)))]


def mutilated(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    """The same with something else in one place."""
    if not path:
        return put
    changed = value.copy()
    changed[path[0]] = mutilated(value[path[0]], path[1:], put)
    return changed
