"""Roll behaviors up: a user's count of one reliable action on one entity on one day.

``python -m spark_jobs.roll_up --day D`` stages the rollups of every landed day up to D that has none yet or whose
behaviors changed: usually of D alone, at the first run of the whole history, after late data of the days concerned.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.delta.staging import stage
from lake.delta.work import Step, plan
from lake.registry.histories import histories
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from schemas import behaviors, rollups
from settings import load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.buckets import files_by_bucket, in_buckets, map_buckets
from spark_jobs.distributed.execution import execution

STEP = Step("roll_up", __file__, (rollups.TABLE,))
COLUMNS = ("day", "user_id", "action", "entity_id")
FILES_A_PART = 64

# Day and path of the files that a worker rolls up, all of one bucket.
Part = tuple[int, Sequence[tuple[str, str]]]


def roll_up(rows: pa.Table) -> pa.Table:
    """``schemas.rollups`` of behaviors (day, user_id, action, entity_id); unreliable actions do not count."""
    reliable = rows.filter(pc.is_in(rows["action"], pa.array(behaviors.RELIABLE_ACTIONS)))
    counted = (
        pl.DataFrame(pl.from_arrow(reliable))
        .group_by(COLUMNS)
        .len(name="count")
        .with_columns(pl.col("count").cast(pl.Int32))
    )
    return counted.select(rollups.TABLE.schema.names).to_arrow().cast(rollups.TABLE.schema)


def stage_rollups(lake: Lake, part: Part, fingerprints: dict[str, str]) -> pa.Table:
    """Roll up and stage the files of one bucket; returns ``workers.STAGED``. Runs in a worker."""
    bucket, files = part
    staged = workers.Staged()
    for day, path in files:
        rows = workers.read_files(lake, behaviors.TABLE, [(day, path)], COLUMNS)
        _stage_day(staged, lake, bucket, day, rows, fingerprints[day])
    return staged.report()


def stage_rollups_of_rows(lake: Lake, bucket: int, rows: pa.Table, fingerprints: dict[str, str]) -> pa.Table:
    """The same of one bucket's rows, of all days that it has any of."""
    staged = workers.Staged()
    for day in sorted(pc.unique(rows["day"]).to_pylist()):
        _stage_day(staged, lake, bucket, day, rows.filter(pc.equal(rows["day"], day)), fingerprints[day])
    return staged.report()


def _stage_day(staged: workers.Staged, lake: Lake, bucket: int, day: str, rows: pa.Table, name: str) -> None:
    rolled = roll_up(rows)
    reliable = pc.sum(pc.is_in(rows["action"], pa.array(behaviors.RELIABLE_ACTIONS))).as_py() or 0
    counts = {"reliable": reliable, "lost_behaviors": reliable - (pc.sum(rolled["count"]).as_py() or 0)}
    file = stage(lake, rollups.TABLE, rolled, fingerprint=name, partition={"day": day}, part=bucket)
    staged.add(rollups.TABLE, day, file, counts)


def roll_up_until(lake: Lake, last: str, force: bool = False, older_code: bool = False) -> dict[str, Any]:
    """Stage the rollups of all landed days up to ``last`` that are due; returns the manifest.

    Args:
        older_code: also those before ``last`` that other code than this rolled up.
    """
    landed = {d: f for d, f in tables.published_days(lake, behaviors.TABLE).items() if d <= last}
    contents = {day: tables.content_digest(files) or "" for day, files in sorted(landed.items())}
    works = {day: STEP.work({"behaviors": content}, {"day": day}) for day, content in contents.items()}
    planned = plan(lake, STEP, works, named={last}, force=force, older_code=older_code)
    due = dict(planned.due)
    # What the day's contexts rest on, as of now: behaviors that are landed while the run goes on make the day due.
    history = histories(contents).get(last, "")
    if not due:
        return {"batches": [], "days": 0, "reused_days": len(planned.reused), "history": history}
    whole, mixed = in_buckets({day: landed[day] for day in due})
    parts: list[Part] = [
        (bucket, files[start : start + FILES_A_PART])
        for bucket, files in files_by_bucket(whole).items()
        for start in range(0, len(files), FILES_A_PART)
    ]
    behaviors_due = sum(file.rows for day in due for file in landed[day])
    with execution("roll-up", behaviors_due) as running:
        rolling = running.read(parts, lambda part: stage_rollups(lake, part, due), workers.STAGED)
        staged = rolling.collect("roll-up")
        if mixed:
            rolling = map_buckets(
                running,
                lake,
                behaviors.TABLE,
                mixed,
                lambda bucket, rows: stage_rollups_of_rows(lake, bucket, rows, due),
                workers.STAGED,
                COLUMNS,
            )
            staged = pa.concat_tables([staged, rolling.collect("roll-up")])
    batch = workers.batch(lake, rollups.TABLE, "roll_up", staged, due, {"reliable": 0, "lost_behaviors": 0})
    return {
        "batches": [batch.save(lake)],
        "days": len(due),
        "reused_days": len(planned.reused),
        "rows": sum(part.rows for part in batch.partitions),
        "behaviors": int(sum(part.metrics["reliable"] for part in batch.partitions)),
        "history": history,
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    return roll_up_until(lake, arguments.day, arguments.force, arguments.older_code)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.roll_up", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="roll up the days until this one")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--older-code", action="store_true", help="also days before it that other code rolled up")
    parser.add_argument("--force", action="store_true", help="roll the day up again even when it is done")
    run_command(main, parser)
