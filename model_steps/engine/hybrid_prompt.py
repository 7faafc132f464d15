"""A prompt with slots as the engine takes it: token ids, and vectors where the slots are (PAPER 1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_steps.embedding.embedder import Vectors
from representation.hybrid import SLOT
from runtime.errors import DataError


@dataclass(frozen=True)
class HybridPrompt:
    """A prompt of ``length`` positions.

    Args:
        token_ids: one a position; at a slot it means nothing. is_token: false at slots.
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


Tokens = Callable[[str], Sequence[int]]


def assemble(
    prompt: str, tokens: Tokens, vectors: Vectors, width: int, beginning: Tokens | None = None
) -> HybridPrompt:
    """Put vectors into a prompt's slots.

    Args:
        tokens: a text's token ids. vectors: a row for each slot. width: d_LLM.
        beginning: ids of the text before the first slot, where a tokenizer begins prompts with something of its own.

    Raises:
        DataError: the vectors are not as many, as wide or as finite as the engine wants: it would crash on them.
    """
    parts = prompt.split(SLOT)
    if vectors.shape != (len(parts) - 1, width):
        raise DataError(f"{len(parts) - 1} slots of {width} numbers got vectors of the shape {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise DataError("A slot's vector holds numbers that are not finite: embed the entities again.")
    ids: list[int] = []
    is_token: list[bool] = []
    for number, part in enumerate(parts):
        if number:
            ids.append(0)
            is_token.append(False)
        found = (tokens if number else beginning or tokens)(part) if part else ()
        ids.extend(found)
        is_token.extend([True] * len(found))
    return HybridPrompt(tuple(ids), np.array(is_token, np.bool_), vectors)
