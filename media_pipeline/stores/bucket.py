"""Blobs in an S3-compatible bucket (Amazon S3, R2, MinIO): the second back end of stores/blobs.py.

Here is everything that knows boto3; import this module where it is used, not at the top of another. Not here: the
rules for keys and the interface, which are in stores/blobs.py. Directory buckets of S3 Express are not supported: they
list in no order.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from media_pipeline.errors import BlobCorrupt, BlobError, BlobMissing, BlobUnreadable, ConfigError
from media_pipeline.stores.blobs import (
    BlobInfo,
    S3Options,
    checked_bytes,
    checked_key,
    checked_place,
    checked_seconds,
    copied,
    is_readable,
    readable_key,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger(__name__)

# The most that a server returns for one request.
PAGE_KEYS = 1000
# botocore tries requests again, not the reading of an answer that broke off.
READ_TRIES = 3
# S3 answers 409 to both of two conditional writes that finish at the same moment, and asks to try again.
CONFLICT_TRIES = 5
CONFLICT_PAUSE_S = 0.2

# One PUT may send 5 GB; beyond this, a connection that breaks off costs a part, not the file.
ONE_PUT_BYTES = 64 << 20
# In memory, for each thread.
PART_BYTES = 8 << 20
# A year, which is what «for ever» is to caches.
IMMUTABLE = "public, max-age=31536000, immutable"
_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)

_ABSENT = ("404", "NoSuchKey")

# To a GET, where the listing answered: it says nothing of the bucket as a whole.
_OF_ONE_OBJECT: dict[str, str] = {
    "AccessDenied": "access to this object is denied: give these credentials GetObject",
    "403": "access to this object is denied: give these credentials GetObject",
    "InvalidObjectState": "it is archived: restore it",
}

# A server's own words are not repeated: those to a wrong signature quote the request.
_ADVICE: dict[str, str] = {
    "NoSuchBucket": "no such bucket: create it, or correct its name in the blob URL",
    "AccessDenied": "access denied: give these credentials GetObject, PutObject, DeleteObject and ListBucket",
    "403": "access denied: give these credentials GetObject, PutObject, DeleteObject and ListBucket",
    "InvalidAccessKeyId": "the server does not know this access key: correct MEDIA_S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "wrong secret key: correct MEDIA_S3_SECRET_KEY",
    "ExpiredToken": "the credentials have expired: renew them",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "AuthorizationHeaderMalformed": "wrong region: correct MEDIA_S3_REGION",
    "PermanentRedirect": "the bucket is in another region: correct MEDIA_S3_REGION",
    "301": "the bucket is in another region: correct MEDIA_S3_REGION",
    "BadDigest": "the bytes were damaged on their way: run again",
    "XAmzContentChecksumMismatch": "the bytes were damaged on their way: run again",
    "SlowDown": "the server is overloaded: run again later, with fewer workers",
    "503": "the server is overloaded: run again later, with fewer workers",
    "QuotaExceeded": "no room left: raise the bucket's quota",
    "XMinioStorageFull": "no room left: give the server more",
}


def open_bucket(bucket: str, *, prefix: str, options: S3Options) -> S3Blobs:
    """A bucket with timeouts and retries set; nothing is contacted yet."""
    if (options.access_key is None) != (options.secret_key is None):
        raise ConfigError("set both MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY, or neither")
    if options.endpoint_url is not None and "@" in urlsplit(options.endpoint_url).netloc:
        raise ConfigError("MEDIA_S3_ENDPOINT_URL must not hold a password: set MEDIA_S3_ACCESS_KEY and _SECRET_KEY")
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        signature_version="s3v4",
        # BUCKET.localhost has no address: own servers want the bucket in the path.
        s3={"addressing_style": "path" if options.endpoint_url else "auto"},
        # The sha256 below goes as a header; the default adds a trailer, which older servers refuse.
        request_checksum_calculation="when_required",
        max_pool_connections=50,
    )
    try:
        # Not boto3.client: what it shares must not be used by two threads at once.
        client = Session().client(
            "s3",
            endpoint_url=options.endpoint_url,
            region_name=options.region,
            aws_access_key_id=options.access_key,
            aws_secret_access_key=options.secret_key,
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"s3://{bucket}: {error}; correct MEDIA_S3_ENDPOINT_URL or MEDIA_S3_REGION") from error
    return S3Blobs(client, bucket, prefix, immutable_below=options.immutable_below)


class S3Blobs:
    """Blobs as objects of one bucket, below `prefix`."""

    def __init__(self, client: S3Client, bucket: str, prefix: str = "", *, immutable_below: str | None = None) -> None:
        self._client = client
        self._immutable_below = immutable_below
        self.bucket = bucket
        self._base = f"{checked_key(prefix)}/" if prefix else ""
        self._bucket_seen = False

    def __repr__(self) -> str:
        return f"S3Blobs({self._place('')!r})"

    def put_if_absent(self, key: str, data: bytes, *, content_type: str) -> bool:
        """Asks first: a repeat then sends no megabytes, and some servers take the condition and ignore it."""
        name = self._base + checked_key(key)

        def send(condition: _Condition) -> None:
            about = self._about(key, content_type)
            self._client.put_object(Bucket=self.bucket, Key=name, Body=data, **about, **_checksum(data), **condition)

        return self._sent(key, send)

    def put_file_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        name = self._base + checked_key(key)
        is_large = path.stat().st_size > ONE_PUT_BYTES

        def send(condition: _Condition) -> None:
            about = self._about(key, content_type)
            if is_large:
                self._send_in_parts(name, path, about=about, condition=condition)
                return
            with path.open("rb") as body:
                checksum = _as_checksum(hashlib.file_digest(body, "sha256").digest())
                body.seek(0)
                self._client.put_object(Bucket=self.bucket, Key=name, Body=body, **about, **checksum, **condition)

        return self._sent(key, send)

    def _sent(self, key: str, send: Callable[[_Condition], None]) -> bool:
        """Whether this call wrote it. Asks first, see `put_if_absent`."""
        for _ in range(CONFLICT_TRIES):
            if self.head(key) is not None:
                return False
            with self._explained(key):
                try:
                    send({"IfNoneMatch": "*"})
                except ClientError as error:
                    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                    if status == 412:
                        return False
                    if status == 501:
                        send({})
                        return True
                    if status != 409:
                        raise
                    time.sleep(CONFLICT_PAUSE_S)
                else:
                    return True
        raise BlobError(f"{self._place(key)}: others keep writing this key; run again when they are done")

    def _send_in_parts(self, name: str, path: Path, *, about: _About, condition: _Condition) -> None:
        """The condition is decided at the end; parts that come to nothing are taken back, for they cost money."""
        place: _Upload = {"Bucket": self.bucket, "Key": name}
        begun = self._client.create_multipart_upload(**place, **about, ChecksumAlgorithm="SHA256")
        upload = begun["UploadId"]
        try:
            parts: list[CompletedPartTypeDef] = []
            with path.open("rb") as file:
                for number, part in enumerate(iter(lambda: file.read(PART_BYTES), b""), start=1):
                    checksum = _checksum(part)
                    sent = self._client.upload_part(**place, UploadId=upload, PartNumber=number, Body=part, **checksum)
                    own = checksum["ChecksumSHA256"]
                    parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": own})
            self._client.complete_multipart_upload(
                **place, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**place, UploadId=upload)
            raise

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        name = self._base + checked_key(key)
        with self._explained(key):
            about = self._about(key, content_type)
            self._client.put_object(Bucket=self.bucket, Key=name, Body=data, **about, **_checksum(data))

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        with self._explained(key):
            data = self._read(self._base + readable_key(key))
        return checked_bytes(data, place=self._place(key), sha256=sha256)

    def get_to_file(self, key: str, path: Path) -> str:
        name = self._base + readable_key(key)
        try:
            with path.open("xb") as file, self._explained(key):
                for left in range(READ_TRIES - 1, -1, -1):
                    body = self._client.get_object(Bucket=self.bucket, Key=name)["Body"]
                    try:
                        with closing(body):
                            return copied(body.read, file)
                    except _BROKEN_OFF:
                        if not left:
                            raise
                        file.seek(0)
                        file.truncate()
        except OSError as error:
            raise BlobError(f"cannot write {path}: look at the disk and its mount ({error.strerror})") from error
        raise AssertionError("unreachable: the last try returns or raises")

    def head(self, key: str) -> BlobInfo | None:
        name = self._base + readable_key(key)
        with self._explained(key):
            try:
                answer = self._client.head_object(Bucket=self.bucket, Key=name)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _ABSENT:
                    raise
                self._see_bucket()
                return None
        return BlobInfo(key, answer["ContentLength"], answer["ETag"].strip('"'))

    def list_after(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[BlobInfo]:
        """Goes on until the limit or the end: a page may hold nothing but folder markers."""
        found: list[BlobInfo] = []
        last = self._base + checked_place(after) if after else ""
        more = limit > 0
        while more and len(found) < limit:
            with self._explained(prefix):
                page = self._client.list_objects_v2(
                    Bucket=self.bucket,
                    Prefix=self._base + checked_place(prefix),
                    StartAfter=last,
                    MaxKeys=min(PAGE_KEYS, limit),
                )
            objects = page.get("Contents", [])
            for item in objects:
                key = item["Key"][len(self._base) :]
                if key and is_readable(key):
                    found.append(BlobInfo(key, item["Size"], item["ETag"].strip('"')))
                elif not item["Key"].endswith("/"):
                    log.warning("left out of the listing, rename it: %r", self._place(key))
            more = page["IsTruncated"] and bool(objects)
            last = objects[-1]["Key"] if objects else last
        return found[:limit]

    def delete(self, key: str) -> None:
        with self._explained(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._base + readable_key(key))

    def presigned_get(self, key: str, *, seconds: int) -> str:
        return self._signed("get_object", readable_key(key), seconds)

    def presigned_put(self, key: str, *, seconds: int, content_type: str) -> str:
        return self._signed("put_object", checked_key(key), seconds, ContentType=content_type)

    def _signed(self, method: str, key: str, seconds: int, **more: str) -> str:
        with self._explained(key):
            return self._client.generate_presigned_url(
                method,
                Params={"Bucket": self.bucket, "Key": self._base + key, **more},
                ExpiresIn=checked_seconds(seconds),
            )

    def _read(self, name: str) -> bytes:
        for left in range(READ_TRIES - 1, -1, -1):
            body = self._client.get_object(Bucket=self.bucket, Key=name)["Body"]
            try:
                with closing(body):
                    return body.read()
            except _BROKEN_OFF:
                if not left:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _about(self, key: str, content_type: str) -> _About:
        """What whoever reads it from the bucket, or from a CDN before it, is told with the bytes."""
        if self._immutable_below is not None and key.startswith(self._immutable_below):
            return {"ContentType": content_type, "CacheControl": IMMUTABLE}
        return {"ContentType": content_type}

    def _see_bucket(self) -> None:
        """Once, because a HEAD says 404 to a missing object and to a missing bucket alike."""
        if self._bucket_seen:
            return
        try:
            self._client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise BlobError(f"{self._place('')}: {_ADVICE['NoSuchBucket']}") from error
            log.info("%s: may not be asked whether it exists", self._place(""))
        self._bucket_seen = True

    def _place(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._base}{key}"

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        place = self._place(key)
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                raise BlobMissing(f"{place}: no such blob; fetch it again, or look whether it was deleted") from error
            if error.operation_name == "GetObject" and code in _OF_ONE_OBJECT:
                raise BlobUnreadable(f"{place}: {_OF_ONE_OBJECT[code]} ({code})") from error
            advice = _ADVICE.get(code, "look the code up in the server's documentation")
            raise BlobError(f"{place}: {advice} ({error.operation_name}: {code})") from error
        except FlexibleChecksumError as error:
            raise BlobCorrupt(f"{place}: {error}; restore it, or delete it and fetch it again") from error
        except NoCredentialsError as error:
            raise BlobError(f"{place}: no credentials: set MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY") from error
        except BotoCoreError as error:
            where = self._client.meta.endpoint_url
            advice = f"{where} cannot be reached or broke off: check MEDIA_S3_ENDPOINT_URL and the network"
            raise BlobError(f"{place}: {advice} ({type(error).__name__})") from error


def _checksum(data: bytes) -> _Checksum:
    return _as_checksum(hashlib.sha256(data).digest())


def _as_checksum(digest: bytes) -> _Checksum:
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(digest).decode()}


class _Checksum(TypedDict):
    ChecksumAlgorithm: Literal["SHA256"]
    ChecksumSHA256: str


class _About(TypedDict):
    ContentType: str
    CacheControl: NotRequired[str]


class _Condition(TypedDict, total=False):
    IfNoneMatch: str


class _Upload(TypedDict):
    Bucket: str
    Key: str
