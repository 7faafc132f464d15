"""Publish a day as a whole: one row in ``days`` that pins the version of every table of that day.

``python -m lake.publish_day --day D --release NAME --figures JSON``: the last step of a refresh. Whoever wants a
consistent day reads the ``days`` row first and then the tables at the versions it names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, plan
from lake.registry.days import history_of
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, UsageError
from schemas import behaviors, contexts, days, failures, intents, rejected_behaviors, rollups, signals
from schemas.table import Table
from settings import load_settings

STEP = Step("publish_day", __file__, (days.TABLE,))
DAY_TABLES = (
    behaviors.TABLE,
    rejected_behaviors.TABLE,
    rollups.TABLE,
    signals.TABLE,
    contexts.TABLE,
    intents.TABLE,
    failures.TABLE,
)


def publish_day(
    lake: Lake, day: str, release: str, figures: Mapping[str, float], history: str | None = None
) -> dict[str, Any]:
    """Write the day's row unless an equal one stands; returns the manifest.

    A run that changed nothing leaves the row as it is, figures included.

    Args:
        history: digest of the behaviors that the day's contexts rest on (default: of those landed now).

    Raises:
        DataError: a table of the day is not published.
    """
    versions = [_version(lake, table, day) for table in DAY_TABLES]
    contents = {entry["table"]: entry["digest"] for entry in versions}
    history = history or history_of(lake, day)
    name = STEP.work({**contents, "history": history}, {"day": day, "release": release})
    counted = {**_counts(lake, day), **figures}
    manifest = {"day": day, "release": release, "fingerprint": name, "empty": counted["behaviors"] == 0}
    if not plan(lake, STEP, {day: name}).due:
        standing = tables.read(lake, days.TABLE, day, columns=["figures"]).to_pylist()
        kept = {figure["name"]: figure["value"] for figure in standing[0]["figures"]}
        return {**manifest, "reused": True, "figures": kept}
    row = {
        **manifest,
        "history": history,
        "versions": versions,
        "figures": [{"name": key, "value": float(value)} for key, value in sorted(counted.items())],
    }
    data = pa.Table.from_pylist([row], days.TABLE.schema)
    staged = stage(lake, days.TABLE, data, fingerprint=name, partition={"day": day})
    batch = Batch(days.TABLE.name, "publish_day", (StagedPartition({"day": day}, name, (staged,)),))
    # Nothing is left to judge in a row that only points: its tables passed their own audits.
    verdict = {"success": True, "co_audited": [batch.digest], "reason": "the row points at audited tables"}
    audits.record(lake, batch, verdict)
    publish(lake, [batch])
    return {**manifest, "reused": False, "figures": counted}


def _version(lake: Lake, table: Table, day: str) -> dict[str, Any]:
    delta = tables.open_table(lake, table)
    files = tables.live_files(delta, table, {"day": day})
    if delta is None or not files:
        raise DataError(f"The table {table.name} has no {day}: run the day's earlier steps first.")
    return {"table": table.name, "version": delta.version(), "digest": tables.content_digest(files)}


def _counts(lake: Lake, day: str) -> dict[str, float]:
    """Rows of the day by table, and users with intents."""
    counts: dict[str, float] = {
        table.name: sum(file.rows for file in tables.live_files(tables.open_table(lake, table), table, {"day": day}))
        for table in DAY_TABLES
    }
    wanted = tables.read(lake, intents.TABLE, day, columns=["user_id"])
    counts["users"] = len(set(wanted["user_id"].to_pylist()))
    return counts


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    try:
        figures = dict(json.loads(arguments.figures))
        numbers = {str(key): float(value) for key, value in figures.items()}
    except (ValueError, TypeError):
        raise UsageError(f"--figures must be a JSON object of numbers, got {arguments.figures[:80]!r}.") from None
    return publish_day(lake, arguments.day, arguments.release, numbers, arguments.history)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.publish_day", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True)
    parser.add_argument("--release", required=True, help="name of the release that the day's intents were made with")
    parser.add_argument("--history", help="digest of the behaviors that were rolled up (default: of those landed now)")
    parser.add_argument("--figures", default="{}", help="numbers of the run, as a JSON object")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
