"""Settings: what a person may choose, from the environment or a `.env`.

Every field is a variable `MEDIA_<NAME>` (or a line of `.env`); docs/configuration.md describes each, and a test holds
the two together. What is not here: the rest of the environment
(environment.py), and thresholds, which belong to the model that made the vectors (models/).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from media_pipeline.errors import ConfigError

PREFIX = "MEDIA_"
ENV_FILE = ".env"
DEFAULT_HOME = Path(".media_pipeline")
SUBJECTS_FILE = "subjects.yaml"
BLOB_SCHEMES = ("file", "s3")
# As SQLAlchemy takes a URL apart, which loading these settings must not import: to it a password may hold `/`, `?` and
# `#`, at which `urlsplit` would end the host, and quote a piece of the password as the port.
DATABASE_URL = re.compile(
    r"postgres(?:ql)?://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::(?P<port>[^/?]*))?(?:[/?].*)?",
    re.IGNORECASE | re.DOTALL,
)
# What stands before the `@` of a URL.
USER_INFO = re.compile(r"//[^/]*@")
# Those of licences.py, which imports more than settings may.
Family = Literal[
    "cc0",
    "public-domain",
    "cc-by",
    "cc-by-sa",
    "gfdl",
    "cc-by-nd",
    "cc-by-nc",
    "cc-by-nc-sa",
    "cc-by-nc-nd",
    "no-known-restrictions",
    "us-government",
    "unknown",
    "all-rights-reserved",
]
BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
# Within the brackets of a User-Agent.
CONTACT = re.compile(r"[^\x00-\x1f\x7f-\U0010ffff()\\]{1,200}")
HOST_AND_PORT = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


class Settings(BaseSettings):
    """What a person may choose. Read it with `Settings.load()`, whose errors name the setting."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # pydantic's own error quotes the value, and stands above ours in every traceback: a password must not.
        hide_input_in_errors=True,
    )

    home: Path = Field(DEFAULT_HOME, description="folder of everything local: database, blobs, index, Dagster")
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = Field(
        "public", description="the catalog that this process reads and writes"
    )
    code_prefix: Annotated[str, Field(pattern=r"^[A-Z0-9-]{0,24}$")] = Field(
        "MYCO-IMG-", description="what public codes begin with"
    )

    subjects_path: Path | None = Field(
        None, description="YAML file of what to look for; unset: `subjects.yaml` in the home folder, where there is one"
    )

    database_url: SecretStr | None = Field(
        None, description="`postgresql://…` of a server; unset: the embedded PostgreSQL in the home folder"
    )
    embedded_user: str = Field("nobody", description="account that runs the embedded PostgreSQL when started as root")
    embedded_fsync: bool = Field(True, description="off only for tests: a power cut may then lose the catalog")

    blob_url: str = Field("", description="`file:PATH` or `s3://BUCKET/PREFIX` of the library; unset: `HOME/blobs`")
    uploads_url: str = Field("", description="`file:PATH` or `s3://BUCKET/PREFIX` to watch; unset: `HOME/bucket`")
    uploads_licence: str = Field("", description="licence of everything uploaded, e.g. `CC-BY-4.0`; unset: unknown")
    uploads_attribution: str = Field("", description="whom to name for everything uploaded")
    s3_endpoint_url: str | None = Field(None, description="for MinIO, R2 and others; unset: Amazon")
    s3_region: str = Field("us-east-1", description="region of the buckets")
    s3_access_key: str | None = Field(None, description="unset: boto3's own chain")
    s3_secret_key: SecretStr | None = Field(None, description="unset: boto3's own chain")

    cdn_url: str | None = Field(
        None, description="public URL below which the smaller pictures of the library can be read; unset: nowhere"
    )

    qdrant_url: str | None = Field(None, description="URL of a Qdrant server; unset: Qdrant Edge in the home folder")
    qdrant_api_key: SecretStr | None = Field(None, description="key of that server")

    quantisation: Literal["none", "scalar", "pq", "binary"] = Field(
        "none", description="what `media-pipeline index optimise` quantises the vectors of the index by"
    )

    model: str = Field(
        "auto",
        description="embedding model, a name of the registry in `models/`; `auto`: CLIP where its weights are here",
    )
    model_weights: str = Field(
        "", description="of `open_clip`: a tag, `[TAG@]file:PATH`, `hub:ORG/NAME` or `local-dir:PATH`; unset: `openai`"
    )
    model_architecture: str = Field(
        "ViT-B-32-quickgelu",
        description="name of open_clip, or a `.json` file, of weights that do not say it themselves",
    )
    model_cache: Path | None = Field(
        None, description="folder of fetched weights and what is made of them; unset: `HOME/models`"
    )
    model_runtime: Literal["auto", "torch-fp32", "torch-bf16", "onnx-int8", "cuda-fp16"] = Field(
        "auto", description="what runs `open_clip`; `auto`: the fastest that is here and agrees with float32"
    )
    embed_batch: int = Field(16, ge=1, le=1024, description="pictures that a CLIP model sees at once")
    crops: int = Field(
        0, ge=0, le=16, description="parts of a picture that get a vector of their own; 0: none, 4 is usual"
    )
    aesthetic_head: Path | None = Field(None, description="file of a head that scores beauty; unset: a rule of thumb")
    nsfw_head: Path | None = Field(None, description="file of a head that scores what is not safe for work")
    nsfw_threshold: Annotated[float, Field(ge=0, le=1)] = Field(0.5, description="what scores above is not trained on")
    tags_path: Path | None = Field(None, description="YAML file of tags; unset: the tags of this version")
    max_tags: int = Field(12, ge=0, le=100, description="tags of a picture at most that a model gives")
    duplicate_bits: int = Field(
        6, ge=0, le=8, description="bits in which the pHashes of two files of one picture may differ"
    )
    contact: str = Field("", description="e-mail or URL in the User-Agent of requests to public sources")
    flickr_key: SecretStr | None = Field(None, description="key of Flickr's API; unset: Flickr is not asked")
    limits: Annotated[dict[str, dict[str, int | float | None]], NoDecode] = Field(
        default_factory=dict, description='of sources, as JSON: `{"inaturalist": {"requests_per_s": 0.5}}`'
    )
    mirrors: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="addresses asked in place of others, as JSON: "
        '`{"https://api.gbif.org/": "http://cache.lan:8080/gbif/"}`',
    )
    honour_noai: bool = Field(True, description="a file whose server says `X-Robots-Tag: noai` is not taken")
    allowed_private_hosts: str = Field(
        "", description="`HOST` or `HOST:PORT`, by comma, that may be inside a private network; for tests"
    )

    fetch_licences: Annotated[tuple[Family, ...], NoDecode] = Field(
        ("cc0", "public-domain", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa"),
        description="families of licences whose files are fetched from the web, with commas between",
    )
    min_long_edge_px: int = Field(1600, ge=0, description="long edge of a photo from the web that is HQ")
    few_photos: int = Field(10, ge=0, description="photos of a subject up to which smaller ones are taken too")
    placeholders: Annotated[tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...], NoDecode] = Field(
        (), description="sha256 of pictures that say that there is no picture, with commas between"
    )

    burst_gap_s: float = Field(2.0, gt=0, le=3600, description="seconds between two shots of one burst at most")
    cluster_cosine: float | None = Field(None, gt=0, lt=1, description="cosine of one kind; unset: the model's own")
    placeholder_copies: int = Field(20, ge=1, description="copies of a picture above which it is flagged")

    relist_days: int = Field(
        7, ge=0, le=3650, description="a subject is asked about again at each source after so many days; 0: never"
    )

    inaturalist_dump: str = Field(
        "", description="folder, `.tar.gz` or URL of iNaturalist's open-data dump; unset: it is not read"
    )
    recheck_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="a photo of the library that was not seen at its source for so many days is looked up again; "
        "0: never",
    )

    max_bytes: int = Field(100_000_000, ge=1, description="largest original that is stored")
    max_pixels: int = Field(200_000_000, ge=1, description="largest picture that is decoded (width x height)")
    max_keyframes: int = Field(12, ge=1, le=1000, description="frames of a video that become pictures of the library")
    item_seconds: float = Field(
        60.0, gt=0, le=86_400, allow_inf_nan=False, description="a worker that needs longer for one item is ended"
    )
    item_memory_mb: int = Field(4096, ge=256, description="address space of one worker process")
    workers: int = Field(0, ge=0, le=256, description="worker processes of a step; 0: one per core")
    batch_size: int = Field(100, ge=1, le=10_000, description="items committed together")
    max_attempts: int = Field(3, ge=1, description="tries of an item that fails for a passing reason; then it is dead")
    retry_backoff_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="wait before the second try; four times as long each time",
    )
    shards: Annotated[dict[str, Annotated[int, Field(ge=1, le=256)]], NoDecode] = Field(
        default_factory=dict, description='partitions per source, as JSON: `{"uploads": 4}`; a source not named has one'
    )

    @field_validator("shards", "limits", "mirrors", mode="before")
    @classmethod
    def _is_json(cls, value: object) -> object:
        # Read here and not by pydantic-settings, whose error is of another kind and names no variable.
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"must be JSON: {error}") from error

    @field_validator("fetch_licences", "placeholders", mode="before")
    @classmethod
    def _is_list(cls, value: object) -> object:
        return tuple(value.lower().replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("mirrors")
    @classmethod
    def _are_addresses(cls, value: dict[str, str]) -> dict[str, str]:
        for address in (*value, *value.values()):
            if not address.startswith(("http://", "https://")):
                raise ValueError(f"{address!r} does not begin with http:// or https://")
        return value

    @field_validator("contact")
    @classmethod
    def _is_contact(cls, value: str) -> str:
        if not value:
            return value
        if not CONTACT.fullmatch(value):
            # It is part of a header: a line break in it would begin another.
            raise ValueError("must be one line of printable ASCII without `(`, `)` and `\\`")
        if "@" not in value and not value.lower().startswith(("http://", "https://")):
            raise ValueError("must be an e-mail address or a URL that begins with http:// or https://")
        return value

    @field_validator("allowed_private_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for host in _by_comma(value):
            if not HOST_AND_PORT.fullmatch(host):
                raise ValueError(f"{host!r} is no HOST or HOST:PORT")
        return value

    @field_validator("blob_url", "uploads_url")
    @classmethod
    def _is_blob_url(cls, value: str) -> str:
        scheme, _, rest = value.partition(":")
        if value and scheme not in BLOB_SCHEMES:
            raise ValueError("must be file:PATH or s3://BUCKET/PREFIX")
        if scheme == "file" and rest in ("", "//"):
            raise ValueError("names no folder: file:PATH")
        if scheme == "s3":
            _must_name_a_bucket(rest)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        url = DATABASE_URL.fullmatch(value.get_secret_value())
        if url is None:
            raise ValueError("must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
        if url["port"] is not None and not _is_port(url["port"]):
            # Not quoted: what stands there may be a piece of a password with a `:` or `@` in it.
            raise ValueError(
                "the port must be a number from 1 to 65535: postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
                "(in the password write @ as %40)"
            )
        return value

    @field_validator("qdrant_url", "s3_endpoint_url", "cdn_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        told = "must be http://HOST:PORT or https://HOST:PORT"
        try:
            parts = urlsplit(value or "http:")
            _ = parts.port
        except ValueError:
            raise ValueError(told) from None  # the former one quotes what may be a password
        if parts.scheme not in ("http", "https"):
            raise ValueError(told)
        return value

    @classmethod
    def load(cls, **chosen: Any) -> Self:
        """The environment's settings with `chosen` on top; a wrong one is a ConfigError that names it."""
        try:
            return cls(**chosen)
        except ValidationError as wrong:
            raise ConfigError(_told(wrong)) from wrong
        except UnicodeDecodeError as wrong:
            line = wrong.object[: wrong.start].count(b"\n") + 1
            raise ConfigError(f"{ENV_FILE}: line {line} is not text in UTF-8: save the file as UTF-8") from wrong

    @property
    def home_path(self) -> Path:
        """The home folder, absolute: a later change of the working folder must not move it."""
        return self.home.expanduser().resolve()

    @property
    def uploads(self) -> str:
        """Where people put files."""
        return self.uploads_url or f"file:{self.home_path / 'bucket'}"

    @property
    def blobs(self) -> str:
        """Where the library keeps its files."""
        return self.blob_url or f"file:{self.home_path / 'blobs'}"

    @property
    def model_folder(self) -> Path:
        """Where weights are fetched to."""
        return self.home_path / "models" if self.model_cache is None else self.model_cache.expanduser().resolve()

    @property
    def subjects_file(self) -> Path | None:
        """Where it is written what to look for. One that was named must be there: a typo is not «nothing»."""
        if self.subjects_path is None:
            own = self.home_path / SUBJECTS_FILE
            return own if own.is_file() else None
        named = self.subjects_path.expanduser().resolve()
        if not named.is_file():
            raise ConfigError(f"MEDIA_SUBJECTS_PATH={self.subjects_path}: no such file: correct the name, or unset it")
        return named

    @property
    def private_hosts(self) -> frozenset[str]:
        """Those of `allowed_private_hosts`."""
        return frozenset(_by_comma(self.allowed_private_hosts))

    @property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1


def _by_comma(value: str) -> list[str]:
    return [part for given in value.lower().split(",") if (part := given.strip())]


def _must_name_a_bucket(rest: str) -> None:
    bucket = rest.removeprefix("//").partition("/")[0]
    if not rest.startswith("//") or not bucket:
        raise ValueError("names no bucket: s3://BUCKET/PREFIX")
    if "@" in bucket:
        raise ValueError(
            "must hold no keys, they go to MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY: s3://BUCKET/PREFIX"
        )
    if not BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} names no bucket: their names have 3 to 63 letters, digits, `.`, `-`")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_535


def _told(wrong: ValidationError) -> str:
    """One line per wrong setting: its variable, the value given, what is allowed. Secrets are not repeated."""
    lines = []
    for fault in wrong.errors():
        name = str(fault["loc"][0]) if fault["loc"] else "?"
        field = Settings.model_fields.get(name)
        secret = field is not None and "SecretStr" in str(field.annotation)
        shown = "(not shown)" if secret else USER_INFO.sub("//***@", repr(fault["input"]))
        # Which of several: the source whose number of shards is wrong.
        which = "".join(f" {part}" for part in fault["loc"][1:] if isinstance(part, str))
        about = f" ({field.description})" if field is not None and field.description else ""
        lines.append(f"{PREFIX}{name.upper()}{which}={shown}: {fault['msg'].removeprefix('Value error, ')}{about}")
    return "\n".join(lines)
