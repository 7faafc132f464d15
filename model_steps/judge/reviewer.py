"""The Senior Reviewer (PAPER 2.3): from an output's findings to its tier, in two steps. Nothing of them is lost.

Defect detection: any negative finding gives B, and so does whatever the guard flagged. Excellence elevation: what has
no defect is S where the share of positive findings reaches the threshold, else A.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from evaluation.tiers import Tier, tier_of
from model_steps.judge.evaluators import Finding
from schemas.judge_labels import DIMENSIONS

WORST_FIRST: tuple[Tier, ...] = ("B", "A", "S")


@dataclass(frozen=True)
class Verdict:
    """The judgement on an output.

    Args:
        findings: one a dimension, in the order of ``DIMENSIONS``; none of a one-shot judgement.
        confidence: probability of the tier, 0 to 1.
        flags: what the guard noticed; any of it gives B.
    """

    item_id: str
    tier: Tier
    findings: tuple[Finding, ...]
    confidence: float
    flags: tuple[str, ...] = ()


def review(item_id: str, findings: Sequence[Finding], threshold: float, flags: Sequence[str] = ()) -> Verdict:
    """The verdict on one output.

    Args:
        findings: one a dimension, in any order.
        threshold: tau, share of positive findings, above 0 and at most 1.
        flags: of the guard. They are certain, so B is.

    Raises:
        ValueError: a dimension has no finding or several, or the threshold is no such share.
    """
    dimensions = DIMENSIONS[item_id.partition("-")[0]]
    if sorted(finding.dimension for finding in findings) != sorted(dimensions):
        named = [finding.dimension for finding in findings]
        raise ValueError(f"A verdict rests on one finding of each of {', '.join(dimensions)}, not on {named}.")
    ordered = tuple(sorted(findings, key=lambda finding: dimensions.index(finding.dimension)))
    tier = tier_of([finding.label for finding in ordered], threshold)
    if flags:
        return Verdict(item_id, "B", ordered, 1.0, tuple(flags))
    return Verdict(item_id, tier, ordered, tier_probabilities(ordered, threshold)[tier])


def tier_probabilities(findings: Sequence[Finding], threshold: float) -> dict[Tier, float]:
    """The probability of each tier, had the evaluators drawn their labels independently by their probabilities.

    A tier that follows from the most probable labels need not be the most probable one: four findings that are each
    negative with 0.3 leave 0.24 for no defect.
    """
    found = dict.fromkeys(WORST_FIRST, 0.0)
    for labels in product(*(finding.probabilities.items() for finding in findings)):
        tier = tier_of([label for label, _ in labels], threshold)
        found[tier] += math.prod(share for _, share in labels)
    # Rounding must not make one more than certain.
    return {tier: min(share, 1.0) for tier, share in found.items()}
