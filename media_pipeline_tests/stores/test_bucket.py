"""The bucket: what only a server can get wrong. The contract of all blobs is in test_blobs.py."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media_pipeline.errors import BlobCorrupt, BlobError, BlobUnreadable
from media_pipeline.stores.blobs import S3Options, open_blobs
from media_pipeline.stores.bucket import S3Blobs
from media_pipeline_tests.stores.blob_stores import (
    HELLO,
    HELLO_SHA256,
    PASSWORD,
    TEXT,
    Bucket,
    break_off,
    bytes_with_sum,
    client_of,
    keys,
    refusal,
    served_buckets,
)

Buckets = Callable[[], Bucket]


@pytest.fixture(scope="module")
def buckets() -> Iterator[Buckets]:
    """Makes buckets, all on one server of this module."""
    with served_buckets() as front:
        client = client_of(front)
        yield lambda: Bucket(front, client)


@pytest.fixture
def bucket(buckets: Buckets) -> Bucket:
    return buckets()


def test_the_prefix_is_a_wall(bucket: Bucket) -> None:
    """A store below a prefix sees nothing beside it, also not what merely begins like it."""
    for key in ("some/where", "some/where/", "some/where-else/a", "some/a", "z"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"x")
    bucket.blobs.put_if_absent("mine", HELLO, content_type=TEXT)
    assert keys(bucket.blobs.list_after()) == ["mine"]
    assert bucket.client.get_object(Bucket=bucket.name, Key="some/where/mine")["Body"].read() == HELLO
    whole = S3Blobs(bucket.client, bucket.name)
    assert keys(whole.list_after()) == ["some/a", "some/where", "some/where-else/a", "some/where/mine", "z"]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState"])
def test_an_object_that_may_not_be_read_says_nothing_of_the_others(bucket: Bucket, code: str) -> None:
    """Another's object, or an archived one: an error of its own, so that the rest can be read."""
    bucket.overwrite("one", HELLO)
    bucket.front.trouble.append(refusal("403 Forbidden", code))
    with pytest.raises(BlobUnreadable, match=f"some/where/one: .*{code}"):
        bucket.blobs.get("one")


