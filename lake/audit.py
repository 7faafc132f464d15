"""Audit staged batches: ``python -m lake.audit --lake URI --batch PATH [--batch PATH ...] [--publish]``.

Judges every partition of the batches by the rules of their tables (``schemas/``), records the verdict that
publishing asks for, and keeps Data Docs. All shards of one partition belong into one call. A batch whose evidence
already passed is not judged again. With ``--publish`` it makes visible what passed, as ``lake.publish`` does.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.auditing import expectations
from lake.auditing.expectations import TableEvidence
from lake.auditing.tier_history import tier_history
from lake.delta import audits
from lake.delta.publishing import publish
from lake.delta.staging import Batch, read_staged
from lake.store.location import Lake
from runtime.entry import run_command
from runtime.errors import DataError
from schemas import behaviors, rejected_behaviors
from settings import load_settings

if TYPE_CHECKING:
    from lake.auditing.validation import Outcome

log = logging.getLogger("intentflow")

LOGGED_FAILURES = 20
SAMPLED_PARTITIONS = 5
SAMPLED_ROWS = 10
# What of a rejected row may be shown: neither the user, nor a session, nor the words that somebody searched for.
SHOWN_FIELDS = ("at", "action", "item", "item_id", "quantity", "measure", "amount", "problem")
SHOWN_LENGTH = 120
# A problem that quotes a value: the value goes.
_UNREAD = re.compile(r"^(the \w+) .* (cannot be read|is no number|is of a year .*|has more than .*)$", re.S)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Audit the batches that the arguments name, and publish them when that is wanted.

    Raises:
        SourceMissing: there is no such batch.
        DataError: a rule is broken; nothing may be published, and nothing was.
        InfrastructureError: the lake or the Data Docs folder refused.
        RaceLost: another writer published one of the partitions meanwhile.
    """
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    folder = Path(arguments.data_docs).resolve() if arguments.data_docs else load_settings().lake.data_docs
    batches = [Batch.load(lake, path) for path in arguments.batch]
    manifest = audit(lake, batches, folder)
    return {**manifest, "published": publish(lake, batches)} if arguments.publish else manifest


def audit(lake: Lake, batches: Sequence[Batch], folder: Path) -> dict[str, Any]:
    """Judge batches, record their verdicts, and return the manifest; ``main`` says what it raises."""
    found = expectations.collect(lake, batches)
    co_audited = audits.co_audited(batches)
    known = {one.table.name: _known(lake, one, co_audited) for one in found}
    due = [one for one in found if known[one.table.name] is None]
    samples = {one.table.name: _samples(lake, one, batches) for one in due}
    outcomes = _judge(lake, folder, due, samples)
    for one in due:
        _record(lake, one, outcomes[one.table.name], co_audited, samples[one.table.name])
    broken = [one for one in due if outcomes[one.table.name].failures]
    if broken:
        raise DataError(_complaint(folder, broken, outcomes, samples))
    records = [_manifest(one, outcomes.get(one.table.name), known[one.table.name]) for one in found]
    return {
        "tables": records,
        "partitions": sum(record["partitions"] for record in records),
        "expectations": sum(record["expectations"] for record in records),
        "reused": sum(record["reused"] for record in records),
        "batches": sorted({batch.path for batch in batches}),
        "data_docs": str(folder),
    }


