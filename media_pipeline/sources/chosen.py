"""What the settings say of a source: its limits, its key, and whether it may be asked at all.

What is not here: what holds without settings, which stands in the source's own module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn

from pydantic import SecretStr

from media_pipeline.config import PREFIX, Settings
from media_pipeline.errors import ConfigError
from media_pipeline.sources import SOURCES
from media_pipeline.sources.protocol import Limits, Source, WebSource

# Whether a field is a whole number, and whether it may be without bound.
CHANGEABLE: Final[Mapping[str, tuple[bool, bool]]] = {
    "priority": (True, False),
    "requests_per_s": (False, False),
    "requests_per_day": (True, True),
    "bytes_per_hour": (True, True),
    "bytes_per_day": (True, True),
    "downloads": (True, False),
    "downloads_per_s": (False, True),
    "per_subject": (True, False),
    "floor_px": (True, True),
}


def limits_of(source: Source, settings: Settings) -> Limits:
    """The source's own limits, with those of `MEDIA_LIMITS` in their place."""
    given = settings.limits.get(source.name, {})
    for field, value in given.items():
        _check(source.name, field, value)
    changes: dict[str, Any] = dict(given)
    chosen = replace(source.limits, **changes)
    if chosen.requests_per_s > chosen.fastest_per_s:
        _refuse(source.name, "requests_per_s", chosen.requests_per_s, f"at most {chosen.fastest_per_s:g} are allowed")
    return chosen


def limits_at(host: str, limits: Limits, settings: Settings, *, sources: Mapping[str, Source] = SOURCES) -> Limits:
    """The same, with the strictest rules for files of all whose host it is: a server does not ask which source told of
    a file."""
    name = host.partition(":")[0]
    rules = [
        limits_of(source, settings)
        for source in sources.values()
        if any(name == known or name.endswith(f".{known}") for known in source.limits.hosts)
    ]
    rates = [rule.downloads_per_s for rule in (limits, *rules) if rule.downloads_per_s is not None]
    return replace(
        limits,
        downloads=min(rule.downloads for rule in (limits, *rules)),
        downloads_per_s=min(rates, default=None),
    )


def check_limits(settings: Settings, sources: Mapping[str, Source] = SOURCES) -> None:
    """ConfigError for what `MEDIA_LIMITS` says of no source, or wrongly."""
    for name in settings.limits:
        if name not in sources:
            raise ConfigError(f"{PREFIX}LIMITS {name}: no such source; there are {', '.join(sorted(sources))}")
        limits_of(sources[name], settings)


def key_of(source: WebSource, settings: Settings) -> tuple[str, SecretStr] | None:
    """The parameter and the key that go with each request; None: it needs none. ConfigError where it is not set."""
    if not source.key_parameter:
        return None
    key = getattr(settings, f"{source.name}_key", None)
    if not isinstance(key, SecretStr) or not key.get_secret_value():
        raise ConfigError(f"{PREFIX}{source.name.upper()}_KEY: {source.name} answers nobody without a key: set it")
    return source.key_parameter, key


def require_contact(name: str, limits: Limits, settings: Settings) -> None:
    """ConfigError where a source wants to know who asks, and the settings do not say."""
    if limits.needs_contact and not settings.contact:
        raise ConfigError(
            f"{PREFIX}CONTACT: {name} must be told whom to write to: set an e-mail address or a URL of yours"
        )


def _check(name: str, field: str, value: int | float | None) -> None:
    if field not in CHANGEABLE:
        raise ConfigError(f"{PREFIX}LIMITS {name} {field}: no such field; there are {', '.join(CHANGEABLE)}")
    is_whole, may_be_none = CHANGEABLE[field]
    if value is None:
        if may_be_none:
            return
        _refuse(name, field, value, "must have a bound")
    is_right = isinstance(value, int) if is_whole else isinstance(value, int | float)
    if isinstance(value, bool) or not is_right or not math.isfinite(value) or value <= 0:
        _refuse(name, field, value, f"must be {'a whole number' if is_whole else 'a number'} above 0")


def _refuse(name: str, field: str, value: object, told: str) -> NoReturn:
    raise ConfigError(f"{PREFIX}LIMITS {name} {field}={value}: {told}")
