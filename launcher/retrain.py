"""``make retrain``: a retraining on a real Airflow, and the candidate that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from launcher.airflow_processes import Airflow
from launcher.one_run import one_run
from launcher.rest import DagRun
from launcher.watch import say
from settings import Settings

DAG_ID = "retrain"
# The steps that train, by task, as a person calls them.
TRAININGS = {
    "examples": "examples",
    "adaptor": "entity adaptor",
    "experts": "experts (SFT)",
    "judge": "judge",
    "reward": "reward model",
    "reinforce": "experts (GRPO)",
    "captions": "captions (SFT)",
    "reinforce_captions": "captions (GRPO)",
    "evaluate": "comparison",
}
SHOWN = "recall_at_30"
NAME = 18


def retrain(preset: str, days: int, settings: Settings, *, force: bool = False) -> int:
    """Run a retraining of a preset and show its candidate; returns the exit code.

    Args:
        preset: ``tiny``, ``small`` or ``paper``. days: newest training days; 0: as the preset says.
    """

    def show(airflow: Airflow, run: DagRun) -> None:
        states = {task.task_id: task.state for task in airflow.rest.tasks(DAG_ID, run.run_id)}
        told = {
            name: airflow.rest.result(DAG_ID, run.run_id, name)
            for name in (*TRAININGS, "candidate")
            if states.get(name) == "success" or name == "candidate"
        }
        for line in result_lines(told):
            say(line)

    return one_run(settings, "retrain", DAG_ID, run_conf(preset, days, force), show)


def run_conf(preset: str, days: int, force: bool) -> dict[str, Any]:
    """What a run is asked for."""
    return {"preset": preset, "force": force, **({"days": days} if days else {})}


def result_lines(told: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """A retraining as a person reads it.

    Args:
        told: manifest of each task that was not skipped, and of ``candidate``.
    """
    candidate = told["candidate"]
    lines = [f"{name:<{NAME}}{_what_became(told.get(task))}" for task, name in TRAININGS.items() if task != "evaluate"]
    compared = told.get("evaluate", {})
    for name, found in dict(compared.get(SHOWN, {})).items():
        lines.append(f"{SHOWN} of {name}: {_interval(found)}")
    if compared:
        days = ", ".join(compared["days"])
        lines.append(f"  on {compared['users']} validation users as of {days}; the holdout stays closed.")
    lines += ["", f"Candidate {candidate['candidate']} beside the champion {candidate['beside']}"]
    return [*lines, *([candidate["why"]] if "why" in candidate else [])]


def _what_became(manifest: Mapping[str, Any] | None) -> str:
    if manifest is None:
        return "the champion's"
    if manifest.get("reused"):
        return "there already"
    return f"made in {manifest['seconds']:,.0f} s"


def _interval(found: Mapping[str, float | None]) -> str:
    if found["value"] is None:
        return "no user with an outcome"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
