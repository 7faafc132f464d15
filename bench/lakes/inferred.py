"""Intents of chosen users by the project's own inference, in a lake of the benchmark's own.

The work lake holds copies of what inference reads, its contexts being those of the chosen users alone; then
``python -m model_steps.infer`` does all of it. Its answers stay in that lake: what was asked once is not asked
again, whatever users are chosen later, and a killed run goes on at the chunk it was in.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.lakes import trained
from bench.lakes.steps import run_step
from lake.auditing import audits
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import releases
from lake.store.location import Lake
from schemas import contexts, entities, entity_vectors, intents, signals
from schemas.table import Table
from settings import load_settings

log = logging.getLogger("intentflow")

# The pool that the arbiter chooses 30 from is as large as its 52 letters allow: experts repeat one another, and
# four personas of thirteen tags leave more distinct ones than three of seventeen or five of ten would.
SETTINGS = {
    "INTENTFLOW_INFERENCE__TAGS": "30",
    "INTENTFLOW_INFERENCE__PERSONAS": "4",
    "INTENTFLOW_INFERENCE__TAGS_PER_EXPERT": "13",
    "INTENTFLOW_INFERENCE__USERS": "0",
    "INTENTFLOW_INFERENCE__SHARDS": "1",
}


@dataclass(frozen=True)
class Inferred:
    """Categories of each user's tags in the order of rank; users whose inference failed have none.

    ``manifest`` is the inference's own.
    """

    categories: Mapping[str, Sequence[str]]
    manifest: Mapping[str, Any]


def infer(
    log_lake: Lake,
    work: Lake,
    day: str,
    users: Sequence[str],
    release: Path | None = None,
    form: str | None = None,
) -> Inferred:
    """Infer the intents of users as of a day.

    Args:
        log_lake: has the day's contexts, signals and vectors. work: where the answers are kept.
        release: folder of the release to use (default: the one that is shipped with the code).
        form: how histories are shown, ``text`` or ``hybrid`` (default: as the settings say).

    Raises:
        UsageError: the folder is no release.
    """
    made_with, files = releases.load(release or load_settings().lake.first_release)
    trained.refuse_other_people(log_lake, made_with)
    releases.install(work, made_with, files)
    copy_inputs(log_lake, work, day, users)
    log.info("Inferring %d users as of %s.", len(users), day)
    named = ("--day", day, "--lake", work.root, "--release", made_with.name)
    environment = SETTINGS | {"INTENTFLOW_INFERENCE__REPRESENTATION": form or load_settings().inference.representation}
    manifest = run_step("model_steps.infer", *named, environment=environment)
    # Failed users count as found nothing, so the audit's bound on failures is none here.
    publish_unaudited(work, [Batch.load(work, path) for path in manifest["batches"]])
    rows = tables.read(work, intents.TABLE, day, columns=["user_id", "rank", "category"])
    found: dict[str, list[str]] = {user: [] for user in users}
    for row in rows.sort_by([("user_id", "ascending"), ("rank", "ascending")]).to_pylist():
        found[row["user_id"]].append(row["category"])
    return Inferred(found, manifest)


def copy_inputs(log_lake: Lake, work: Lake, day: str, users: Sequence[str]) -> None:
    for table in (entities.TABLE, entity_vectors.TABLE):
        writing.insert_new(work, table, tables.read(log_lake, table))
    _replace(work, signals.TABLE, day, tables.read(log_lake, signals.TABLE, day))
    chosen = [("user_id", "in", list(users))]
    _replace(work, contexts.TABLE, day, tables.read(log_lake, contexts.TABLE, day, filters=chosen))


def _replace(work: Lake, table: Table, day: str, rows: pa.Table) -> None:
    """Publish rows that are copies of audited ones."""
    partition = {"day": day}
    file = stage(work, table, rows, fingerprint="copy", partition=partition)
    publish_unaudited(work, [Batch(table.name, "copy", (StagedPartition(partition, "copy", (file,)),))])


def publish_unaudited(work: Lake, batches: Sequence[Batch]) -> None:
    """Publish in a benchmark's own lake, where no audit is needed."""
    companies = audits.companies(batches)
    for batch in batches:
        reason = "in a benchmark's own lake"
        audits.record(work, batch, {"success": True, "company": companies[batch.digest], "reason": reason})
    publish(work, batches)
