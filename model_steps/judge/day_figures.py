"""What a day's verdicts come to: shares of tiers, raw and corrected for the judge's known errors, and alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.bootstrap import Interval
from evaluation.corrected_share import UNKNOWN, Proportion, corrected_share, wilson
from lake.registry import judge_records
from lake.registry.judge_records import CalibrationRecord, Standing
from lake.registry.judged_days import JudgedDay
from lake.store.location import Lake
from model_steps.judge.verdicts import alarms
from runtime.errors import DataError
from schemas.judge_labels import TIERS
from settings import JudgeSettings

# Where a calibration record counts the judge's errors on Superior.
ERRORS, SENSITIVITY, SPECIFICITY = "superior_errors", "sensitivity", "specificity"
# Standings whose record was made by a judge that judges as this one, in an exam that measures something.
MEASURED = ("valid", "failing", "expired")

Errors = tuple[Proportion, Proportion]


def judged_day(
    rows: Sequence[Mapping[str, Any]],
    contents: str,
    judge: str,
    standing: Standing,
    errors: Errors | str,
    settings: JudgeSettings,
) -> JudgedDay:
    """The note on a day's verdicts.

    Args:
        rows: of ``verdicts``, of one day.
        contents: digest of what was judged, as in ``JudgedDay``.
        judge: its name. standing: its standing as of the day.
        errors: of the judge on Superior, as ``known_errors`` gives them.
        settings: with the usual bands.
    """
    tiers = [row["tier"] for row in rows]
    judged = {tier: Proportion(tiers.count(tier), len(tiers)) for tier in TIERS}
    corrected, why = _corrected(judged["S"], errors)
    return JudgedDay(
        contents=contents,
        judge=judge,
        standing=standing.state,
        users=len({row["user_id"] for row in rows}),
        outputs=len(rows),
        flagged=sum(bool(row["flags"]) for row in rows),
        shares={tier: wilson(proportion).as_dict() for tier, proportion in judged.items()},
        superior_corrected=corrected.as_dict(),
        not_estimable=why,
        alarms=alarms(tiers, settings),
    )


def _corrected(superior: Proportion, errors: Errors | str) -> tuple[Interval, str | None]:
    """The corrected share of S, or why there is none."""
    if isinstance(errors, str):
        return UNKNOWN, errors
    sensitivity, specificity = errors
    found = corrected_share(superior, specificity, sensitivity)
    return found.corrected, found.reason


def known_errors(lake: Lake, judge: str, standing: Standing) -> Errors | str:
    """A judge's sensitivity and specificity on Superior, counted in its exam, or a sentence why they are not known.

    Raises:
        DataError: a calibration record was changed.
    """
    if standing.state not in MEASURED:
        return standing.reason
    records = {record.name: record for record in judge_records.records_of(lake, judge)}
    record = records.get(standing.record or "")
    found = None if record is None else _errors_of(record)
    return found or f"The exam of {judge} did not count its errors on Superior."


def _errors_of(record: CalibrationRecord) -> Errors | None:
    counted: Any = record.figures.get(ERRORS)
    try:
        sensitivity, specificity = (
            Proportion(counted[name]["found"], counted[name]["of"]) for name in (SENSITIVITY, SPECIFICITY)
        )
    except (TypeError, KeyError, DataError):
        return None
    return sensitivity, specificity


def manifest_figures(note: JudgedDay) -> dict[str, Any]:
    """What a manifest says of the tiers: raw shares, the corrected one or why there is none, alarms."""
    return {
        "tier_shares": {tier: share["value"] or 0.0 for tier, share in note.shares.items()},
        "superior": dict(note.shares["S"]),
        "superior_corrected": dict(note.superior_corrected),
        "not_estimable": note.not_estimable,
        "alarm": bool(note.alarms),
        "alarms": list(note.alarms),
    }
