"""Blobs: one contract for folder and bucket, the rules for keys, and the URLs.

Not here: what only one back end can get wrong (test_folder.py, test_bucket.py).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_pipeline.errors import BadKey, BlobCorrupt, BlobMissing, ConfigError
from media_pipeline.stores.blobs import TEMP_FOLDER, S3Options, checked_key, is_readable, open_blobs
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline_tests.stores.blob_stores import (
    HELLO,
    HELLO_SHA256,
    PASSWORD,
    TEXT,
    Bucket,
    Folder,
    Store,
    client_of,
    keys,
    numbers,
    served_buckets,
)

Buckets = Callable[[], Bucket]


@pytest.fixture(scope="module")
def buckets() -> Iterator[Buckets]:
    """Makes buckets, all on one server of this module."""
    with served_buckets() as front:
        client = client_of(front)
        yield lambda: Bucket(front, client)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, buckets: Buckets, tmp_path: Path) -> Store:
    return Folder(tmp_path / "blobs") if request.param == "folder" else buckets()


def test_what_is_put_comes_back(store: Store) -> None:
    """A blob is read back whole, with its size and a stable etag."""
    assert store.blobs.put_if_absent("media/a b/é.txt", HELLO, content_type=TEXT) is True
    assert store.blobs.get("media/a b/é.txt", sha256=HELLO_SHA256) == HELLO
    info = store.blobs.head("media/a b/é.txt")
    assert info is not None
    assert info.size_bytes == 5
    assert store.blobs.list_after() == [info]


def test_an_empty_blob_is_a_blob(store: Store) -> None:
    """No bytes are still something that was stored."""
    assert store.blobs.put_if_absent("empty", b"", content_type=TEXT) is True
    assert store.blobs.get("empty") == b""
    assert store.blobs.put_if_absent("empty", HELLO, content_type=TEXT) is False


def test_put_if_absent_never_overwrites(store: Store) -> None:
    """The second writer is told False, and the first bytes stay."""
    assert store.blobs.put_if_absent("a", HELLO, content_type=TEXT) is True
    assert store.blobs.put_if_absent("a", b"other", content_type=TEXT) is False
    assert store.blobs.get("a") == HELLO


def test_put_overwrites(store: Store) -> None:
    """The new bytes are in place, under another etag."""
    store.blobs.put("a", HELLO, content_type=TEXT)
    before = store.blobs.head("a")
    store.blobs.put("a", b"longer than before", content_type=TEXT)
    after = store.blobs.head("a")
    assert store.blobs.get("a") == b"longer than before"
    assert before is not None
    assert after is not None
    assert before.etag != after.etag


def test_a_missing_blob_is_named(store: Store) -> None:
    """Reading nothing is an error that names the key; asking about it is not an error."""
    store.blobs.put_if_absent("there", HELLO, content_type=TEXT)
    with pytest.raises(BlobMissing, match="not/there"):
        store.blobs.get("not/there")
    with pytest.raises(BlobMissing, match="there/below"):
        store.blobs.get("there/below")
    assert store.blobs.head("not/there") is None
    assert store.blobs.head("there/below") is None


def test_rot_is_found(store: Store) -> None:
    """One changed bit is an error with the key, both sums and what to do."""
    store.blobs.put_if_absent("media/rotten", HELLO, content_type=TEXT)
    store.overwrite("media/rotten", b"iello")
    with pytest.raises(BlobCorrupt) as told:
        store.blobs.get("media/rotten", sha256=HELLO_SHA256)
    assert "media/rotten" in str(told.value)
    assert HELLO_SHA256 in str(told.value)
    assert hashlib.sha256(b"iello").hexdigest() in str(told.value)
    assert "fetch it again" in str(told.value)


def test_a_file_is_put_and_comes_back_as_a_file(store: Store, tmp_path: Path) -> None:
    """Whole, with its sum; what is done to the given file afterwards, removing it, does nothing to the blob."""
    given, back = tmp_path / "given", tmp_path / "back"
    given.write_bytes(HELLO)
    assert store.blobs.put_if_absent("empty", b"", content_type=TEXT) is True
    assert store.blobs.put_file_if_absent("media/é.txt", given, content_type=TEXT) is True
    given.unlink()
    assert store.blobs.get("media/é.txt", sha256=HELLO_SHA256) == HELLO
    assert store.blobs.get_to_file("media/é.txt", back) == HELLO_SHA256
    assert back.read_bytes() == HELLO
    assert store.blobs.get_to_file("empty", tmp_path / "empty") == hashlib.sha256(b"").hexdigest()
    assert keys(store.blobs.list_after()) == ["empty", "media/é.txt"]


def test_a_file_never_overwrites(store: Store, tmp_path: Path) -> None:
    """The second is told False, whichever way the first came, and the first bytes stay."""
    given = tmp_path / "given"
    given.write_bytes(b"other")
    store.blobs.put_if_absent("a", HELLO, content_type=TEXT)
    assert store.blobs.put_file_if_absent("a", given, content_type=TEXT) is False
    assert store.blobs.get("a") == HELLO
    assert store.blobs.put_file_if_absent("b", given, content_type=TEXT) is True
    assert store.blobs.put_if_absent("b", HELLO, content_type=TEXT) is False
    assert store.blobs.get("b") == b"other"


def test_eight_files_one_winner(store: Store, tmp_path: Path) -> None:
    """Of files given at the same moment exactly one is taken."""
    meet = threading.Barrier(8)

    def write(number: int) -> bool:
        given = tmp_path / str(number)
        given.write_bytes(bytes([number]) * 100_000)
        meet.wait()
        return store.blobs.put_file_if_absent("a/b/c", given, content_type=TEXT)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(write, range(8)))
    assert told.count(True) == 1
    assert store.blobs.get("a/b/c") == bytes([told.index(True)]) * 100_000


def test_a_missing_blob_becomes_no_file(store: Store, tmp_path: Path) -> None:
    """Named in the error, like any that is not there; a key that leads out is refused."""
    with pytest.raises(BlobMissing, match="not/there"):
        store.blobs.get_to_file("not/there", tmp_path / "copy")
    with pytest.raises(BadKey):
        store.blobs.get_to_file("../secret", tmp_path / "another")
    (tmp_path / "given").write_bytes(HELLO)
    with pytest.raises(BadKey):
        store.blobs.put_file_if_absent("../out", tmp_path / "given", content_type=TEXT)


def test_delete_twice(store: Store) -> None:
    """A deleted blob is gone; deleting it again is fine, and it may be written anew."""
    store.blobs.put_if_absent("a/b", HELLO, content_type=TEXT)
    store.blobs.delete("a/b")
    store.blobs.delete("a/b")
    store.blobs.delete("never/was")
    assert store.blobs.head("a/b") is None
    assert store.blobs.list_after() == []
    assert store.blobs.put_if_absent("a/b", HELLO, content_type=TEXT) is True


def test_nothing_is_listed_before_the_first_put(store: Store) -> None:
    """A store that nobody has written to is empty, not broken."""
    assert store.blobs.list_after() == []
    assert store.blobs.list_after("media/", after="media/x") == []
    assert store.blobs.list_after(limit=0) == []


def test_prefixes_are_text_not_folders(store: Store) -> None:
    """A prefix may end within a segment, as it does in a bucket; dots and slashes in it lead nowhere."""
    for key in ("a/bc/1", "a/bd", "a/c", "ab", "b"):
        store.blobs.put_if_absent(key, HELLO, content_type=TEXT)
    assert keys(store.blobs.list_after("a/b")) == ["a/bc/1", "a/bd"]
    assert keys(store.blobs.list_after("a/bc/")) == ["a/bc/1"]
    assert keys(store.blobs.list_after("a", after="a/bd")) == ["a/c", "ab"]
    assert keys(store.blobs.list_after("a/b", after="ab")) == []
    assert keys(store.blobs.list_after(after="a")) == ["a/bc/1", "a/bd", "a/c", "ab", "b"]
    for nowhere in ("../", "./", "/", "a//", "a/../", f"{TEMP_FOLDER}/", "/etc/"):
        assert store.blobs.list_after(nowhere) == []
    for impossible in ("\ud800", "a\0"):
        with pytest.raises(BadKey):
            store.blobs.list_after(impossible)


def test_odd_names_of_others_are_listed_and_read(store: Store) -> None:
    """What people call their files does not stop a listing, and whatever is listed can be read."""
    odd = [
        "e\u0301 (NFD).jpg",
        "a b.jpg",
        "50%25 + 1&2.jpg",
        "q?x#y;z.jpg",
        "back\\slash",
        "\x01\x7f",
        "日本/写真 1.jpg",
    ]
    for key in odd:
        store.overwrite(key, key.encode())
    listed = keys(store.blobs.list_after())
    assert listed == sorted(odd, key=str.encode)
    assert [store.blobs.get(key).decode() for key in listed] == listed


def test_five_pages_of_one(store: Store) -> None:
    """Going on after the last key visits each blob once."""
    for number in range(5):
        store.blobs.put_if_absent(f"n/{number}", HELLO, content_type=TEXT)
    last, seen = "", []
    while page := store.blobs.list_after(after=last, limit=1):
        seen += keys(page)
        last = page[-1].key
    assert seen == ["n/0", "n/1", "n/2", "n/3", "n/4"]


# Signs on both sides of the slash, and the pair whose order in UTF-16 is the reverse of that in UTF-8.
_segments = st.text("ab-.0é\uff0d\U0001f600", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))
_keys = st.lists(_segments, min_size=1, max_size=3).map("/".join)


def _without_files_that_are_folders(chosen: set[str]) -> list[str]:
    return [key for key in chosen if not any(other.startswith(key + "/") for other in chosen)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.sets(_keys, max_size=12).map(_without_files_that_are_folders),
    prefix=st.just("") | _keys,
    limit=st.integers(1, 5),
    kind=st.sampled_from(["folder", "folder", "folder", "bucket"]),
)
def test_pages_are_the_keys_in_byte_order(
    chosen: list[str], prefix: str, limit: int, kind: str, buckets: Buckets, tmp_path: Path
) -> None:
    """Pages one after another are exactly the sorted keys with the prefix, however they are named."""
    store: Store = Folder(tmp_path / str(next(numbers))) if kind == "folder" else buckets()
    for key in chosen:
        store.overwrite(key, b"x")
    last, seen = "", []
    while page := store.blobs.list_after(prefix, after=last, limit=limit):
        assert len(page) <= limit
        seen += keys(page)
        last = page[-1].key
    assert seen == sorted((key for key in chosen if key.startswith(prefix)), key=str.encode)


def test_eight_threads_one_winner(store: Store) -> None:
    """Of writers at the same moment exactly one is told True, and the blob is that one's."""
    meet = threading.Barrier(8)

    def write(number: int) -> bool:
        meet.wait()
        return store.blobs.put_if_absent("a/b/c", bytes([number]) * 100_000, content_type=TEXT)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(write, range(8)))
    assert told.count(True) == 1
    assert store.blobs.get("a/b/c") == bytes([told.index(True)]) * 100_000


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("..", "segment"),
        ("a/../../b", "segment"),
        ("./a", "segment"),
        ("a/.", "segment"),
        ("a//b", "empty segment"),
        ("a/", "ends with a slash"),
        ("a\0b", "NUL"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("a\\b", "backslash"),
        ("\ud800", "UTF-8"),
        (f"{TEMP_FOLDER}/x", "writes in progress"),
        ("é" * 128, "255 bytes"),
        ("/".join(["x" * 204] * 5) + "x", "1024 bytes"),
    ],
)
def test_a_bad_key_is_refused_with_its_fault(key: str, fault: str, store: Store) -> None:
    """Neither back end writes under a key that the other could not hold."""
    with pytest.raises(BadKey, match=fault):
        checked_key(key)
    with pytest.raises(BadKey, match=fault):
        store.blobs.put_if_absent(key, HELLO, content_type=TEXT)
    with pytest.raises(BadKey, match=fault):
        store.blobs.put(key, HELLO, content_type=TEXT)


