"""A block of CSV: lines are split and checked as bytes, and the good ones go to Arrow's CSV reader.

Good is a line with as many fields as the header, quoted ones whole on it, of bytes that are text. Arrow's reader and
the one that goes line by line split such a line alike. All others are told by their number, for that one to read.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from spark_jobs.landing.sources import text_lines
from spark_jobs.landing.sources.blocks.text_blocks import Block
from spark_jobs.landing.sources.file_form import FileForm

# Bytes of the longest line that is usual.
LONGEST = 50_000
_LINE_FEED, _RETURN, _NOTHING = 10, 13, 0
_MARK = codecs.BOM_UTF8


@dataclass(frozen=True)
class CsvBlock:
    """What a block has.

    Attributes:
        good: columns ``0``, ``1`` ... of the wanted fields of good lines, empty ones null. lines_of_good: the line of
            each, from 0. others: the other lines that are not empty, from 0, and their bytes, without their end.
        encoding: of these bytes.
    """

    good: pl.DataFrame
    lines_of_good: NDArray[np.int64]
    others: Sequence[tuple[int, bytes]]
    encoding: str


def is_usual(form: FileForm) -> bool:
    """Whether Arrow's reader splits good lines of the form: signs of one byte, and none that takes another's meaning
    away."""
    signs = form.delimiter + form.quote
    return not form.escape and len(form.delimiter) == 1 and signs.isascii() and "\0" not in signs


def read_block(block: Block, form: FileForm, width: int, wanted: Sequence[int], has_header: bool) -> CsvBlock | None:
    """The block's rows; None where it is to be read line by line: some of its lines end with a carriage return alone,
    or it is of a legacy encoding and has a byte that is none of it.

    Args:
        form: one that is usual. width: fields of a line. wanted: positions of fields. has_header: the block's first
            line that is not empty is none of the rows.
    """
    content = _as_utf8(block, form.encoding)
    if content is None or content.count(b"\r") != content.count(b"\r\n"):
        return None
    if not content.endswith(b"\n"):
        content += b"\n"
    signs = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(signs == _LINE_FEED)
    starts = np.concatenate(([0], ends[:-1] + 1))
    filled = ends - starts - ((ends > starts) & (signs[ends - 1] == _RETURN)) > 0
    if has_header and filled.any():
        filled[np.argmax(filled)] = False
    good = filled & (ends - starts <= min(LONGEST, text_lines.LONGEST_LINE - 2))
    good &= _well_split(signs, starts, ends, form, width)
    good &= ~_with_byte(signs, ends, _NOTHING) & _is_text(content, signs, starts, ends)
    if _MARK in content:
        # Arrow would take it for the mark of a file, if the line is the first of the good ones.
        good &= [not content.startswith(_MARK, start) for start in starts.tolist()]
    lines = np.flatnonzero(good)
    others = [(int(n), content[starts[n] : ends[n]].removesuffix(b"\r")) for n in np.flatnonzero(filled & ~good)]
    kept = content if good.all() else signs[np.repeat(good, ends - starts + 1)].tobytes()
    return CsvBlock(_split(kept, len(lines), form, width, wanted), lines, others, "utf-8")


def _as_utf8(block: Block, encoding: str) -> bytes | None:
    """The block's bytes in UTF-8, without the mark that its file begins with."""
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig", "ascii"):
        content = block.content if block.lines_before else block.content.removeprefix(_MARK)
        # Two marks, or one that is no ASCII: the other reader's business.
        return None if not block.lines_before and (content.startswith(_MARK) or name == "ascii") else content
    try:
        return block.content.decode(encoding).encode()
    except UnicodeError:
        return None


def _with_byte(signs: NDArray[np.uint8], ends: NDArray[np.int64], byte: int) -> NDArray[np.bool_]:
    """Which lines have a byte."""
    found = np.zeros(len(ends), bool)
    found[np.searchsorted(ends, np.flatnonzero(signs == byte))] = True
    return found


def _well_split(
    signs: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    form: FileForm,
    width: int,
) -> NDArray[np.bool_]:
    """Which lines have as many fields as they should; a quote opens and closes a whole field, or stands there twice."""
    delimiter = ord(form.delimiter)
    bounds = np.append(starts, len(signs))
    between = np.flatnonzero(signs == delimiter)
    delimiters = np.diff(np.searchsorted(between, bounds))
    quotes = np.flatnonzero(signs == ord(form.quote)) if form.quote else np.empty(0, np.int64)
    if not len(quotes):
        return np.asarray(delimiters == width - 1)
    quotes_before = np.searchsorted(quotes, bounds)
    in_line = np.diff(quotes_before)
    line = np.repeat(np.arange(len(starts)), in_line)
    closes = (np.arange(len(quotes)) - quotes_before[line]) % 2 == 1
    before, after = signs[np.maximum(quotes - 1, 0)], signs[quotes + 1]
    again = ord(form.quote)
    opens_well = (quotes == starts[line]) | (before == delimiter) | (before == again)
    closes_well = (after == delimiter) | (after == _LINE_FEED) | (after == _RETURN) | (after == again)
    well = in_line % 2 == 0
    well[line[np.where(closes, ~closes_well, ~opens_well)]] = False
    # A delimiter between an opening and a closing quote is text.
    line_of_delimiter = np.repeat(np.arange(len(starts)), delimiters)
    inside = (np.searchsorted(quotes, between) - quotes_before[line_of_delimiter]) % 2 == 1
    delimiters = delimiters - np.bincount(line_of_delimiter[inside], minlength=len(starts))
    return np.asarray(well & (delimiters == width - 1))


def _is_text(
    content: bytes, signs: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which lines are UTF-8, and lack the sign that stands for bytes that are none."""
    fine = np.ones(len(ends), bool)
    if content.isascii():
        return fine
    try:
        if text_lines.UNDECODABLE not in content.decode():
            return fine
    except UnicodeDecodeError:
        pass
    for number in np.unique(np.searchsorted(ends, np.flatnonzero(signs >= 128))):
        try:
            fine[number] = text_lines.UNDECODABLE not in content[starts[number] : ends[number]].decode()
        except UnicodeDecodeError:
            fine[number] = False
    return fine


def _split(content: bytes, rows: int, form: FileForm, width: int, wanted: Sequence[int]) -> pl.DataFrame:
    """The wanted fields of good lines, as text."""
    names = [str(number) for number in range(width)]
    chosen = [names[position] for position in dict.fromkeys(wanted)]
    if not rows or not chosen:
        return pl.DataFrame(schema=dict.fromkeys(chosen, pl.String))
    table = csv.read_csv(
        pa.BufferReader(content),
        csv.ReadOptions(use_threads=False, block_size=len(content), column_names=names),
        csv.ParseOptions(
            delimiter=form.delimiter, quote_char=form.quote or False, double_quote=True, newlines_in_values=False
        ),
        csv.ConvertOptions(
            include_columns=chosen,
            column_types=dict.fromkeys(chosen, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=False,
        ),
    )
    if table.num_rows != rows:
        raise AssertionError(f"{rows} good lines of CSV became {table.num_rows} rows.")
    return pl.DataFrame(pl.from_arrow(table))
