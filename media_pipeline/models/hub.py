"""Fetching weights from the hub into the cache folder: the only place of models that asks a network.

Whether there is a network is asked first, in seconds: huggingface_hub by itself gives up after 47. What is not here:
finding what is in the cache already (weights.py).
"""

from __future__ import annotations

import errno
import socket
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from media_pipeline.errors import ConfigError
from media_pipeline.models.architectures import CONFIG_NAME, architecture
from media_pipeline.models.weights import NAMES, TAGS, Wanted, read_json, repository, write_json

CONNECT_S: Final = 3.0


def fetch(want: Wanted) -> None:
    """Put the weights into the cache; EmbeddingError that says why where that cannot be done."""
    if want.kind in ("file", "local-dir"):
        return  # a place on this machine: nothing can be fetched
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    if constants.is_offline_mode():
        raise want.unavailable(f"not in {want.cache}, and HF_HUB_OFFLINE forbids to fetch them")
    if trouble := unreachable(constants.ENDPOINT):
        raise want.unavailable(f"not in {want.cache}, and {constants.ENDPOINT} cannot be reached ({trouble})")
    repo, names = _place(want)
    try:
        if want.kind == "hub":
            hf_hub_download(repo, CONFIG_NAME, cache_dir=want.cache)
        for name in names:
            try:
                hf_hub_download(repo, name, cache_dir=want.cache)
                return
            except EntryNotFoundError:
                continue
    except (RepositoryNotFoundError, EntryNotFoundError, HFValidationError) as wrong:
        raise want.unavailable(f"{repo} is no model of open_clip that the hub gives to everybody") from wrong
    except HfHubHTTPError as wrong:
        raise want.unavailable(f"{constants.ENDPOINT} does not give {repo}: {_short(wrong)}") from wrong
    except OSError as wrong:
        if wrong.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENOTDIR, errno.EPERM):
            raise want.unavailable(f"{want.cache} cannot be written ({wrong.strerror})") from wrong
        raise want.unavailable(f"{repo} cannot be fetched: {_short(wrong)}") from wrong
    raise want.unavailable(f"{repo} holds no weights: none of {', '.join(NAMES)}")


def unreachable(url: str) -> str | None:
    """Why no connection to it, or to the proxy before it, can be made; nothing where one can."""
    proxy = getproxies().get(urlsplit(url).scheme)
    parts = urlsplit(proxy if proxy and "//" in proxy else f"//{proxy}" if proxy else url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S).close()
    except OSError as wrong:
        return str(wrong.strerror or wrong)
    return None


def _place(want: Wanted) -> tuple[str, tuple[str, ...]]:
    """Repository and the files to try in it, of a tag by open_clip's own table."""
    if want.kind == "hub":
        return want.place, NAMES
    shape = architecture(want.architecture, tag=want.tag)
    if known := repository(want, shape):
        return known, NAMES
    import open_clip

    told: dict[str, Any] = open_clip.get_pretrained_cfg(shape.name, want.tag)
    if not told:
        known = ", ".join(open_clip.list_pretrained_tags_by_model(shape.name)) or "none"
        raise ConfigError(
            f"MEDIA_MODEL_WEIGHTS={want.said!r}: open_clip knows no such weights of {shape.name}; it knows: {known}"
        )
    repo, _, name = told.get("hf_hub", "").rpartition("/")
    if not repo:
        raise want.unavailable(f"the hub does not have them; fetch {told.get('url')} yourself")
    path = want.cache / TAGS
    write_json(path, read_json(path) | {f"{shape.name}/{want.tag}": repo})
    return repo, (name.rpartition(".")[0] + ".safetensors", name, *NAMES) if name else NAMES


def _short(wrong: Exception) -> str:
    return (str(wrong).strip().splitlines() or [repr(wrong)])[0][:200]
