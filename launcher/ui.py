"""``make ui``: the same Airflow, until Ctrl-C or ``make stop``."""

from __future__ import annotations

import time

from launcher import lock
from launcher.airflow_processes import running_airflow
from launcher.environment import password_file
from launcher.session import ensure_pools
from launcher.watch import say
from settings import Settings


def ui(settings: Settings) -> int:
    """Start Airflow, say where it is, and stay.

    Raises:
        Held: a run, a backfill or another ``make ui`` is at work here.
        InfrastructureError: Airflow did not start, or one of its processes ended.
    """
    airflow_settings = settings.airflow
    with (
        lock.hold(airflow_settings.home, "ui", airflow_settings.port),
        running_airflow(airflow_settings, lambda rest: ensure_pools(rest, airflow_settings)) as airflow,
    ):
        say(f"Airflow is at {airflow.rest.address} for the users admin, reviewer and guest.")
        say(f"Their passwords: {password_file(airflow_settings)}")
        say("Ctrl-C here, or `make stop` elsewhere, ends it.")
        try:
            while True:
                airflow.check()
                time.sleep(2)
        except KeyboardInterrupt:
            say("Stopping Airflow.")
    return 0
