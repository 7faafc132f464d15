"""A day's sample of outputs, the rows of the verdicts on it, and what is unusual about its tiers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lake.registry.splits import drawn
from model_steps.judge.case import Case
from model_steps.judge.reviewer import Verdict
from schemas.judge_labels import TIERS
from settings import JudgeSettings

Row = Mapping[str, Any]


def sample(rows: Sequence[Row], day: str, users: int, seed: int) -> list[Row]:
    """The intents of some users, all of each, in order: drawn by a stable hash of day and user, not by what they are.

    Args:
        rows: of ``intents``, of one day.
        users: how many are drawn, 0 for all; more users keep the earlier ones.
        seed: of the draw.
    """
    chosen = set(drawn((row["user_id"] for row in rows), users, salt=f"judge {seed} {day}\0"))
    own = (row for row in rows if row["user_id"] in chosen)
    return sorted(own, key=lambda row: (row["user_id"], row["rank"]))


def verdict_rows(
    outputs: Sequence[Row], cases: Sequence[Case], verdicts: Sequence[Verdict], threshold: float, judge: str
) -> list[dict[str, Any]]:
    """Rows of ``schemas.verdicts``, without the day.

    Args:
        outputs: rows of ``intents``. cases: of these, in their order. verdicts: on these.
        threshold: that the verdicts were given with.
        judge: its name.
    """
    return [
        {
            "item_id": verdict.item_id,
            "user_id": case.customer.user_id,
            "rank": output["rank"],
            "tag": case.text,
            "category": case.category,
            "tier": verdict.tier,
            "confidence": verdict.confidence,
            "findings": [
                {
                    "dimension": finding.dimension,
                    "label": finding.label,
                    "confidence": finding.confidence,
                    "by": finding.by,
                    "reason": finding.reason,
                }
                for finding in verdict.findings
            ],
            "flags": list(verdict.flags),
            "threshold": threshold,
            "judge": judge,
            "release": case.release,
        }
        for output, case, verdict in zip(outputs, cases, verdicts, strict=True)
    ]


def alarms(tiers: Sequence[str], settings: JudgeSettings) -> list[str]:
    """A sentence for each tier whose share of a day's tags left its usual band; none where nothing was judged.

    Args:
        tiers: of the day's judged tags. settings: with the bands.
    """
    bands = {"S": settings.superior_band, "A": settings.average_band, "B": settings.bad_band}
    shares = {tier: tiers.count(tier) / max(len(tiers), 1) for tier in TIERS}
    return [
        f"The share of {tier} is {shares[tier]:.2f}, and usually it is from {band.low:g} to {band.high:g}."
        for tier, band in bands.items()
        if tiers and not band.low <= shares[tier] <= band.high
    ]
