"""What people's labels say of how far people agree: no judge can be expected to agree more. Pure functions."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl

from evaluation import labels
from evaluation.agreement import agreement, reliability
from model_steps.judge.exam.figures import plain
from schemas.judge_labels import DIMENSIONS, TIER, labels_of


def people(rows: pl.DataFrame, seed: int = 0) -> dict[str, Any]:
    """People's labels among some.

    Args:
        rows: of ``judge_labels``, any of them.

    Returns:
        ``labels`` that count, as ``evaluation.labels.Merged.counts`` has it; ``agreement``: by dimension with two
        annotators or more, Krippendorff's ``alpha``, ``annotators``, ``items``, and Cohen's kappa of each pair.
    """
    users = dict(rows.select("item_id", "user_id").unique("item_id").iter_rows())
    found = {}
    for dimension in (*dict.fromkeys(name for own in DIMENSIONS.values() for name in own), TIER):
        overlap = labels.overlap(rows, dimension)
        if not overlap.items:
            continue
        own = [users[item] for item in overlap.items]
        classes = labels_of(dimension)
        columns = dict(zip(overlap.annotators, map(list, zip(*overlap.labels, strict=True)), strict=True))
        one = reliability(columns, own, classes, seed)
        pairs = {
            f"{first}, {second}": agreement(columns[first], columns[second], own, classes, classes[0], seed)
            for first, second in combinations(overlap.annotators, 2)
        }
        found[dimension] = {
            "alpha": plain(one.alpha),
            "annotators": one.annotators,
            "items": one.items,
            "pairs": {name: {"kappa": plain(pair.kappa), "items": pair.items} for name, pair in pairs.items()},
        }
    return {"labels": labels.merge(rows).counts, "agreement": found}
