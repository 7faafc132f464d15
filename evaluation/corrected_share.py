"""The share of a tier that a judge reports, corrected for the judge's known errors (Rogan and Gladen, 1978).

A judge that lets some bad outputs pass reports too many good ones where most are bad, and too few where most are good.
With its sensitivity q1 and specificity q0, measured on a calibration sample, a reported share p is corrected to
(p + q0 - 1) / (q0 + q1 - 1). The interval counts both samples, the one of p and the one of q0 and q1: that of
arXiv 2511.21140, which is the one of Lang and Reiczigel (Preventive Veterinary Medicine 113, 2014, equations 6, 7, 16
and 17).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, norm

from evaluation.bootstrap import COVERAGE, Interval, rounded
from evaluation.metrics import Values
from runtime.errors import DataError

UNKNOWN = Interval(None, None, None)


@dataclass(frozen=True)
class Proportion:
    """How many of how many items.

    Raises:
        DataError: it is no part of the whole.
    """

    found: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.found <= self.of:
            raise DataError(f"{self.found:,} of {self.of:,} items is no proportion: count the items anew.")


@dataclass(frozen=True)
class CorrectedShare:
    """A reported share beside the corrected one.

    Args:
        raw: the share as reported, with Wilson's interval: what it would be if the judge never erred.
        corrected: from 0 to 1, all None where it is not estimable.
        sensitivity: of the items of the tier, how many the judge gives it.
        specificity: of the items of other tiers, how many the judge does not give it.
        reason: why it is not estimable.
    """

    raw: Interval
    corrected: Interval
    sensitivity: Proportion
    specificity: Proportion
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def corrected_share(judged: Proportion, specificity: Proportion, sensitivity: Proportion) -> CorrectedShare:
    """Correct a reported share.

    All three are taken for counts of independent items: many alike items of one user make the interval too narrow. The
    judge is taken to err on the items of ``judged`` as often as on those of the calibration. Where q0 + q1 is hardly
    above 1 and the calibration small (0.6 and 0.5 from 10 items) the interval is nearly all of [0, 1] and still covers
    less than it says (78 %, simulated).

    Args:
        judged: items that the judge gave the tier, of those that it judged.
        specificity: of the calibration's items of other tiers, those that the judge did not give it.
        sensitivity: of the calibration's items of the tier, those that the judge gave it.
    """
    raw = wilson(judged)
    reason = _reason(judged, specificity, sensitivity)
    if reason is not None:
        return CorrectedShare(raw, UNKNOWN, sensitivity, specificity, reason)
    counts = [np.array(number) for each in (judged, specificity, sensitivity) for number in (each.found, each.of)]
    value = float(rogan_gladen(*(counts[at] / counts[at + 1] for at in (0, 2, 4))))
    low, high = (float(end) for end in limits(*counts))
    # The centre is of the adjusted counts: once in many thousand samples the interval would leave the value out.
    corrected = Interval(rounded(value), rounded(min(low, value)), rounded(max(high, value)))
    return CorrectedShare(raw, corrected, sensitivity, specificity)


def rogan_gladen(p: Values, q0: Values, q1: Values) -> Values:
    """(p + q0 - 1) / (q0 + q1 - 1), clipped to [0, 1]; element by element.

    Args:
        p: reported share.
        q0: specificity.
        q1: sensitivity; q0 + q1 is above 1.
    """
    shares: Values = np.clip((p + q0 - 1) / (q0 + q1 - 1), 0, 1)
    return shares


def limits(
    judged: Values, of_judged: Values, specific: Values, of_others: Values, sensitive: Values, of_tier: Values
) -> tuple[Values, Values]:
    """Both ends of the 95 % interval of the corrected share, clipped to [0, 1]; element by element.

    The delta method on counts adjusted for small samples: p with z squared items more, half of them of the tier
    (Agresti and Coull), q0 and q1 with two items more, one of them right; the centre is shifted by what is left of the
    bias.

    Args:
        judged, of_judged: how many of how many were given the tier.
        specific, of_others: how many of the items of other tiers were not.
        sensitive, of_tier: how many of the items of the tier were.
    """
    z = norm.ppf((1 + COVERAGE) / 2)
    n, m0, m1 = of_judged + z**2, of_others + 2, of_tier + 2
    p, q0, q1 = (judged + z**2 / 2) / n, (specific + 1) / m0, (sensitive + 1) / m1
    informedness = q0 + q1 - 1
    share = (p + q0 - 1) / informedness
    doubt0, doubt1 = q0 * (1 - q0) / m0, q1 * (1 - q1) / m1
    error = np.sqrt(p * (1 - p) / n + (1 - share) ** 2 * doubt0 + share**2 * doubt1) / informedness
    centre = share + 2 * z**2 * (share * doubt1 - (1 - share) * doubt0)
    return np.clip(centre - z * error, 0, 1), np.clip(centre + z * error, 0, 1)


def _reason(judged: Proportion, specificity: Proportion, sensitivity: Proportion) -> str | None:
    """Why a share cannot be corrected, or None."""
    if not (judged.of and specificity.of and sensitivity.of):
        return (
            f"{judged.of} items were judged, and the judge's errors are known from {sensitivity.of} items of the tier "
            f"and {specificity.of} of others: none of the three may be 0."
        )
    if not _better_than_chance(specificity.found, specificity.of, sensitivity.found, sensitivity.of):
        return (
            f"The judge gives the tier to {sensitivity.found / sensitivity.of:.1%} of the items that have it and to "
            f"{1 - specificity.found / specificity.of:.1%} of the others: what it reports says nothing of the share."
        )
    # The interval is of the adjusted counts, which lie nearer to chance.
    if not _better_than_chance(specificity.found + 1, specificity.of + 2, sensitivity.found + 1, sensitivity.of + 2):
        return (
            f"{sensitivity.of} items of the tier and {specificity.of} of others are too few to tell that the judge is "
            "better than chance."
        )
    return None


def _better_than_chance(specific: int, of_others: int, sensitive: int, of_tier: int) -> bool:
    """Whether q0 + q1 is above 1, in whole numbers."""
    return specific * of_tier + sensitive * of_others > of_others * of_tier


def wilson(judged: Proportion) -> Interval:
    """The share with Wilson's 95 % interval, as of independent items; all None where there are none."""
    if not judged.of:
        return UNKNOWN
    ends = binomtest(judged.found, judged.of).proportion_ci(COVERAGE, method="wilson")
    return Interval(*(rounded(number) for number in (judged.found / judged.of, ends.low, ends.high)))
