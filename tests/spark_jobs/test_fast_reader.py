"""The reader of blocks gives what the one that goes line by line gives: rows, problems, numbers of lines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import CommandError, DataError
from settings import SparkSettings
from spark_jobs.landing.sources import csv_files, csv_rows, formats, json_files
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import FileRows, Wanted
from tests.spark_jobs.shop import DAY, GOOD, NAMES, Shop, text

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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_odd_lines_of_csv(end: str) -> None:
    odd = (
        '"a"b,t,1,q', 'a"b,t,1,q', '"a,t,1,q', 'a",t,1,q', '"a""b",t,1,q', '"a"",t,1,q', '"""",t,1,q', '"",t,1,q',
        '"a,b",t,1,q',
        '"a","b,c",1,"d"', "a,t,1", "a,t,1,q,r", ",,,", "", " ", "a,t,1,\0", "\ufeffa,t,1,q", "\ufdd0,t,1,q",
        "x" * 60_000 + ",t,1,q",
        '"a" ,t,1,q', ' "a",t,1,q', '"a\t",t,1,q', "jürgen,t,1,玉",
    )  # fmt: skip
    for size in (1, 50, 1_000_000):
        holds_for(end.join(["user,at,item,query", *odd]).encode(), FileForm(files="*", format="csv"), size)


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


OBJECT = st.fixed_dictionaries(
    {},
    optional={
        "user": st.sampled_from(["ann", "jürgen", 7, 7.0, 7.5, True, None, [1], "\ud800", "0042"]),
        "at": st.sampled_from(["2017-11-01T09:00:00", 1509526800, 1.5e9, None]),
        "item": st.sampled_from(["1", 1, {"id": 3}]),
        "query": st.sampled_from(["shoes", 'a "b"', "\ufdd0", "x\ny", ["a"]]),
        "mood": st.sampled_from(["good", 1]),
    },
).map(json.dumps)
BROKEN = st.sampled_from(["{", "[1]", "", "  ", '{"user": "a"', "\x00", "nonsense", "\ufeff{}", "[" * 2_000])


@MANY
@given(
    lines=st.lists(st.one_of(OBJECT, OBJECT, BROKEN, st.tuples(OBJECT, OBJECT).map("".join)), max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
    size=st.sampled_from([1, 60, 500]),
)
def test_json_lines_of_any_lines(lines: list[str], end: str, encoding: str, size: int) -> None:
    wanted = Wanted(WANTED.named, "behaviors", ("item", "query"))
    content = end.join(lines).encode(encoding, errors="replace")
    holds_for(content, FileForm(files="*", format="jsonl", encoding=encoding), size, wanted)


@pytest.mark.parametrize("size", [1, 250, 1_000])
def test_parquet_some_rows_at_a_time(tmp_path: Path, size: int) -> None:
    rows = [{**GOOD, "user": float(n) if n % 5 else None, "item": b"\xff" if n == 3 else b"1"} for n in range(17)]
    path = tmp_path / "log.parquet"
    path.write_bytes(text("parquet", rows))
    form, wanted = FileForm(files="*", format="parquet"), Wanted({n: n for n in NAMES}, "behaviors", unnamed=True)
    whole = list(formats.pieces_of_file(path, form, wanted, 1_000_000))
    some = list(formats.pieces_of_file(path, form, wanted, size))
    assert len(whole) == 1
    assert len(some) > 1
    same(together(iter(some)), together(iter(whole)))


# -- which reader reads what, and what a worker holds


@pytest.mark.parametrize(
    ("fields", "blocks"),
    [
        ({}, True),
        ({"encoding": "cp1252", "delimiter": "\t", "quote": ""}, True),
        ({"encoding": "utf-16"}, False),
        ({"encoding": "shift-jis"}, False),
        ({"escape": "\\"}, False),
        ({"quoted_lines": 2}, False),
        ({"delimiter": "::", "quote": ""}, False),
        ({"delimiter": "§"}, False),
    ],
)
def test_the_form_alone_says_which_reader_reads(fields: dict[str, Any], blocks: bool) -> None:
    assert csv_files.reads_blocks(FileForm(files="*", format="csv", **fields)) == blocks


def test_good_lines_do_not_go_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = ["user,at,item,query", *(f'u{n},t,1,"a ""{n}"", b"' for n in range(500)), 'x,t,1,"open', "y,t,1,q"]
    path.write_text("\n".join(lines))
    with mock.patch.object(csv_rows, "_split", wraps=csv_rows._split) as split:
        pieces = list(formats.pieces_of_file(path, FileForm(files="*", format="csv"), WANTED, 4_000))
    rows = pl.concat([piece.named for piece in pieces])
    assert len(pieces) > 1
    assert split.call_count == 1
    assert rows["user"].to_list() == [*(f"u{n}" for n in range(500)), None, "y"]
    assert rows["query"][499] == 'a "499", b'
    assert rows["_problem"][500] == "line 502 of log.csv begins a quoted field that does not end on it"


def test_a_large_file_is_read_in_spans_whose_lines_keep_their_numbers_and_rows_their_days(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "csv", files="log/*")
    rows = [{**GOOD, "user": f"u{n}", "at": "2017-11-01T09:00:00"} for n in range(200)]
    content = text("csv", rows).splitlines(keepends=True)
    content[150] = b'2017-11-01,"u,view\n'
    path = shop.write(b"".join(content), "all.csv")
    with mock.patch.object(SparkSettings, "piece_bytes", 1_000):
        source = shop.source()
        parts = source.parts(date(2017, 11, 1), date(2017, 11, 1))
        assert len(parts) > 5
        found = [row for part in parts for row in source.read(part).to_pylist()]
        path.write_bytes(path.read_bytes().replace(b"u190", b"u191"))
        with pytest.raises(DataError, match="changed while it was read"):
            [source.read(part) for part in parts]
    assert [row["user"] for row in found] == [*(f"u{n}" for n in range(149)), None, *(f"u{n}" for n in range(150, 200))]
    assert [row["problem"] for row in found if row["problem"]] == [
        "line 151 of all.csv begins a quoted field that does not end on it"
    ]
    assert {row["day"] for row in found} == {DAY}
