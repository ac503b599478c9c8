"""iNaturalist: photos of organisms, from observations and from the pages of taxa.

What it is  api.inaturalist.org v1, read without a key: a taxon's curated photos, then those of its observations
Terms       its terms forbid training commercial models on its data (as third parties quote them: read them yourself);
            a photo's own licence holds besides. Bulk (some 10,000 photos and more) belongs to its open-data dump
Licence     of each photo, `license_code`: null is all rights reserved. The observation's licence says nothing of its
            photos, nor does the host. Codes name no version: 4.0 is meant
Limits      60 requests a minute asked for, 100 the most, 10,000 a day; files: 5 GB an hour and 24 GB a day, more «may
            result in a permanent block»; a User-Agent of one's own, from one address
Paging      observations in the order of their ids, 200 at a time, each page behind the last id (`id_above`): pages by
            number end at 10,000
Quirks      an original has at most 2048 px; one photo may be in several observations; a taxon's photo may lie at
            Wikimedia or Flickr, and its licence there has a version that is not said; coordinates may be obscured;
            a photo whose owner takes the licence back moves to another host, and its former address answers 403;
            quality grades are no probabilities, so no confidence in the species is claimed. Prior points: 95 for
            research grade and for a taxon's curated photos, 88 for needs_id, 80 for casual
Options     `photos` all (default), taxon, observations; `quality_grade` (default research,needs_id); `photo_license`
            (default: every Creative Commons one); `place_id`, `d1`, `d2`, `captive`: as iNaturalist means them
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Final, Literal

from media_pipeline.errors import AnswerError
from media_pipeline.records import Subject
from media_pipeline.sources.inaturalist_photos import ID, SOURCE, id_of, photos_of_observations, photos_of_taxon
from media_pipeline.sources.inaturalist_photos import photo_key_of as photo_key_of  # GBIF asks this module
from media_pipeline.sources.options import TRUTH, chosen, list_of
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import (
    as_cursor,
    json_of,
    looked_at_again,
    must_be_success,
    number_of,
    objects,
    read_cursor,
    text_of,
)

API = "https://api.inaturalist.org/v1"
PER_PAGE = 200
# Of one photo that is looked at again: those of a whole batch fill no more than a page.
MOST_OBSERVATIONS = 6
GIGABYTE = 10**9

_LICENCES = "cc0,cc-by,cc-by-sa,cc-by-nd,cc-by-nc,cc-by-nc-sa,cc-by-nc-nd"
_DEFAULTS: Final[Mapping[str, str]] = {
    "photos": "all",
    "quality_grade": "research,needs_id",
    "photo_license": _LICENCES,
}


# What may be asked for, and how it is written: anything else would go to the API unread, and change what a walk means.
_OPTIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "photos": re.compile("all|taxon|observations"),
    "quality_grade": list_of("research|needs_id|casual"),
    "photo_license": list_of(_LICENCES.replace(",", "|")),
    "place_id": list_of("[1-9][0-9]*"),
    "d1": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "d2": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "captive": TRUTH,
}
# A rank that iNaturalist does not know would be answered with an error instead of a taxon.
_RANKS: Final = re.compile(
    "kingdom|(?:sub)?phylum|(?:super|sub|infra)?class|(?:super|sub|infra)?order|(?:super|sub)?family|(?:sub)?tribe"
    "|(?:sub)?genus|(?:sub)?section|complex|(?:sub)?species|hybrid|variety|form"
)


@dataclass(frozen=True, slots=True)
class INaturalist:
    """The source `inaturalist`."""

    name: ClassVar[str] = SOURCE
    parser_version: ClassVar[str] = "1"
    # One file in two seconds: reports of rejections begin at one a second, and at about 1 MB a file the day's 24 GB
    # are used up by .3 a second: faster would only mean to stand still later. A request each .3 s goes beyond the
    # provider's 100 a minute: only for who has its leave, and sets it by hand.
    limits: ClassVar[Limits] = Limits(
        priority=100,
        requests_per_s=1,
        fastest_per_s=1 / 0.3,
        requests_per_day=10_000,
        bytes_per_hour=5 * GIGABYTE,
        bytes_per_day=24 * GIGABYTE,
        downloads=2,
        downloads_per_s=0.5,
        hosts=(
            "inaturalist-open-data.s3.amazonaws.com",
            "inaturalist-open-data.s3.us-east-1.amazonaws.com",
            "static.inaturalist.org",
        ),
        needs_contact=True,
        per_subject=200,
    )
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 30

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """A taxon's id by its name, then its page, then its observations."""
        if subject.kind != "taxon":
            return None
        options, step = _options(subject), _step(subject, cursor)
        if step.phase == "name":
            rank = (subject.rank or "").lower()
            ranked = (("rank", rank),) if _RANKS.fullmatch(rank) else ()
            # A subject may have lost a synonym since the cursor was made.
            name = (subject.name, *subject.synonyms)[: step.after + 1][-1]
            return Request(f"{API}/taxa", (("q", name), *ranked))
        if step.phase == "taxon":
            return Request(f"{API}/taxa/{step.taxon_id}")
        return Request(
            f"{API}/observations",
            (
                ("taxon_id", step.taxon_id),
                ("photos", "true"),
                *((name, said) for name, said in options.items() if name != "photos"),
                ("per_page", str(PER_PAGE)),
                ("order_by", "id"),
                ("order", "asc"),
                *((("id_above", str(step.after)),) if step.after else ()),
            ),
        )

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """All the observations that they are in: a photo that left one of them may be in another. Those of photos with
        more than there is room for, or with one that is known by a uuid of the dump alone, are not asked for."""
        of_each = [listing.observation_ids for listing in known]
        if not all(0 < len(ids) <= MOST_OBSERVATIONS and all(map(ID.fullmatch, ids)) for ids in of_each):
            return None
        asked = dict.fromkeys(number for ids in of_each for number in ids)
        return Request(f"{API}/observations", (("id", ",".join(asked)), ("per_page", str(PER_PAGE))))

    def parse(self, answer: Answer) -> Parsed:
        """One listing for each photo, however many observations it is in."""
        results, total = _results(answer)
        if answer.cursor == RECHECK:
            if total is not None and total > len(results):
                raise AnswerError("unreadable_answer", f"{len(results)} of {total:.0f} observations")
            return looked_at_again(photos_of_observations(results, None))
        if answer.subject is None:
            return photos_of_observations(results, None)
        step = _step(answer.subject, answer.cursor)
        if step.phase == "name":
            return Parsed(next_cursor=_cursor(_step_of_name(results, answer.subject, step)))
        if step.phase == "taxon":
            taxon = _taxon_of(results, step.taxon_id)
            found = photos_of_taxon(taxon, answer.subject)
            if _options(answer.subject)["photos"] == "taxon":
                return found
            return replace(found, next_cursor=_cursor(_Step("observations", _current_id(taxon) or step.taxon_id)))
        found = photos_of_observations(results, answer.subject)
        last = max((int(number) for item in objects(results) if (number := id_of(item.get("id")))), default=0)
        is_more = len(results) >= PER_PAGE if total is None else total > len(results)
        if is_more and last > step.after:
            return replace(found, next_cursor=_cursor(replace(step, after=last)))
        return found


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a walk is. `after`: the id of the last observation, or the place of the name among the subject's."""

    phase: Literal["name", "taxon", "observations"]
    taxon_id: str = ""
    after: int = 0


