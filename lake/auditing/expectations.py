"""What an audit looks at, without Great Expectations: a table's rules in words, and the counts of staged batches.

All batches of one table become one small frame: a row a partition, a column a rule's metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta.staging import Batch, StagedPartition
from lake.store.location import Lake
from runtime.fingerprint import digest
from schemas.registry import TABLES
from schemas.table import BatchRule, Table

# Every table's rules. Their counts come from the staged files, not from what a step says of itself.
GENERIC_RULES = (
    BatchRule("files", minimum=1, why="An empty partition is staged as one empty file; no file means no work."),
    BatchRule("files_missing", minimum=0, maximum=0, why="A table must not name a file that is not there."),
)


def rules(table: Table) -> tuple[BatchRule, ...]:
    """The table's own rules, then those of every table."""
    return (*table.batch_rules, *GENERIC_RULES)


def formula(rule: BatchRule) -> str:
    """How the metric comes out of counts: ``rows_rejected / rows_in``; empty when it is a count itself."""
    terms = " + ".join(rule.plus or (rule.metric,)) + "".join(f" - {name}" for name in rule.minus)
    if rule.over:
        divisor = " + ".join(rule.over)
        return f"{f'({terms})' if ' ' in terms else terms} / {f'({divisor})' if ' ' in divisor else divisor}"
    return "" if terms == rule.metric else terms


def bound(rule: BatchRule) -> str:
    """What the metric must be: ``exactly 0``, ``at most 0.1``."""
    if rule.minimum is not None and rule.minimum == rule.maximum:
        return f"exactly {rule.minimum:g}"
    if rule.minimum is not None and rule.maximum is not None:
        return f"from {rule.minimum:g} to {rule.maximum:g}"
    if rule.minimum is not None:
        return f"at least {rule.minimum:g}"
    return "known" if rule.maximum is None else f"at most {rule.maximum:g}"


@dataclass(frozen=True)
class Evidence:
    """One partition of the frame: its counts, and the rules' metrics (None where unknown)."""

    partition: str
    counts: Mapping[str, float]
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class TableEvidence:
    """Everything that an audit judges of one table."""

    table: Table
    batches: tuple[Batch, ...]
    partitions: tuple[Evidence, ...]

    @property
    def digest(self) -> str:
        """Of the rules and of all that they are applied to: an equal digest gives an equal verdict."""
        told = [[rule.metric, formula(rule), bound(rule)] for rule in rules(self.table)]
        frame = [[row.partition, dict(row.metrics)] for row in self.partitions]
        return digest([self.table.name, sorted(batch.digest for batch in self.batches), told, frame])

    @property
    def title(self) -> str:
        """The partitions in a few words: a day, or the first and the last and how many."""
        labels = [row.partition for row in self.partitions]
        return labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]} ({len(labels)} partitions)"


@dataclass(frozen=True)
class Failure:
    """A rule that a partition broke."""

    rule: BatchRule
    row: Evidence

    @property
    def observed(self) -> str:
        value = self.row.metrics[self.rule.metric]
        return "unknown" if value is None else f"{value:.6g}"

    @property
    def words(self) -> str:
        """What was observed, what must be, and why; without the partition."""
        name = self.rule.metric
        terms = formula(self.rule)
        told = f"{name} ({terms})" if terms else name
        if self.row.metrics[name] is None:
            return f"{told} is unknown, {self._unknown()}. {self.rule.why}"
        return f"{told} is {self.observed}, must be {bound(self.rule)}. {self.rule.why}"

    @property
    def sentence(self) -> str:
        return f"{self.row.partition}: {self.words}"

    def _unknown(self) -> str:
        absent = [name for name in self.rule.counts if name not in self.row.counts]
        if absent:
            return f"for not every batch of the partition states {' and '.join(absent)} (0 included)"
        refused = [name for name in self.rule.counts if not 0 <= self.row.counts[name] < math.inf]
        return f"for {' and '.join(refused)} is no count" if refused else "for it divides by 0"


def collect(lake: Lake, batches: Sequence[Batch]) -> list[TableEvidence]:
    """The evidence on staged batches, table by table, partitions in order.

    The counts of several batches of one partition (shards) are summed; a count that one of them does not state is
    not there at all.
    """
    unique = list({batch.digest: batch for batch in batches}.values())
    return [
        _collect_table(lake, TABLES[name], [batch for batch in unique if batch.table == name])
        for name in sorted({batch.table for batch in unique})
    ]


def _collect_table(lake: Lake, table: Table, batches: Sequence[Batch]) -> TableEvidence:
    parts: dict[str, list[StagedPartition]] = {}
    for batch in batches:
        for staged in batch.partitions:
            parts.setdefault(label(table, staged), []).append(staged)
    found = []
    for partition, shards in sorted(parts.items()):
        counts = {**_summed([shard.metrics for shard in shards]), **_counted(lake, table, shards)}
        metrics = {rule.metric: rule.value(counts) for rule in rules(table)}
        found.append(Evidence(partition, counts, metrics))
    return TableEvidence(table, tuple(batches), tuple(found))


def label(table: Table, staged: StagedPartition) -> str:
    """A partition in words: its values in the table's order."""
    return " ".join(staged.partition[name] for name in table.partition_by) or "whole table"


def _summed(stated: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    everywhere = set.intersection(*(set(metrics) for metrics in stated))
    return {name: sum(_number(metrics[name]) for metrics in stated) for name in sorted(everywhere)}


def _number(value: Any) -> float:
    """A count as it was staged; whatever is none, and one below zero, becomes NaN, which no rule accepts."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return value if usable else math.nan


def _counted(lake: Lake, table: Table, shards: Iterable[StagedPartition]) -> dict[str, float]:
    files = [file for shard in shards for file in shard.files]
    missing = sum(lake.size(f"{table.name}/{file.path}") != file.size for file in files)
    return {"rows": sum(file.rows for file in files), "files": len(files), "files_missing": missing}
