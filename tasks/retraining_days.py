"""What a retraining needs of the log and of the lake: which days are learnt from, which of them are to be landed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from lake.registry.splits import SplitRule, add_days, next_day
from settings import RetrainingPreset, Settings, load_settings
from tasks.chosen_days import TASK_ID
from tasks.exam_days import log_ends


@dataclass(frozen=True)
class RetrainingDays:
    """The days of a retraining, as YYYY-MM-DD.

    Args:
        tuned: training days that experts are tuned on, the newest first.
        reinforced: those of whose personas reinforcement learns.
        labelled: the training day whose users' later purchases make the labels of the reward model.
        landed_until: the last day of the log that tells outcomes.
    """

    tuned: tuple[str, ...]
    reinforced: tuple[str, ...]
    labelled: str
    landed_until: str

    @property
    def newest(self) -> str:
        return self.tuned[0]


def retraining_days(
    rule: SplitRule, first_day: str, log_until: str, outcome_days: int, days: int, reinforced_days: int
) -> RetrainingDays:
    """Choose the newest training days whose outcomes are known, and the newest whose labels are.

    Args:
        first_day: of the log. log_until: the day after its last one.
        outcome_days: length of the window of the labels. days, reinforced_days: how many of each kind, at most.

    Raises:
        AirflowFailException: there is no such day. No retry helps.
    """
    training = rule.training_days(first_day)
    learnt = tuple(day for day in training if rule.outcomes_until(day) <= log_until)
    until = min(rule.trained_until, log_until)
    labelled = [day for day in training if add_days(next_day(day), outcome_days) <= until]
    if not learnt:
        raise AirflowFailException(
            f"No day has {rule.history_days} days of history and {rule.outcome_days} days of outcomes that may be "
            f"learnt: the log is there from {first_day} until {add_days(log_until, -1)}, and training ends by "
            f"{rule.trained_until}. Wait until the log has gone on, or freeze later evaluation days."
        )
    if not labelled:
        raise AirflowFailException(
            f"No training day has {outcome_days} days after it that may be learnt, until {until}, so a reward model "
            "has no labels: shorten INTENTFLOW_JUDGE_LABELS__OUTCOME_DAYS."
        )
    ends = max(rule.outcomes_until(learnt[0]), add_days(next_day(labelled[0]), outcome_days))
    return RetrainingDays(learnt[:days], learnt[:reinforced_days], labelled[0], add_days(ends, -1))


def arguments_of(
    days: RetrainingDays, preset: RetrainingPreset, settings: Settings, rolled_up: Collection[str]
) -> dict[str, Any]:
    """What the steps of a retraining are told, by step.

    Args:
        rolled_up: the days of the log that are landed and rolled up.
    """
    day, missing = settings.source.first_day.isoformat(), False
    while day <= days.landed_until and not missing:
        day, missing = next_day(day), day not in rolled_up
    judge = settings.judge.release
    return {
        "examples": [f"--day={day}" for day in sorted({*days.tuned, *days.reinforced}, reverse=True)],
        "tuned": [f"--day={day}" for day in days.tuned],
        "reinforced": [f"--day={day}" for day in days.reinforced],
        "newest": f"--day={days.newest}",
        "labelled": f"--day={days.labelled}",
        "until": days.landed_until,
        "lands": "yes" if missing else "",
        "trains_adaptor": "yes" if preset.entity_adaptor == "trained" else "",
        "keep": "" if judge is None else f"--keep={judge}",
        "evaluated": f"--users={preset.evaluated_users}",
    }


@task(task_id=TASK_ID)
def choose_days() -> dict[str, Any]:
    """The days of this run, and whether some of them are to be landed first."""
    # Imported here: the DAG file that imports this one is parsed every few seconds.
    from lake.delta import tables
    from lake.registry.evaluation_file import read_rule
    from lake.store.location import Lake
    from runtime.errors import CommandError
    from schemas import rollups

    params, settings = get_current_context()["params"], load_settings()
    preset = settings.retraining.preset(params["preset"])
    try:
        days = retraining_days(
            read_rule(settings.source),
            settings.source.first_day.isoformat(),
            log_ends(settings.source, datetime.now(UTC).date()),
            settings.judge_labels.outcome_days,
            params["days"] or preset.days,
            params["days"] or preset.reinforced_days,
        )
        rolled_up = tables.published_days(Lake.open(settings.lake.uri), rollups.TABLE)
    except CommandError as error:
        raise AirflowFailException(str(error)) from None
    return arguments_of(days, preset, settings, rolled_up)
