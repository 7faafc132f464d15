"""``make stop``: end the launcher that is at work in this checkout, and with it all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from launcher import lock
from launcher.watch import say
from runtime.errors import InfrastructureError
from settings import Settings

KINDLY_SECONDS = 40.0
KILL_SECONDS = 10.0


def stop(settings: Settings) -> int:
    """Returns 0 also when nothing runs.

    Raises:
        InfrastructureError: the launcher did not end.
    """
    owner = lock.owner(settings.airflow.home)
    if owner is None:
        say("Nothing of Intentflow runs in this checkout.")
        return 0
    say(f"Stopping `make {owner.purpose}` (process {owner.pid}).")
    for how, patience in ((signal.SIGTERM, KINDLY_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner.pid, how)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if lock.owner(settings.airflow.home) != owner:
                say("Stopped.")
                return 0
            time.sleep(0.2)
    raise InfrastructureError(f"Process {owner.pid} did not end: look at it with `ps -fp {owner.pid}`.")
