"""The order of a refresh, when it is scheduled, and which days a backfill makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import Any

import pytest
from airflow.timetables.base import TimeRestriction

from settings import load_settings
from tasks.assets import INTENTS
from tasks.champion import CANARY
from tasks.form import OF_DAY


@pytest.fixture
def refresh(dags: Mapping[str, Any]) -> Any:
    return dags["daily_refresh"]


@pytest.fixture
def scheduled(refresh: Any) -> Any:
    """The DAG as the scheduler has it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(refresh))


def test_order(refresh: Any) -> None:
    after = {task.task_id: task.upstream_task_ids for task in refresh.tasks}
    assert after == {
        "champion": set(),
        "split": {"champion"},
        "land.arrived": set(),
        "land.stage": {"land.arrived"},
        "land.publish": {"land.stage"},
        "compress.roll_up": {"split", "land.publish"},
        "compress.publish_roll_up": {"compress.roll_up"},
        "compress.signals": {"compress.publish_roll_up"},
        "compress.contexts": {"compress.publish_roll_up"},
        "compress.publish": {"compress.signals", "compress.contexts"},
        "embed": {"compress.publish"},
        "infer.shard": {"embed", "split"},
        "infer.publish": {"infer.shard"},
        "judge.sample": {"infer.publish"},
        "judge.publish": {"judge.sample"},
        "judge.captions": {"infer.publish"},
        "judge.publish_captions": {"judge.captions"},
        "judged": {"judge.publish", "judge.publish_captions"},
        "publish_day": {"infer.publish", "judged"},
    }


def test_all_shards_get_what_the_first_task_took(refresh: Any) -> None:
    arguments = refresh.get_task("infer.shard").partial_kwargs["arguments"]
    for name in ("release", "dtype"):
        assert f"--{name}={{{{ ti.xcom_pull(task_ids='champion')['{name}'] }}}}" in arguments
    assert CANARY in arguments
    assert refresh.get_task("champion").arguments == (OF_DAY,)
    assert "--dtype={{ ti.xcom_pull(task_ids='champion')['dtype'] }}" in refresh.get_task("judge.sample").arguments


def test_what_is_published_was_audited(refresh: Any) -> None:
    publishing = [task for task in refresh.tasks if task.task_id.split(".")[-1].startswith("publish")]
    assert len(publishing) == 7
    for task in publishing:
        # The last one's row only points at tables that passed.
        assert task.module == ("lake.publish_day" if task.task_id == "publish_day" else "lake.audit")
        assert task.trigger_rule == ("none_failed" if task.task_id == "publish_day" else "all_success")


def test_heavy_tasks_share_a_pool(refresh: Any) -> None:
    def module(task: Any) -> str:
        return str(task.partial_kwargs["module"] if task.is_mapped else getattr(task, "module", ""))

    heavy = {task.task_id for task in refresh.tasks if module(task).startswith(("spark_jobs.", "model_steps."))}
    assert heavy == {
        *("land.stage", "compress.roll_up", "compress.signals", "compress.contexts", "embed", "infer.shard"),
        *("judge.sample", "judge.captions"),
    }
    pool = load_settings().airflow.heavy_pool
    assert {task.task_id for task in refresh.tasks if task.pool == pool} == heavy


def test_a_skipped_publish_does_not_skip_what_follows(refresh: Any) -> None:
    for task in refresh.tasks:
        if any(before.task_id.split(".")[-1].startswith("publish") for before in task.upstream_list):
            assert task.trigger_rule == ("all_done" if task.task_id == "judged" else "none_failed"), task.task_id


def test_only_publish_day_tells_the_asset(refresh: Any) -> None:
    assert {task.task_id: task.outlets for task in refresh.tasks if task.outlets} == {"publish_day": [INTENTS]}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock that the schedule goes by."""
    return lambda at: monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: at)


def test_unpausing_starts_no_run_of_a_log_that_has_ended(scheduled: Any, now: Callable[[datetime], None]) -> None:
    now(datetime(2018, 3, 1, tzinfo=UTC))
    assert scheduled.next_dagrun_info(last_automated_run_info=None) is None
    # While the log lasts the same call gives a day.
    now(datetime(2017, 11, 5, 12, tzinfo=UTC))
    assert scheduled.next_dagrun_info(last_automated_run_info=None).partition_key == "2017-11-04"


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 1, 0, 0, 0, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC), "2026-03-01"),
    ],
)
def test_a_live_log_gets_the_day_that_has_just_ended(
    scheduled: Any, now: Callable[[datetime], None], at: datetime, day: str
) -> None:
    now(at)
    within = TimeRestriction(scheduled.start_date, None, catchup=False)
    info = scheduled.timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=within)
    assert info.run_after == datetime.combine(at, time(), UTC)
    assert info.partition_key == day


def test_the_schedule_covers_the_log_from_its_first_day_to_its_last(scheduled: Any) -> None:
    within = TimeRestriction(scheduled.start_date, scheduled.end_date, catchup=True)
    first = scheduled.timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=within)
    assert first.partition_key == load_settings().source.first_day.isoformat()
    before_last = first._replace(run_after=first.run_after.replace(year=2017, month=12, day=31))
    last = scheduled.timetable.next_dagrun_info_v2(last_dagrun_info=before_last, restriction=within)
    assert last.partition_key == "2017-12-31"
    assert scheduled.timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=within) is None


def test_backfill_makes_exactly_the_days(scheduled: Any) -> None:
    infos = scheduled.iter_dagrun_infos_between(datetime(2017, 11, 1, tzinfo=UTC), datetime(2017, 11, 3, tzinfo=UTC))
    assert [info.partition_key for info in infos] == ["2017-11-01", "2017-11-02", "2017-11-03"]


def test_consumer_gets_the_producers_day(dags: Mapping[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    consumer = DagSerialization.from_dict(DagSerialization.to_dict(dags["intents_consumer_example"]))
    assert consumer.timetable.partitioned
    mapper = consumer.timetable.get_partition_mapper(name=INTENTS.name, uri=INTENTS.uri)
    assert mapper.to_downstream("2017-11-01") == "2017-11-01"
    assert consumer.next_dagrun_info(last_automated_run_info=None) is None
