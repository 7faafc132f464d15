"""What the terminal shows of a run: one line when a task's state changes, its progress in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from launcher.rest import TaskInstance

PROGRESS_SECONDS = 5.0  # least time between two progress lines of one task
NAME_WIDTH = 28

# States worth a line, {after} being how long the try took. Those that only lead to one of these (scheduled, queued,
# restarting) are not.
SAID = {
    "running": "started",
    "success": "done{after}",
    "failed": "FAILED{after}",
    "up_for_retry": "failed{after}, will be tried again",
    "up_for_reschedule": "waits",
    "deferred": "waits",
    "awaiting_input": "waits for a person",
    "skipped": "skipped",
    "upstream_failed": "not run: something before it failed",
    "removed": "removed",
}


class RunProgress:
    """Turns the task instances of one run, seen again and again, into the lines that are new.

    Args:
        started: when the run began; the lines count from there.
        progress_of: the last progress line of a running task, if it wrote one.
        heading: put before each task's name, for example the day of a backfill.
    """

    def __init__(self, started: datetime, progress_of: Callable[[TaskInstance], str | None], heading: str = "") -> None:
        self.started, self.progress_of, self.heading = started, progress_of, heading
        self._states: dict[tuple[str, int], tuple[str | None, int]] = {}
        self._progress: dict[tuple[str, int], tuple[datetime, str]] = {}

    def lines(self, tasks: Sequence[TaskInstance], now: datetime) -> list[str]:
        """The new lines, in the order in which it happened."""
        lines = []
        for task in sorted(tasks, key=_when):
            seen = (task.state, task.try_number)
            if self._states.get(task.key) != seen:
                self._states[task.key] = seen
                if task.state in SAID:
                    lines.append(self._line(task.end or task.start or now, task.name, self._said(task)))
            elif task.state == "running" and (text := self._new_progress(task, now)):
                lines.append(self._line(now, "", text))
        return lines

    def _said(self, task: TaskInstance) -> str:
        if task.state == "running" and task.try_number > 1:
            return f"started again (try {task.try_number})"
        took = (task.end - task.start).total_seconds() if task.start and task.end else None
        return SAID[task.state or ""].format(after="" if took is None else f" after {took:.1f} s")

    def _new_progress(self, task: TaskInstance, now: datetime) -> str | None:
        said_at, said = self._progress.get(task.key, (self.started, ""))
        if (now - said_at).total_seconds() < PROGRESS_SECONDS:
            return None
        text = self.progress_of(task)
        if not text or text == said:
            return None
        self._progress[task.key] = (now, text)
        return text

    def _line(self, when: datetime, name: str, text: str) -> str:
        seconds = max(int((when - self.started).total_seconds()), 0)
        clock = f"{seconds // 60}:{seconds % 60:02}"
        return f"{clock:>6}  {self.heading}{name:<{NAME_WIDTH}} {text}"


def _when(task: TaskInstance) -> tuple[bool, datetime, str, int]:
    moment = task.end or task.start
    return (moment is None, moment or datetime.min, task.task_id, task.map_index)
