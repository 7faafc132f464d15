"""Airflow's task logs on disk: where one lies, its text, and the progress line a command wrote last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from launcher.rest import TaskInstance

TAIL_BYTES = 16_384  # enough for the last lines of a chatty task, cheap to read each second
# What runtime.progress.Progress writes: "4 of 12 users, 0.3/s, 27 s left".
PROGRESS = re.compile(r"[\d,]+ of [\d,]+ [^,]+, [\d.]+/s, (?:\d+|inf) s left.*")


def log_file(home: Path, dag_id: str, run_id: str, task: TaskInstance) -> Path:
    """Where Airflow keeps the log of the task's latest try (its ``log_filename_template``)."""
    folder = home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task.task_id}"
    if task.map_index >= 0:
        folder /= f"map_index={task.map_index}"
    return folder / f"attempt={max(task.try_number, 1)}.log"


def last_progress(file: Path) -> str | None:
    """The last progress line in the log, without what precedes it; None when there is none yet."""
    for line in reversed(_tail(file)):
        if found := PROGRESS.search(message(line)):
            return found.group()
    return None


def last_messages(file: Path, count: int) -> list[str]:
    """The last ``count`` lines of the log as text, with the traceback of an exception."""
    return [text for line in _tail(file) for text in message(line).splitlines()][-count:]


def _tail(file: Path) -> list[str]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(size - TAIL_BYTES, 0))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return lines[1:] if size > TAIL_BYTES else lines  # the first line may be cut


def message(line: str) -> str:
    """A line of a task log as text: Airflow writes JSON objects, a broken process anything."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict):
        return line
    text = str(record.get("event", ""))
    if text.startswith(("::group::", "::endgroup::")):
        return ""
    return "\n".join([text, *_exceptions(record.get("error_detail") or ())])


def _exceptions(details: Iterable[dict[str, Any]]) -> Iterable[str]:
    for detail in details:
        for frame in detail.get("frames", ())[-3:]:
            yield f"  File {frame.get('filename')}, line {frame.get('lineno')}, in {frame.get('name')}"
        yield f"{detail.get('exc_type')}: {detail.get('exc_value')}"
