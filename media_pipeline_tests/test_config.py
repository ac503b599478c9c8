"""The settings, and docs/configuration.md held to them."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

import pytest

from media_pipeline.config import PREFIX, Settings
from media_pipeline.errors import ConfigError

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
# | `MEDIA_NAME` | default | allowed | what it does |
ROW = re.compile(r"^\| `(MEDIA_[A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)

SECRET = "hunter2-and-more"  # noqa: S105 — no password of anything


def as_documented(default: Any) -> str:
    """How the page writes a default."""
    if default is None:
        return "unset"
    if default == "":
        return "empty"
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
        ("MEDIA_QDRANT_URL", "qdrant:6333", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_S3_ENDPOINT_URL", "minio:9000", "must be http://HOST:PORT or https://HOST:PORT"),
        ("MEDIA_SHARDS", "uploads=4", 'as JSON: `{"uploads": 4}`'),
        ("MEDIA_SHARDS", "[4]", 'as JSON: `{"uploads": 4}`'),
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


def test_no_workers_means_one_for_each_core() -> None:
    """0 is the default, and a pool of none would wait for ever."""
    assert Settings.load().worker_count >= 1
    assert Settings.load(workers=3).worker_count == 3


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes variables that nobody has set as empty ones."""
    monkeypatch.setenv("MEDIA_QDRANT_URL", "")
    monkeypatch.setenv("MEDIA_MAX_BYTES", "")
    assert (Settings.load().qdrant_url, Settings.load().max_bytes) == (None, 100_000_000)
