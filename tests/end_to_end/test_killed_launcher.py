"""The launcher is killed, so it cannot clean up; nothing is left all the same. It takes the Airflow of all tests along.

The name of this file puts it behind those that need Airflow.
"""

from __future__ import annotations

import psutil

from tests.end_to_end.airflow import HANGS, RunningAirflow, working_for


def test_airflow_ends_with_a_killed_launcher(airflow: RunningAirflow) -> None:
    processes = airflow.processes()
    assert len(processes) >= 8
    airflow.launcher.kill()
    airflow.launcher.wait()
    _, alive = psutil.wait_procs(processes, timeout=HANGS)
    assert alive == []
    assert working_for(airflow.lake) == []
