"""A job on Spark: ``execution.Execution`` over data frames.

Workers read what they need themselves, one shuffle brings together what belongs together, and workers run the functions
on each Spark partition. They read and write the lake themselves, too, so that a job needs no jar for Delta or S3 and
runs the same on both.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from runtime import errors
from runtime.errors import CommandError, WorkerFailed
from runtime.progress import Progress
from runtime.withheld import told
from settings import load_settings
from spark_jobs.distributed.executors import seen_on_executor

ROWS_A_RECORD_BATCH = 50_000

Part = TypeVar("Part")
Value = TypeVar("Value")


class SparkRows:
    """``execution.Rows`` as a data frame: nothing is computed before it is collected, and again at each time."""

    def __init__(self, frame: DataFrame, schema: pa.Schema) -> None:
        self._frame = frame
        self._schema = schema

    def map(self, function: Callable[[pa.Table], pa.Table], result: pa.Schema) -> SparkRows:
        schema = self._schema

        def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            arrived = list(batches)
            if arrived:
                with _withheld():
                    found = function(pa.Table.from_batches(arrived).cast(schema)).cast(result)
                yield from found.to_batches()

        return SparkRows(self._frame.mapInArrow(run, from_arrow_schema(result)), result)

    def brought_together(self, *columns: str, rows: int = 0) -> SparkRows:
        settings = load_settings().spark
        tables = max(settings.partitions, -(-rows // settings.rows_at_once))
        return SparkRows(self._frame.repartition(tables, *columns), self._schema)

    def collect(self, name: str) -> pa.Table:
        context = self._frame.sparkSession.sparkContext
        context.setJobGroup(name, name)
        finished = threading.Event()
        watcher = threading.Thread(target=_watch, args=(context, name, finished), daemon=True)
        watcher.start()
        try:
            return self._frame.toArrow()
        except PythonException as error:
            found = _error_of_worker(str(error))
            if found is None:
                raise
            settings = load_settings().spark
            raise seen_on_executor(found, settings.master, settings.executor_environment) from error
        finally:
            finished.set()
            watcher.join()


class OnSpark:
    """``execution.Execution`` in a running session."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    def share(self, value: Value) -> Callable[[], Value]:
        broadcast = self._session.sparkContext.broadcast(value)
        return lambda: broadcast.value

    def read(self, parts: Sequence[Part], read: Callable[[Part], pa.Table], schema: pa.Schema) -> SparkRows:
        return self.read_pieces(parts, lambda part: (read(part),), schema)

    def read_pieces(
        self, parts: Sequence[Part], read: Callable[[Part], Iterable[pa.Table]], schema: pa.Schema
    ) -> SparkRows:
        """One Spark partition a part."""

        def read_all(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in numbers:
                for number in batch.column(0).to_pylist():
                    with _withheld():
                        pieces = iter(read(parts[number]))
                    while (piece := _next(pieces, schema)) is not None:
                        yield from piece.to_batches(max_chunksize=ROWS_A_RECORD_BATCH)

        numbers = self._session.range(0, len(parts), 1, numPartitions=max(len(parts), 1))
        return SparkRows(numbers.mapInArrow(read_all, from_arrow_schema(schema)), schema)


@contextmanager
def _withheld() -> Iterator[None]:
    """Let no unforeseen error of a worker say a value: Spark logs its whole text, wherever the worker runs.

    Raises:
        WorkerFailed: in its place.
    """
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        raise WorkerFailed(
            f"A worker failed in a way it should not, what the error says is withheld: {told(error)}"
        ) from None


def _next(pieces: Iterator[pa.Table], schema: pa.Schema) -> pa.Table | None:
    with _withheld():
        piece = next(pieces, None)
        return None if piece is None else piece.cast(schema)


def _error_of_worker(traceback: str) -> CommandError | None:
    """The typed error that a worker raised, which Spark hands over as the text of its traceback."""
    raised = re.findall(r"^runtime\.errors\.(\w+): (.*)$", traceback, re.MULTILINE)
    kind = getattr(errors, raised[-1][0], None) if raised else None
    return kind(raised[-1][1]) if kind else None


def _watch(context: Any, name: str, finished: threading.Event) -> None:
    """Say every few seconds how many of Spark's tasks are done, until the work is finished."""
    tracker = context.statusTracker()
    progress: dict[int, Progress] = {}
    while not finished.wait(2.0):
        for number in tracker.getActiveStageIds():
            stage = tracker.getStageInfo(number)
            if stage is None:
                continue
            shown = progress.setdefault(number, Progress(stage.numTasks, f"Spark tasks of {name}, stage {number}"))
            if stage.numCompletedTasks > shown.count:
                shown.advance(stage.numCompletedTasks - shown.count)
