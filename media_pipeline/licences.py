"""One pure function: any source's licence words -> one Licence.

Three rules. Deny by default: a text is open only when the whole of it is one of the forms below; nothing is searched
for inside a text, because «not CC0» and «CC BY-NC» hold open names. Unknown is unknown: what is not understood is
never called reserved. Null is all rights reserved: that is what iNaturalist and others mean by sending none.

Not here: what a licence allows to be exported (stages/publish) and whom to name (the source's attribution).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from media_pipeline.records import Licence

Family = Literal[
    "cc0",
    "public-domain",
    "cc-by",
    "cc-by-sa",
    "cc-by-nd",
    "cc-by-nc",
    "cc-by-nc-sa",
    "cc-by-nc-nd",
    "all-rights-reserved",
    "unknown",
]
OPEN_FAMILIES: tuple[Family, ...] = ("cc0", "public-domain", "cc-by", "cc-by-sa")


@dataclass(frozen=True, slots=True)
class _Row:
    """One licence: its SPDX-like name, and every way to say it. Spellings are patterns of folded text."""

    name: str
    family: Family
    path: str | None
    spellings: tuple[str, ...]
    versions: tuple[str, ...] = ()


_ATTRIBUTION = "creative-commons-attribution"
_NC = "-non-?commercial"
_SA = "-share-?alike"
_ND = "-no-?deriv(?:ative)?s"
_ALL = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")

# «Non-commercial v3.0» and «Wikipedia Compatible v3.0» are Mushroom Observer's: its pages link them to by-nc-sa and
# by-sa. BY-ND-NC is how version 1.0 put it.
_TABLE: tuple[_Row, ...] = (
    _Row("CC-BY", "cc-by", "licenses/by", ("cc-by", _ATTRIBUTION), _ALL),
    _Row(
        "CC-BY-SA",
        "cc-by-sa",
        "licenses/by-sa",
        ("cc-by-sa", _ATTRIBUTION + _SA, "creative-commons-wikipedia-compatible"),
        _ALL,
    ),
    _Row("CC-BY-ND", "cc-by-nd", "licenses/by-nd", ("cc-by-nd", _ATTRIBUTION + _ND), _ALL),
    _Row("CC-BY-NC", "cc-by-nc", "licenses/by-nc", ("cc-by-nc", _ATTRIBUTION + _NC), _ALL),
    _Row(
        "CC-BY-NC-SA",
        "cc-by-nc-sa",
        "licenses/by-nc-sa",
        ("cc-by-nc-sa", _ATTRIBUTION + _NC + _SA, f"creative-commons{_NC}"),
        _ALL,
    ),
    _Row(
        "CC-BY-NC-ND",
        "cc-by-nc-nd",
        "licenses/(?:by-nc-nd|by-nd-nc)",
        ("cc-by-nc-nd", "cc-by-nd-nc", _ATTRIBUTION + _NC + _ND, _ATTRIBUTION + _ND + _NC),
        _ALL,
    ),
    _Row(
        "CC0",
        "cc0",
        "publicdomain/zero",
        ("cc0", "cc-0", "cc-zero", "creative-commons-(?:zero|cc0)"),
        ("1.0",),
    ),
    _Row("PDM", "public-domain", "publicdomain/mark", ("pdm", "cc-pdm", "public-domain-mark"), ("1.0",)),
    _Row("Public-Domain", "public-domain", None, ("pd", "public-?domain")),
    _Row("all-rights-reserved", "all-rights-reserved", None, (r"all-rights-reserved\.?", "copyright(?:ed)?")),
)

# A list, not «two letters»: `nc` and `nd` are two letters as well, and «CC BY 3.0 nc» must not be open.
_PORTS = (
    "am|ar|at|au|az|be|bg|br|ca|ch|cl|cn|co|cr|cz|de|dk|ec|ee|eg|es|fi|fr|ge|gr|gt|hk|hr|hu|ie|igo|il|in|it|jp|kr|lu"
    "|mk|mt|mx|my|nl|no|nz|pe|ph|pl|pr|pt|ro|rs|scotland|se|sg|si|th|tw|ug|uk|us|ve|vn|za"
)
# What may follow and changes nothing.
_TAIL = (
    r"(?:-(?:international|unported|generic|universal))?(?:-public-domain-dedication)?"
    r"(?:(?:-public)?-licen[cs]e)?(?:-wikipedia-compatible)?"
)
_VERSION = r"-?v?\.?(?P<version>[1-4][.-]?[0-9])"
_URL = (
    r"(?:https?:)?(?://)?(?:www\.)?creativecommons\.org/(?:{path})/(?P<version>[1-4]\.[0-9])(?:/(?P<port>{ports}))?"
    r"(?:/(?:legalcode|deed)(?:\.[a-z_-]{{2,7}})?)?/?(?:\?ref=chooser-v1)?"
)
# The dedication that CC0 and the mark replaced has neither version nor deed.
_OLD_DEDICATION = re.compile(r"(?:https?:)?(?://)?(?:www\.)?creativecommons\.org/licenses/publicdomain/?")
# «© 2020 Somebody»; one that goes on to speak of a licence is not understood.
_NOTICE = re.compile(
    r"(?:©|\(c\)|copyright\b)(?!.*(?:\bcc|creative|some rights|no rights|licen|domain|free)).*", re.DOTALL
)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


def _forms(row: _Row) -> tuple[re.Pattern[str], ...]:
    spelling = "|".join(row.spellings)
    if not row.versions:
        return (re.compile(f"(?:{spelling}){_TAIL}"),)
    # A port only behind a version: «CC BY no» is a sentence, «CC BY 3.0 no» is Norwegian.
    forms = [re.compile(f"(?:{spelling})(?:{_VERSION}(?:-(?P<port>{_PORTS}))?)?{_TAIL}")]
    if row.path is not None:
        forms.append(re.compile(_URL.format(path=row.path, ports=_PORTS)))
    return tuple(forms)


_FORMS: tuple[tuple[_Row, tuple[re.Pattern[str], ...]], ...] = tuple((row, _forms(row)) for row in _TABLE)


def licence(*said: str | None, version: str | None = None) -> Licence:
    """What a source said of one photo, in the order in which it is to be believed: URL, code, sentence, id.

    `version` is what the source means where it names none: iNaturalist's `cc-by` is 4.0.
    """
    told: list[str | None] = [words for words in said if words is not None] or [None]
    read = [_read(words) for words in told]
    return next((found for found in read if found.family != "unknown"), read[0])


def credit(licence: Licence, *, creator: str | None, title: str | None = None, where: str | None = None) -> str:
    """The sentence to print beside the photo: whom to name, under which licence, where it is from."""
    return ", ".join(part for part in (title, f"by {creator or 'unknown'}", licence.name, where) if part)


def _read(raw: str | None) -> Licence:
    if raw is None:
        return _licence("all-rights-reserved", "all-rights-reserved", raw)
    text = raw.strip().lower()
    if _OLD_DEDICATION.fullmatch(text):
        return _licence("Public-Domain", "public-domain", raw)
    folded = re.sub(r"[\s_()-]+", "-", text.translate(_DASHES)).strip("-")
    for row, forms in _FORMS:
        for form in forms:
            found = form.fullmatch(text if "/" in text else folded)
            if found and (name := _name(row, found.groupdict())):
                return _licence(name, row.family, raw)
    if _NOTICE.fullmatch(text):
        return _licence("all-rights-reserved", "all-rights-reserved", raw)
    return _licence("unknown", "unknown", raw)


def _name(row: _Row, said: dict[str, str | None]) -> str | None:
    """`CC-BY-SA-3.0-DE`; None for a version that there never was."""
    version, port = said.get("version"), said.get("port")
    if version is None:
        return row.name
    version = f"{version[0]}.{version[-1]}"
    if version not in row.versions:
        return None
    return "-".join((row.name, version, *((port.upper(),) if port else ())))


def _licence(name: str, family: Family, raw: str | None) -> Licence:
    return Licence(name=name, family=family, is_open=family in OPEN_FAMILIES, raw=raw)
