"""Land a log: raw rows become behaviors by day, or rejected rows with the rule they broke.

``python -m spark_jobs.land --from 2017-01-01 --to 2017-10-31`` stages, for every day that is not landed yet or whose
log has changed, ``behaviors`` and ``rejected_behaviors``; and ``items``, ``profiles``, ``entities`` when the catalog
changed.
The audit and ``lake.publish`` make them visible.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence, Set
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.delta.staging import Batch, StagedFile, StagedPartition, stage
from lake.delta.work import WHOLE, Step, plan
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from schemas import behaviors, entities, items, profiles, rejected_behaviors
from settings import SourceSettings, load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.execution import execution
from spark_jobs.landing import catalog, clock, day_counts, earlier_days, layout, pseudonyms
from spark_jobs.landing.counting_days import ALWAYS_COUNTED
from spark_jobs.landing.queries import query_entities
from spark_jobs.landing.reading_days import landing_of, validated_by_day
from spark_jobs.landing.row_validation import Landing
from spark_jobs.landing.sources import Source, SourcePart, open_source
from spark_jobs.landing.staging_days import STAGED, stage_days

DAYS = Step("land", __file__, (behaviors.TABLE, rejected_behaviors.TABLE))
CATALOG = Step("catalog", __file__, (items.TABLE, profiles.TABLE))


def land(
    lake: Lake,
    source: Source,
    first: date,
    last: date,
    settings: SourceSettings,
    files_a_day: int,
    force: bool = False,
    with_earlier_days: bool = False,
    older_code: bool = False,
) -> dict[str, Any]:
    """Stage the days from first to last that are not landed yet, or whose log has changed; returns the manifest.

    Args:
        with_earlier_days: also every earlier day of the source that was never landed, for later days' histories rest
            on them, and every day that late rows may have come for since. One with too many unusable rows stays
            out, so that it does not stop this one.
        older_code: with earlier days, also those that were landed by other code than this.

    Raises:
        UsageError: the last day is before the first. ConfigurationError: the catalog has new names for what the lake
            holds, and nobody forces it; or the lake's days begin by another clock, or have another number of files.
            SourceMissing: no day that was asked for has arrived.
    """
    if last < first:
        raise UsageError(f"--to {last} is before --from {first}.")
    key = pseudonyms.load_key(settings.pseudonym_key)
    known = {"maximum_text": settings.maximum_text, "key": pseudonyms.key_digest(key)}
    catalog_name, catalog_batches, catalog_items, catalog_counts = _stage_catalog(
        lake, source, key, settings, known, force
    )
    landed = tables.published_days(lake, behaviors.TABLE)
    earlier = earlier_days.of(source, settings, first, landed.keys(), older_code) if with_earlier_days else []
    asked = earlier_days.of_those_asked(source, earlier_days.days_between(first, last))
    rules = {
        **known,
        "maximum_quantity": settings.maximum_quantity,
        "late_days": settings.late_days,
        "buckets": files_a_day,
    }
    fingerprints = _names_of_work(source, (*earlier, *asked), rules)
    named = {day.isoformat() for day in asked}
    planned = plan(lake, DAYS, fingerprints, named=named, force=force, older_code=older_code)
    reused = {"reused_days": len(planned.reused), "table_versions": dict(source.versions())}
    if not planned.due:
        saved = [batch.save(lake) for batch in catalog_batches]
        return {"batches": saved, "days": 0, **reused, "rows_in": 0, **catalog_counts}
    due, last_due = planned.due, max(planned.due)
    layout.refuse_another(lake, files_a_day, landed, landed.keys() - due.keys())
    clock.keep(lake, source.zone_of_days, landed.keys() - due.keys())
    landing = landing_of(source, settings, catalog_items, key, files_a_day, last_due)
    parts = [part for start, end in _runs(list(due)) for part in source.parts(start, end)]
    staged, queries, unlisted = _validate_and_stage(lake, source, parts, landing, fingerprints)
    good, bad = _batches_of_days(lake, source, staged, due, {day.isoformat() for day in earlier})
    if unlisted and source.unlisted_category:
        carried = catalog.unlisted_items(unlisted, source.unlisted_category, settings.maximum_text)
        catalog_batches = _with_more_items(lake, catalog_name, catalog_batches, catalog_items, carried)
    batches = [*catalog_batches, good, bad]
    if queries.num_rows:
        name = due[last_due]
        batches.append(_whole(entities.TABLE.name, name, stage(lake, entities.TABLE, queries, fingerprint=name), {}))
    return {
        "batches": [batch.save(lake) for batch in batches],
        "days": len(good.partitions),
        **reused,
        **day_counts.told(good),
        **catalog_counts,
        "unlisted_items": len(unlisted),
    }


def _names_of_work(source: Source, days: Sequence[date], rules: Mapping[str, Any]) -> dict[str, str]:
    """Each day's fingerprint: its part of the log, the catalog, and what decides which rows are used."""
    catalog_digest = source.catalog_digest()
    return {
        day.isoformat(): DAYS.work({"log": source.digest(day), "catalog": catalog_digest}, {**rules, "day": day})
        for day in days
    }


