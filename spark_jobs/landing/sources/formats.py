"""Reading a file of any of the formats: what cannot be read of it becomes a row with a problem."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import DataError
from spark_jobs.landing.sources import csv_rows, json_rows
from spark_jobs.landing.sources.cells import KINDS, columns_as_text
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.text_lines import compression_of

PROBLEM = "_problem"
TEXT_LIMIT = 100_000
# A behavior as a line of text is hardly shorter, and text is hardly made smaller than to a tenth.
LEAST_BYTES_A_ROW = 40
MOST_COMPRESSED = 10
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class FileRows:
    """A file's rows.

    Attributes:
        named: the columns that are needed under our names, as text (times may be times), and ``_problem`` where a row
            could not be read.
        unnamed: values of the others, where they are wanted, row by row.
        new: names of the others.
    """

    named: pl.DataFrame
    unnamed: pl.DataFrame
    new: tuple[str, ...]


def rows_of_file(path: Path, form: FileForm) -> int:
    """About how many rows a file has, rather too many than too few; a Parquet file says it. None can be read: 0."""
    try:
        if form.format == "parquet":
            return int(pq.read_metadata(path).num_rows)
        size = path.stat().st_size // LEAST_BYTES_A_ROW
        return size * MOST_COMPRESSED if compression_of(path, form) else size
    except (OSError, pa.ArrowException):
        return 0


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def read_file(
    path: Path,
    form: FileForm,
    named: Mapping[str, str],
    what: str,
    optional: Collection[str] = (),
    unnamed: bool = False,
) -> FileRows:
    """A file's rows; a file without a byte has none, whatever its format.

    Args:
        named: our name to the file's, of the columns that are needed. what: what the rows are, for messages.
        optional: those of our names that the file may lack. unnamed: keep values of other columns, too.

    Raises:
        DataError: the file is damaged, or a column is missing.
    """
    if path.stat().st_size == 0:
        nothing = pl.DataFrame(schema={**dict.fromkeys(named, pl.String), PROBLEM: pl.String})
        return FileRows(nothing, pl.DataFrame(), ())
    try:
        read = {"csv": _read_csv, "jsonl": _read_json_lines, "parquet": _read_parquet}[form.format]
        rows = read(path, form, named, what, optional, unnamed)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read as {form.format} ({first_line(error)}): it is damaged or another format."
        ) from None
    return FileRows(_without_nulls(rows.named, form.nulls), rows.unnamed, rows.new)


def _without_nulls(named: pl.DataFrame, nulls: Collection[str]) -> pl.DataFrame:
    """What means nothing is null. Of a user it means nobody, which is a state of its own."""
    texts = [name for name, kind in named.schema.items() if kind == pl.String and name not in ("user", PROBLEM)]
    return named.with_columns(
        pl.when(~pl.col(name).str.strip_chars().is_in(["", *nulls])).then(name).alias(name) for name in texts
    )


def _present(
    path: Path, there: Iterable[str], named: Mapping[str, str], what: str, optional: Collection[str]
) -> tuple[dict[str, str], dict[str, str | None]]:
    """Our names of the columns that the file has, and the values of those that its folders' names give.

    Raises:
        DataError: one that is needed is neither here nor there, or is there twice.
    """
    names = list(there)
    folders = {name: unquote(value) for name, sign, value in (p.partition("=") for p in path.parts[:-1]) if sign}
    of_folders = {
        ours: None if folders[theirs] == _NO_PARTITION else folders[theirs]
        for ours, theirs in named.items()
        if theirs in folders and theirs not in names
    }
    missing = sorted(
        {theirs for ours, theirs in named.items() if theirs not in names and ours not in {*of_folders, *optional}}
    )
    if missing:
        told = ", ".join(names) or "none"
        raise DataError(
            f"{path} lacks the column {', '.join(missing)} of {what}; it has: {told}. Rename it in the source file."
        )
    if twice := sorted({theirs for theirs in named.values() if names.count(theirs) > 1}):
        raise DataError(f"{path} has the column {twice[0]} of {what} twice: which one is meant cannot be known.")
    return {ours: theirs for ours, theirs in named.items() if theirs in names}, of_folders


def _frame(
    columns: Mapping[str, list[str | None]], named: Mapping[str, str], problems: list[str | None]
) -> pl.DataFrame:
    """Columns of text under our names; those that the file lacks are null."""
    frame = pl.DataFrame(
        {**columns, PROBLEM: problems}, schema={**dict.fromkeys(columns, pl.String), PROBLEM: pl.String}
    )
    return frame.with_columns(pl.lit(None, pl.String).alias(ours) for ours in named if ours not in columns)


def _read_csv(
    path: Path, form: FileForm, named: Mapping[str, str], what: str, optional: Collection[str], unnamed: bool
) -> FileRows:
    header, rows = csv_rows.header_and_rows(path, form)
    present, of_folders = _present(path, header, named, what, optional)
    new = tuple(dict.fromkeys(name for name in header if name not in set(named.values())))
    wanted = {**{f"ours {o}": header.index(t) for o, t in present.items()}}
    if unnamed:
        wanted |= {f"new {name}": header.index(name) for name in new}
    columns: dict[str, list[str | None]] = {name: [] for name in wanted}
    problems: list[str | None] = []
    for values, problem in rows:
        problems.append(problem)
        width = len(values)
        for name, position in wanted.items():
            columns[name].append((values[position][:TEXT_LIMIT] or None) if position < width else None)
    ours = {o: columns[f"ours {o}"] for o in present}
    frame = _frame(ours, named, problems).with_columns(pl.lit(v, pl.String).alias(o) for o, v in of_folders.items())
    kept = {name: columns[f"new {name}"] for name in new} if unnamed else {}
    return FileRows(frame, pl.DataFrame(kept, schema=dict.fromkeys(kept, pl.String)), new)


def _read_json_lines(
    path: Path, form: FileForm, named: Mapping[str, str], what: str, optional: Collection[str], unnamed: bool
) -> FileRows:
    """A value of another type than text becomes its JSON. A key that no line has is a missing column."""
    columns: dict[str, list[str | None]] = {ours: [] for ours in named}
    problems: list[str | None] = []
    others: list[dict[str, str | None]] = []
    keys: dict[str, None] = {}
    places = {ours: json_rows.Place.parse(theirs) for ours, theirs in named.items()}
    elements_at = json_rows.list_of(named)
    used = {*named.values(), *(p.keys[0] for p in places.values() if p.keys and not p.of_element)}
    used |= {elements_at[0]} if elements_at else set()
    for texts, event, problem in json_rows.rows_of(path, form, named, KINDS):
        problems.append(problem)
        keys.update(dict.fromkeys(event))
        for ours, column in columns.items():
            text = texts.get(ours)
            column.append(text[:TEXT_LIMIT] if text else text)
        if unnamed:
            others.append({_printable(k): _as_text(v) for k, v in event.items() if k not in used})
    # What any line has is there, and so is what lies in an object or a list: lines without it have none of it.
    there = [*keys, *(t for o, t in named.items() if places[o].keys[:1] != (t,) or any(columns[o]))]
    # Where no line could be read, it is the lines that are told.
    _, of_folders = _present(path, dict.fromkeys(there), named, what, optional) if keys else ({}, {})
    frame = _frame(columns, named, problems).with_columns(pl.lit(v, pl.String).alias(o) for o, v in of_folders.items())
    new = tuple(dict.fromkeys(_printable(key) for key in keys if key not in used))
    kept = pl.DataFrame(others, schema=dict.fromkeys(new, pl.String)) if unnamed and new else pl.DataFrame()
    return FileRows(frame, kept, new)


def _printable(text: str) -> str:
    """Text without halves of characters."""
    return text.encode(errors="replace").decode()


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return _printable(value if isinstance(value, str) else json.dumps(value, default=float))[:TEXT_LIMIT]
    except (ValueError, RecursionError):
        return None


def _read_parquet(
    path: Path, form: FileForm, named: Mapping[str, str], what: str, optional: Collection[str], unnamed: bool
) -> FileRows:
    names = pl.read_parquet_schema(path)
    present, of_folders = _present(path, names, named, what, optional)
    new = tuple(name for name in names if name not in set(named.values()))
    wanted = list(dict.fromkeys([*present.values(), *(new if unnamed else ())]))
    frame = pl.read_parquet(path, columns=wanted, hive_partitioning=False)
    nested = [name for name in present.values() if frame.schema[name].is_nested()]
    if nested:
        raise DataError(f"{path}: the column {nested[0]} is {frame.schema[nested[0]]}, a plain value is needed.")
    ours = frame.select(pl.col(theirs).alias(o) for o, theirs in present.items())
    ours = ours.with_columns(pl.lit(None, pl.String).alias(PROBLEM))
    kinds = {o: KINDS.get(o, "text") for o in present}
    texts = columns_as_text(ours, kinds, PROBLEM, form.decimal)
    texts = texts.with_columns(pl.lit(None, pl.String).alias(o) for o in named if o not in texts.columns)
    texts = texts.with_columns(pl.lit(v, pl.String).alias(o) for o, v in of_folders.items())
    return FileRows(texts, frame.select(new) if unnamed else pl.DataFrame(), new)
