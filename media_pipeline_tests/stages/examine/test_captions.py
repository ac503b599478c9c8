"""Title, creator, rights and keywords, from whichever block has them; and blocks that attack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.examine import iptc, xmp
from media_pipeline.stages.examine.captions import captions
from media_pipeline.stages.examine.exif import Directory, cleaned

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmp:CreateDate="2013-09-23T10:09:46+02:00">
<dc:title><rdf:Alt><rdf:li xml:lang="de">Pilz</rdf:li>
<rdf:li xml:lang="x-default">A  mushroom</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>A. One</rdf:li><rdf:li>B. Two</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© One</rdf:li></rdf:Alt></dc:rights>
<dc:subject><rdf:Bag><rdf:li>forest</rdf:li><rdf:li>cap</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def _set(record: int, number: int, value: bytes) -> bytes:
    return bytes((0x1C, record, number)) + len(value).to_bytes(2, "big") + value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
def test_xmp_says_them_in_its_default_language(encoding: str) -> None:
    """In any encoding of Unicode, with padding behind."""
    found, note = xmp.properties(PACKET.encode(encoding) + b" \n\0\0")
    assert note is None
    assert found == {
        "xmp:CreateDate": ("2013-09-23T10:09:46+02:00",),
        "dc:title": ("A mushroom", "Pilz"),
        "dc:creator": ("A. One", "B. Two"),
        "dc:rights": ("© One",),
        "dc:subject": ("forest", "cap"),
    }


def test_xmp_goes_before_iptc_and_keywords_are_united() -> None:
    """Lists are joined, each keyword is there once."""
    found, _ = xmp.properties(PACKET.encode())
    sets, note = iptc.data_sets(
        _set(1, 90, b"\x1b%G")
        + _set(2, 5, b"Other")
        + _set(2, 25, "Röhrling".encode())
        + _set(2, 25, b"cap")
        + _set(2, 80, b"C. Three")
    )
    assert note is None
    assert captions(Directory(), found, sets) == {
        "title": "A mushroom",
        "creator": "A. One; B. Two",
        "rights": "© One",
        "keywords": ["forest", "cap", "Röhrling"],
    }
    assert captions(Directory(), {}, sets) == {
        "title": "Other",
        "creator": "C. Three",
        "rights": None,
        "keywords": ["Röhrling", "cap"],
    }


def test_iptc_in_latin_1_is_read_and_what_stands_before_the_damage_is_kept() -> None:
    """Older programs name no character set."""
    sets, note = iptc.data_sets(_set(2, 105, "Röhrling".encode("latin-1")) + _set(2, 116, b"x" * 10)[:-4])
    assert (sets, note) == ({(2, 105): ("Röhrling",)}, "iptc_damaged")


@pytest.mark.parametrize("title", ["OLYMPUS DIGITAL CAMERA", "KODAK Digital Still Camera", "SONY DSC", "untitled"])
def test_what_cameras_write_is_no_title(title: str) -> None:
    """It stands in the place of one in millions of photos."""
    assert captions(Directory(), {"dc:title": (title,)}, {})["title"] is None


def test_entities_are_refused_before_they_are_parsed() -> None:
    """Ten to the power of nine times the same word, in 300 bytes; in both encodings."""
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
    assert xmp.properties(bomb.encode()) == ({}, "xmp_with_document_type")
    assert xmp.properties(bomb.encode("utf-16")) == ({}, "xmp_with_document_type")


def test_a_packet_of_a_size_or_depth_that_none_has_is_refused() -> None:
    """A megabyte, a hundred levels."""
    assert xmp.properties(b"<a>" + b" " * 1_000_000) == ({}, "xmp_too_long: 1000003 bytes")
    assert xmp.properties(b"<a>" * 300_000) == ({}, "xmp_unreadable: nested too deeply")


def test_text_is_cleaned() -> None:
    """No zeros, controls, lone surrogates or turned directions; one line; not without end."""
    assert cleaned(" a\0b\x07\n\ud800c\u202e ") == "a b c"
    assert cleaned("\0 \x01") is None
    assert len(cleaned("x" * 100_000) or "") == 2000


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(noise: bytes) -> None:
    """Any bytes are texts or a note."""
    for packet in (noise, PACKET.encode()[:-200] + noise):
        found, _ = xmp.properties(packet)
        sets, _ = iptc.data_sets(b"\x1c" + noise)
        captions(Directory(), found, sets)
