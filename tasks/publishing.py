"""Audit what steps staged, publish what passed. Steps that reused everything staged nothing: then both are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from airflow.sdk import BaseOperator, BaseOperatorLink, Context
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.types import TaskInstanceKey

from tasks.command import Command, outcome
from tasks.manifests import Manifest, batches

NOTHING_NEW = "Nothing to do: all of it was published already, and nothing it depends on has changed."


class DataDocsLink(BaseOperatorLink):
    """The task's button: to the Data Docs page on its batches (plugins/data_docs_page.py), also when it failed."""

    name = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        staged = batches(list(_flat(getattr(operator, "manifests", ()))))
        return f"/data-docs/?{urlencode([('batch', batch) for batch in staged])}"


class AuditAndPublish(Command):
    """Great Expectations judges staged batches, and what passed is made visible by one commit a table.

    One command for both: two would start, and import the lake, once more for nothing. A failed audit publishes
    nothing. Skipped when nothing was staged.

    Args:
        manifests: results of the tasks that staged the batches; a mapped task's are a list. All shards of a
            partition belong into one call.
    """

    template_fields: Sequence[str] = ("manifests",)
    ui_color = "#e6f4ea"
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, manifests: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(module="lake.audit", **kwargs)
        self.manifests = manifests

    def execute(self, context: Context) -> dict[str, Any]:
        staged = batches(list(_flat(self.manifests)))
        if not staged:
            self.log.info(NOTHING_NEW)
            raise AirflowSkipException(NOTHING_NEW)
        arguments = [argument for batch in staged for argument in ("--batch", batch)]
        return self.report(outcome(self.command(self.module, ["--publish", *arguments])))


def _flat(manifests: Iterable[Any]) -> Iterable[Manifest]:
    """Manifests of mapped and unmapped tasks in one row."""
    for entry in manifests:
        if isinstance(entry, Mapping):
            yield entry
        elif entry is not None:
            yield from _flat(entry)


def publish(*manifests: Any, task_id: str = "publish", **kwargs: Any) -> Any:
    """Audit and publish what tasks staged; when the audit fails, so does the day, and nothing is published.

    Args:
        kwargs: of the task; a trigger rule where one of several tasks may be skipped and the others not.
    """
    publisher = AuditAndPublish(task_id=task_id, manifests=list(manifests), **kwargs)
    if len(manifests) == 1 and isinstance(only := manifests[0].operator, Command):
        only.publisher = publisher.task_id
    return publisher.output
