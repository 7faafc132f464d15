"""An adaptor's catalog is told from others: the demo's left-out items are near, two other catalogs are far."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from lake.registry import releases
from lake.registry.releases import REFERENCES
from model_steps.embedding import references
from model_steps.embedding.embedder import Embedder, Vectors
from model_steps.embedding.references import References
from model_steps.serving.form import LEAST_NEAR
from runtime.errors import DataError
from settings import ROOT, LakeSettings

WIDTH = 6
# Items of the demo log that the shipped adaptor's training left out (entity_split_of says holdout).
LEFT_OUT = Path(__file__).with_name("catalogs") / "demo_left_out.txt"
# Made up, and with no part in setting any threshold.
THIRD = Path(__file__).with_name("catalogs") / "books_films_parts.txt"


def rows(number: int, around: int, spread: float, seed: int) -> Vectors:
    """Embeddings near the axis ``around``."""
    chance = np.random.default_rng(seed)
    found = np.eye(WIDTH)[around] + spread * chance.normal(size=(number, WIDTH))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def shipped(embedder: Embedder) -> References:
    _, files = releases.load(LakeSettings().first_release)
    return references.load(files[REFERENCES], embedder.dimensions, REFERENCES)


def second_shop() -> list[str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "examples" / "second_shop" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [item["title"] for item in module.catalog()]


def test_what_was_left_out_of_the_shipped_adaptors_catalog_is_near(embedder: Embedder, shipped: References) -> None:
    assert shipped.share_near(embedder.embed(LEFT_OUT.read_text().splitlines())) > 0.85


def test_the_second_shop_and_a_third_catalog_are_far(embedder: Embedder, shipped: References) -> None:
    for texts in (second_shop(), THIRD.read_text().splitlines()):
        assert len(texts) > 20
        assert shipped.share_near(embedder.embed(texts)) < 0.05


def test_a_catalog_that_changes_by_and_by_counts_by_its_share(embedder: Embedder, shipped: References) -> None:
    near, far = (embedder.embed(path.read_text().splitlines()[:40]) for path in (LEFT_OUT, THIRD))
    assert (
        shipped.share_near(np.concatenate([near, far[:20]]))
        > LEAST_NEAR
        > shipped.share_near(np.concatenate([near[:20], far]))
    )


def test_near_is_what_most_left_out_entities_are() -> None:
    trained_on = np.concatenate([rows(50, 0, 0.1, 1), rows(50, 1, 0.1, 2)])
    left_out = np.concatenate([rows(50, 0, 0.1, 3), rows(50, 1, 0.1, 4)])
    learnt = references.learn(trained_on, left_out, 8)
    assert learnt.centers.shape == (8, WIDTH)
    np.testing.assert_allclose(np.linalg.norm(learnt.centers, axis=1), 1, atol=1e-2)
    assert learnt.share_near(left_out) == pytest.approx(1 - references.OUTLYING, abs=0.01)
    assert learnt.share_near(rows(50, 2, 0.1, 5)) == 0
    assert learnt.share_near(np.concatenate([left_out, rows(100, 2, 0.1, 6)])) == pytest.approx(0.475, abs=0.01)


def test_few_entities_are_their_own_centers() -> None:
    few = rows(5, 0, 0.5, 1)
    learnt = references.learn(few, few[:0], 8)
    np.testing.assert_allclose(learnt.centers, few, atol=1e-3)
    assert learnt.share_near(few) >= 0.8


def test_an_empty_catalog_has_nothing_that_is_far() -> None:
    assert References(rows(3, 0, 0.1, 1), 0.5).share_near(np.zeros((0, WIDTH), np.float32)) == 1


def test_saved_references_are_read_again_and_are_the_same_file() -> None:
    learnt = references.learn(rows(50, 0, 0.5, 1), rows(20, 0, 0.5, 2), 8)
    content = learnt.save()
    again = references.load(content, WIDTH, "file")
    assert np.array_equal(again.centers, learnt.centers)
    assert again.near == learnt.near
    assert again.save() == content == learnt.save()
    assert len(References(np.zeros((references.CENTERS, 384), np.float32), 0.5).save()) < 500_000


@pytest.mark.parametrize("content", [b"", b"nothing", b"\xff" * 64], ids=["empty", "text", "noise"])
def test_what_holds_no_references_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"file holds no references of a catalog \(.+\): restore it"):
        references.load(content, WIDTH, "file")


def test_references_of_other_embeddings_or_without_numbers_are_refused() -> None:
    centers = rows(3, 0, 0.1, 1)
    broken = centers.copy()
    broken[1, 2] = np.nan
    for content in (References(centers[:, :4], 0.5), References(broken, 0.5), References(centers, 7.0)):
        with pytest.raises(DataError, match=f"no references of the format '{references.FORMAT}' for embeddings of 6"):
            references.load(content.save(), WIDTH, "file")
