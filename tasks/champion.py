"""Take the champion: the release that a whole run uses, whoever is promoted meanwhile."""

from __future__ import annotations

from typing import Any

from tasks.command import Command
from tasks.policy import AUDIT_TIMEOUT

TASK_ID = "champion"
# What the run's first task took and found, as arguments of a command.
RELEASE_NAME = f"{{{{ ti.xcom_pull(task_ids='{TASK_ID}')['release'] }}}}"
RELEASE = f"--release={RELEASE_NAME}"
# Only where a canary runs on the run's day.
CANARY = (
    f"{{{{ '--canary=%d' % ti.xcom_pull(task_ids='{TASK_ID}')['canary']['record'] "
    f"if ti.xcom_pull(task_ids='{TASK_ID}').get('canary') else '' }}}}"
)
DTYPE = f"--dtype={{{{ ti.xcom_pull(task_ids='{TASK_ID}')['dtype'] }}}}"


def take_champion(when: str | None = None, of_day: str = "") -> Any:
    """The first task of a refresh; returns the champion's name and record, and the engine's number type.

    Args:
        when: as of ``Command``.
        of_day: templated argument that names the run's day, whose canary is told, too. Empty: who serves does not
            matter.
    """
    return Command(
        task_id=TASK_ID,
        module="lake.champion",
        arguments=(of_day,) if of_day else (),
        when=when,
        execution_timeout=AUDIT_TIMEOUT,
    ).output
