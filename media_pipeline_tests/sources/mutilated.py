"""Answers as a broken server sends them: cut off, with other bytes in them, with another value in one place."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

# A list, not st.text(): its table of letters takes a second to make, which Hypothesis calls an unhealthy test.
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([None, True, False, [], {}, [None], [[]], {"a": {}}, [{"id": 1}], "", "-1", "0", "9", "1e999"]),
    st.sampled_from(
        ["https://example.org/a.jpg", "//[", "cc0", "by", "CC-BY-4.0", "\ud800", "\0", "<b>&amp;", "x" * 3000]
    ),
)


@st.composite
def mutilated(draw: st.DrawFn, document: Any) -> bytes:
    """The document with up to four values replaced or left out, then perhaps cut off or with a few other bytes."""
    other = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(0, 4))):
        places = _places(other)
        if not places:
            break
        holder, name = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            del holder[name]
        else:
            # A copy: the next change may be inside it, and must not change the strategy.
            holder[name] = copy.deepcopy(draw(VALUES))
    body = json.dumps(other).encode()
    if draw(st.booleans()):
        return body
    start = draw(st.integers(0, len(body)))
    return body[:start] + draw(st.binary(max_size=3)) + body[draw(st.integers(start, len(body))) :]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in it that holds something: the list or object, and the index or name."""
    names: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    return [place for name in names for place in ((value, name), *_places(value[name]))]
