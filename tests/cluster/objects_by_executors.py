"""Have each of some Spark tasks put an object into a lake: ``objects_by_executors.py --lake URI``.

Fewer lines than a job, and the same way to the lake: what a worker runs opens it by its address.
"""

from __future__ import annotations

import argparse
from typing import Any

import pyarrow as pa

from lake.store.location import Lake
from runtime.entry import run_command
from spark_jobs.distributed.execution import execution

NAMES = pa.schema([("name", pa.string())])


def put_objects(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake)

    def put(number: int) -> pa.Table:
        lake.write(f"objects/{number}", b"of an executor")
        return pa.table({"name": pa.array([f"objects/{number}"])})

    with execution("objects", 0) as run:
        return {"objects": sorted(run.read([1, 2], put, NAMES).collect("objects")["name"].to_pylist())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lake", required=True)
    run_command(put_objects, parser)
