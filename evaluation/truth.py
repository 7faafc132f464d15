"""What users bought after a day: the outcomes that everything is judged on. Pure functions."""

from __future__ import annotations

import polars as pl

from evaluation.actions import OUTCOMES, between
from lake.registry.splits import SplitRule, next_day


def history(actions: pl.DataFrame, day: str, rule: SplitRule) -> pl.DataFrame:
    """The actions of a day's history."""
    return between(actions, rule.history_from(day), next_day(day))


def outcomes(actions: pl.DataFrame, day: str, rule: SplitRule) -> pl.DataFrame:
    """Purchases in the outcome window of a day: from the day after, 00:00, half-open."""
    later = between(actions, next_day(day), rule.outcomes_until(day))
    return later.filter(pl.col("action").is_in(list(OUTCOMES)))


def truth(actions: pl.DataFrame, day: str, rule: SplitRule) -> pl.DataFrame:
    """One row for every user with both a history and outcomes, as in ``schemas.holdout``, sorted by user."""
    past = history(actions, day, rule)
    bought = outcomes(actions, day, rule)
    seen = past.group_by("user_id").agg(
        history_events=pl.len().cast(pl.Int32),
        active_days=pl.col("day").n_unique().cast(pl.Int32),
        seen=pl.col("category").unique(),
    )
    then = bought.group_by("user_id").agg(
        categories=pl.col("category").unique().sort(),
        # Of rows at one moment (a basket) none is the first: all of them are.
        next_categories=pl.col("category").filter(pl.col("at") == pl.col("at").min()).unique().sort(),
    )
    return (
        then.join(seen, on="user_id")
        .with_columns(
            day=pl.lit(day),
            outcomes_until=pl.lit(rule.outcomes_until(day)),
            new_categories=pl.col("categories").list.set_difference("seen").list.sort(),
        )
        .select(
            "day", "user_id", "outcomes_until", "history_events", "active_days",
            "categories", "new_categories", "next_categories",
        )
        .sort("user_id")
    )  # fmt: skip


def served(outcomes: pl.DataFrame, rule: SplitRule) -> pl.DataFrame:
    """The rows of users with enough history to be inferred."""
    return outcomes.filter(
        pl.col("history_events") >= rule.minimum_events, pl.col("active_days") >= rule.minimum_active_days
    )
