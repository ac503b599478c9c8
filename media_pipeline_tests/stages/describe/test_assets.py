"""The stage on a library: what each choice leaves in the ledger, and what no run takes away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import insert, select, text, update

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.errors import EmbeddingError
from media_pipeline.models import MODELS
from media_pipeline.models.descriptor import Descriptor
from media_pipeline.operations.running import QUIET
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import open_library
from media_pipeline_tests.models.head_files import linear, npz
from media_pipeline_tests.stages.describe.words import Knowing
from media_pipeline_tests.walking import materialize

COFFEE, CHELSEA = photograph("coffee"), photograph("chelsea")
WORDS = """
- {id: cup, group: things, prompts: [a cup of coffee]}
- {id: cat, group: things, prompts: [a cat]}
- {id: nowhere, group: things, prompts: [nothing near]}
"""


@pytest.fixture
def photos(bucket: Path) -> Path:
    """Two pictures, and their vectors as words for them."""
    COFFEE.save(bucket / "coffee.jpg", quality=90)
    CHELSEA.save(bucket / "chelsea.jpg", quality=90)
    return bucket


@pytest.fixture
def speaking(settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """The library with vectors of a model that knows «a cup of coffee» and «a cat»; settings with what is wished."""
    materialize(settings)
    with open_library(settings) as library, library.engine.begin() as catalog:
        catalog.execute(update(tables.embeddings).values(model_version="knowing-1"))
        picture = tables.embeddings.join(
            tables.media_links, tables.media_links.c.media_id == tables.embeddings.c.media_id
        ).join(tables.source_listings, tables.source_listings.c.listing_id == tables.media_links.c.listing_id)
        vectors = select(tables.source_listings.c.source_key, tables.embeddings.c.vector).select_from(picture)
        found = {key: np.frombuffer(vector, "<f4") for key, vector in catalog.execute(vectors)}
    texts = {"a cup of coffee": found["coffee.jpg"], "a cat": found["chelsea.jpg"]}
    monkeypatch.setitem(MODELS, "knowing", lambda _weights: Knowing(texts))
    (settings.home_path / "tags.yaml").write_text(WORDS)
    wished = {"model": "knowing", "tags_path": settings.home_path / "tags.yaml"}
    return lambda **more: settings.model_copy(update=wished | more)


def describe(settings: Settings) -> None:
    job = build_definitions(settings=settings).resolve_job_def("describe_stage")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, partition_key="uploads", run_config=QUIET).success


def standing(settings: Settings, output: str) -> set[tuple[str, str | None, str | None]]:
    ledger = tables.ledger.c
    with open_library(settings) as library, library.engine.connect() as catalog:
        rows = catalog.execute(select(ledger.status, ledger.reason, ledger.detail).where(ledger.output == output))
        return {(row.status, row.reason, row.detail) for row in rows}


def rows(settings: Settings, table: Any) -> list[Any]:
    """With the key of the file that each is of."""
    links, listings = tables.media_links, tables.source_listings
    joined = table.join(links, links.c.media_id == table.c.media_id).join(
        listings, listings.c.listing_id == links.c.listing_id
    )
    query = select(listings.c.source_key, table).select_from(joined).order_by(listings.c.source_key)
    with open_library(settings) as library, library.engine.connect() as catalog:
        return list(catalog.execute(query).all())


def tagged(settings: Settings) -> set[tuple[str, str, str]]:
    return {(row.source_key, row.tag, row.source) for row in rows(settings, tables.tags)}


def test_without_clip_and_heads_the_library_says_what_it_does_not_know(settings: Settings, photos: Path) -> None:
    """A first run: a rule of thumb, named so; no tags, no moderation, and why. Coverage says the same."""
    materialize(settings)
    found = rows(settings, tables.aesthetics)
    assert [(row.source_key, row.method, row.model_version) for row in found] == [
        ("chelsea.jpg", "aesthetic-heuristic", None),
        ("coffee.jpg", "aesthetic-heuristic", None),
    ]
    assert all(0 < row.score < 10 for row in found)
    assert standing(settings, "tags") == {("not_applicable", "needs_clip", "descriptor-512 knows no words")}
    assert standing(settings, "moderation") == {("not_applicable", "no_head", "MEDIA_NSFW_HEAD names no file")}
    assert standing(settings, "descriptions") == {("not_applicable", "nothing_to_say", None)}
    counted = tables.coverage.c
    with open_library(settings) as library, library.engine.connect() as catalog:
        fields = ("aesthetic_score", "tags", "nsfw_score", "description")
        query = select(counted.field, counted.status, counted.reason, counted.item_count, counted.closed_by)
        assert sorted(tuple(row) for row in catalog.execute(query.where(counted.field.in_(fields)))) == [
            ("aesthetic_score", "done", "", 2, ""),
            ("description", "not_applicable", "nothing_to_say", 2, ""),
            ("nsfw_score", "not_applicable", "no_head", 2, ""),
            ("tags", "not_applicable", "needs_clip", 2, ""),
        ]


def test_a_head_that_fits_scores_in_place_of_the_rule_of_thumb(settings: Settings, photos: Path) -> None:
    """Every row is of one method; taken away again, every row is of the other."""
    path = settings.home_path / "head.npz"
    path.write_bytes(npz(linear(512, last=40, bias=5), space=Descriptor().space))
    materialize(settings.model_copy(update={"aesthetic_head": path}))
    found = rows(settings, tables.aesthetics)
    assert [row.model_version for row in found] == [Descriptor().version] * 2
    assert len({row.method for row in found}) == 1
    assert found[0].method.startswith("head-")
    assert found[0].score != found[1].score
    vectors = {row.source_key: np.frombuffer(row.vector, "<f4") for row in rows(settings, tables.embeddings)}
    for row in found:
        assert row.score == pytest.approx(min(10, max(0, 5 + 40 * float(vectors[row.source_key][-1]))), abs=1e-4)
    describe(settings)
    assert {row.method for row in rows(settings, tables.aesthetics)} == {"aesthetic-heuristic"}


@dataclass(frozen=True)
class Bad:
    data: bytes | None
    reason: str
    said: str


BAD = {
    "missing": Bad(None, "head_missing", "no such file"),
    "empty": Bad(b"", "head_unreadable", "is no .npz, .safetensors or .pth"),
    "junk": Bad(b"<html>not found</html>", "head_unreadable", "is no .npz, .safetensors or .pth"),
    "of another size": Bad(npz(linear(768), space="ViT-L-14/openai"), "head_unfit", "takes 768 numbers"),
    "of another model": Bad(npz(linear(512), space="ViT-B-32/openai"), "head_unfit", "made for vectors of ViT-B-32"),
    "of no model": Bad(npz(linear(512)), "head_unfit", "it does not say for which model it was made"),
}


def test_a_head_that_is_none_gives_a_reason_and_no_number(settings: Settings, photos: Path) -> None:
    """One clear sentence with the setting, for every picture and both heads; the rest of the run goes on."""
    path = settings.home_path / "head.npz"
    chosen = settings.model_copy(update={"aesthetic_head": path, "nsfw_head": path})
    materialize(chosen)
    for name, bad in BAD.items():
        if bad.data is not None:
            path.write_bytes(bad.data)
        describe(chosen)
        for output, setting in (("aesthetics", "MEDIA_AESTHETIC_HEAD"), ("moderation", "MEDIA_NSFW_HEAD")):
            ((status, reason, detail),) = standing(settings, output)
            assert (status, reason) == ("not_applicable", bad.reason), name
            assert str(detail).startswith(f"{setting}={path}: "), name
            assert bad.said in str(detail), name
    assert rows(settings, tables.aesthetics) == rows(settings, tables.moderation) == []
    assert standing(settings, "vector_index") == {("done", None, None)}


def test_what_is_above_the_threshold_is_not_trained_on(settings: Settings, photos: Path) -> None:
    """The same scores under another threshold; what has no score is not above it."""
    path = settings.home_path / "nsfw.npz"
    path.write_bytes(npz(linear(512, last=0, bias=1), space=Descriptor().space))

    def trained_on(**more: Any) -> int:
        materialize(settings.model_copy(update=more))
        with open_library(settings) as library, library.engine.connect() as catalog:
            return catalog.scalar(text("select count(*) from media.training_general")) or 0

    assert trained_on() == 2
    assert trained_on(nsfw_head=path, nsfw_threshold=0.7) == 0
    assert [row.nsfw_score for row in rows(settings, tables.moderation)] == [0.7311, 0.7311]
    assert trained_on(nsfw_head=path, nsfw_threshold=0.8) == 2
    assert trained_on() == 2
    assert rows(settings, tables.moderation) == []


def test_pictures_are_tagged_with_what_they_show(speaking: Callable[..., Settings]) -> None:
    """Each with the word that is near to it, its model and score; and a sentence is made of it."""
    settings = speaking()
    describe(settings)
    assert tagged(settings) == {("chelsea.jpg", "cat", "auto"), ("coffee.jpg", "cup", "auto")}
    assert {(row.tag_group, row.model_version) for row in rows(settings, tables.tags)} == {("things", "knowing-1")}
    assert [row.text for row in rows(settings, tables.descriptions)] == ["A photo of cat.", "A photo of cup."]


def test_only_what_has_no_current_tags_is_tagged(speaking: Callable[..., Settings]) -> None:
    """A second run does nothing; another vocabulary, or fewer tags at most, tags all anew."""
    settings = speaking()
    describe(settings)
    before = _runs(settings)
    describe(settings)
    assert _runs(settings) == before
    describe(speaking(max_tags=0))
    assert tagged(settings) == set()
    assert _runs(settings) != before
    (settings.home_path / "tags.yaml").write_text(WORDS.replace("id: cup", "id: mug"))
    describe(settings)
    assert tagged(settings) == {("chelsea.jpg", "cat", "auto"), ("coffee.jpg", "mug", "auto")}


def _runs(settings: Settings) -> set[str]:
    ledger = tables.ledger.c
    with open_library(settings) as library, library.engine.connect() as catalog:
        return set(catalog.scalars(select(ledger.run_id).where(ledger.output == "tags")))


def test_what_people_say_outlives_every_run(speaking: Callable[..., Settings]) -> None:
    """A manual tag, also one that the model gives, and a manual sentence: through another vocabulary and none."""
    settings = speaking()
    describe(settings)
    with open_library(settings) as library, library.engine.begin() as catalog:
        for item in catalog.scalars(select(tables.media.c.media_id)).all():
            own = {"tenant": "public", "media_id": item, "source": "manual"}
            catalog.execute(insert(tables.tags), [{**own, "tag": "cat"}, {**own, "tag": "mine"}])
            catalog.execute(insert(tables.descriptions), {**own, "text": "My own words."})
    for more in ({"max_tags": 0}, {"max_tags": 5}, {"model": "descriptor-512"}, {}):
        describe(speaking(**more))
        manual = {row for row in tagged(settings) if row[2] == "manual"}
        assert manual == {(key, tag, "manual") for key in ("chelsea.jpg", "coffee.jpg") for tag in ("cat", "mine")}
        mine = [row.text for row in rows(settings, tables.descriptions) if row.source == "manual"]
        assert mine == ["My own words."] * 2
    assert ("chelsea.jpg", "cat", "auto") in tagged(settings)


def test_a_faulty_vocabulary_is_told_with_its_line_and_mended_by_the_next_run(
    speaking: Callable[..., Settings],
) -> None:
    """Nothing is tagged by half of it, and sentences are made without tags."""
    settings = speaking()
    path = settings.home_path / "tags.yaml"
    path.write_text(WORDS + "- {id: Dog, group: things, prompts: [a dog]}\n")
    describe(settings)
    said = f"MEDIA_TAGS_PATH: {path}: line 5: id: must be a-z, 0-9 and -, at most 63 signs"
    assert standing(settings, "tags") == {("failed", "bad_vocabulary", said)}
    assert standing(settings, "descriptions") == {("not_applicable", "nothing_to_say", None)}
    path.write_text(WORDS)
    describe(settings)
    assert standing(settings, "tags") == {("done", None, None)}


@pytest.mark.parametrize("data", [None, b"\xff\xfe\x00"])
def test_a_vocabulary_that_is_not_there_or_no_text_is_told(
    speaking: Callable[..., Settings], data: bytes | None
) -> None:
    """By the name of its setting."""
    path = speaking().home_path / "other.yaml"
    if data is not None:
        path.write_bytes(data)
    settings = speaking(tags_path=path)
    describe(settings)
    ((status, reason, detail),) = standing(settings, "tags")
    assert (status, reason) == ("failed", "bad_vocabulary")
    assert str(detail).startswith(f"MEDIA_TAGS_PATH: {path}: ")


def test_a_model_whose_words_cannot_be_had_leaves_the_rest_alone(
    speaking: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tags wait for the weights; scores and sentences do not."""

    class Wordless(Knowing):
        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise EmbeddingError("model_unavailable", f"no weights for {len(texts)} texts")

    monkeypatch.setitem(MODELS, "knowing", lambda _weights: Wordless())
    settings = speaking(retry_backoff_s=60)
    describe(settings)
    assert standing(settings, "tags") == {("failed", "model_unavailable", "no weights for 3 texts")}
    assert standing(settings, "aesthetics") == {("done", None, None)}


def test_vectors_that_are_broken_are_a_reason(speaking: Callable[..., Settings]) -> None:
    """Too short, or of numbers that are none: not «no tags»."""
    settings = speaking()
    with open_library(settings) as library, library.engine.begin() as catalog:
        (first, second) = catalog.scalars(select(tables.embeddings.c.media_id)).all()
        for item, vector in ((first, b"\0" * 12), (second, np.full(512, np.nan, "<f4").tobytes())):
            catalog.execute(update(tables.embeddings).where(tables.embeddings.c.media_id == item).values(vector=vector))
    describe(settings)
    assert standing(settings, "tags") == {("failed", "bad_vector", "its vector holds numbers that are none")}
