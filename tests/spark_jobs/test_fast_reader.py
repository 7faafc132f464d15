"""The reader of blocks gives what the one that goes line by line gives: rows, problems, numbers of lines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import CommandError
from spark_jobs.landing.sources import csv_files, formats, json_files
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import FileRows, Wanted
from tests.spark_jobs.shop import GOOD, NAMES, text

MANY = settings(max_examples=60, deadline=None)
WANTED = Wanted({"user": "user", "at": "at", "item": "item", "query": "query"}, "behaviors", unnamed=True)
# What lines are made of; signs that mean something are there often.
SIGN = st.sampled_from(
    [*"\",;|'\t", '""', '","', "\r", "\n", "\r\n", "\0", "\ufeff", "\ufdd0", "ü", "玉", "a", "1", " "]
)
FIELD = st.one_of(
    st.sampled_from(
        ["", "ann", "0042", "12345.0", '"q"', '"a ""b"" c"', '"a,b"', '""', "x" * 30, "jürgen", 'a"b', " "]
    ),
    st.lists(SIGN, max_size=4).map("".join),
)
LINE = st.one_of(st.lists(FIELD, min_size=4, max_size=4), st.lists(FIELD, max_size=6)).map(",".join)
FORM = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", ";", "|", "\t", "ü"]),
        "quote": st.sampled_from(["", "'"]),
        "header": st.just(["user", "at", "item", "query"]),
        "encoding": st.sampled_from(["utf-8-sig", "latin-1", "cp1252", "ascii", "utf-16"]),
        "nulls": st.just(["\\N", "n/a"]),
        "escape": st.just("\\"),
        "quoted_lines": st.just(3),
    },
)


@contextmanager
def line_by_line() -> Iterator[None]:
    """All text is read by the reader that needs no blocks."""
    with (
        mock.patch.object(csv_files, "has_blocks", return_value=False),
        mock.patch.object(json_files, "has_blocks", return_value=False),
    ):
        yield


def together(pieces: Iterator[FileRows]) -> tuple[pl.DataFrame, pl.DataFrame, set[str]] | str:
    """All rows, or the sentence in which reading ended."""
    try:
        found = list(pieces)
    except CommandError as error:
        return str(error)
    named, unnamed = (pl.concat([getattr(rows, kind) for rows in found]) for kind in ("named", "unnamed"))
    return named, unnamed, {name for rows in found for name in rows.new}


def same(one: Any, other: Any) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert one[0].rows(named=True) == other[0].rows(named=True)
    assert one[1].rows(named=True) == other[1].rows(named=True)
    assert one[2] == other[2]


def holds_for(content: bytes, form: FileForm, size: int, wanted: Wanted = WANTED) -> None:
    """Read in blocks of any size, in spans of any size, and line by line, a file has the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_bytes(content)
        with line_by_line():
            expected = together(formats.pieces_of_file(path, form, wanted, 1_000_000))
        same(together(formats.pieces_of_file(path, form, wanted, size)), expected)
        spans = formats.spans_of_file(path, form, wanted, size)
        if spans:
            in_spans = (rows for span in spans for rows in formats.pieces_of_file(path, form, wanted, size, span))
            same(together(in_spans), expected)


@MANY
@given(
    lines=st.lists(LINE, max_size=12),
    end=st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    mark=st.sampled_from(["", "", "\ufeff", "\ufeff\ufeff"]),
    fields=FORM,
    header=st.sampled_from(["user,at,item,query", "query,user,mood,at,item", '"user",at,item,"query"']),
    size=st.sampled_from([1, 7, 60, 500]),
)
def test_csv_of_any_lines(
    lines: list[str], end: str, mark: str, fields: dict[str, Any], header: str, size: int
) -> None:
    fields = {**fields}
    if fields.get("delimiter", ",") in fields.get("quote", '"'):
        fields.pop("delimiter")
    form = FileForm(files="*", format="csv", **fields)
    whole = end.join([header, *lines]).replace(",", form.delimiter)
    content = (mark + whole).encode(form.encoding, errors="replace")
    holds_for(content, form, size)


@MANY
@given(
    place=st.integers(0, 10_000), put=st.binary(max_size=6), gone=st.integers(0, 6), size=st.sampled_from([1, 50, 300])
)
def test_csv_with_bytes_changed(place: int, put: bytes, gone: int, size: int) -> None:
    rows = [{**GOOD, "user": name, "query": f'"{name}, ""x"""'} for name in ("ann", "jürgen", "玉", "carl")]
    good = text("csv", rows)
    place %= len(good)
    wanted = Wanted({name: name for name in NAMES}, "behaviors")
    holds_for(good[:place] + put + good[place + gone :], FileForm(files="*", format="csv"), size, wanted)
