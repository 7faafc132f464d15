"""The environment of a day: season, holidays, campaigns, weather, and the trends of the log itself (PAPER 1.1: E).

``python -m spark_jobs.signals --day D`` stages ``signals``. Everything is as of the Monday of the day's week and from
complete weeks before it, so that a user's prompts stay the same through a week.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from lake.delta import tables
from lake.delta.live import LiveFile
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, plan
from lake.store.location import Lake
from representation import calendar
from representation.calendar_signals import Signal, calendar_signals
from runtime.entry import day_argument, run_command
from runtime.errors import ConfigurationError
from runtime.fingerprint import bytes_digest
from schemas import entities, rollups, signals
from settings import Settings, load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.buckets import files_by_bucket
from spark_jobs.distributed.execution import execution
from spark_jobs.landing.sources import open_source

STEP = Step("signals", __file__, (signals.TABLE,))
WEEKLY = pa.schema([("week", pa.string()), ("entity_id", pa.string()), ("count", pa.int64())])


def weekly_counts(rows: pa.Table) -> pa.Table:
    """Actions by week and entity, ``WEEKLY``, of rollups."""
    counted = (
        pl.DataFrame(pl.from_arrow(rows))
        .with_columns(week=pl.col("day").str.to_date().dt.truncate("1w").dt.to_string("%Y-%m-%d"))
        .group_by("week", "entity_id")
        .agg(pl.col("count").sum().cast(pl.Int64))
    )
    return counted.to_arrow().cast(WEEKLY)


def trends(weekly: pa.Table, known: pa.Table, week: date, minimum: int, most: int) -> list[Signal]:
    """Categories by their lift: actions of the last complete week over those of the week before.

    Args:
        weekly: ``WEEKLY`` rows of the two weeks before ``week``. known: entity_id, kind, text, category.
        minimum: fewest actions in the last week. most: how many trends.
    """
    last, before = ((week - timedelta(weeks=n)).isoformat() for n in (1, 2))
    entity = pl.DataFrame(pl.from_arrow(known)).drop_nulls()
    described = entity.filter(pl.col("kind") == "category").select("category", description="text")
    counted = (
        pl.DataFrame(pl.from_arrow(weekly))
        .join(entity.select("entity_id", "category"), on="entity_id")
        .join(described, on="category")
        .group_by("category", "description")
        .agg(
            last=pl.col("count").filter(pl.col("week") == last).sum(),
            before=pl.col("count").filter(pl.col("week") == before).sum(),
        )
        .filter(pl.col("last") >= minimum, pl.col("last") > pl.col("before"))
        .with_columns(lift=pl.col("last") / pl.max_horizontal("before", 1))
        .sort("lift", "category", descending=[True, False])
        .head(most)
    )
    return [
        _signal(
            "trend", f"more wanted than the week before: {row['description']} ({row['lift']:.1f} times)", row["lift"]
        )
        for row in counted.to_dicts()
    ]


def campaign_signals(week: date, campaigns: pa.Table) -> Iterator[Signal]:
    """The campaigns that run on the week's Monday."""
    for row in campaigns.to_pylist():
        if row["first_day"] <= week <= row["last_day"]:
            yield _signal("campaign", f"{row['text']} until {row['last_day']}", 1.0)


def weather_signals(week: date, feed: Path | None) -> Iterator[Signal]:
    """The feed's line for the week, if there is a feed.

    Raises:
        ConfigurationError: the feed is missing or lacks a column.
    """
    if feed is None:
        return
    try:
        with feed.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"week", "text"} <= set(reader.fieldnames or ()):
                raise ConfigurationError(f"The weather feed {feed} needs the columns week and text.")
            yield from (_signal("weather", row["text"], 1.0) for row in reader if row["week"] == week.isoformat())
    except FileNotFoundError:
        raise ConfigurationError(f"There is no weather feed {feed} (INTENTFLOW_SOURCE__WEATHER).") from None


def _signal(kind: str, text: str, weight: float) -> Signal:
    return {"kind": kind, "text": text, "weight": weight}


def stage_signals(lake: Lake, day: str, settings: Settings, force: bool = False) -> dict[str, Any]:
    """Stage the signals of a day unless equal ones are published; returns the manifest."""
    source = open_source(settings.source)
    week = calendar.monday(date.fromisoformat(day))
    weeks = [(week - timedelta(days=n)).isoformat() for n in range(1, 15)]
    rolled = {d: files for d, files in tables.published_days(lake, rollups.TABLE).items() if d in weeks}
    weather = settings.source.weather
    name = STEP.work(
        {
            "rollups": {d: tables.content_digest(files) for d, files in rolled.items()},
            "catalog": source.catalog_digest(),
            "weather": bytes_digest(weather.read_bytes()) if weather and weather.exists() else None,
        },
        {
            "day": day,
            "country": settings.source.country,
            "trends": settings.history.trends,
            "minimum": settings.history.trend_minimum,
        },
    )
    if not plan(lake, STEP, {day: name}, force=force).due:
        return {"batches": [], "reused": True}
    weekly = _weekly_counts(lake, rolled)
    known = tables.read(lake, entities.TABLE, columns=["entity_id", "kind", "text", "category"])
    found = [
        *calendar_signals(week, settings.source.country),
        *campaign_signals(week, source.campaigns()),
        *weather_signals(week, weather),
        *trends(weekly, known, week, settings.history.trend_minimum, settings.history.trends),
    ]
    rows = pa.Table.from_pylist(
        [{"day": day, "week": week.isoformat(), **signal} for signal in found], signals.TABLE.schema
    )
    file = stage(lake, signals.TABLE, rows, fingerprint=name, partition={"day": day})
    counts = {"seasons": sum(signal["kind"] == "season" for signal in found)}
    batch = Batch(signals.TABLE.name, "signals", (StagedPartition({"day": day}, name, (file,), counts),))
    kinds = {kind: sum(signal["kind"] == kind for signal in found) for kind in signals.KINDS}
    return {"batches": [batch.save(lake)], "reused": False, "signals": kinds}


def _weekly_counts(lake: Lake, rolled: Mapping[str, Sequence[LiveFile]]) -> pa.Table:
    """``WEEKLY`` of published rollups."""
    with execution("signals", sum(file.rows for files in rolled.values() for file in files)) as running:
        counting = running.read(
            list(files_by_bucket(rolled).values()),
            lambda files: weekly_counts(workers.read_files(lake, rollups.TABLE, files, ["entity_id", "count"])),
            WEEKLY,
        )
        return counting.collect("signals")


def main(arguments: argparse.Namespace) -> Mapping[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return stage_signals(lake, arguments.day, settings, arguments.force)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.signals", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose week the signals are for")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--force", action="store_true", help="make them again even when nothing changed")
    run_command(main, parser, reads_log=True)
