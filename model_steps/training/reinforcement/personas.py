"""The personas that reinforcement learns of: those of train users of whom anything came true."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement.examples import Examples
from runtime.errors import DataError


class Personas(Examples[Mapping[str, Any]]):
    """Personas in an order that goes on for ever.

    Args:
        rows: of ``examples``, of the split train; those without outcomes are left out: accuracy is not scored there.
        encode: gives a row's prompt.
        seed: of the order.

    Raises:
        DataError: of no persona anything came true.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], encode: Callable[[Any], PersonaExample], seed: int) -> None:
        known = [row for row in rows if row["outcomes"]]
        if not known:
            raise DataError(f"Of {len(rows)} personas nothing came true: there is no accuracy to reward.")
        super().__init__(known, encode, seed)
