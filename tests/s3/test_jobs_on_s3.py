"""Spark's jobs on a lake in S3: workers read and write Parquet themselves, so there is no jar for S3 to find."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lake.delta import tables
from lake.store.location import Lake
from runtime.process import run
from schemas import contexts, rollups
from schemas.registry import TABLES
from settings import ROOT

DAY = "2017-11-01"
SCRIPT = Path(__file__).with_name("refresh.py")


def test_two_days_become_contexts(lake: Lake, tmp_path: Path) -> None:
    lines: list[str] = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, str(SCRIPT), str(tmp_path), lake.root]
    done = run(arguments, lambda _level, line: lines.append(line), timeout=300, environment=environment)
    assert done.exit_code == 0, "\n".join(lines[-30:])
    assert done.manifest
    rows = {table: rows for table, (rows, _) in done.manifest.items()}
    # Per day 400 purchases of which none is a copy, one search, one row of an item that nobody knows.
    assert (rows["behaviors"], rows["rejected_behaviors"], rows["contexts"]) == (401, 1, 30)
    assert (rows["items"], rows["entities"]) == (50, 50 + 7 + 1)
    for name, (_, digest) in done.manifest.items():
        table = TABLES[name]
        assert digest == tables.partition_digest(lake, table, DAY if "day" in table.partition_by else None)
    assert sorted(tables.published_days(lake, rollups.TABLE)) == ["2017-10-31", DAY]
    users = tables.read(lake, contexts.TABLE, DAY)
    assert sum(users["events"].to_pylist()) == 2 * 401
