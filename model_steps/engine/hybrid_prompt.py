"""A prompt with slots as the engine takes it: token ids, and vectors where the slots are (PAPER 1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_steps.embedding.embedder import Vectors
from runtime.errors import DataError


@dataclass(frozen=True)
class HybridPrompt:
    """A prompt of ``length`` positions.

    Args:
        token_ids: one a position; at a slot it means nothing.
        is_token: false at slots.
        vectors: a row for each slot, in their order.
    """

    token_ids: tuple[int, ...]
    is_token: npt.NDArray[np.bool_]
    vectors: Vectors

    def expanded(self) -> Vectors:
        """A row of d_LLM for each position; rows of tokens are not read."""
        rows = np.zeros((len(self.token_ids), self.vectors.shape[1]), np.float32)
        rows[~self.is_token] = self.vectors
        return rows


def assemble(token_ids: Sequence[int], slot: int, vectors: Vectors, width: int) -> HybridPrompt:
    """Put vectors into a prompt's slots.

    Args:
        token_ids: of the prompt, one a position.
        slot: the id that stands for a slot.
        vectors: a row for each slot.
        width: d_LLM.

    Raises:
        DataError: the vectors are not as many, as wide or as finite as the engine wants: it would crash on them.
    """
    is_token = np.array([token != slot for token in token_ids], np.bool_)
    slots = len(token_ids) - int(is_token.sum())
    if vectors.shape != (slots, width):
        raise DataError(f"{slots} slots of {width} numbers got vectors of the shape {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise DataError("A slot's vector holds numbers that are not finite: embed the entities again.")
    # The engine looks every id up, and a slot's lies beyond its vocabulary.
    return HybridPrompt(tuple(0 if token == slot else token for token in token_ids), is_token, vectors)
