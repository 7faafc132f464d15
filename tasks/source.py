"""Wait for the log of a day, until a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSensorTimeout

from runtime.errors import Exit
from settings import load_settings
from tasks.command import RunsCommands, outcome
from tasks.form import DAY, checked_day
from tasks.policy import AUDIT_TIMEOUT

# Between two looks; between them the task holds no worker.
LOOK_EVERY = timedelta(minutes=5)


class SourceArrived(RunsCommands, BaseSensorOperator):
    """Looks whether the log of a day has arrived; past the deadline says what is missing."""

    template_fields: Sequence[str] = ("day",)
    ui_color = "#fef7e0"

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day = day

    def execute(self, context: Context) -> Any:
        checked_day(self.day)
        try:
            return super().execute(context)
        except AirflowSensorTimeout:
            raise AirflowSensorTimeout(
                f"The log of {self.day} did not arrive at the source {load_settings().source.name!r} within "
                f"{timedelta(seconds=self.timeout)} h: ask who delivers it, then clear this task."
            ) from None

    def poke(self, context: Context) -> bool:
        result = self.command("spark_jobs.arrived", ["--day", self.day])
        if result.exit_code == Exit.NO_INPUT:
            return False
        outcome(result)
        return True


def source_arrived() -> SourceArrived:
    """The task that every refresh begins with."""
    deadline = timedelta(hours=load_settings().source.arrival_deadline_hours)
    return SourceArrived(
        task_id="arrived",
        day=DAY,
        mode="reschedule",
        timeout=deadline,
        poke_interval=min(LOOK_EVERY, deadline / 4),
        execution_timeout=AUDIT_TIMEOUT,
    )
