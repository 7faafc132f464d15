"""Take in what people said of captions: ``python -m model_steps.import_caption_labels --file FILE [--labels FOLDER]``.

A CSV or JSON Lines file as ``model_steps.import_labels`` takes it: ``item_id`` (the caption's ``case_id``),
``dimension``, ``label``, ``annotator`` and, if one likes, ``comment``. All of it goes into ``people.jsonl`` beside the
labelled set, or nothing: with a line that cannot be used the file is refused, line by line. The same file again changes
nothing. People's labels outrank all others when the caption judge is made and examined the next time. ``--sheet N``
writes a sheet to be filled in instead.
"""

from __future__ import annotations

import argparse
import csv
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.label_files import REQUIRED, Problem, read_csv, read_json_lines
from model_steps.caption_judge import labelled_files
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.labelled_files import PEOPLE_FILE
from model_steps.caption_judge.people import added, check
from model_steps.caption_judge.splits import TEST
from runtime.entry import run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import bytes_digest, digest

log = logging.getLogger("intentflow")

READERS = {".csv": read_csv, ".jsonl": read_json_lines}
LINES_TOLD = 20


def import_caption_labels(file: Path, folder: Path) -> dict[str, Any]:
    """Add the labels of a file; returns the manifest, where ``labels_in`` = ``inserted`` + ``already_there``.

    Raises:
        UsageError: the file's name says no format, it may not be read, or the folder cannot be written.
        SourceMissing: there is no such file, or no labelled set. DataError: a line cannot be used, so none was.
    """
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise UsageError(f"{file} is called neither .csv nor .jsonl: name it after its format.")
    try:
        content = file.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise SourceMissing(f"There is no file {file}.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): give this user the right to read it.") from error
    known = {one.case.case_id for one in labelled_files.read_written(folder)}
    kept = folder / PEOPLE_FILE
    earlier = [row for _, row in labelled_files.lines_of(kept)] if kept.is_file() else []
    labels, problems = reader(content)
    _refuse(file, [*problems, *check(labels, known, earlier)])
    new = added(labels, earlier)
    if new:
        labelled_files.write_lines(kept, [*earlier, *new])
    return {
        "file": str(file),
        "digest": bytes_digest(content),
        "labels_in": len(labels),
        "inserted": len(new),
        "already_there": len(labels) - len(new),
        "captions": len({label.item_id for label in labels}),
        "annotators": dict(sorted(Counter(label.annotator for label in labels).items())),
    }


def _refuse(file: Path, problems: Sequence[Problem]) -> None:
    by_line: dict[int, list[str]] = {}
    for problem in problems:
        by_line.setdefault(problem.line, []).append(problem.sentence)
    if not by_line:
        return
    for line in sorted(by_line)[:LINES_TOLD]:
        log.error("%s:%d: %s.", file, line, "; ".join(by_line[line]))
    raise DataError(
        f"{file} was not imported, nothing of it, for lines that cannot be used: {len(by_line)}. Repair them as said "
        "above and import it again."
    )


def sheet(folder: Path, captions: int) -> list[dict[str, str]]:
    """Lines to be filled in: so many really written captions of the split test, drawn by a hash, each dimension one.

    What was said of them so far is left out, so that nobody is led by it.
    """
    held = [one for one in labelled_files.read_written(folder) if one.split == TEST]
    drawn = sorted(held, key=lambda one: digest(["sheet", one.case.case_id]))[:captions]
    return [
        {
            "item_id": one.case.case_id,
            "dimension": dimension,
            "label": "",
            "annotator": "",
            "comment": "",
            "text": one.case.caption,
            "category": one.case.item.text,
            "day": one.case.day,
            "persona": ", ".join(one.case.reader.interests),
        }
        for one in drawn
        for dimension in DIMENSIONS
    ]


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.sheet is not None:
        rows = sheet(arguments.labels, arguments.sheet)
        with arguments.file.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else list(REQUIRED))
            writer.writeheader()
            writer.writerows(rows)
        return {"sheet": str(arguments.file), "lines": len(rows)}
    return import_caption_labels(arguments.file, arguments.labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.import_caption_labels", description=__doc__)
    parser.add_argument(
        "--file", type=Path, required=True, help="a .csv or .jsonl file of labels; with --sheet, to write"
    )
    parser.add_argument("--labels", type=Path, default=labelled_files.FOLDER, help="folder of the labelled set")
    parser.add_argument("--sheet", type=int, metavar="N", help="write a sheet of N captions to be labelled instead")
    run_command(main, parser)
