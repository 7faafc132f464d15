"""What users did after a day, as labels of relevance: bought soon, never touched again, or neither. Pure functions.

A category that was not bought within 14 days is not irrelevant. So positive is what was bought in a long window,
negative what was not touched in all that may be read after the day, and what lies between has no label (issue 15).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from evaluation.actions import OUTCOMES, between
from lake.registry.splits import Split, SplitRule, TrainingWindow, add_days, next_day
from runtime.errors import DataError, SourceMissing, UsageError

# A negative is one of so many categories that are the most alike in popularity.
CLOSE = 20
# Of a category that nobody bought.
_SMALLEST_SHARE = 1e-4


@dataclass(frozen=True)
class OutcomeWindow:
    """What may be read after a day.

    Args:
        day: the last day of the history.
        bought_until: the day at whose 00:00 UTC the window of purchases ends, itself excluded.
        read_until: the same of all that may be read.
    """

    day: str
    bought_until: str
    read_until: str


def outcome_window(rule: SplitRule, split: Split, day: str, days: int, log_until: str) -> OutcomeWindow:
    """The window of a day for users of a split: nothing that may not be learnt, or was not frozen, is read.

    Args:
        rule: who is held out, and from when on nothing may be learnt.
        days: length of the window of purchases.
        log_until: the day after the last one that is landed.

    Raises:
        UsageError: held-out users on a day that is no evaluation day.
        DataError: the window of train or validation users reaches past ``trained_until``.
        SourceMissing: the log ends within the window.
    """
    until = add_days(next_day(day), days)
    if split == "holdout":
        if day not in rule.days:
            raise UsageError(
                f"{day} is no evaluation day, and held-out users are only looked at on those: {', '.join(rule.days)}."
            )
        end = log_until
    else:
        end = rule.trained_until
        if until > end:
            raise DataError(
                f"What was bought within {days} days after {day} is known by {until}, past {end}, from when on nothing "
                f"may be learnt: the last day for users of {split} is {add_days(end, -1 - days)}."
            )
    if until > log_until:
        raise SourceMissing(
            f"What was bought within {days} days after {day} is known by {until}, and the log is landed until "
            f"{add_days(log_until, -1)}: land more days with `python -m spark_jobs.land`."
        )
    return OutcomeWindow(day, until, min(end, log_until))


def refuse_leaks(rule: SplitRule, window: OutcomeWindow, users: Iterable[str]) -> None:
    """See that nothing of the holdout is learnt by labels of these users.

    Raises:
        DataError: a user is not of train, or the window ends past ``trained_until``.
    """
    rule.refuse_leaks(TrainingWindow(user, window.day, window.read_until) for user in users)


@dataclass(frozen=True)
class Outcomes:
    """What users did after a day.

    Args:
        bought: categories by user, within the window of purchases; users who bought nothing are not there.
        touched: categories by user, by any action in all that may be read.
    """

    bought: Mapping[str, frozenset[str]]
    touched: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, actions: pl.DataFrame, window: OutcomeWindow) -> Outcomes:
        """Look at categorized actions; those outside the window are left aside."""
        later = between(actions, next_day(window.day), window.read_until)
        soon = later.filter(pl.col("action").is_in(list(OUTCOMES)), pl.col("day") < window.bought_until)
        return cls(_by_user(soon), _by_user(later))

    def label(self, user: str, categories: Collection[str]) -> Literal["negative", "positive"] | None:
        """Positive if any of the categories was bought, negative if none was ever touched, none if neither is so.

        Args:
            categories: those that a tag names; of none nothing is known, nor of a user who bought nothing at all.
        """
        bought = self.bought.get(user)
        if bought is None or not categories:
            return None
        if not bought.isdisjoint(categories):
            return "positive"
        return "negative" if self.touched.get(user, frozenset()).isdisjoint(categories) else None


def _by_user(actions: pl.DataFrame) -> dict[str, frozenset[str]]:
    found = actions.group_by("user_id").agg(pl.col("category").unique())
    return {user: frozenset(categories) for user, categories in found.iter_rows()}


def ordered(names: Iterable[str], *key: str) -> list[str]:
    """Distinct names in an order that the key decides about, and nothing else."""
    start = "\0".join(key)
    return sorted(set(names), key=lambda name: hashlib.sha256(f"{start}\0{name}".encode()).digest())


def like_popular(
    categories: Collection[str], among: Collection[str], popularity: Mapping[str, float], *key: str
) -> list[str]:
    """For each of some categories another one that is about as popular, each once; fewer where there are no more.

    Args:
        categories: what is to be matched. among: what may be taken; what is in both is not.
        popularity: share of the customers that bought from it.
        key: decides, with the names, which of the ``CLOSE`` most alike is taken.
    """
    left = sorted(set(among) - set(categories))
    shares = np.log([popularity.get(name, 0.0) + _SMALLEST_SHARE for name in left])
    found: list[str] = []
    for category in ordered(categories, *key):
        if not left:
            break
        distance = np.abs(shares - np.log(popularity.get(category, 0.0) + _SMALLEST_SHARE))
        close = [left[int(place)] for place in np.argsort(distance, kind="stable")[:CLOSE]]
        taken = ordered(close, *key, category)[0]
        place = left.index(taken)
        shares = np.delete(shares, place)
        left.pop(place)
        found.append(taken)
    return found
