"""Multinomial logistic regression on the numbers of judged outputs: what a judge must beat on top of rules (issue 15).

scikit-learn fits it on standardised numbers of train users; what it learnt is plain numbers, which a release can carry
as JSON, and is applied without scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from runtime.errors import DataError, UsageError

Numbers = npt.NDArray[np.float64]

STEPS = 1_000


@dataclass(frozen=True)
class Regression:
    """What was learnt: ``softmax(intercepts + coefficients . (number - mean) / scale)``.

    Args:
        features: names of the numbers, in order.
        classes: labels that have a probability, in order; those that no example had have none to speak of.
        means: of the numbers, over the examples. scales: their standard deviations, 1 where all are equal.
        intercepts: one a class; minus infinity for a class that no example had.
        coefficients: classes x features.
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    means: Numbers
    scales: Numbers
    intercepts: Numbers
    coefficients: Numbers

    def probabilities(self, given: Numbers) -> Numbers:
        """The probability of each class, items x classes.

        Args:
            given: items x features.

        Raises:
            DataError: there are other numbers than were learnt from, or one is not finite.
        """
        _refuse_unfit(given, self.features)
        logits = self.intercepts + (given - self.means) / self.scales @ self.coefficients.T
        chances: Numbers = softmax(logits, axis=1)
        return chances

    def labels(self, given: Numbers) -> list[str]:
        """The most probable class of each item, the first of equal ones."""
        return [self.classes[best] for best in self.probabilities(given).argmax(axis=1)] if len(given) else []

    def document(self) -> dict[str, Any]:
        """The regression as JSON-like values; ``read`` gives it back, number for number."""
        return {
            "features": list(self.features),
            "classes": list(self.classes),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            # JSON has no infinity.
            "intercepts": [None if math.isinf(value) else value for value in self.intercepts.tolist()],
            "coefficients": self.coefficients.tolist(),
        }

    @classmethod
    def read(cls, document: Any, features: Sequence[str], classes: Sequence[str]) -> Regression:
        """A regression from its document.

        Args:
            features: the numbers that it will be given. classes: the labels that it shall know.

        Raises:
            DataError: the document is damaged, or was made of other numbers or for other labels.
        """
        try:
            found = cls(
                tuple(document["features"]),
                tuple(document["classes"]),
                np.array(document["means"], np.float64),
                np.array(document["scales"], np.float64),
                np.array([-math.inf if value is None else value for value in document["intercepts"]], np.float64),
                np.array(document["coefficients"], np.float64),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"A kept regression cannot be read ({type(error).__name__}: {error}): fit it anew."
            ) from None
        if found.features != tuple(features) or found.classes != tuple(classes):
            raise DataError(
                f"A kept regression has {len(found.features)} numbers for {', '.join(map(str, found.classes))}, and "
                f"others are wanted ({len(features)} for {', '.join(classes)}): fit it anew."
            )
        found._refuse_damaged()
        return found

    def _refuse_damaged(self) -> None:
        wanted = {
            "means": (len(self.features),),
            "scales": (len(self.features),),
            "intercepts": (len(self.classes),),
            "coefficients": (len(self.classes), len(self.features)),
        }
        for name, shape in wanted.items():
            values: Numbers = getattr(self, name)
            if values.shape != shape:
                raise DataError(f"The {name} of a kept regression are {values.shape} and not {shape}: fit it anew.")
            finite = np.isfinite(values) if name != "intercepts" else ~(np.isnan(values) | np.isposinf(values))
            if not finite.all():
                raise DataError(f"The {name} of a kept regression are not all numbers: fit it anew.")
        if not (self.scales > 0).all() or np.isneginf(self.intercepts).all():
            raise DataError("A kept regression has a scale that is not positive, or no class at all: fit it anew.")


def fit(
    given: Numbers,
    labels: Sequence[str],
    splits: Sequence[str],
    features: Sequence[str],
    classes: Sequence[str],
    strength: float = 1.0,
) -> Regression:
    """Learn labels from numbers, the same from the same examples in any order up to rounding.

    Args:
        given: examples x features. labels: one an example.
        splits: of each example's user; all must be train.
        features: names of the numbers. classes: all that a label can be, in order.
        strength: how freely it fits, scikit-learn's C.

    Raises:
        DataError: an example is not of a train user, a label is no class, or the numbers are unfit.
        UsageError: there is no example.
    """
    _refuse_unfit(given, features)
    if not len(given) == len(labels) == len(splits):
        raise DataError(
            f"There are {len(given)} examples, {len(labels)} labels and {len(splits)} splits: give one each."
        )
    if not len(given):
        raise UsageError("There is no example to fit a regression on: build labels of train users first.")
    if others := [split for split in splits if split != "train"]:
        raise DataError(f"{len(others)} of {len(splits)} examples are of the split {others[0]}: fit on train alone.")
    if unknown := set(labels) - set(classes):
        raise DataError(f"The label {min(unknown)!r} is none of {', '.join(classes)}.")
    means, scales = given.mean(axis=0), given.std(axis=0)
    # What is equal in all examples says nothing, whatever rounding leaves of it.
    scales = np.where(scales > 1e-9 * np.maximum(1.0, np.abs(means)), scales, 1.0)
    intercepts = np.full(len(classes), -math.inf)
    coefficients = np.zeros((len(classes), len(features)))
    seen = sorted(set(labels), key=list(classes).index)
    places = [list(classes).index(name) for name in seen]
    if len(seen) == 1:
        intercepts[places] = 0.0
        return Regression(tuple(features), tuple(classes), means, scales, intercepts, coefficients)
    model = LogisticRegression(C=strength, max_iter=STEPS)
    model.fit((given - means) / scales, [seen.index(label) for label in labels])
    if len(seen) == 2:
        # Of two classes scikit-learn keeps the second one's log-odds.
        intercepts[places] = [0.0, model.intercept_[0]]
        coefficients[places[1]] = model.coef_[0]
    else:
        intercepts[places], coefficients[places] = model.intercept_, model.coef_
    return Regression(tuple(features), tuple(classes), means, scales, intercepts, coefficients)


def _refuse_unfit(given: Numbers, features: Sequence[str]) -> None:
    if given.ndim != 2 or given.shape[1] != len(features):
        raise DataError(
            f"The numbers are {given.shape}, and {len(features)} an item are wanted: {', '.join(features)}."
        )
    unfit = np.argwhere(~np.isfinite(given))
    if len(unfit):
        item, feature = (int(place) for place in unfit[0])
        raise DataError(f"{features[feature]} of item {item} is {given[item, feature]}: give a number.")
