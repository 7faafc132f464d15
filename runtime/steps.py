"""Run one of the project's own commands in a process of its own: its lines go to the log, its manifest comes back."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from runtime import process
from runtime.errors import CommandError, Exit
from runtime.imports import ROOT

log = logging.getLogger("intentflow")


class StepFailed(CommandError):
    """A command ended with another exit code than 0; its sentence and code are kept."""

    def __init__(self, module: str, result: process.Result) -> None:
        super().__init__(f"`python -m {module}` failed: {result.error}")
        self.exit_code = Exit(result.exit_code) if result.exit_code in set(Exit) else Exit.INTERNAL


def run_step(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Run a command to its end.

    Args:
        module: what ``python -m`` runs.
        arguments: of the command.
        environment: added to this process's own.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    result = process.run(
        [sys.executable, "-m", module, *arguments],
        lambda level, text: log.log(level, "  %s: %s", module.rsplit(".", 1)[-1], text),
        directory=ROOT,
        environment={**os.environ, **(environment or {})},
    )
    if result.exit_code != 0 or result.manifest is None:
        raise StepFailed(module, result)
    return result.manifest
