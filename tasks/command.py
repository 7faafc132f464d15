"""Run a command as a task: its lines in the task's log, its manifest as the result, a retry by its exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context, TriggerRule
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    DownstreamTasksSkipped,
)

from runtime.errors import RETRYABLE, Exit
from runtime.process import Child, Result
from settings import ROOT
from tasks.manifests import small, summary
from tasks.policy import MODEL_TIMEOUT, SPARK_TIMEOUT, heavy_pool, model_pool

NOT_NEEDED = "Nothing to do: this run does not need it."


def outcome(result: Result) -> dict[str, Any]:
    """The manifest of a command that went well, else the exception that retries or does not.

    Raises:
        AirflowFailException: a retry cannot help: wrong data, settings or usage, or another writer was first.
        AirflowException: a retry may help: infrastructure, a mistake of ours, or a signal ended it (out of memory).
    """
    if result.exit_code == Exit.OK:
        if result.manifest is None:
            raise AirflowFailException("The command went well but printed no manifest: its last line must be JSON.")
        return dict(result.manifest)
    if result.exit_code < 0 or result.exit_code in RETRYABLE:
        raise AirflowException(result.error)
    raise AirflowFailException(result.error)


class RunsCommands(BaseOperator):
    """An operator that runs commands, one after another; they end with the task, however that ends."""

    # What starts a command in place of Python.
    launch: Sequence[str] = ()
    _child: Child | None = None

    def environment(self) -> Mapping[str, str] | None:
        """What commands run in; None: this process's own."""
        return None

    def command(self, module: str, arguments: Sequence[str]) -> Result:
        """Run ``python -m module arguments``; empty arguments are left out."""
        line = ["-m", module, *(argument for argument in arguments if argument)]
        self.log.info("Running %s %s", shlex.join(self.launch) or "python", shlex.join(line))
        self._child = Child([*(self.launch or [sys.executable]), *line], directory=ROOT, environment=self.environment())
        try:
            # The time-out is Airflow's execution_timeout: it raises in here, and the child ends.
            return self._child.wait(lambda level, text: self.log.log(level, "%s", text), stop_when_orphaned=True)
        finally:
            self._child = None

    def on_kill(self) -> None:
        if self._child is not None:
            self._child.stop()


class Command(RunsCommands):
    """Runs one command and returns its manifest, without what is too large to pass around.

    Args:
        module: as in ``python -m module``. arguments: templated; each line that one renders to is an argument, so one
            that renders to nothing is left out.
        when: templated; the task is skipped where it renders to nothing (default: it always runs).

    Attributes:
        publisher: id of the task that publishes what this one stages, and only that. When nothing was staged it is
            skipped from here: a worker that starts only to find so takes more than a second.
    """

    template_fields: Sequence[str] = ("arguments", "when")
    ui_color = "#e8f0fe"
    publisher: str | None = None

    def __init__(self, *, module: str, arguments: Sequence[str] = (), when: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.arguments = arguments
        self.when = when

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render ``when`` first: what is not needed asks nothing of tasks before it, which were skipped then, too."""
        environment = jinja_env or self.get_template_env()
        if self.when is not None and not self.render_template(self.when, context, environment).strip():
            self.arguments = ()
        super().render_template_fields(context, environment)

    def execute(self, context: Context) -> dict[str, Any]:
        if self.when is not None and not self.when.strip():
            raise AirflowSkipException(NOT_NEEDED)
        lines = [line for argument in self.arguments for line in argument.splitlines()]
        kept = self.report(outcome(self.command(self.module, lines)))
        if self.publisher and not kept.get("batches", True):
            # What skips does not return, so the result is kept by hand.
            context["ti"].xcom_push(BaseXCom.XCOM_RETURN_KEY, kept)
            raise DownstreamTasksSkipped(tasks=[self.publisher])
        return kept

    def report(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Log a manifest as one line and cut it down to what later tasks need."""
        kept, dropped = small(manifest)
        self.log.info("%s: %s", self.module, summary(kept))
        if dropped:
            self.log.info("Left out of the result, being large: %s", ", ".join(sorted(dropped)))
        return kept


def spark_job(job: str, *arguments: str, task_id: str | None = None, when: str | None = None) -> Any:
    """A job of ``spark_jobs/``; returns its manifest for the tasks after it.

    It also runs when what came before was skipped, having nothing new to audit or publish.
    """
    return Command(
        task_id=task_id or job,
        module=f"spark_jobs.{job}",
        arguments=arguments,
        when=when,
        pool=heavy_pool(),
        execution_timeout=SPARK_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output


def model_step(step: str, *arguments: str, task_id: str | None = None, when: str | None = None) -> Any:
    """A step of ``model_steps/``; as ``spark_job`` otherwise."""
    return Command(
        task_id=task_id or step,
        module=f"model_steps.{step}",
        arguments=arguments,
        when=when,
        pool=model_pool(),
        execution_timeout=MODEL_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
