"""What each step of the explainer's supervised fine-tuning learns: pairs with their good captions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from model_steps.training.captions.example import CaptionExample
from model_steps.training.captions.validation import target
from model_steps.training.lora.batches import Batches
from model_steps.training.lora.loop import Written
from model_steps.training.lora.taught import Taught
from settings import CaptionTuningSettings

CAPTIONS = "captions"


class CaptionCourse:
    """What each step learns: a pure function of the seed and the step's number.

    Args:
        examples: in their order, which is gone through again when it ends.
    """

    names: Sequence[str] = (CAPTIONS,)

    def __init__(self, examples: Sequence[CaptionExample], settings: CaptionTuningSettings) -> None:
        self._examples, self._targets = examples, settings.targets
        self._batches = Batches(self._taught, settings.batch, settings.seed)

    def parts(self, step: int) -> dict[str, list[Taught]]:
        """The pairs of a step."""
        return {CAPTIONS: self._batches.of(step)}

    def written(self, step: int) -> list[Written]:
        """Nothing: the adapter answers for captions alone, so no other language has to be kept."""
        return []

    def _taught(self, place: int, chance: random.Random) -> Taught:
        """So many of a pair's good captions, which on average are all of them."""
        one = self._examples[place % len(self._examples)]
        return target(one, chance.sample(one.good, min(self._targets, len(one.good))))
