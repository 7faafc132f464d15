"""What a table's contract is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Publication = Literal["replace", "insert"]


@dataclass(frozen=True)
class Column:
    """A column: name, Arrow type, meaning with unit."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class RowRule:
    """A rule on single rows, checked inside the Spark pass. A row that breaks it is rejected under its name.

    ``broken`` maps an Arrow table to a boolean array: true where the row is unusable.
    """

    name: str
    meaning: str
    broken: Callable[[pa.Table], pa.Array]


@dataclass(frozen=True)
class BatchRule:
    """A bound on one metric of a staged partition, checked by Great Expectations before anything is published.

    Steps stage additive counts only, so that the counts of several shards of one partition can be summed; what is
    no count is computed here from counts, after the summing: ``(sum of plus - sum of minus) / sum of over``.
    Without ``plus`` the metric is the count of its own name; without ``over`` nothing is divided.

    Besides the counts that a step states, ``rows``, ``files`` and ``files_missing`` are there: the audit itself
    takes them from the staged files.
    """

    metric: str
    why: str
    minimum: float | None = None
    maximum: float | None = None
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[str, ...]:
        """The counts that a step (or the audit) must state for this rule."""
        return (*(self.plus or (self.metric,)), *self.minus, *self.over)

    def value(self, counts: Mapping[str, float]) -> float | None:
        """The metric of a partition, or None when it cannot be known: a count is missing or negative, or x / 0.

        0 / 0 is 0: of an empty day's no rows, no share was rejected.
        """
        if any(not 0 <= counts.get(name, math.nan) < math.inf for name in self.counts):
            return None
        added = sum(counts[name] for name in self.plus or (self.metric,))
        value = added - sum(counts[name] for name in self.minus)
        if not self.over:
            return value
        divisor = sum(counts[name] for name in self.over)
        if divisor == 0:
            return None if value else 0.0
        return value / divisor


@dataclass(frozen=True)
class Table:
    """A table's contract.

    ``publication`` is how a staged batch becomes visible: ``replace`` swaps the partition (or, when there is none,
    the whole table) in one commit; ``insert`` adds the rows whose key is new and touches nothing else.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    publication: Publication = "replace"
    batch_rules: tuple[BatchRule, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, in the order of the columns."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    @property
    def file_schema(self) -> pa.Schema:
        """The schema of a data file: partition columns live in the path, not in the file."""
        return pa.schema([f for f in self.schema if f.name not in self.partition_by])


DAY = Column("day", pa.string(), "Partition: the UTC day as YYYY-MM-DD.")
TIMESTAMP = pa.timestamp("us", tz="UTC")
