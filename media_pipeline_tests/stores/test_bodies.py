"""What becomes of a body while it comes."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import FetchError
from media_pipeline.stores.bodies import PIECE, Unpacking, is_opted_out


@given(st.binary(max_size=5000), st.integers(1, 400), st.sampled_from(["gzip", "deflate", "identity", ""]))
def test_unpacking_gives_what_was_packed(data: bytes, size: int, encoding: str) -> None:
    """However the bytes are cut on the way."""
    packed = {"gzip": gzip.compress(data), "deflate": zlib.compress(data)}.get(encoding, data)
    unpacking = Unpacking(encoding)
    chunks = [packed[begin : begin + size] for begin in range(0, len(packed), size)]
    assert b"".join(piece for chunk in chunks for piece in unpacking.pieces(chunk)) == data


def test_two_members_are_one_file() -> None:
    """As gzip itself takes them."""
    both = gzip.compress(b"a") + gzip.compress(b"b")
    assert b"".join(Unpacking("gzip").pieces(both)) == b"ab"


def test_a_bomb_comes_in_pieces() -> None:
    """So that a reader can stop before memory is full."""
    bomb = gzip.compress(bytes(20 * PIECE))
    assert max(len(piece) for piece in Unpacking("gzip").pieces(bomb)) <= PIECE


def test_what_cannot_be_unpacked_is_short() -> None:
    """Bytes that are not of that packing, and a packing that nobody asked for."""
    with pytest.raises(FetchError, match="short_body"):
        list(Unpacking("gzip").pieces(b"<html>"))
    with pytest.raises(FetchError, match="short_body"):
        Unpacking("br")


@pytest.mark.parametrize(
    ("robots", "says_no"),
    [
        ("noai", True),
        ("NOINDEX, NoImageAI", True),
        ("media-pipeline: noai", True),
        ("otherbot: noindex, noai", False),
        ("otherbot: noindex, media-pipeline: noai", True),
        ("unavailable_after: 25 Jun 2027 15:00:00 PST, noai", True),
        ("noindex, nofollow", False),
        ("noaid", False),
        ("", False),
    ],
)
def test_who_opts_out(robots: str, says_no: bool) -> None:
    """For all, or for this program by name."""
    assert is_opted_out(robots) == says_no
