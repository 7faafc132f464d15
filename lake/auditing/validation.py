"""Great Expectations judges the evidence and keeps Data Docs. Importing this costs seconds: import it late.

The site below the Data Docs folder is static and needs no network: ``index.html``, one page a table's expectations,
one page a validation. What the pages are rendered from is kept beside them in ``.results``.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations import expectations as expect
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from lake.auditing.expectations import Evidence, Failure, TableEvidence, bound, formula, rules
from runtime.errors import InfrastructureError
from runtime.fingerprint import digest
from schemas.table import BatchRule, Table

log = logging.getLogger("intentflow")

# Validations that the site keeps of a table, newest first; the verdicts themselves stay in the lake.
KEPT_VALIDATIONS = 40
# Partitions that a page lists; failing ones come first.
LISTED_PARTITIONS = 100

RESULTS = ".results"
DATA_SOURCE = "staged"


@dataclass(frozen=True)
class Outcome:
    """A verdict: expectations checked, rules broken, and the page below the Data Docs folder."""

    expectations: int
    failures: tuple[Failure, ...]
    page: str


def validate(
    folder: Path,
    found: Sequence[TableEvidence],
    notes: Sequence[Sequence[str]],
    histories: Sequence[Sequence[Mapping[str, Any]]],
) -> list[Outcome]:
    """Judge each table's evidence and bring the Data Docs up to date.

    Args:
        folder: of the Data Docs; made when it is not there. Audits that run at once take turns.
        notes: for each table, lines that its page shows below the figures.
        histories: for each table, days that its page shows above the rules (``tier_history``).

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    try:
        with _turn(folder):
            context = _context(folder)
            judged = [_judge(context, *each) for each in zip(found, notes, histories, strict=True)]
            for one in found:
                _forget_old(folder, one.table.name)
            keys = [key for _outcome, of_table in judged for key in of_table]
            context.build_data_docs(resource_identifiers=keys)
            # Fonts and pictures of Great Expectations' own pages; ours need none.
            shutil.rmtree(folder / "static", ignore_errors=True)
    except OSError as error:
        raise InfrastructureError(
            f"The Data Docs in {folder} cannot be written: {error.strerror or error}. Free space or name another "
            "folder with --data-docs."
        ) from error
    for outcome, _keys in judged:
        if not (folder / outcome.page).is_file():
            log.warning("Great Expectations wrote no page %s.", folder / outcome.page)
    return [outcome for outcome, _keys in judged]


def _context(folder: Path) -> Any:
    """A context whose expectations and results are files below the folder; nothing is reported to anyone."""

    def files(store: str, kind: str) -> dict[str, Any]:
        place = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder / RESULTS / kind)}
        return {"class_name": store, "store_backend": place}

    def memory(store: str) -> dict[str, Any]:
        return {"class_name": store, "store_backend": {"class_name": "InMemoryStoreBackend"}}

    def page(renderer: str) -> dict[str, Any]:
        return {
            "renderer": {"module_name": "lake.auditing.data_docs", "class_name": renderer},
            "view": {"module_name": "lake.auditing.data_docs", "class_name": "Html"},
        }

    site = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", **page("IndexPage")},
        "site_section_builders": {
            "expectations": page("ExpectationsPage"),
            "validations": page("ValidationPage"),
            "profiling": "none",
        },
    }
    config = DataContextConfig(
        stores={
            "expectations_store": files("ExpectationsStore", "expectations"),
            "validation_results_store": files("ValidationResultsStore", "validations"),
            "checkpoint_store": memory("CheckpointStore"),
            "validation_definition_store": memory("ValidationDefinitionStore"),
        },
        expectations_store_name="expectations_store",
        validation_results_store_name="validation_results_store",
        checkpoint_store_name="checkpoint_store",
        data_docs_sites={"audits": site},
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _judge(
    context: Any, found: TableEvidence, lines: Sequence[str], history: Sequence[Mapping[str, Any]]
) -> tuple[Outcome, list[Any]]:
    table = found.table
    suite = context.suites.add_or_update(_suite(table))
    asset = context.data_sources.add_or_update_pandas(DATA_SOURCE).add_dataframe_asset(table.name)
    definition = gx.ValidationDefinition(
        name=table.name, data=asset.add_batch_definition_whole_dataframe("partitions"), suite=suite
    )
    run = RunIdentifier(run_name=_run_name(found), run_time=datetime.now(UTC))
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": _frame(found)},
        run_id=run,
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["partition"]},
    )
    failures = _failures(found, result)
    result.meta["audit"] = {**_told(found, failures, lines), "history": list(history)}
    suite_key = ExpectationSuiteIdentifier(name=table.name)
    key = ValidationResultIdentifier(
        expectation_suite_identifier=suite_key, run_id=run, batch_identifier=result.batch_id
    )
    context.validation_results_store.set(key, result)
    page = "/".join(("validations", table.name, *run.to_tuple(), f"{result.batch_id}.html"))
    return Outcome(len(result.results), failures, page), [suite_key, key]


