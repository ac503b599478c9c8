"""The settings, and docs/configuration.md held to them."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy.engine import make_url

from media_pipeline import licences
from media_pipeline.config import PREFIX, Family, Settings
from media_pipeline.environment import environment_of
from media_pipeline.errors import ConfigError

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
# | `MEDIA_NAME` | default | allowed | what it does |
ROW = re.compile(r"^\| `(MEDIA_[A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)

SECRET = "hunter2-and-more"  # noqa: S105 — no password of anything


def as_documented(default: Any) -> str:
    """How the page writes a default."""
    if default is None:
        return "unset"
    if default in ("", ()):
        return "empty"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_page_and_the_class_have_the_same_settings() -> None:
    """Each setting has one row, and each row is a setting."""
    documented = [row[0] for row in ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert sorted(documented) == sorted(PREFIX + name.upper() for name in Settings.model_fields)


def test_the_page_and_the_class_have_the_same_defaults() -> None:
    """What a row calls the default is what a process without settings has."""
    documented = {name: default for name, default, _, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    fields = Settings.model_fields.items()
    assert documented == {
        PREFIX + name.upper(): as_documented(field.get_default(call_default_factory=True)) for name, field in fields
    }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MEDIA_BATCH_SIZE", "0", "greater than or equal to 1 (items committed together)"),
        ("MEDIA_WORKERS", "many", "valid integer"),
        ("MEDIA_ITEM_SECONDS", "0", "greater than 0"),
        ("MEDIA_TENANT", "Bad Tenant", "match pattern '^[a-z0-9][a-z0-9_-]{0,62}$'"),
        ("MEDIA_CODE_PREFIX", "myco-", "match pattern '^[A-Z0-9-]{0,24}$'"),
        ("MEDIA_EMBEDDED_FSYNC", "perhaps", "valid boolean"),
        ("MEDIA_BLOB_URL", "ftp://host/x", "must be file:PATH or s3://BUCKET/PREFIX"),
        ("MEDIA_UPLOADS_URL", "s3:///x", "names no bucket: s3://BUCKET/PREFIX"),
        ("MEDIA_BLOB_URL", "s3://b/p", "'b' names no bucket: their names have 3 to 63 letters"),
        ("MEDIA_BLOB_URL", "s3:bucket", "names no bucket: s3://BUCKET/PREFIX"),
        ("MEDIA_BLOB_URL", "file:", "names no folder: file:PATH"),
        ("MEDIA_UPLOADS_URL", "file://", "names no folder: file:PATH"),
        ("MEDIA_ITEM_SECONDS", "inf", "finite number"),
        ("MEDIA_ITEM_SECONDS", "nan", "finite number"),
        ("MEDIA_RETRY_BACKOFF_S", "inf", "finite number"),
        ("MEDIA_QDRANT_URL", "http://qdrant:notaport", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_QDRANT_URL", "qdrant:6333", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_CDN_URL", "cdn.example", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_S3_ENDPOINT_URL", "minio:9000", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_FETCH_LICENCES", "gpl", "Input should be 'cc0', 'public-domain'"),
        ("MEDIA_PLACEHOLDERS", "d41d8cd9", "match pattern '^[0-9a-f]{64}$'"),
        ("MEDIA_SHARDS", "uploads=4", 'as JSON: `{"uploads": 4}`'),
        ("MEDIA_SHARDS", "[4]", 'as JSON: `{"uploads": 4}`'),
        ("MEDIA_LIMITS", "fast", "must be JSON"),
        ("MEDIA_CONTACT", "me", "must be an e-mail address or a URL"),
        ("MEDIA_CONTACT", "a@b.example (me)", "one line of printable ASCII"),
        ("MEDIA_CONTACT", "jané@b.example", "one line of printable ASCII"),
        ("MEDIA_ALLOWED_PRIVATE_HOSTS", "http://a", "'http://a' is no HOST or HOST:PORT"),
    ],
)
def test_a_wrong_value_is_told(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable, the value that was given, and what is allowed."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as wrong:
        Settings.load()
    sentence = str(wrong.value)
    assert sentence.startswith(f"{name}=")
    assert value in sentence
    assert said in sentence


def test_a_contact_begins_no_other_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a part of one."""
    monkeypatch.setenv("MEDIA_CONTACT", "a@b.example\r\nX-Other: 1")
    with pytest.raises(ConfigError, match=r"^MEDIA_CONTACT=.*one line of printable ASCII"):
        Settings.load()


