"""Several systems as one: scikit-learn's logistic regression on what each says of a category. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from evaluation.grid import Mask, Scores

Weights = npt.NDArray[np.float64]
Features = npt.NDArray[np.float64]

RIDGE = 1e-3
SMALLEST_SHARE = 1e-5
# Systems whose scores are chances.
CHANCES = ("gradient_boosting",)
SMALLEST_CHANCE = 1e-7
STEPS = 100
TOLERANCE = 1e-8


def features(scores: Mapping[str, Scores], systems: Sequence[str]) -> Features:
    """What the systems say, as users x categories x (1 + systems); the first is the constant.

    Counts grow by orders of magnitude, so they enter as ``log(1 + x)``; co-occurrence as the logarithm of its share of
    the user's total, for its level follows the length of the history; chances as log-odds; intents as they are (1 for
    the first rank).
    """
    shape = next(iter(scores.values())).shape
    layers = [np.ones(shape, np.float64)]
    for system in systems:
        raw = scores[system].astype(np.float64)
        if system == "co_occurrence":
            total = raw.sum(axis=1, keepdims=True)
            layers.append(np.log(np.divide(raw, total, out=np.zeros(shape), where=total > 0) + SMALLEST_SHARE))
        elif system in CHANCES:
            chance = np.clip(raw, SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)
            layers.append(np.log(chance / (1 - chance)))
        else:
            layers.append(raw if system == "intents" else np.log1p(raw))
    return np.stack(layers, axis=-1)


def fit(given: Features, truth: Mask) -> Weights:
    """Weights of the logistic regression of truth on the features, all of them under one small ridge.

    The objective (negative log-likelihood plus ``RIDGE / 2`` times the squared weights) is convex, so every start ends
    in the same weights.

    Args:
        given: as ``features`` makes them, the constant among them.
        truth: what came true, users x categories.
    """
    regression = LogisticRegression(
        C=1 / RIDGE, fit_intercept=False, solver="newton-cholesky", tol=TOLERANCE, max_iter=STEPS
    )
    regression.fit(given.reshape(-1, given.shape[-1]), truth.reshape(-1))
    weights: Weights = regression.coef_[0]
    return weights


def probability(given: Features, weights: Weights) -> npt.NDArray[np.float64]:
    """The chance that a category is among the outcomes: the score of the combination."""
    chances: npt.NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -(given @ weights)))
    return chances


def combine(given: Features, weights: Weights) -> Scores:
    return probability(given, weights).astype(np.float32)
