"""Who is examined on what: labelled outputs of held-out users, built ones and really written ones apart.

Pure functions over rows of ``judge_labels``. A judge that was tuned on a user knows what that user did, so labels of
any other split are refused, whatever they are said to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from evaluation import labels
from evaluation.labels import Merged
from evaluation.tiers import Tier
from lake.registry.splits import SplitRule, drawn
from model_steps.judge.case import Case
from runtime.errors import DataError
from settings import ExamSizes

DRAW = "judge exam"


@dataclass(frozen=True)
class Examined:
    """An output that judges are examined on.

    Args:
        tier: that it has by its labels. labels: by dimension, those that it has.
        releases: that wrote it; none of a built one.
    """

    case: Case
    tier: Tier
    labels: Mapping[str, str]
    releases: tuple[str, ...]

    @property
    def user_id(self) -> str:
        return self.case.customer.user_id


@dataclass(frozen=True)
class Outputs:
    """What an exam asks about. An output that a release wrote is a real one, though it may have been built too.

    Args:
        rows: of ``judge_labels``, of all that was drawn.
        built, real: ids of the outputs.
    """

    rows: pl.DataFrame
    built: frozenset[str]
    real: frozenset[str]


def draw(rows: pl.DataFrame, rule: SplitRule, sizes: ExamSizes, seed: int) -> Outputs:
    """Draw users by a hash: some a day for built outputs, some in all for real ones; all outputs of each.

    Args:
        rows: of ``judge_labels``, of the holdout.
        seed: of the draws; more users keep the earlier ones.

    Raises:
        DataError: there are no built or no real outputs, or a row is of another split or day.
    """
    refuse_others(rows, rule)
    items = labels.items(rows).with_columns(is_real=pl.col("releases").list.len() > 0)
    built, real = items.filter(~pl.col("is_real")), items.filter("is_real")
    if built.is_empty():
        raise DataError(
            "There are no built labels of held-out users: run `python -m model_steps.build_judge_labels --day D` for "
            f"an evaluation day ({', '.join(rule.days)})."
        )
    if real.is_empty():
        raise DataError(
            "There are no labels of outputs that a release really wrote, and a judge that only knows built ones is "
            "blind where it is used: run `python -m model_steps.build_judge_labels --intents LAKE` with a lake that "
            "has intents of evaluation days."
        )
    taken = [
        of_day.filter(pl.col("user_id").is_in(drawn(of_day["user_id"], sizes.built_users, f"{DRAW} {seed} {day}\0")))
        for (day,), of_day in sorted(built.group_by("day"))
    ]
    taken_real = real.filter(pl.col("user_id").is_in(drawn(real["user_id"], sizes.real_users, f"{DRAW} {seed}\0")))
    ids = frozenset(item for of_day in taken for item in of_day["item_id"])
    real_ids = frozenset(taken_real["item_id"])
    return Outputs(rows.filter(pl.col("item_id").is_in(ids | real_ids)), ids, real_ids)


def refuse_others(rows: pl.DataFrame, rule: SplitRule) -> None:
    """See that all rows are of held-out users on evaluation days.

    Raises:
        DataError: there is no row, or one is of another user or day.
    """
    if rows.is_empty():
        raise DataError(
            "There are no labels of held-out users to examine a judge on: run `python -m "
            "model_steps.build_judge_labels` first."
        )
    splits = {user: rule.split_of(user) for user in rows["user_id"].unique()}
    said = rows.select("user_id", "split").unique().sort("user_id").iter_rows()
    wrong = [(user, splits[user], split) for user, split in said if {splits[user], split} != {"holdout"}]
    if wrong:
        user, is_of, split = wrong[0]
        raise DataError(
            f"{len(wrong)} users of the labels are not held out ({user} first, of the split {is_of}, said to be of "
            f"{split}): a judge is examined on held-out users alone. Build the labels anew under this split rule."
        )
    if days := sorted(set(rows["day"]) - set(rule.days)):
        raise DataError(
            f"The labels have the day {days[0]}, which is no evaluation day ({', '.join(rule.days)}): a judge is "
            "examined on evaluation days alone."
        )


def examined(outputs: Outputs, cases: Sequence[Case], threshold: float) -> tuple[list[Examined], list[Examined]]:
    """The outputs that have a tier, built and real, each once; a customer's follow one another.

    Args:
        cases: of the outputs; of an output that several releases wrote any one.
        threshold: as of ``evaluation.tiers.tier_of``.
    """
    merged = labels.merge(outputs.rows)
    items = labels.items(outputs.rows)
    tiers = labels.tiers(merged, dict(items.select("item_id", "kind").iter_rows()), threshold)
    releases = dict(items.select("item_id", "releases").iter_rows())
    known = _by_item(merged)
    by_item = {case.item_id: case for case in cases}
    found = [
        Examined(by_item[item], tier, known.get(item, {}), tuple(releases[item]))
        for item, tier in tiers.select("item_id", "label").iter_rows()
        if item in by_item
    ]
    found.sort(key=lambda one: (one.case.customer.day, one.user_id, one.case.item_id))
    return (
        [one for one in found if one.case.item_id in outputs.built],
        [one for one in found if one.case.item_id in outputs.real],
    )


def _by_item(merged: Merged) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item, dimension, label in merged.labels.select("item_id", "dimension", "label").iter_rows():
        found.setdefault(item, {})[dimension] = label
    return found
