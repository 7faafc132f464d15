"""Where a row of a file stands, in words that a person finds it by: its line, or its number among the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice

from spark_jobs.landing.sources import csv_rows, json_rows, text_lines
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.blocks.text_blocks import blocks_of
from spark_jobs.landing.sources.cells import kind_of
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.stored_files import SourceFile
from spark_jobs.landing.sources.text_lines import Line

# Of a span, read at once.
_BLOCK = 2**24


def row_places(
    path: SourceFile, form: FileForm, named: Mapping[str, str], span: Span | None, rows: Collection[int]
) -> dict[int, str]:
    """The places of some rows of a file or of a span of it; a file is read no further than the last of them.

    Args:
        named: our names to the file's. rows: their numbers, from 0, in the order in which they are read.

    Raises:
        DataError: the file as a whole cannot be read.
    """
    if not form.is_text:
        return {row: f"row {row + 1:,} of {path.name}" for row in rows}
    lines = _lines_of_rows(path, form, named, span)
    found = enumerate(islice(lines, max(rows, default=-1) + 1))
    return {row: f"line {line:,} of {path.name}" for row, line in found if row in rows}


def _lines_of_rows(path: SourceFile, form: FileForm, named: Mapping[str, str], span: Span | None) -> Iterator[int]:
    """The number of each row's line; of a quoted field that spans several the last one that was looked at."""
    reached = 0

    def watched(lines: Iterable[Line]) -> Iterator[Line]:
        nonlocal reached
        for line in lines:
            reached = line[0]
            yield line

    lines = _lines(path, form, span)
    rows: Iterable[object]
    if form.format == "csv":
        header, number = csv_rows.header_of(path, form)
        below = (line for line in lines if line[0] > number)
        rows = csv_rows.rows_in(watched(below), form, len(header), path.name)
    else:
        kinds = {ours: kind_of(ours) for ours in named}
        rows = json_rows.rows_in(watched(lines), path.name, form, named, kinds)
    for _ in rows:
        yield reached


def _lines(path: SourceFile, form: FileForm, span: Span | None) -> Iterator[Line]:
    if span is None:
        yield from text_lines.lines_of(path, form)
        return
    for block in blocks_of(path, form, _BLOCK, span):
        yield from text_lines.lines_in(block.content, form, path.name, block.lines_before)
