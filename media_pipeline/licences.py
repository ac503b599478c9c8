"""One pure function: any source's licence words -> one Licence; and one more: the sentence to print beside a photo.

Deny by default. A text is open only when the whole of it is one of the forms below; nothing is searched for inside a
text, because «not CC0» and «CC BY-NC» hold open names. Unknown is unknown: what is not understood is never called
reserved. Null is all rights reserved: that is what iNaturalist and others mean by sending none. A source whose null
means nothing (GBIF's media) says "" instead.

Several statements about one photo, in the order in which they are to be believed (URL, code, sentence, id):

- Of different families the least open wins (CC BY beside CC BY-NC is CC BY-NC). Where each forbids what the other
  allows (ND beside NC), no single licence says it: unknown.
- Of one family the first wins, unless a later one only adds to it: `by-sa/3.0` and `cc-by-sa-3.0-de` is the German one.
- What is not understood is passed over, unless it holds a word that restricts: then the whole is unknown.
- `raw` keeps all of them, joined by « | ».

So give it what is said of the licence of this photo, and nothing else: not the licence of the record, and no copyright
line, which beside an open licence reads as all rights reserved.

Names are SPDX's where SPDX has one, and formed alike where it has not (ports as `CC-BY-SA-3.0-FR`, `CC-BY` where nobody
names a version, `LicenseRef-…`). Open: CC0, public domain, CC BY, CC BY-SA. The GFDL is not: it wants its whole text
beside each photo. «No known copyright restrictions» and works of the US government are not: they promise nothing, or
nothing outside the US.

Not here: which licences may be fetched or exported (stages/fetch, stages/publish), and stripping HTML (the sources).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from media_pipeline.records import Licence

Family = Literal[
    "cc0",
    "public-domain",
    "cc-by",
    "cc-by-sa",
    "gfdl",
    "cc-by-nd",
    "cc-by-nc",
    "cc-by-nc-sa",
    "cc-by-nc-nd",
    "no-known-restrictions",
    "us-government",
    "unknown",
    "all-rights-reserved",
]
OPEN_FAMILIES: tuple[Family, ...] = ("cc0", "public-domain", "cc-by", "cc-by-sa")
LONGEST_CREDIT = 700


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a family allows, and how it is printed."""

    family: Family
    printed: str
    commercial: bool = False
    derivatives: bool = False
    attribution: bool = True


# The most open first: of two statements that contradict each other, the lower row is believed.
_KINDS: tuple[_Kind, ...] = (
    _Kind("cc0", "CC0", commercial=True, derivatives=True, attribution=False),
    _Kind("public-domain", "public domain", commercial=True, derivatives=True, attribution=False),
    _Kind("cc-by", "CC BY", commercial=True, derivatives=True),
    _Kind("cc-by-sa", "CC BY-SA", commercial=True, derivatives=True),
    _Kind("gfdl", "GFDL", commercial=True, derivatives=True),
    _Kind("cc-by-nd", "CC BY-ND", commercial=True),
    _Kind("cc-by-nc", "CC BY-NC", derivatives=True),
    _Kind("cc-by-nc-sa", "CC BY-NC-SA", derivatives=True),
    _Kind("cc-by-nc-nd", "CC BY-NC-ND"),
    _Kind("no-known-restrictions", "no known copyright restrictions"),
    _Kind("us-government", "United States Government work"),
    _Kind("unknown", "licence unknown"),
    _Kind("all-rights-reserved", "all rights reserved"),
)
_BY_FAMILY: dict[str, tuple[int, _Kind]] = {kind.family: (place, kind) for place, kind in enumerate(_KINDS)}


@dataclass(frozen=True, slots=True)
class _Row:
    """One licence of Creative Commons, and every way to say it. Spellings are patterns of folded text."""

    name: str
    family: Family
    path: str
    spellings: tuple[str, ...]
    versions: tuple[str, ...] = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")


_ATTRIBUTION = "creative-commons-attribution"
_NC = "-non-?commercial"
_SA = "-share-?alike"
_ND = "-no-?deriv(?:ative)?s"

