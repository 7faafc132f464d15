"""How what code finds and what the language model says become one finding: a regression a dimension (PAPER 2.3).

Three ways stand side by side: the rule alone, a regression on code's numbers, and one on these and the model's
log-odds. Which of them judges a dimension is chosen on captions that none of them learnt from; a costlier way must be
better by ``WORTH``. What was learnt is plain numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.judged import regression
from evaluation.judged.regression import Regression
from model_steps.caption_judge.by_code import BY_CODE
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS
from model_steps.caption_judge.looked import Looked
from runtime.errors import DataError
from runtime.fingerprint import digest

RULE, NUMBERS, MODEL = "rule", "numbers", "model"
# The cheapest first.
WAYS = (RULE, NUMBERS, MODEL)
WORTH = 0.01
LOG_ODDS = "log_odds"
DIGITS = 6

Numbers = npt.NDArray[np.float64]


def features(dimension: str, way: str) -> tuple[str, ...]:
    """Names of the numbers that a regression learns from."""
    return (*BY_CODE[dimension].names, *((LOG_ODDS,) if way == MODEL else ()))


def matrix(dimension: str, looked: Sequence[Looked], log_odds: Sequence[float] | None) -> Numbers:
    """The numbers of cases, cases x features.

    Args:
        log_odds: of the model's yes; none: without.
    """
    rows = [BY_CODE[dimension].numbers(one) for one in looked]
    if log_odds is not None:
        rows = [(*row, said) for row, said in zip(rows, log_odds, strict=True)]
    width = len(features(dimension, RULE if log_odds is None else MODEL))
    return np.array(rows, np.float64).reshape(len(looked), width)


@dataclass(frozen=True)
class Combination:
    """What a caption judge judges by.

    Args:
        ways: by dimension, which way judges it. regressions: by dimension and way, those of ``NUMBERS`` and ``MODEL``.
    """

    ways: Mapping[str, str]
    regressions: Mapping[str, Mapping[str, Regression]]

    @property
    def name(self) -> str:
        """A release's name, by the content."""
        return f"caption-judge-{digest(self.document())[:12]}"

    @property
    def asked(self) -> tuple[str, ...]:
        """Dimensions that the language model is asked about."""
        return tuple(dimension for dimension in DIMENSIONS if self.ways[dimension] == MODEL)

    def probabilities(
        self, dimension: str, way: str, looked: Sequence[Looked], log_odds: Sequence[float] | None
    ) -> list[dict[str, float]]:
        """Of each case the probability of each finding; a rule is certain.

        Args:
            log_odds: of each case; needed where the way is ``MODEL``.
        """
        if way == RULE:
            return [{BY_CODE[dimension].rule(one): 1.0} for one in looked]
        if not looked:
            return []
        given = matrix(dimension, looked, log_odds if way == MODEL else None)
        found = self.regressions[dimension][way].probabilities(given)
        return [dict(zip(FINDINGS, map(float, row), strict=True)) for row in found]

    def document(self) -> dict[str, Any]:
        return {
            "ways": dict(self.ways),
            "regressions": {
                dimension: {way: _rounded(one.document()) for way, one in by_way.items()}
                for dimension, by_way in self.regressions.items()
            },
        }

    def content(self) -> bytes:
        """The file of a release."""
        return json.dumps(self.document(), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def read(cls, content: bytes, where: str) -> Combination:
        """From the file of a release.

        Args:
            where: it lies, for a sentence.

        Raises:
            DataError: it is damaged, or was made of other numbers than these.
        """
        try:
            document = json.loads(content)
            ways = {dimension: document["ways"][dimension] for dimension in DIMENSIONS}
            given = document["regressions"]
            regressions = {
                dimension: {
                    way: Regression.read(given[dimension][way], features(dimension, way), FINDINGS)
                    for way in (NUMBERS, MODEL)
                }
                for dimension in DIMENSIONS
            }
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{where} is no caption judge ({type(error).__name__}: {error}): restore it, or make it anew with "
                "`python -m model_steps.calibrate_caption_judge`."
            ) from None
        if unknown := set(ways.values()) - set(WAYS):
            raise DataError(f"{where} names the way {min(unknown)!r}, which is none of {', '.join(WAYS)}: restore it.")
        return cls(ways, regressions)


def _rounded(document: dict[str, Any]) -> dict[str, Any]:
    """What is learnt differs in its last digits from machine to machine; its name shall not."""

    def short(value: Any) -> Any:
        if isinstance(value, list):
            return [short(one) for one in value]
        return round(value, DIGITS) + 0.0 if isinstance(value, float) else value

    return {name: short(value) for name, value in document.items()}


@dataclass(frozen=True)
class Example:
    """A labelled case of a dimension, as a regression learns it.

    Args:
        written: whether a model wrote the caption; else it was built.
    """

    looked: Looked
    log_odds: float
    label: str
    written: bool


def learnt(dimension: str, way: str, examples: Sequence[Example]) -> Regression:
    """A regression of a dimension, from built and really written captions in equal parts.

    Args:
        examples: of the split train.
    """
    written, built = [one for one in examples if one.written], [one for one in examples if not one.written]
    times = max(1, round(len(built) / max(len(written), 1)))
    balanced = [*built, *written * times]
    log_odds = [one.log_odds for one in balanced] if way == MODEL else None
    given = matrix(dimension, [one.looked for one in balanced], log_odds)
    labels = [one.label for one in balanced]
    found = regression.fit(given, labels, ["train"] * len(labels), features(dimension, way), FINDINGS)
    return Regression.read(_rounded(found.document()), features(dimension, way), FINDINGS)


def chosen(accuracies: Mapping[str, float]) -> str:
    """The way that judges, by its accuracy on captions that were not learnt from."""
    best = RULE
    for way in WAYS[1:]:
        if accuracies[way] >= accuracies[best] + WORTH:
            best = way
    return best
