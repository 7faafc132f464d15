"""Reading a file of any of the formats: what cannot be read of it becomes a row with a problem."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import DataError
from spark_jobs.landing.sources.description import Format

PROBLEM = "_problem"
TEXT_LIMIT = 100_000
FIELD_LIMIT = 16 * 1024 * 1024


# A behavior as a line of text is hardly shorter.
LEAST_BYTES_A_ROW = 40


def rows_of_file(path: Path, kind: Format) -> int:
    """About how many rows a file has, rather too many than too few; a Parquet file says it. None can be read: 0."""
    try:
        if kind == "parquet":
            return int(pq.read_metadata(path).num_rows)
        return path.stat().st_size // LEAST_BYTES_A_ROW
    except (OSError, pa.ArrowException):
        return 0


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def read_file(
    path: Path, kind: Format, named: Mapping[str, str], what: str, optional: Collection[str] = ()
) -> pl.DataFrame:
    """A file's rows with all columns as its format gives them, and ``_problem`` where a row could not be read.

    Args:
        named: our name to the file's, of the columns that are needed. what: what the rows are, for messages.
        optional: those of our names that no line of a JSON Lines file has to have, since null keys may be left out.

    Raises:
        DataError: the file is damaged, or a column is missing.
    """
    try:
        frame = {"csv": _read_csv, "jsonl": _read_json_lines, "parquet": _read_parquet}[kind](
            path, list(named.values())
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path} cannot be read as {kind} ({first_line(error)}): it is damaged or another format."
        ) from None
    if kind == "jsonl":
        absent = {named[name] for name in optional if name in named} - set(frame.columns)
        frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    missing = sorted({theirs for theirs in named.values() if theirs not in frame.columns})
    if missing:
        there = ", ".join(c for c in frame.columns if not c.startswith("_")) or "none"
        raise DataError(
            f"{path} lacks the column {', '.join(missing)} of {what}; it has: {there}. Rename it in the source file."
        )
    return frame


def _read_csv(path: Path, needed: list[str]) -> pl.DataFrame:
    """CSV with a header; everything stays text. A row with too many fields is cut by nobody: it is a problem."""
    csv.field_size_limit(FIELD_LIMIT)
    rows: list[dict[str, Any]] = []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.reader(line.replace("\0", "") for line in file)
        header = next(reader, [])
        for number, values in enumerate(reader, start=2):
            if not values:
                continue
            problem = None
            if len(values) != len(header):
                problem = f"line {number} has {len(values)} fields instead of {len(header)}"
            row: dict[str, Any] = dict(zip(header, values, strict=False))
            rows.append({**{k: v[:TEXT_LIMIT] if v else None for k, v in row.items()}, PROBLEM: problem})
    schema = {**dict.fromkeys(header, pl.String), PROBLEM: pl.String}
    return pl.DataFrame(rows, schema=schema)


def _read_json_lines(path: Path, needed: list[str]) -> pl.DataFrame:
    """One JSON object a line; a line that is none is a problem, and a value of another type becomes its JSON."""
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise ValueError("not an object")
            except ValueError:
                rows.append({PROBLEM: f"line {number} is no JSON object"})
                continue
            columns.update(dict.fromkeys(found))
            rows.append({name: _as_text(value) for name, value in found.items()})
    schema = {**dict.fromkeys(columns, pl.String), PROBLEM: pl.String}
    return (
        pl.DataFrame(rows, schema=schema)
        if rows
        else pl.DataFrame(schema={**dict.fromkeys(needed, pl.String), **schema})
    )


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value))[:TEXT_LIMIT]


def _read_parquet(path: Path, needed: list[str]) -> pl.DataFrame:
    frame = pl.read_parquet(path)
    nested = [name for name in needed if name in frame.columns and frame.schema[name].is_nested()]
    if nested:
        raise DataError(f"{path}: the column {nested[0]} is {frame.schema[nested[0]]}, a plain value is needed.")
    return frame.with_columns(pl.lit(None, pl.String).alias(PROBLEM))
