"""The personas that reinforcement learns of: those of train users of whom anything came true."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from model_steps.training.experts.personas import PersonaExample
from runtime.errors import DataError

Key = tuple[str, str, int]


def key_of(persona: PersonaExample) -> Key:
    """User, day and number of a persona."""
    return persona.user_id, persona.day, persona.persona


class Personas:
    """Personas in an order that goes on for ever: a step's are a pure function of the seed and its number.

    Args:
        rows: of ``examples``, of the split train; those without outcomes are left out: accuracy is not scored there.
        encode: gives a row's prompt.
        seed: of the order.

    Raises:
        DataError: of no persona anything came true.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], encode: Callable[[Any], PersonaExample], seed: int) -> None:
        self.rows = [row for row in rows if row["outcomes"]]
        if not self.rows:
            raise DataError(f"Of {len(rows)} personas nothing came true: there is no accuracy to reward.")
        self._encode, self._seed = encode, seed

    def of(self, step: int, most: int) -> Iterator[PersonaExample]:
        """The personas that a step may take, in their order.

        Args:
            most: of a step; the next step's come behind so many.
        """
        for place in range(step * most, (step + 1) * most):
            time, at = divmod(place, len(self.rows))
            yield self._encode(self.rows[_order(len(self.rows), f"{self._seed}/{time}")[at]])


@lru_cache(maxsize=4)
def _order(number: int, seed: str) -> tuple[int, ...]:
    return tuple(random.Random(seed).sample(range(number), number))
