"""Whatever a day's judge does, the day is published exactly where inference was: by Airflow's own trigger rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from settings import JudgeSettings, load_settings
from tests.dags.scheduling import FAILED, NEVER, SKIPPED, SUCCESS, run, succeeds


@pytest.fixture(scope="module")
def refresh(dags: Mapping[str, Any]) -> Any:
    """The DAG as the scheduler has it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dags["daily_refresh"]))


def test_all_is_well(refresh: Any) -> None:
    states = run(refresh, {})
    assert set(states.values()) == {SUCCESS}
    assert states.keys() == {task.task_id for task in refresh.tasks}


@pytest.mark.parametrize("failing", ["judge.sample", "judge.publish"])
def test_a_failing_judge_is_red_and_the_day_is_published(refresh: Any, failing: str) -> None:
    states = run(refresh, {failing: FAILED})
    assert states[failing] == FAILED
    assert (states["judged"], states["publish_day"]) == (SUCCESS, SUCCESS)
    assert states["judge.publish"] in (FAILED, "upstream_failed")
    assert succeeds(refresh, states)


@pytest.mark.parametrize("failing", ["judge.captions", "judge.publish_captions"])
def test_a_failing_judge_of_captions_stops_neither_the_day_nor_the_judge_of_tags(refresh: Any, failing: str) -> None:
    states = run(refresh, {failing: FAILED})
    assert states["judge.publish_captions"] in (FAILED, "upstream_failed")
    assert {states[name] for name in ("judge.sample", "judge.publish", "judged", "publish_day")} == {SUCCESS}
    assert succeeds(refresh, states)
    # And the other way round.
    states = run(refresh, {"judge.sample": FAILED})
    assert (states["judge.captions"], states["judge.publish_captions"]) == (SUCCESS, SUCCESS)


def test_a_judge_without_standing_stages_nothing_and_the_day_is_published(refresh: Any) -> None:
    states = run(refresh, {}, skips={"judge.sample": "judge.publish"})
    assert (states["judge.publish"], states["judged"], states["publish_day"]) == (SKIPPED, SUCCESS, SUCCESS)


def test_a_day_that_was_published_already_is_judged(refresh: Any) -> None:
    states = run(refresh, {"infer.publish": SKIPPED})
    assert (states["judge.sample"], states["judge.publish"], states["publish_day"]) == (SUCCESS, SUCCESS, SUCCESS)


@pytest.mark.parametrize("failing", ["land.stage", "compress.contexts", "embed", "infer.shard", "infer.publish"])
@pytest.mark.parametrize("judge", [SUCCESS, FAILED])
def test_a_day_that_was_not_inferred_is_not_published(refresh: Any, failing: str, judge: str) -> None:
    states = run(refresh, {failing: FAILED, "judge.sample": judge})
    assert states["judge.sample"] == states["judge.publish"] == "upstream_failed"
    # It runs, and must not let the day through.
    assert states["judged"] == SUCCESS
    assert states["publish_day"] == "upstream_failed"
    assert not succeeds(refresh, states)


def test_a_judge_that_does_not_end_is_ended(refresh: Any) -> None:
    """As long as it works the day waits, so the task has a time-out of its own, and no second try."""
    judge = load_settings().judge
    for name in ("judge.captions", "judge.sample"):
        assert "publish_day" not in run(refresh, {name: NEVER})
        sample = refresh.get_task(name)
        assert sample.execution_timeout == timedelta(seconds=judge.time_limit_seconds + judge.grace_seconds)
    assert sample.execution_timeout < refresh.get_task("infer.publish").execution_timeout * 2
    assert (sample.retries, refresh.get_task("judge.publish").retries) == (0, 0)


def test_the_time_out_is_a_setting() -> None:
    assert JudgeSettings(time_limit_seconds=60, grace_seconds=30).grace_seconds == 30
    with pytest.raises(ValueError, match="greater than 0"):
        JudgeSettings(grace_seconds=0)


def test_no_worker_starts_for_what_only_waits(refresh: Any) -> None:
    from airflow.models.taskinstance import TaskInstance

    assert not TaskInstance.is_task_schedulable(refresh.get_task("judged"))
    assert TaskInstance.is_task_schedulable(refresh.get_task("publish_day"))
