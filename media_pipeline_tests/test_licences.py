"""Licence words: what each source says, and above all what must not be taken for open."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_pipeline.licences import OPEN_FAMILIES, licence
from media_pipeline.records import Licence


@pytest.mark.parametrize(
    ("raw", "name", "family"),
    [
        # iNaturalist
        ("cc0", "CC0-1.0", "cc0"),
        ("cc-by", "CC-BY", "cc-by"),
        ("cc-by-sa", "CC-BY-SA", "cc-by-sa"),
        ("CC-BY", "CC-BY", "cc-by"),
        ("pd", "LicenseRef-PD", "public-domain"),
        ("PD", "LicenseRef-PD", "public-domain"),
        ("Creative Commons CC0 Universal Public Domain Dedication", "CC0-1.0", "cc0"),
        ("Creative Commons Attribution-ShareAlike License", "CC-BY-SA", "cc-by-sa"),
        # GBIF
        ("http://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0-1.0", "cc0"),
        ("http://creativecommons.org/licenses/by/4.0/legalcode", "CC-BY-4.0", "cc-by"),
        ("CC_BY_4_0", "CC-BY-4.0", "cc-by"),
        ("CC0_1_0", "CC0-1.0", "cc0"),
        # Wikimedia Commons and Wikipedia
        ("CC BY 4.0", "CC-BY-4.0", "cc-by"),
        ("CC BY-SA 3.0 de", "CC-BY-SA-3.0-DE", "cc-by-sa"),
        ("cc-by-sa-2.5", "CC-BY-SA-2.5", "cc-by-sa"),
        ("CC BY‑SA 4.0", "CC-BY-SA-4.0", "cc-by-sa"),
        ("cc-zero", "CC0-1.0", "cc0"),
        ("Public domain", "LicenseRef-PD", "public-domain"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/deed.en", "CC-BY-SA-3.0-DE", "cc-by-sa"),
        ("cc-by-sa-3.0-de", "CC-BY-SA-3.0-DE", "cc-by-sa"),
        ("cc-by-3.0-igo", "CC-BY-3.0-IGO", "cc-by"),
        ("Creative Commons Attribution-Share Alike 3.0 de", "CC-BY-SA-3.0-DE", "cc-by-sa"),
        ("cc-by-sa-3.0-migrated", "CC-BY-SA-3.0", "cc-by-sa"),
        ("cc-by-sa-4.0,3.0,2.5,2.0,1.0", "CC-BY-SA-4.0", "cc-by-sa"),
        ("CC BY-SA 2.5-2.0-1.0", "CC-BY-SA-2.5", "cc-by-sa"),
        # Mushroom Observer
        ("Creative Commons Wikipedia Compatible v3.0", "CC-BY-SA-3.0", "cc-by-sa"),
        ("Creative Commons Attribution ShareAlike v4.0 (Wikipedia Compatible)", "CC-BY-SA-4.0", "cc-by-sa"),
        ("Creative Commons Attribution v4.0 (Wikipedia Compatible)", "CC-BY-4.0", "cc-by"),
        ("Public Domain", "LicenseRef-PD", "public-domain"),
        ("Public Domain (Wikipedia compatible)", "LicenseRef-PD", "public-domain"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC", "public-domain"),
        # Flickr, Openverse, people
        ("flickr:4", "CC-BY-2.0", "cc-by"),
        ("flickr:5", "CC-BY-SA-2.0", "cc-by-sa"),
        ("flickr:9", "CC0-1.0", "cc0"),
        ("flickr:10", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("flickr:11", "CC-BY-4.0", "cc-by"),
        ("flickr:12", "CC-BY-SA-4.0", "cc-by-sa"),
        ("Public Domain Dedication (CC0)", "CC0-1.0", "cc0"),
        ("Public Domain Mark", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("pdm", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("CC-PDM-1.0", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("https://creativecommons.org/licenses/by/2.0/?ref=openverse", "CC-BY-2.0", "cc-by"),
        ("https://creativecommons.org/public-domain/cc0/", "CC0-1.0", "cc0"),
        ("https://creativecommons.org/licenses/by/2.0/", "CC-BY-2.0", "cc-by"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0", "cc-by-sa"),
        ("https://www.creativecommons.org/licenses/by/4.0/?ref=chooser-v1", "CC-BY-4.0", "cc-by"),
        ("cc_by_sa_30", "CC-BY-SA-3.0", "cc-by-sa"),
        ("  CC-BY-4.0\n", "CC-BY-4.0", "cc-by"),
        ("CC0 1.0 Universal", "CC0-1.0", "cc0"),
        ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0", "cc-by"),
        ("PDM 1.0", "LicenseRef-CC-PDM-1.0", "public-domain"),
        ("Public Domain Mark 1.0", "LicenseRef-CC-PDM-1.0", "public-domain"),
    ],
)
def test_open_words(raw: str, name: str, family: str) -> None:
    """The forms in which sources name open licences, with their version where they give one."""
    found = licence(raw)
    assert (found.name, found.family, found.is_open, found.raw) == (name, family, True, raw)


@pytest.mark.parametrize(
    ("raw", "name", "family"),
    [
        ("cc-by-nc", "CC-BY-NC", "cc-by-nc"),
        ("CC BY-NC 4.0", "CC-BY-NC-4.0", "cc-by-nc"),
        ("CC_BY_NC_4_0", "CC-BY-NC-4.0", "cc-by-nc"),
        ("http://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0", "cc-by-nc"),
        ("CC BY NC SA 2.0", "CC-BY-NC-SA-2.0", "cc-by-nc-sa"),
        ("Creative Commons Non-commercial v2.5", "CC-BY-NC-SA-2.5", "cc-by-nc-sa"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike License", "CC-BY-NC-SA", "cc-by-nc-sa"),
        ("Creative Commons Attribution Non-commercial NoDerivs v.4.0", "CC-BY-NC-ND-4.0", "cc-by-nc-nd"),
        ("https://creativecommons.org/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0", "cc-by-nc-nd"),
        ("cc-by-nd", "CC-BY-ND", "cc-by-nd"),
        ("Creative Commons Attribution-NoDerivatives 4.0 International", "CC-BY-ND-4.0", "cc-by-nd"),
        ("flickr:1", "CC-BY-NC-SA-2.0", "cc-by-nc-sa"),
        ("flickr:2", "CC-BY-NC-2.0", "cc-by-nc"),
        ("flickr:3", "CC-BY-NC-ND-2.0", "cc-by-nc-nd"),
        ("flickr:6", "CC-BY-ND-2.0", "cc-by-nd"),
        ("flickr:13", "CC-BY-ND-4.0", "cc-by-nd"),
        ("flickr:14", "CC-BY-NC-4.0", "cc-by-nc"),
        ("flickr:15", "CC-BY-NC-SA-4.0", "cc-by-nc-sa"),
        ("flickr:16", "CC-BY-NC-ND-4.0", "cc-by-nc-nd"),
        ("Creative Commons Non-commercial v3.0", "CC-BY-NC-SA-3.0", "cc-by-nc-sa"),
        ("Creative Commons Attribution Non-commercial v4.0", "CC-BY-NC-4.0", "cc-by-nc"),
        ("Creative Commons Attribution Non-commercial ShareAlike v4.0", "CC-BY-NC-SA-4.0", "cc-by-nc-sa"),
        ("Creative Commons Non-commercial ShareAlike v4.0", "CC-BY-NC-SA-4.0", "cc-by-nc-sa"),
        ("GFDL", "GFDL", "gfdl"),
        ("gfdl-1.2", "GFDL-1.2", "gfdl"),
        ("GFDL-1.3-only", "GFDL-1.3-only", "gfdl"),
        ("GFDL 1.2+", "GFDL-1.2-or-later", "gfdl"),
        ("GNU Free Documentation License", "GFDL", "gfdl"),
        ("GNU Free Documentation License, Version 1.2 or any later version", "GFDL-1.2-or-later", "gfdl"),
        ("http://www.gnu.org/copyleft/fdl.html", "GFDL", "gfdl"),
        ("flickr:7", "LicenseRef-NKCR", "no-known-restrictions"),
        ("No known copyright restrictions", "LicenseRef-NKCR", "no-known-restrictions"),
        ("No restrictions", "LicenseRef-NKCR", "no-known-restrictions"),
        ("https://www.flickr.com/commons/usage/", "LicenseRef-NKCR", "no-known-restrictions"),
        ("http://rightsstatements.org/vocab/NKC/1.0/", "LicenseRef-NKCR", "no-known-restrictions"),
        ("flickr:8", "LicenseRef-US-Gov", "us-government"),
        ("United States Government Work", "LicenseRef-US-Gov", "us-government"),
        ("https://www.usa.gov/government-copyright", "LicenseRef-US-Gov", "us-government"),
        ("flickr:0", "LicenseRef-ARR", "all-rights-reserved"),
        ("http://rightsstatements.org/vocab/InC/1.0/", "LicenseRef-ARR", "all-rights-reserved"),
        ("Copyright Reserved", "LicenseRef-ARR", "all-rights-reserved"),
        (None, "LicenseRef-ARR", "all-rights-reserved"),
        ("All rights reserved", "LicenseRef-ARR", "all-rights-reserved"),
        ("all-rights-reserved", "LicenseRef-ARR", "all-rights-reserved"),
        ("ALL RIGHTS RESERVED.", "LicenseRef-ARR", "all-rights-reserved"),
        ("© 2020 Somebody", "LicenseRef-ARR", "all-rights-reserved"),
        ("(c) Somebody, all rights reserved", "LicenseRef-ARR", "all-rights-reserved"),
        ("Copyright 1999–2020 Somebody", "LicenseRef-ARR", "all-rights-reserved"),
    ],
)
def test_closed_words(raw: str | None, name: str, family: str) -> None:
    """What is named and not open; no word at all is all rights reserved."""
    found = licence(raw)
    assert (found.name, found.family, found.is_open, found.raw) == (name, family, False, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "by",
        "by-sa",
        "cc",
        "c",
        "attribution",
        "not CC0",
        "CC0?",
        "CC0 or CC BY-NC",
        "CC BY, but ask me",
        "CC BY no",
        "CC BY 3.0 nc",
        "CC BY 4.0 nd",
        "CC BY 4.0 NonCommercial",
        "CC BY 9.9",
        "CC BY 4",
        "CC BY ٤.٠",
        "CC BY-SA-NC-ND",
        "CC SA 1.0",
        "CC0 2.0",
        "CC BY 4.0 CC BY-NC 4.0",
        "CC-BY-4.0,CC-BY-NC-4.0",
        "CC BY\n\nCC BY-NC",
        "not in the public domain",
        "Public domain in the United States only",
        "no known copyright restrictions in the US",
        "some rights reserved",
        "not all rights reserved",
        "© Somebody, some rights reserved (CC BY)",
        "© Somebody, CC BY 4.0",
        "copyright free",
        "GFDL 1.2 and CC BY-SA 3.0",
        "GFDL 2.0",
        "7",
        "flickr:17",
        "flickr:",
        "flickr:11 or so",
        "UNSPECIFIED",
        "UNSUPPORTED",
        "NOASSERTION",
        "Usage Conditions Apply",
        "pd-us",
        "CC BY 4.0 de",
        "CC0 1.0 us",
        "cc-by-sa-4.0,9.0",
        "cc-by-sa-4.03.0",
        "https://creativecommons.org/licenses/by/4.0/de/",
        "https://www.si.edu/termsofuse",
        "https://creativecommons.org/",
        "https://creativecommons.org/licenses/",
        "https://creativecommons.org/licenses/by/",
        "https://creativecommons.org/licenses/sa/1.0/",
        "https://creativecommons.org/licenses/by/4.0/nc/",
        "https://creativecommons.org/licenses/by/4.0/?but=not",
        "https://creativecommons.org/licenses/by/4.0/#nc",
        "https://creativecommons.org.example/licenses/by/4.0/",
        "https://example.org/creativecommons.org/licenses/by/4.0/",
        "https://example.org/?creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommonsxorg/licenses/by/4.0/",
    ],
)
def test_what_is_not_understood_is_unknown(raw: str) -> None:
    """Neither guessed to be open nor called reserved; what was said is kept for a person to read."""
    assert licence(raw) == Licence(name="LicenseRef-unknown", family="unknown", is_open=False, raw=raw)


_CC = "https://creativecommons.org/"


@pytest.mark.parametrize(
    ("name", "family", "version", "jurisdiction", "url", "allows"),
    [
        ("CC0-1.0", "cc0", "1.0", None, f"{_CC}publicdomain/zero/1.0/", "commercial derivatives"),
        ("CC-PDDC", "public-domain", None, None, f"{_CC}licenses/publicdomain/", "commercial derivatives"),
        (
            "LicenseRef-CC-PDM-1.0",
            "public-domain",
            "1.0",
            None,
            f"{_CC}publicdomain/mark/1.0/",
            "commercial derivatives",
        ),
        ("LicenseRef-PD", "public-domain", None, None, None, "commercial derivatives"),
        ("CC-BY", "cc-by", None, None, None, "commercial derivatives attribution"),
        ("CC-BY-4.0", "cc-by", "4.0", None, f"{_CC}licenses/by/4.0/", "commercial derivatives attribution"),
        (
            "CC-BY-SA-3.0-DE",
            "cc-by-sa",
            "3.0",
            "DE",
            f"{_CC}licenses/by-sa/3.0/de/",
            "commercial derivatives attribution",
        ),
        ("CC-BY-ND-2.0", "cc-by-nd", "2.0", None, f"{_CC}licenses/by-nd/2.0/", "commercial attribution"),
        ("CC-BY-NC-4.0", "cc-by-nc", "4.0", None, f"{_CC}licenses/by-nc/4.0/", "derivatives attribution"),
        ("CC-BY-NC-SA-2.5", "cc-by-nc-sa", "2.5", None, f"{_CC}licenses/by-nc-sa/2.5/", "derivatives attribution"),
        ("CC-BY-NC-ND-4.0", "cc-by-nc-nd", "4.0", None, f"{_CC}licenses/by-nc-nd/4.0/", "attribution"),
        ("CC-BY-NC-ND-1.0", "cc-by-nc-nd", "1.0", None, f"{_CC}licenses/by-nd-nc/1.0/", "attribution"),
        (
            "GFDL-1.2-or-later",
            "gfdl",
            "1.2",
            None,
            "https://www.gnu.org/licenses/old-licenses/fdl-1.2.html",
            "commercial derivatives attribution",
        ),
        (
            "GFDL-1.3",
            "gfdl",
            "1.3",
            None,
            "https://www.gnu.org/licenses/fdl-1.3.html",
            "commercial derivatives attribution",
        ),
        ("LicenseRef-NKCR", "no-known-restrictions", None, None, None, "attribution"),
        ("LicenseRef-US-Gov", "us-government", None, None, None, "attribution"),
        ("LicenseRef-unknown", "unknown", None, None, None, "attribution"),
        ("LicenseRef-ARR", "all-rights-reserved", None, None, None, "attribution"),
    ],
)
def test_the_whole_record(
    name: str, family: str, version: str | None, jurisdiction: str | None, url: str | None, allows: str
) -> None:
    """Each name says itself again, and comes with its version, port, deed and what it allows; so does its address."""
    expected = Licence(
        name=name,
        family=family,
        is_open=family in ("cc0", "public-domain", "cc-by", "cc-by-sa"),
        raw=name,
        version=version,
        jurisdiction=jurisdiction,
        url=url,
        allows_commercial="commercial" in allows,
        allows_derivatives="derivatives" in allows,
        needs_attribution="attribution" in allows,
    )
    assert licence(name) == expected
    if url:
        by_address = licence(url)
        assert (by_address.url, by_address.family, by_address.version) == (url, family, version)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        # Wikimedia Commons says one licence in four ways.
        (("https://creativecommons.org/licenses/by-sa/4.0", "cc-by-sa-4.0", "CC BY-SA 4.0"), "CC-BY-SA-4.0"),
        ((None, "pd", "Public domain"), "LicenseRef-PD"),
        # One of them is more exact.
        (("https://creativecommons.org/licenses/by-sa/3.0/", "cc-by-sa-3.0-de"), "CC-BY-SA-3.0-DE"),
        (("https://creativecommons.org/licenses/by-sa/3.0/de/", "cc-by-sa-3.0"), "CC-BY-SA-3.0-DE"),
        (("cc-by-sa", "CC BY-SA 3.0", "CC BY-SA 3.0 de"), "CC-BY-SA-3.0-DE"),
        (("GFDL", "GFDL-1.2-or-later"), "GFDL-1.2-or-later"),
        # They differ in the version or the port: the first is believed.
        (("https://creativecommons.org/licenses/by-sa/3.0/", "cc-by-sa-4.0"), "CC-BY-SA-3.0"),
        (("https://creativecommons.org/licenses/by-sa/3.0/de/", "cc-by-sa-3.0-at"), "CC-BY-SA-3.0-DE"),
        (("CC-PDDC", "pdm"), "CC-PDDC"),
        # They differ in the family: the least open is believed, wherever it stands.
        (("https://creativecommons.org/licenses/by/4.0/", "cc-by-nc-4.0"), "CC-BY-NC-4.0"),
        (("cc-by-nc-4.0", "https://creativecommons.org/licenses/by/4.0/"), "CC-BY-NC-4.0"),
        (("cc0", "All rights reserved"), "LicenseRef-ARR"),
        (("cc-by-4.0", "© 2020 Somebody"), "LicenseRef-ARR"),
        (("cc-by-sa-3.0", "GFDL"), "GFDL"),
        (("cc0", "cc-by-4.0", "cc-by-sa-4.0"), "CC-BY-SA-4.0"),
        (("cc0", "pd"), "LicenseRef-PD"),
        (("pd", "flickr:8"), "LicenseRef-US-Gov"),
        (("flickr:7", "cc0"), "LicenseRef-NKCR"),
        # Each forbids what the other allows: neither name would be true.
        (("cc-by-nd-4.0", "cc-by-nc-4.0"), "LicenseRef-unknown"),
        (("cc-by-nc-sa-4.0", "cc-by-nd-4.0"), "LicenseRef-unknown"),
        (("cc-by-nd-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0"), "CC-BY-NC-ND-4.0"),
        # What is not understood is passed over, unless it restricts.
        (("https://example.org/terms", "cc-by-4.0"), "CC-BY-4.0"),
        (("", "cc-by-4.0"), "CC-BY-4.0"),
        (("by-sa", "7", "cc0"), "CC0-1.0"),
        (("cc-by-4.0", "UNSPECIFIED"), "LicenseRef-unknown"),
        (("cc-by-4.0", "for noncommercial use"), "LicenseRef-unknown"),
        (("cc-by-4.0", "some_nc_licence"), "LicenseRef-unknown"),
        (("cc-by-4.0", "ask me first"), "LicenseRef-unknown"),
        (("cc-by-4.0", "(c) Somebody, some rights reserved (CC BY)"), "LicenseRef-unknown"),
        (("cc-by-4.0", "x" * 401), "LicenseRef-unknown"),
        (("for noncommercial use", "All rights reserved"), "LicenseRef-ARR"),
        # Nothing said is nothing said.
        ((), "LicenseRef-ARR"),
        ((None, None), "LicenseRef-ARR"),
        ((None, ""), "LicenseRef-unknown"),
        ((None, "cc-by-4.0"), "CC-BY-4.0"),
    ],
)
def test_several_statements(said: tuple[str | None, ...], name: str) -> None:
    """Of statements about one photo the least open family wins, and within a family the first or more exact one."""
    assert licence(*said).name == name


@pytest.mark.parametrize(
    ("said", "raw"),
    [
        ((), None),
        ((None,), None),
        ((None, " cc0 "), " cc0 "),
        (("cc-by", "CC BY 4.0"), "cc-by | CC BY 4.0"),
        (("cc0", None, "", "cc0", "odd"), "cc0 | odd"),
        (("", " "), ""),
    ],
)
def test_raw_keeps_all_that_was_said(said: tuple[str | None, ...], raw: str | None) -> None:
    """One statement as it was; several joined, each once and the empty ones left out."""
    assert licence(*said).raw == raw


@pytest.mark.parametrize(
    ("said", "version", "name"),
    [
        (("cc-by",), "4.0", "CC-BY-4.0"),
        (("CC-BY-NC",), "4.0", "CC-BY-NC-4.0"),
        (("cc-by", "CC BY 3.0"), "4.0", "CC-BY-3.0"),
        (("cc-by-sa-2.0",), "4.0", "CC-BY-SA-2.0"),
        (("cc0",), "4.0", "CC0-1.0"),
        (("pd",), "4.0", "LicenseRef-PD"),
        (("GFDL",), "4.0", "GFDL"),
        ((None,), "4.0", "LicenseRef-ARR"),
        (("odd",), "4.0", "LicenseRef-unknown"),
        (("cc-by",), "9.9", "CC-BY"),
    ],
)
def test_the_version_that_a_source_means(said: tuple[str | None, ...], version: str, name: str) -> None:
    """It fills in what nobody named, and only where the licence has that version."""
    assert licence(*said, version=version).name == name


# Every word that an open form may hold. `v`, ports and numbers are judged by shape.
# fmt: off
_OPEN_WORDS = {
    "cc", "cc0", "0", "by", "sa", "zero", "pd", "pdm", "public", "domain", "publicdomain", "mark", "dedication",
    "creative", "commons", "attribution", "share", "alike", "sharealike", "wikipedia", "compatible", "international",
    "unported", "generic", "universal", "license", "licence", "de",
}
_OTHER_WORDS = {
    "nc", "nd", "not", "no", "non", "commercial", "noncommercial", "noderivs", "or", "and", "but", "only", "4.0",
    "v3.0", "1.0", "9.9", "30", "©", "all", "rights", "reserved", "https://creativecommons.org/",
}
# fmt: on
_WORDS = st.sampled_from(sorted(_OPEN_WORDS | _OTHER_WORDS))
_PHRASES = st.lists(st.tuples(_WORDS, st.sampled_from([" ", "-", "_", "", "/", ", "])), max_size=6).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


@given(_PHRASES | st.text())
@example("CC-BY-4.0")
@example("cc by 3.0 de")
@example("cc-by-sa-4.0, 1.0")
def test_an_open_text_holds_nothing_but_open_words(raw: str) -> None:
    """Whatever is taken for open has no word that restricts, negates, adds, or is not in the vocabulary."""
    if licence(raw).is_open and "/" not in raw:
        words = re.findall(r"[^\s_(),-]+", raw.lower())
        assert [word for word in words if word not in _OPEN_WORDS and not re.fullmatch(r"v?\.?[0-9.]+", word)] == []


@given(st.text())
def test_random_text_keeps_what_was_said(raw: str) -> None:
    """Nothing raises, and the raw words are never lost or altered."""
    assert licence(raw).raw == raw


_OPEN_FORMS = st.sampled_from(
    ["CC0", "CC BY", "CC BY 4.0", "cc-by-sa-3.0", "public domain", "https://creativecommons.org/licenses/by/4.0/"]
)
_JUNK = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1).filter(
    lambda junk: bool(re.search(r"[^\W\d_]{4}", junk))
)


@given(form=_OPEN_FORMS, junk=_JUNK)
def test_an_open_form_within_other_words_is_not_open(form: str, junk: str) -> None:
    """No open name is found inside a longer text, before or behind."""
    for raw in (f"{junk} {form}", f"{junk}{form}", f"{form} {junk} {form}", f"{form}, {junk}"):
        assert not licence(raw).is_open


_ANY_SAID = st.lists(st.none() | _PHRASES | _OPEN_FORMS | st.text(), max_size=4)


@given(said=_ANY_SAID, version=st.none() | st.sampled_from(["4.0", "1.0", "x"]))
@example(said=["cc-by-nc", "x" * 500], version="4.0")
def test_together_never_more_open_than_each(said: list[str | None], version: str | None) -> None:
    """No statement that was understood allows less than the whole, and what is open has an open statement in it."""
    together = licence(*said, version=version)
    alone = [licence(one) for one in said if one is not None]
    for one in alone:
        if one.family != "unknown":
            assert together.is_open <= one.is_open
            assert together.allows_commercial <= one.allows_commercial
            assert together.allows_derivatives <= one.allows_derivatives
    assert together.is_open <= any(one.is_open for one in alone)
    assert together.is_open == (together.family in OPEN_FAMILIES)


@given(_PHRASES | _OPEN_FORMS)
def test_a_name_means_itself(raw: str) -> None:
    """What is stored as the name of a licence is read as that licence again, and so is its address."""
    found = licence(raw)
    again = licence(found.name)
    assert (again.name, again.url) == (found.name, found.url)
    if found.url:
        assert licence(found.url).url == found.url


_CLOSED_FORMS = st.sampled_from(
    [
        "cc-by-nc",
        "CC BY-NC 4.0",
        "CC_BY_NC_4_0",
        "cc-by-nd-2.0",
        "CC BY-NC-SA 3.0 de",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "http://creativecommons.org/licenses/by-nd-nc/1.0/legalcode",
        "Creative Commons Attribution Non-commercial NoDerivs v.4.0",
        "Creative Commons Non-commercial v3.0",
        "All rights reserved",
        "No known copyright restrictions",
        "United States Government Work",
        "GFDL 1.2",
    ]
)


@given(
    form=_CLOSED_FORMS,
    place=st.integers(0, 60),
    letter=st.sampled_from(["", *" -_/.,0123456789abcdnsyz"]),
    cut=st.integers(0, 1),
)
def test_a_slip_in_a_closed_form_opens_nothing(form: str, place: int, letter: str, cut: int) -> None:
    """One character lost, changed or added makes no licence more open."""
    assert not licence(form[:place] + letter + form[place + cut :]).is_open
