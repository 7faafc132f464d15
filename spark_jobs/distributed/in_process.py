"""A job of few rows in this process: ``execution.Execution`` over Arrow tables and threads.

Polars and Arrow let other threads run while they compute, so threads use the cores as Spark's workers would.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

from runtime.progress import Progress

Part = TypeVar("Part")
Value = TypeVar("Value")


class InProcessRows:
    """``execution.Rows`` as a list of Arrow tables."""

    def __init__(self, tables: Iterable[pa.Table], schema: pa.Schema, job: str) -> None:
        self._tables = [table.cast(schema) for table in tables]
        self._schema = schema
        self._job = job

    def map(self, function: Callable[[pa.Table], pa.Table], result: pa.Schema) -> InProcessRows:
        filled = [table for table in self._tables if table.num_rows]
        return InProcessRows(_in_threads(function, filled, self._job), result, self._job)

    def brought_together(self, *columns: str, rows: int = 0) -> InProcessRows:
        """One table, for the job is small, in which everything is together."""
        return InProcessRows([pa.concat_tables([self._schema.empty_table(), *self._tables])], self._schema, self._job)

    def collect(self, name: str) -> pa.Table:
        return pa.concat_tables([self._schema.empty_table(), *self._tables])


class InProcess:
    """``execution.Execution`` without anything to start."""

    def __init__(self, job: str) -> None:
        self._job = job

    def share(self, value: Value) -> Callable[[], Value]:
        return lambda: value

    def read(self, parts: Sequence[Part], read: Callable[[Part], pa.Table], schema: pa.Schema) -> InProcessRows:
        return InProcessRows(_in_threads(read, parts, self._job), schema, self._job)

    def read_pieces(
        self, parts: Sequence[Part], read: Callable[[Part], Iterable[pa.Table]], schema: pa.Schema
    ) -> InProcessRows:
        def whole(part: Part) -> pa.Table:
            return pa.concat_tables([schema.empty_table(), *(piece.cast(schema) for piece in read(part))])

        return self.read(parts, whole, schema)


def _in_threads(function: Callable[[Part], pa.Table], parts: Sequence[Part], job: str) -> Iterator[pa.Table]:
    """The function's results in the order of the parts; after the first error no further part is begun."""
    progress = Progress(len(parts), f"parts of {job}")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        running = [threads.submit(function, part) for part in parts]
        try:
            for future in running:
                yield future.result()
                progress.advance()
        finally:
            for future in running:
                future.cancel()
