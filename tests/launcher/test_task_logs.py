"""Task logs as Airflow writes them: JSON lines, sometimes something else."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from launcher.rest import TaskInstance
from launcher.task_logs import TAIL_BYTES, last_messages, last_progress, log_file, message
from runtime.progress import Progress

Record = Mapping[str, Any]

# The middle of a log that Airflow 3.3.2 wrote for a task that failed, with the fields that are read.
FAILED_TASK: list[Record] = [
    {"timestamp": "2026-11-22T02:32:19.008345Z", "level": "info", "event": "::group::Pre Execute"},
    {"timestamp": "2026-11-22T02:32:19.139640Z", "level": "info", "event": "::endgroup::"},
    {"timestamp": "2026-11-22T02:32:19.140000Z", "level": "info", "event": "3 of 12 users, 0.5/s, 18 s left"},
    {
        "timestamp": "2026-11-22T02:32:19.141118Z",
        "level": "error",
        "event": "Task failed with exception",
        "error_detail": [
            {
                "exc_type": "ValueError",
                "exc_value": "the engine did not start",
                "frames": [{"filename": "dags/daily_refresh.py", "lineno": 23, "name": "shard"}],
            }
        ],
    },
    {"timestamp": "2026-11-22T02:32:19.141501Z", "level": "info", "event": "::group::Post Execute"},
]


def write(file: Path, records: Sequence[Record]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def test_last_messages_hold_the_exception(tmp_path: Path) -> None:
    file = write(tmp_path / "attempt=1.log", FAILED_TASK)

    assert last_messages(file, 30) == [
        "3 of 12 users, 0.5/s, 18 s left",
        "Task failed with exception",
        "  File dags/daily_refresh.py, line 23, in shard",
        "ValueError: the engine did not start",
    ]
    assert last_messages(file, 1) == ["ValueError: the engine did not start"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_messages(tmp_path / "attempt=1.log", 30) == []
    assert last_progress(tmp_path / "attempt=1.log") is None


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    records = [{"event": f"line {number} " + "x" * 100} for number in range(1_000)]
    file = write(tmp_path / "attempt=1.log", [*records, {"event": "the end"}])

    lines = last_messages(file, 10_000)

    assert lines[-1] == "the end"
    assert sum(map(len, lines)) < TAIL_BYTES
    assert all(line.startswith(("line ", "the end")) for line in lines)  # none is cut


def test_lines_that_are_no_json_stay(tmp_path: Path) -> None:
    assert message("Killed") == "Killed"
    assert message("[1, 2]") == "[1, 2]"


def test_the_progress_that_commands_write_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "intentflow"):
        Progress(12, "users", every_seconds=0).advance(4, "2 chunks reused")
    (said,) = caplog.messages
    file = write(tmp_path / "attempt=1.log", [{"event": said}, {"event": "something else"}])

    assert last_progress(file) == said


def test_where_a_log_lies() -> None:
    task = TaskInstance("infer.shard", 2, "running", 3, None, None, None)
    plain = TaskInstance("embed", -1, None, 0, None, None, None)

    assert log_file(Path("h"), "d", "r", task) == Path(
        "h/logs/dag_id=d/run_id=r/task_id=infer.shard/map_index=2/attempt=3.log"
    )
    assert log_file(Path("h"), "d", "r", plain) == Path("h/logs/dag_id=d/run_id=r/task_id=embed/attempt=1.log")
