"""Describe: what can be said of a picture in numbers and words: scores, tags, a sentence.

What is not here: how it is scored and said (aesthetics.py, tags.py, moderation.py, descriptions.py), what is known of a
picture beside its vector, and what people say of it (stores/catalog/sayings.py).
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import FromClause, and_, select

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError, ItemError, MediaProcessingError
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.models.heads import Head, unfit
from media_pipeline.models.heads_files import MAX_BYTES, read_head
from media_pipeline.models.phrases import phrases
from media_pipeline.orchestration.batches import BatchWork, work_off_batches
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.records import Made, NotApplicable, Result
from media_pipeline.stages.describe import aesthetics as beauty
from media_pipeline.stages.describe import descriptions as sentences
from media_pipeline.stages.describe import moderation as decency
from media_pipeline.stages.describe import tags as words
from media_pipeline.stages.describe.vocabulary import Vocabulary, faults_told, read_vocabulary
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.sayings import AUTO, known_of
from media_pipeline.stores.catalog.selections import same_media
from media_pipeline.stores.catalog.vectors import matrix_of
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library
from media_pipeline.stores.texts import text_of_file

Vectors = NDArray[np.float32]
Score = Callable[[Vectors], Sequence[Result]]

EXAMPLE = "tags.example.yaml"
# Below it a date is a guess: the name of a file, or the day on which it was listed.
SURE_PERCENT = 50


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    return (
        _aesthetics(settings, model, aesthetic_head(settings, model)),
        _tags(settings, model, vocabulary_of(settings, model)),
        _moderation(settings, model, nsfw_head(settings, model)),
        # What failed to be tagged has a subject, a date and a place all the same.
        Output("descriptions", sentences.VERSION, ("metadata",), watches=("tags",)),
    )


@dg.asset(deps=["quality", "derivatives", "embeddings"], kinds={"numpy", "postgres"}, code_version=beauty.VERSION)
def aesthetics(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """How beautiful pictures are, 0 to 10. One row is one media, scored by a head over its vector or, where no head is
    named, by a rule of thumb (`aesthetic-heuristic`): `method` says which, and two methods are two scales."""
    run, model = run_of(context, library, progress), model_of(library.settings)
    head = aesthetic_head(library.settings, model)
    output = _aesthetics(library.settings, model, head)
    if head is None:
        guesses = ItemWork({output: tables.aesthetics}, _pictures, "media_id", load=_task, compute=beauty.guessed)
        return result_of(library, output.name, work_off(guesses, run))
    score = _said(head, lambda found: partial(beauty.scored, found, model_version=model.version))
    return result_of(library, output.name, work_off_batches(_over(output, tables.aesthetics, model, score), run))


@dg.asset(deps=["embeddings"], kinds={"numpy", "postgres"}, code_version=words.VERSION)
def tags(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """What pictures show, in the words of a vocabulary. One row is one tag of one media, by a model (`auto`) or by a
    person (`manual`); no run touches what a person said."""
    run, model = run_of(context, library, progress), model_of(library.settings)
    vocabulary = vocabulary_of(library.settings, model)
    output = _tags(library.settings, model, vocabulary)
    score = _tagged(vocabulary, model, library.settings) if isinstance(vocabulary, Vocabulary) else _always(vocabulary)
    work = _over(output, tables.tags, model, score, ours=tables.tags.c.source == AUTO)
    return result_of(library, output.name, work_off_batches(work, run))


@dg.asset(deps=["embeddings"], kinds={"numpy", "postgres"}, code_version=decency.VERSION)
def moderation(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """How likely pictures are not safe for work, 0 to 1. One row is one media; training views leave out what is above
    the threshold."""
    run, model = run_of(context, library, progress), model_of(library.settings)
    head, threshold = nsfw_head(library.settings, model), library.settings.nsfw_threshold
    output = _moderation(library.settings, model, head)
    score = _said(head, lambda found: partial(decency.judged, found, threshold=threshold, model_version=model.version))
    return result_of(library, output.name, work_off_batches(_over(output, tables.moderation, model, score), run))


@dg.asset(deps=["metadata", "tags"], kinds={"postgres"}, code_version=sentences.VERSION)
def descriptions(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """A sentence about each picture: tags, subject, date and place. One row is one media's sentence, made (`auto`) or
    written by a person (`manual`), which goes before it."""
    output = outputs(library.settings)[-1]
    ours = tables.descriptions.c.source == AUTO
    work = BatchWork(output, tables.descriptions, _facts, _sentences, ours=ours)
    return result_of(library, output.name, work_off_batches(work, run_of(context, library, progress)))


def aesthetic_head(settings: Settings, model: EmbeddingModel) -> Head | NotApplicable | None:
    """The head that is named, or why it scores nothing; None where none is named."""
    if settings.aesthetic_head is None:
        return None
    return _head(settings.aesthetic_head, "MEDIA_AESTHETIC_HEAD", model)


def nsfw_head(settings: Settings, model: EmbeddingModel) -> Head | NotApplicable:
    """The head that is named, or why there is none."""
    if settings.nsfw_head is None:
        return NotApplicable("no_head", "MEDIA_NSFW_HEAD names no file")
    head = _head(settings.nsfw_head, "MEDIA_NSFW_HEAD", model)
    if isinstance(head, Head) and (why := decency.untold(head)) is not None:
        return NotApplicable(why.reason, f"MEDIA_NSFW_HEAD={settings.nsfw_head}: {why.detail}")
    return head


def vocabulary_of(settings: Settings, model: EmbeddingModel) -> Vocabulary | ItemError | NotApplicable:
    """The tags to look for, or why nothing is looked for."""
    if not model.knows_text:
        return NotApplicable("needs_clip", f"{model.name} knows no words")
    path = settings.tags_path
    try:
        found = read_vocabulary(example_tags() if path is None else text_of_file(path.expanduser()))
    except ConfigError as error:
        return MediaProcessingError("bad_vocabulary", f"MEDIA_TAGS_PATH: {error}")
    if isinstance(found, Vocabulary):
        return found
    return MediaProcessingError("bad_vocabulary", f"MEDIA_TAGS_PATH: {faults_told(found, str(path))}")


def example_tags() -> str:
    """The vocabulary that comes with this version."""
    return resources.files(__package__).joinpath(EXAMPLE).read_text("utf-8")


def _head(path: Path, setting: str, model: EmbeddingModel) -> Head | NotApplicable:
    file = path.expanduser()
    try:
        # Not a pipe or device: reading one might never end.
        data = file.read_bytes() if file.is_file() and file.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        return NotApplicable("head_missing", f"{setting}={path}: {error.strerror}")
    if data is None:
        told = f"has more than {MAX_BYTES:,} bytes" if file.is_file() else "no such file"
        return NotApplicable("head_unreadable" if file.is_file() else "head_missing", f"{setting}={path}: {told}")
    head = read_head(data, file.name)
    why = head if isinstance(head, NotApplicable) else unfit(head, space=model.space, dims=model.dims)
    return head if why is None else NotApplicable(why.reason, f"{setting}={path}: {why.detail}")


def _aesthetics(_settings: Settings, model: EmbeddingModel, head: Head | NotApplicable | None) -> Output:
    if head is None:
        return Output("aesthetics", f"{beauty.VERSION}/{beauty.HEURISTIC}", ("quality", "derivatives"))
    return Output("aesthetics", f"{beauty.VERSION}/{_version(head)}/{model.version}", ("embeddings",))


def _tags(settings: Settings, model: EmbeddingModel, vocabulary: Vocabulary | ItemError | NotApplicable) -> Output:
    version = f"{words.VERSION}/{_version(vocabulary)}/{settings.max_tags}/{model.version}"
    return Output("tags", version, ("embeddings",))


def _moderation(settings: Settings, model: EmbeddingModel, head: Head | NotApplicable) -> Output:
    version = f"{decency.VERSION}/{_version(head)}/{settings.nsfw_threshold}/{model.version}"
    return Output("moderation", version, ("embeddings",))


def _version(chosen: Head | Vocabulary | ItemError | NotApplicable) -> str:
    """What the rows of today are made with; or why there are none, so that another reason is told everywhere."""
    if isinstance(chosen, Head | Vocabulary):
        return chosen.digest[:8]
    return f"{chosen.reason}-{hashlib.sha256(chosen.detail.encode(errors='replace')).hexdigest()[:8]}"


def _over(output: Output, table: Any, model: EmbeddingModel, score: Score, *, ours: Any = None) -> BatchWork:
    """Every vector of the model, page by page, as one array."""

    def answer(_run: Run, page: Sequence[Due]) -> Sequence[Result]:
        return score(matrix_of([due.row["vector"] or b"" for due in page], model.dims))

    def items(run: Run) -> FromClause:
        media, vectors = tables.media, tables.embeddings
        of_model = and_(same_media(vectors), vectors.c.model_version == model.version)
        return _of_partition(run, media.outerjoin(vectors, of_model), vectors.c.vector)

    return BatchWork(output, table, items, answer, ours=ours)


def _said(head: Head | NotApplicable, scorer: Callable[[Head], Score]) -> Score:
    return scorer(head) if isinstance(head, Head) else _always(head)


def _always(result: Result) -> Score:
    return lambda vectors: [result] * len(vectors)


def _tagged(vocabulary: Vocabulary, model: EmbeddingModel, settings: Settings) -> Score:
    known: list[words.Meanings | ItemError] = []
    most = settings.max_tags

    def score(vectors: Vectors) -> Sequence[Result]:
        if most == 0:
            return [Made()] * len(vectors)
        if not known:
            # When the first page comes: a run without work loads no model.
            try:
                read = phrases(model, vocabulary.texts, cache=settings.model_folder)
                known.append(words.meanings(vocabulary, lambda _texts: read.vectors, scale=read.scale))
            except ItemError as error:
                known.append(error)
        if isinstance(known[0], ItemError):
            raise known[0]
        return words.tagged(vectors, known[0], most=most, model_version=model.version)

    return score


def _pictures(run: Run) -> FromClause:
    media, derivatives, quality = tables.media, tables.derivatives, tables.quality
    is_small = and_(derivatives.c.name == "small", derivatives.c.content_type == "image/jpeg")
    joined = media.outerjoin(derivatives, and_(same_media(derivatives), is_small)).outerjoin(
        quality, same_media(quality)
    )
    return _of_partition(run, joined, derivatives.c.blob_key, derivatives.c.sha256, quality.c.quality_points)


def _task(run: Run, due: Due) -> beauty.Task:
    picture = run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"])
    return beauty.Task(picture, due.row["quality_points"])


def _facts(run: Run) -> FromClause:
    facts = tables.media_metadata
    columns = ("taken_at", "date_confidence_percent", "latitude", "longitude", "is_sensitive_place")
    return _of_partition(run, tables.media.outerjoin(facts, same_media(facts)), *(facts.c[name] for name in columns))


def _sentences(run: Run, page: Sequence[Due]) -> Sequence[Result]:
    with run.library.engine.connect() as connection:
        known = known_of(connection, run.library.tenant, [due.item_id for due in page])
    return [sentences.described(_told(due, known[due.item_id])) for due in page]


def _told(due: Due, known: Any) -> sentences.Told:
    row = due.row
    is_sure = row["taken_at"] is not None and row["date_confidence_percent"] >= SURE_PERCENT
    return sentences.Told(
        tags=known.tags,
        taxon=known.taxon,
        place=known.place,
        city=known.city,
        taken_on=row["taken_at"].date() if is_sure else None,
        latitude=row["latitude"],
        longitude=row["longitude"],
        is_sensitive=row["is_sensitive_place"],
    )


def _of_partition(run: Run, joined: FromClause, *columns: Any) -> FromClause:
    media = tables.media
    return (
        select(media.c.media_id.label("item_id"), media.c.home_partition.label("partition"), *columns)
        .select_from(joined)
        .where(media.c.tenant == run.library.tenant, media.c.home_partition == run.partition)
        .subquery("items")
    )
