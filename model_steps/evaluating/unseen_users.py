"""Experts side by side on validation users whom no training looked at: recall, how narrow lists are, paired intervals.

Pure functions. Nothing here reads the holdout, which is opened by the gate alone: a training that is looked at again
and again wants users who may be looked at again and again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluation.bootstrap import interval, paired
from evaluation.metrics import Values
from lake.registry.splits import drawn

LENGTHS = (5, 10, 30)


class Asked(NamedTuple):
    """A user as of a day."""

    user: str
    day: str


# The best tags first.
Lists = Mapping[Asked, Sequence[str]]


def unseen(users: Iterable[str], looked_at: int, wanted: int, telling: Collection[str]) -> list[str]:
    """So many users, sorted, of those whom trainings leave: these take the first ones by the same stable hash.

    Args:
        users: of the split validation. looked_at: the most that a training took. wanted: how many.
        telling: users with outcomes; of the others nothing can be said.
    """
    known = set(users)
    taken = set(drawn(known, looked_at)) if looked_at else set()
    return drawn((known - taken) & set(telling), wanted)


def compare(lists: Mapping[str, Lists], truth: Mapping[Asked, Collection[str]], candidate: str) -> dict[str, Any]:
    """What each of several experts finds of the same users' outcomes, and what one finds more than the others.

    A user is one value whatever the number of days, their mean: days of one user are no users.

    Args:
        lists: by name of the experts. truth: labels that came true.
        candidate: whose differences from each of the others are told, user by user.

    Returns:
        By metric and name a mean with its 95 % interval over users, ``coverage`` as a count, and the paired differences
        as ``candidate_minus_<name>``.
    """
    asked = sorted(one for one in truth if truth[one])
    users = sorted({one.user for one in asked})
    found: dict[str, Any] = {"users": len(users), "users_and_days": len(asked)}
    values = {name: _of_users(of_name, truth, asked) for name, of_name in lists.items()}
    for metric in next(iter(values.values())):
        found[metric] = {name: interval(of_name[metric]).as_dict() for name, of_name in values.items()}
    longest = max(LENGTHS)
    found["coverage"] = {
        name: len({tag for one in asked for tag in of_name[one][:longest]}) for name, of_name in lists.items()
    }
    for name in lists:
        if name != candidate:
            found[f"candidate_minus_{name}"] = {
                metric: paired(of_metric, values[name][metric]).as_dict()
                for metric, of_metric in values[candidate].items()
            }
    return found


def _of_users(lists: Lists, truth: Mapping[Asked, Collection[str]], asked: Sequence[Asked]) -> dict[str, Values]:
    """One value a user, by metric."""
    longest = max(LENGTHS)
    of_asked: dict[str, list[float]] = {
        f"recall_at_{length}": [_recall(lists[one][:length], truth[one]) for one in asked] for length in LENGTHS
    }
    of_asked["categories_per_user"] = [float(len(set(lists[one][:longest]))) for one in asked]
    users, places = np.unique([one.user for one in asked], return_inverse=True)
    days = np.bincount(places, minlength=len(users))
    return {metric: np.bincount(places, weights=values) / days for metric, values in of_asked.items()}


def _recall(listed: Sequence[str], wanted: Collection[str]) -> float:
    return len(set(listed) & set(wanted)) / len(set(wanted))
