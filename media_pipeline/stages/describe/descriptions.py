"""One sentence about a picture: what it shows, when and where it was taken. Pure.

Of a sensitive place it says nothing at all, not even the name of the place that was looked for.
What is not here: where its words come from (assets.py), what people write (stores/catalog/sayings.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from media_pipeline.records import Made, NotApplicable, Result

VERSION: Final = "1"
MOST_TAGS: Final = 3
MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known. `tags` in the order of their weight; `place` is a subject, with its city where it has one."""

    tags: tuple[str, ...] = ()
    taxon: str | None = None
    place: str | None = None
    city: str | None = None
    taken_on: date | None = None
    latitude: float | None = None
    longitude: float | None = None
    is_sensitive: bool = False


def described(told: Told) -> Result:
    """The row of `descriptions`."""
    text = sentence(told)
    if text is None:
        return NotApplicable("nothing_to_say")
    return Made(rows=({"text": text, "source": "auto"},))


def sentence(told: Told) -> str | None:
    """The same words for the same facts; None where nothing is known."""
    tags = [_plain(tag.replace("-", " ")) for tag in told.tags[:MOST_TAGS]]
    where = "" if told.is_sensitive else _where(told)
    when = f"on {told.taken_on.day} {MONTHS[told.taken_on.month - 1]} {told.taken_on.year}" if told.taken_on else ""
    if not (told.taxon or tags or where or when):
        return None
    if told.taxon:
        what = _plain(told.taxon) + (f", with {_listed(tags)}" if tags else "")
    else:
        what = f"A photo of {_listed(tags)}" if tags else "A photo"
    taken = " ".join(part for part in (when, where) if part)
    if not taken:
        return f"{what}."
    return f"{what} taken {taken}." if what == "A photo" else f"{what}, taken {taken}."


def _where(told: Told) -> str:
    if told.place:
        named = f"at {_plain(told.place)}"
        return f"{named} in {_plain(told.city)}" if told.city else named
    if told.latitude is None or told.longitude is None:
        return ""
    return f"near {_degrees(told.latitude, 'NS')}, {_degrees(told.longitude, 'EW')}"


def _degrees(value: float, sides: str) -> str:
    """To a tenth: some ten kilometres."""
    return f"{abs(value):.1f}° {sides[value < 0]}"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _plain(words: str) -> str:
    """One line of printable signs: names come from strange files and answers."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
