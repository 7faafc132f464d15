"""Take in what people said of judged outputs: ``python -m model_steps.import_labels --file FILE [--lake URI]``.

A CSV or JSON Lines file with ``item_id``, ``dimension``, ``label``, ``annotator`` and, if one likes, ``comment``
(docs/judge.md). All of it goes into the table ``judge_labels`` in one commit, or nothing: with a line that cannot be
used the file is refused, line by line. What is there stays; the same file again changes nothing.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from evaluation.label_checks import Row, check
from evaluation.label_files import GivenLabel, Problem, read_csv, read_json_lines
from lake.delta import tables, writing
from lake.delta.work import Step
from lake.store.location import Lake
from runtime.entry import run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import bytes_digest
from schemas.judge_labels import PEOPLE, TABLE
from settings import load_settings

log = logging.getLogger("intentflow")

# Labels replace no partition; their rows only tell which import brought them.
STEP = Step("import_labels", __file__)
READERS = {".csv": read_csv, ".jsonl": read_json_lines}
LINES_TOLD = 20


def import_labels(lake: Lake, file: Path) -> dict[str, Any]:
    """Insert the labels of a file; returns the manifest, where ``labels_in`` = ``inserted`` + ``already_there``.

    Raises:
        UsageError: the file's name says no format, or it may not be read.
        SourceMissing: there is no such file, or nothing that may be labelled.
        DataError: a line cannot be used, so none was.
        InfrastructureError: the lake refused.
    """
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise UsageError(f"{file} is called neither .csv nor .jsonl: name it after its format.")
    content = _content(file)
    if tables.open_table(lake, TABLE) is None:
        raise SourceMissing(f"The table {TABLE.name} in {lake.root} has no item yet: build the labelled set first.")
    labels, problems = reader(content)
    items = ("item_id", "in", sorted({label.item_id for label in labels}))
    known = tables.read(lake, TABLE, filters=[items]).to_pylist()
    _refuse(file, [*problems, *check(labels, known)])

    def refuse_contradictions(current: DeltaTable) -> None:
        """Look again: another import of the same annotator may have come between."""
        _refuse(file, check(labels, tables.scan(lake, current, TABLE, TABLE.schema.names, [items]).to_pylist()))

    digest = bytes_digest(content)
    STEP.remember(lake)
    name = STEP.work({"file": digest}, {})
    inserted = writing.insert_new(lake, TABLE, _rows(labels, known), fingerprint=name, refuse=refuse_contradictions)
    log.info("%s: of %d labels %d are new, %d were there.", file, len(labels), inserted, len(labels) - inserted)
    return {
        "file": str(file),
        "digest": digest,
        "labels_in": len(labels),
        "inserted": inserted,
        "already_there": len(labels) - inserted,
        "items": len({label.item_id for label in labels}),
        "annotators": dict(sorted(Counter(label.annotator for label in labels).items())),
        "version": tables.version(lake, TABLE),
    }


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise SourceMissing(f"There is no file {file}.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): give this user the right to read it.") from error


def _refuse(file: Path, problems: Iterable[Problem]) -> None:
    """Tell what is wrong, a line of the log for a line of the file, and end.

    Raises:
        DataError: there is any problem.
    """
    by_line: dict[int, list[str]] = {}
    for problem in problems:
        by_line.setdefault(problem.line, []).append(problem.sentence)
    if not by_line:
        return
    for line in sorted(by_line)[:LINES_TOLD]:
        log.error("%s:%d: %s.", file, line, "; ".join(by_line[line]))
    if len(by_line) > LINES_TOLD:
        log.error("%s: and %d more.", file, len(by_line) - LINES_TOLD)
    raise DataError(
        f"{file} was not imported, nothing of it, for lines that cannot be used: {len(by_line)}. Repair them as said "
        "above and import it again."
    )


def _rows(labels: Sequence[GivenLabel], known: Sequence[Row]) -> pa.Table:
    """``schemas.judge_labels``: what the items are, and what people say of them."""
    items = {row["item_id"]: row for row in known}
    rows = [
        {
            **items[label.item_id],
            "dimension": label.dimension,
            "label": label.label,
            "origin": PEOPLE,
            "annotator": label.annotator,
            "release": "",
            "comment": label.comment,
        }
        for label in labels
    ]
    return pa.Table.from_pylist(rows, TABLE.schema)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    return import_labels(Lake.open(arguments.lake or load_settings().lake.uri), arguments.file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.import_labels", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="a .csv or .jsonl file of labels")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
