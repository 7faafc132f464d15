"""Systems side by side on the same users: every metric with its interval, and paired with own_frequency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from evaluation import metrics
from evaluation.bootstrap import interval, paired
from evaluation.grid import Grid, Mask, Scores, best
from evaluation.metrics import Values

LISTED = 30
PUBLISHED = 10
FIRST = 5
REFERENCE = "own_frequency"
CEILINGS = ("ceiling", "ceiling_of_own")


@dataclass(frozen=True)
class Outcomes:
    """What is true of the users: all categories bought, those new to the user, those of the next purchase."""

    bought: Mask
    new: Mask
    following: Mask

    @classmethod
    def of(cls, grid: Grid, frozen: pa.Table) -> Outcomes:
        """The outcomes of the grid's users among rows of ``schemas.holdout``."""
        rows = pl.DataFrame(pl.from_arrow(frozen)).filter(pl.col("user_id").is_in(list(grid.users)))
        columns = ("categories", "new_categories", "next_categories")
        return cls(*(grid.mask(dict(rows.select("user_id", column).iter_rows())) for column in columns))


def values(scores: Scores, seen: Mask, outcomes: Outcomes) -> dict[str, Values]:
    """Each metric of one system, user by user.

    Args:
        scores: of the system, users x categories.
        seen: the categories of the history.
        outcomes: what came true.
    """
    listed = best(scores, LISTED)
    unseen = best(np.where(seen, np.float32(0), scores), LISTED)
    return {
        "hr_at_30": metrics.hit_rate(listed, outcomes.following),
        "recall_at_30": metrics.recall(listed, outcomes.bought),
        "recall_at_10": metrics.recall(best(scores, PUBLISHED), outcomes.bought),
        "recall_at_5": metrics.recall(best(scores, FIRST), outcomes.bought),
        "recall_new_at_30": metrics.recall(unseen, outcomes.new),
        "categories_per_user": metrics.categories_per_user(listed),
    }


def compare(
    systems: Mapping[str, Scores],
    seen: Mask,
    outcomes: Outcomes,
    seed: int = 0,
    references: Sequence[str] = (REFERENCE,),
) -> dict[str, Any]:
    """Every metric of every system.

    Returns:
        ``{metric: {system: {value, low, high}}}``, differences from each reference under ``paired_vs_NAME``, and
        ``coverage`` as ``{system: categories}``.
    """
    by_system = {name: values(scores, seen, outcomes) for name, scores in systems.items()}
    names = list(by_system[REFERENCE])
    figures: dict[str, Any] = {
        metric: {name: interval(values_of[metric], seed).as_dict() for name, values_of in by_system.items()}
        for metric in names
    }
    figures["coverage"] = {name: metrics.coverage(best(scores, LISTED)) for name, scores in systems.items()}
    for reference in references:
        figures[f"paired_vs_{reference}"] = {
            metric: {
                name: paired(values_of[metric], by_system[reference][metric], seed).as_dict()
                for name, values_of in by_system.items()
                if name != reference
            }
            for metric in names
        }
    return figures


def exclusive(system: Scores, others: Mapping[str, Scores], outcomes: Outcomes, seed: int = 0) -> dict[str, Any]:
    """Exclusive recall of a system against others, with its interval."""
    found_by_others = np.any([best(scores, LISTED) for scores in others.values()], axis=0)
    return interval(metrics.exclusive_recall(best(system, LISTED), found_by_others, outcomes.bought), seed).as_dict()
