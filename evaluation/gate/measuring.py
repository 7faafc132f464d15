"""What a gate needs of a comparison: each figure of one system, user by user, with the users' groups."""

from __future__ import annotations

import pyarrow as pa

from evaluation.comparison import Outcomes, values
from evaluation.gate.groups import activity_of, head_of, history_of
from evaluation.gate.user_figures import ALL, rows_of
from evaluation.grid import Mask
from evaluation.holdout import read_frozen
from evaluation.metrics import Values
from evaluation.study import Study
from lake.registry.splits import SplitRule
from lake.store.location import Lake

# Figures that are also told of head and tail categories apart.
BY_CATEGORY = ("hr_at_30", "recall_at_30")


def user_rows(lake: Lake, rule: SplitRule, study: Study, system: str) -> pa.Table:
    """Rows of ``evaluation.gate.user_figures.SCHEMA`` of one system.

    Args:
        lake: has the log and the frozen holdout of the study's day.
        system: one of ``study.scores``.

    Raises:
        SourceMissing: the day is not frozen. DataError: the rows are not those that were frozen.
    """
    judged = study.judged
    users = judged.grid.users
    head = head_of(judged.grid, judged.past)
    found: dict[tuple[str, str], Values] = {}
    for kind, chosen in ((ALL, None), ("head", head), ("tail", ~head)):
        outcomes = study.outcomes if chosen is None else _within(study.outcomes, chosen)
        of_kind = values(study.scores[system], judged.counts > 0, outcomes)
        found |= {(name, kind): of_kind[name] for name in of_kind if chosen is None or name in BY_CATEGORY}
    frozen = read_frozen(lake, rule, judged.day)
    return rows_of(found, users, activity_of(frozen, users), history_of(lake, rule, judged.day, users))


def _within(outcomes: Outcomes, chosen: Mask) -> Outcomes:
    """The outcomes in some categories alone."""
    return Outcomes(outcomes.bought & chosen, outcomes.new & chosen, outcomes.following & chosen)
