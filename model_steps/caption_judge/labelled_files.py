"""The committed files of the labelled set: captions that models wrote with their labels, and pairs to build more of.

A row keeps its case without the day's signals, which stand once a day in a file of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_steps.caption_judge.case import CaptionCase, document, read_case
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS
from runtime import atomic
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import bytes_digest

FOLDER = Path(__file__).with_name("labelled")
WRITTEN_FILE, PAIRS_FILE, DAYS_FILE, PEOPLE_FILE = "written.jsonl", "pairs.jsonl", "days.json", "people.jsonl"


@dataclass(frozen=True)
class WrittenCaption:
    """A caption that a model wrote.

    Args:
        way, form: as ``explanations`` has them. model: that wrote it.
        labels: by dimension; none where nobody read it. read_by: who did.
        before_rules: whether it was read before the rules were finished, so that they may have been made after it.
    """

    case: CaptionCase
    split: str
    way: str
    form: str
    model: str
    labels: Mapping[str, str]
    read_by: str | None
    before_rules: bool


def kept_row(case: CaptionCase, split: str) -> dict[str, Any]:
    """A case as a line of a file."""
    row = document(case)
    del row["surroundings"]
    return {"case_id": case.case_id, "split": split, **row}


def write_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a file, one JSON object a line.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        atomic.write(file, "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None


def read_written(folder: Path = FOLDER) -> list[WrittenCaption]:
    """The captions that models wrote, in the file's order.

    Raises:
        SourceMissing: there is no such file. DataError: a line is damaged, or a label is none.
    """
    found = []
    for where, row, case in _cases(folder, WRITTEN_FILE):
        labels = row.get("labels") or {}
        if labels and (set(labels) != set(DIMENSIONS) or not set(labels.values()) <= set(FINDINGS)):
            raise DataError(
                f"{where} has labels {labels}: give each of {', '.join(DIMENSIONS)} one of {', '.join(FINDINGS)}."
            )
        said = (row["way"], row["form"], row["model"], labels, row.get("read_by"), row.get("before_rules", False))
        found.append(WrittenCaption(case, row["split"], *said))
    return found


def read_pairs(folder: Path = FOLDER) -> list[tuple[CaptionCase, str]]:
    """Customers with items, and the split of each; their captions are empty.

    Raises:
        As ``read_written``.
    """
    return [(case, row["split"]) for _, row, case in _cases(folder, PAIRS_FILE)]


def digests(folder: Path = FOLDER) -> dict[str, str]:
    """Digest of each file that a labelled set is made of, those that there are."""
    files = [folder / name for name in (WRITTEN_FILE, PAIRS_FILE, DAYS_FILE, PEOPLE_FILE)]
    return {file.name: bytes_digest(file.read_bytes()) for file in files if file.is_file()}


def lines_of(file: Path) -> Sequence[tuple[str, dict[str, Any]]]:
    """The objects of a file with where each stands.

    Raises:
        SourceMissing: there is no such file. DataError: a line is no object.
    """
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        raise SourceMissing(
            f"There is no {file}: write captions with `python -m model_steps.write_captions_to_label`."
        ) from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}:{number} is no JSON ({error}): restore it.") from None
        found.append((f"{file}:{number}", row))
    return found


def _cases(folder: Path, name: str) -> Iterable[tuple[str, dict[str, Any], CaptionCase]]:
    signals = json.loads((folder / DAYS_FILE).read_text()) if (folder / DAYS_FILE).is_file() else {}
    for where, row in lines_of(folder / name):
        try:
            case = read_case({**row, "surroundings": signals[row["day"]]})
            said = row["case_id"], row["split"]
        except (KeyError, TypeError) as error:
            raise DataError(f"{where} is no caption ({type(error).__name__}: {error}): restore it.") from None
        if said[0] != case.case_id:
            raise DataError(f"{where} was changed since it was drawn, by its content it is {case.case_id}: restore it.")
        yield where, row, case