def test_folder_markers_are_not_blobs(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """A page full of markers is not the end, and nobody is warned of them."""
    for number in range(7):
        bucket.overwrite(f"folder {number}/", b"")
    bucket.overwrite("last", HELLO)
    with caplog.at_level(logging.WARNING, logger="media_pipeline"):
        assert keys(bucket.blobs.list_after(limit=2)) == ["last"]
    assert caplog.records == []


def test_keys_that_no_client_can_ask_for_are_left_out(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """A key with dots as a segment is left out with a warning; one with a double slash is fine."""
    for key in ("a/../b", "a//b", "./c"):
        bucket.overwrite(key, HELLO)
    with caplog.at_level(logging.WARNING, logger="media_pipeline"):
        assert keys(bucket.blobs.list_after()) == ["a//b"]
    assert bucket.blobs.get("a//b") == HELLO
    assert [record.getMessage() for record in caplog.records] == [
        f"left out of the listing, rename it: 's3://{bucket.name}/some/where/./c'",
        f"left out of the listing, rename it: 's3://{bucket.name}/some/where/a/../b'",
    ]


def test_pages_shorter_than_asked_for(bucket: Bucket) -> None:
    """A server that returns three keys at a time is asked until the limit or the end."""
    for number in range(10):
        bucket.overwrite(str(number), b"")
    bucket.front.page_keys = 3
    try:
        assert keys(bucket.blobs.list_after()) == list("0123456789")
        assert keys(bucket.blobs.list_after(after="1", limit=5)) == list("23456")
    finally:
        bucket.front.page_keys = 1000


def test_type_and_checksum_are_kept(bucket: Bucket) -> None:
    """The bucket knows the content type and the sha256 with which it was sent."""
    bucket.blobs.put_if_absent("a", HELLO, content_type="image/jpeg")
    about = bucket.client.head_object(Bucket=bucket.name, Key="some/where/a", ChecksumMode="ENABLED")
    assert about["ContentType"] == "image/jpeg"
    # The same sum as above, in base 64: `sha256sum | xxd -r -p | base64`.
    assert about["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("media/derived/7/2/thumb.jpg", "public, max-age=31536000, immutable"),
        ("media/uploads/7/original.jpg", None),
        ("media/derived", None),
    ],
)
def test_caches_may_keep_what_never_changes_and_nothing_else(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, told: str | None
) -> None:
    """However it was stored: as bytes, in place of others, as a file, as a file in parts."""
    given = tmp_path / "file"

    def put_file(blobs: S3Blobs) -> object:
        given.write_bytes(HELLO)
        return blobs.put_file_if_absent(key, given, content_type=TEXT)

    def put_parts(blobs: S3Blobs) -> object:
        monkeypatch.setattr("media_pipeline.stores.bucket.ONE_PUT_BYTES", 1)
        return put_file(blobs)

    ways: list[Callable[[S3Blobs], object]] = [
        lambda blobs: blobs.put_if_absent(key, HELLO, content_type=TEXT),
        lambda blobs: blobs.put(key, HELLO, content_type=TEXT),
        put_file,
        put_parts,
    ]
    for number, put in enumerate(ways):
        put(S3Blobs(bucket.client, bucket.name, f"cached/{number}", immutable_below="media/derived/"))
        about = bucket.client.head_object(Bucket=bucket.name, Key=f"cached/{number}/{key}")
        assert (about["ContentType"], about.get("CacheControl")) == (TEXT, told)


def test_a_server_without_conditions_still_stores(bucket: Bucket) -> None:
    """501 to a conditional write is answered with a plain one, and what was there stays."""
    bucket.front.trouble[:] = [refusal("501 Not Implemented", "NotImplemented")]
    assert bucket.blobs.put_if_absent("a", HELLO, content_type=TEXT) is True
    assert bucket.front.trouble == []
    assert bucket.blobs.put_if_absent("a", b"other", content_type=TEXT) is False
    assert bucket.blobs.get("a") == HELLO


def test_a_conflict_is_tried_again(bucket: Bucket) -> None:
    """409 means that nobody may have won: the write is repeated; five in a row are an error."""
    conflict = refusal("409 Conflict", "ConditionalRequestConflict")
    bucket.front.trouble[:] = [conflict, conflict]
    assert bucket.blobs.put_if_absent("a", HELLO, content_type=TEXT) is True
    bucket.front.trouble[:] = [conflict] * 5
    with pytest.raises(BlobError, match="others keep writing"):
        bucket.blobs.put_if_absent("b", HELLO, content_type=TEXT)


def test_rot_that_the_server_does_not_see_is_found(bucket: Bucket) -> None:
    """Bytes that do not have the sum which the server sends with them are refused, also when we expect none."""
    bucket.front.trouble[:] = [bytes_with_sum(b"iello", sha256=HELLO_SHA256)]
    with pytest.raises(BlobCorrupt, match="some/where/a"):
        bucket.blobs.get("a")


def test_an_answer_that_breaks_off_is_asked_again(bucket: Bucket) -> None:
    """Two broken answers are repeated; the third is an error that names server and key."""
    bucket.blobs.put_if_absent("a", HELLO, content_type=TEXT)
    bucket.front.trouble[:] = [break_off, break_off]
    assert bucket.blobs.get("a", sha256=HELLO_SHA256) == HELLO
    bucket.front.trouble[:] = [break_off] * 3
    with pytest.raises(BlobError, match=r"some/where/a: .*broke off"):
        bucket.blobs.get("a")


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        ("403 Forbidden", "AccessDenied", "access denied: give these credentials"),
        ("403 Forbidden", "SignatureDoesNotMatch", "MEDIA_S3_SECRET_KEY"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "MEDIA_S3_REGION"),
        ("418 Teapot", "ImATeapot", "PutObject: ImATeapot"),
    ],
)
def test_a_refusal_says_what_to_do(bucket: Bucket, status: str, code: str, advice: str) -> None:
    """Each refusal names bucket and key and the setting to look at, and repeats nothing secret."""
    bucket.front.trouble[:] = [refusal(status, code)]
    with pytest.raises(BlobError, match=advice) as told:
        bucket.blobs.put_if_absent("a", HELLO, content_type=TEXT)
    assert f"s3://{bucket.name}/some/where/a" in str(told.value)
    assert PASSWORD not in str(told.value)


