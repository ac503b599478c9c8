"""Heads: the published ones rise over their reference embeddings, and what is no head is one sentence."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.models.heads import Head, sigmoid, unfit
from media_pipeline.models.heads_files import read_head
from media_pipeline.records import NotApplicable
from media_pipeline_tests.models.head_files import linear, npz, safetensors

PUBLISHED = {
    "laion-aesthetic-v1/sa_0_4_vit_b_32_linear.pth": ("ViT-B-32/openai", 512, "unit", 1),
    "laion-aesthetic-v1/sa_0_4_vit_b_16_linear.pth": ("ViT-B-16/openai", 512, "unit", 1),
    "laion-aesthetic-v1/sa_0_4_vit_l_14_linear.pth": ("ViT-L-14/openai", 768, "unit", 1),
    "laion-aesthetic-v2/sac+logos+ava1-l14-linearMSE.pth": ("ViT-L-14/openai", 768, "unit", 5),
    "sac-aesthetic/models/sac_public_2022_06_29_vit_b_32_linear.pth": ("ViT-B-32/openai", 512, "root", 1),
    "sac-aesthetic/models/sac_public_2022_06_29_vit_b_16_linear.pth": ("ViT-B-16/openai", 512, "root", 1),
    "sac-aesthetic/models/sac_public_2022_06_29_vit_l_14_linear.pth": ("ViT-L-14/openai", 768, "root", 1),
}
RATED = {"ViT-B-32/openai": "vit_b_32_embeddings", "ViT-L-14/openai": "vit_l_14_embeddings"}


def head_of(data: bytes, name: str = "vit_b_32.npz") -> Head:
    found = read_head(data, name)
    assert isinstance(found, Head), found
    return found


def refused(data: bytes, name: str = "head.npz") -> str:
    found = read_head(data, name)
    assert isinstance(found, NotApplicable), found
    assert found.reason == "head_unreadable"
    assert "\n" not in found.detail
    return found.detail


def published(shared: Path, name: str) -> Head:
    return head_of((shared / "testdata" / "heads" / name).read_bytes(), Path(name).name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_head_is_read_as_what_it_is(shared: Path, name: str) -> None:
    """The model that it fits, the numbers that it takes, and how many layers it has."""
    head = published(shared, name)
    assert (head.space, head.dims, head.input, len(head.layers)) == PUBLISHED[name]


@pytest.mark.parametrize("name", [name for name, told in PUBLISHED.items() if told[0] in RATED])
def test_a_published_head_rises_over_the_reference_embeddings(shared: Path, name: str) -> None:
    """Ten real vectors, rated 0 to 9 by their makers: each scores more than the one before it."""
    head = published(shared, name)
    folder = shared / "testdata" / "heads" / "laion-aesthetic-v1" / RATED[str(head.space)]
    vectors = np.concatenate([np.load(folder / f"rating{rating}.npy") for rating in range(10)])
    assert (np.diff(head.raw(vectors)) > 0).all()


def test_the_first_head_scores_as_its_makers_formula(shared: Path) -> None:
    """Weight times vector plus bias: of the vector rated 4 it makes 5.0874."""
    head = published(shared, "laion-aesthetic-v1/sa_0_4_vit_b_32_linear.pth")
    vector = np.load(shared / "testdata/heads/laion-aesthetic-v1/vit_b_32_embeddings/rating4.npy")
    assert head.raw(vector)[0] == pytest.approx(5.0874414, abs=1e-4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_of_torch_reads_as_torch_reads_it(shared: Path, name: str) -> None:
    """Without torch the same numbers come out, in the same order."""
    import torch

    stored = torch.load(shared / "testdata/heads" / name, weights_only=True, map_location="cpu")
    ours = published(shared, name).layers
    theirs = [value.double().numpy() for value in stored.values()]
    assert len(theirs) == 2 * len(ours)
    for place, (weight, bias) in enumerate(ours):
        assert np.array_equal(weight, theirs[2 * place])
        assert np.array_equal(bias, theirs[2 * place + 1])


def test_reading_a_head_imports_no_torch() -> None:
    """It would take seconds for two kilobytes."""
    code = "import sys, media_pipeline.models.heads_files; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("write", [npz, safetensors])
def test_the_same_head_reads_alike_from_each_kind_of_file(write: Any) -> None:
    """A weight of 2 on the last number, and a bias of 3."""
    head = head_of(write(linear(last=2, bias=3), space="ViT-B-32/openai", output="sigmoid"), "mine")
    assert (head.space, head.output, head.dims) == ("ViT-B-32/openai", "sigmoid", 4)
    assert head.raw(np.array([[0, 0, 0, 5.0], [0, 3, 0, 4]])).tolist() == pytest.approx([5.0, 4.6])


def test_layers_come_in_the_order_of_their_numbers() -> None:
    """`layers.10` is behind `layers.2`, and what is below nothing between layers is cut off by relu."""
    tensors = {
        "layers.10.weight": np.array([[1.0, 1.0]]),
        "layers.10.bias": np.array([0.5]),
        "layers.2.weight": np.array([[1.0, 0.0], [-1.0, 0.0]]),
        "layers.2.bias": np.array([0.0, 0.0]),
    }
    vector = np.array([[1.0, 0.0]])
    assert head_of(npz(tensors)).raw(vector).tolist() == [0.5]
    assert head_of(npz(tensors, activation="relu")).raw(vector).tolist() == [1.5]


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("sa_0_4_vit_b_32_linear.pth", "ViT-B-32/openai"),
        ("ViT-L-14.npz", "ViT-L-14/openai"),
        ("my-b16.npz", "ViT-B-16/openai"),
        ("head.npz", None),
        ("club32.npz", None),
        ("b32-or-b16.npz", None),
    ],
)
def test_a_files_name_says_for_which_model_it_was_made(name: str, space: str | None) -> None:
    """The published ones do; one that names none, or two, fits none."""
    assert head_of(npz(linear()), name).space == space


def test_a_head_fits_one_model_alone() -> None:
    """Another size, another model of the same size, and one that does not say: each in a sentence with both."""
    head = head_of(npz(linear(), space="ViT-B-32/openai"))
    assert unfit(head, space="ViT-B-32/openai", dims=4) is None
    told = [
        unfit(head, space="ViT-L-14/openai", dims=768),
        unfit(head, space="ViT-B-16/openai", dims=4),
        unfit(head_of(npz(linear()), "head.npz"), space="ViT-B-32/openai", dims=4),
    ]
    assert [one and one.reason for one in told] == ["head_unfit"] * 3
    assert [one and one.detail.partition(":")[0] for one in told] == [
        "it takes 4 numbers, and ViT-L-14/openai makes 768",
        "it was made for vectors of ViT-B-32/openai, and these are of ViT-B-16/openai",
        "it does not say for which model it was made",
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no .npz, .safetensors or .pth"),
        (b"<html>404</html>" * 20, "is no .npz, .safetensors or .pth"),
        (b"PK\x03\x04 and no more", "is a damaged archive"),
        (npz(linear())[:-40], "is a damaged archive"),
        ((9).to_bytes(8, "little") + b"{not json" + b"x" * 9, "is a damaged .safetensors"),
        (npz({"weight": np.ones((1, 4))}), "must have a weight and a bias"),
        (npz({"weight": np.ones((2, 4)), "bias": np.ones(2)}), "makes 2 numbers of a picture"),
        (npz({"weight": np.ones(4), "bias": np.ones(1)}), "are no layer"),
        (npz({"weight": np.ones((1, 4)), "bias": np.ones(3)}), "are no layer"),
        (npz({"weight": np.ones((1, 4), int), "bias": np.ones(1)}), "is of int64"),
        (npz({"kernel": np.ones((1, 4))}), "holds 'kernel'"),
        (npz({"weight": np.array([[1.0, np.nan]]), "bias": np.ones(1)}), "holds numbers that are none"),
        (npz(linear(), activation="gelu"), "activation: is 'gelu', and must be none or relu"),
        (npz({}), "has 0 layers"),
        (
            npz(
                {
                    "a.1.weight": np.ones((3, 4)),
                    "a.1.bias": np.ones(3),
                    "a.2.weight": np.ones((1, 2)),
                    "a.2.bias": [1.0],
                }
            ),
            "takes 2 numbers, and the layer before it makes 3",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_head_is_one_sentence(data: bytes, said: str) -> None:
    """Which file, and what is wrong with it."""
    assert refused(data).startswith("head.npz: ")
    assert said in refused(data)


class _Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("1/0",))


def torch_archive(pickled: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    return out.getvalue()


@pytest.mark.parametrize(
    ("pickled", "said"),
    [
        (pickle.dumps(_Harm()), "holds builtins.eval, and not tensors alone"),
        (pickle.dumps([1, 2]), "is no state dict"),
        (pickle.dumps({"weight": 3}), "is no state dict"),
        (b"junk", "is a damaged .pth"),
        (b"", "is a damaged .pth"),
        (b"\x80\x02" + b"(" * 50_000, "is a damaged .pth"),
        (b"x" * 200_000, "is more than a head"),
    ],
    ids=["harm", "list", "number", "junk", "empty", "marks", "long"],
)
def test_a_hostile_pickle_does_nothing(pickled: bytes, said: str) -> None:
    """Nothing of it is executed, and nothing of it ends the process."""
    assert said in refused(torch_archive(pickled), "b32.pth")


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever the file is, there is a head or a sentence."""
    for found in (read_head(data, "b32"), read_head(b"PK" + data, "b32"), read_head(torch_archive(data), "b32")):
        assert isinstance(found, NotApplicable)


@given(st.integers(0, 2), st.data())
def test_no_damage_raises(kind: int, data: st.DataObject) -> None:
    """A file of which one byte is another: read, or a sentence."""
    whole = [npz(linear()), safetensors(linear()), npz(linear(), space="x")][kind]
    place = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :]
    assert isinstance(read_head(broken, "b32"), Head | NotApplicable)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_sigmoid_stays_between_its_bounds(values: list[float]) -> None:
    """And warns of nothing, however large the number."""
    found = sigmoid(np.array(values))
    assert ((found >= 0) & (found <= 1)).all()


def test_how_many_come_at_once_does_not_show() -> None:
    """One vector by itself scores as among a thousand."""
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(1000, 64)).astype(np.float32)
    head = head_of(npz({"weight": rng.normal(size=(1, 64)), "bias": [0.0]}))
    together = head.raw(vectors)
    alone = np.concatenate([head.raw(vectors[place : place + 1]) for place in range(1000)])
    assert np.abs(together - alone).max() < 1e-12
