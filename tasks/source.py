"""Wait for the log of a day, until a deadline that counts from when the whole of it can be there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSensorTimeout

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
        self._lacking = ""

    def execute(self, context: Context) -> Any:
        checked_day(self.day)
        try:
            return super().execute(context)
        except AirflowSensorTimeout:
            raise AirflowSensorTimeout(
                f"The log of {self.day} did not arrive at the source {load_settings().source.name!r} within "
                f"{timedelta(seconds=self.timeout)} h: {self._lacking}. Ask who delivers it, then clear this task."
            ) from None

    def poke(self, context: Context) -> bool:
        found = outcome(self.command("spark_jobs.arrived", ["--day", self.day, "--look"]))
        if found["arrived"]:
            return True
        self._lacking = str(found["lacking"])
        self.log.info("%s has not arrived: %s.", self.day, self._lacking)
        self.timeout = self._deadline + seconds_after(self.day, datetime.fromisoformat(found["complete_from"]))
        return False

    @cached_property
    def _deadline(self) -> float:
        """The time-out as it was given, in seconds."""
        return float(self.timeout)


def seconds_after(day: str, moment: datetime) -> float:
    """How long after the UTC day's end, which is when its run is due, a moment is; 0 where it is none."""
    due = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
    return max(0.0, (moment - due).total_seconds())


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
