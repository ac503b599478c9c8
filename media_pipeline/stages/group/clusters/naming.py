"""What clusters are called: by the words that their members bear and the others do not. Pure.

The weight of a word is c-TF-IDF: the share of the cluster's members that bear it, times how rare it is elsewhere. A
name that a person gave goes before; no two clusters have one name.

What is not here: where words come from: subjects, tags, keywords (assets.py).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

LEAST_SHARE: Final = 0.3
"""Of the members must bear a word that names all of them."""
LEAST_OF_FIRST: Final = 0.5
"""A second word is told when it says at least half as much as the first, and at most half as many elsewhere bear it."""
JOINED_BY: Final = ", "
COUNTER: Final = re.compile(r" \d+\Z")


@dataclass(frozen=True, slots=True)
class Worded:
    """One cluster: how many members bear each word, what it was called, and the name that a person gave it."""

    cluster_id: UUID
    media_count: int
    words: Mapping[str, int]
    former: str | None = None
    human: str | None = None


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    by: Literal["human", "words", "number"]


def provisional_name(cluster_id: UUID) -> str:
    """Of a cluster of which nothing is known but that it is there."""
    return f"Cluster {cluster_id.hex[:8]}"


def named(clusters: Sequence[Worded], *, taken: frozenset[str] = frozenset()) -> dict[UUID, Name]:
    """A name for each, no two the same and none of those that are `taken`. Larger clusters choose first; who had a name
    of these words keeps its number."""
    spread = Counter[str]()
    for one in clusters:
        spread.update(one.words)
    average = sum(spread.values()) / len(clusters) if clusters else 0.0
    media_count = sum(one.media_count for one in clusters)
    found: dict[UUID, Name] = {}
    used = set(taken)
    in_order = sorted(clusters, key=lambda one: (-one.media_count, one.cluster_id.int))
    for one in in_order:
        if one.human is not None:
            found[one.cluster_id] = Name(_free(one.human, used), "human")
            used.add(found[one.cluster_id].text)
    waiting = [
        (one, _words(one, spread, average=average, media_count=media_count))
        for one in in_order
        if one.cluster_id not in found
    ]
    for one, words in waiting:
        if words and one.former is not None and _base(one.former, words) and one.former not in used:
            found[one.cluster_id] = Name(one.former, "words")
            used.add(one.former)
    for one, words in waiting:
        if one.cluster_id not in found:
            text = _free(words or provisional_name(one.cluster_id), used)
            found[one.cluster_id] = Name(text, "words" if words else "number")
            used.add(text)
    return found


def _words(one: Worded, spread: Mapping[str, int], *, average: float, media_count: int) -> str:
    """The one or two words that say most; empty where none is borne by enough."""
    weights = {
        word: count / one.media_count * math.log(1 + average / spread[word])
        for word, count in one.words.items()
        if count >= LEAST_SHARE * one.media_count
    }
    best = sorted(weights, key=lambda word: (-weights[word], word))[:2]
    if len(best) == 2:
        first, second = best
        elsewhere = (spread[second] - one.words[second]) / max(media_count - one.media_count, 1)
        is_common = elsewhere > LEAST_OF_FIRST * one.words[second] / one.media_count
        if is_common or weights[second] < LEAST_OF_FIRST * weights[first] or _within(first, second):
            best.pop()
    return JOINED_BY.join(best)


def _within(one: str, other: str) -> bool:
    """«Amanita» says nothing beside «Amanita muscaria»."""
    return one.casefold() in other.casefold() or other.casefold() in one.casefold()


def _base(name: str, words: str) -> bool:
    return name == words or COUNTER.sub("", name) == words


def _free(name: str, used: set[str]) -> str:
    number = 1
    found = name
    while found in used:
        number += 1
        found = f"{name} {number}"
    return found
