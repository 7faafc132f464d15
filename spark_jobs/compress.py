"""Compress histories: rollups become one context a user, as of a day.

``python -m spark_jobs.compress --day D`` stages ``contexts``. Bucket by bucket, a worker reads the rollups of its
users and runs ``contexts_of``, a pure function; nothing is shuffled (``spark_jobs.distributed.buckets``).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.delta.staging import stage
from lake.delta.work import Step, plan
from lake.registry.evaluation_file import read_rule_if_any
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from representation.calendar import Window, evidence_from
from representation.category_days import EvidenceWindow
from runtime.entry import day_argument, run_command
from runtime.fingerprint import bytes_digest
from schemas import contexts, entities, profiles, rollups
from settings import HistorySettings, load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.buckets import map_buckets
from spark_jobs.distributed.execution import execution
from spark_jobs.histories.assembly import Compression
from spark_jobs.histories.contexts import contexts_of
from spark_jobs.histories.tokens import tokenizer_of

STEP = Step("compress", __file__, (contexts.TABLE,))
NOTHING = {"duplicate_users": 0, "later_behaviors": 0, "tokens_hybrid": 0, "tokens_text": 0, "users": 0}


def stage_contexts(lake: Lake, bucket: int, rows: pa.Table, compression: Compression, name: str) -> pa.Table:
    """Assemble and stage the contexts of one bucket's rollups; returns ``workers.STAGED``. Runs in a worker."""
    day = compression.window.day
    counted = contexts_of(rows, compression)
    file = stage(lake, contexts.TABLE, counted, fingerprint=name, partition={"day": day}, part=bucket)
    counts = {
        "users": counted.num_rows,
        "duplicate_users": counted.num_rows - pc.count_distinct(counted["user_id"]).as_py(),
        "later_behaviors": pc.sum(pc.greater(counted["last_day"], day)).as_py() or 0,
        "tokens_hybrid": pc.sum(counted["tokens_hybrid"]).as_py() or 0,
        "tokens_text": pc.sum(counted["tokens_text"]).as_py() or 0,
        "tokens_full_text": pc.sum(counted["tokens_full_text"]).as_py() or 0,
    }
    staged = workers.Staged()
    staged.add(contexts.TABLE, day, file, counts)
    return staged.report()


def evidence_window(day: str, settings: HistorySettings, rule: SplitRule | None) -> EvidenceWindow:
    """Of what a day's evidence is made: as examples of experts would have it, so that what is served was trained.

    Args:
        rule: the log's; none where it has no evaluation days, and so no examples.
    """
    first = evidence_from(day, rule.history_days if rule else settings.days)
    return EvidenceWindow(first, day, rule.leave_out if rule else (), settings.evidence)


def compress(
    lake: Lake,
    day: str,
    settings: HistorySettings,
    tokenizer: str,
    force: bool = False,
    rule: SplitRule | None = None,
) -> dict[str, Any]:
    """Stage the contexts of a day unless equal ones are published; returns the manifest.

    Args:
        rule: of the log's evaluation, if it has one: its histories' length and the departments that are no intent.
    """
    evidence = evidence_window(day, settings, rule)
    rolled = {d: files for d, files in tables.published_days(lake, rollups.TABLE).items() if d <= day}
    name = STEP.work(
        {
            "rollups": {d: tables.content_digest(files) for d, files in rolled.items()},
            "profiles": tables.partition_digest(lake, profiles.TABLE),
            "tokenizer": bytes_digest(tokenizer.encode()),
        },
        {
            "day": day,
            "days": settings.days,
            "entries": settings.maximum_entities,
            "interests": settings.interests,
            "evidence": asdict(evidence),
        },
    )
    if not plan(lake, STEP, {day: name}, force=force).due:
        published = tables.published_days(lake, contexts.TABLE)[day]
        return {"batches": [], "reused": True, "users": sum(file.rows for file in published)}
    texts = tables.read(lake, entities.TABLE, columns=["entity_id", "text", "category", "category_path"])
    compression = Compression(
        Window.of(day, settings.days),
        settings.maximum_entities,
        settings.interests,
        texts,
        tables.read(lake, profiles.TABLE),
        tokenizer,
        evidence,
    )
    with execution("compress", sum(file.rows for files in rolled.values() for file in files)) as running:
        shared = running.share(compression)
        contexts_of_buckets = map_buckets(
            running,
            lake,
            rollups.TABLE,
            rolled,
            lambda bucket, rows: stage_contexts(lake, bucket, rows, shared(), name),
            workers.STAGED,
        )
        staged = contexts_of_buckets.collect("compress")
    batch = workers.batch(lake, contexts.TABLE, "compress", staged, {day: name}, NOTHING)
    counts: Mapping[str, float] = batch.partitions[0].metrics
    return {"batches": [batch.save(lake)], "reused": False, **{key: int(value) for key, value in counts.items()}}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    tokenizer = tokenizer_of(settings.engine.model)
    rule = read_rule_if_any(settings.source)
    return compress(lake, arguments.day, settings.history, tokenizer, arguments.force, rule)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.compress", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="compress the history up to this day")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--force", action="store_true", help="compress again even when nothing changed")
    run_command(main, parser)
