"""A Parquet file's rows, piece by piece. Structs and lists are reached by paths, as in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from runtime.errors import DataError
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.cells import columns_as_text, kind_of
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, FileRows, Wanted, present, with_all
from spark_jobs.landing.sources.paths import Choice, Place, Step, list_of
from spark_jobs.landing.sources.stored_files import SourceFile, frames_of_parquet, schema_of_parquet

# Of a row, unpacked; one with lists has several times as many.
BYTES_A_ROW = 100
BYTES_A_NESTED_ROW = 1_000
_ELEMENT = "_element"

# A value, and its type.
Reached = tuple[pl.Expr, pl.DataType]


def pieces_of_parquet(
    path: SourceFile, form: FileForm, wanted: Wanted, size: int, span: Span | None
) -> Iterator[FileRows]:
    """The rows of a Parquet file, some at a time. It has no spans.

    Raises:
        DataError: a column is missing, or what a path leads to is no plain value.
    """
    schema = schema_of_parquet(path)
    elements = _elements(schema, wanted.named)
    reached = {ours: _reach(Place.parse(theirs), schema, elements) for ours, theirs in wanted.named.items()}
    wanted = replace(wanted, given=wanted.given | _lacked(schema, wanted))
    by_path = dict.fromkeys(wanted.named[ours] for ours, found in reached.items() if found is not None)
    there, of_folders = present(path, dict.fromkeys((*schema, *by_path)), wanted)
    nested = [ours for ours in there if (found := reached[ours]) and found[1].is_nested()]
    if nested:
        what = reached[nested[0]]
        raise DataError(f"{path}: the column {there[nested[0]]} is {what and what[1]}, a plain value is needed.")
    used = dict.fromkeys(_top_of(Place.parse(theirs), schema, wanted.named) for theirs in there.values())
    new = tuple(name for name in schema if name not in used)
    columns = [*used, *(new if wanted.unnamed else ())]
    each = elements is not None and any(Place.parse(theirs).of_element for theirs in there.values())
    at_once = max(size // (BYTES_A_NESTED_ROW if each else BYTES_A_ROW), 1)
    for frame in frames_of_parquet(path, columns, at_once):
        if each and elements is not None:
            frame = _one_row_an_element(frame, elements)
        ours = frame.select(found[0].alias(name) for name in there if (found := reached[name]))
        ours = ours.with_columns(pl.lit(None, pl.String).alias(PROBLEM))
        kinds = {name: kind_of(name) for name in there}
        named = with_all(columns_as_text(ours, kinds, PROBLEM, form.decimal), wanted, of_folders)
        yield FileRows(named, frame.select(new) if wanted.unnamed else pl.DataFrame(), new)


def _lacked(schema: Mapping[str, pl.DataType], wanted: Wanted) -> dict[str, str | None]:
    """The paths into columns that a table has and this file of it, an older one, has not."""
    tops = {theirs: _top_of(Place.parse(theirs), schema, wanted.named) for theirs in wanted.named.values()}
    return {theirs: None for theirs, top in tops.items() if top in wanted.given and top not in {*schema, theirs}}


def _elements(schema: Mapping[str, pl.DataType], named: Mapping[str, str]) -> Reached | None:
    """The list whose elements are rows."""
    steps = list_of(named)
    return None if steps is None else _walk(schema, steps)


def _one_row_an_element(frame: pl.DataFrame, elements: Reached) -> pl.DataFrame:
    """What is no list is one element; an event without any is one row all the same."""
    frame = frame.with_columns(elements[0].alias(_ELEMENT))
    is_list = isinstance(elements[1], pl.List | pl.Array)
    return frame.explode(_ELEMENT, empty_as_null=True, keep_nulls=True) if is_list else frame


def _reach(place: Place, schema: Mapping[str, pl.DataType], elements: Reached | None) -> Reached | None:
    """A place in a frame in which the elements of the list are rows."""
    if not place.of_element:
        # A column that is called like a path is meant as it stands.
        return (pl.col(place.name), schema[place.name]) if place.name in schema else _walk(schema, place.steps)
    if elements is None:
        return None
    of_type = elements[1]
    inner = of_type.inner if isinstance(of_type, pl.List | pl.Array) else of_type
    return _further(pl.col(_ELEMENT), inner, place.steps)


def _top_of(place: Place, schema: Mapping[str, pl.DataType], named: Mapping[str, str]) -> str:
    """The column of the file that a place lies in."""
    if not place.of_element and place.name in schema:
        return place.name
    steps = (list_of(named) or ()) if place.of_element else place.steps
    return str(steps[0]) if steps else place.name


def _walk(schema: Mapping[str, pl.DataType], steps: tuple[Step, ...]) -> Reached | None:
    name = steps[0] if steps else None
    if not isinstance(name, str) or name not in schema:
        return None
    return _further(pl.col(name), schema[name], steps[1:])


def _further(value: pl.Expr, of_type: object, steps: tuple[Step, ...]) -> Reached | None:
    """Where steps lead to from a value; None where the types have no such way."""
    for step in steps:
        if isinstance(step, Choice):
            inner = of_type.inner if isinstance(of_type, pl.List) else None
            if step.field not in _fields(inner):
                return None
            fits = pl.element().struct.field(step.field).cast(pl.String) == step.value
            value, of_type = value.list.eval(pl.element().filter(fits)).list.first(), inner
        else:
            fields = _fields(of_type)
            if step not in fields:
                return None
            value, of_type = value.struct.field(step), fields[step]
    return (value, of_type) if isinstance(of_type, pl.DataType) else None


def _fields(of_type: object) -> dict[str, object]:
    return {field.name: field.dtype for field in of_type.fields} if isinstance(of_type, pl.Struct) else {}
