"""Reading a file of any of the formats: what cannot be read of it becomes a row with a problem."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import DataError
from spark_jobs.landing.sources import csv_files, json_files
from spark_jobs.landing.sources.blocks.spans import Span, spans_of
from spark_jobs.landing.sources.cells import KINDS, columns_as_text
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, FileRows, Wanted, present, with_all
from spark_jobs.landing.sources.text_lines import compression_of

# A behavior as a line of text is hardly shorter, and text is hardly made smaller than to a tenth.
LEAST_BYTES_A_ROW = 40
MOST_COMPRESSED = 10
# Of a row of Parquet, unpacked.
BYTES_A_ROW = 100


def rows_of_file(path: Path, form: FileForm) -> int:
    """About how many rows a file has, rather too many than too few; a Parquet file says it. None can be read: 0."""
    try:
        if form.format == "parquet":
            return int(pq.read_metadata(path).num_rows)
        size = path.stat().st_size // LEAST_BYTES_A_ROW
        return size * MOST_COMPRESSED if compression_of(path, form) else size
    except (OSError, pa.ArrowException):
        return 0


def spans_of_file(path: Path, form: FileForm, wanted: Wanted, size: int) -> list[Span]:
    """The spans in which several workers may read a file; none where one has to read all of it."""
    in_blocks = csv_files.reads_blocks(form) if form.format == "csv" else json_files.reads_blocks(form, wanted)
    plain = form.format != "parquet" and in_blocks and compression_of(path, form) is None
    return spans_of(path, size) if plain and path.stat().st_size > size else []


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def read_file(path: Path, form: FileForm, wanted: Wanted, size: int) -> FileRows:
    """All rows of a file.

    Raises:
        DataError: the file is damaged, or a column is missing.
    """
    pieces = list(pieces_of_file(path, form, wanted, size))
    return FileRows(
        pl.concat([piece.named for piece in pieces]),
        pl.concat([piece.unnamed for piece in pieces]),
        tuple(dict.fromkeys(name for piece in pieces for name in piece.new)),
    )


def pieces_of_file(
    path: Path, form: FileForm, wanted: Wanted, size: int, span: Span | None = None
) -> Iterator[FileRows]:
    """A file's rows in pieces that are not much larger in memory than some times ``size`` bytes. There is one at least;
    a file without a byte has no rows, whatever its format.

    Args:
        span: the part of the file to be read, none for all of it.

    Raises:
        DataError: the file is damaged, or a column is missing.
    """
    nothing = FileRows(
        pl.DataFrame(schema={**dict.fromkeys(wanted.named, pl.String), PROBLEM: pl.String}), pl.DataFrame(), ()
    )
    if path.stat().st_size == 0:
        yield nothing
        return
    none_yet = True
    try:
        read = {"csv": csv_files.pieces_of_csv, "jsonl": json_files.pieces_of_json, "parquet": pieces_of_parquet}[
            form.format
        ]
        for rows in read(path, form, wanted, size, span):
            none_yet = False
            yield FileRows(_without_nulls(rows.named, form.nulls), rows.unnamed, rows.new)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, UnicodeError) as error:
        # Of text a reader shows what it could not read.
        why = first_line(error) if form.format == "parquet" else type(error).__name__
        raise DataError(f"{path} cannot be read as {form.format} ({why}): it is damaged or another format.") from None
    if none_yet:
        yield nothing


def _without_nulls(named: pl.DataFrame, nulls: Collection[str]) -> pl.DataFrame:
    """What means nothing is null. Of a user it means nobody, which is a state of its own."""
    texts = [name for name, kind in named.schema.items() if kind == pl.String and name not in ("user", PROBLEM)]
    return named.with_columns(
        pl.when(~pl.col(name).str.strip_chars().is_in(["", *nulls])).then(name).alias(name) for name in texts
    )


def pieces_of_parquet(path: Path, form: FileForm, wanted: Wanted, size: int, span: Span | None) -> Iterator[FileRows]:
    """The rows of a Parquet file, some at a time. It has no spans."""
    names = pl.read_parquet_schema(path)
    there, of_folders = present(path, names, wanted)
    new = tuple(name for name in names if name not in set(wanted.named.values()))
    columns = list(dict.fromkeys([*there.values(), *(new if wanted.unnamed else ())]))
    rows, at_once = pq.read_metadata(path).num_rows, max(size // BYTES_A_ROW, 1)
    for first in range(0, max(rows, 1), at_once):
        frame = (
            pl.scan_parquet(path, hive_partitioning=False, glob=False).select(columns).slice(first, at_once).collect()
        )
        nested = [name for name in there.values() if frame.schema[name].is_nested()]
        if nested:
            raise DataError(f"{path}: the column {nested[0]} is {frame.schema[nested[0]]}, a plain value is needed.")
        ours = frame.select(pl.col(theirs).alias(o) for o, theirs in there.items())
        ours = ours.with_columns(pl.lit(None, pl.String).alias(PROBLEM))
        kinds = {o: KINDS.get(o, "text") for o in there}
        named = with_all(columns_as_text(ours, kinds, PROBLEM, form.decimal), wanted, of_folders)
        yield FileRows(named, frame.select(new) if wanted.unnamed else pl.DataFrame(), new)


_READERS = {"csv": csv_files.pieces_of_csv, "jsonl": json_files.pieces_of_json, "parquet": pieces_of_parquet}
