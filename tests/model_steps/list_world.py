"""A tag space of a few tags whose probabilities are known by hand, and a tiny language model with an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Node, Options
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.personas import Personas
from model_steps.training.reinforcement.rewards import BANDS
from model_steps.training.reinforcement.scoring import Scoring
from representation.catalog import CategoryVectors
from settings import LoraSettings

END = 1
# Tokens of each answer: `corn oil` goes on where `corn` ends, so the trie parts behind the first token of both.
TOKENS: Mapping[str, tuple[int, ...]] = {
    "corn": (10, END),
    "corn oil": (10, 11, END),
    "corn oil light": (10, 11, 12, END),
    "white milk": (20, 21, END),
    "skim milk": (22, 21, END),
    "soap": (30, END),
    NOTHING: (40, END),
}
TAGS = tuple(sorted(set(TOKENS) - {NOTHING}))


def options() -> Options:
    """The tag space."""
    return Options(tuple(TOKENS), lambda text: TOKENS[text])


def probabilities(scores: Mapping[tuple[int, ...], Sequence[float]]) -> dict[str, float]:
    """Of each option, by hand: the product of its choices' shares.

    Args:
        scores: logits of the children of each node, by its path.
    """
    found: dict[str, float] = {}

    def visit(node: Node, reached: float) -> None:
        if node.option is not None:
            found[node.option] = reached
            return
        shares = np.exp(scores[node.path]) / np.exp(scores[node.path]).sum()
        for share, child in zip(shares, node.children.values(), strict=True):
            visit(child, reached * float(share))

    visit(options().root, 1.0)
    return found


def tiny_model(folder: Path, learning: bool = True) -> TunedModel:
    """An adapter that is not zero on a model of random weights.

    Args:
        folder: of the model. learning: whether its parameters are trainable.
    """
    model = TunedModel(folder, "float32", LoraSettings(rank=4, first_layer=0))
    torch.manual_seed(3)
    with torch.no_grad():
        for each in model.master.values():
            each.copy_(torch.randn_like(each) * 0.1)
    model.take_over()
    if not learning:
        model.peft.requires_grad_(False)
    return model


def personas(number: int = 6) -> Personas:
    """Personas whose outcomes are tags of the space."""
    rows = [{"number": place, "outcomes": ["any"]} for place in range(number)]

    def encode(row: Any) -> PersonaExample:
        place = row["number"]
        prompt = (2, 3, 4, 50 + place % 5, 41 + place % 7)
        outcomes = (TAGS[place % len(TAGS)], TAGS[(place + 2) % len(TAGS)])
        return PersonaExample(f"user {place}", "2017-08-23", 0, "train", prompt, outcomes)

    return Personas(rows, encode, seed=0)


def catalog() -> CategoryVectors:
    """Each tag is at right angles to all others but the corns, which lie together."""
    vectors = np.eye(len(TAGS), dtype=np.float32)
    for place, tag in enumerate(TAGS):
        if tag.startswith("corn"):
            vectors[place] = np.eye(len(TAGS), dtype=np.float32)[0]
    return CategoryVectors(TAGS, TAGS, tuple("" for _ in TAGS), vectors)


def scoring() -> Scoring:
    """Without alignment."""
    return Scoring(catalog(), {tag: tag for tag in TAGS}, BANDS["english"], None)
