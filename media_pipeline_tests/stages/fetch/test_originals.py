"""Which files are accepted, and under which key they stay."""

from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image

from media_pipeline.errors import FetchError
from media_pipeline.stages.fetch.originals import Arrived, Original, judged
from media_pipeline.stages.fetch.placeholders import PLACEHOLDERS


def picture(width: int, height: int, form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, form)
    return out.getvalue()


JPEG = picture(8, 6)
NO_PICTURE = picture(9, 9)


def judge(
    data: bytes, *, limit: int = 10_000, promised: bool = True, sha1: str | None = None, said: str = ""
) -> Original:
    arrived = Arrived(
        len(data),
        hashlib.sha256(data).hexdigest(),
        said,
        is_promised_photo=promised,
    )
    listed = {hashlib.sha256(NO_PICTURE).hexdigest(): "a red square"}
    return judged(io.BytesIO(data), arrived, max_bytes=limit, placeholders=listed, listed_sha1=sha1)


def test_a_picture_is_accepted_with_its_digest() -> None:
    """Whatever its name, or its server, says it is."""
    original = judge(JPEG, said="text/html", sha1=hashlib.sha1(JPEG).hexdigest().upper())  # noqa: S324
    assert original.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert (original.type.extension, original.size_bytes, original.long_edge_px) == ("jpg", len(JPEG), 8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"x" * 10_001, "too_large"),
        (b"plain text", "not_media"),
        (b'{"error": "not found"}', "not_media"),
        (b"<!DOCTYPE html><title>404</title>", "html_instead"),
        (b"\xef\xbb\xbf\n<!-- a\nproxy --> <HTML><body>Log in</body>", "html_instead"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'><html>", "html_instead"),
        (b"<?xml version='1.0'?>\n<!-- made by hand --><svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_photo"),
        (b"%PDF-1.7", "not_a_photo"),
        (b"AT&TFORM\0\0\0\0DJVM", "not_a_photo"),
        (b"ID3\4\0", "not_a_photo"),
        (b"\0\0\0\x18ftypisom\0\0\2\0", "not_a_photo"),
        (NO_PICTURE, "placeholder"),
        (picture(1, 1), "tiny"),
        (picture(1, 1, "GIF"), "tiny"),
    ],
)
def test_where_a_photo_was_promised_each_refusal_has_a_reason_of_its_own(data: bytes, reason: str) -> None:
    """Nothing is dropped without a word."""
    with pytest.raises(FetchError) as refused:
        judge(data)
    assert refused.value.reason == reason
    assert refused.value.detail


def test_words_that_a_server_calls_html_are_html() -> None:
    """A page need not begin as one."""
    with pytest.raises(FetchError, match="html_instead"):
        judge(b"Not found.", said="text/html; charset=utf-8")


def test_a_file_that_is_another_than_was_listed_is_replaced() -> None:
    """Where the source tells its sum."""
    with pytest.raises(FetchError, match="replaced: listed with sha1 aaaa"):
        judge(JPEG, sha1="aaaa")


@pytest.mark.parametrize("data", [b"ID3\4\0", b"\0\0\0\x18ftypisom\0\0\2\0", picture(1, 1)])
def test_an_upload_may_be_anything_that_is_media(data: bytes) -> None:
    """No photo was promised; only what is no media at all is refused."""
    assert judge(data, promised=False).size_bytes == len(data)
    for other in (b"<html>", b"%PDF-1.7", b"<svg/>"):
        with pytest.raises(FetchError, match="not_media"):
            judge(other, promised=False)


def test_every_placeholder_has_a_sum_and_a_word() -> None:
    """The sums are lower-case hexadecimal, or they would find nothing."""
    assert all(
        len(bytes.fromhex(digest)) == 32 and digest == digest.lower() and told for digest, told in PLACEHOLDERS.items()
    )
