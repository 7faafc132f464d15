"""Whether a judge may judge as of a day, by the record of its exam."""

from __future__ import annotations

from lake.registry import judge_records
from lake.registry.judge_records import Standing
from lake.store.location import Lake
from model_steps.judge import prompt_files
from model_steps.judge.judge_release import Judge
from runtime.fingerprint import code_of, digest
from settings import Settings

CODE = "model_steps.judge.judging"


def standing_of(lake: Lake, judge: Judge, settings: Settings, day: str) -> Standing:
    """The judge's standing.

    Args:
        day: of the log, as YYYY-MM-DD.

    Raises:
        DataError: a calibration record was changed.
    """
    decides = digest([code_of(CODE).digest, prompt_files.role_digests()])
    asked = settings.judge
    return judge_records.standing(lake, judge.name, decides, day, asked.valid_days, asked.minimum_kappa)
