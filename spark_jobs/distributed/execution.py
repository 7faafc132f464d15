"""Where a job runs its pure functions: on Spark's workers, or in this process where Spark would take longer to start.

A job says the same either way: read parts, map them, bring rows together, collect the small result. It stages the same
files either way, too: which of both it is shows in nothing but the seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pyarrow as pa

from settings import SparkSettings, load_settings
from spark_jobs.distributed.in_process import InProcess

log = logging.getLogger("intentflow")

Part = TypeVar("Part")
Value = TypeVar("Value")


class Rows(Protocol):
    """Rows of one Arrow schema, lying in several tables wherever these are."""

    def map(self, function: Callable[[pa.Table], pa.Table], result: pa.Schema) -> Rows:
        """Run a function on each table that has rows.

        Args:
            function: a table of these rows' schema to one of ``result``.
            result: schema of the rows that come out.
        """
        ...

    def brought_together(self, *columns: str, rows: int = 0) -> Rows:
        """The same rows with those that are equal in the columns in one table: Spark's shuffle.

        Args:
            rows: about how many there are. A table has no more of them than a worker holds, unless more are equal.
        """
        ...

    def collect(self, name: str) -> pa.Table:
        """All rows as one table in this process, which they must fit; the work's name is for the log.

        Raises:
            CommandError: what a function raised.
        """
        ...


class Execution(Protocol):
    """What runs the functions of one job."""

    def share(self, value: Value) -> Callable[[], Value]:
        """A large value that every call needs: sent to each worker once, and got there by calling what is returned."""
        ...

    def read(self, parts: Sequence[Part], read: Callable[[Part], pa.Table], schema: pa.Schema) -> Rows:
        """The rows of some parts.

        Args:
            parts: what is to be read, in the job's own words; each travels to the worker that reads it.
            read: one part to a table.
            schema: of the tables read.
        """
        ...

    def read_pieces(self, parts: Sequence[Part], read: Callable[[Part], Iterable[pa.Table]], schema: pa.Schema) -> Rows:
        """The rows of some parts, each of which is more than a worker holds at a time: it is read piece by piece."""
        ...


def is_small(rows: int, settings: SparkSettings) -> bool:
    """Whether a job of so many rows stays in this process; where the master is a cluster's, none does."""
    return settings.master.startswith("local") and rows < settings.in_process_rows


@contextmanager
def execution(job: str, rows: int) -> Iterator[Execution]:
    """What runs a job, until the block ends.

    Args:
        job: its name, for the log and for Spark.
        rows: about how many it reads.

    Raises:
        ConfigurationError: there is no Java to start Spark with.
    """
    if is_small(rows, load_settings().spark):
        log.info("The %s job reads about %s rows: it runs in this process, without Spark.", job, f"{rows:,}")
        yield InProcess(job)
        return
    from spark_jobs.distributed.on_spark import OnSpark
    from spark_jobs.distributed.session import spark_session

    with spark_session(job) as session:
        yield OnSpark(session)
