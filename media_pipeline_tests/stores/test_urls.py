"""URLs as they come from strangers."""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import FetchError
from media_pipeline.stores.urls import checked, host_of, led_to, masked, mirrored, with_params, without


def test_parameters_go_behind_those_of_the_url() -> None:
    """In their order, also twice the same."""
    assert with_params("http://a/x", (("q", "a b&c"), ("q", "é"))) == "http://a/x?q=a+b%26c&q=%C3%A9"
    assert with_params("http://a/x?y=1", (("z", ""),)) == "http://a/x?y=1&z="
    assert with_params("http://a/x", ()) == "http://a/x"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.ORG/x", "example.org"),
        ("https://example.org.:443/x", "example.org"),
        ("http://example.org:443/x", "example.org:443"),
        ("http://[::1]:8080/", "::1:8080"),
    ],
)
def test_one_host_has_one_name(url: str, host: str) -> None:
    """However it is written."""
    assert host_of(checked(url)) == host


def test_what_a_person_pastes_is_taken() -> None:
    """With blanks around it, in its path, and a fragment."""
    assert checked(" https://example.org/a b.jpg#top\n") == "https://example.org/a b.jpg"


@given(st.text())
def test_any_other_text_is_a_bad_url(text: str) -> None:
    """It is refused as such, and no other error is raised."""
    with contextlib.suppress(FetchError):
        assert checked(text).lower().startswith(("http:", "https:"))


@given(st.text(st.characters(codec="utf-8"), min_size=3), st.sampled_from([str, quote, quote_plus]))
def test_a_secret_is_masked_as_a_url_spells_it(secret: str, spell: Callable[[str], str]) -> None:
    """As it is, and quoted."""
    assert masked(f"?{spell(secret)}", secret) in ("?***", "***")


def test_where_a_redirect_may_carry_a_key() -> None:
    """To the same host, never to plain http, and never to another port."""
    asked = "https://a.example/x?k=se%2Fcret"
    assert led_to(asked, "/y?k=se%2Fcret", secret="se/cret") == "https://a.example/y?k=se%2Fcret"  # noqa: S106
    assert led_to(asked, "http://b.example/", secret="se/cret") == "http://b.example/"  # noqa: S106
    for location in (
        "http://a.example/?k=se%2Fcret",
        "https://b.example/?k=se/cret",
        "https://a.example:8443/se%2Fcret",
    ):
        with pytest.raises(FetchError, match="would carry the key"):
            led_to(asked, location, secret="se/cret")  # noqa: S106


@pytest.mark.parametrize(
    "spell",
    [
        str,
        quote_plus,
        html.escape,
        json.dumps,
        lambda secret: quote_plus(secret).lower(),
        lambda secret: json.dumps(secret).replace("/", r"\/"),
    ],
)
def test_a_body_loses_the_secret_and_nothing_else(spell: Callable[[str], str]) -> None:
    """As HTML and JSON spell it too; bytes that are no text stay as they are."""
    cleaned = without(b"\xff\x00" + spell('k3y+&/"x').encode() + b"\xfe", 'k3y+&/"x')
    assert cleaned.replace(b'"', b"") == b"\xff\x00***\xfe"
    assert without(b"\xff\x00", "") == b"\xff\x00"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://api.example.org/v1/x?y", "http://cache.lan/v1/x?y"),
        ("https://api.example.org?y", "http://cache.lan?y"),
        ("https://api.example.org", "http://cache.lan"),
        ("https://api.example.org/photos/12", "http://photos.lan/12"),
        ("https://api.example.org.evil.example/v1", "https://api.example.org.evil.example/v1"),
        ("https://api.example.org:8443/v1", "https://api.example.org:8443/v1"),
        ("https://api.example.organic/", "https://api.example.organic/"),
    ],
)
def test_a_mirror_is_of_one_host(url: str, asked: str) -> None:
    """Not of another whose name begins alike; of several beginnings the longest counts."""
    mirrors = {"https://api.example.org": "http://cache.lan", "https://api.example.org/photos/": "http://photos.lan/"}
    assert mirrored(url, mirrors) == asked
