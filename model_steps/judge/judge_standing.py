"""Whether a judge may judge here and now: by its records, and by the code, prompts and settings that are here."""

from __future__ import annotations

from lake.registry import judge_records
from lake.registry.judge_records import Standing
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
