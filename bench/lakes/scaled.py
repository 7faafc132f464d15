"""A lake with the demo log's year once or many times over: users copied, each copy's times jittered."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from bench.lakes import landed
from bench.lakes.steps import FOLDER
from lake.delta import tables
from lake.delta.staging import Batch, StagedFile, StagedPartition, stage
from lake.store import objects
from lake.store.location import Lake
from model_steps.evaluating.work_lake import publish_unaudited
from schemas import behaviors, entities, profiles
from schemas.table import Table
from spark_jobs.distributed.buckets import bucket_of

log = logging.getLogger("intentflow")

LAST = "2017-12-31"
BUCKETS = 2
JITTER_SECONDS = 12 * 3600
MARK = "_scaled.json"


def scaled(log_lake: Lake, copies: int) -> Lake:
    """The lake of this many copies; made when it is not there."""
    lake = Lake.open(str(FOLDER / f"compress-{copies}"))
    if objects.get(lake, MARK) is None:
        landed.land_until(log_lake, LAST)
        log.info("Copying the year %d times to %s.", copies, lake.root)
        rows = pl.DataFrame(pl.from_arrow(tables.read(log_lake, behaviors.TABLE)))
        people = pl.DataFrame(pl.from_arrow(tables.read(log_lake, profiles.TABLE)))
        frames = [(named(rows, copy), named(people, copy)) for copy in range(copies)]
        publish_whole(lake, entities.TABLE, tables.read(log_lake, entities.TABLE))
        copied = pl.concat([frame for _, frame in frames]).to_arrow().cast(profiles.TABLE.schema)
        publish_whole(lake, profiles.TABLE, copied)
        stage_days(lake, pl.concat([jittered(frame, copy) for copy, (frame, _) in enumerate(frames)]))
        objects.put(lake, MARK, {"copies": copies})
    return lake


def data_files(lake: Lake, table: Table) -> list[str]:
    """Paths of the live files of a table, for engines that read Parquet themselves."""
    found = tables.published_days(lake, table)
    return [str(Path(lake.root) / table.name / file.path) for files in found.values() for file in files]


def named(frame: pl.DataFrame, copy: int) -> pl.DataFrame:
    """The first copy keeps the users' pseudonyms, the others get some as uniform."""
    if copy == 0:
        return frame
    users = frame["user_id"].unique().to_list()
    others = {user: hashlib.sha256(f"{copy} {user}".encode()).hexdigest()[: len(user)] for user in users}
    return frame.with_columns(pl.col("user_id").replace_strict(others))


def jittered(frame: pl.DataFrame, copy: int) -> pl.DataFrame:
    """The times of a copy moved by up to half a day, within the year; the first copy's stay."""
    if copy == 0:
        return frame
    chance = np.random.default_rng(copy)
    moved = pl.Series(chance.integers(-JITTER_SECONDS, JITTER_SECONDS, len(frame))) * 1_000_000
    first, last = datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 12, 31, 23, 59, 59, tzinfo=UTC)
    at = (pl.col("at") + moved.cast(pl.Duration("us"))).clip(first, last)
    return frame.with_columns(at=at).with_columns(day=pl.col("at").dt.strftime("%Y-%m-%d"))


def stage_days(lake: Lake, rows: pl.DataFrame) -> None:
    """Publish behaviors as landing would, a file a day and bucket."""
    bucketed = rows.with_columns(pl.Series("bucket", bucket_of(rows["user_id"].to_arrow(), BUCKETS)))
    files: dict[str, list[StagedFile]] = {}
    for (day, bucket), own in bucketed.partition_by("day", "bucket", as_dict=True, include_key=True).items():
        table = own.select(behaviors.TABLE.schema.names).to_arrow().cast(behaviors.TABLE.schema)
        staged = stage(lake, behaviors.TABLE, table, fingerprint="copy", partition={"day": day}, part=bucket)
        files.setdefault(day, []).append(staged)
    partitions = tuple(StagedPartition({"day": day}, "copy", tuple(own)) for day, own in sorted(files.items()))
    publish_unaudited(lake, [Batch(behaviors.TABLE.name, "copy", partitions)])


def publish_whole(lake: Lake, table: Table, rows: pa.Table) -> None:
    """Publish rows of a table that has no partitions."""
    file = stage(lake, table, rows, fingerprint="copy")
    publish_unaudited(lake, [Batch(table.name, "copy", (StagedPartition({}, "copy", (file,)),))])
