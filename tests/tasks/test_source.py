"""Waiting for a day's log, with the real command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

import settings
from tasks.source import SourceArrived, source_arrived
from tests.spark_jobs.delivering_shop import DeliveringShop


@pytest.fixture
def live_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of a log that goes on for a month longer than the source has it."""
    monkeypatch.setenv("INTENTFLOW_SOURCE__LAST_DAY", "2018-01-31")
    settings.load_settings.cache_clear()
    yield
    settings.load_settings.cache_clear()


def execute(day: str) -> Any:
    operator = SourceArrived(task_id="arrived", day=day, mode="poke", poke_interval=0, timeout=0)
    operator.allow_nested_operators = True
    return operator.execute(Context())


def test_arrived() -> None:
    execute("2017-11-01")


@pytest.mark.usefixtures("live_log")
def test_past_the_deadline_it_says_what_is_missing() -> None:
    with pytest.raises(
        AirflowSensorTimeout,
        match=r"The log of 2018-01-15 did not arrive at the source 'completejourney' .*: its last day is 2017-12-31",
    ):
        execute("2018-01-15")


def test_no_day_is_no_reason_to_wait() -> None:
    with pytest.raises(AirflowFailException, match="This run has no day"):
        execute("")


def test_waits_without_a_worker_until_the_deadline_of_the_settings() -> None:
    sensor = source_arrived()
    hours = settings.load_settings().source.arrival_deadline_hours
    assert sensor.reschedule
    assert sensor.timeout == hours * 3600
    assert sensor.poke_interval <= sensor.timeout / 4


@pytest.mark.usefixtures("live_log")
def test_the_deadline_counts_from_when_the_day_can_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"time_zone": "Pacific/Pitcairn", "days": "shop"})
    monkeypatch.setenv("INTENTFLOW_SOURCE__NAME", str(shop.description()))
    settings.load_settings.cache_clear()
    sensor = source_arrived()
    sensor.day = "2018-01-15"
    hours = settings.load_settings().source.arrival_deadline_hours
    assert not sensor.poke(Context())
    # West of UTC the shop's day ends eight hours after the run is due.
    assert not sensor.poke(Context())
    assert sensor.timeout == (hours + 8) * 3600
