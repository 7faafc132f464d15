"""Following a run to its end, and what is said when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from launcher import watch
from launcher.airflow_processes import Airflow
from launcher.rest import DagRun, Rest
from settings import AirflowSettings

RECORDED = json.loads(Path(__file__).with_name("recorded_run.json").read_text())
RUN = DagRun("manual__1", "queued", "manual", "2017-11-01", None)


@pytest.fixture
def airflow(answers: Any, password_file: Path, tmp_path: Path) -> Airflow:
    found = Airflow(AirflowSettings(home=tmp_path))
    found.rest = Rest(answers.address, password_file)
    return found


def put_run(answers: Any, *states: str) -> None:
    answers.put(
        "GET /dags/d/dagRuns/manual__1",
        *({"dag_run_id": "manual__1", "run_type": "manual", "state": state} for state in states),
    )


def put_tasks(answers: Any, *seen: list[dict[str, Any]]) -> None:
    answers.put("GET /dags/d/dagRuns/manual__1/taskInstances", *({"task_instances": tasks} for tasks in seen))


def test_a_run_is_followed_to_its_end(answers: Any, airflow: Airflow) -> None:
    put_run(answers, "queued", *["running"] * (len(RECORDED) - 2), "failed")
    put_tasks(answers, *(seen["task_instances"] for seen in RECORDED))
    said: list[str] = []

    ended = watch.follow(airflow, "d", RUN, said.append, every=0.0)

    assert ended.state == "failed"
    assert len(said) == 7
    assert "shard [1]" in said[-2]
    assert "FAILED after 5.2 s" in said[-2]


def test_a_failure_shows_the_log_and_where_it_lies(answers: Any, airflow: Airflow, tmp_path: Path) -> None:
    put_tasks(answers, RECORDED[-1]["task_instances"])
    log = tmp_path / "logs/dag_id=d/run_id=manual__1/task_id=shard/map_index=1/attempt=2.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps({"event": f"line {number}"}) + "\n" for number in range(100)))
    said: list[str] = []

    watch.explain_failure(airflow, "d", RUN, said.append)

    text = "\n".join(said)
    assert "shard [1] failed" in text
    assert "line 70" in text
    assert "line 69" not in text
    assert str(log) in text
    assert "publish" not in text  # it did not run, so there is nothing to explain
