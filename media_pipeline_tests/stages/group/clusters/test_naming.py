"""Names of clusters: by contrast, unique, and a person's first."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.clusters.naming import Name, Worded, named, provisional_name


def one(number: int, media_count: int, words: Mapping[str, int], **other: str) -> Worded:
    return Worded(UUID(int=number), media_count, words, **other)


def texts(*clusters: Worded) -> list[str]:
    found = named(clusters)
    return [found[cluster.cluster_id].text for cluster in clusters]


def test_a_cluster_is_called_by_what_the_others_lack() -> None:
    """All are mushrooms: that says nothing. A word of one member in ten is no name of all."""
    assert texts(
        one(1, 10, {"mushroom": 10, "Amanita muscaria": 9, "rain": 1}),
        one(2, 10, {"mushroom": 10, "Boletus edulis": 8}),
    ) == ["Amanita muscaria", "Boletus edulis"]


def test_two_words_where_both_say_much_and_neither_is_part_of_the_other() -> None:
    """«beach, dog», but not «Amanita, Amanita muscaria»."""
    assert texts(one(1, 4, {"dog": 4, "beach": 4}), one(2, 4, {"cat": 4})) == ["beach, dog", "cat"]
    assert texts(one(1, 4, {"Amanita": 4, "Amanita muscaria": 4}), one(2, 4, {"cat": 4}))[0] == "Amanita"


def test_a_cluster_of_which_nothing_is_known_has_a_number() -> None:
    """That of its id."""
    found = named([one(0xABC, 3, {})])
    assert found == {UUID(int=0xABC): Name("Cluster 00000000", "number")}
    assert provisional_name(UUID(int=0xDEADBEEF << 96)) == "Cluster deadbeef"


def test_equal_names_are_counted_and_the_larger_cluster_has_the_bare_one() -> None:
    """The rest of the order is that of the ids."""
    assert texts(one(1, 2, {"cat": 2}), one(2, 9, {"cat": 9}), one(3, 2, {"cat": 2})) == ["cat 2", "cat", "cat 3"]


def test_a_number_is_kept_when_another_cluster_grows_larger() -> None:
    """People find their cluster again. Only a name of the same words is kept."""
    assert texts(one(1, 2, {"cat": 2}, former="cat"), one(2, 9, {"cat": 9}, former="cat 2")) == ["cat", "cat 2"]
    assert texts(one(1, 2, {"cat": 2}, former="dog")) == ["cat"]


def test_a_name_that_a_person_gave_goes_before() -> None:
    """Whatever the words say; and no other cluster takes it."""
    found = named([one(1, 9, {"cat": 9}), one(2, 2, {"dog": 2}, human="cat")])
    assert found[UUID(int=2)] == Name("cat", "human")
    assert found[UUID(int=1)] == Name("cat 2", "words")


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5),
            st.dictionaries(st.sampled_from(["a", "b", "c 2"]), st.integers(1, 5)),
            st.sampled_from([None, "a", "a 2", "x"]),
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_names_are_unique_and_depend_on_no_order(
    drawn: list[tuple[int, dict[str, int], str | None]], random: object
) -> None:
    """And given again as former names they stay."""
    clusters = [
        Worded(UUID(int=number), count, {word: min(bears, count) for word, bears in words.items()}, human=human)
        for number, (count, words, human) in enumerate(drawn, 1)
    ]
    found = named(clusters)
    assert len({name.text for name in found.values()}) == len(clusters)
    assert named(clusters[::-1]) == found
    again = [
        Worded(c.cluster_id, c.media_count, c.words, former=found[c.cluster_id].text, human=c.human) for c in clusters
    ]
    assert named(again) == found
