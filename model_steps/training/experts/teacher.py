"""What counting expects of a persona's evidence: the chances that fill up the experts' target sets (PAPER 1.4).

What a customer buys in two weeks is mostly chance, so outcomes alone say little of how likely each category was. The
paper fills a set up with tags that another model thinks of; here it is trees (evaluation's gradient boosting) which
say of every category of the evidence how likely it is bought. They know the customers of the train split alone, and
speak of nobody whom they learnt from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from evaluation import actions
from evaluation.fitting import BOOSTING_DAYS, boost
from evaluation.snapshots import Snapshot, similarity, training_examples
from lake.delta import tables
from lake.registry.splits import SplitRule, add_days
from lake.store.location import Lake
from runtime import atomic
from runtime.fingerprint import digest
from schemas import behaviors

Row = Mapping[str, Any]
# Chance of each category of the evidence, by user, day and category.
Chances = Mapping[str, Mapping[str, Mapping[str, float]]]

# Training days that are looked at: trees learn from the newest, the co-occurrence that they see from those before.
DAYS = 2 * BOOSTING_DAYS
# Groups of users; each is spoken of by trees that learnt from the others.
FOLDS = 2
DIGITS = 4


def chances_of(lake: Lake, rule: SplitRule, rows: Sequence[Row], first_day: str, kept: Path) -> Chances:
    """How likely each category of each row's evidence is bought; learnt once and read again by a resumed run.

    Args:
        rows: of ``examples``, of the split train.
        first_day: of the log.
        kept: file of the chances, beside the training's state.

    Raises:
        SourceMissing: days of the log are not landed.
        DataError: an example touches the holdout.
    """
    if not kept.is_file():
        known = actions.read(lake, *_log(rule, rows, first_day), rule.leave_out)
        found = learn(known, training_days(rule, rows, first_day), actions.known_categories(lake), rule, rows)
        atomic.write(kept, json.dumps(found, sort_keys=True))
    chances: Chances = json.loads(kept.read_text())
    return chances


def log_digest(lake: Lake, rule: SplitRule, rows: Sequence[Row], first_day: str) -> str:
    """Names the part of the log that chances are learnt from."""
    oldest, last = _log(rule, rows, first_day)
    landed = tables.published_days(lake, behaviors.TABLE)
    return digest({day: tables.content_digest(landed[day]) for day in sorted(landed) if oldest <= day <= last})


def _log(rule: SplitRule, rows: Sequence[Row], first_day: str) -> tuple[str, str]:
    """The first and the last day of the log that is read: of histories, and of outcomes."""
    days = training_days(rule, rows, first_day)
    oldest = min(rule.history_from(day) for day in {*days, *(row["day"] for row in rows)})
    return max(oldest, first_day), add_days(rule.outcomes_until(max(days)), -1)


def expected(chances: Chances, row: Row) -> dict[str, float]:
    """Chances of a row's evidence, by label."""
    of_day = chances[row["user_id"]][row["day"]]
    return {one["label"]: of_day[one["category"]] for one in row["evidence"]}


def training_days(rule: SplitRule, rows: Sequence[Row], first_day: str) -> list[str]:
    """The days that trees and co-occurrence learn from, newest first: none is newer than the rows' newest."""
    newest = max(row["day"] for row in rows)
    return [day for day in rule.training_days(first_day) if day <= newest][:DAYS] or [newest]


def learn(
    known: pl.DataFrame, days: Sequence[str], categories: Sequence[str], rule: SplitRule, rows: Sequence[Row]
) -> dict[str, dict[str, dict[str, float]]]:
    """``Chances`` of the rows' evidence.

    Args:
        known: categorized actions of everybody, of the rows' histories and the days' outcomes.
        days: training days, newest first.
        categories: all that outcomes can have.
        rows: of ``examples``, of the split train.

    Raises:
        DataError: an example touches the holdout.
    """
    by_day = [training_examples(known, day, categories, rule) for day in days]
    learnt_from = {user for examples in by_day for user in examples.snapshot.grid.users}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for fold in range(FOLDS):
        of_fold = [row for row in rows if fold_of(row["user_id"]) == fold]
        without = frozenset(user for user in learnt_from if fold_of(user) == fold)
        boosting, similar = boost(by_day, without), similarity(by_day, without)
        for day in sorted({row["day"] for row in of_fold}):
            of_day = [row for row in of_fold if row["day"] == day]
            snapshot = Snapshot.of(known, day, sorted({row["user_id"] for row in of_day}), categories, rule)
            pairs = [(row["user_id"], one["category"]) for row in of_day for one in row["evidence"]]
            rows_of, columns_of = snapshot.grid.places(pairs)
            chances = boosting.chances(snapshot.known(similar), rows_of, columns_of)
            for (user, category), chance in zip(pairs, chances.tolist(), strict=True):
                found.setdefault(user, {}).setdefault(day, {})[category] = round(chance, DIGITS)
    return found


def fold_of(user: str) -> int:
    """The group of a user, by a stable hash."""
    return int(hashlib.sha256(f"fold\0{user}".encode()).hexdigest(), 16) % FOLDS
