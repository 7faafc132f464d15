"""Rungs of a ladder side by side: systems without a model, releases, combinations, on the same users. Pure functions.

A rung that was asked about fewer users has values for those alone, and is paired on those alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation import metrics
from evaluation.bootstrap import interval, paired
from evaluation.comparison import LISTED, Outcomes, values
from evaluation.grid import Mask, Scores, best
from evaluation.metrics import Values

DEFINITIONS: Mapping[str, str] = {
    **metrics.DEFINITIONS,
    "exclusive_recall": (
        "Mean over users of the share of categories bought that the 30 find and no other system of the ladder has "
        "among its 30, combinations left out (PAPER 3.7: true positives that this one finds and no other)."
    ),
    "exclusive_recall_of_simple": "The same against the systems without a model alone.",
    "diversity": (
        "Mean over users of the mean cosine distance between two of the 30 categories, by their embeddings (PAPER 1.4)."
    ),
    "share_valid": (
        "Mean over users of the share of the 30 tags asked for that came in the form asked for, each once, and stand "
        "for a category of the catalog, a written one for the nearest; a user whose inference failed has 0."
    ),
}
# What differences of rungs are told in.
PAIRED = ("hr_at_30", "recall_at_30", "recall_at_10", "recall_at_5", "recall_new_at_30", "diversity", "share_valid")


@dataclass(frozen=True)
class Rung:
    """A system of the ladder.

    Args:
        scores: users x categories.
        valid: share of each user's tags that are valid; none: it names no tags.
        about: users that it was asked about; none: all.
        part_of_others: whether it stands against others in ``exclusive_recall``: a combination holds what they find.
        simple: whether it needs no model.
    """

    scores: Scores
    valid: Values | None = None
    about: Mask | None = None
    part_of_others: bool = True
    simple: bool = False

    def known(self, found: Values) -> Values:
        """Values of the users that it was asked about; of the others there are none."""
        return found if self.about is None else np.where(self.about, found, np.nan)


@dataclass(frozen=True)
class Climbed:
    """What rungs found, user by user.

    Args:
        values: by rung and metric.
        coverage: distinct categories that the lists of all its users hold together, by rung.
    """

    values: Mapping[str, Mapping[str, Values]]
    coverage: Mapping[str, int]

    @classmethod
    def of(cls, rungs: Mapping[str, Rung], seen: Mask, outcomes: Outcomes, vectors: npt.NDArray[np.float32]) -> Climbed:
        """Measure rungs.

        Args:
            rungs: by name.
            seen: categories of the histories.
            outcomes: what came true.
            vectors: of the categories, each of unit length: categories x width.
        """
        listed = {name: best(rung.scores, LISTED) for name, rung in rungs.items()}
        asked = {
            name: mask if rungs[name].about is None else _only(mask, rungs[name].about) for name, mask in listed.items()
        }
        found: dict[str, dict[str, Values]] = {}
        for name, rung in rungs.items():
            others = [other for other in rungs if other != name and rungs[other].part_of_others]
            simple = [other for other in others if rungs[other].simple]
            own = {
                **values(rung.scores, seen, outcomes),
                "diversity": metrics.diversity(listed[name], vectors),
                "exclusive_recall": _exclusive(name, others, asked, outcomes),
                "exclusive_recall_of_simple": _exclusive(name, simple, asked, outcomes),
                **({} if rung.valid is None else {"share_valid": rung.valid}),
            }
            found[name] = {metric: rung.known(each) for metric, each in own.items()}
        return cls(found, {name: metrics.coverage(mask) for name, mask in asked.items()})

    def figures(self, references: Sequence[str], seed: int = 0) -> dict[str, Any]:
        """Every metric of every rung with its interval.

        Args:
            references: rungs that all others are paired with.

        Returns:
            ``{metric: {rung: {value, low, high}}}``; differences under ``paired_vs_NAME``; ``coverage`` as
            ``{rung: categories}``; ``asked`` as ``{rung: users}``.
        """
        figures: dict[str, Any] = {}
        for name, of_rung in self.values.items():
            for metric, each in of_rung.items():
                figures.setdefault(metric, {})[name] = interval(each, seed).as_dict()
        figures["coverage"] = dict(self.coverage)
        figures["asked"] = {name: int((~np.isnan(of["categories_per_user"])).sum()) for name, of in self.values.items()}
        for reference in references:
            figures[f"paired_vs_{reference}"] = {
                metric: {
                    name: self.difference(name, reference, metric, seed)
                    for name in self.values
                    if name != reference and metric in self.values[name]
                }
                for metric in PAIRED
                if metric in self.values[reference]
            }
        return figures

    def difference(self, name: str, reference: str, metric: str, seed: int = 0) -> dict[str, float | None]:
        """The mean difference of two rungs over the users that both were asked about, with its interval."""
        return paired(self.values[name][metric], self.values[reference][metric], seed).as_dict()


def verdict(difference: Mapping[str, float | None]) -> str:
    """What a paired interval says: ``higher`` or ``lower`` where it excludes zero, else ``undecided``."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return "undecided"
    return "higher" if low > 0 else "lower" if high < 0 else "undecided"


def _only(mask: Mask, users: Mask | None) -> Mask:
    return mask if users is None else np.logical_and(mask, users[:, None])


def _exclusive(name: str, others: Sequence[str], listed: Mapping[str, Mask], outcomes: Outcomes) -> Values:
    """Share of what was bought that a rung lists and none of the others that were asked about the user."""
    found = np.any([listed[other] for other in others], axis=0) if others else np.zeros_like(listed[name])
    return metrics.exclusive_recall(listed[name], found, outcomes.bought)
