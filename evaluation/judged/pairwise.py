"""How often a score puts the better tier first: what a reward model is examined by (PAPER 2.4, 3.3).

Two outputs of one group, a customer's on one day, are a pair where their tiers differ. Chance wins half of the pairs,
and so does a score that says the same of everything: a tie counts half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.bootstrap import RESAMPLES
from evaluation.cluster_bootstrap import ClusterInterval, Figure, Tables, by_user, intervals, share
from runtime.errors import DataError
from schemas.judge_labels import TIERS

Scores = npt.NDArray[np.float64]

# Better and worse tier, as positions in TIERS, which has the best first.
PAIRS = tuple(combinations(range(len(TIERS)), 2))
NAMES = tuple(f"{TIERS[better]} over {TIERS[worse]}" for better, worse in PAIRS)
# What is summed of the pairs of a kind.
WON, NUMBER = range(2)


@dataclass(frozen=True)
class PairwiseAccuracy:
    """A score held against tiers.

    Args:
        accuracy: share of all pairs in which the higher tier has the higher score, a tie being half of one; None where
            there is no pair.
        by_pair: the same for each two tiers, such as ``S over A``.
        pairs: how many there are.
        ties: in how many both have the same score.
        groups: that have a pair.
        groups_of_one_tier: that have none, and are no part of any figure.
        users: of the groups that have a pair.
    """

    accuracy: ClusterInterval
    by_pair: dict[str, ClusterInterval]
    pairs: int
    ties: int
    groups: int
    groups_of_one_tier: int
    users: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def pairwise_accuracy(
    scores: Sequence[Sequence[float]],
    tiers: Sequence[Sequence[str]],
    users: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> PairwiseAccuracy:
    """Share of pairs in which the higher tier outscores the lower one, with intervals over users.

    Args:
        scores: of each group's outputs.
        tiers: of the same: S, A or B.
        users: whose each group is; one user may have several.
        seed: of the draws of users.
        resamples: how many draws.

    Raises:
        DataError: the numbers of groups, scores, tiers and users differ, a tier is none, or a score is no number.
    """
    counted, ties = _tables(scores, tiers, users)
    has_pair = counted[:, :, NUMBER].sum(axis=1) > 0
    kept = counted[has_pair]
    own = [user for user, known in zip(users, has_pair, strict=True) if known]
    sums = by_user(kept, own)
    figures: dict[str, Figure] = {"all": lambda tables: share(*_over(tables, slice(None)))}
    for number, name in enumerate(NAMES):
        figures[name] = _of_pair(number)
    found = intervals(sums, figures, seed, resamples)
    return PairwiseAccuracy(
        accuracy=found["all"],
        by_pair={name: found[name] for name in NAMES},
        pairs=int(kept[:, :, NUMBER].sum()),
        ties=ties,
        groups=len(kept),
        groups_of_one_tier=len(counted) - len(kept),
        users=len(sums),
    )


def _of_pair(number: int) -> Figure:
    return lambda tables: share(*_over(tables, slice(number, number + 1)))


def _over(tables: Tables, kinds: slice) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Pairs won and pairs there are, over some kinds of them."""
    sums = tables[:, kinds].sum(axis=1)
    return sums[:, WON], sums[:, NUMBER]


def _tables(
    scores: Sequence[Sequence[float]], tiers: Sequence[Sequence[str]], users: Sequence[str]
) -> tuple[Tables, int]:
    """Each group's table, kinds of pairs x (won, number); and how many pairs are ties."""
    if not len(scores) == len(tiers) == len(users):
        raise DataError(
            f"There are scores of {len(scores):,} groups, tiers of {len(tiers):,} and users of {len(users):,}: give "
            "each group all three."
        )
    found, ties = np.zeros((len(scores), len(PAIRS), 2)), 0
    for group, (own_scores, own_tiers) in enumerate(zip(scores, tiers, strict=True)):
        by_tier = _by_tier(np.asarray(own_scores, dtype=np.float64), own_tiers, group)
        for kind, (better, worse) in enumerate(PAIRS):
            ahead = by_tier[better][:, None] - by_tier[worse][None, :]
            found[group, kind] = (ahead > 0).sum() + (ahead == 0).sum() / 2, ahead.size
            ties += int((ahead == 0).sum())
    return found, ties


def _by_tier(scores: Scores, tiers: Sequence[str], group: int) -> list[Scores]:
    """A group's scores, of each of TIERS."""
    if len(scores) != len(tiers):
        raise DataError(
            f"Group {group} (the first is 0) has {len(scores)} scores and {len(tiers)} tiers: give each output both."
        )
    if strange := set(tiers) - set(TIERS):
        raise DataError(f"Group {group} (the first is 0) has the tier {min(strange)!r}: one of {', '.join(TIERS)}.")
    if not np.isfinite(scores).all():
        raise DataError(f"Group {group} (the first is 0) has a score that is no finite number.")
    named = np.asarray(tiers, dtype=str)
    return [scores[named == tier] for tier in TIERS]
