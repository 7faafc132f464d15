"""The Senior Reviewer: two steps, nothing lost, and how sure a tier is."""

from __future__ import annotations

import pytest

from model_steps.judge.evaluators import Finding
from model_steps.judge.reviewer import Verdict, review, tier_probabilities
from schemas.judge_labels import DIMENSIONS
from schemas.verdicts import MODEL, RULE
from tests.model_steps.judged_shop import sure

ITEM = "tag-0123456789abcdef"
LABELS = {"+": "positive", "o": "neutral", "-": "negative"}


def findings(labels: str, share: float = 0.8) -> list[Finding]:
    """One a dimension, by a sign each."""
    return [
        Finding(dimension, LABELS[sign], share, sure(LABELS[sign], share), MODEL)
        for dimension, sign in zip(DIMENSIONS["tag"], labels, strict=True)
    ]


@pytest.mark.parametrize(
    ("labels", "threshold", "tier"),
    [
        ("++++", 1.0, "S"),
        ("+++o", 1.0, "A"),
        ("+++o", 0.75, "S"),
        ("++oo", 0.75, "A"),
        ("++oo", 0.5, "S"),
        ("oooo", 0.25, "A"),
        ("+++-", 0.5, "B"),
        ("-+++", 0.01, "B"),
        ("----", 0.01, "B"),
    ],
)
def test_a_defect_gives_b_and_else_the_share_of_positive_findings_decides(
    labels: str, threshold: float, tier: str
) -> None:
    assert review(ITEM, findings(labels), threshold).tier == tier


def test_every_finding_is_kept_in_order() -> None:
    found = findings("+o-+")
    verdict = review(ITEM, found[::-1], 0.75)
    assert verdict.findings == tuple(found)
    assert (verdict.item_id, verdict.flags) == (ITEM, ())


def test_what_is_flagged_is_b_with_its_findings_and_flags() -> None:
    found = findings("++++")
    assert review(ITEM, found, 0.75, ["tag_empty", "tag_signs"]) == Verdict(
        ITEM, "B", tuple(found), 1.0, ("tag_empty", "tag_signs")
    )
    assert {review(ITEM, findings(labels), 0.75, ["tag_long"]).tier for labels in ("++++", "++oo", "+++-")} == {"B"}


def test_a_verdict_rests_on_one_finding_of_each_dimension() -> None:
    found = findings("++++")
    for wrong in (found[:3], [*found, found[0]], [*found[:3], found[0]]):
        with pytest.raises(ValueError, match="one finding of each of relevance, consistency, specificity, validity"):
            review(ITEM, wrong, 0.75)
    with pytest.raises(ValueError, match="threshold"):
        review(ITEM, found, 0.0, ["tag_empty"])


def test_a_tier_is_as_sure_as_its_findings_are_together() -> None:
    # Each positive with 0.8, negative and neutral with 0.1.
    found = findings("++++")
    no_defect = 0.9**4
    superior = 0.8**4 + 4 * 0.8**3 * 0.1
    shares = tier_probabilities(found, 0.75)
    assert shares == pytest.approx({"S": superior, "A": no_defect - superior, "B": 1 - no_defect})
    assert review(ITEM, found, 0.75).confidence == pytest.approx(superior)
    # A tier by the most probable labels need not be the most probable one.
    unsure = [Finding(d, "positive", 0.7, {"positive": 0.7, "negative": 0.3}, MODEL) for d in DIMENSIONS["tag"]]
    verdict = review(ITEM, unsure, 0.75)
    assert verdict.tier == "S"
    assert verdict.confidence == pytest.approx(0.7**4)
    assert tier_probabilities(unsure, 0.75)["B"] == pytest.approx(1 - 0.7**4)


def test_rules_are_certain() -> None:
    ruled = [Finding(d, "positive", 1.0, {"positive": 1.0}, RULE) for d in DIMENSIONS["tag"][1:]]
    verdict = review(ITEM, [findings("o+++")[0], *ruled], 0.75)
    assert verdict.tier == "S"
    assert verdict.confidence == pytest.approx(0.9)
