"""The entity adaptor, its closed-form start, and the slots that are filled with what it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save as save_tensors

from lake.delta import writing
from lake.registry import releases
from lake.registry.releases import ADAPTOR
from lake.store.location import Lake
from model_steps.embedding.adaptor import ABOUT, FORMAT, Adaptor, Weights, load, model_width
from model_steps.embedding.embedder import Vectors
from model_steps.embedding.slots import EntitySlots, read_slots
from model_steps.training.closed_form import as_adaptor, ridge
from runtime.errors import ConfigurationError, DataError, SourceMissing
from schemas import entity_vectors
from settings import LakeSettings

EMBEDDER = "all-MiniLM-L6-v2@53aa51172d14"
MODEL = "189d3c41645a6423"
FILE = "release/adaptor.safetensors"
# d_emb and d_LLM of the small adaptors here.
WIDTHS = (2, 4)


def floats(*rows: list[float]) -> Vectors:
    return np.array(rows, np.float32)


def randomly(*shape: int, seed: int = 0) -> Weights:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_adaptor() -> Adaptor:
    return Adaptor(randomly(3, 2), randomly(3, seed=1), randomly(4, 3, seed=2), randomly(4, seed=3), EMBEDDER, MODEL)


def file_of(about: Mapping[str, Any] | None = None, /, **tensors: Any) -> bytes:
    """A file of an adaptor in which something is otherwise."""
    head = {"format": FORMAT, "embedder": EMBEDDER, "model": MODEL, **(about or {})}
    return bytes(save_tensors({**random_adaptor().tensors, **tensors}, {ABOUT: json.dumps(head)}))


# --- the formula


def test_the_formula_gives_what_was_computed_by_hand() -> None:
    adaptor = Adaptor(
        w1=floats([1, 0], [0, 1], [-1, 1]),
        b1=np.array([0, -1, 0.5], np.float32),
        w2=floats([1, 2, 0], [0, -1, 4]),
        b2=np.array([0.5, -0.5], np.float32),
        embedder=EMBEDDER,
        model=MODEL,
    )
    # Hidden: (1, 1, 1.5) and (0, 0, 2.5), where ReLU silenced -1 of the second.
    assert adaptor(floats([1, 2], [-1, 1])).tolist() == [[3.5, 4.5], [0.5, 9.5]]
    assert adaptor(np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_what_it_gives_is_single_precision_whatever_it_gets() -> None:
    wide: Any = randomly(5, 2).astype(np.float64)
    assert random_adaptor()(wide).dtype == np.float32


# --- its file


def test_the_same_adaptor_is_the_same_file() -> None:
    assert len({random_adaptor().save() for _ in range(20)}) == 1


@pytest.mark.parametrize("missing", ["embedder", "model"])
def test_an_adaptor_that_names_nobody_is_foreign(missing: str) -> None:
    with pytest.raises(DataError, match=r"speaks for the .* None, and this run uses"):
        load(file_of({missing: None}), EMBEDDER, MODEL, WIDTHS, FILE)


def test_numbers_beyond_single_precision_are_not_finite() -> None:
    with pytest.raises(DataError, match="b1 holds numbers that are not finite"):
        load(file_of(b1=np.array([1e300, 0, 0])), EMBEDDER, MODEL, WIDTHS, FILE)


def test_a_saved_adaptor_is_read_again_in_half_precision() -> None:
    adaptor = random_adaptor()
    found = load(adaptor.save(), EMBEDDER, MODEL, WIDTHS, FILE)
    assert (found.embedder, found.model) == (EMBEDDER, MODEL)
    for name, tensor in adaptor.tensors.items():
        rounded = tensor.astype(np.float16).astype(np.float32)
        assert not np.array_equal(rounded, tensor)
        assert np.array_equal(found.tensors[name], rounded)
        assert np.array_equal(adaptor.halved().tensors[name], rounded)
        assert found.tensors[name].dtype == np.float32
    h = randomly(7, 2, seed=9)
    assert np.array_equal(found(h), adaptor.halved()(h))
    # What was rounded once is not rounded again.
    again = load(found.save(), EMBEDDER, MODEL, WIDTHS, FILE)
    assert all(np.array_equal(again.tensors[name], tensor) for name, tensor in found.tensors.items())


def test_a_file_of_single_precision_is_read_too() -> None:
    found = load(file_of(), EMBEDDER, MODEL, WIDTHS, FILE)
    assert all(np.array_equal(found.tensors[name], tensor) for name, tensor in random_adaptor().tensors.items())


@pytest.mark.parametrize("content", [b"", b"no tensors at all", b"\xff" * 64], ids=["empty", "text", "noise"])
def test_what_is_no_safetensors_file_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=rf"{FILE} is no safetensors file \(.+\): restore it, or train the adaptor"):
        load(content, EMBEDDER, MODEL, WIDTHS, FILE)


def test_a_file_that_was_cut_off_is_refused() -> None:
    for kept in (4, 40, -1):
        with pytest.raises(DataError, match=f"{FILE} is no safetensors file"):
            load(random_adaptor().save()[:kept], EMBEDDER, MODEL, WIDTHS, FILE)


@pytest.mark.parametrize(
    "content",
    [
        file_of({"format": "intentflow entity adaptor 2"}),
        file_of(w3=randomly(2, 2)),
        bytes(save_tensors({"w1": randomly(3, 2)}, {"format": FORMAT, "embedder": EMBEDDER, "model": MODEL})),
        bytes(save_tensors(random_adaptor().tensors)),
    ],
    ids=["another format", "a tensor more", "tensors missing", "says nothing of itself"],
)
def test_tensors_of_something_else_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=f"{FILE} is no entity adaptor of the format '{FORMAT}': train one"):
        load(content, EMBEDDER, MODEL, WIDTHS, FILE)


def test_an_adaptor_speaks_to_no_other_embedder_and_to_no_other_model() -> None:
    content = random_adaptor().save()
    with pytest.raises(DataError) as of_embedder:
        load(content, "bge-small@0123456789ab", MODEL, WIDTHS, FILE)
    assert str(of_embedder.value) == (
        f"{FILE} speaks for the embedder {EMBEDDER}, and this run uses bge-small@0123456789ab: set that embedder, or "
        "train an adaptor for this one with `python -m model_steps.train_adaptor`."
    )
    with pytest.raises(DataError) as of_model:
        load(content, EMBEDDER, "fedcba9876543210", WIDTHS, FILE)
    assert f"speaks for the language model {MODEL}, and this run uses fedcba9876543210:" in str(of_model.value)


@pytest.mark.parametrize(
    ("name", "tensor", "sentence"),
    [
        ("w1", randomly(3, 5), "w1 has the shape (3, 5), wanted is (3, 2)"),
        ("w1", randomly(2, 3), "w1 has the shape (2, 3), wanted is (3, 2)"),
        ("w2", randomly(4, 2), "w2 has the shape (4, 2), wanted is (4, 3)"),
        ("b2", randomly(3), "b2 has the shape (3,), wanted is (4,)"),
        ("b1", randomly(2), "w1 has the shape (3, 2), wanted is (2, 2)"),
        ("b1", randomly(3, 1), "wanted is (0, 2)"),
        ("b1", randomly(0), "wanted is (0, 2)"),
    ],
)
def test_wrong_shapes_are_refused(name: str, tensor: Weights, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        load(file_of(**{name: tensor}), EMBEDDER, MODEL, WIDTHS, FILE)
    assert sentence in str(refused.value)
    assert "from embeddings of 2 to a model of 4: train the adaptor again." in str(refused.value)


def test_an_adaptor_without_hidden_units_is_refused() -> None:
    """It would give the same for every entity."""
    nothing = file_of(w1=randomly(0, 2), b1=randomly(0), w2=randomly(4, 0))
    with pytest.raises(DataError, match=r"w1 has the shape \(0, 2\)"):
        load(nothing, EMBEDDER, MODEL, WIDTHS, FILE)


@pytest.mark.parametrize("name", ["w1", "b1", "w2", "b2"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(name: str, number: float) -> None:
    tensor = random_adaptor().tensors[name].copy()
    tensor.flat[-1] = number
    with pytest.raises(DataError, match=f"{FILE}: {name} holds numbers that are not finite: train the adaptor again"):
        load(file_of(**{name: tensor}), EMBEDDER, MODEL, WIDTHS, FILE)


def test_the_adaptor_that_is_shipped_fits_the_embedder_and_the_model_that_are() -> None:
    release, files = releases.load(LakeSettings().first_release)
    found = load(files[ADAPTOR], release.embedder, release.model, (384, 576), FILE)
    z = found(randomly(2, 384))
    assert z.shape == (2, 576)
    assert not np.array_equal(z[0], z[1])


def test_the_models_width_stands_in_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 576, "head_dim": 64}')
    assert model_width(tmp_path) == 576


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"hidden_size": "wide"}'])
def test_a_configuration_without_a_width_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config\.json names no hidden_size: set INTENTFLOW_ENGINE__MODEL"):
        model_width(tmp_path)


# --- its closed-form start


def test_a_linear_map_is_recovered_from_what_it_gave() -> None:
    a, b, h = randomly(4, 6, seed=1), randomly(4, seed=2), randomly(200, 6, seed=3)
    found_a, found_b = ridge(h, h @ a.T + b, penalty=1e-9)
    assert found_a.dtype == found_b.dtype == np.float32
    np.testing.assert_allclose(found_a, a, atol=1e-5)
    np.testing.assert_allclose(found_b, b, atol=1e-5)


def test_a_penalty_does_what_was_computed_by_hand() -> None:
    # Around their means: 4 = sum of products, 2 = sum of squares, 2 entities: a = 4 / (2 + 2 penalty).
    h, target = floats([4], [6]), floats([1], [5])
    for penalty, slope in ((1e-12, 2.0), (1.0, 1.0), (3.0, 0.5)):
        a, b = ridge(h, target, penalty)
        assert a.item() == pytest.approx(slope)
        # The offset is not punished: the line goes through the means.
        assert b.item() == pytest.approx(3 - 5 * slope)


def test_a_larger_penalty_shrinks_to_the_mean() -> None:
    h, target = randomly(50, 6, seed=4), randomly(50, 4, seed=5)
    found = [ridge(h, target, penalty) for penalty in (1e-6, 0.1, 1.0, 10.0, 1e9)]
    sizes = [float(np.linalg.norm(a)) for a, _ in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[2] > 0
    assert sizes[-1] < 1e-6
    np.testing.assert_allclose(found[-1][1], target.mean(axis=0), atol=1e-5)


def test_a_penalty_counts_by_entity() -> None:
    h, target = randomly(50, 6, seed=4), randomly(50, 4, seed=5)
    once, twice = ridge(h, target, 0.3), ridge(np.tile(h, (2, 1)), np.tile(target, (2, 1)), 0.3)
    np.testing.assert_allclose(once[0], twice[0], rtol=1e-5)
    np.testing.assert_allclose(once[1], twice[1], rtol=1e-5)


@pytest.mark.parametrize("spare", [0, 1, 5])
def test_a_linear_map_as_an_adaptor_gives_exactly_the_same(spare: int) -> None:
    # Small whole numbers, of which sums are exact whatever their order.
    whole = np.random.default_rng(6)
    a, b, h = (whole.integers(-9, 10, shape).astype(np.float32) for shape in ((4, 3), (4,), (100, 3)))
    adaptor = as_adaptor(a, b, 6 + spare, EMBEDDER, MODEL, seed=0)
    assert np.array_equal(adaptor(h), h @ a.T + b)
    read_again = load(adaptor.save(), EMBEDDER, MODEL, (3, 4), FILE)
    assert np.array_equal(read_again(h), h @ a.T + b)
    assert read_again.b1.shape == (6 + spare,)


def test_spare_hidden_units_are_silent_and_can_learn() -> None:
    a, b = randomly(4, 3), randomly(4)
    one, same, other = (as_adaptor(a, b, 9, EMBEDDER, MODEL, seed) for seed in (0, 0, 1))
    assert not one.w2[:, 6:].any()
    # A unit without weights on both sides would get no gradient.
    assert one.w1[6:].all()
    assert np.array_equal(one.w1, same.w1)
    assert not np.array_equal(one.w1, other.w1)


def test_too_few_hidden_units_are_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        as_adaptor(randomly(4, 3), randomly(4), 5, EMBEDDER, MODEL, seed=0)
    assert str(refused.value) == "INTENTFLOW_ADAPTOR__HIDDEN is 5: an embedder of 3 numbers wants at least 6."


# --- slots


def test_slots_are_filled_in_the_order_in_which_they_are_asked() -> None:
    slots = EntitySlots(["milk", "bread", "eggs"], floats([1, 2], [3, 4], [5, 6]))
    assert slots.of(["eggs", "milk", "eggs"]).tolist() == [[5, 6], [1, 2], [5, 6]]
    assert slots.of([]).shape == (0, 2)
    assert slots.width == 2


def test_slots_do_not_change_when_a_prompts_vectors_do() -> None:
    slots = EntitySlots(["milk"], floats([1, 2]))
    slots.of(["milk"])[:] = 0
    assert slots.of(["milk"]).tolist() == [[1, 2]]


def test_an_unknown_entity_is_named() -> None:
    slots = EntitySlots(["milk"], floats([1, 2]))
    with pytest.raises(SourceMissing) as refused:
        slots.of(["milk", "bread"])
    assert str(refused.value) == "The entity bread has no vector: run `python -m model_steps.embed --day DAY` first."


def test_vectors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError) as refused:
        EntitySlots(["milk", "bread", "eggs"], floats([1, 2], [3, np.nan], [np.inf, 6]))
    assert str(refused.value) == "2 entities have vectors that are not finite, bread first: embed them again."


@pytest.fixture
def doubling() -> Adaptor:
    """Gives twice what it gets, and a 7 behind it."""
    a, b = floats([2, 0], [0, 2], [0, 0]), np.array([0, 0, 7], np.float32)
    return as_adaptor(a, b, 4, EMBEDDER, MODEL, seed=0)


def put(lake: Lake, vectors: Mapping[str, list[float]], embedder: str = EMBEDDER) -> None:
    rows = [{"entity_id": name, "embedder": embedder, "vector": vector} for name, vector in vectors.items()]
    writing.insert_new(lake, entity_vectors.TABLE, pa.Table.from_pylist(rows, schema=entity_vectors.TABLE.schema))


def test_slots_are_read_through_the_adaptor(lake: Lake, doubling: Adaptor) -> None:
    # Two commits, so that the column comes in pieces, and neither is in the order of the ids.
    put(lake, {"milk": [1, 2], "bread": [3, 4]})
    put(lake, {"ale": [5, 6], "unasked": [8, 8]})
    put(lake, {"milk": [0, 0], "bread": [0, 0], "ale": [0, 0]}, embedder="another@0")
    slots = read_slots(lake, doubling, ["milk", "ale", "bread", "milk"])
    assert slots.of(["bread", "milk", "ale"]).tolist() == [[6, 8, 7], [2, 4, 7], [10, 12, 7]]
    assert slots.width == 3
    with pytest.raises(SourceMissing, match="The entity unasked has no vector"):
        slots.of(["unasked"])


def test_whoever_asks_for_no_entity_needs_no_vectors(lake: Lake, doubling: Adaptor) -> None:
    slots = read_slots(lake, doubling, [])
    assert slots.width == 3
    assert slots.of([]).shape == (0, 3)


def test_entities_without_a_vector_of_the_embedder_are_counted(lake: Lake, doubling: Adaptor) -> None:
    sentence = "{} of 3 entities have no vector of {}, {} first: run `python -m model_steps.embed --day DAY` first."
    wanted = ["milk", "bread", "ale", "milk"]
    with pytest.raises(SourceMissing) as never_embedded:
        read_slots(lake, doubling, wanted)
    assert str(never_embedded.value) == sentence.format(3, EMBEDDER, "ale")
    put(lake, {"ale": [1, 2]})
    put(lake, {"bread": [1, 2]}, embedder="another@0")
    with pytest.raises(SourceMissing) as partly:
        read_slots(lake, doubling, wanted)
    assert str(partly.value) == sentence.format(2, EMBEDDER, "bread")


def test_embeddings_of_another_width_are_refused(lake: Lake, doubling: Adaptor) -> None:
    put(lake, {"milk": [1, 2, 3], "bread": [4, 5, 6]})
    with pytest.raises(DataError, match=f"Embeddings of {EMBEDDER} are not 2 wide, as the adaptor wants"):
        read_slots(lake, doubling, ["milk", "bread"])


def test_an_embedding_of_the_lake_that_is_not_finite_is_refused(lake: Lake, doubling: Adaptor) -> None:
    put(lake, {"milk": [1, 2], "bread": [float("nan"), 1]})
    with pytest.raises(DataError, match="1 entities have vectors that are not finite, bread first"):
        read_slots(lake, doubling, ["milk", "bread"])
    assert read_slots(lake, doubling, ["milk"]).of(["milk"]).tolist() == [[2, 4, 7]]
