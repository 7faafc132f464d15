"""A CSV file's rows, piece by piece: block by block where its form is usual, else line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

import polars as pl

from spark_jobs.landing.sources import csv_rows, text_lines
from spark_jobs.landing.sources.blocks import csv_block
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.blocks.text_blocks import Block, blocks_of, has_blocks
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import (
    PROBLEM,
    ROWS_AT_ONCE,
    TEXT_LIMIT,
    FileRows,
    Wanted,
    frame_of,
    present,
    with_all,
)
from spark_jobs.landing.sources.stored_files import SourceFile

_OURS, _NEW, _LINE = "ours ", "new ", "_line"


def reads_blocks(form: FileForm) -> bool:
    """Whether files of a form are read block by block; all others are read line by line."""
    return has_blocks(form) and csv_block.is_usual(form)


def pieces_of_csv(path: SourceFile, form: FileForm, wanted: Wanted, size: int, span: Span | None) -> Iterator[FileRows]:
    """The rows, at most about ``size`` bytes of the file at a time.

    Raises:
        DataError: the header cannot be read, or lacks a column; or the file as a whole cannot be read.
    """
    header, line = csv_rows.header_of(path, form)
    there, of_folders = present(path, header, wanted)
    new = tuple(dict.fromkeys(name for name in header if name not in set(wanted.named.values())))
    places = {f"{_OURS}{ours}": header.index(theirs) for ours, theirs in there.items()}
    if wanted.unnamed:
        places |= {f"{_NEW}{name}": header.index(name) for name in new}
    if reads_blocks(form):
        frames = _in_blocks(blocks_of(path, form, size, span), form, len(header), places, path.name, line)
    else:
        frames = in_batches(csv_rows.rows_of(path, form, len(header)), places)
    for frame in frames:
        ours = frame.select(pl.col(f"{_OURS}{ours}").alias(ours) for ours in there)
        named = with_all(ours.with_columns(frame[PROBLEM]), wanted, of_folders)
        others = [pl.col(f"{_NEW}{name}").alias(name) for name in new] if wanted.unnamed else []
        yield FileRows(named, frame.select(others), new)


def in_batches(rows: Iterable[csv_rows.Row], places: Mapping[str, int]) -> Iterator[pl.DataFrame]:
    """Rows as frames of text, one at least: of a file without any the columns are told all the same."""
    rows = iter(rows)
    yield _frame(list(islice(rows, ROWS_AT_ONCE)), places)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield _frame(some, places)


def _frame(rows: list[csv_rows.Row], places: Mapping[str, int]) -> pl.DataFrame:
    columns = {
        name: [(values[place][:TEXT_LIMIT] or None) if place < len(values) else None for values, _ in rows]
        for name, place in places.items()
    }
    return frame_of(columns, [problem for _, problem in rows])


def _in_blocks(
    blocks: Iterable[Block], form: FileForm, width: int, places: Mapping[str, int], name: str, header: int
) -> Iterator[pl.DataFrame]:
    """Rows as frames of text.

    Args:
        header: number of its line. Those before are empty.
    """
    for block in blocks:
        first = block.lines_before < header
        found = csv_block.read_block(block, form, width, list(places.values()), first)
        if found is None:
            lines = text_lines.lines_in(block.content, form, name, block.lines_before)
            rows = csv_rows.rows_in(islice(lines, int(first), None), form, width, name)
            yield from in_batches(rows, places)
        else:
            yield _together(found, block, form, width, places, name)


def _together(
    found: csv_block.CsvBlock, block: Block, form: FileForm, width: int, places: Mapping[str, int], name: str
) -> pl.DataFrame:
    """Good lines and the others in the order that they have in the block."""
    none = pl.lit(None, pl.String).alias(PROBLEM)
    good = found.good.select(*(pl.col(str(place)).alias(key) for key, place in places.items()), none)
    if not found.others:
        return good
    told = chain.from_iterable(
        text_lines.lines_in(content, form, name, block.lines_before + number, found.encoding)
        for number, content in found.others
    )
    rows = list(csv_rows.rows_in(told, form, width, name))
    lines = pl.Series(_LINE, [number for number, _ in found.others], pl.Int64)
    both = [
        good.with_columns(pl.Series(_LINE, found.lines_of_good)),
        _frame(rows, places).with_columns(lines),
    ]
    return pl.concat(both).sort(_LINE).drop(_LINE)
