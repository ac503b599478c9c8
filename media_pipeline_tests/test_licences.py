"""Licence words: what each source says, and above all what must not be taken for open."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_pipeline.licences import licence
from media_pipeline.records import Licence


@pytest.mark.parametrize(
    ("raw", "name", "family"),
    [
        # iNaturalist
        ("cc0", "CC0", "cc0"),
        ("cc-by", "CC-BY", "cc-by"),
        ("cc-by-sa", "CC-BY-SA", "cc-by-sa"),
        ("CC-BY", "CC-BY", "cc-by"),
        ("pd", "Public-Domain", "public-domain"),
        ("Creative Commons CC0 Universal Public Domain Dedication", "CC0", "cc0"),
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
        ("cc-zero", "CC0", "cc0"),
        ("Public domain", "Public-Domain", "public-domain"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/deed.en", "CC-BY-SA-3.0-DE", "cc-by-sa"),
        # Mushroom Observer
        ("Creative Commons Wikipedia Compatible v3.0", "CC-BY-SA-3.0", "cc-by-sa"),
        ("Creative Commons Attribution ShareAlike v4.0 (Wikipedia Compatible)", "CC-BY-SA-4.0", "cc-by-sa"),
        ("Creative Commons Attribution v4.0 (Wikipedia Compatible)", "CC-BY-4.0", "cc-by"),
        ("Public Domain (Wikipedia Compatible)", "Public-Domain", "public-domain"),
        ("http://creativecommons.org/licenses/publicdomain/", "Public-Domain", "public-domain"),
        # Flickr, Openverse, people
        ("https://creativecommons.org/licenses/by/2.0/", "CC-BY-2.0", "cc-by"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "PDM-1.0", "public-domain"),
        ("creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0", "cc-by-sa"),
        ("https://www.creativecommons.org/licenses/by/4.0/?ref=chooser-v1", "CC-BY-4.0", "cc-by"),
        ("cc_by_sa_30", "CC-BY-SA-3.0", "cc-by-sa"),
        ("  CC-BY-4.0\n", "CC-BY-4.0", "cc-by"),
        ("CC0 1.0 Universal", "CC0-1.0", "cc0"),
        ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0", "cc-by"),
        ("PDM 1.0", "PDM-1.0", "public-domain"),
        ("Public Domain Mark 1.0", "PDM-1.0", "public-domain"),
    ],
)
def test_open_words(raw: str, name: str, family: str) -> None:
    """The forms in which sources name open licences, with their version where they give one."""
    assert licence(raw) == Licence(name=name, family=family, is_open=True, raw=raw)


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
        (None, "all-rights-reserved", "all-rights-reserved"),
        ("All rights reserved", "all-rights-reserved", "all-rights-reserved"),
        ("all-rights-reserved", "all-rights-reserved", "all-rights-reserved"),
        ("ALL RIGHTS RESERVED.", "all-rights-reserved", "all-rights-reserved"),
        ("© 2020 Somebody", "all-rights-reserved", "all-rights-reserved"),
        ("(c) Somebody, all rights reserved", "all-rights-reserved", "all-rights-reserved"),
        ("Copyright 1999–2020 Somebody", "all-rights-reserved", "all-rights-reserved"),
    ],
)
def test_closed_words(raw: str | None, name: str, family: str) -> None:
    """What is named and not open; no word at all is all rights reserved."""
    assert licence(raw) == Licence(name=name, family=family, is_open=False, raw=raw)


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
        "no known copyright restrictions",
        "some rights reserved",
        "not all rights reserved",
        "© Somebody, some rights reserved (CC BY)",
        "© Somebody, CC BY 4.0",
        "copyright free",
        "GFDL",
        "7",
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
    assert licence(raw) == Licence(name="unknown", family="unknown", is_open=False, raw=raw)


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
def test_an_open_text_holds_nothing_but_open_words(raw: str) -> None:
    """Whatever is taken for open has no word that restricts, negates, adds, or is not in the vocabulary."""
    if licence(raw).is_open and "/" not in raw:
        words = re.findall(r"[^\s_()-]+", raw.lower())
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
