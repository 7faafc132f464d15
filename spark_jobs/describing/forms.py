"""What a sample of a file says of its form: format, delimiter, header; and its columns as text."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from runtime.errors import DataError
from spark_jobs.describing.names import is_known_word, words_of
from spark_jobs.describing.samples import is_parquet, sample_parquet, sample_text
from spark_jobs.landing.sources.csv_rows import rows_in
from spark_jobs.landing.sources.description import EACH
from spark_jobs.landing.sources.file_form import FileForm

# Of the same share of lines that it splits alike, the first one is taken.
DELIMITERS = (",", "\t", ";", "|", "::", "^", "~")
_DEEPEST = 4
_OF_TEXT = (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null)
_NAME = re.compile(r"[^\W\d_][\w .:/()%#-]{0,60}|_\w{1,60}")
_DIGITS = re.compile("[0-9]{3}")
_MANY_KEYS = 8
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,:eE+ TZ-]*")


@dataclass(frozen=True)
class Form:
    """How a file is written, and some of its rows.

    Attributes:
        said: fields of a description beside ``files``, and why, in words. columns: texts by name, None where there is
            nothing; a time of Parquet in ISO 8601. readable: share of the lines that are rows. whole: whether the
            sample is all of the file.
    """

    said: Mapping[str, tuple[Any, str]]
    columns: Mapping[str, Sequence[str | None]]
    readable: float
    whole: bool
    typed_times: frozenset[str] = field(default_factory=frozenset)

    @property
    def format(self) -> str:
        return str(self.said["format"][0])


def form_of(path: Path) -> Form:
    """Look at a file.

    Raises:
        DataError: it is damaged, empty, or neither CSV, JSON Lines nor Parquet.
    """
    if is_parquet(path):
        return _parquet(path)
    sample = sample_text(path)
    if not sample.lines:
        raise DataError(f"{path} has no line: a file that has some is needed to describe it.")
    said: dict[str, tuple[Any, str]] = {}
    if sample.encoding != "utf-8":
        marked = sample.encoding == "utf-16"
        why = (
            "its byte order mark says so"
            if marked
            else f"{sample.decoded:.1%} of the lines are UTF-8: see that names look right"
        )
        said["encoding"] = (sample.encoding, why)
    if sample.compression != "by name":
        said["compression"] = (sample.compression, "the file's name does not say it")
    of_json = _json(sample.lines)
    if of_json:
        columns, readable = of_json
        return Form({"format": ("jsonl", _of_lines(readable)), **said}, columns, readable, sample.whole)
    return _csv(sample.lines, said, sample.whole, path)


def _of_lines(share: float) -> str:
    return f"{share:.1%} of the lines sampled are read so"


def _parquet(path: Path) -> Form:
    frame, whole = sample_parquet(path)
    times = frozenset(name for name, kind in frame.schema.items() if kind in (pl.Datetime, pl.Date))
    texts = [name for name, kind in frame.schema.items() if kind.is_numeric() or kind in _OF_TEXT]
    try:
        columns = {
            name: (frame[name].dt.to_string("iso:strict") if name in times else frame[name].cast(pl.String)).to_list()
            for name in frame.columns
            if name in times or name in texts
        }
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise DataError(f"{path} has values that no text can be made of, such as a time of no year.") from None
    return Form({"format": ("parquet", "the file begins so")}, columns, 1.0, whole, times)


# -- JSON Lines ------------------------------------------------------------------------------------------------------


def _json(lines: Sequence[str]) -> tuple[dict[str, list[str | None]], float] | None:
    """The columns of JSON Lines by path, and the share of lines that are objects; None where most are none."""
    events = [event for line in lines if (event := _object(line)) is not None]
    if 2 * len(events) < len(lines):
        return None
    rows = [dict(_leaves(event, "", 0)) for event in events]
    found = Counter(name for row in rows for name in row)
    names = _shown(found, len(rows))
    return {name: [row.get(name) for row in rows] for name in names}, len(events) / len(lines)


def _shown(found: Mapping[str, int], rows: int) -> list[str]:
    """The paths that may be shown. A key may be a value, which must not be: one of digits, or of many that few events
    have, unless columns are called so."""
    children: dict[tuple[str, ...], set[str]] = {}
    for name in found:
        keys = tuple(name.split("."))
        for level, key in enumerate(keys):
            children.setdefault(keys[:level], set()).add(key)

    def may_be_data(name: str) -> bool:
        share, keys = found[name] / rows, tuple(name.split("."))
        if not _NAME.match(name) or _DIGITS.search(name) or share < 0.005:
            return True
        of_many = (key for level, key in enumerate(keys) if len(children[keys[:level]]) > _MANY_KEYS)
        return share < 0.1 and any(not any(map(is_known_word, words_of(key))) for key in of_many)

    return [name for name in found if not may_be_data(name)]


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _leaves(value: Mapping[str, Any], path: str, depth: int) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for key, inner in value.items():
        name = f"{path}{key}"
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and EACH not in name:
            found += _leaves(inner[0], f"{name}{EACH}.", depth + 1)
        elif isinstance(inner, dict):
            found += _leaves(inner, f"{name}.", depth + 1) if depth < _DEEPEST else []
        elif not isinstance(inner, list):
            text = json.dumps(inner) if isinstance(inner, bool) else inner
            found.append((_whole(name), None if text is None else _whole(str(text))))
    return found


def _whole(text: str) -> str:
    """Text without halves of characters."""
    return text.encode(errors="replace").decode()


# -- CSV -------------------------------------------------------------------------------------------------------------


def _csv(lines: Sequence[str], said: dict[str, tuple[Any, str]], whole: bool, path: Path) -> Form:
    tried = [found for delimiter in DELIMITERS if (found := _best_split(lines, delimiter))[1] > 1]
    if not tried:
        raise DataError(
            f"{path} is neither Parquet nor JSON Lines, and no sign splits its lines into fields: describe cannot tell "
            "what it is."
        )
    # Of those that split about as many lines alike the one with the most fields: a decimal comma splits lines, too.
    enough = max(share for share, _, _ in tried) - 0.02
    share, width, form = max((found for found in tried if found[0] >= enough), key=lambda found: found[1])
    rows = list(rows_in(((n, line, None) for n, line in enumerate(lines, 1)), form, width, path.name))
    good = [values for values, problem in rows if problem is None]
    told = {"format": ("csv", _of_lines(share)), **said}
    if form.delimiter != ",":
        told["delimiter"] = (form.delimiter, "")
    if not form.quote:
        told["quote"] = ("", "lines are split alike without one")
    first, problem = rows[0]
    if problem is None and has_header(good):
        names, good = [name.strip() for name in first], good[1:]
    else:
        names = [f"column_{number}" for number in range(1, width + 1)]
        told["header"] = (names, "the first line looks like a row: name them here as you like")
    columns = {name: [row[place].strip() or None for row in good] for place, name in enumerate(names)}
    return Form(told, columns, share, whole)


def _best_split(lines: Sequence[str], delimiter: str) -> tuple[float, int, FileForm]:
    """The share of lines that a delimiter splits alike, into how many fields, and the form: without quotes where that
    splits more of them."""
    quotes = ("",) if len(delimiter) > 1 else ('"', "")
    forms = [FileForm(files="-", format="csv", delimiter=delimiter, quote=quote) for quote in quotes]
    return max(((*_split_alike(lines, form), form) for form in forms), key=lambda found: round(found[0], 2))


def _split_alike(lines: Sequence[str], form: FileForm) -> tuple[float, int]:
    """The share of lines with the commonest number of fields, and that number."""
    some = lines[:2_000]
    widths: Counter[int] = Counter()
    for line in some:
        if form.delimiter not in line:
            continue
        if len(form.delimiter) > 1 or not form.quote:
            widths[line.count(form.delimiter) + 1] += 1
            continue
        try:
            split = next(csv.reader([line], delimiter=form.delimiter, quotechar=form.quote, strict=True), [])
            widths[len(split)] += 1
        except csv.Error:
            pass
    width, number = widths.most_common(1)[0] if widths else (0, 0)
    return number / len(some), width


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row names columns: all of it are different names, most are words that columns are called by, or
    stand above what is none. In doubt it is a row, for a row's values must not be shown."""
    first, rest = [value.strip() for value in rows[0]], rows[1:1_000]
    if len(set(first)) < len(first) or not all(_NAME.fullmatch(name) for name in first):
        return False
    seen = [{row[place].strip() for row in rest} for place in range(len(first))]
    if any(name in values for name, values in zip(first, seen, strict=True)):
        return False
    known = sum(any(map(is_known_word, words_of(name))) for name in first)
    above_numbers = sum(bool(values) and all(map(_NUMBER.fullmatch, values - {""})) for values in seen)
    return 2 * known >= len(first) or (known > 0 and above_numbers > 0)
