"""Whether a judge may judge here and now, and what its reported shares are corrected with: read from its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.corrected_share import CorrectedShare, Proportion, corrected_share
from lake.registry import judge_records
from lake.registry.judge_records import CalibrationRecord, Standing
from lake.store.location import Lake
from model_steps.judge.decides import decides
from settings import JudgeSettings


def standing_of(lake: Lake, judge: str, settings: JudgeSettings, day: str) -> Standing:
    """The standing of a judge, with the code, the prompts and the settings that are here.

    Args:
        judge: name of its release.
        day: of the log, as YYYY-MM-DD, on which it would judge.

    Raises:
        DataError: a record was changed.
    """
    wanted = decides(settings, judge)
    return judge_records.standing(lake, judge, wanted, day, settings.valid_days, settings.minimum_kappa)


def record_of(lake: Lake, judge: str, name: str | None) -> CalibrationRecord | None:
    """The record that a standing names; None where it names none.

    Raises:
        DataError: a record was changed.
    """
    return next((record for record in judge_records.records_of(lake, judge) if record.name == name), None)


def corrected(record: CalibrationRecord, superior: int, judged: int) -> CorrectedShare | None:
    """A share of S that a judge reports, beside what it is when the judge's known errors are taken out.

    Args:
        record: of the judge's exam. superior: outputs that it gave S, of those that it judged.

    Returns:
        None where the record does not hold the errors.
    """
    errors = record.figures.get("superior_errors")
    if not isinstance(errors, Mapping):
        return None
    return corrected_share(
        Proportion(superior, judged), _proportion(errors["specificity"]), _proportion(errors["sensitivity"])
    )


def _proportion(counted: Mapping[str, Any]) -> Proportion:
    return Proportion(counted["found"], counted["of"])
