"""What the terminal shows of a run, from the answers that Airflow 3.3.2 gave while a small DAG ran (recorded)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from launcher.progress import RunProgress
from launcher.rest import TaskInstance
from launcher.watch import failed

RECORDED = [
    (datetime.fromisoformat(seen["seen_at"]), [TaskInstance.parse(task) for task in seen["task_instances"]])
    for seen in json.loads(Path(__file__).with_name("recorded_run.json").read_text())
]


def no_progress(task: TaskInstance) -> None:
    """As of a task that logs none."""


def text_of(line: str) -> tuple[str, ...]:
    """A line without its widths: clock, name, what happened."""
    clock, rest = line[:6].strip(), line[8:]
    return clock, rest[:28].strip(), rest[28:].strip()


def test_every_change_of_a_run_once_and_in_order() -> None:
    progress = RunProgress(RECORDED[0][0], no_progress)

    lines = [text_of(line) for now, tasks in RECORDED for line in progress.lines(tasks, now)]

    assert lines == [
        ("0:00", "compress", "started"),
        ("0:07", "compress", "done after 6.5 s"),
        ("0:08", "shard [0]", "done after 0.2 s"),
        ("0:08", "shard [1]", "failed after 0.2 s, will be tried again"),
        ("0:11", "shard [1]", "started again (try 2)"),
        ("0:17", "shard [1]", "FAILED after 5.2 s"),
        ("0:17", "publish", "not run: something before it failed"),
    ]


def test_nothing_new_says_nothing() -> None:
    progress = RunProgress(RECORDED[0][0], no_progress)
    now, tasks = RECORDED[-1]
    progress.lines(tasks, now)

    assert progress.lines(tasks, now + timedelta(minutes=1)) == []


def test_progress_of_a_running_task_every_few_seconds() -> None:
    started, tasks = RECORDED[1]  # compress runs
    said = iter(["1 of 3 users, 1.0/s, 2 s left", "2 of 3 users, 1.0/s, 1 s left", "2 of 3 users, 1.0/s, 1 s left"])
    progress = RunProgress(started, lambda task: next(said))

    at = [progress.lines(tasks, started + timedelta(seconds=seconds)) for seconds in (0, 2, 6, 8, 12, 18)]

    assert [len(lines) for lines in at] == [1, 0, 1, 0, 1, 0]
    assert text_of(at[2][0]) == ("0:06", "", "1 of 3 users, 1.0/s, 2 s left")


def test_the_day_of_a_backfill_stands_before_the_task() -> None:
    now, tasks = RECORDED[-1]
    lines = RunProgress(RECORDED[0][0], no_progress, "2017-11-01  ").lines(tasks, now)

    assert all("  2017-11-01  " in line for line in lines)


def test_a_mapped_task_shows_its_own_label() -> None:
    task = TaskInstance("infer.shard", 1, "running", 1, None, None, "shard 2 of 3")

    assert task.name == "infer.shard [shard 2 of 3]"


def test_only_what_failed_itself_is_explained() -> None:
    assert [task.name for task in failed(RECORDED[-1][1])] == ["shard [1]"]
