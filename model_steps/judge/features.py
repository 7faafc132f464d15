"""A case in numbers: what a regression learns from that a judge must beat. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts, words_of
from model_steps.judge.published_reasons import claims, holds
from model_steps.judge.rules import RULES, bought_of, nearest_own
from representation.evidence import CategoryEvidence, weeks_between

Numbers = npt.NDArray[np.float64]
# Category by the share of a day's customers that bought from it within their history.
Popularity = Mapping[str, float]

# Usual intervals passed since the last time: more is as good as gone.
_MOST_INTERVALS = 5.0
# Of a category that nobody bought.
_SMALLEST_SHARE = 1e-4

NAMES = (
    "names_a_category",
    "was_bought",
    "log_days",
    "share_of_most_days",
    "log_rank",
    "log_weeks_since",
    "has_usual_interval",
    "log_usual_interval",
    "intervals_passed",
    "log_popularity",
    "largest_cosine",
    "log_days_of_nearest",
    "log_weeks_since_nearest",
    "log_days_below_same_level",
    "log_own_categories",
    "log_facts_stated",
    "share_of_facts_that_hold",
    "words",
    "share_of_words_known",
    *(f"{dimension}_rule_{finding}" for dimension in RULES for finding in ("negative", "positive")),
)


def matrix(cases: Sequence[Case], facts: CatalogFacts, popularity: Mapping[str, Popularity]) -> Numbers:
    """The numbers of cases, cases x ``NAMES``.

    Args:
        popularity: by day; of each day that a case has.
    """
    rows = [numbers_of(case, facts, popularity[case.customer.day]) for case in cases]
    return np.array([[row[name] for name in NAMES] for row in rows], np.float64).reshape(len(cases), len(NAMES))


def numbers_of(case: Case, facts: CatalogFacts, popularity: Popularity) -> dict[str, float]:
    """The numbers of a case by the names of ``NAMES``.

    Args:
        popularity: of the case's day.
    """
    category = case.category or facts.vectors.category_of.get(case.text)
    stated = claims(case.why)
    words = words_of(case.text)
    findings = {dimension: rule(case, facts) for dimension, rule in RULES.items()}
    return {
        "names_a_category": float(category is not None),
        **_of_category(case, category),
        "log_popularity": math.log(popularity.get(category or "", 0.0) + _SMALLEST_SHARE),
        **_of_neighbours(case, category, facts),
        "log_own_categories": math.log1p(len(case.customer.evidence)),
        "log_facts_stated": math.log1p(len(stated)),
        "share_of_facts_that_hold": sum(holds(one, case, facts) for one in stated) / max(len(stated), 1),
        "words": float(len(words)),
        "share_of_words_known": sum(word in facts.places for word in words) / max(len(words), 1),
        **{
            f"{dimension}_rule_{finding}": float(found == finding)
            for dimension, found in findings.items()
            for finding in ("negative", "positive")
        },
    }


def _of_category(case: Case, category: str | None) -> dict[str, float]:
    """What the customer did in the tag's own category; zeros where that is nothing."""
    customer = case.customer
    bought = None if category is None else bought_of(case, category)
    interval = None if bought is None else bought.usual_interval
    most = max((one.days for one in customer.evidence), default=1)
    return {
        "was_bought": float(bought is not None),
        "log_days": math.log1p(bought.days) if bought else 0.0,
        "share_of_most_days": bought.days / most if bought else 0.0,
        # Whatever was not bought stands behind all that was.
        "log_rank": math.log(bought.rank if bought else len(customer.evidence) + 1),
        "log_weeks_since": _weeks(bought, customer.day),
        "has_usual_interval": float(interval is not None),
        "log_usual_interval": math.log1p(interval) if interval is not None else 0.0,
        "intervals_passed": _intervals_passed(bought, customer.day),
    }


def _of_neighbours(case: Case, category: str | None, facts: CatalogFacts) -> dict[str, float]:
    """What the customer did near the tag's category, itself left out."""
    others = [one for one in case.customer.evidence if one.category != category]
    if category is None or not others:
        return {
            "largest_cosine": 0.0,
            "log_days_of_nearest": 0.0,
            "log_weeks_since_nearest": 0.0,
            "log_days_below_same_level": 0.0,
        }
    cosine, nearest = nearest_own(others, category, facts)
    above = facts.vectors.parents[facts.vectors.row_of[category]]
    rows = facts.vectors.rows(others)
    below = sum(one.days for one, row in zip(others, rows, strict=True) if facts.vectors.parents[row] == above)
    return {
        "largest_cosine": cosine,
        "log_days_of_nearest": math.log1p(nearest.days),
        "log_weeks_since_nearest": _weeks(nearest, case.customer.day),
        "log_days_below_same_level": math.log1p(below),
    }


def _weeks(evidence: CategoryEvidence | None, day: str) -> float:
    return math.log1p(weeks_between(evidence.last_day, day)) if evidence else 0.0


def _intervals_passed(evidence: CategoryEvidence | None, day: str) -> float:
    """Usual intervals since the last time, 1 when it is due; 0 where nothing is usual."""
    if evidence is None or not evidence.usual_interval:
        return 0.0
    passed = (date.fromisoformat(day) - date.fromisoformat(evidence.last_day)).days
    return min(passed / evidence.usual_interval, _MOST_INTERVALS)
