"""A day's sample of outputs and what the verdicts on it come to: rows, shares of tiers, alarms. Pure functions."""

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


def tier_figures(verdicts: Sequence[Verdict], settings: JudgeSettings) -> dict[str, Any]:
    """How a day's tiers are shared, for its manifest.

    Returns:
        tier_shares: raw, by tier; 0 of all where nothing was judged. alarm: whether one left its usual band. alarms: a
        sentence for each that did.
    """
    tiers: list[str] = [verdict.tier for verdict in verdicts]
    shares = {tier: round(tiers.count(tier) / max(len(tiers), 1), 4) for tier in TIERS}
    bands = {"S": settings.superior_band, "A": settings.average_band, "B": settings.bad_band}
    alarms = [
        f"The share of {tier} is {shares[tier]:.2f}, and usually it is from {band.low:g} to {band.high:g}."
        for tier, band in bands.items()
        if verdicts and not band.low <= shares[tier] <= band.high
    ]
    return {"tier_shares": shares, "alarm": bool(alarms), "alarms": alarms}