def _suite(table: Table) -> Any:
    """Two expectations a rule: the metric is known everywhere, and it is within its bounds."""
    wanted: list[Any] = []
    for rule in rules(table):
        told = {"metric": rule.metric, "formula": formula(rule), "bound": bound(rule), "why": rule.why}
        wanted.append(
            expect.ExpectColumnValuesToNotBeNull(
                column=rule.metric,
                description=f"{rule.metric} is known for every partition.",
                notes="A metric that is missing fails the audit.",
                meta=told,
            )
        )
        if rule.minimum is not None or rule.maximum is not None:
            wanted.append(
                expect.ExpectColumnValuesToBeBetween(
                    column=rule.metric,
                    min_value=rule.minimum,
                    max_value=rule.maximum,
                    description=f"{rule.metric} is {bound(rule)}.",
                    notes=rule.why,
                    meta=told,
                )
            )
    return gx.ExpectationSuite(name=table.name, expectations=wanted, meta={"meaning": table.meaning})


def _frame(found: TableEvidence) -> pd.DataFrame:
    columns: dict[str, Any] = {"partition": [row.partition for row in found.partitions]}
    for rule in rules(found.table):
        columns[rule.metric] = pd.Series([row.metrics[rule.metric] for row in found.partitions], dtype="float64")
    return pd.DataFrame(columns)


def _failures(found: TableEvidence, result: Any) -> tuple[Failure, ...]:
    """What Great Expectations refused, by rule and partition.

    Raises:
        RuntimeError: an expectation could not be evaluated at all: our mistake.
    """
    rows = {row.partition: row for row in found.partitions}
    by_metric: dict[str, BatchRule] = {rule.metric: rule for rule in rules(found.table)}
    broken: dict[tuple[str, str], Failure] = {}
    for one in result.results:
        if one.success:
            continue
        metric = one.expectation_config.kwargs["column"]
        refused = one.result.get("unexpected_index_list")
        if not refused:
            raise RuntimeError(f"{found.table.name}.{metric} could not be evaluated: {one.exception_info}")
        for entry in refused:
            row: Evidence = rows[entry["partition"]]
            broken[(row.partition, metric)] = Failure(by_metric[metric], row)
    return tuple(broken[key] for key in sorted(broken))


def _run_name(found: TableEvidence) -> str:
    labels = [row.partition.replace(" ", "-") for row in found.partitions]
    where = labels[0] if len(labels) == 1 else f"{labels[0]}_to_{labels[-1]}"
    digests = sorted(batch.digest for batch in found.batches)
    return f"{found.table.name}_{where}_{digests[0] if len(digests) == 1 else digest(digests)}"


def _told(found: TableEvidence, failures: Sequence[Failure], lines: Sequence[str]) -> dict[str, Any]:
    """What the page shows besides the verdict, as JSON."""
    failing = {failure.row.partition for failure in failures}
    listed = sorted(found.partitions, key=lambda row: (row.partition not in failing, row.partition))
    return {
        "title": found.title,
        "meaning": found.table.meaning,
        "steps": sorted({batch.step for batch in found.batches}),
        "batches": sorted(batch.path for batch in found.batches),
        "partitions": len(found.partitions),
        "rows": sum(row.counts["rows"] for row in found.partitions),
        "observed": {rule.metric: _observed(found, rule) for rule in rules(found.table)},
        "failures": [[failure.row.partition, failure.rule.metric, failure.words] for failure in failures],
        "counts": [[row.partition, dict(row.counts)] for row in listed[:LISTED_PARTITIONS]],
        "needed": sorted({name for rule in rules(found.table) for name in rule.counts}),
        "lines": list(lines),
    }


def _observed(found: TableEvidence, rule: BatchRule) -> dict[str, Any]:
    known = [value for row in found.partitions if (value := row.metrics[rule.metric]) is not None]
    return {"range": [min(known), max(known)] if known else [], "unknown": len(found.partitions) - len(known)}


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one audit at a time into the site; a killed one leaves the lock by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old(folder: Path, table: str) -> None:
    """Drop a table's validations beyond the newest; Great Expectations' own pruning leaves the folders behind."""
    results = folder / RESULTS / "validations" / table
    # results/<run name>/<run time>/<batch>.json
    newest_first = sorted((time for time in results.glob("*/*") if time.is_dir()), key=lambda p: p.name, reverse=True)
    for old in newest_first[KEPT_VALIDATIONS:]:
        for place in (old, folder / "validations" / table / old.parent.name / old.name):
            shutil.rmtree(place, ignore_errors=True)
            if place.parent.is_dir() and not any(place.parent.iterdir()):
                place.parent.rmdir()