def test_a_missing_bucket_is_told_by_every_method(bucket: Bucket) -> None:
    """A misspelt bucket is never taken for an empty one."""
    blobs = S3Blobs(bucket.client, "no-such-bucket", "p")
    asks: list[Callable[[], object]] = [
        blobs.list_after,
        lambda: blobs.head("a"),
        lambda: blobs.get("a"),
        lambda: blobs.delete("a"),
        lambda: blobs.put("a", HELLO, content_type=TEXT),
        lambda: blobs.put_if_absent("a", HELLO, content_type=TEXT),
    ]
    for ask in asks:
        with pytest.raises(BlobError, match=r"s3://no-such-bucket/p/.*no such bucket: create it"):
            ask()


def test_a_signed_url_reads_and_writes(bucket: Bucket) -> None:
    """A browser without credentials can PUT to one URL and GET from the other; longer than a week is refused."""
    put = bucket.blobs.presigned_put("a b/é", seconds=60, content_type="text/plain")
    request = urllib.request.Request(put, data=HELLO, method="PUT", headers={"Content-Type": "text/plain"})  # noqa: S310
    with urllib.request.urlopen(request) as answered:  # noqa: S310
        assert answered.status == 200
    with urllib.request.urlopen(bucket.blobs.presigned_get("a b/é", seconds=60)) as answered:  # noqa: S310
        assert answered.read() == HELLO
    assert PASSWORD not in put
    for seconds in (0, 604_801):
        with pytest.raises(BlobError, match="604800"):
            bucket.blobs.presigned_get("a", seconds=seconds)


def test_an_unreachable_server_is_told() -> None:
    """Nobody listening is an error that names the server and the setting, after a few tries."""
    s3 = S3Options(endpoint_url="http://127.0.0.1:9", access_key="testing", secret_key=PASSWORD)
    blobs = open_blobs("s3://any-bucket", s3=s3)
    with pytest.raises(BlobError, match=r"http://127\.0\.0\.1:9 cannot be reached.*MEDIA_S3_ENDPOINT_URL"):
        blobs.head("a")


def test_a_large_file_goes_up_in_parts(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its checksum; it is whole, is never put over another, and a part that fails leaves nothing behind."""
    monkeypatch.setattr("media_pipeline.stores.bucket.ONE_PUT_BYTES", 1)
    given = tmp_path / "given"
    data = bytes(range(256)) * (9 << 12)
    given.write_bytes(data)
    assert len(data) > 8 << 20

    assert bucket.blobs.put_file_if_absent("large", given, content_type=TEXT) is True
    assert bucket.blobs.get("large") == data
    given.write_bytes(HELLO)
    assert bucket.blobs.put_file_if_absent("large", given, content_type=TEXT) is False
    assert bucket.blobs.get("large") == data

    bucket.front.trouble += [bucket.front.behind, refusal("507 Insufficient Storage", "XMinioStorageFull")]
    with pytest.raises(BlobError, match="no room left"):
        bucket.blobs.put_file_if_absent("never", given, content_type=TEXT)
    assert bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []
    assert keys(bucket.blobs.list_after()) == ["large"]


def test_a_file_is_sent_without_the_condition_where_the_server_has_none(bucket: Bucket, tmp_path: Path) -> None:
    """As bytes are; and once more after a conflict."""
    given = tmp_path / "given"
    given.write_bytes(HELLO)
    for trouble in (refusal("501 Not Implemented", "NotImplemented"), refusal("409 Conflict", "ConditionalConflict")):
        bucket.blobs.delete("a")
        bucket.front.trouble.append(trouble)
        assert bucket.blobs.put_file_if_absent("a", given, content_type=TEXT) is True
        assert bucket.blobs.get("a", sha256=HELLO_SHA256) == HELLO


def test_a_copy_that_breaks_off_is_begun_again(bucket: Bucket, tmp_path: Path) -> None:
    """What came before is not kept in front of the second try."""
    bucket.overwrite("a", HELLO)
    bucket.front.trouble.append(break_off)
    assert bucket.blobs.get_to_file("a", tmp_path / "copy") == HELLO_SHA256
    assert (tmp_path / "copy").read_bytes() == HELLO
    bucket.front.trouble += [break_off] * 3
    with pytest.raises(BlobError, match="broke off"):
        bucket.blobs.get_to_file("a", tmp_path / "second")
    (tmp_path / "third").write_bytes(b"")
    with pytest.raises(BlobError, match="cannot write"):
        bucket.blobs.get_to_file("a", tmp_path / "third")
