"""Explanations of a shard, staged: rows of ``explanations``, and of ``failures`` under a step of their own."""

from __future__ import annotations

from collections.abc import Mapping

from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.store.location import Lake
from model_steps.agents.inputs import rows_of
from model_steps.explaining.checking import no_counts
from model_steps.explaining.explainer import Explained
from model_steps.explaining.rows import failure_rows
from schemas import explanations, failures

# As batches and failures name it: a pair without a caption is no user whose inference failed.
STEP = "explain"


def stage_explanations(
    lake: Lake, day: str, part: int, work: str, explained: Explained, counts: Mapping[str, int]
) -> list[str]:
    """Stage a shard's part; returns the batches' paths.

    Args:
        part: the shard's number, from 0. work: the fingerprint. counts: that the batch of ``explanations`` states.
    """
    paths = []
    for table, partition, rows, metrics in (
        (explanations.TABLE, {"day": day}, explained.rows, counts),
        (failures.TABLE, {"day": day, "step": STEP}, failure_rows(explained.dropped, STEP), {}),
    ):
        file = stage(lake, table, rows_of(table, rows, day), fingerprint=work, partition=partition, part=part)
        paths.append(Batch(table.name, STEP, (StagedPartition(partition, work, (file,), dict(metrics)),)).save(lake))
    return paths


def stage_none(lake: Lake, day: str, part: int, work: str) -> list[str]:
    """Where explanations were switched off: empty what a day has of before, for its captions are of other intents.

    A day that never had any stays without; nothing is staged then.
    """
    live = [
        *tables.live_files(tables.open_table(lake, explanations.TABLE), explanations.TABLE, {"day": day}),
        *tables.live_files(tables.open_table(lake, failures.TABLE), failures.TABLE, {"day": day, "step": STEP}),
    ]
    return stage_explanations(lake, day, part, work, Explained(), no_counts()) if live else []