def test_the_largest_keys_are_stored(store: Store) -> None:
    """1,024 bytes in segments of up to 255 are allowed, and work."""
    longest = "/".join(["x" * 204] * 5)
    widest = "é" * 127 + "x"
    assert len(longest) == 1024
    for key in (longest, widest, "a/...", "..a/b", "~", "-rf", "$(touch X)"):
        assert store.blobs.put_if_absent(key, HELLO, content_type=TEXT) is True
        assert store.blobs.get(key) == HELLO
    assert len(store.blobs.list_after()) == 7


@given(st.text(st.characters() | st.sampled_from("/.\\\0\n"), max_size=40))
def test_a_checked_key_stays_below_the_root(key: str) -> None:
    """Whatever passes names a place below any folder, and may also be read."""
    try:
        checked_key(key)
    except BadKey:
        return
    assert is_readable(key)
    place = os.path.normpath(f"/root/of/all/{key}")
    assert place == f"/root/of/all/{key}"


def test_reading_does_not_leave_the_store(store: Store, tmp_path: Path) -> None:
    """A key of somebody else cannot reach other files, by dots, by a slash at the front, or as one in progress."""
    (tmp_path / "secret").write_bytes(b"secret")
    for key in ("../secret", "a/../../secret", f"{TEMP_FOLDER}/x", ""):
        for ask in (store.blobs.get, store.blobs.head, store.blobs.delete):
            with pytest.raises(BadKey):
                ask(key)
    for key in (str(tmp_path / "secret"), f"/{tmp_path / 'secret'}"):
        with pytest.raises((BadKey, BlobMissing)):
            store.blobs.get(key)
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_file_urls_name_folders(tmp_path: Path) -> None:
    """Relative, absolute, home and true URLs; a sign that means something in URLs is taken as it is in file:PATH."""
    here = Path.cwd()
    cases = {
        "file:some/where": here / "some/where",
        f"file:{tmp_path}/a#b?c%20d": tmp_path / "a#b?c%20d",
        f"file://{tmp_path}/c%20d": tmp_path / "c d",
        f"file://localhost{tmp_path}": tmp_path,
        "file:~/blobs": Path.home() / "blobs",
    }
    for url, root in cases.items():
        blobs = open_blobs(url)
        assert isinstance(blobs, LocalBlobs)
        assert blobs.root == root.resolve()
    assert not (here / "some").exists()


