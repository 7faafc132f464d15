"""Take the last promotion back, in the name of who started the run."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from tasks.approval import refuse_unnamed
from tasks.command import Command, outcome
from tasks.policy import ONCE


class RollBack(Command):
    """Makes the previous champion champion again.

    A reason is one argument, however many lines it has. Refused where Airflow does not know who asks.
    """

    ui_color = "#fce8e6"

    def execute(self, context: Context) -> dict[str, Any]:
        refuse_unnamed()
        params = context["params"]
        arguments = [
            f"--reason={params['reason']}",
            f"--record={params['record']}" if params["record"] else "",
            f"--reviewer={context['dag_run'].triggering_user_name or ''}",
        ]
        return self.report(outcome(self.command(self.module, arguments)))


def roll_back() -> Any:
    """The only task of a rollback; returns the record that it wrote.

    It is not tried again: where the first try died after its record was written, a second one would go further back.
    """
    return RollBack(task_id="roll_back", module="lake.roll_back", **ONCE).output
