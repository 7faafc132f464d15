"""What each step of the judge's training learns: graded questions about a customer's outputs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.engine.options import Options
from model_steps.training.lora.batches import Batches
from model_steps.training.lora.loop import Written
from model_steps.training.lora.taught import Taught, packed, teach
from settings import LoraSettings


@dataclass(frozen=True)
class Graded:
    """A question about one output, and what the answer should be.

    Args:
        prompt: its tokens. shares: probability of each answer that has any; they sum to one.
        options: the answers that there are.
    """

    prompt: tuple[int, ...]
    shares: Mapping[str, float]
    options: Options


class JudgeCourse:
    """What each step learns: a pure function of the seed and the step's number.

    Args:
        groups: questions whose prompts begin alike, such as those of one dimension about one customer; in the order in
            which they are learnt, gone through again when it ends.
        batch: groups a step.
    """

    names: Sequence[str] = ("findings",)

    def __init__(self, groups: Sequence[Sequence[Graded]], batch: int, settings: LoraSettings) -> None:
        self._groups = groups
        self._batches = Batches(self._group, batch, settings.seed)

    def parts(self, step: int) -> dict[str, list[Taught]]:
        """The groups of a step."""
        return {"findings": self._batches.of(step)}

    def written(self, step: int) -> Sequence[Written]:
        """Nothing: a judge writes no answers of its own."""
        return ()

    def _group(self, place: int, chance: random.Random) -> Taught:
        return together(self._groups[place % len(self._groups)])


def together(group: Sequence[Graded]) -> Taught:
    """The questions of a group as one, what their prompts begin with standing there once."""
    return packed([teach(each.prompt, each.shares, each.options) for each in group])
