"""Examine a judge: its labels, where one likes its tuning, and the exam, with a button to the page of its record."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink, Context, TriggerRule
from airflow.sdk.types import TaskInstanceKey

from tasks.chosen_days import chosen
from tasks.command import Command, model_step
from tasks.form import FORCE, PRESET, SEED
from tasks.policy import MODEL_TIMEOUT, model_pool

# Where plugins/data_docs_page.py shows them.
PAGES = "/data-docs/judges"
TUNES = "{{ 'yes' if params.judge == 'tune' else '' }}"
TUNED = "{{ '--judge=%s' % ti.xcom_pull(task_ids='tune')['release_folder'] if params.judge == 'tune' else '' }}"


class RecordLink(BaseOperatorLink):
    """The task's button: to the page of the record that the exam left; of one that failed, to all records."""

    name = "Calibration record"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        manifest = getattr(operator, "manifest", None)
        return record_page(manifest["judge"], manifest["record"]) if manifest else PAGES


def record_page(judge: str, record: str) -> str:
    """Where Airflow shows a record, as a path."""
    return f"{PAGES}/{quote(judge, safe='')}/{quote(record, safe='')}"


class Examine(Command):
    """Runs the exam; it goes well also when the judge does not pass."""

    ui_color = "#e6f4ea"
    operator_extra_links = (RecordLink(),)
    manifest: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        self.manifest = super().execute(context)
        self.log.info("The record's page: %s", record_page(self.manifest["judge"], self.manifest["record"]))
        return self.manifest


def freeze(days: str = chosen("freeze")) -> Any:
    """Write down what held-out users did, before anything is learnt; a second time it only checks.

    Args:
        days: templated; the command's ``--day`` arguments.
    """
    return Command(
        task_id="freeze",
        module="evaluation.freeze",
        arguments=[days],
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output


def tune() -> Any:
    """Tune a judge on the labels of train users; skipped unless the run asks for it."""
    return model_step("train_judge", task_id="tune", when=TUNES)


def examine() -> Any:
    """The last task of a calibration; returns the exam's manifest."""
    return Examine(
        task_id="exam",
        module="model_steps.calibrate_judge",
        arguments=[PRESET, TUNED, SEED, FORCE],
        pool=model_pool(),
        execution_timeout=MODEL_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