def test_private_hosts_are_given_by_comma() -> None:
    """With or without a port, in any case."""
    settings = Settings.load(allowed_private_hosts=" Localhost:80, a.example,[::1]:9 ,")
    assert settings.private_hosts == {"localhost:80", "a.example", "[::1]:9"}


def test_each_wrong_value_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who made two mistakes is told of both at once."""
    monkeypatch.setenv("MEDIA_WORKERS", "-1")
    monkeypatch.setenv("MEDIA_MAX_BYTES", "0")
    with pytest.raises(ConfigError) as wrong:
        Settings.load()
    assert [line.partition("=")[0] for line in str(wrong.value).splitlines()] == ["MEDIA_MAX_BYTES", "MEDIA_WORKERS"]


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the sentence nor by the traceback, in which pydantic's own error stands above it."""
    monkeypatch.setenv("MEDIA_DATABASE_URL", f"mysql://media:{SECRET}@host/media")
    with pytest.raises(ConfigError, match=r"MEDIA_DATABASE_URL=\(not shown\): must be postgresql://") as wrong:
        Settings.load()
    assert SECRET not in "".join(traceback.format_exception(wrong.value))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://media:{SECRET}@host:notaport/media",
        f"postgresql://media:{SECRET}@host:65536/media",
        f"postgresql://media:{SECRET}@host:0",
        f"postgresql://media:{SECRET}@host:/media",
        f"postgresql://media:{SECRET}@host:54 32/media",
        f"postgresql://media:x@{SECRET}@host:notaport/media",
        f"postgresql://media:{SECRET}/media",
        f"postgresql:media:{SECRET}@host/media",
    ],
)
def test_a_database_url_with_a_wrong_port_is_told_without_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a password holds a sign that ends it, a piece of it stands in the place of the port."""
    monkeypatch.setenv("MEDIA_DATABASE_URL", url)
    with pytest.raises(ConfigError, match=r"^MEDIA_DATABASE_URL=\(not shown\): .*postgresql://USER:PASSWORD@") as wrong:
        Settings.load()
    assert SECRET not in "".join(traceback.format_exception(wrong.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://media:a/b?c#d@host:5432/media",
        "postgresql://media@[::1]:5432/media",
        "postgres://host",
        "postgresql://host/media?sslmode=require",
        "postgresql:///media?host=/run/postgresql",
    ],
)
def test_a_database_url_that_can_be_read_is_taken(url: str) -> None:
    """The same that SQLAlchemy takes, with signs in the password at which other readers end the host."""
    settings = Settings.load(database_url=url)
    assert settings.database_url is not None
    assert make_url(settings.database_url.get_secret_value()).database in ("media", None)


def test_a_number_of_shards_is_told_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one of several may be wrong."""
    monkeypatch.setenv("MEDIA_SHARDS", '{"uploads": 0, "other": 2}')
    with pytest.raises(ConfigError, match=r"^MEDIA_SHARDS uploads=0: Input should be greater than or equal to 1"):
        Settings.load()


def test_keys_in_a_bucket_url_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where they go."""
    monkeypatch.setenv("MEDIA_BLOB_URL", f"s3://user:{SECRET}@bucket/x")
    with pytest.raises(ConfigError, match=r"MEDIA_BLOB_URL='s3://\*\*\*@bucket/x': .*MEDIA_S3_SECRET_KEY") as wrong:
        Settings.load()
    assert SECRET not in "".join(traceback.format_exception(wrong.value))


def test_an_env_file_that_is_not_utf_8_is_told() -> None:
    """Its name, and the line in which an editor has left another encoding."""
    Path(".env").write_bytes("MEDIA_TENANT=public\nMEDIA_UPLOADS_ATTRIBUTION=Jané\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"^\.env: line 2 is not text in UTF-8: save"):
        Settings.load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings may be printed or logged whole."""
    monkeypatch.setenv("MEDIA_DATABASE_URL", f"postgresql://media:{SECRET}@host/media")
    monkeypatch.setenv("MEDIA_S3_SECRET_KEY", SECRET)
    monkeypatch.setenv("MEDIA_QDRANT_API_KEY", SECRET)
    settings = Settings.load()
    assert settings.s3_secret_key is not None
    assert settings.s3_secret_key.get_secret_value() == SECRET
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown


