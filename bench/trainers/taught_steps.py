"""The material of the SFT sides: the same customers, as trees of labels and as the rows that TRL takes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.agents.ranked_expert import NOTHING
from model_steps.training.experts.material import Material
from model_steps.training.experts.personas import example_of, of_customers
from model_steps.training.experts.targets import target_shares
from model_steps.training.lora.taught import Taught, packed, teach
from runtime.errors import SourceMissing
from settings import Settings

# Between two tags of a written list.
BETWEEN = "; "
IGNORED = -100


@dataclass(frozen=True)
class Lesson:
    """One customer of a step.

    Args:
        tree: as our step learns it: what the personas' prompts share once, then their answers as branches.
        written: as TRL's users write it: for each persona the prompt's tokens and those of its target tags as a list.
    """

    tree: Taught
    written: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]


def read(lake: Lake, rule: SplitRule, day: str, steps: int, settings: Settings) -> list[list[Lesson]]:
    """The lessons of each step, those of like length together, as our batches have them.

    Raises:
        As ``Material.read``. SourceMissing: there are too few customers.
    """
    material = Material.read(lake, rule, [day], settings)
    size = settings.experts.batch
    customers = of_customers(material.learnt)[: steps * size]
    if len(customers) < steps * size:
        raise SourceMissing(f"{day} has {len(customers)} customers of train, and {steps * size} are needed.")
    chance = random.Random(settings.experts.seed)
    lessons = sorted((_lesson(rows, material, chance, settings) for rows in customers), key=_length)
    return [lessons[start : start + size] for start in range(0, len(lessons), size)]


def flat_rows(steps: Sequence[Sequence[Lesson]]) -> list[dict[str, list[int]]]:
    """Rows with the tokens of the trees, one after another, and a loss at as many of them as our step asks."""
    rows = []
    for lesson in (each for step in steps for each in step):
        asked = {question.position for question in lesson.tree.questions}
        tokens = list(lesson.tree.tokens)
        labels = [token if place in asked else IGNORED for place, token in enumerate(tokens)]
        rows.append({"input_ids": tokens, "labels": labels})
    return rows


def written_rows(steps: Sequence[Sequence[Lesson]]) -> list[dict[str, list[int]]]:
    """Rows of prompts with their written targets, a persona a row, and a loss at the targets."""
    return [
        {"input_ids": [*prompt, *answer], "labels": [IGNORED] * len(prompt) + list(answer)}
        for step in steps
        for lesson in step
        for prompt, answer in lesson.written
    ]


def padded(rows: Sequence[Mapping[str, Sequence[int]]], batch: int) -> list[int]:
    """Tokens that each batch of rows computes, filled up to its longest."""
    batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return [len(some) * max(len(row["input_ids"]) for row in some) for some in batches]


def _length(lesson: Lesson) -> int:
    return len(lesson.tree.tokens)


def _lesson(rows: Sequence[Mapping[str, Any]], material: Material, chance: random.Random, settings: Settings) -> Lesson:
    trees, written = [], []
    for row in rows:
        one = example_of(row, material.labels, material.chat, settings)
        shares = target_shares(one.outcomes, settings.experts.target_size, chance, {}, 0.0)
        trees.append(teach(one.prompt, shares, material.options))
        tags = [tag for tag in shares if tag != NOTHING] or [NOTHING]
        written.append((one.prompt, tuple(material.chat.answer_tokens(BETWEEN.join(tags)))))
    return Lesson(packed(trees), written)
