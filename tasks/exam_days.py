"""What an exam of a judge needs of the log and of the lake: which days, how many users, whose outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from lake.registry.splits import SplitRule, add_days, log_until, next_day
from settings import SourceSettings, load_settings
from tasks.chosen_days import TASK_ID


@dataclass(frozen=True)
class Sizes:
    """How much a preset makes for its exam; how much of it is examined, the exam's own settings say.

    Args:
        evaluation_days: the newest ones. labelled: users of each split that outputs are built of; 0: as the settings
            say. writing: users for whom the champion writes where no release has; 2 of 5 are held out.
    """

    evaluation_days: int
    labelled: int
    writing: int


# Small: with a fresh lake's landing well below 15 minutes on two cores (docs/judge.md).
SIZES = {"small": Sizes(1, 32, 16), "full": Sizes(1_000, 0, 250)}


@dataclass(frozen=True)
class ExamDays:
    """The days of an exam, as YYYY-MM-DD.

    Args:
        training: of which the labels for train and validation users are.
        evaluation: of which those for held-out users are, oldest first.
        landed_until: the last day that tells what these users did.
    """

    training: str
    evaluation: tuple[str, ...]
    landed_until: str

    @property
    def newest(self) -> str:
        return self.evaluation[-1]


def exam_days(rule: SplitRule, first_day: str, log_until: str, outcome_days: int, evaluation_days: int) -> ExamDays:
    """Choose the newest days after which enough of the log is known.

    Args:
        first_day: of the log. log_until: the day after its last one.
        outcome_days: length of the window after a day. evaluation_days: how many at most.

    Raises:
        AirflowFailException: there is no such training day, or no such evaluation day. No retry helps.
    """

    def known_by(day: str) -> str:
        return add_days(next_day(day), outcome_days)

    training = [day for day in rule.training_days(first_day) if known_by(day) <= rule.trained_until]
    evaluation = [day for day in sorted(rule.days) if known_by(day) <= log_until]
    if not training or not evaluation:
        kind = "evaluation" if training else "training"
        raise AirflowFailException(
            f"There is no {kind} day with {outcome_days} days after it that may be read (the log is there until "
            f"{add_days(log_until, -1)}, and training ends by {rule.trained_until}): shorten "
            "INTENTFLOW_JUDGE_LABELS__OUTCOME_DAYS, or wait until the log has gone on."
        )
    chosen = tuple(evaluation[-evaluation_days:])
    return ExamDays(training[0], chosen, add_days(known_by(chosen[-1]), -1))


def log_ends(source: SourceSettings, today: date) -> str:
    """The day after the last one that a log can have, as YYYY-MM-DD: of a live log yesterday is the last."""
    return log_until(source.last_day, today)


def arguments_of(days: ExamDays, sizes: Sizes, lake: str, has_own: bool, named: Sequence[str]) -> dict[str, Any]:
    """What the steps of a calibration are told, by step.

    Args:
        lake: address of this lake. has_own: whether it has outputs of held-out users. named: lakes with outputs of
            other releases. Where there are neither, the champion writes some into this lake.
    """
    writes = not has_own and not named
    outputs = [*named, lake] if has_own or writes else list(named)
    of_evaluation = [f"--day={day}" for day in days.evaluation]
    return {
        "day": days.newest,
        "until": days.landed_until,
        "writes": "yes" if writes else "",
        "users": f"--users={sizes.writing}",
        "embed": [f"--day={days.newest}", f"--users={sizes.writing}"] if writes else ["--categories"],
        "freeze": of_evaluation,
        "labels": [
            f"--day={days.training}",
            *of_evaluation,
            *([f"--users={sizes.labelled}"] if sizes.labelled else []),
            *(f"--intents={address}" for address in outputs),
        ],
    }


def has_outputs(uri: str, rule: SplitRule, days: Sequence[str]) -> bool:
    """Whether releases have written for held-out users on one of these days."""
    # Imported here: the DAG file that imports this one is parsed every few seconds.
    from lake.delta import tables
    from lake.store.location import Lake
    from schemas import intents

    lake = Lake.open(uri)
    users = (tables.read(lake, intents.TABLE, day, columns=["user_id"])["user_id"].to_pylist() for day in days)
    return any(rule.split_of(user) == "holdout" for of_day in users for user in of_day)


@task(task_id=TASK_ID)
def choose_days() -> dict[str, Any]:
    """The days and the users of this run's preset, and whether anything is to be written for them."""
    from lake.registry.evaluation_file import read_rule
    from runtime.errors import CommandError

    params, settings = get_current_context()["params"], load_settings()
    try:
        rule = read_rule(settings.source)
        sizes = SIZES[params["preset"]]
        days = exam_days(
            rule,
            settings.source.first_day.isoformat(),
            log_ends(settings.source, datetime.now(UTC).date()),
            settings.judge_labels.outcome_days,
            sizes.evaluation_days,
        )
        has_own = has_outputs(settings.lake.uri, rule, days.evaluation)
    except CommandError as error:
        raise AirflowFailException(str(error)) from None
    return arguments_of(days, sizes, settings.lake.uri, has_own, params["outputs"])
