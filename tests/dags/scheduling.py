"""Which tasks of a DAG run when some end badly: by Airflow's own trigger rules, without database or scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from airflow.ti_deps.dep_context import DepContext
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

SUCCESS, FAILED, SKIPPED = "success", "failed", "skipped"
NEVER = "never"


class Instance:
    """Stands for a task instance, as far as its trigger rule looks at it; mapped ones have one shard."""

    dag_id = run_id = "run"
    map_index = -1

    def __init__(self, task: Any) -> None:
        self.task, self.task_id = task, task.task_id
        self.state: str | None = None

    def get_dagrun(self, session: Any) -> None:
        return None

    def set_state(self, state: Any, session: Any) -> bool:
        self.state = str(getattr(state, "value", state))
        return True


def run(scheduled: Any, ends: Mapping[str, str], skips: Mapping[str, str] | None = None) -> dict[str, str]:
    """Run a DAG: each task that may start succeeds, or ends as is said.

    Args:
        scheduled: the DAG as the scheduler has it.
        ends: state by task id; NEVER: it does not end.
        skips: by task id, the task that it skips from its own end.

    Returns:
        The states of the tasks that ended.
    """
    instances = {task.task_id: Instance(task) for task in scheduled.tasks}
    # Of a mapped task Airflow counts the instances in its database.
    session = SimpleNamespace(execute=lambda _statement: counted(scheduled))
    started: set[str] = set()
    while True:
        before = {name: one.state for name, one in instances.items()}
        for name, one in instances.items():
            if one.state is None and name not in started and may_start(one, instances, session):
                started.add(name)
                if (end := ends.get(name, SUCCESS)) == NEVER:
                    continue
                one.state = end
                if end == SUCCESS and (skipped := (skips or {}).get(name)):
                    instances[skipped].state = SKIPPED
        if before == {name: one.state for name, one in instances.items()}:
            return {name: one.state for name, one in instances.items() if one.state}


def counted(dag: Any) -> list[tuple[str, int]]:
    mapped = [task.task_id for task in dag.tasks if task.get_needs_expansion()]
    return [(name, 1) for name in mapped]


def may_start(one: Instance, instances: Mapping[str, Instance], session: Any) -> bool:
    """Whether the rule holds now; a rule that can hold no more sets the state."""
    finished: Any = [other for other in instances.values() if other.state]
    context = DepContext(flag_upstream_failed=True, finished_tis=finished)
    told = list(TriggerRuleDep()._get_dep_statuses(one, context, session=session))  # type: ignore[arg-type]
    return one.state is None and all(status.passed for status in told)


def succeeds(dag: Any, states: Mapping[str, str]) -> bool:
    """Whether the run is green: Airflow asks its last tasks."""
    last = [task.task_id for task in dag.tasks if not task.downstream_task_ids]
    return all(states.get(name) in (SUCCESS, SKIPPED) for name in last)
