"""Publishing: one Delta commit makes an audited batch visible and replaces exactly its partitions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from lake.delta import audits, contents, tables, writing
from lake.delta.contents import Held, Values, values_of
from lake.delta.live import LiveFile
from lake.delta.staging import Batch, StagedPartition, read_staged
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, SourceMissing
from schemas.registry import TABLES
from schemas.table import Table

# What partitions hold, by their values: names of files, as they were staged.
Contents = dict[Values, list[str]]


def publish(lake: Lake, batches: Sequence[Batch], seen: Contents | None = None) -> list[dict[str, Any]]:
    """Publish audited batches of one step, table by table; returns one record a table.

    Batches of one table (a step's shards) are joined: their partitions are replaced once, by the files of all.

    Args:
        seen: what the batches' partitions held (``held``) when these rows were made of theirs (default: what they do).

    Raises:
        DataError: a batch has no passed audit, or was audited together with other shards than these.
        RaceLost: another writer published one of these partitions meanwhile; nothing of ours is visible.
    """
    batches = list({batch.digest: batch for batch in batches}.values())
    co_audited = audits.co_audited(batches)
    for batch in batches:
        if not audits.passed(lake, batch, co_audited[batch.digest]):
            raise DataError(
                f"The batch {batch.path} has no passed audit, or not one together with exactly these shards: "
                "run `python -m lake.audit` on the same batches first."
            )
    return [
        _publish_table(lake, TABLES[name], _joined([batch for batch in batches if batch.table == name]), seen)
        for name in sorted({batch.table for batch in batches})
    ]


def held(lake: Lake, table: Table, partition: Mapping[str, str]) -> Contents:
    """What a partition of a table that exists holds, for ``publish`` to find it unchanged."""
    return _contents(tables.open_table(lake, table), table, [values_of(table, partition)])


def _joined(batches: Sequence[Batch]) -> list[StagedPartition]:
    """One staged partition a partition, holding the files of all batches."""
    joined: dict[tuple[tuple[str, str], ...], list[StagedPartition]] = {}
    for batch in batches:
        for staged in batch.partitions:
            joined.setdefault(tuple(sorted(staged.partition.items())), []).append(staged)
    return [
        StagedPartition(dict(key), parts[0].fingerprint, tuple(file for part in parts for file in part.files))
        for key, parts in joined.items()
    ]


def _publish_table(
    lake: Lake, table: Table, staged: Sequence[StagedPartition], seen: Contents | None = None
) -> dict[str, Any]:
    record = {"table": table.name, "rows": sum(part.rows for part in staged), "partitions": len(staged)}
    if table.publication == "insert":
        new = pa.concat_tables(read_staged(lake, table, part) for part in staged)
        return {**record, "inserted": writing.insert_new(lake, table, new), "version": tables.version(lake, table)}
    delta = writing.create(lake, table)
    before = _contents(delta, table, _all_of(table, staged))
    due = [part for part in staged if before[values_of(table, part.partition)] != _paths(part)]
    if due:
        _refuse_lost(lake, table, due)
        _replace(delta, table, due, before | (seen or {}))
    return {**record, "replaced": len(due), "unchanged": len(staged) - len(due), "version": delta.version()}


def _refuse_lost(lake: Lake, table: Table, due: Sequence[StagedPartition]) -> None:
    """A table must not name files that are gone: others may clean its folder of what nobody refers to."""
    folders = {file.path.rpartition("/")[0] for part in due for file in part.files}
    there = {file.path for folder in folders for file in lake.files(f"{table.name}/{folder}".rstrip("/"))}
    for part in due:
        for file in part.files:
            if (path := f"{table.name}/{file.path}") not in there:
                raise SourceMissing(f"The staged file {path} is gone from {lake.root}: stage it again.")


def _replace(delta: DeltaTable, table: Table, due: Sequence[StagedPartition], before: Contents) -> None:
    """Swap the files of the due partitions in one commit: files that stay are not named in it."""

    def write(current: DeltaTable) -> None:
        files = tables.live_files(current, table)
        live = _contents(current, table, _all_of(table, due))
        # What another run of the very same work published first is done.
        left = [part for part in due if live[values_of(table, part.partition)] != _paths(part)]
        if not left:
            return
        lost = [part for part in left if live[key := values_of(table, part.partition)] != before[key]]
        if lost:
            where = ", ".join(str(dict(part.partition)) for part in lost[:3])
            raise RaceLost(
                f"Another run published {table.name} {where} meanwhile; its rows stand, ours were not published."
            )
        state = {
            **contents.state_of(table, files),
            **{values_of(table, part.partition): Held(tuple(_paths(part)), part.rows) for part in left},
        }
        current.create_write_transaction(
            [*_removals(table, left, files), *_additions(left, files)],
            # An overwrite by filter would take the cross product of several partition columns.
            mode="append",
            schema=Schema.from_arrow(table.schema),
            partition_by=list(table.partition_by) or None,
            commit_properties=writing.one_attempt(
                {"intentflow.fingerprint": ",".join(sorted({part.fingerprint for part in left}))[:1000]},
                contents.note(contents.lake_of(current, table), table, state),
            ),
        )
        current.update_incremental()

    writing.commit(delta, table, write)


def _contents(delta: DeltaTable | None, table: Table, partitions: Iterable[Values]) -> Contents:
    """What each partition holds now, by the names under which it was staged."""
    live: dict[Values, set[str]] = {values: set() for values in partitions}
    for file in tables.live_files(delta, table):
        if (key := values_of(table, file.partition)) in live:
            live[key].update(file.names)
    return {key: sorted(names) for key, names in live.items()}


def _all_of(table: Table, staged: Sequence[StagedPartition]) -> list[Values]:
    return [values_of(table, part.partition) for part in staged]


def _paths(staged: StagedPartition) -> list[str]:
    return sorted(file.path for file in staged.files)


def _removals(table: Table, staged: Sequence[StagedPartition], files: Sequence[LiveFile]) -> Iterator[RemoveAction]:
    now = _milliseconds()
    staying = {values_of(table, part.partition): set(_paths(part)) for part in staged}
    for file in files:
        kept = staying.get(values_of(table, file.partition))
        if kept is not None and file.path and file.path not in kept:
            yield RemoveAction(file.path, True, now, partition_values=dict(file.partition))


def _additions(staged: Sequence[StagedPartition], files: Sequence[LiveFile]) -> Iterator[AddAction]:
    now = _milliseconds()
    there = {file.path for file in files}
    for part in staged:
        for file in part.files:
            if file.path not in there:
                yield AddAction(file.path, file.size, dict(part.partition), now, True, file.statistics)


def _milliseconds() -> int:
    return int(time.time() * 1000)
