"""Fetch: the bytes of every listing, stored once. A file that is there already gets one more link, no second blob.

Bytes go from the network or the bucket to a file of the run's scratch folder, are judged there, and become a blob by a
link; nothing of a file is in memory as a whole. Listings of the web below HQ are refused at first; when all else is
done, the best of them are let in for the subjects that still have few photos.

What is not here: what may be fetched (stages/discover), how politely (stores/http.py), what is in the picture
(stages/examine).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import dagster as dg
from sqlalchemy import Row, func, select

from media_pipeline import records
from media_pipeline.config import Settings
from media_pipeline.errors import BadKey, BlobMissing, BlobUnreadable, FetchError, PutOff
from media_pipeline.orchestration.partitions import source_of
from media_pipeline.orchestration.pool import guarded
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.window import Window
from media_pipeline.orchestration.work import Desk, ItemWork, Progress, Report, Run, work_off
from media_pipeline.records import Made, NewFile, Results
from media_pipeline.sources import SOURCES
from media_pipeline.sources.chosen import limits_of
from media_pipeline.sources.protocol import Limits
from media_pipeline.sources.uploads import Uploads
from media_pipeline.stages.fetch.admission import Claims, exemption
from media_pipeline.stages.fetch.originals import VERSION, Arrived, Original, judged, too_large
from media_pipeline.stages.fetch.placeholders import PLACEHOLDERS
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog.claims import blob_key, claimed
from media_pipeline.stores.catalog.selections import best_of_few, shows_rare_subject
from media_pipeline.stores.catalog.tables import media_links, source_listings
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library
from media_pipeline.stores.reasons import REASONS
from media_pipeline.stores.scratch import scratch

ORIGINALS = Output("originals", VERSION, of="listing")
# Downloads at once over all hosts, and how many listings are read ahead of those that wait for a slow host.
CONNECTIONS = 16
AHEAD = 1000
# So many of them for one host, lest a slow one with thousands is all that is read.
AHEAD_OF_HOST = 100
BUDGET = "budget_used_up"
# After these the same photo is not asked for at another address.
NO_OTHER_WAY = frozenset({"opted_out", "below_hq", "replaced"})
# After these the next address is tried where it is at another host: a museum may be away for years.
HOST_AWAY = frozenset({"host_down", "unreachable"})


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that was judged and taken: where it lies, and why it was taken if it is below HQ."""

    path: Path
    original: Original
    exemption: str | None


@dataclass(frozen=True, slots=True)
class _Fetching:
    """What one run knows: the folder of its files, the listings let in as the best of few, the sources given up."""

    run: Run
    folder: Path
    few: set[UUID] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)

    @property
    def settings(self) -> Settings:
        return self.run.library.settings

    def limits(self, source: str) -> Limits:
        # A source may tell of photos of others that are none of ours.
        return limits_of(SOURCES.get(source) or SOURCES[source_of(self.run.partition)], self.settings)


def outputs(_settings: Settings) -> tuple[Output, ...]:
    return (ORIGINALS,)


