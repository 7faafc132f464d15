"""Run the project's commands as their tasks do: stage, audit, publish, each in a process of its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lake.store.location import Lake
from launcher.environment import airflow_environment
from runtime import process
from runtime.errors import CommandError, Exit
from settings import ROOT, load_settings

log = logging.getLogger("intentflow")

FOLDER = ROOT / "var" / "bench"


class StepFailed(CommandError):
    """A command ended with another exit code than 0; its sentence and code are kept."""

    def __init__(self, module: str, result: process.Result) -> None:
        super().__init__(f"`python -m {module}` failed: {result.error}")
        self.exit_code = Exit(result.exit_code) if result.exit_code in set(Exit) else Exit.INTERNAL


def run_step(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Run a command; its lines go to the log, its manifest comes back.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    result = process.run(
        [sys.executable, "-m", module, *arguments],
        lambda level, text: log.log(level, "  %s: %s", module.rsplit(".", 1)[-1], text),
        directory=ROOT,
        environment={**airflow_environment(load_settings().airflow), **(environment or {})},
    )
    if result.exit_code != 0 or result.manifest is None:
        raise StepFailed(module, result)
    return result.manifest


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
