"""Identities: the same for the same thing, in every process and every version."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.records import CROCKFORD, listing_id, media_id, public_codes

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_identities_never_change() -> None:
    """They are in databases, in blob keys and on paper: another value here loses every library."""
    assert media_id("public", SHA) == UUID("4463ce25-4c5c-555e-bb72-fc1a135fc937")
    assert listing_id("public", "uploads", "a/b.jpg", "12-34") == UUID("181b7580-e7fc-5c3f-8187-fd477eaabc6e")
    assert public_codes(media_id("public", SHA), "MYCO-IMG-")[0] == "MYCO-IMG-V8GDFEBS"


def test_tenants_do_not_share_media() -> None:
    """Nobody can learn from an identity that another tenant has the same file."""
    assert media_id("a", SHA) != media_id("b", SHA)


def test_a_key_with_another_edition_is_another_listing() -> None:
    """And a name that contains the separator of another cannot take its place."""
    assert listing_id("t", "uploads", "k", "1") != listing_id("t", "uploads", "k", "2")
    assert listing_id("t", "uploads", "k/1", "") != listing_id("t", "uploads", "k", "/1")


@given(st.uuids())
def test_a_code_has_eight_letters_that_cannot_be_misread(media: UUID) -> None:
    """Crockford's alphabet, and every further code of one media is another."""
    codes = public_codes(media, "X-")
    assert len(set(codes)) == len(codes) == 6
    for code in codes:
        assert code.startswith("X-")
        assert len(code) == 10
        assert set(code[2:]) <= set(CROCKFORD)
