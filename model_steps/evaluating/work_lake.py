"""A lake apart, with copies of what inference reads: its contexts are those of the chosen users alone."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from lake.delta import audits, tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.store.location import Lake
from schemas import contexts, entities, entity_vectors, signals
from schemas.table import Table

# Below the lake, beside its tables, where no reader looks.
ANSWERS = "_evaluation"


def copy_inputs(log_lake: Lake, work: Lake, day: str, users: Sequence[str]) -> None:
    """Copy what inference reads of a day, for these users."""
    for table in (entities.TABLE, entity_vectors.TABLE):
        writing.insert_new(work, table, tables.read(log_lake, table))
    replace_day(work, signals.TABLE, day, tables.read(log_lake, signals.TABLE, day))
    chosen = [("user_id", "in", list(users))]
    replace_day(work, contexts.TABLE, day, tables.read(log_lake, contexts.TABLE, day, filters=chosen))


def publish_unaudited(work: Lake, batches: Sequence[Batch]) -> None:
    """Publish in a lake apart, where no audit is needed."""
    co_audited = audits.co_audited(batches)
    for batch in batches:
        reason = "in a lake that nobody but an evaluation or a benchmark reads"
        audits.record(work, batch, {"success": True, "co_audited": co_audited[batch.digest], "reason": reason})
    publish(work, batches)


def replace_day(work: Lake, table: Table, day: str, rows: pa.Table) -> None:
    """Publish a day's rows in a lake apart: copies of audited ones, or made up."""
    partition = {"day": day}
    file = stage(work, table, rows, fingerprint="copy", partition=partition)
    publish_unaudited(work, [Batch(table.name, "copy", (StagedPartition(partition, "copy", (file,)),))])
