"""A JSON Lines file's rows, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import Any

import polars as pl

from runtime.errors import DataError
from spark_jobs.landing.sources import json_rows, text_lines
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.blocks.text_blocks import blocks_of, has_blocks
from spark_jobs.landing.sources.cells import Kind, kind_of
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import (
    ROWS_AT_ONCE,
    TEXT_LIMIT,
    FileRows,
    Wanted,
    frame_of,
    present,
)
from spark_jobs.landing.sources.paths import Place, list_of
from spark_jobs.landing.sources.stored_files import SourceFile


class _Keys:
    """The keys that lines of a file have, of which some are needed.

    What any line has is there, and so is what lies in an object or a list: lines without it have none of it.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.places = {ours: Place.parse(theirs) for ours, theirs in wanted.named.items()}
        ways = [list_of(wanted.named) or (), *(p.steps for p in self.places.values() if not p.of_element)]
        self.used = {*wanted.named.values(), *(str(steps[0]) for steps in ways if steps)}
        self._wanted = wanted
        self._there: dict[str, None] = {}
        self._any_line = False

    def add(self, events: Iterable[Mapping[str, Any]], columns: Mapping[str, list[str | None]]) -> dict[str, None]:
        """Note a piece's keys, and return them."""
        keys: dict[str, None] = {}
        for event in events:
            keys.update(dict.fromkeys(event))
        self._any_line |= bool(keys)
        nested = (t for o, t in self._wanted.named.items() if self.places[o].steps[:1] != (t,) or any(columns[o]))
        self._there.update(dict.fromkeys((*keys, *nested)))
        return keys

    def of_folders(self, path: SourceFile) -> dict[str, str | None]:
        """What the names of the file's folders give, of the columns that no line has had yet."""
        every = Wanted(self._wanted.named, self._wanted.what, tuple(self._wanted.named))
        return present(path, self._there, every)[1] if self._any_line else {}

    def refuse_missing(self, path: SourceFile) -> None:
        """Where no line could be read, it is the lines that are told.

        Raises:
            DataError: no line has a column that is needed.
        """
        if self._any_line:
            present(path, self._there, self._wanted)

    def are_there(self, path: SourceFile) -> bool:
        """Whether lines have had all columns that are needed."""
        with suppress(DataError):
            self.refuse_missing(path)
            return self._any_line
        return False


def reads_blocks(form: FileForm, wanted: Wanted) -> bool:
    """Whether files of a form are read block by block; where values of other columns are kept, each row has a place for
    every column of the file."""
    return has_blocks(form) and not wanted.unnamed


def pieces_of_json(
    path: SourceFile, form: FileForm, wanted: Wanted, size: int, span: Span | None
) -> Iterator[FileRows]:
    """The rows, at most about ``size`` bytes of the file at a time where it is read block by block, else all at once. A
    value of another type than text becomes its JSON.

    Raises:
        DataError: a column is missing, or the file as a whole cannot be read.
    """
    keys = _Keys(wanted)
    rows = (
        json_rows.rows_in(lines, path.name, form, wanted.named, _kinds(wanted))
        for lines in _lines(path, form, wanted, size, span)
    )
    for some in _batches(rows, whole=wanted.unnamed):
        yield _piece(some, keys, path, wanted)
    # The file's beginning speaks for all of it; if it lacks a column, all of it is looked at.
    if span is None:
        keys.refuse_missing(path)
    elif span.lines_before == 0:
        _refuse_missing_everywhere(path, form, wanted, keys, size)


def _lines(
    path: SourceFile, form: FileForm, wanted: Wanted, size: int, span: Span | None
) -> Iterator[Iterator[text_lines.Line]]:
    if not reads_blocks(form, wanted):
        yield text_lines.lines_of(path, form)
        return
    for block in blocks_of(path, form, size, span):
        yield text_lines.lines_in(block.content, form, path.name, block.lines_before)


def _batches(rows: Iterable[Iterator[json_rows.Row]], whole: bool) -> Iterator[list[json_rows.Row]]:
    if whole:
        yield list(chain.from_iterable(rows))
        return
    for of_block in rows:
        while some := list(islice(of_block, ROWS_AT_ONCE)):
            yield some


def _piece(rows: list[json_rows.Row], keys: _Keys, path: SourceFile, wanted: Wanted) -> FileRows:
    columns = {
        ours: [text[:TEXT_LIMIT] if (text := texts.get(ours)) else text for texts, _, _ in rows]
        for ours in wanted.named
    }
    there = keys.add((event for _, event, _ in rows), columns)
    of_folders = keys.of_folders(path)
    frame = frame_of(columns, [problem for _, _, problem in rows])
    frame = frame.with_columns(pl.lit(value, pl.String).alias(ours) for ours, value in of_folders.items())
    new = tuple(dict.fromkeys(_printable(key) for key in there if key not in keys.used))
    if not (wanted.unnamed and new):
        return FileRows(frame, pl.DataFrame(), new)
    others = [{_printable(k): _as_text(v) for k, v in event.items() if k not in keys.used} for _, event, _ in rows]
    return FileRows(frame, pl.DataFrame(others, schema=dict.fromkeys(new, pl.String)), new)


def _refuse_missing_everywhere(path: SourceFile, form: FileForm, wanted: Wanted, keys: _Keys, size: int) -> None:
    """The same of a whole file, whose beginning has been looked at."""
    if keys.are_there(path):
        return
    for lines in _lines(path, form, wanted, size, None):
        rows = json_rows.rows_in(lines, path.name, form, wanted.named, _kinds(wanted))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            _piece(some, keys, path, wanted)
        if keys.are_there(path):
            return
    keys.refuse_missing(path)


def _kinds(wanted: Wanted) -> dict[str, Kind]:
    return {ours: kind_of(ours) for ours in wanted.named}


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
