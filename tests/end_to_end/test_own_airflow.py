"""A run that finds no Airflow starts one of its own, and ends it; killed in its midst, it leaves nothing behind.

Minutes long, so not a part of ``make test``: ``make prove-run`` runs it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lake.registry.days import read_day
from lake.store.location import Lake
from schemas import intents
from tests.end_to_end.airflow import DAY, HANGS, ROOT, settings_below, working_for


@pytest.mark.proof
def test_a_killed_run_leaves_nothing_and_the_next_one_closes_it(tmp_path: Path) -> None:
    environment, lake = settings_below(tmp_path), Lake.open(tmp_path / "lake")
    command = [sys.executable, "-m", "launcher", "run", "--day", DAY, "--users", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        said = ""
        while "land.stage" not in said:
            line = killed.stdout.readline()
            assert line, said
            said += line
        processes = psutil.Process(killed.pid).children(recursive=True)
        killed.kill()
    _, alive = psutil.wait_procs(processes, timeout=HANGS)
    assert alive == []
    assert working_for(lake) == []

    again = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert again.returncode == 0, again.stdout[-4000:]
    assert f"Closing the run of {DAY} that was cut off earlier" in again.stdout
    assert "Airflow is ready after" in again.stdout
    assert len({row["user_id"] for row in read_day(lake, intents.TABLE, DAY).to_pylist()}) == 2
    assert working_for(lake) == []
