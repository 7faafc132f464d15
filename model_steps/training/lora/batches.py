"""Batches of like lengths, so that little of a step is padding; each follows from the seed and its number."""

from __future__ import annotations

import random
from collections.abc import Callable

from model_steps.training.lora.taught import Taught

# Batches whose examples are sorted by length together.
SORTED = 16


class Batches:
    """Batches of what is taught, in an order that goes on for ever.

    Args:
        taught: the example at a place, with what draws its targets. batch: examples a step.
    """

    def __init__(self, taught: Callable[[int, random.Random], Taught], batch: int, seed: int) -> None:
        self._taught, self._batch, self._seed = taught, batch, seed
        self._together: tuple[int, list[list[Taught]]] = (-1, [])

    def of(self, step: int) -> list[Taught]:
        """The examples of a step."""
        number, place = divmod(step, SORTED)
        if self._together[0] != number:
            self._together = (number, self._drawn(number))
        return self._together[1][place]

    def _drawn(self, number: int) -> list[list[Taught]]:
        size = self._batch * SORTED
        chance = random.Random(f"{self._seed}/{number}")
        taught = [self._taught(place, chance) for place in range(number * size, (number + 1) * size)]
        taught.sort(key=lambda each: len(each.tokens))
        batches = [taught[start : start + self._batch] for start in range(0, size, self._batch)]
        chance.shuffle(batches)
        return batches