@pytest.mark.parametrize(
    "url",
    ["", "blobs", "/tmp/blobs", "file:", "file://", "file://server/share", "http://x/y", "s3:bucket", "s3://"],  # noqa: S108
)
def test_other_urls_are_refused(url: str) -> None:
    """What names no store is a wrong setting, told with the two forms."""
    with pytest.raises(ConfigError, match="file:"):
        open_blobs(url)


@pytest.mark.parametrize("url", ["s3://b/p", "s3://b ucket", f"s3://{'b' * 256}"])
def test_a_bucket_that_cannot_be_is_told(url: str) -> None:
    """What names of buckets are made of."""
    with pytest.raises(ConfigError, match="3 to 63 letters"):
        open_blobs(url)


def test_secrets_stay_out_of_messages() -> None:
    """A password in a URL, a key in the options: neither shows up in an error or a repr."""
    with pytest.raises(ConfigError) as told:
        open_blobs("s3://user:swordfish@bucket/x")
    assert PASSWORD not in str(told.value)
    with pytest.raises(ConfigError, match="MEDIA_S3_ENDPOINT_URL must not hold") as told:
        open_blobs("s3://bucket", s3=S3Options(endpoint_url="http://user:swordfish@127.0.0.1:1"))
    assert PASSWORD not in str(told.value)
    assert PASSWORD not in repr(S3Options(secret_key=PASSWORD))
    with pytest.raises(ConfigError, match="MEDIA_S3_SECRET_KEY"):
        open_blobs("s3://bucket", s3=S3Options(access_key="only"))


def test_a_wrong_endpoint_is_a_wrong_setting() -> None:
    """An endpoint that is no URL is told before anything is sent."""
    with pytest.raises(ConfigError, match="MEDIA_S3_ENDPOINT_URL"):
        open_blobs("s3://bucket", s3=S3Options(endpoint_url="nonsense"))


def test_the_folder_needs_no_boto3(tmp_path: Path) -> None:
    """A process with local blobs only never loads the half second of boto3."""
    script = "import sys\nfrom media_pipeline.stores.blobs import open_blobs\n"
    script += "open_blobs('file:' + sys.argv[1]).put('a', b'x', content_type='text/plain')\n"
    script += "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
