"""Where a job runs: Spark for many rows, this process for few."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback

import pyarrow as pa
import pytest

from runtime.errors import DataError, Exit, WorkerFailed
from settings import ROOT, SparkSettings
from spark_jobs.distributed.execution import is_small
from spark_jobs.distributed.in_process import InProcess

NUMBERS = pa.schema([("number", pa.int64())])

JOBS = ("land", "roll_up", "signals", "compress", "examples")


def _table(*numbers: int) -> pa.Table:
    return pa.table({"number": pa.array(numbers, pa.int64())})


@pytest.mark.parametrize(
    ("rows", "limit", "master", "small"),
    [
        (99, 100, "local[*]", True),
        (100, 100, "local[*]", False),
        (0, 0, "local[2]", False),
        (0, 100, "spark://master:7077", False),
        (0, 100, "k8s://https://cluster", False),
    ],
)
def test_few_rows_stay_unless_the_master_is_a_clusters(rows: int, limit: int, master: str, small: bool) -> None:
    assert is_small(rows, SparkSettings(master=master, in_process_rows=limit)) is small


@pytest.mark.parametrize("job", JOBS)
def test_a_job_loads_spark_only_once_it_needs_it(job: str) -> None:
    code = f"import sys, spark_jobs.{job}; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_results_keep_the_order_of_the_parts_whoever_is_first() -> None:
    second_is_done = threading.Event()

    def read(number: int) -> pa.Table:
        if number == 1:
            assert second_is_done.wait(60)
        else:
            second_is_done.set()
        return _table(number)

    rows = InProcess("a test").read([1, 2], read, NUMBERS)
    assert rows.collect("numbers")["number"].to_pylist() == [1, 2]


def test_rows_are_mapped_table_by_table_until_they_are_brought_together() -> None:
    def how_many(table: pa.Table) -> pa.Table:
        return _table(table.num_rows)

    rows = InProcess("a test").read([(1, 2), (), (3,)], lambda part: _table(*part), NUMBERS)
    assert rows.map(how_many, NUMBERS).collect("sizes")["number"].to_pylist() == [2, 1]
    assert rows.brought_together("number").map(how_many, NUMBERS).collect("sizes")["number"].to_pylist() == [3]


def test_what_an_unforeseen_error_says_leaves_no_worker_and_no_command() -> None:
    from spark_jobs.distributed.on_spark import _withheld

    def read(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise KeyError(text) from error

    with pytest.raises(WorkerFailed) as caught, _withheld():
        read("Canary-7f3a9b")
    shown = "".join(traceback.format_exception(caught.value))
    assert "Canary-7f3a9b" not in shown
    assert "KeyError at tests/spark_jobs/test_execution.py" in shown
    assert "after ValueError" in shown
    code = (
        "import argparse; from runtime.entry import run_command\n"
        "run_command(lambda _: int('Canary-' + '7f3a9b'), argparse.ArgumentParser(prog='demo'), reads_log=True)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == Exit.INTERNAL
    assert "demo failed in a way it should not, what the error says is withheld: ValueError at" in ended.stderr
    assert "Canary-7f3a9b" not in ended.stderr + ended.stdout


def test_what_a_function_raises_arrives_as_it_is() -> None:
    def read(number: int) -> pa.Table:
        raise DataError(f"part {number} is damaged")

    with pytest.raises(DataError, match="part 7 is damaged"):
        InProcess("a test").read([7], read, NUMBERS)
