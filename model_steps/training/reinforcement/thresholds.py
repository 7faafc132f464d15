"""What constraints are held against: quantiles of the start's own lists, warmed up from lower ones (PAPER 1.4).

The paper gives no values. A threshold that few lists of the first policy reach leaves whole groups without a reward, so
thresholds begin where nearly all lists reach them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model_steps.training.reinforcement.shaping import Parts, Thresholds
from runtime.errors import DataError
from settings import ReinforcementSettings

# Of each constraint its threshold; none: the quantile.
Wanted = Mapping[str, float | None]


@dataclass(frozen=True)
class WarmedUp:
    """Thresholds that rise in equal steps.

    Args:
        begin, end: by constraint. warm_up: steps from the one to the other; 0: the end holds at once.
    """

    begin: Thresholds
    end: Thresholds
    warm_up: int

    def at(self, step: int) -> dict[str, float]:
        """The thresholds of a step, from 0."""
        share = min(1.0, step / self.warm_up) if self.warm_up else 1.0
        return {name: self.begin[name] + share * (self.end[name] - self.begin[name]) for name in self.end}


def found_in(lists: Sequence[Parts], wanted: Wanted, settings: ReinforcementSettings) -> WarmedUp:
    """Thresholds of the constraints that lists were scored by: those that are wanted, else quantiles.

    Args:
        lists: parts of the start's own lists. settings: which quantiles, and how many steps from the one to the other.

    Raises:
        DataError: of a constraint no list has a score.
    """
    begin, end = {}, {}
    for name, said in ((name, said) for name, said in wanted.items() if name in lists[0]):
        known = [value for one in lists if (value := one[name]) is not None]
        if not known:
            raise DataError(
                f"Of {len(lists)} lists of what training starts from none has a score for {name}: its "
                "threshold cannot be found."
            )
        end[name] = _quantile(known, settings.quantile) if said is None else said
        begin[name] = min(end[name], _quantile(known, settings.start_quantile))
    return WarmedUp(begin, end, settings.warm_up)


def _quantile(values: Sequence[float], share: float) -> float:
    """One of the values, so that lists reach it: rewards of few tags take few values."""
    return float(np.quantile(values, share, method="lower"))
