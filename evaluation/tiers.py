"""The tier of an output that follows from its findings: the Senior Reviewer's rule (PAPER 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from schemas.judge_labels import FINDINGS

Tier = Literal["S", "A", "B"]


def tier_of(findings: Sequence[str], threshold: float) -> Tier:
    """Superior, Average or Bad.

    Defect detection: any negative finding gives B. Excellence elevation: without one, S where the share of positive
    findings reaches the threshold, else A. The paper gives no threshold.

    Args:
        findings: one a dimension: negative, neutral or positive.
        threshold: share of the dimensions, above 0 and at most 1.

    Raises:
        ValueError: there is no finding, one has another name, or the threshold is no such share.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"The threshold is a share above 0 and at most 1, not {threshold}.")
    if not findings or set(findings) - set(FINDINGS):
        raise ValueError(f"A tier follows from findings ({', '.join(FINDINGS)}), not from {list(findings)}.")
    if "negative" in findings:
        return "B"
    return "S" if findings.count("positive") / len(findings) >= threshold else "A"
