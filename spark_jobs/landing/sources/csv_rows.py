"""CSV, line by line: a line that does not fit is a problem of its own and takes no other with it."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from runtime.errors import DataError
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.stored_files import SourceFile
from spark_jobs.landing.sources.text_lines import LONGEST_LINE, Line, lines_of

# Stands for ``\\N`` until the line is split, as escape signs go by that. Free for a program's own use.
_ESCAPED_NULL = "\ufdd1"
_UNCLOSED = "unexpected end of data"

# Fields by position, and why the row cannot be used.
Row = tuple[list[str], str | None]


def header_of(path: SourceFile, form: FileForm) -> tuple[list[str], int]:
    """The columns' names, without blanks around them, and the line they stand on, 0 where they are declared. A file
    without a line has none.

    Raises:
        DataError: the header cannot be read, or the file as a whole.
    """
    if form.header:
        return list(form.header), 0
    first = next(lines_of(path, form), None)
    if first is None:
        return [], 0
    number, text, problem = first
    try:
        if problem:
            raise ValueError(problem)
        return [name.strip() for name in _splitter(form)(text)], number
    except (csv.Error, ValueError) as error:
        raise DataError(f"{path} has no header that can be read ({error}).") from None


def rows_of(path: SourceFile, form: FileForm, width: int) -> Iterator[Row]:
    """The rows of a file.

    Args:
        width: fields of the header.

    Raises:
        DataError: the file as a whole cannot be read.
    """
    return rows_in(islice(lines_of(path, form), 0 if form.header else 1, None), form, width, path.name)


def rows_in(lines: Iterator[Line], form: FileForm, width: int, name: str) -> Iterator[Row]:
    """Lines without a header as rows.

    Args:
        width: fields of the header. name: of the file.
    """
    split = _splitter(form)
    # Lines that were looked at as a field's further ones and turned out to be rows of their own.
    waiting: deque[Line] = deque()
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        number, text, problem = line
        where = f"line {number} of {name}"
        if problem:
            yield [], problem
            continue
        further: list[Line] = []
        values, refused = _split(split, text)
        while refused == _UNCLOSED and len(further) + 1 < form.quoted_lines:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            further.append(following)
            if following[2]:
                break
            text = f"{text}\n{following[1]}"
            values, refused = _split(split, text)
        if further and (refused or len(values) != width):
            waiting.extendleft(reversed(further))
            yield [], f"{where} begins a quoted field that does not end within {form.quoted_lines} lines"
        elif refused == _UNCLOSED:
            yield [], f"{where} begins a quoted field that does not end on it"
        elif refused:
            yield [], f"{where} cannot be split into fields: {refused}"
        elif len(values) != width:
            yield values, f"{where} has {len(values)} fields instead of {width}"
        else:
            yield values, None


def _split(split: Callable[[str], list[str]], text: str) -> tuple[list[str], str | None]:
    try:
        return split(text), None
    except csv.Error as error:
        return [], str(error)


def _splitter(form: FileForm) -> Callable[[str], list[str]]:
    """What splits a line into its fields."""
    if len(form.delimiter) > 1:
        return lambda text: text.split(form.delimiter)
    csv.field_size_limit(LONGEST_LINE * 2)

    def split(text: str) -> list[str]:
        reader = csv.reader(
            [text],
            delimiter=form.delimiter,
            quotechar=form.quote or None,
            escapechar=form.escape or None,
            quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
            strict=True,
        )
        return next(reader, [])

    if not form.escape:
        return split
    sign, between = re.escape(form.escape), re.escape(form.delimiter)
    null = re.compile(rf"(?:^|(?<={between})){sign}N(?={between}|$)")

    def split_with_nulls(text: str) -> list[str]:
        kept = split(null.sub(_ESCAPED_NULL, text))
        return [value.replace(_ESCAPED_NULL, f"{form.escape}N") for value in kept]

    return split_with_nulls
