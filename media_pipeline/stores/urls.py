"""URLs as they come from strangers: which can be asked, whose turn they take, where a redirect may lead. Pure.

What is not here: the addresses behind a name (addresses.py), which are checked where they are connected to.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_plus, urlencode, urljoin, urlsplit

from media_pipeline.errors import FetchError

USUAL_PORTS = {"http": 80, "https": 443}
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")


def with_params(url: str, params: tuple[tuple[str, str], ...]) -> str:
    """The URL with parameters behind those that it has."""
    if not params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"


def checked(url: str) -> str:
    """A URL that can be asked, without its fragment; FetchError for any other."""
    url = url.strip().partition("#")[0]
    if any(character < " " or character == "\x7f" for character in url):
        raise FetchError("bad_url", "it holds control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchError("bad_url", str(error)) from error
    if parts.scheme not in USUAL_PORTS or not parts.hostname:
        raise FetchError("bad_url", f"it begins with {parts.scheme[:20]!r}, and not with http://HOST or https://HOST")
    if parts.username is not None or parts.password is not None:
        raise FetchError("bad_url", "it names a user")
    return url


def mirrored(url: str, mirrors: Mapping[str, str]) -> str:
    """The address to ask in its place, where an operator has a mirror or proxy of it; of several the longest."""
    begins = max((known for known in mirrors if _is_below(url, known)), key=len, default="")
    return mirrors[begins] + url.removeprefix(begins) if begins else url


def _is_below(url: str, known: str) -> bool:
    """A beginning that ends in the name of its host means this host, and none whose name only begins so."""
    has_whole_host = "/" in known.partition("://")[2]
    return url.startswith(known) and (has_whole_host or url[len(known) :][:1] in ("", "/", "?"))


def host_of(url: str) -> str:
    """As it stands in the rows of the limiter: with its port where that is not the usual one."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return host if parts.port in (None, USUAL_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def led_to(url: str, location: str, *, secret: str = "") -> str:
    """Where a redirect leads; FetchError where it would carry the secret to another host, or over plain http."""
    led = checked(urljoin(url, location))
    if secret and masked(led, secret) != led:
        former, latter = urlsplit(url), urlsplit(led)
        if host_of(url) != host_of(led) or (former.scheme, latter.scheme) == ("https", "http"):
            raise FetchError("bad_url", f"a redirect would carry the key to {latter.scheme}://{latter.hostname}")
    return led


def masked(text: str, secret: str) -> str:
    """Without the secret, in any way in which a URL, a page or JSON may spell it."""
    for spelt in _spellings(secret):
        text = text.replace(spelt, "***")
    return text


def without(body: bytes, secret: str) -> bytes:
    """The same of an answer as it came, whatever else is in it."""
    for spelt in _spellings(secret):
        body = body.replace(spelt.encode(), b"***")
    return body


def _spellings(secret: str) -> list[str]:
    """The longest first: a shorter one may be a part of it."""
    quoted = {quote(secret, safe=""), quote_plus(secret), quote(secret)}
    lowered = {_ESCAPE.sub(lambda found: found[0].lower(), word) for word in quoted}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_json |= {word.replace("/", r"\/") for word in in_json}
    return sorted(({secret, html.escape(secret)} | quoted | lowered | in_json) - {""}, key=len, reverse=True)
