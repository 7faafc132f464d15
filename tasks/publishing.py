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


class OnBatches(Command):
    """Runs a command on the batches that the given manifests name; skipped when they name none.

    Args:
        manifests: results of the tasks that staged the batches; a mapped task's are a list.
    """

    template_fields: Sequence[str] = ("manifests",)

    def __init__(self, *, manifests: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.manifests = manifests

    def execute(self, context: Context) -> dict[str, Any]:
        staged = batches(list(_flat(self.manifests)))
        if not staged:
            self.log.info(NOTHING_NEW)
            raise AirflowSkipException(NOTHING_NEW)
        arguments = [argument for batch in staged for argument in ("--batch", batch)]
        return self.report({**outcome(self.command(self.module, arguments)), "batches": staged})


class DataDocsLink(BaseOperatorLink):
    """The audit's button: to the Data Docs page on its batches (plugins/data_docs_page.py), also when it failed."""

    name = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        staged = batches(list(_flat(getattr(operator, "manifests", ()))))
        return f"/data-docs/?{urlencode([('batch', batch) for batch in staged])}"


class Audit(OnBatches):
    """Great Expectations judges staged batches; all shards of a partition belong into one call."""

    ui_color = "#fef7e0"
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(module="lake.audit", **kwargs)


class Publish(OnBatches):
    """One commit a table makes audited batches visible."""

    ui_color = "#e6f4ea"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(module="lake.publish", **kwargs)


def _flat(manifests: Iterable[Any]) -> Iterable[Manifest]:
    """Manifests of mapped and unmapped tasks in one row."""
    for entry in manifests:
        if isinstance(entry, Mapping):
            yield entry
        elif entry is not None:
            yield from _flat(entry)


def audit(*manifests: Any, task_id: str = "audit") -> Any:
    """The audit of what tasks staged; when it fails, so does the day, and nothing is published."""
    return Audit(task_id=task_id, manifests=list(manifests)).output


def publish(audited: Any, task_id: str = "publish") -> Any:
    """The publication of what an audit passed."""
    return Publish(task_id=task_id, manifests=[audited]).output
