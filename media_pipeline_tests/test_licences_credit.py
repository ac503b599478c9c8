"""The sentence to print beside a photo."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_pipeline.licences import LONGEST_CREDIT, credit, licence
from media_pipeline.records import Licence

PAGE = "https://example.org/photos/1"
CC = "https://creativecommons.org/"
GNU = "https://www.gnu.org/"
TITLE = "“Fly agaric” by Ann Example"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("cc-by-4.0", f"{TITLE}, {PAGE}, CC BY 4.0 ({CC}licenses/by/4.0/)"),
        ("CC BY-SA 3.0 de", f"{TITLE}, {PAGE}, CC BY-SA 3.0 DE ({CC}licenses/by-sa/3.0/de/)"),
        ("cc-by-nc-nd-2.0", f"{TITLE}, {PAGE}, CC BY-NC-ND 2.0 ({CC}licenses/by-nc-nd/2.0/)"),
        ("cc-by", f"{TITLE}, {PAGE}, CC BY"),
        ("cc0", f"{TITLE}, {PAGE}, no rights reserved (CC0 1.0, {CC}publicdomain/zero/1.0/)"),
        (
            "pdm",
            f"{TITLE}, {PAGE}, no rights reserved (Public Domain Mark 1.0, {CC}publicdomain/mark/1.0/)",
        ),
        ("pd", f"{TITLE}, {PAGE}, no rights reserved (public domain)"),
        (
            "gfdl-1.2+",
            f"{TITLE}, {PAGE}, GFDL-1.2-or-later ({GNU}licenses/old-licenses/fdl-1.2.html)",
        ),
        ("gfdl", f"{TITLE}, {PAGE}, GFDL"),
        ("flickr:7", f"{TITLE}, {PAGE}, no known copyright restrictions"),
        ("flickr:8", f"{TITLE}, {PAGE}, United States Government work"),
        (None, f"{TITLE}, {PAGE}, all rights reserved"),
        ("CC BY, but ask me", f"{TITLE}, {PAGE}, licence unknown"),
    ],
)
def test_title_author_source_licence(said: str | None, sentence: str) -> None:
    """All four, in this order; what is in the public domain says so, and no licence is claimed that is not known."""
    assert credit(licence(said), creator="Ann Example", title="Fly agaric", where=PAGE) == sentence


@pytest.mark.parametrize(
    ("said", "creator", "title", "where", "sentence"),
    [
        ("cc-by", "Ann", None, PAGE, f"By Ann, {PAGE}, CC BY"),
        ("cc-by", "Ann", None, None, "By Ann, CC BY"),
        ("cc-by", None, "Fly agaric", None, "“Fly agaric” by an unnamed creator, CC BY"),
        ("cc-by", None, None, None, "By an unnamed creator, CC BY"),
        ("cc-by", " ", "\n", "", "By an unnamed creator, CC BY"),
        ("pd", None, "Fly agaric", None, "“Fly agaric”, no rights reserved (public domain)"),
        ("pd", None, None, None, "no rights reserved (public domain)"),
    ],
)
def test_missing_parts(said: str, creator: str | None, title: str | None, where: str | None, sentence: str) -> None:
    """What is missing leaves no gap; a creator who must be named and is not known is called unnamed."""
    assert credit(licence(said), creator=creator, title=title, where=where) == sentence


def test_an_unheard_of_family_is_unknown() -> None:
    """A record that was not made by `licence` claims nothing."""
    made = Licence(name="CC-BY-4.0", family="own", is_open=True, raw=None)
    assert credit(made, creator="Ann") == "By Ann, licence unknown"


def test_one_line_of_plain_text() -> None:
    """Line ends, controls and marks that turn the direction of text become blanks."""
    sentence = credit(licence("cc-by"), creator="Ann\r\n\tExample\u202e", title="a\x00b\u2028c", where=None)
    assert sentence == "“a b c” by Ann Example, CC BY"


def test_long_parts_are_cut() -> None:
    """Names and titles end in an ellipsis; an address is printed whole or not at all."""
    sentence = credit(licence("cc-by"), creator="n" * 201, title="t" * 121, where="https://example.org/" + "x" * 200)
    assert sentence == f"“{'t' * 119}…” by {'n' * 199}…, CC BY"


_TEXTS = st.none() | st.text() | st.text(min_size=1).map(lambda text: text * 300)


@given(
    said=st.sampled_from(["cc-by-sa-3.0-scotland", "cc0", "pdm", "gfdl-1.2+", "odd", None]) | st.text(),
    parts=st.tuples(_TEXTS, _TEXTS, _TEXTS),
)
@example(said="pdm", parts=("n" * 999, "t" * 999, "w" * 200))
def test_any_text_gives_one_short_line(said: str | None, parts: tuple[str | None, str | None, str | None]) -> None:
    """Never raises, never empty, never longer than promised, never more than a line; the licence is always whole."""
    creator, title, where = parts
    found = licence(said)
    sentence = credit(found, creator=creator, title=title, where=where)
    assert 0 < len(sentence) <= LONGEST_CREDIT
    assert sentence.splitlines() == [sentence]
    assert found.url is None or found.url in sentence
