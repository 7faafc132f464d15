"""What would land of a day, and why not: ``python -m spark_jobs.check --source my.toml --day D``. Nothing is written.

The day is read, validated and counted by what ``spark_jobs.land`` does that with, and held against the rules of the
audit. Exit code 0: it would land. 65: it would be held, or a file cannot be used. 66: the day, or a whole delivery of
it, is not there. 78: the description cannot be read.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lake.auditing.expectations import Evidence, Failure
from lake.delta import tables
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, SourceMissing
from schemas import behaviors, items
from schemas.table import BatchRule, Table
from settings import SourceSettings, load_settings
from spark_jobs.landing import catalog, clock, day_counts, layout, pseudonyms
from spark_jobs.landing.reading_days import landing_of
from spark_jobs.landing.sources import Source, open_source
from spark_jobs.landing.trial import land_on_trial
from spark_jobs.landing.trial_report import report

log = logging.getLogger("intentflow")


@dataclass(frozen=True)
class Checked:
    """What was found: for a program, in sentences what holds the day, and whether that is its arrival alone."""

    manifest: dict[str, Any]
    held: Sequence[str]
    has_arrived: bool


def check(lake: Lake, source: Source, day: date, settings: SourceSettings, buckets: int) -> Checked:
    """Land a day on trial.

    Args:
        lake: that it would be landed into; read alone, and it need not be there.

    Raises:
        DataError: a file as a whole cannot be used. ConfigurationError: the lake has other names for what is in the
            catalog, or its days begin by another clock, or have another number of files. SourceMissing: there is no
            catalog.
    """
    half, lacking = source.half(day), source.lacking(day)
    key = pseudonyms.load_key(path) if (path := settings.pseudonym_key).exists() else secrets.token_bytes(32)
    known, of_catalog = catalog.current_items(
        source.items(), tables.read(lake, items.TABLE), settings.maximum_text, lake.root
    )
    landed = tables.published_days(lake, behaviors.TABLE)
    clock.refuse_another(lake, source.zone_of_days, landed.keys() - {day.isoformat()})
    layout.refuse_another(lake, buckets, landed, landed.keys() - {day.isoformat()})
    landing = landing_of(source, settings, known, key, buckets, day.isoformat())
    parts = source.parts(day, day)
    trial = land_on_trial(source, day.isoformat(), parts, landing)
    batch = day_counts.judged(trial.batch, source)
    counts = {**batch.partitions[0].metrics, "rows": trial.rows}
    held = [f"{half[:1].upper()}{half[1:]}."] if half else []
    held += _broken(behaviors.TABLE, day.isoformat(), counts)
    held += _broken(
        items.TABLE, "the catalog", {"rows": known.num_rows, "duplicate_items": of_catalog["contradictory"]}
    )
    sequences = {place for places in trial.places.values() for place in places}
    where = source.places(parts, sequences)
    manifest = {
        "source": source.name,
        "day": day.isoformat(),
        "would_land": not held,
        "held": held,
        "arrival": half or lacking or "arrived",
        **day_counts.told(batch),
        "rows_anonymous_allowed": counts["rows_anonymous_allowed"],
        "examples": {rule: [where[p] for p in places if p in where] for rule, places in trial.places.items()},
        "unknown_items": trial.unknown_items,
        "users": trial.users,
        "catalog": {
            **of_catalog,
            "items": known.num_rows,
            "categories": len(set(known["category"].to_pylist())),
        },
    }
    return Checked(manifest, held, half is None)


def _broken(table: Table, partition: str, counts: dict[str, float]) -> list[str]:
    """The rules of a table that the audit would find broken, in its words."""
    metrics = {rule.metric: rule.value(counts) for rule in table.batch_rules}
    row = Evidence(partition, counts, metrics)
    return [Failure(rule, row).sentence for rule in table.batch_rules if not _holds(rule, metrics[rule.metric])]


def _holds(rule: BatchRule, value: float | None) -> bool:
    """Whether a metric is known and within a rule's bounds."""
    if value is None:
        return False
    return (rule.minimum is None or value >= rule.minimum) and (rule.maximum is None or value <= rule.maximum)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    # A path that a person types is below the folder that they are in.
    of_source = settings.source.model_copy(update={"name": str(Path(arguments.source).resolve())})
    source, day = open_source(of_source), date.fromisoformat(arguments.day)
    if day < of_source.first_day or day > (of_source.last_day or day):
        log.warning(
            "%s is not among the days that INTENTFLOW_SOURCE__FIRST_DAY and INTENTFLOW_SOURCE__LAST_DAY say: %s to %s.",
            day,
            of_source.first_day,
            of_source.last_day or "today",
        )
    found = check(Lake.open(arguments.lake or settings.lake.uri), source, day, of_source, settings.lake.buckets)
    if (categories := found.manifest["catalog"]["categories"]) < settings.inference.tags:
        log.warning(
            "A user gets %d tags, each of another category, and the catalog has %d: set INTENTFLOW_INFERENCE__TAGS to "
            "%d or fewer before anybody is inferred.",
            settings.inference.tags,
            categories,
            categories,
        )
    print(report(found.manifest))
    if not found.held:
        return found.manifest
    # Whoever reads the output by program finds the counts, too.
    print(json.dumps(found.manifest, sort_keys=True), flush=True)
    refused = DataError if found.has_arrived or len(found.held) > 1 else SourceMissing
    raise refused(f"{arguments.day} would be held: {' '.join(found.held)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.check", description=__doc__)
    parser.add_argument("--source", required=True, help="the description, a .toml file")
    parser.add_argument("--day", type=day_argument, required=True)
    parser.add_argument("--lake", help="address of the lake (default: the setting); it is read alone")
    run_command(main, parser, reads_log=True)