# «Non-commercial v3.0» and «Wikipedia Compatible v3.0» are Mushroom Observer's: its pages link them to by-nc-sa and
# by-sa. BY-ND-NC is how version 1.0 put it.
_TABLE: tuple[_Row, ...] = (
    _Row("CC-BY", "cc-by", "licenses/by", ("cc-by", _ATTRIBUTION)),
    _Row(
        "CC-BY-SA",
        "cc-by-sa",
        "licenses/by-sa",
        ("cc-by-sa", _ATTRIBUTION + _SA, "creative-commons-wikipedia-compatible"),
    ),
    _Row("CC-BY-ND", "cc-by-nd", "licenses/by-nd", ("cc-by-nd", _ATTRIBUTION + _ND)),
    _Row("CC-BY-NC", "cc-by-nc", "licenses/by-nc", ("cc-by-nc", _ATTRIBUTION + _NC)),
    _Row(
        "CC-BY-NC-SA",
        "cc-by-nc-sa",
        "licenses/by-nc-sa",
        ("cc-by-nc-sa", _ATTRIBUTION + _NC + _SA, f"creative-commons{_NC}(?:{_SA})?"),
    ),
    _Row(
        "CC-BY-NC-ND",
        "cc-by-nc-nd",
        "licenses/(?:by-nc-nd|by-nd-nc)",
        ("cc-by-nc-nd", "cc-by-nd-nc", _ATTRIBUTION + _NC + _ND, _ATTRIBUTION + _ND + _NC),
    ),
    _Row(
        "CC0",
        "cc0",
        "publicdomain/zero",
        ("cc0", "cc-0", "cc-zero", "creative-commons-(?:zero|cc0)", "public-domain-dedication-cc0"),
        ("1.0",),
    ),
    _Row(
        "LicenseRef-CC-PDM",
        "public-domain",
        "publicdomain/mark",
        ("(?:licenseref-)?(?:cc-)?pdm", "public-domain-mark"),
        ("1.0",),
    ),
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
# Commons has files under several versions at once, `cc-by-sa-3.0,2.5,2.0,1.0`: whoever uses them chooses.
_VERSION = r"-?v?\.?(?P<version>[1-4][.-]?[0-9])(?:(?P<more>(?:[,-]-?[1-4]\.[0-9])+)|-(?P<port>{ports}))?"
_WEB = r"(?:https?:)?(?://)?(?:www\.)?"
_URL = (
    _WEB + r"creativecommons\.org/(?:{path})/(?P<version>[1-4]\.[0-9])(?:/(?P<port>{ports}))?"
    r"(?:/(?:legalcode|deed)(?:\.[a-z_-]{{2,7}})?)?/?(?:\?ref=(?:chooser-v1|openverse))?"
)
_GFDL_WORDS = (
    r"(?:gfdl|gnu-free-documentation-licen[cs]e),?"
    r"(?:(?:-version)?-?v?(?P<version>1\.[1-3])(?:(?P<later>\+|-or-(?:any-)?later(?:-versions?)?)|(?P<only>-only))?)?"
)
_GFDL_URL = (
    _WEB + r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?fdl(?:-(?P<version>1\.[1-3]))?(?:\.en)?\.(?:html|txt)"
)
_GFDL = re.compile(f"(?:{_GFDL_WORDS})"), re.compile(_GFDL_URL)
# «© 2020 Somebody»; one that goes on to speak of a licence is not understood.
_NOTICE = re.compile(
    r"(?:©|\(c\)|copyright\b)(?!.*(?:\bcc|creative|some rights|no rights|licen|domain|free)).*", re.DOTALL
)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_LEAD = re.compile(r"(?:https?:)?(?://)?(?:www\.)?")
# Nothing that is open takes as much to say, and nothing longer is worth keeping in the cache.
_LONGEST = 400
# No hunt for open names, so it may look inside a text: one of these words beside an open code makes it unknown.
_RESTRICTING = re.compile(
    r"©|\b(?:nc|nd|no|non|not|only|but|except|unless|without|ask|contact|permission|permitted|prohibited|forbidden"
    r"|restrict\w*|conditions|reserved|copyright|fair|nonfree|personal|private|educational|editorial)\b|commercial|deriv"
)


def _named(
    name: str, family: Family, *, version: str | None = None, port: str | None = None, url: str | None = None
) -> Licence:
    kind = _BY_FAMILY[family][1]
    return Licence(
        name=name,
        family=family,
        is_open=family in OPEN_FAMILIES,
        raw=None,
        version=version,
        jurisdiction=port.upper() if port else None,
        url=url,
        allows_commercial=kind.commercial,
        allows_derivatives=kind.derivatives,
        needs_attribution=kind.attribution,
    )


def _of_row(row: _Row, version: str | None, port: str | None = None) -> Licence:
    if version is None and len(row.versions) == 1:
        version = row.versions[0]
    name = "-".join(part for part in (row.name, version, port and port.upper()) if part)
    if version is None:
        return _named(name, row.family)
    path = row.path
    if row.family == "cc-by-nc-nd":
        path = "licenses/by-nd-nc" if version == "1.0" else "licenses/by-nc-nd"
    url = "/".join(("https://creativecommons.org", path, version, *((port,) if port else ()), ""))
    return _named(name, row.family, version=version, port=port, url=url)


_UNKNOWN = _named("LicenseRef-unknown", "unknown")
_RESERVED = _named("LicenseRef-ARR", "all-rights-reserved")
_DOMAIN = _named("LicenseRef-PD", "public-domain")
_NO_KNOWN = _named("LicenseRef-NKCR", "no-known-restrictions")
_US_WORK = _named("LicenseRef-US-Gov", "us-government")
# The dedication that CC0 and the mark replaced has no version.
_DEDICATION = _named("CC-PDDC", "public-domain", url="https://creativecommons.org/licenses/publicdomain/")
_ROWS = {row.name: row for row in _TABLE}

# What is said in few ways: folded words, and addresses without scheme, www and the last slash.
_EXACT: dict[str, Licence] = {
    **dict.fromkeys(("licenseref-unknown", "noassertion", "unspecified", "unsupported"), _UNKNOWN),
    **dict.fromkeys(("licenseref-arr", "all-rights-reserved", "all-rights-reserved."), _RESERVED),
    **dict.fromkeys(("copyright", "copyrighted", "copyright-reserved"), _RESERVED),
    "rightsstatements.org/vocab/inc/1.0": _RESERVED,
    "flickrhelp.com/hc/en-us/articles/10710266545556-using-flickr-images-shared-by-other-members": _RESERVED,
    **dict.fromkeys(("licenseref-pd", "pd", "public-domain", "publicdomain"), _DOMAIN),
    "public-domain-wikipedia-compatible": _DOMAIN,
    **dict.fromkeys(("cc-pddc", "creativecommons.org/licenses/publicdomain"), _DEDICATION),
    **dict.fromkeys(("licenseref-nkcr", "no-known-copyright-restrictions", "no-restrictions"), _NO_KNOWN),
    **dict.fromkeys(("flickr.com/commons/usage", "rightsstatements.org/vocab/nkc/1.0"), _NO_KNOWN),
    **dict.fromkeys(("licenseref-us-gov", "united-states-government-work"), _US_WORK),
    **dict.fromkeys(("usa.gov/government-copyright", "usa.gov/copyright.shtml"), _US_WORK),
    "creativecommons.org/public-domain/cc0": _of_row(_ROWS["CC0"], "1.0"),
    "cc-by-sa-3.0-migrated": _of_row(_ROWS["CC-BY-SA"], "3.0"),
    # flickr.photos.licenses.getInfo; 11 to 16 since June 2025.
    "flickr:0": _RESERVED,
    "flickr:1": _of_row(_ROWS["CC-BY-NC-SA"], "2.0"),
    "flickr:2": _of_row(_ROWS["CC-BY-NC"], "2.0"),
    "flickr:3": _of_row(_ROWS["CC-BY-NC-ND"], "2.0"),
    "flickr:4": _of_row(_ROWS["CC-BY"], "2.0"),
    "flickr:5": _of_row(_ROWS["CC-BY-SA"], "2.0"),
    "flickr:6": _of_row(_ROWS["CC-BY-ND"], "2.0"),
    "flickr:7": _NO_KNOWN,
    "flickr:8": _US_WORK,
    "flickr:9": _of_row(_ROWS["CC0"], "1.0"),
    "flickr:10": _of_row(_ROWS["LicenseRef-CC-PDM"], "1.0"),
    "flickr:11": _of_row(_ROWS["CC-BY"], "4.0"),
    "flickr:12": _of_row(_ROWS["CC-BY-SA"], "4.0"),
    "flickr:13": _of_row(_ROWS["CC-BY-ND"], "4.0"),
    "flickr:14": _of_row(_ROWS["CC-BY-NC"], "4.0"),
    "flickr:15": _of_row(_ROWS["CC-BY-NC-SA"], "4.0"),
    "flickr:16": _of_row(_ROWS["CC-BY-NC-ND"], "4.0"),
}


def _forms(row: _Row) -> tuple[re.Pattern[str], re.Pattern[str]]:
    # A port only behind a version: «CC BY no» is a sentence, «CC BY 3.0 no» is Norwegian.
    words = f"(?:{'|'.join(row.spellings)})(?:{_VERSION.format(ports=_PORTS)})?{_TAIL}"
    return re.compile(words), re.compile(_URL.format(path=row.path, ports=_PORTS))


_FORMS = tuple((row, *_forms(row)) for row in _TABLE)


def licence(*said: str | None, version: str | None = None) -> Licence:
    """What a source said of one photo, in the order in which it is to be believed: URL, code, sentence, id.

    `version` is what the source means where it names none: iNaturalist's `cc-by` is 4.0. Flickr's ids are written
    `flickr:4`. See above for statements that contradict each other.
    """
    told = tuple(words for words in said if words is not None)
    if sum(map(len, told)) > _LONGEST:
        return _judge(told, version)
    return _remembered(told, version)


def credit(licence: Licence, *, creator: str | None, title: str | None = None, where: str | None = None) -> str:
    """The sentence to print beside the photo: its title, its creator, where it is from, its licence.

    Plain text in one line of at most LONGEST_CREDIT characters; the arguments are plain text, too. An address that is
    too long to print is left out: half of it leads nowhere.
    """
    title, creator, where = (_one_line(part or "") for part in (title, creator, where))
    who = _cut(creator, 200) or ("an unnamed creator" if licence.needs_attribution else "")
    by = f"by {who}" if who else ""
    what = f"“{_cut(title, 120)}” {by}".rstrip() if title else by.replace("by", "By", 1)
    parts = (what, where if len(where) <= 200 else "", _printed(licence))
    return _cut(", ".join(part for part in parts if part), LONGEST_CREDIT)


def _judge(told: tuple[str, ...], version: str | None) -> Licence:
    if not told:
        return _RESERVED
    raw = told[0] if len(told) == 1 else " | ".join(dict.fromkeys(words for words in told if words.strip()))
    understood = [found for words in told if (found := _read(words))]
    if not understood:
        return replace(_UNKNOWN, raw=raw)
    found = max(understood, key=lambda one: _BY_FAMILY[one.family][0])  # the first of several
    for other in understood:
        if other.family == found.family and other.name.startswith(found.name + "-"):
            found = other
    if any(_allows_more(found, other) for other in understood):
        found = _UNKNOWN
    row = _ROWS.get(found.name)
    if row and version in row.versions:
        found = _of_row(row, version)
    return replace(found, raw=raw)


_remembered = lru_cache(maxsize=4096)(_judge)


def _allows_more(one: Licence, other: Licence) -> bool:
    return one.allows_commercial > other.allows_commercial or one.allows_derivatives > other.allows_derivatives


def _read(said: str) -> Licence | None:
    """One statement; None when it is not understood and holds nothing that restricts."""
    text = said.strip().lower()
    if len(text) > _LONGEST:
        return _UNKNOWN
    is_address = "/" in text
    folded = text if is_address else re.sub(r"[\s_()-]+", "-", text.translate(_DASHES)).strip("-")
    if found := _EXACT.get(_LEAD.sub("", text, count=1).removesuffix("/") if is_address else folded):
        return found
    for row, words, address in _FORMS:
        match = (address if is_address else words).fullmatch(folded)
        if match and (found := _of_creative_commons(row, match.groupdict())):
            return found
    if match := _GFDL[is_address].fullmatch(folded):
        return _of_gfdl(match.groupdict())
    if _NOTICE.fullmatch(text):
        return _RESERVED
    return _UNKNOWN if _RESTRICTING.search(text.replace("_", " ")) else None


def _of_creative_commons(row: _Row, said: dict[str, str | None]) -> Licence | None:
    """None for a version or a port that there never was."""
    version, port = said["version"], said["port"]
    if version is None:
        return _of_row(row, None)
    versions = [f"{version[0]}.{version[-1]}", *re.findall(r"[1-4]\.[0-9]", said.get("more") or "")]
    if not set(versions) <= set(row.versions) or (port and (version[0] == "4" or len(row.versions) == 1)):
        return None
    return _of_row(row, max(versions), port)


def _of_gfdl(said: dict[str, str | None]) -> Licence:
    version = said["version"]
    if version is None:
        return _named("GFDL", "gfdl")
    name = f"GFDL-{version}" + ("-or-later" if said.get("later") else "-only" if said.get("only") else "")
    folder = "licenses" if version == "1.3" else "licenses/old-licenses"
    return _named(name, "gfdl", version=version, url=f"https://www.gnu.org/{folder}/fdl-{version}.html")


def _printed(licence: Licence) -> str:
    """Never the name of a licence that is none: a family that is not of the table is unknown."""
    _, kind = _BY_FAMILY.get(licence.family, _BY_FAMILY["unknown"])
    printed = kind.printed
    if licence.name == "LicenseRef-CC-PDM-1.0":
        printed = "Public Domain Mark 1.0"
    elif licence.version and kind.family == "gfdl":
        printed = licence.name
    elif licence.version:
        printed = " ".join(part for part in (printed, licence.version, licence.jurisdiction) if part)
    if kind.family in ("cc0", "public-domain"):
        return f"no rights reserved ({', '.join(part for part in (printed, licence.url) if part)})"
    return f"{printed} ({licence.url})" if licence.url else printed


# Line ends, controls, and the marks that turn the direction of everything behind them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _one_line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
