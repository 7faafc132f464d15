"""What a run's task ``days`` chose, as the tasks after it are told."""

from __future__ import annotations

TASK_ID = "days"


def chosen(name: str) -> str:
    """A template of what the task ``days`` chose, as arguments of a command."""
    found = f"ti.xcom_pull(task_ids='{TASK_ID}')['{name}']"
    return f"{{{{ {found} if {found} is string else {found} | join('\\n') }}}}"
