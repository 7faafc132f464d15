"""What holds for every DAG and task: who owns it, how it is labelled, when it is retried, how long it may take."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import WeightRule

from settings import load_settings

OWNER = "intentflow"


class Tag(StrEnum):
    """The labels that DAGs carry in the UI."""

    REFRESH = "refresh"
    INTENTS = "intents"
    TRAINING = "training"
    JUDGE = "judge"
    REVIEW = "review"
    EXAMPLE = "example"


# A time-out ends what hangs, not what is slow; each is several times what the slowest known run took.
AUDIT_TIMEOUT = timedelta(minutes=30)
SPARK_TIMEOUT = timedelta(hours=2)
# One shard. Who needs more than half a day for one has too few shards.
MODEL_TIMEOUT = timedelta(hours=12)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    # Only what a retry can help is tried again (tasks/command.py): then three times in all, about 90 s apart.
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": AUDIT_TIMEOUT,
    # A task far down a run comes before one high up: days are finished, not all begun.
    "weight_rule": WeightRule.UPSTREAM,
}

# Of tasks that hold nothing back: a second try would only make the others wait.
ONCE: dict[str, Any] = {"retries": 0}


def judge_timeout() -> timedelta:
    """When a day's judging is ended that does not end by itself: some time after its own limit."""
    judge = load_settings().judge
    return timedelta(seconds=judge.time_limit_seconds + judge.grace_seconds)


def heavy_pool() -> str:
    """The pool that keeps Spark and the engine from one another. It must exist, or its tasks never run."""
    return load_settings().airflow.heavy_pool


def model_pool() -> str:
    """The pool of training and inference: the heavy one, or that of the machines with GPUs."""
    airflow = load_settings().airflow
    return airflow.gpu_pool or airflow.heavy_pool


def first_run() -> datetime:
    """When the first day of the log is over: the earliest run there can be (a DAG's ``start_date``)."""
    return _midnight_after(load_settings().source.first_day)


def last_run() -> datetime | None:
    """When the last day of the log is over: no later run is ever scheduled (``end_date``); none for a live log."""
    last_day = load_settings().source.last_day
    return None if last_day is None else _midnight_after(last_day)


def _midnight_after(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)
