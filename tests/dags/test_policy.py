"""What holds for every DAG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from settings import load_settings
from tasks.policy import OWNER, Tag

DOC_SECTIONS = ("**Owner:**", "**Reads:**", "**Writes:**", "## When it fails", "## Run it for other days")

# What holds nothing back is not tried again, for the rest would wait.
# What would do its work twice is not either.
OF_JUDGES = ("sample", "publish", "captions", "publish_captions")
TRIED_ONCE = {*(f"daily_refresh.judge.{name}" for name in OF_JUDGES), "rollback.roll_back"}

# Airflow's own, and the one that the launcher makes from the settings.
POOLS = {"default_pool", load_settings().airflow.heavy_pool}


@pytest.fixture
def tasks(dags: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Every task of every DAG with its full name."""
    return list(_tasks(dags))


def _tasks(dags: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for dag in dags.values():
        for task in dag.tasks:
            yield f"{dag.dag_id}.{task.task_id}", task


def test_the_dags_there_are(dags: Mapping[str, Any]) -> None:
    assert {"daily_refresh", "intents_consumer_example"} <= set(dags)


def test_labels(dags: Mapping[str, Any]) -> None:
    for name, dag in dags.items():
        assert dag.description, name
        assert dag.tags, name
        assert set(dag.tags) <= set(Tag), name


def test_doc_says_who_what_and_what_to_do(dags: Mapping[str, Any]) -> None:
    for name, dag in dags.items():
        positions = [(dag.doc_md or "").find(section) for section in DOC_SECTIONS]
        assert -1 not in positions, f"{name} lacks {DOC_SECTIONS[positions.index(-1)]}"
        assert positions == sorted(positions), name
        assert dag.doc_md.startswith("# "), name


def test_doc_says_what_to_do_about_each_task(dags: Mapping[str, Any]) -> None:
    for name, dag in dags.items():
        triage = dag.doc_md.partition("## When it fails")[2].partition("\n## ")[0]
        parts = {task.task_id.partition(".")[0] for task in dag.tasks}
        assert not [part for part in parts if f"`{part}" not in triage], name


def test_nothing_starts_by_itself_when_deployed(dags: Mapping[str, Any]) -> None:
    for name, dag in dags.items():
        assert dag.is_paused_upon_creation is True, name
        assert dag.catchup is False, name
        assert dag.max_active_runs < 16, f"{name}: Airflow's default, so nobody thought about it"


def test_owner(tasks: list[tuple[str, Any]]) -> None:
    assert {name for name, task in tasks if task.owner != OWNER} == set()


def test_retries_are_few_and_apart(tasks: list[tuple[str, Any]]) -> None:
    for name, task in tasks:
        assert (task.retries == 0) if name in TRIED_ONCE else (1 <= task.retries <= 3), name
        assert task.retry_delay >= timedelta(seconds=10), name
        assert task.max_retry_delay <= timedelta(minutes=30), name


def test_every_task_ends(tasks: list[tuple[str, Any]]) -> None:
    for name, task in tasks:
        assert task.execution_timeout, name
        assert timedelta() < task.execution_timeout <= timedelta(hours=24), name


def test_pools_exist(tasks: list[tuple[str, Any]]) -> None:
    assert {name for name, task in tasks if task.pool not in POOLS} == set()


def test_sensors_hold_no_worker(tasks: list[tuple[str, Any]]) -> None:
    sensors = [(name, task) for name, task in tasks if getattr(task, "_is_sensor", False)]
    assert sensors
    for name, task in sensors:
        assert task.reschedule, name


def test_task_names_are_short(tasks: list[tuple[str, Any]]) -> None:
    assert {name for name, task in tasks if len(task.task_id) > 30} == set()
