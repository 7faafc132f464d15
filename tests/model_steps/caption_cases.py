"""Captions for tests of their judge: of the small shop's items, for one customer, on a day in autumn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model_steps.caption_judge.by_code import BY_CODE
from model_steps.caption_judge.case import CaptionCase, Reader
from model_steps.caption_judge.combination import NUMBERS, RULE, Combination, features
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS
from model_steps.caption_judge.looked import Looked
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.explaining.item import Item
from tests.model_steps.caption_shop import ATTRIBUTES, DAY, LEXICON, SETTINGS, SURROUNDINGS, USER, YOGURT

READER = Reader(USER, True, ("plain yogurt", "cardigans", "socks"), ATTRIBUTES)


def case(caption: str, about: Item = YOGURT, **changed: Any) -> CaptionCase:
    """A caption for the customer, or with something changed."""
    others = {"reader": READER, "surroundings": SURROUNDINGS, "day": DAY, **changed}
    return CaptionCase(others["day"], caption, about, others["reader"], others["surroundings"])


# What the language model finds of a usual caption, and of words in no order.
USUAL, NO_ENGLISH = -4.5, -6.4


def usual(captions: Sequence[str]) -> list[float]:
    """Stands for a language model that finds English in everything."""
    return [USUAL] * len(captions)


def looked(caption: str, about: Item = YOGURT, **changed: Any) -> Looked:
    return Looked(case(caption, about, **changed), LEXICON, SETTINGS, is_unlikely=False)


def found(dimension: str, caption: str, about: Item = YOGURT, **changed: Any) -> str:
    """What code alone finds."""
    return by_code(dimension, looked(caption, about, **changed))


def by_code(dimension: str, one: Looked) -> str:
    return BY_CODE[dimension].rule(one)


def answer(yes: float) -> Answer:
    """What the model says, with so many log-odds of yes."""
    return Answer(ranking.write([("yes", yes), ("no", 0.0)]), 1, 0, 1)


class Oracle:
    """Says yes to captions that hold no forbidden word, and counts what it is asked."""

    def __init__(self, forbidden: Sequence[str] = ()) -> None:
        self.forbidden, self.asked = tuple(forbidden), 0

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        self.asked += len(requests)
        return [answer(-4.0 if any(word in one.prompt for word in self.forbidden) else 4.0) for one in requests]


def by(way: str, *dimensions: str, sure: float = 3.0) -> Combination:
    """A judge that judges these dimensions by a way, the others by their rules. It learnt the log-odds alone."""
    regressions = {}
    for name in DIMENSIONS:
        regressions[name] = {
            each: _regression(features(name, each), sure if features(name, each)[-1] == "log_odds" else 0.0)
            for each in (NUMBERS, "model")
        }
    return Combination({name: way if name in dimensions else RULE for name in DIMENSIONS}, regressions)


def _regression(names: Sequence[str], sure: float) -> Any:
    from evaluation.judged.regression import Regression

    zeros = [0.0] * (len(names) - 1)
    document = {
        "features": list(names),
        "classes": list(FINDINGS),
        "means": [0.0] * len(names),
        "scales": [1.0] * len(names),
        "intercepts": [0.0, -9.0, 0.0],
        "coefficients": [[*zeros, -sure], [*zeros, 0.0], [*zeros, sure]],
    }
    return Regression.read(document, names, FINDINGS)
