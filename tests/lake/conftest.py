"""Rows and batches for the tests of the lake: real Parquet files and Delta tables, small ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from lake.delta import audits
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import releases
from lake.registry.releases import ADAPTOR, Release, file_digest
from lake.store.location import Lake
from schemas import rollups
from schemas.table import Table

ROOT = Path(__file__).resolve().parents[2]

RollupRows = Callable[..., pa.Table]
MakeBatch = Callable[..., Batch]
EverythingIn = Callable[[Lake, str], dict[str, tuple[int, int, bytes]]]


@pytest.fixture
def rollup_rows() -> RollupRows:
    """Make one rollup row a user."""

    def make(*users: str, count: int = 1) -> pa.Table:
        columns = {
            "user_id": list(users),
            "action": ["purchase"] * len(users),
            "entity_id": ["milk"] * len(users),
            "count": [count] * len(users),
        }
        return pa.table(columns, schema=rollups.TABLE.file_schema)

    return make


@pytest.fixture
def make_batch(lake: Lake) -> MakeBatch:
    """Stage and save a batch of a table, by default rollups: ``{partition values: rows or list of rows by file}``."""

    def make(
        parts: Mapping[str, pa.Table | list[pa.Table]],
        *,
        table: Table = rollups.TABLE,
        fingerprint: str = "work",
        metrics: Mapping[str, float] | None = None,
        first_file: int = 0,
    ) -> Batch:
        partitions = []
        for values, files in parts.items():
            partition = dict(zip(table.partition_by, values.split(), strict=True))
            written = [
                stage(lake, table, rows, fingerprint=fingerprint, partition=partition, part=first_file + number)
                for number, rows in enumerate(files if isinstance(files, list) else [files])
            ]
            stated = {"lost_behaviors": 0} if metrics is None else metrics
            partitions.append(StagedPartition(partition, fingerprint, tuple(written), stated))
        batch = Batch(table.name, "test", tuple(partitions))
        batch.save(lake)
        return batch

    return make


@pytest.fixture
def approve(lake: Lake) -> Callable[..., list[Batch]]:
    """Record a passed audit for batches that belong together; what the audit itself does is tested in test_audit."""

    def pass_all(*batches: Batch) -> list[Batch]:
        co_audited = audits.co_audited(batches)
        for batch in batches:
            audits.record(lake, batch, {"success": True, "co_audited": co_audited[batch.digest], "failed": []})
        return list(batches)

    return pass_all


@pytest.fixture
def run_module() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m MODULE ...`` as a task would: an own process, nothing shared."""

    def run(module: str, *arguments: str | os.PathLike[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    return run


def _release(place: Path, content: bytes) -> Path:
    """The folder of a release below a place."""
    release = Release(
        "model-1",
        {"planner": "p-1", "expert": "e-1"},
        "embedder@1",
        {ADAPTOR: file_digest(content)},
        {"made": "by hand"},
    )
    return releases.save(place, release, {ADAPTOR: content})


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The folder that a new lake's first champion comes from."""
    return _release(tmp_path / "code", b"weights")


@pytest.fixture
def rivals(tmp_path: Path) -> tuple[Path, Path]:
    """Two more releases."""
    return _release(tmp_path / "rivals", b"left"), _release(tmp_path / "rivals", b"right")


@pytest.fixture
def everything_in() -> EverythingIn:
    """What lies in a folder of a lake: by path, which file it is, when it was changed, and what it holds."""

    def state(path: Path) -> tuple[int, int, bytes]:
        return path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()

    return lambda lake, folder: {path: state(Path(lake.root, path)) for path in lake.list(folder)}