def test_an_unknown_name_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs may own such names."""
    before = Settings.load()
    monkeypatch.setenv("MEDIA_NO_SUCH_SETTING", "1")
    Path(".env").write_text("MEDIA_ANOTHER=2\nOTHER=3\n", encoding="utf-8")
    assert Settings.load() == before


def test_the_env_file_of_the_working_folder_is_read() -> None:
    """A line of it is a setting."""
    Path(".env").write_text('MEDIA_TENANT=herbarium\nMEDIA_SHARDS={"uploads": 4}\n', encoding="utf-8")
    settings = Settings.load()
    assert (settings.tenant, settings.shards) == ("herbarium", {"uploads": 4})


def test_what_is_chosen_wins_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearer to the command, the stronger."""
    Path(".env").write_text("MEDIA_HOME=file\nMEDIA_TENANT=file\nMEDIA_MODEL=file\n", encoding="utf-8")
    monkeypatch.setenv("MEDIA_HOME", "variable")
    monkeypatch.setenv("MEDIA_TENANT", "variable")
    settings = Settings.load(home=Path("chosen"))
    assert (settings.home.name, settings.tenant, settings.model) == ("chosen", "variable", "file")


def test_the_home_stays_where_it_was_when_the_working_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked once is absolute."""
    home = Settings.load(home=Path("library")).home_path
    monkeypatch.chdir("/")
    assert home == tmp_path.resolve() / "library"


def test_lists_are_words_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any case, with or without spaces; a child process is told the same."""
    monkeypatch.setenv("MEDIA_FETCH_LICENCES", "CC0, cc-by,")
    monkeypatch.setenv("MEDIA_PLACEHOLDERS", "AB" * 32)
    settings = Settings.load()
    assert (settings.fetch_licences, settings.placeholders) == (("cc0", "cc-by"), ("ab" * 32,))
    environment = environment_of(settings)
    assert (environment["MEDIA_FETCH_LICENCES"], environment["MEDIA_PLACEHOLDERS"]) == ("cc0,cc-by", "ab" * 32)


def test_the_families_are_those_of_the_licences() -> None:
    """Settings may not import them."""
    assert get_args(Family) == get_args(licences.Family)


def test_no_workers_means_one_for_each_core() -> None:
    """0 is the default, and a pool of none would wait for ever."""
    assert Settings.load().worker_count >= 1
    assert Settings.load(workers=3).worker_count == 3


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes variables that nobody has set as empty ones."""
    monkeypatch.setenv("MEDIA_QDRANT_URL", "")
    monkeypatch.setenv("MEDIA_MAX_BYTES", "")
    assert (Settings.load().qdrant_url, Settings.load().max_bytes) == (None, 100_000_000)


def test_the_file_of_subjects_is_that_of_the_home_folder_or_the_one_that_is_named(tmp_path: Path) -> None:
    """None is fine as long as none is named: a typo is not «nothing to look for»."""
    home = tmp_path / "home"
    assert Settings.load(home=home).subjects_file is None
    home.mkdir()
    (home / "subjects.yaml").write_text("[]", encoding="utf-8")
    assert Settings.load(home=home).subjects_file == home / "subjects.yaml"
    (tmp_path / "mine.yaml").write_text("[]", encoding="utf-8")
    assert Settings.load(home=home, subjects_path="mine.yaml").subjects_file == tmp_path / "mine.yaml"
    with pytest.raises(ConfigError, match=r"^MEDIA_SUBJECTS_PATH=yours\.yaml: no such file: correct the name"):
        _ = Settings.load(home=home, subjects_path="yours.yaml").subjects_file


def test_a_child_in_another_folder_finds_the_same_files(tmp_path: Path) -> None:
    """Paths are handed on as absolute ones."""
    handed = environment_of(Settings.load(home="library", subjects_path="mine.yaml"))
    assert handed["MEDIA_HOME"] == str(tmp_path / "library")
    assert handed["MEDIA_SUBJECTS_PATH"] == str(tmp_path / "mine.yaml")
