"""Tags: what stands out from its group's background, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media_pipeline.errors import ItemError
from media_pipeline.records import Made
from media_pipeline.stages.describe.tags import Meanings, margins_of, meanings, tagged, tags_of
from media_pipeline.stages.describe.vocabulary import Tag, Vocabulary, read_vocabulary
from media_pipeline_tests.stages.describe.words import Knowing

AXES = {name: np.eye(4, dtype=np.float32)[place] for place, name in enumerate(("dog", "cat", "bird", "photo"))}


def known(text: str, texts: dict[str, NDArray[np.float32]] = AXES, *, scale: float = 100.0) -> Meanings:
    vocabulary = read_vocabulary(text)
    assert isinstance(vocabulary, Vocabulary), vocabulary
    return meanings(vocabulary, lambda wanted: np.stack([texts[word] for word in wanted]), scale=scale)


ANIMALS = """
- {group: animals, background: [photo], margin: 0.1}
- {id: dog, group: animals, prompts: [dog]}
- {id: cat, group: animals, prompts: [cat]}
- {id: bird, group: animals, prompts: [bird]}
"""


def test_a_real_picture_gets_the_tag_that_it_shows(shared: Path) -> None:
    """A diagram, by the real vectors of ViT-B/32: the one of three words whose published probability is .9928."""
    folder = shared / "testdata" / "clip-golden"
    picture = np.load(folder / "image_features.npy")
    rows = np.load(folder / "text_features.npy")
    texts = dict(zip(("a diagram", "a dog", "a cat"), rows, strict=True))
    found = known(
        """
        - {id: diagram, group: things, prompts: [a diagram]}
        - {id: dog, group: things, prompts: [a dog]}
        - {id: cat, group: things, prompts: [a cat]}
        """,
        texts,
    )
    ((tag,),) = tags_of(picture, found, most=12)
    assert (tag.tag, tag.group) == ("diagram", "things")
    # .255528 before the mean of .200899 and .197495: 100 times .056331 in a sigmoid.
    assert margins_of(picture, found)[0].tolist() == pytest.approx([-0.030719, 0.056331, -0.025612], abs=2e-5)
    assert tag.score == pytest.approx(0.9964, abs=1e-4)


def test_a_tag_is_judged_by_what_it_stands_out_from() -> None:
    """Half a dog and half a cat is both; what looks most like a photo of nothing is neither."""
    both, nothing = np.array([[0.7, 0.7, 0, 0.1]]), np.array([[0.4, 0.4, 0, 0.8]])
    found = known(ANIMALS)
    assert [tag.tag for tag in tags_of(both, found, most=12)[0]] == ["cat", "dog"]
    assert tags_of(nothing, found, most=12) == [()]


def test_several_prompts_are_one_direction() -> None:
    """A tag told as a dog and as a bird is nearest to what is between them."""
    found = known("- {id: pet, group: a, prompts: [dog, bird]}\n- {group: a, background: [photo]}")
    assert margins_of(np.array([[1.0, 0, 1.0, 0], [1.0, 0, 0, 0]]), found).ravel().tolist() == pytest.approx(
        [1.0, 0.707107]
    )


def test_the_strongest_come_first_and_no_more_than_are_wanted() -> None:
    """By how far they stand out."""
    picture = np.array([[0.7, 0.6, 0.0, 0.0]])
    found = known(ANIMALS)
    assert [tag.tag for tag in tags_of(picture, found, most=12)[0]] == ["dog", "cat"]
    assert [tag.tag for tag in tags_of(picture, found, most=1)[0]] == ["dog"]
    assert tags_of(picture, found, most=0) == [()]


def test_a_vector_of_no_numbers_gets_no_tags_but_a_reason() -> None:
    """It is no picture that shows nothing."""
    good, bad = tagged(
        np.array([[1, 0, 0, 0], [np.nan] * 4], np.float32), known(ANIMALS), most=3, model_version="clip-1"
    )
    assert isinstance(good, Made)
    assert [(row["tag"], row["source"], row["model_version"]) for row in good.rows] == [("dog", "auto", "clip-1")]
    assert isinstance(bad, ItemError)
    assert bad.reason == "bad_vector"


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[list[Tag], dict[str, tuple[str, ...]], int, int]:
    names = draw(st.lists(st.sampled_from("abcdefghijkl"), min_size=2, max_size=12, unique=True))
    tags = [Tag(name, draw(st.sampled_from("xy")), (f"a {name}", name), draw(st.floats(0, 0.3))) for name in names]
    return tags, {"x": ("nothing",), "y": ("nothing", "void")}, draw(st.integers(0, 2**31)), draw(st.integers(0, 5))


def _texts(seed: int) -> Knowing:
    class Random(Knowing):
        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            rows = [np.random.default_rng([seed, *text.encode()]).normal(size=16) for text in texts]
            return np.array(rows, np.float32)

    return Random()


@settings(deadline=None)
@given(_worlds(), st.randoms(use_true_random=False))
def test_whatever_the_vocabulary_bounds_hold_and_order_is_nothing(
    world: tuple[list[Tag], dict[str, tuple[str, ...]], int, int], chance: random.Random
) -> None:
    """Scores from .5 to 1, at most N, none twice; tags in another order, or pictures one by one, give the same."""
    tags, backgrounds, seed, most = world
    vectors = np.random.default_rng(seed).normal(size=(7, 16)).astype(np.float32)
    one = Vocabulary(tuple(sorted(tags, key=lambda tag: tag.id)), backgrounds)
    found = meanings(one, _texts(seed).embed_texts, scale=100.0)
    answers = tags_of(vectors, found, most=most)
    for answer in answers:
        assert len(answer) <= most
        assert len({tag.tag for tag in answer}) == len(answer)
        assert all(0.5 <= tag.score <= 1 for tag in answer)
        assert [tag.score for tag in answer] == sorted((tag.score for tag in answer), reverse=True)
    assert [tags_of(vectors[place : place + 1], found, most=most)[0] for place in range(7)] == answers
    chance.shuffle(tags)
    written = "\n".join(
        f"- {{id: {tag.id}, group: {tag.group}, prompts: [{', '.join(tag.prompts)}], margin: {tag.margin}}}"
        for tag in tags
    )
    written += "".join(
        f"\n- {{group: {name}, background: [{', '.join(texts)}]}}" for name, texts in backgrounds.items()
    )
    again = read_vocabulary(written)
    assert isinstance(again, Vocabulary)
    assert tags_of(vectors, meanings(again, _texts(seed).embed_texts, scale=100.0), most=most) == answers
