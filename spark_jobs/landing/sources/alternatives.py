"""A column of ours that several of the log's may give: of each row the first that has something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import polars as pl
from pydantic import Field

from spark_jobs.landing.sources.file_form import ColumnName

Column = ColumnName | Annotated[tuple[ColumnName, ...], Field(min_length=1)]
_OR = " or "


def names_of(ours: str, column: Column) -> dict[str, str]:
    """Our name to the log's; the second of several columns is ``ours or 1``, and so on."""
    columns = (column,) if isinstance(column, str) else column
    return {ours if not number else f"{ours}{_OR}{number}": name for number, name in enumerate(columns)}


def ours_of(name: str) -> str:
    """The column of ours that a name of ``names_of`` is for."""
    return name.partition(_OR)[0]


def groups_of(names: Iterable[str]) -> Mapping[str, list[str]]:
    """The names of ``names_of`` by the column of ours that they are for."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(ours_of(name), []).append(name)
    return groups


def first_given(frame: pl.DataFrame, nobody: Iterable[str] = ()) -> pl.DataFrame:
    """One column each: what the first of its columns has that is not blank.

    Args:
        frame: columns of text under the names of ``names_of``.
        nobody: texts in lower case that are no user, so that the next column is asked.
    """
    for ours, names in groups_of(frame.columns).items():
        if len(names) > 1:
            texts = [pl.col(name).cast(pl.String) for name in sorted(names, key=lambda name: (len(name), name))]
            nothing = ["", *nobody] if ours == "user" else [""]
            given = [pl.when(~text.str.strip_chars().str.to_lowercase().is_in(nothing)).then(text) for text in texts]
            frame = frame.with_columns(pl.coalesce(*given, *texts).alias(ours)).drop(
                name for name in names if name != ours
            )
    return frame
