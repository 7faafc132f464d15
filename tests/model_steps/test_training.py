"""A few steps of the adaptor's training on the real language model: what changes, what must not, and a resume."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from lake.registry.splits import SplitRule
from model_steps.embedding.adaptor import Adaptor
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.training import loop, recipe
from model_steps.training.catalog import Catalog
from model_steps.training.examples import Encoded, Example
from model_steps.training.frozen_model import FrozenModel
from model_steps.training.loop import Family
from model_steps.training.questions import Described
from representation.hybrid import SLOT
from runtime.errors import DataError
from settings import AdaptorSettings, Settings

TEXTS = {
    "whole milk, dairy, grocery, national, 1 gal": "grocery > dairy > whole milk",
    "plain yogurt, dairy, grocery, private, 6 oz": "grocery > dairy > plain yogurt",
    "rye bread, bakery, grocery, national": "grocery > bakery > rye bread",
    "roses, cut flowers, floral, private": "floral > cut flowers > roses",
}
SMALL = AdaptorSettings(
    steps=4, questions=3, interest_mining=0, tag_prediction=1, checkpoint_steps=2, dtype="float32", learning_rate=3e-3
)


@pytest.fixture(scope="module")
def chat(settings: Settings) -> Chat:
    return Chat(settings.engine.model)


@pytest.fixture(scope="module")
def frozen(settings: Settings) -> FrozenModel:
    return FrozenModel(settings.engine.model, "float32")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    described = [Described(f"e{n}", text, path, text.split(", ")[3]) for n, (text, path) in enumerate(TEXTS.items())]
    return Catalog(described, Embedder().embed(list(TEXTS)))


@pytest.fixture(scope="module")
def start(catalog: Catalog, frozen: FrozenModel, chat: Chat) -> Adaptor:
    return recipe.closed_form_start(catalog, range(len(TEXTS)), frozen, chat, SMALL, "embedder", "model")


@pytest.fixture(scope="module")
def families(catalog: Catalog, frozen: FrozenModel, chat: Chat) -> list[Family]:
    kept = [Example("tag_prediction", chat.render("", f"Bought: {SLOT}{SLOT}"), ("e0", "e3"), '["fresh milk"]')]
    return [
        recipe.question_family(catalog, range(len(TEXTS)), frozen, chat, SMALL),
        recipe.alignment_family("tag_prediction", kept, 1, catalog, frozen, chat),
    ]


def trained(
    folder: Path, start: Adaptor, catalog: Catalog, families: list[Family], frozen: FrozenModel, work: str = "this"
) -> tuple[Adaptor, list[dict[str, float]]]:
    return loop.train(start, torch.from_numpy(catalog.embeddings), families, frozen, SMALL, folder, work)


def test_the_start_is_near_the_texts_own_tokens(
    catalog: Catalog, frozen: FrozenModel, chat: Chat, start: Adaptor
) -> None:
    wanted = frozen.token_means([chat.tokens(f" {text}") for text in TEXTS]).numpy()
    assert np.abs(start(catalog.embeddings) - wanted).max() < 0.01 * np.abs(wanted).max()


def test_a_few_steps_lower_the_loss_and_leave_the_language_model_as_it_was(
    tmp_path: Path, catalog: Catalog, frozen: FrozenModel, start: Adaptor, families: list[Family]
) -> None:
    before = frozen.digest()
    adaptor, losses = trained(tmp_path, start, catalog, families, frozen)
    assert frozen.digest() == before
    assert losses[-1]["self_perception"] < losses[0]["self_perception"]
    assert losses[-1]["tag_prediction"] < losses[0]["tag_prediction"]
    assert recipe.moved(start, adaptor, catalog.embeddings) > 0.01
    assert all(np.isfinite(tensor).all() for tensor in adaptor.tensors.values())


def test_a_killed_training_ends_in_the_same_adaptor(
    tmp_path: Path, catalog: Catalog, frozen: FrozenModel, start: Adaptor, families: list[Family]
) -> None:
    whole, losses = trained(tmp_path, start, catalog, families, frozen)
    killed = tmp_path / "killed"
    killed.mkdir()

    drawn = 0

    def draw(chance: random.Random) -> Encoded:
        nonlocal drawn
        drawn += 1
        if drawn > 3 * SMALL.questions:
            raise KeyboardInterrupt
        return families[0].draw(chance)

    dying = [Family(families[0].name, families[0].a_step, draw), families[1]]
    with pytest.raises(KeyboardInterrupt):
        trained(killed, start, catalog, dying, frozen)
    resumed, again = trained(killed, start, catalog, families, frozen)
    assert again == losses
    for name, tensor in whole.tensors.items():
        assert np.array_equal(tensor, resumed.tensors[name]), name
    with pytest.raises(DataError, match="is the state of another training"):
        trained(killed, start, catalog, families, frozen, work="other")


def test_held_out_entities_are_a_fifth() -> None:
    splits = [SplitRule(days=("2017-09-06",)).entity_split_of(f"{number:016x}") for number in range(2_000)]
    assert 0.17 < splits.count("holdout") / len(splits) < 0.23
    assert 0.07 < splits.count("validation") / len(splits) < 0.13
