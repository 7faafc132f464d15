"""The rewards of a caption: R = R_align * 1[R_div >= threshold] (PAPER 1.5), and their sum as the rival.

Alignment is the main reward here and diversity the constraint, the other way round than for tags. Pure but for the
memory, which a training owns.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from evaluation.captions import caption_words
from model_steps.training.reinforcement.shaping import Combine, Parts, Shaped, shape

ALIGNMENT, DIVERSITY = "alignment", "diversity"
PARTS = (ALIGNMENT, DIVERSITY)
# PAPER 1.5: captions that a memory holds.
MEMORY = 160


class CaptionMemory:
    """M: the newest captions, the oldest leaving first.

    Args:
        size: most that it holds.
    """

    def __init__(self, size: int = MEMORY) -> None:
        self._size = size
        self._held: deque[frozenset[str]] = deque()
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, caption: str) -> None:
        """Take a caption in; where the memory is full, the oldest one leaves."""
        words = frozenset(caption_words(caption))
        self._held.append(words)
        self._counts.update(words)
        if len(self._held) > self._size:
            self._counts.subtract(self._held.popleft())

    def holding(self, word: str) -> int:
        """How many of its captions have a word."""
        return self._counts[word]

    def state(self) -> list[list[str]]:
        """Its captions' words, the oldest first: what a killed training needs to go on."""
        return [sorted(words) for words in self._held]

    @classmethod
    def of_state(cls, state: list[list[str]], size: int = MEMORY) -> CaptionMemory:
        """A memory as ``state`` gave it."""
        memory = cls(size)
        for words in state:
            memory.add(" ".join(words))
        return memory


def diversity(caption: str, memory: CaptionMemory) -> float | None:
    """R_div = (1/L) sum over the caption's L words of log(|M| / (captions of M that have the word + 1)).

    A word that comes twice counts twice. It lies between log(|M| / (|M| + 1)), slightly below 0, and log |M|.

    Returns:
        None where the memory or the caption is empty: there is nothing to differ from, or nothing that differs.
    """
    words = caption_words(caption)
    if not words or not len(memory):
        return None
    return sum(math.log(len(memory) / (memory.holding(word) + 1)) for word in words) / len(words)


def constrained(parts: Parts, gates: Mapping[str, bool | None]) -> float | None:
    """R_align times the indicator: 0 where one factor is, and else None where a part is missing."""
    alignment = parts[ALIGNMENT]
    if alignment == 0 or False in gates.values():
        return 0.0
    return None if alignment is None or None in gates.values() else alignment


def reward(
    caption: str, alignment: float | None, memory: CaptionMemory, threshold: float, combine: Combine = constrained
) -> Shaped:
    """One reward of a caption with its parts; the memory stays as it is.

    Args:
        alignment: what the reward model says of it, 0 to 1; None where it was not asked.
        threshold: of R_div, in natural logarithms; the paper gives none.
        combine: ``constrained``, or ``shaping.summed`` of the weights of ``PARTS``: the rival, which differs in nothing
            else.
    """
    parts: dict[str, Any] = {ALIGNMENT: alignment, DIVERSITY: diversity(caption, memory)}
    return shape(parts, {DIVERSITY: threshold}, combine)
