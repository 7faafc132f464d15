"""What reinforcement learns of, in an order that goes on for ever."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

Key = tuple[str | int, ...]
Row = TypeVar("Row")


class Example(Protocol):
    """A prompt that lists are drawn behind."""

    @property
    def key(self) -> Key:
        """Names it among all of a training: seeds of draws follow from it."""
        ...

    @property
    def prompt(self) -> tuple[int, ...]:
        """Its tokens."""
        ...

    @property
    def outcomes(self) -> Sequence[str]:
        """Options that are good."""
        ...


class Examples(Generic[Row]):
    """Examples in their order: a step's are a pure function of the seed and its number.

    Args:
        rows: at least one. encode: gives a row's example. seed: of the order.
    """

    def __init__(self, rows: Sequence[Row], encode: Callable[[Row], Any], seed: int) -> None:
        self.rows, self._encode, self._seed = rows, encode, seed

    def of(self, step: int, most: int) -> Iterator[Any]:
        """The examples that a step may take, in their order.

        Args:
            most: of a step; the next step's come behind so many.
        """
        for place in range(step * most, (step + 1) * most):
            time, at = divmod(place, len(self.rows))
            yield self._encode(self.rows[_order(len(self.rows), f"{self._seed}/{time}")[at]])


@lru_cache(maxsize=4)
def _order(number: int, seed: str) -> tuple[int, ...]:
    return tuple(random.Random(seed).sample(range(number), number))
