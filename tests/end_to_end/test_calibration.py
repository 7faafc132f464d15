"""``make calibrate`` at its small preset: a fresh lake is landed, a judge examined, and the record shown.

Minutes long, so not a part of ``make test``: ``make prove-calibration`` runs it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from lake.delta import tables
from lake.registry.judge_records import records_of
from lake.registry.judges import examined_judges, plots_of
from lake.registry.splits import next_day
from schemas import behaviors, days
from schemas.judge_labels import TABLE
from settings import JudgeSettings
from tests.end_to_end.airflow import HANGS, ROOT, RunningAirflow

MOST_SECONDS = 15 * 60
DAG_ID = "calibrate_judge"


@pytest.fixture(scope="module")
def whole_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """Airflow on a fresh lake, with the log from its first day on: a training day has months before it."""
    found = RunningAirflow(tmp_path_factory.mktemp("calibration"))
    for name in ("SOURCE__FIRST_DAY", "INFERENCE__PERSONAS"):
        del found.environment[f"INTENTFLOW_{name}"]
    try:
        found.begin()
        yield found
    finally:
        found.end()


def calibrate(airflow: RunningAirflow, *options: str) -> tuple[str, float]:
    """``make calibrate`` beside ``make ui``; returns what it said, and its seconds."""
    began = time.monotonic()
    command = [sys.executable, "-m", "launcher", "calibrate", "--preset", "small", *options]
    done = subprocess.run(
        command, cwd=ROOT, env=airflow.environment, capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout, time.monotonic() - began


@pytest.mark.proof
def test_the_small_exam_of_a_fresh_lake(whole_log: RunningAirflow) -> None:
    airflow, lake = whole_log, whole_log.lake
    said, seconds = calibrate(airflow, "--seed", "7")
    assert seconds < MOST_SECONDS

    (examined,) = examined_judges(lake, JudgeSettings())
    # The judge that is shipped brings the record of its full exam, by which it stands; this one is beside it.
    (record,) = (one for one in examined.records if one.preset == "small")
    assert {one.preset for one in examined.records} == {"full", "small"}
    assert examined.standing.state == "valid"
    assert f"Judge {record.judge}, preset small: valid" in said
    assert record.name in said
    assert record.figures["real_outputs"]["outputs"] > 0
    assert len(plots_of(lake, record)) >= 3

    # Landed until the last day that tells what was bought, and nothing published to readers of days.
    assert max(tables.published_days(lake, behaviors.TABLE)) == "2017-12-31"
    assert tables.version(lake, days.TABLE) is None
    labels = tables.read(lake, TABLE, columns=["day", "split", "release"]).to_pylist()
    assert {(row["day"], row["split"]) for row in labels} == {
        ("2017-06-28", "train"),
        ("2017-06-28", "validation"),
        ("2017-11-01", "holdout"),
    }
    assert any(row["release"] for row in labels)
    assert next_day(record.day) >= "2017-11-01"

    rest = airflow.rest()
    (run,) = rest.runs(DAG_ID)
    path = f"/dags/{DAG_ID}/dagRuns/{run.run_id}/taskInstances/exam/links"
    page = rest._call("GET", path).json()["extra_links"]["Calibration record"]
    assert page == f"/data-docs/judges/{record.judge}/{record.name}"
    user, stranger = rest._client, httpx.Client(base_url=airflow.address, trust_env=False)
    plot = f"{page}/{plots_of(lake, record)[0]}"
    for address in (page, plot, "/data-docs/judges"):
        assert stranger.get(address).status_code == 401, address
        assert user.get(address).status_code == 200, address
    assert "small" in user.get(page).text
    assert user.get(f"{page}/..%2f..%2fx.svg").status_code == 404

    # The same again lands, labels and asks nothing.
    version, records = tables.version(lake, TABLE), records_of(lake, record.judge)
    _, again = calibrate(airflow, "--seed", "7")
    assert again < seconds / 2
    assert records_of(lake, record.judge) == records
    assert tables.version(lake, TABLE) == version
