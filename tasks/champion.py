"""Take the champion: the release that a whole run uses, whoever is promoted meanwhile."""

from __future__ import annotations

from typing import Any

from tasks.command import Command
from tasks.policy import AUDIT_TIMEOUT

TASK_ID = "champion"
# What the run's first task took, as an argument of a command.
RELEASE = f"--release={{{{ ti.xcom_pull(task_ids='{TASK_ID}')['release'] }}}}"


def take_champion() -> Any:
    """The first task of a refresh; returns the champion's name and record."""
    return Command(task_id=TASK_ID, module="lake.champion", execution_timeout=AUDIT_TIMEOUT).output