def _known(lake: Lake, found: TableEvidence, co_audited: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """A verdict that already passed this very evidence, or None."""
    verdicts = [audits.verdict(lake, batch) for batch in found.batches]
    holds = all(
        verdict and verdict.get("evidence") == found.digest and audits.passed(lake, batch, co_audited[batch.digest])
        for batch, verdict in zip(found.batches, verdicts, strict=True)
    )
    return verdicts[0] if holds else None


def _judge(
    lake: Lake, folder: Path, due: Sequence[TableEvidence], samples: Mapping[str, list[str]]
) -> dict[str, Outcome]:
    if not due:
        return {}
    log.info(
        "Auditing %s with Great Expectations.",
        ", ".join(f"{one.table.name} {one.title}" for one in due),
    )
    # Its import alone logs hundreds of lines.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    from lake.auditing.validation import validate  # costs seconds: only when there is something to judge

    histories = [tier_history(lake, one) for one in due]
    outcomes = validate(folder, due, [samples[one.table.name] for one in due], histories)
    return {one.table.name: outcome for one, outcome in zip(due, outcomes, strict=True)}


def _record(
    lake: Lake,
    found: TableEvidence,
    outcome: Outcome,
    co_audited: Mapping[str, list[str]],
    samples: Sequence[str],
) -> None:
    """A batch passed when every rule holds in each of its own partitions."""
    for batch in found.batches:
        own = {expectations.label(found.table, staged) for staged in batch.partitions}
        failed = [failure.sentence for failure in outcome.failures if failure.row.partition in own]
        verdict = {
            "success": not failed,
            "failed": failed,
            "co_audited": co_audited[batch.digest],
            "evidence": found.digest,
            "expectations": outcome.expectations,
            "data_docs": outcome.page,
            "rejected_rows": list(samples),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        audits.record(lake, batch, verdict)


def _manifest(found: TableEvidence, outcome: Outcome | None, known: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "table": found.table.name,
        "partitions": len(found.partitions),
        "rows": int(sum(row.counts["rows"] for row in found.partitions)),
        "expectations": outcome.expectations if outcome else 0,
        "failed": len(outcome.failures) if outcome else 0,
        "data_docs": outcome.page if outcome else (known or {}).get("data_docs", ""),
        "batches": sorted(batch.path for batch in found.batches),
        "reused": outcome is None,
    }


def _complaint(
    folder: Path,
    broken: Sequence[TableEvidence],
    outcomes: Mapping[str, Outcome],
    samples: Mapping[str, Sequence[str]],
) -> str:
    """Log each broken rule and some rejected rows; return the sentence that the command ends with."""
    ends = []
    for one in broken:
        failures = outcomes[one.table.name].failures
        for failure in failures[:LOGGED_FAILURES]:
            log.error("%s %s", one.table.name, failure.sentence)
        if len(failures) > LOGGED_FAILURES:
            log.error("%s: %d more, on the page.", one.table.name, len(failures) - LOGGED_FAILURES)
        for row in samples[one.table.name]:
            log.error("Rejected, for example: %s", row)
        rules = ", ".join(sorted({failure.rule.metric for failure in failures}))
        ends.append(f"{one.table.name} {one.title} broke {rules} (see {folder / outcomes[one.table.name].page})")
    return f"The audit failed and nothing may be published: {'; '.join(ends)}."


def _samples(lake: Lake, found: TableEvidence, batches: Sequence[Batch]) -> list[str]:
    """A few rejected rows of audited behaviors, each under its rule; only what is nobody's personal data.

    Partitions with the largest rejected share come first; the rows are in the batch of ``rejected_behaviors``.
    """
    if found.table.name != behaviors.TABLE.name:
        return []
    table = rejected_behaviors.TABLE
    share = {row.partition: row.metrics["rejected_share"] or 0.0 for row in found.partitions}
    staged = [part for batch in batches if batch.table == table.name for part in batch.partitions]
    staged.sort(key=lambda part: (-share.get(expectations.label(table, part), 0.0), expectations.label(table, part)))
    rows: list[dict[str, Any]] = []
    for part in staged[:SAMPLED_PARTITIONS]:
        read = read_staged(lake, table, part, columns=("rule", "row", "copies")).to_pylist()
        rows += [{**row, "partition": expectations.label(table, part)} for row in read]
    seen: dict[str, int] = {}
    for row in rows:
        row["turn"] = seen[row["rule"]] = seen.get(row["rule"], 0) + 1
    # The first of every rule before the second of any.
    rows.sort(key=lambda row: (row["turn"], row["rule"]))
    return [f"{row['partition']} {row['rule']} x{row['copies']}: {_shown(row['row'])}" for row in rows[:SAMPLED_ROWS]]


def _shown(row: str) -> str:
    try:
        fields = json.loads(row)
    except ValueError:
        return "(not shown: cut short)"
    kept = {name: str(fields[name]) for name in SHOWN_FIELDS if fields.get(name) is not None}
    if "problem" in kept:
        # What could not be read may be anything, were columns swapped; the table has it.
        kept["problem"] = _UNREAD.sub(r"\1 \2", kept["problem"])
    # On one line: a value must not look like a line of the log.
    return ", ".join(f"{name}={' '.join(value.split())[:SHOWN_LENGTH]}" for name, value in kept.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.audit", description=__doc__)
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--batch", action="append", required=True, help="path of a staged batch, repeatable")
    parser.add_argument("--publish", action="store_true", help="publish what passed: one commit a table")
    parser.add_argument("--data-docs", help="folder of the Data Docs (default: the setting)")
    run_command(main, parser)
