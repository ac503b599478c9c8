"""What the settings say of a source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.sources.chosen import CHANGEABLE, check_limits, key_of, limits_at, limits_of, require_contact
from media_pipeline.sources.protocol import Limits
from media_pipeline.sources.uploads import Uploads


@dataclass(frozen=True)
class Herbarium(Uploads):
    """A source as far as limits and keys go."""

    name = "flickr"
    key_parameter = "api_key"
    limits = Limits(priority=1, requests_per_s=0.5, fastest_per_s=1.0, requests_per_day=9000)


def chosen(**of_flickr: Any) -> Settings:
    return Settings.load(limits={"flickr": of_flickr})


def test_settings_change_a_limit_and_leave_the_others() -> None:
    """A bound is taken away with null."""
    limits = limits_of(Herbarium(), chosen(requests_per_s=1, per_subject=1000, requests_per_day=None))
    assert limits == Limits(1, 1, 1.0, requests_per_day=None, per_subject=1000)
    assert limits_of(Herbarium(), Settings.load()) == Herbarium.limits


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("requests_per_s", 1.1, "requests_per_s=1.1: at most 1 are allowed"),
        ("requests_per_s", 0, "requests_per_s=0: must be a number above 0"),
        ("requests_per_s", None, "requests_per_s=None: must have a bound"),
        ("downloads", 1.5, "downloads=1.5: must be a whole number above 0"),
        ("bytes_per_day", -1, "bytes_per_day=-1: must be a whole number above 0"),
        ("fastest_per_s", 9, "fastest_per_s: no such field; there are priority, requests_per_s"),
        ("needs_contact", 0, "needs_contact: no such field"),
        ("speed", 1, "speed: no such field"),
    ],
)
def test_a_wrong_limit_is_told(field: str, value: float | None, said: str) -> None:
    """With the source, the field and what is allowed."""
    with pytest.raises(ConfigError) as wrong:
        limits_of(Herbarium(), chosen(**{field: value}))
    assert str(wrong.value).startswith(f"MEDIA_LIMITS flickr {said}")


def test_a_limit_of_no_source_is_told() -> None:
    """A misspelt name would have no effect."""
    with pytest.raises(ConfigError, match="MEDIA_LIMITS flickr: no such source; there are uploads"):
        check_limits(chosen(requests_per_s=1), {"uploads": Uploads()})
    check_limits(chosen(requests_per_s=1), {"flickr": Herbarium()})


def test_every_field_can_be_changed_but_what_the_provider_says() -> None:
    """A new field of Limits is put into the table, or is the provider's own."""
    assert set(Limits.__slots__) - set(CHANGEABLE) == {"budget", "fastest_per_s", "hosts", "needs_contact"}


def test_a_source_with_a_key_is_not_asked_without() -> None:
    """The setting is named."""
    with pytest.raises(ConfigError, match=r"^MEDIA_FLICKR_KEY: flickr"):
        key_of(Herbarium(), Settings.load())  # type: ignore[arg-type]
    key = key_of(Herbarium(), Settings.load(flickr_key="abc"))  # type: ignore[arg-type]
    assert key == ("api_key", SecretStr("abc"))


def test_a_source_that_wants_a_contact_is_not_asked_without() -> None:
    """The setting is named."""
    with pytest.raises(ConfigError, match=r"^MEDIA_CONTACT: flickr"):
        require_contact("flickr", Herbarium.limits, Settings.load())
    require_contact("flickr", Herbarium.limits, Settings.load(contact="https://example.org/who"))
    require_contact("uploads", Uploads.limits, Settings.load())


@pytest.mark.parametrize(
    ("host", "downloads", "per_s"),
    [
        ("upload.wikimedia.org", 1, 0.5),
        ("upload.wikimedia.org:8080", 1, 0.5),
        ("inaturalist-open-data.s3.amazonaws.com", 2, 0.5),
        ("static.inaturalist.org", 2, 0.5),
        ("live.staticflickr.com", 1, 0.1),
        ("farm5.staticflickr.com", 1, 0.1),
        ("mushroomobserver.org", 1, 0.2),
        ("images.mushroomobserver.org", 1, 0.2),
        ("notmushroomobserver.org", 8, None),
        ("museum.example", 8, None),
    ],
)
def test_a_host_has_its_rules_whoever_asks(host: str, downloads: int, per_s: float | None) -> None:
    """The limits that a source sets for files hold wherever it says that they lie."""
    found = limits_at(host, Limits(1, 9, 9, downloads=8), Settings.load())
    assert (found.downloads, found.downloads_per_s) == (downloads, per_s)


def test_the_strictest_rule_of_a_host_holds() -> None:
    """Between who asks and all whose host it is, as the settings have changed them."""
    settings = Settings.load(limits={"mushroom_observer": {"downloads": 3, "downloads_per_s": 0.05}})
    slow = Limits(1, 9, 9, downloads=8, downloads_per_s=0.01)
    assert limits_at("mushroomobserver.org", slow, settings) == replace(slow, downloads=3)
    found = limits_at("mushroomobserver.org", replace(slow, downloads_per_s=None), settings)
    assert found.downloads_per_s == 0.05
