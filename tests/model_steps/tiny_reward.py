"""A language model of a few thousand random weights, and groups whose tiers a word gives away."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.judged.regression import Regression
from evaluation.tiers import Tier
from model_steps.judge.counting import Counting
from model_steps.judge.features import NAMES
from model_steps.judge.reward.groups import Group
from model_steps.training.reward import stored
from model_steps.training.reward.model import RewardModel
from schemas.judge_labels import FINDINGS
from settings import RewardSettings
from tests.model_steps.foreign_models import fill_with_random_weights

VOCABULARY = 60
# The tokens `positive` and `negative` of its judge.
LABELS = (58, 59)
# Expects the more of a tag, the more days its category was bought on.
COUNTING = Counting(
    Regression(
        NAMES,
        FINDINGS,
        np.zeros(len(NAMES)),
        np.ones(len(NAMES)),
        np.array([1.0, -np.inf, 0.0]),
        np.array([[0.0] * len(NAMES), [0.0] * len(NAMES), [float(name == "log_days") for name in NAMES]]),
    )
)
# What gives a candidate's tier away.
SIGNS: dict[Tier, int] = {"S": 50, "A": 51, "B": 52}
# Ends every candidate, as a chat template does.
END = 1
SMALL = RewardSettings(
    rank=4,
    first_layer=0,
    steps=6,
    validation_steps=3,
    checkpoint_steps=1,
    learning_rate=1e-2,
    head_learning_rate=1e-2,
    dtype="float32",
)


def write_model(folder: Path, width: int = 32) -> Path:
    """The model's folder, without a tokenizer."""
    from transformers import LlamaConfig

    LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        # As wide as they are in a model that was trained: with less, all tokens would look alike.
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
    ).save_pretrained(folder)
    fill_with_random_weights(folder)
    return folder


def fresh(model: Path, settings: RewardSettings = SMALL) -> RewardModel:
    return stored.begin(model, "float32", settings, None, LABELS)


def toy_groups(number: int, tiers: Sequence[Tier] = ("S", "A", "B", "B"), seed: int = 0) -> list[Group]:
    """Groups of random tokens, a sign of its tier near the end of each candidate."""
    chance = random.Random(seed)

    def some(length: int) -> list[int]:
        return [chance.randrange(2, 40) for _ in range(length)]

    return [
        Group(
            user_id=f"user {group // 2}",
            day=f"2017-08-{group % 28 + 1:02}",
            prompt=tuple(some(6)),
            candidates=tuple((*some(1), SIGNS[tier], END) for tier in tiers),
            tiers=tuple(tiers),
        )
        for group in range(number)
    ]
