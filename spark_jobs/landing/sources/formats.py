"""Reading a file of any of the formats: what cannot be read of it becomes a row with a problem."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl
import pyarrow as pa

from runtime.errors import DataError
from spark_jobs.landing.sources import csv_files, json_files
from spark_jobs.landing.sources.blocks.spans import Span, spans_of
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, FileRows, Wanted
from spark_jobs.landing.sources.parquet_files import pieces_of_parquet
from spark_jobs.landing.sources.stored_files import SourceFile, of_the_store, rows_of_parquet, size_of
from spark_jobs.landing.sources.text_lines import compression_of

# A behavior as a line of text is hardly shorter, and text is hardly made smaller than to a tenth.
LEAST_BYTES_A_ROW = 40
MOST_COMPRESSED = 10


def rows_of_file(path: SourceFile, form: FileForm) -> int:
    """About how many rows a file has, rather too many than too few; a Parquet file says it. None can be read: 0."""
    try:
        if not form.is_text:
            return rows_of_parquet(path)
        size = size_of(path) // LEAST_BYTES_A_ROW
        return size * MOST_COMPRESSED if compression_of(path, form) else size
    except (OSError, pa.ArrowException):
        return 0


def spans_of_file(path: SourceFile, form: FileForm, wanted: Wanted, size: int) -> list[Span]:
    """The spans in which several workers may read a file; none where one has to read all of it."""
    in_blocks = csv_files.reads_blocks(form) if form.format == "csv" else json_files.reads_blocks(form, wanted)
    plain = form.is_text and in_blocks and compression_of(path, form) is None
    with of_the_store(path):
        return spans_of(path, size) if plain and size_of(path) > size else []


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def pieces_of_file(
    path: SourceFile, form: FileForm, wanted: Wanted, size: int, span: Span | None = None
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
    if size_of(path) == 0:
        yield nothing
        return
    none_yet = True
    try:
        read = _READERS[form.format]
        with of_the_store(path):
            for rows in read(path, form, wanted, size, span):
                none_yet = False
                yield FileRows(_without_nulls(rows.named, form.nulls), rows.unnamed, rows.new)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, UnicodeError) as error:
        # Of text a reader shows what it could not read.
        raise DataError(
            f"{path} cannot be read as {form.format} "
            f"({type(error).__name__ if form.is_text else first_line(error)}): it is damaged or another format."
        ) from None
    if none_yet:
        yield nothing


def _without_nulls(named: pl.DataFrame, nulls: Collection[str]) -> pl.DataFrame:
    """What means nothing is null. Of a user it means nobody, which is a state of its own."""
    texts = [name for name, kind in named.schema.items() if kind == pl.String and name not in ("user", PROBLEM)]
    return named.with_columns(
        pl.when(~pl.col(name).str.strip_chars().is_in(["", *nulls])).then(name).alias(name) for name in texts
    )


_READERS = {
    "csv": csv_files.pieces_of_csv,
    "jsonl": json_files.pieces_of_json,
    "parquet": pieces_of_parquet,
    "delta": pieces_of_parquet,
}
