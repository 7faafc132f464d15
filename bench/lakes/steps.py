"""Run the project's commands as their tasks do: stage, audit, publish, each in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from lake.store.location import Lake
from launcher.environment import airflow_environment
from runtime import steps
from settings import ROOT, load_settings

log = logging.getLogger("intentflow")

FOLDER = ROOT / "var" / "bench"


def run_step(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Run a command in the environment that tasks give it.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    given = {**airflow_environment(load_settings().airflow), **(environment or {})}
    return steps.run_step(module, *arguments, environment=given)


def run_and_publish(
    lake: Lake, module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """Run a command that stages, audit what it staged, publish it; nothing staged is nothing to do."""
    log.info("%s %s", module, " ".join(arguments))
    manifest = run_step(module, *arguments, "--lake", lake.root, environment=environment)
    staged: Sequence[str] = manifest.get("batches", [])
    if staged:
        batches = [argument for batch in staged for argument in ("--batch", batch)]
        run_step("lake.audit", "--publish", "--lake", lake.root, "--data-docs", str(FOLDER / "data_docs"), *batches)
    return manifest
