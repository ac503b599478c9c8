"""The vocabulary's file: what it says, and everything that is wrong with it by its line."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.describe.assets import example_tags
from media_pipeline.stages.describe.vocabulary import Tag, Vocabulary, faults_told, read_vocabulary

WRITTEN = """
- {group: fungi, background: [a photo of a plant], margin: 0.05}
- {id: morel, group: fungi, prompts: [a photo of a morel, a morel]}
- {id: bolete, group: fungi, prompts: [a bolete], margin: 0.1}
- {id: dog, group: animals, prompts: [a dog]}
- {id: cat, group: animals, prompts: [a  cat]}
"""


def vocabulary(text: str) -> Vocabulary:
    found = read_vocabulary(text)
    assert isinstance(found, Vocabulary), found
    return found


def faults(text: str) -> list[str]:
    found = read_vocabulary(text)
    assert isinstance(found, list)
    return [str(fault) for fault in found]


def test_a_vocabulary_is_tags_by_id_and_backgrounds_by_group() -> None:
    """The margin is the tag's own, else its group's, else that of this version."""
    found = vocabulary(WRITTEN)
    assert found.tags == (
        Tag("bolete", "fungi", ("a bolete",), 0.1),
        Tag("cat", "animals", ("a cat",), 0.03),
        Tag("dog", "animals", ("a dog",), 0.03),
        Tag("morel", "fungi", ("a morel", "a photo of a morel"), 0.05),
    )
    assert found.backgrounds == {"fungi": ("a photo of a plant",)}
    assert found.texts == ("a bolete", "a cat", "a dog", "a morel", "a photo of a morel", "a photo of a plant")


@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_is_nothing(chance: random.Random) -> None:
    """The same entries in another order are the same vocabulary, with the same digest: nothing is tagged anew."""
    lines = WRITTEN.strip().splitlines()
    chance.shuffle(lines)
    found = vocabulary("\n".join(lines))
    assert found == vocabulary(WRITTEN)
    assert found.digest == vocabulary(WRITTEN).digest


def test_another_word_margin_or_background_is_another_vocabulary() -> None:
    """Whatever changes a tag makes the tags stale."""
    others = [WRITTEN.replace(*change) for change in (("a dog", "dogs"), ("0.05", "0.06"), ("a plant", "a tree"))]
    assert len({vocabulary(text).digest for text in (WRITTEN, *others)}) == 4


def test_the_example_has_tags_of_many_groups() -> None:
    """It is read without a fault, and every group has a background."""
    found = vocabulary(example_tags())
    assert len(found.tags) >= 150
    assert {tag.group for tag in found.tags} == set(found.backgrounds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: is empty: for no tags at all set MEDIA_MAX_TAGS=0"),
        ("[]", "line 1: has no tags: for none at all set MEDIA_MAX_TAGS=0"),
        ("dog: a dog", "line 1: must be a list, each entry beginning with «- »"),
        ("- dog", "line 1: must be fields, as {id: mushroom, group: fungi, prompts: [a photo of a mushroom]}"),
        ("- [", "line 1: is no YAML"),
        ("- &a {id: x}\n- *a", "line 2: is no YAML: aliases are not read: write it out"),
        ("- {id: Red Fox, group: a, prompts: [a]}", "line 1: id: must be a-z, 0-9 and -, at most 63 signs"),
        ("- {id: fox, prompts: [a fox]}", "line 1: group: must be given"),
        ("- {id: fox, group: a}", "line 1: prompts: must be given: a list of what a picture of it shows"),
        ("- {id: fox, group: a, prompts: a fox}", "line 1: prompts: must be a list of texts"),
        ("- {id: fox, group: a, prompts: [[a]]}", "line 1: prompts: must be texts of 1 to 200 signs"),
        ("- {id: fox, group: a, prompts: [a], colour: red}", "line 1: colour: is no field: there are id, group"),
        ("- {id: fox, group: a, prompts: [a], id: wolf}", "line 1: id: is given twice"),
        ("- {id: fox, group: a, prompts: [a], margin: wide}", "line 1: margin: must be a number from 0 to 1"),
        ("- {id: fox, group: a, prompts: [a], margin: .nan}", "line 1: margin: must be a number from 0 to 1"),
        ("- {id: fox, group: a, prompts: [a]}", "line 1: group: a has one tag and no background"),
        ("- {id: f, group: a, prompts: [a]}\n\n- {id: f, group: a, prompts: [b]}", "line 3: id: f is that of line 1"),
        ("- " * 2_000 + "x", "line 1: is no YAML that can be read: it is nested too deeply"),
        ("x" * 1_000_001, "line 1: has 1,000,001 signs"),
        ("- {id: fox, group: a, prompts: ['\0']}", "line 1: is no YAML"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, said: str) -> None:
    """The line, the field, and what it must be."""
    (fault,) = faults(text)
    assert fault.startswith(said)


def test_all_faults_are_told_at_once_and_the_first_few_in_a_row_of_the_ledger() -> None:
    """Half a vocabulary would leave tags out without a word."""
    text = "- {id: A}\n- {id: b}\n- {id: C}\n- 7\n- {id: d, group: e, prompts: [f]}\n"
    found = read_vocabulary(text)
    assert isinstance(found, list)
    assert [fault.line for fault in found] == [1, 2, 3, 4]
    assert faults_told(found, "tags.yaml") == (
        "tags.yaml: line 1: id: must be a-z, 0-9 and -, at most 63 signs; line 2: group: must be given; "
        "line 3: id: must be a-z, 0-9 and -, at most 63 signs; and 1 more"
    )


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    """Whatever the file is, there is a vocabulary or a fault."""
    for given_text in (text, f"- {{id: a, group: b, prompts: [{text}]}}"):
        assert isinstance(read_vocabulary(given_text), Vocabulary | list)