@dg.asset(deps=["source_listings"], kinds={"s3", "postgres"}, code_version=VERSION)
def originals(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Original files. One row of `media` is one distinct file of one tenant; one row of `media_links` is one listing
    that offers it."""
    return result_of(library, "originals", fetch(run_of(context, library, progress)))


def fetch(run: Run) -> Report:
    """Every original of the partition that is due."""
    with scratch(run.library.blobs, run.library.settings.home_path) as folder:
        return work_off(_work(_Fetching(run, folder)), run)


def _work(fetching: _Fetching) -> ItemWork:
    lanes: Window[Due] = Window(
        places=CONNECTIONS,
        ahead=AHEAD,
        lane=lambda due: _host(due.row["original_url"]),
        width=lambda due: fetching.limits(due.row["source"]).downloads,
        enough=AHEAD_OF_HOST,
    )

    def listings(run: Run) -> Any:
        return _listings(run, without=fetching.given_up, hosts=lanes.crowded)

    def found(_run: Run, due: Due) -> _Found:
        if due.row["source"] == Uploads.name:
            return _uploaded(fetching, due)
        return _from_the_web(fetching, due)

    def removed(due: Due) -> None:
        _path(fetching, due).unlink(missing_ok=True)

    def best_of_few(place: Desk) -> bool:
        return _let_in(fetching, place)

    work = ItemWork(
        outputs={ORIGINALS: media_links},
        items=listings,
        key="listing_id",
        load=found,
        compute=_taken,
        place="threads",
        settle=_claimed,
        tidy=removed,
    )
    if source_of(fetching.run.partition) == Uploads.name:
        return work
    return replace(work, window=lanes, more=best_of_few)


def _listings(run: Run, *, without: Collection[str], hosts: Collection[str]) -> Any:
    """The listings of the partition, but for these sources and hosts."""
    listed = source_listings.c
    host = func.lower(func.regexp_replace(func.split_part(listed.original_url, "/", 3), r"^.*@|:\d+$", "", "g"))
    return (
        select(
            listed.listing_id.label("item_id"),
            listed.partition,
            listed.source,
            listed.source_key,
            listed.edition,
            listed.size_bytes,
            listed.original_url,
            listed.fallback_urls,
            listed.licence,
            listed.licence_family,
            listed.width_px,
            listed.height_px,
            listed.sha1,
            listed.vanished_at,
            shows_rare_subject().label("is_rare"),
        )
        .where(
            listed.tenant == run.library.tenant,
            listed.partition == run.partition,
            listed.source.not_in(without),
            *([host.not_in(hosts)] if hosts else []),
        )
        .subquery("items")
    )


def _path(fetching: _Fetching, due: Due) -> Path:
    return fetching.folder / str(due.item_id)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _uploaded(fetching: _Fetching, due: Due) -> _Found:
    key, edition, path = due.row["source_key"], due.row["edition"], _path(fetching, due)
    bucket, limit = fetching.run.library.bucket, fetching.settings.max_bytes
    if (due.row["size_bytes"] or 0) > limit:
        raise too_large(due.row["size_bytes"], max_bytes=limit)
    try:
        sha256 = bucket.get_to_file(key, path)
        # Looked at after reading: a file that was being written while it was read has changed by now.
        seen = bucket.head(key)
    except (BlobMissing, BadKey) as error:
        # BadKey: its folder has become a link since it was listed, and links are not followed.
        raise FetchError("gone", str(error)) from error
    except BlobUnreadable as error:
        # Of this file alone; a folder or bucket that cannot be reached at all is another error, and ends the run.
        raise FetchError("unreadable", str(error)) from error
    if seen is None:
        raise FetchError("gone", f"{key} was removed while it was read")
    if seen.etag != edition:
        raise FetchError("replaced", f"{key} was {edition}, and is now {seen.etag}")
    arrived = Arrived(path.stat().st_size, sha256)
    return _judged(fetching, path, arrived, claims=_claims(fetching, due))


def _from_the_web(fetching: _Fetching, due: Due) -> _Found:
    """The original, or where there is none the first of its fallbacks that is one."""
    row = due.row
    if row["source"] in fetching.given_up:
        raise PutOff(row["source"])
    _must_be_fetched(fetching, due)
    is_last_try = due.attempts[ORIGINALS.name] + 1 >= fetching.settings.max_attempts
    tried: list[tuple[str, FetchError]] = []
    away: set[str] = set()
    for url in dict.fromkeys([row["original_url"], *row["fallback_urls"]]):
        if _host(url) in away and not is_last_try:
            continue
        try:
            return _downloaded(fetching, due, url)
        except FetchError as error:
            if error.reason == BUDGET:
                fetching.given_up.add(row["source"])
                # Without a time to wait for it would count as a try; the item is not to blame.
                raise error if error.until else PutOff(row["source"]) from error
            tried.append((url, error))
            if error.reason in HOST_AWAY:
                away.add(_host(url))
            # What may pass is waited for: a smaller file, once taken, stays in place of the original.
            elif error.reason in NO_OTHER_WAY or (REASONS[error.reason].passing and not is_last_try):
                break
    raise _summed_up(tried)


def _must_be_fetched(fetching: _Fetching, due: Due) -> None:
    """FetchError for what need not be asked for: by what the listing says of itself."""
    row = due.row
    if row["vanished_at"] is not None:
        raise FetchError("gone", f"its source has not listed it since {row['vanished_at']:%Y-%m-%d}")
    if row["licence_family"] not in fetching.settings.fetch_licences:
        raise FetchError("licence_refused", f"{row['licence']} is none of MEDIA_FETCH_LICENCES")
    if row["width_px"] and row["height_px"]:
        exemption(max(row["width_px"], row["height_px"]), _claims(fetching, due))


def _downloaded(fetching: _Fetching, due: Due, url: str) -> _Found:
    row, path, settings = due.row, _path(fetching, due), fetching.settings
    is_original = url == row["original_url"]
    if is_original and (row["size_bytes"] or 0) > settings.max_bytes:
        raise too_large(row["size_bytes"], max_bytes=settings.max_bytes)
    path.unlink(missing_ok=True)
    came = fetching.run.library.http.download(
        url,
        to=path,
        source=row["source"],
        limits=fetching.limits(row["source"]),
        max_bytes=settings.max_bytes,
        honour_noai=settings.honour_noai,
    )
    arrived = Arrived(came.size_bytes, came.sha256, came.content_type, is_promised_photo=True)
    sha1 = row["sha1"] if is_original else None
    return _judged(fetching, path, arrived, claims=_claims(fetching, due), listed_sha1=sha1)


def _summed_up(tried: Sequence[tuple[str, FetchError]]) -> FetchError:
    """One error for all ways that were tried: one that may pass goes first, then that of the largest file."""
    chosen = min(
        (error for _, error in tried),
        key=lambda error: (not REASONS[error.reason].passing, error.reason != "below_hq"),
    )
    if len(tried) == 1:
        return chosen
    ways = ", ".join(f"{url} ({error.reason})" for url, error in tried)
    return FetchError(chosen.reason, f"{chosen.detail}; tried {ways}", until=chosen.until)


def _claims(fetching: _Fetching, due: Due) -> Claims:
    is_upload = due.row["source"] == Uploads.name
    return Claims(
        fetching.settings.min_long_edge_px,
        floor_px=None if is_upload else fetching.limits(due.row["source"]).floor_px,
        is_upload=is_upload,
        is_rare=due.row["is_rare"],
        is_among_few=due.item_id in fetching.few,
    )


def _judged(
    fetching: _Fetching, path: Path, arrived: Arrived, *, claims: Claims, listed_sha1: str | None = None
) -> _Found:
    settings = fetching.settings
    placeholders = {**PLACEHOLDERS, **dict.fromkeys(settings.placeholders, "of MEDIA_PLACEHOLDERS")}

    def judge(path: Path) -> Original:
        with path.open("rb") as file:
            return judged(
                file, arrived, max_bytes=settings.max_bytes, placeholders=placeholders, listed_sha1=listed_sha1
            )

    original: Original = guarded(judge, path)
    return _Found(path, original, exemption(original.long_edge_px, claims))


def _taken(found: _Found) -> Results:
    return {ORIGINALS.name: Made(rows=({"found": found},))}


def _claimed(run: Run, due: Due, results: Results) -> Results:
    """Claim the media row before its blob is put, and put the blob under the winner's key: two sources that store the
    same bytes at once leave one media, one blob and two links."""
    made = results[ORIGINALS.name]
    if not isinstance(made, Made):
        return results
    found: _Found = made.rows[0]["found"]
    winner = _claim(run, found.original)
    row = {"media_id": winner.media_id, "hq_exception": found.exemption}
    file = NewFile(winner.blob_key, found.path, found.original.type.name)
    return {ORIGINALS.name: Made(rows=(row,), files=(file,))}


def _let_in(fetching: _Fetching, place: Desk) -> bool:
    """When all else is done: the best of what is below HQ, for subjects with few photos; whether there is any.

    Their rows are forgotten, so that they are due. A run that is killed before they are done judges them again, and
    then comes to the same choice: what was taken meanwhile has used up as many places.
    """
    run = fetching.run
    with place.connection.begin():
        chosen = best_of_few(
            place.connection,
            run.library.tenant,
            partition=run.partition,
            few=fetching.settings.few_photos,
            without=fetching.given_up,
        )
        if chosen:
            ledger.forget(place.connection, run.library.tenant, ORIGINALS.name, chosen)
    fetching.few.update(chosen)
    return bool(chosen)


def _claim(run: Run, original: Original) -> Row[Any]:
    tenant, source = run.library.tenant, source_of(run.partition)
    identity = records.media_id(tenant, original.sha256)
    row = {
        "tenant": tenant,
        "media_id": identity,
        "sha256": original.sha256,
        "home_source": source,
        "home_partition": run.partition,
        "kind": original.type.kind,
        "content_type": original.type.name,
        "extension": original.type.extension,
        "size_bytes": original.size_bytes,
        "blob_key": blob_key(source, identity, original.type.extension),
    }
    return claimed(run.library.engine, row, codes=records.public_codes(identity, run.library.settings.code_prefix))
