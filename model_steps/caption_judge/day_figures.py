"""What a day's verdicts on captions come to: the share that passes, tiers, and an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.corrected_share import Proportion, wilson
from lake.registry.judge_records import Standing
from lake.registry.judged_captions import JudgedCaptions
from schemas.judge_labels import TIERS
from settings import BandSettings


def judged_captions(
    rows: Sequence[Mapping[str, Any]],
    contents: str,
    judge: str,
    standing: Standing,
    not_calibrated: Sequence[str],
    band: BandSettings,
) -> JudgedCaptions:
    """The note on a day's verdicts.

    Args:
        rows: of ``caption_verdicts``, of one day. contents: digest of what was judged, as in ``JudgedCaptions``.
        judge: its name. standing: its standing as of the day. not_calibrated: dimensions, as its record says.
        band: the usual share that passes.
    """
    tiers = [row["tier"] for row in rows]
    passing = Proportion(sum(row["passes"] for row in rows), len(rows))
    return JudgedCaptions(
        contents=contents,
        judge=judge,
        standing=standing.state,
        users=len({row["user_id"] for row in rows}),
        captions=len(rows),
        passing=wilson(passing).as_dict(),
        shares={tier: wilson(Proportion(tiers.count(tier), len(tiers))).as_dict() for tier in TIERS},
        not_calibrated=tuple(not_calibrated),
        alarms=alarms(passing, band),
    )


def alarms(passing: Proportion, band: BandSettings) -> list[str]:
    """A sentence where the passing share of a day's captions left its usual band; none where nothing was judged."""
    share = passing.found / max(passing.of, 1)
    if not passing.of or band.low <= share <= band.high:
        return []
    return [
        f"The share of captions that pass all seven dimensions is {share:.2f}, and usually it is from {band.low:g} to "
        f"{band.high:g}."
    ]


def manifest_figures(note: JudgedCaptions) -> dict[str, Any]:
    """What a manifest says of the note."""
    return {
        "passing": dict(note.passing),
        "tier_shares": {tier: share["value"] or 0.0 for tier, share in note.shares.items()},
        "not_calibrated": list(note.not_calibrated),
        "alarm": bool(note.alarms),
        "alarms": list(note.alarms),
    }
