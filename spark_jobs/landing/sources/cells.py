"""A value of a file as text, by what it is needed for: the same text whichever format it came in.

CSV has nothing but text. JSON and Parquet have types, and there a type may already say that a value cannot be what it
is needed for: a boolean is no id.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from spark_jobs.landing.sources.alternatives import ours_of

Kind = Literal["user", "id", "number", "time", "text"]

# Our columns by what they hold; all others are text.
KINDS: Mapping[str, Kind] = {
    "user": "user",
    "item": "id",
    "session": "id",
    "at": "time",
    "quantity": "number",
    "amount": "number",
}


def kind_of(name: str) -> Kind:
    """What a column of ours holds, or another one that may stand for it (``alternatives``)."""
    return KINDS.get(ours_of(name), "text")


# From here on not every whole number is a float of its own: two customers may have become one.
EXACT_FLOATS = 2**53
EXACT_SINGLE_FLOATS = 2**24

# Digits of a number that may be a time.
_LONGEST_TIME = 30

_REFUSED = "no {} can be made of {}"


# A text, and why there is none of a value that is something.
Text = tuple[str | None, str | None]


def text_of(value: Any, kind: Kind, decimal: str = ".") -> Text:
    """The text of a JSON value.

    Args:
        value: a string, an integer, a ``Decimal`` for every other number, a boolean, a list, an object or None.
        decimal: the sign that numbers of the file have before their fraction, so that all numbers look alike.
    """
    if value is None or isinstance(value, str):
        return value, None
    if kind in ("user", "id"):
        return _id_text(value, kind)
    if isinstance(value, list | dict):
        if kind != "text":
            return None, _REFUSED.format(kind, "a list or an object")
        return json.dumps(value, default=float), None
    if isinstance(value, bool):
        return json.dumps(value), None
    if isinstance(value, Decimal) and kind == "time" and abs(value.adjusted()) < _LONGEST_TIME:
        return f"{value:f}", None
    return (str(value).replace(".", decimal) if kind == "number" else str(value)), None


def _id_text(value: Any, kind: Kind) -> Text:
    if isinstance(value, float) and math.isnan(value):
        # What a missing value becomes in a column of floats: nobody, or nothing.
        return ("NaN" if kind == "user" else None), None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), None
    if isinstance(value, Decimal) and abs(value) < EXACT_FLOATS and value == value.to_integral_value():
        return str(int(value)), None
    what = {bool: "true or false", list: "a list", dict: "an object"}.get(type(value), "a number with a fraction")
    return None, _REFUSED.format("id", what)


def columns_as_text(frame: pl.DataFrame, kinds: Mapping[str, Kind], problem: str, decimal: str = ".") -> pl.DataFrame:
    """A Parquet file's columns as text; times that are times stay so. What no text can be made of is a problem.

    Args:
        kinds: by column; none of them nested. problem: the column that says why a row cannot be used.
    """
    for name, kind in kinds.items():
        # In a column of floats, what is missing is not a number.
        column = frame[name].fill_nan(None) if kind in ("id", "time") and frame[name].dtype.is_float() else frame[name]
        texts, refused = _column_as_text(column, kind, decimal)
        if refused is not None:
            unreadable = column.is_not_null() & texts.is_null()
            sentence = pl.when(pl.lit(unreadable)).then(pl.lit(f"column {name}: {refused}"))
            frame = frame.with_columns(pl.coalesce(problem, sentence).alias(problem))
        frame = frame.with_columns(texts.alias(name))
    return frame


def _column_as_text(column: pl.Series, kind: Kind, decimal: str) -> tuple[pl.Series, str | None]:
    """A column as text, and what is wrong with those of its values that became null by that."""
    of_type = column.dtype
    if of_type == pl.Binary:
        return column.map_elements(_decoded, pl.String), "bytes that are not UTF-8"
    if of_type == pl.String or (kind == "time" and of_type in (pl.Datetime, pl.Date)):
        return column, None
    if of_type.is_temporal():
        return pl.Series(column.name, [None] * len(column), pl.String), _REFUSED.format(kind, str(of_type))
    if of_type.is_float() and kind in ("user", "id", "time"):
        return _whole_floats(column, kind)
    if kind in ("user", "id"):
        if of_type.is_decimal():
            texts = column.cast(pl.String).str.replace(r"\.0*$", "")
            return pl.select(pl.when(~texts.str.contains(".", literal=True)).then(texts)).to_series(), _REFUSED.format(
                "id", "a number with a fraction"
            )
        if not (of_type.is_integer() or isinstance(of_type, pl.Categorical | pl.Enum | pl.Null)):
            return pl.Series(column.name, [None] * len(column), pl.String), _REFUSED.format("id", str(of_type))
    texts = column.cast(pl.String)
    return (texts.str.replace(".", decimal, literal=True) if kind == "number" and of_type.is_numeric() else texts), None


def _whole_floats(column: pl.Series, kind: Kind) -> tuple[pl.Series, str | None]:
    """Floats that are whole numbers as these; of a time any other as well, of an id none."""
    limit = EXACT_SINGLE_FLOATS if column.dtype == pl.Float32 else EXACT_FLOATS
    whole = column.is_finite() & (column == column.floor()) & (column.abs() < limit)
    integers = column.set(~whole.fill_null(False), None).cast(pl.Int64).cast(pl.String)
    if kind == "time":
        return integers.fill_null(column.cast(pl.String)), None
    missing = column.is_nan().fill_null(False)
    texts = pl.select(pl.when(pl.lit(missing)).then(pl.lit("NaN")).otherwise(pl.lit(integers))).to_series()
    return texts, _REFUSED.format("id", "a number with a fraction or beyond 2^53")


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
