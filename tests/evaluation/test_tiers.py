"""The Senior Reviewer's rule, by hand (PAPER 2.3)."""

from __future__ import annotations

import pytest

from evaluation.tiers import tier_of

P, N, D = "positive", "neutral", "negative"


@pytest.mark.parametrize(
    ("findings", "threshold", "tier"),
    [
        ([P, P, P, P], 0.75, "S"),
        ([P, P, P, N], 0.75, "S"),  # the share may equal the threshold
        ([P, P, N, N], 0.75, "A"),
        ([N, N, N, N], 0.75, "A"),
        ([P, P, P, D], 0.75, "B"),  # one defect outweighs all praise
        ([D], 0.75, "B"),
        ([P, P, P, N], 1.0, "A"),
        ([P] * 7 + [N] * 3, 0.7, "S"),
        ([P, P, N], 2 / 3, "S"),
        ([N, N, N, P], 0.25, "S"),
    ],
)
def test_a_defect_gives_b_and_else_the_share_of_positives_decides(
    findings: list[str], threshold: float, tier: str
) -> None:
    assert tier_of(findings, threshold) == tier
    assert tier_of(findings[::-1], threshold) == tier


@pytest.mark.parametrize("findings", [[], ["good"], [P, "S"], [P, None]])
def test_what_is_no_finding_is_refused(findings: list[str]) -> None:
    with pytest.raises(ValueError, match="negative, neutral, positive"):
        tier_of(findings, 0.75)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.01, float("nan")])
def test_a_threshold_that_is_no_share_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="share above 0"):
        tier_of([P], threshold)