def _batches_of_days(
    lake: Lake, source: Source, staged: pa.Table, due: Mapping[str, str], earlier: Set[str]
) -> tuple[Batch, Batch]:
    """The batches of ``behaviors`` and of ``rejected_behaviors``.

    Args:
        staged: what workers staged (``STAGED``).
        due: fingerprints of the days that were landed.
        earlier: those of them that nobody asked for: one with too many unusable rows stays out.
    """
    nothing = dict.fromkeys(ALWAYS_COUNTED, 0)
    whole = day_counts.judged(workers.batch(lake, behaviors.TABLE, DAYS.name, staged, due, nothing), source)
    kept = earlier_days.acceptable(whole, earlier)
    accepted = tuple(partition for partition in whole.partitions if partition.partition["day"] in kept)
    of_kept = {day: due[day] for day in kept}
    return (
        Batch(whole.table, whole.step, accepted),
        workers.batch(lake, rejected_behaviors.TABLE, DAYS.name, staged, of_kept, {}),
    )


def _runs(days: Sequence[str]) -> list[tuple[date, date]]:
    """Runs of consecutive days as (first, last)."""
    runs: list[tuple[date, date]] = []
    for day in map(date.fromisoformat, days):
        if runs and runs[-1][1] + timedelta(days=1) == day:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _validate_and_stage(
    lake: Lake, source: Source, parts: Sequence[SourcePart], landing: Landing, fingerprints: Mapping[str, str]
) -> tuple[pa.Table, pa.Table, list[str]]:
    """Validate rows, bring together those of a day and bucket, stage them; returns ``STAGED``, the distinct queries
    as entities, and the items that are not in the catalog and are carried all the same."""
    rows = sum(source.rows(part) for part in parts)
    with execution("land", rows) as running:
        known = running.share(landing)
        by_day = validated_by_day(running, source, parts, known, rows)
        share = source.maximum_user_share
        staged = by_day.map(lambda rows: stage_days(rows, lake, fingerprints, known(), share), STAGED).collect("land")
    found = (pc.list_flatten(staged[name]).to_pylist() for name in ("queries", "unlisted"))
    queries, unlisted = (sorted(set(values)) for values in found)
    return staged, query_entities(queries), unlisted


def _stage_catalog(
    lake: Lake, source: Source, key: bytes, settings: SourceSettings, known: Mapping[str, Any], force: bool
) -> tuple[str, list[Batch], pa.Table, dict[str, Any]]:
    """Stage items, profiles and entities unless the same catalog is published; returns the catalog's fingerprint,
    batches, items (with those that left it), and what became of its rows."""
    name = CATALOG.work({"catalog": source.catalog_digest()}, known)
    before = tables.read(lake, items.TABLE)
    if not plan(lake, CATALOG, {WHOLE: name}, force=force).due:
        return name, [], before, {}
    merged, counts = catalog.current_items(source.items(), before, settings.maximum_text, lake.root, force)
    people = catalog.build_profiles(source.attributes(), key, settings.maximum_text)
    return (
        name,
        [
            *_items_batches(lake, name, merged, counts["contradictory"]),
            _whole("profiles", name, stage(lake, profiles.TABLE, people, fingerprint=name), {}),
        ],
        merged,
        {"catalog": counts},
    )


def _items_batches(lake: Lake, name: str, known: pa.Table, contradictory: float) -> list[Batch]:
    """The batches of items and of the entities that they are."""
    texts = catalog.build_entities(known)
    counts = {"duplicate_items": contradictory}
    return [
        _whole("items", name, stage(lake, items.TABLE, known, fingerprint=name), counts),
        _whole("entities", name, stage(lake, entities.TABLE, texts, fingerprint=name), {}),
    ]


def _with_more_items(lake: Lake, name: str, batches: Sequence[Batch], known: pa.Table, more: pa.Table) -> list[Batch]:
    """The catalog's batches with items that it does not have."""
    contradictory = [part.metrics["duplicate_items"] for b in batches if b.table == "items" for part in b.partitions]
    others = [batch for batch in batches if batch.table not in ("items", "entities")]
    return [*others, *_items_batches(lake, name, pa.concat_tables([known, more]), sum(contradictory))]


def _whole(table: str, name: str, file: StagedFile, metrics: Mapping[str, float]) -> Batch:
    return Batch(table, "land", (StagedPartition({}, name, (file,), metrics),))


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    first, last = date.fromisoformat(arguments.first), date.fromisoformat(arguments.last)
    return land(
        lake,
        open_source(settings.source),
        first,
        last,
        settings.source,
        settings.lake.buckets,
        arguments.force,
        arguments.with_earlier_days,
        arguments.older_code,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.land", description=__doc__)
    parser.add_argument("--from", dest="first", type=day_argument, required=True, help="first day to land")
    parser.add_argument("--to", dest="last", type=day_argument, required=True, help="last day to land")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--with-earlier-days", action="store_true", help="also those never landed, or with late rows")
    parser.add_argument("--older-code", action="store_true", help="with these, also those that other code landed")
    parser.add_argument("--force", action="store_true", help="land again what is landed already")
    run_command(main, parser, reads_log=True)