def _cursor(step: _Step) -> str:
    return as_cursor(**asdict(step))


def _step(subject: Subject, cursor: str) -> _Step:
    if place := read_cursor(cursor):
        return _Step(**place)
    given = subject.source_ids.get(SOURCE)
    if not given:
        return _Step("name")
    if not ID.fullmatch(given):
        raise AnswerError("question_refused", f"the id {given!r} of {subject.subject_id} is no number of a taxon")
    return _first_of_taxon(subject, given)


def _first_of_taxon(subject: Subject, taxon_id: str) -> _Step:
    return _Step("observations" if _options(subject)["photos"] == "observations" else "taxon", taxon_id)


def _options(subject: Subject) -> dict[str, str]:
    """The defaults and what the subject says otherwise; AnswerError for what would not be understood."""
    return {**_DEFAULTS, **chosen(subject, SOURCE, _OPTIONS)}


def _results(answer: Answer) -> tuple[list[Any], float | None]:
    """The results, and how many there are behind the cursor; AnswerError for an error that came as an answer."""
    found = json_of(answer)
    results = found.get("results")
    if isinstance(results, list):
        return results, number_of(found.get("total_results"))
    status = number_of(found.get("status"))
    if status is not None:
        must_be_success(replace(answer, status=int(status)))
    raise AnswerError("unreadable_answer", "no list of results")


def _step_of_name(results: list[Any], subject: Subject, step: _Step) -> _Step:
    """To the taxon of this name. Only the whole name counts: a search also finds what merely begins with it."""
    rank = (subject.rank or "").lower()
    taxa = [taxon for taxon in objects(results) if taxon.get("is_active") is not False]
    if _RANKS.fullmatch(rank):
        taxa = [taxon for taxon in taxa if taxon.get("rank") == rank]
    names = (subject.name, *subject.synonyms)
    folded = [_folded(name) for name in names]
    for field, wanted in (("name", folded[:1]), ("name", folded[1:]), ("matched_term", folded)):
        hits = [id_of(taxon.get("id")) for taxon in taxa if (name := _folded(taxon.get(field))) and name in wanted]
        numbers = sorted({number for number in hits if number})
        if len(numbers) > 1:
            raise AnswerError("unknown_subject", f"{subject.name!r} is the name of several: {', '.join(numbers)}")
        if numbers:
            return _first_of_taxon(subject, numbers[0])
    if step.after + 1 < len(folded):
        return replace(step, after=step.after + 1)
    raise AnswerError("unknown_subject", f"no taxon is called {' or '.join(map(repr, names))}")


def _folded(name: Any) -> str:
    return (text_of(name) or "").casefold()


def _taxon_of(results: list[Any], taxon_id: str) -> Mapping[str, Any]:
    for taxon in objects(results):
        if id_of(taxon.get("id")) == taxon_id:
            return taxon
    raise AnswerError("unknown_subject", f"no taxon has the id {taxon_id}")


def _current_id(taxon: Mapping[str, Any]) -> str | None:
    """Where the observations of a name that is no longer in use went, if that is one taxon."""
    others = taxon.get("current_synonymous_taxon_ids")
    if taxon.get("is_active") is not False or not isinstance(others, list) or len(others) != 1:
        return None
    return id_of(others[0])
