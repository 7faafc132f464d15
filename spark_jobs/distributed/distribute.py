"""How Spark distributes our pure functions: workers read, one shuffle brings together what belongs together,
workers run the function on each part.

Workers read and write the lake themselves, so a job needs no jar for Delta or S3 and runs the same on both.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from runtime import errors
from runtime.errors import CommandError
from runtime.progress import Progress

log = logging.getLogger("intentflow")


def read_parts(
    spark: SparkSession, parts: Sequence[Any], read: Callable[[Any], pa.Table], schema: pa.Schema
) -> DataFrame:
    """A data frame whose rows workers read themselves.

    Args:
        parts: descriptions of what to read, one Spark partition each; they travel to the workers.
        read: reads one part; must return a table of ``schema``.
    """

    def read_all(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                yield from read(parts[number]).cast(schema).to_batches(max_chunksize=200_000)

    count = len(parts)
    numbers = spark.range(0, count, 1, numPartitions=max(count, 1))
    return numbers.mapInArrow(read_all, from_arrow_schema(schema))


def map_partitions(
    frame: DataFrame, function: Callable[[pa.Table], pa.Table], schema: pa.Schema, result: pa.Schema
) -> DataFrame:
    """Run a function on each Spark partition as one Arrow table."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        arrived = list(batches)
        if arrived:
            yield from function(pa.Table.from_batches(arrived).cast(schema)).cast(result).to_batches()

    return frame.mapInArrow(run, from_arrow_schema(result))


def collect(frame: DataFrame, job: str) -> pa.Table:
    """Run the job and bring its (small) result to the driver, with progress in the log."""
    context = frame.sparkSession.sparkContext
    context.setJobGroup(job, job)
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(context, job, finished), daemon=True)
    watcher.start()
    try:
        return frame.toArrow()
    except PythonException as error:
        raise _error_of_worker(str(error)) or error from error
    finally:
        finished.set()
        watcher.join()


def _error_of_worker(traceback: str) -> CommandError | None:
    """The typed error that a worker raised, which Spark hands over as the text of its traceback."""
    found = re.findall(r"^runtime\.errors\.(\w+): (.*)$", traceback, re.MULTILINE)
    kind = getattr(errors, found[-1][0], None) if found else None
    return kind(found[-1][1]) if kind else None


def _watch(context: Any, job: str, finished: threading.Event) -> None:
    tracker = context.statusTracker()
    progress: dict[int, Progress] = {}
    while not finished.wait(2.0):
        for number in tracker.getActiveStageIds():
            stage = tracker.getStageInfo(number)
            if stage is None:
                continue
            shown = progress.setdefault(number, Progress(stage.numTasks, f"Spark tasks of {job}, stage {number}"))
            if stage.numCompletedTasks > shown.count:
                shown.advance(stage.numCompletedTasks - shown.count)
